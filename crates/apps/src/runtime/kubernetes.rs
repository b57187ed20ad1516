//! Apps as pods of a cluster, each in its owner's namespace, as her.
//!
//! The cluster keeps the truth: an app's Deployment holds its whole definition, so a portal without its database finds
//! every app again. What is asked is answered from what the watches have seen; a call to the API server is made only
//! to change something.

mod cluster;
mod config;
mod definition;
mod log;
mod manifests;
mod names;
mod news;
mod observe;
mod place;
mod records;
mod watch;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use myksc_core::app::StepRecord;
use myksc_core::crash::{self, CrashPoint};
use myksc_core::grant::Endpoint;
use myksc_core::{
    App, AppId, Contract, Error, FieldProblem, Identity, Resources, Step, Timestamp, Translated,
};
use myksc_spool::Chunk;

use super::probe::{Outcome, Probes, Target};
use super::{
    Answer, Availability, Found, Launch, Observation, Observed, Place, Runtime, RuntimeEvent, not_answering,
};
use crate::catalogue::{ImageSource, Missing, Template};
use crate::image::ImageRules;
use crate::registry::RegistryLogin;
use crate::secret::SecretKey;

use cluster::Cluster;
use definition::Definition;
use observe::Standing;
use records::{Container, DeploymentRecord, PodRecord};
use watch::Following;

pub use config::{Grant, KubernetesConfig, Mount, Pods, Storage};

/// Changes that may wait to be looked at.
const EVENT_CAPACITY: usize = 1024;
/// How long the portal's start waits for the cluster; without it, it starts all the same.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// How long a refusal in a namespace that was just made may be for want of news.
const GRANT_PATIENCE: Duration = Duration::from_secs(5);
const GRANT_PAUSE: Duration = Duration::from_millis(250);
/// The most of a log that is read; kubelets keep 10 MiB where nothing else is set.
const MAX_LOG_BYTES: i64 = 16 << 20;

/// The runtime of one cluster.
#[derive(Debug)]
pub(crate) struct KubernetesRuntime {
    config: Arc<KubernetesConfig>,
    cluster: Cluster,
    following: Following,
    probes: Probes,
    secret_key: SecretKey,
    /// By namespace: what was made there last and when, so that it is not made for every launch.
    settled: Mutex<HashMap<String, (String, Instant)>>,
    /// By namespace: the addresses of agents that this portal has seen to.
    agents: Mutex<HashMap<String, IpAddr>>,
}

impl KubernetesRuntime {
    /// Begins to follow the cluster; the receiver tells what to look at.
    ///
    /// # Errors
    /// When the way to the cluster can't be read. A cluster that does not answer is waited for.
    pub(crate) async fn start(
        config: KubernetesConfig,
        secret_key: SecretKey,
    ) -> Result<(Self, mpsc::Receiver<RuntimeEvent>), Error> {
        let cluster = Cluster::open(&config).await?;
        let (events, receiver) = mpsc::channel(EVENT_CAPACITY);
        let following = Following::start(cluster.client.clone(), &config, events.clone());
        if tokio::time::timeout(FIRST_LOOK, following.listed()).await.is_err() {
            tracing::error!("the cluster does not answer; apps are looked at once it does");
        }
        let probes = Probes::new(events);
        let (settled, agents) = (Mutex::default(), Mutex::default());
        Ok((
            Self { config: Arc::new(config), cluster, following, probes, secret_key, settled, agents },
            receiver,
        ))
    }

    fn namespace(&self, who: &Identity) -> String {
        names::namespace(&self.config.namespace_prefix, who)
    }

    fn settled(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the person's namespace and what belongs into it, unless that was done.
    async fn settle_once(&self, who: &Identity, contract: Option<&Contract>) -> Result<(), Error> {
        let wanted = serde_json::to_string(&(who, contract)).map_err(Error::internal)?;
        let namespace = self.namespace(who);
        if self.settled().get(&namespace).is_some_and(|(made, _)| *made == wanted) {
            return Ok(());
        }
        self.settle_patiently(who, contract).await?;
        // Her groups may be others now, or all of it was deleted.
        self.agents().remove(&namespace);
        self.settled().insert(namespace, (wanted, Instant::now()));
        Ok(())
    }

    /// Whether a call failed because somebody has deleted her namespace. Our right there goes with it, and who has none
    /// is not told that there is no namespace.
    fn has_lost_place(&self, who: &Identity, error: &Error) -> bool {
        if !cluster::is_want_of_right(error) {
            return matches!(error, Error::NotFound { .. });
        }
        let settled_at = self.settled().get(&self.namespace(who)).map(|(_, at)| *at);
        self.config.grant.is_some() && settled_at.is_none_or(|at| at.elapsed() > GRANT_PATIENCE)
    }

    /// Has the person's place made anew by the next try, where the want of it is why a call failed.
    fn unless_lost<T>(&self, who: &Identity, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Err(error) if self.has_lost_place(who, &error) => {
                self.unsettle(who);
                Err(cluster::place_going("the person's namespace is gone"))
            }
            result => result,
        }
    }

    /// What was asked of an app is done where the app is gone with its namespace; where only our right there is gone,
    /// that is given anew and the next try may do it.
    async fn unless_place_is_gone(
        &self,
        who: &Identity,
        app: &App,
        result: Result<(), Error>,
    ) -> Result<(), Error> {
        let (Err(error), Some(grant)) = (&result, &self.config.grant) else { return result };
        if !cluster::is_want_of_right(error) {
            return result;
        }
        if self.following.is_listed() && self.following.deployment(&app.id).is_none() {
            return Ok(());
        }
        self.cluster.apply(&manifests::role_binding(&self.namespace(who), grant)).await?;
        Err(cluster::place_going("the right in the person's namespace was gone"))
    }

    /// Tries for some seconds what is refused: our right in a new namespace is known to one API server before another.
    async fn settle_patiently(&self, who: &Identity, contract: Option<&Contract>) -> Result<(), Error> {
        let over = Instant::now() + GRANT_PATIENCE;
        loop {
            match self.settle_person(who, contract).await {
                Err(error)
                    if self.config.grant.is_some()
                        && cluster::is_refusal(&error)
                        && Instant::now() < over =>
                {
                    sleep(GRANT_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    /// Makes the person's namespace and what belongs into it, or brings that to what it should be.
    async fn settle_person(&self, who: &Identity, contract: Option<&Contract>) -> Result<(), Error> {
        let name = self.namespace(who);
        let config = &self.config;
        self.cluster.apply_global(&manifests::namespace(config, &name, who)).await?;
        if let Some(grant) = &config.grant {
            self.cluster.apply(&manifests::role_binding(&name, grant)).await?;
        }
        for policy in manifests::network_policies(&name, config) {
            self.cluster.apply(&policy).await?;
        }
        self.cluster.apply(&manifests::limit_range(&name)).await?;
        match manifests::quota(&name, contract, &config.gpu_resource) {
            Some(quota) => drop(self.cluster.apply(&quota).await?),
            None => self.cluster.remove_quota(&name).await?,
        }
        self.cluster.apply(&manifests::identity_map(&name, who)).await?;
        for volume in manifests::volumes(&name, who, config) {
            let volume = self.cluster.apply_global(&volume).await?;
            self.cluster.give_back(&volume).await?;
        }
        for claim in manifests::claims(&name, config) {
            self.cluster.apply(&claim).await?;
        }
        Ok(())
    }

    async fn bring(&self, who: &Identity, app: &App, template: &Template) -> Result<Launch, Error> {
        place::check(who)?;
        let namespace = self.namespace(who);
        let prepared = place::prepare(&self.config, &self.secret_key, &namespace, who, app, template)?;
        let mut objects = manifests::objects(&prepared);
        // The pod needs the secret, so that comes first; it belongs to the Deployment once there is one.
        self.cluster.apply(&objects.secret).await?;
        crash::point(CrashPoint::LaunchFolderWritten);
        let deployment = self.cluster.apply(&objects.deployment).await?;
        crash::point(CrashPoint::LaunchSupervisorStarted);
        objects.belong_to(&deployment.metadata.uid.unwrap_or_default());
        self.cluster.apply(&objects.secret).await?;
        self.cluster.apply(&objects.service).await?;
        Ok(Launch::Begun)
    }

    /// Sees to it that the person's agent is on its way, and says where it will be.
    async fn bring_agent(&self, who: &Identity) -> Result<Place, Error> {
        let namespace = self.namespace(who);
        let key = self.secret_key.of_agent(who.uid);
        let known = self.agents().get(&namespace).copied();
        let address = match known {
            Some(address) => address,
            None => {
                let objects = manifests::agent(&namespace, who, &self.config, &key);
                self.cluster.apply(&objects.secret).await?;
                self.cluster.apply(&objects.deployment).await?;
                let service = self.cluster.apply(&objects.service).await?;
                let address = service.spec.and_then(|spec| spec.cluster_ip?.parse().ok());
                let address = address.ok_or_else(|| cluster::away("the agent's service has no address"))?;
                self.agents().insert(namespace, address);
                address
            }
        };
        let endpoint = Endpoint::Tcp(SocketAddr::new(address, manifests::GUARD_PORT));
        Ok(Place { endpoint, authorization: None, guard: Some(key) })
    }

    fn agents(&self) -> MutexGuard<'_, HashMap<String, IpAddr>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, app: &App) -> Result<Observation, Error> {
        if !self.following.is_listed() {
            return Err(cluster::away("the cluster has not been seen yet"));
        }
        let deployment = self.following.deployment(&app.id);
        let pod = self.following.pod(&app.id);
        let standing = observe::standing(app, deployment.as_ref(), pod.as_ref());
        let mut seen = match &standing {
            Standing::Settled(state) => Observation::of(state.clone()),
            Standing::Coming(None) => {
                let hold = pod.as_ref().and_then(|pod| self.following.news_of(pod));
                Observation { hold, ..Observation::of(Observed::Coming) }
            }
            Standing::Coming(hold) => Observation { hold: hold.clone(), ..Observation::of(Observed::Coming) },
            Standing::Running(_) => Observation::of(Observed::Coming),
        };
        if matches!(seen.state, Observed::Absent | Observed::Ended { .. }) {
            self.probes.forget(&app.id);
        }
        let (Some(deployment), Some(pod)) = (deployment, pod) else { return Ok(seen) };
        if pod.generation == app.generation {
            seen.steps = observe::steps(&deployment, &pod);
            let has_started = seen.steps.iter().any(|step| step.step == Step::Started);
            seen.limits_by = has_started.then(|| "kubernetes".to_owned());
        }
        if let Standing::Running(since) = standing {
            self.ask(&deployment, &pod, since, &mut seen);
        }
        Ok(seen)
    }

    /// Asks an app whose container runs whether it answers; each run of the container is asked anew.
    fn ask(&self, deployment: &DeploymentRecord, pod: &PodRecord, since: Timestamp, seen: &mut Observation) {
        let Some(address) = pod.address else { return };
        let definition = &deployment.definition;
        let place = Place {
            endpoint: Endpoint::Tcp(SocketAddr::new(address, manifests::GUARD_PORT)),
            authorization: definition.authorization(&self.secret_key),
            guard: Some(self.secret_key.of_guard(&definition.app.id, definition.app.generation)),
        };
        let outcome = self.probes.outcome(Target {
            app: definition.app.id.clone(),
            run: format!("{}/{}", pod.uid, pod.container.restarts),
            place: place.clone(),
            orders: definition.probe.clone(),
            started_at: since,
        });
        match outcome {
            Outcome::Pending => {}
            Outcome::Answered { at, source } => {
                seen.steps.push(StepRecord { step: Step::Answering, at, source });
                seen.state = Observed::Answering;
                seen.place = Some(place);
            }
            Outcome::Silent { last } => {
                seen.state = Observed::Silent(not_answering(&definition.probe, &last, Vec::new()));
            }
        }
    }
}

impl Drop for KubernetesRuntime {
    fn drop(&mut self) {
        self.probes.clear();
    }
}

impl Runtime for KubernetesRuntime {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn capacity(&self) -> Resources {
        self.following.capacity()
    }

    fn availability(&self, template: &Template) -> Availability {
        let recipe = template.recipe.as_ref();
        let has_image = recipe.is_some_and(|recipe| recipe.image.is_some());
        let mut missing = template.missing.clone();
        if recipe.is_some() && !has_image {
            missing.push(Missing { what: "[image]".to_owned(), how: no_image() });
        }
        if template.image_field().is_some() && self.config.images.is_empty() {
            missing.push(Missing { what: "kubernetes.images".to_owned(), how: no_rules() });
        }
        let image = recipe.and_then(|recipe| recipe.image.as_ref());
        let version = image.and_then(|image| match &image.source {
            ImageSource::Template(name) => tag_of(name),
            ImageSource::Field(_) => None,
        });
        Availability { version, missing }
    }

    fn images(&self) -> Option<&ImageRules> {
        Some(&self.config.images)
    }

    fn check(&self, template: &Template, values: &BTreeMap<String, String>) -> Vec<FieldProblem> {
        let image = place::check_image(&self.config.images, template, values);
        image.into_iter().chain(place::check_port(template, values)).collect()
    }

    fn settle<'a>(&'a self, who: &'a Identity, contract: Option<&'a Contract>) -> Answer<'a, ()> {
        async move {
            place::check(who)?;
            self.settle_once(who, contract).await
        }
        .boxed()
    }

    fn unsettle(&self, who: &Identity) {
        self.settled().remove(&self.namespace(who));
    }

    fn usage(&self, who: &Identity) -> Option<Resources> {
        self.following.usage(&self.namespace(who))
    }

    fn launch<'a>(&'a self, who: &'a Identity, app: &'a App, template: &'a Template) -> Answer<'a, Launch> {
        async move {
            let brought = self.bring(who, app, template).await;
            self.unless_lost(who, brought)
        }
        .boxed()
    }

    fn stop<'a>(&'a self, who: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        async move {
            let stopped = self.cluster.scale_down(&self.namespace(who), &names::app(&app.id)).await;
            self.unless_place_is_gone(who, app, stopped).await
        }
        .boxed()
    }

    fn describe<'a>(&'a self, who: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        async move {
            let Some(known) = self.following.deployment(&app.id) else { return Ok(()) };
            // Whatever was launched since is described by that.
            if known.generation != app.generation {
                return Ok(());
            }
            let definition = Definition { app: app.clone(), owner: who.clone(), ..known.definition };
            let annotations = json!({ names::DEFINITION_ANNOTATION: definition.to_json() });
            let described = self.cluster.annotate(&known.namespace, &names::app(&app.id), &annotations).await;
            self.unless_place_is_gone(who, app, described).await
        }
        .boxed()
    }

    fn remove<'a>(&'a self, who: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        async move {
            self.probes.forget(&app.id);
            let removed = self.cluster.remove(&self.namespace(who), &names::app(&app.id)).await;
            self.unless_place_is_gone(who, app, removed).await
        }
        .boxed()
    }

    fn observe<'a>(&'a self, app: &'a App) -> Answer<'a, Observation> {
        async move { self.see(app) }.boxed()
    }

    fn cpu_time<'a>(&'a self, _: &'a AppId) -> Answer<'a, Option<Duration>> {
        // A container sees its own control group alone, and the kubelet's numbers take a right on nodes.
        async { Ok(None) }.boxed()
    }

    fn log<'a>(&'a self, _: &'a Identity, app: &'a App, offset: i64, limit: u64) -> Answer<'a, Chunk> {
        async move {
            let Some(pod) = self.following.pod(&app.id) else { return Ok(log::piece("", offset, limit)) };
            let of_former = !matches!(pod.container.state, Some(Container::Running(_) | Container::Ended(_)));
            if of_former && pod.container.last_end.is_none() {
                return Ok(log::piece("", offset, limit));
            }
            let (namespace, container) = (&pod.namespace, manifests::APP_CONTAINER);
            let text = self.cluster.log(namespace, &pod.name, container, of_former, MAX_LOG_BYTES).await?;
            Ok(log::piece(&text, offset, limit))
        }
        .boxed()
    }

    fn put_registry<'a>(&'a self, who: &'a Identity, login: &'a RegistryLogin) -> Answer<'a, ()> {
        async move {
            let secret = manifests::registry(&self.namespace(who), login);
            let applied = self.cluster.apply(&secret).await.map(drop);
            self.unless_lost(who, applied)
        }
        .boxed()
    }

    fn remove_registry<'a>(&'a self, who: &'a Identity, host: &'a str) -> Answer<'a, ()> {
        async move {
            let removed = self.cluster.remove_secret(&self.namespace(who), &names::registry(host)).await;
            match removed {
                // With her namespace went all that was in it.
                Err(error) if self.has_lost_place(who, &error) => Ok(()),
                result => result,
            }
        }
        .boxed()
    }

    fn agent<'a>(&'a self, who: &'a Identity) -> Answer<'a, Option<Place>> {
        async move { self.bring_agent(who).await.map(Some) }.boxed()
    }

    fn found(&self) -> Answer<'_, Vec<Found>> {
        async move {
            let all = self.following.deployments().into_iter().filter(|deployment| !deployment.is_going);
            let found = all.map(|deployment| {
                let Definition { app, owner, .. } = deployment.definition;
                Found { app, identity: owner }
            });
            Ok(found.collect())
        }
        .boxed()
    }
}

fn no_image() -> Translated {
    Translated {
        en: "The template needs an [image] that runs it on the cluster.".to_owned(),
        ko: "템플릿에 클러스터에서 실행할 [image] 표가 필요합니다.".to_owned(),
    }
}

fn no_rules() -> Translated {
    Translated {
        en: "Your centre lets nobody run images of their own.".to_owned(),
        ko: "센터에서 개인 이미지 실행을 허용하지 않습니다.".to_owned(),
    }
}

/// The tag of an image, which catalogues keep as its version.
fn tag_of(name: &str) -> Option<String> {
    let last = name.rsplit('/').next()?;
    let (_, tag) = last.split_once('@').unwrap_or((last, "")).0.split_once(':')?;
    Some(tag.to_owned())
}

#[cfg(test)]
mod tests;
