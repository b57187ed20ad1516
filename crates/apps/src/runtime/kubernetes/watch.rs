//! Following the cluster: one watch for all Deployments of ours, and for each namespace in which something is to run,
//! one of its pods. Lists happen at the start and where the API server asks for one (410), never for a request.

mod events;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher::Config};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use myksc_core::app::Hold;
use myksc_core::{AppId, Resources};

use super::config::KubernetesConfig;
use super::manifests::resources_of;
use super::names::{self, APP_LABEL, NAMESPACE_LABEL, NAMESPACE_OF_USER};
use super::news::News;
use super::records::{DeploymentRecord, PodRecord};
use crate::runtime::RuntimeEvent;

/// What is known of the cluster at this moment, and who keeps it so.
#[derive(Debug)]
pub(super) struct Following {
    seen: Arc<Seen>,
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
struct Seen {
    client: ClientOf,
    namespace_prefix: String,
    gpu_resource: String,
    tables: Mutex<Tables>,
    /// Whether Deployments and nodes have been listed once.
    is_listed: watch::Sender<Listed>,
    events: mpsc::Sender<RuntimeEvent>,
}

#[derive(Debug, Default)]
struct Tables {
    deployments: HashMap<AppId, DeploymentRecord>,
    pods: HashMap<AppId, Vec<PodRecord>>,
    /// What each node that takes pods has.
    nodes: HashMap<String, Resources>,
    /// What is used of each namespace's quota.
    usage: HashMap<String, Resources>,
    /// Who follows the pods of a namespace.
    followed: HashMap<String, AbortHandle>,
    /// What events told of pods on their way, by the pods' uids.
    news: HashMap<String, News>,
    /// Who follows the events of a namespace.
    events_followed: HashMap<String, AbortHandle>,
}

/// What has been listed once.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    deployments: bool,
    nodes: bool,
}

#[derive(Clone)]
struct ClientOf(Client);

impl Following {
    /// Begins to follow.
    pub(super) fn start(
        client: Client,
        config: &KubernetesConfig,
        events: mpsc::Sender<RuntimeEvent>,
    ) -> Self {
        let seen = Arc::new(Seen {
            client: ClientOf(client.clone()),
            namespace_prefix: config.namespace_prefix.clone(),
            gpu_resource: config.gpu_resource.clone(),
            tables: Mutex::default(),
            is_listed: watch::channel(Listed::default()).0,
            events,
        });
        let ours = Config::default().labels(APP_LABEL);
        let quotas = Config::default().labels(&format!("{NAMESPACE_LABEL}={NAMESPACE_OF_USER}"));
        let tasks = vec![
            spawn_following(Api::<Deployment>::all(client.clone()), ours, Deployments(Arc::clone(&seen))),
            spawn_following(Api::<Node>::all(client.clone()), Config::default(), Nodes(Arc::clone(&seen))),
            spawn_following(Api::<ResourceQuota>::all(client), quotas, Quotas(Arc::clone(&seen))),
        ];
        Self { seen, tasks }
    }

    /// Returns once all Deployments and nodes are known.
    pub(super) async fn listed(&self) {
        let mut is_listed = self.seen.is_listed.subscribe();
        // The sender lives as long as `self`.
        let _ = is_listed.wait_for(|listed| listed.deployments && listed.nodes).await;
    }

    /// Whether all Deployments are known.
    pub(super) fn is_listed(&self) -> bool {
        self.seen.is_listed.borrow().deployments
    }

    pub(super) fn deployment(&self, app: &AppId) -> Option<DeploymentRecord> {
        self.seen.lock().deployments.get(app).cloned()
    }

    pub(super) fn deployments(&self) -> Vec<DeploymentRecord> {
        self.seen.lock().deployments.values().cloned().collect()
    }

    /// The app's pod: the one of its latest launch that is not going, or else one that is.
    pub(super) fn pod(&self, app: &AppId) -> Option<PodRecord> {
        let tables = self.seen.lock();
        let of_app = tables.pods.get(app)?.iter();
        of_app.max_by_key(|pod| (!pod.is_going, pod.generation, pod.made_at)).cloned()
    }

    /// What events say holds a pod that is on its way.
    pub(super) fn news_of(&self, pod: &PodRecord) -> Option<Hold> {
        self.seen.lock().news.get(&pod.uid)?.hold()
    }

    /// The most that a pod can get, taken over all nodes. Before they are known nothing is too much: the scheduler
    /// says what is.
    pub(super) fn capacity(&self) -> Resources {
        if !self.seen.is_listed.borrow().nodes {
            return Resources { cpu_millis: u32::MAX, memory_bytes: u64::MAX, gpus: u32::MAX };
        }
        let tables = self.seen.lock();
        tables.nodes.values().fold(Resources::default(), |most, node| Resources {
            cpu_millis: most.cpu_millis.max(node.cpu_millis),
            memory_bytes: most.memory_bytes.max(node.memory_bytes),
            gpus: most.gpus.max(node.gpus),
        })
    }

    /// What is used of a namespace's quota; `None` where it has none.
    pub(super) fn usage(&self, namespace: &str) -> Option<Resources> {
        self.seen.lock().usage.get(namespace).copied()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        let tables = self.seen.lock();
        tables.followed.values().chain(tables.events_followed.values()).for_each(AbortHandle::abort);
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell(&self, app: AppId) {
        // Fails when the runtime has ended, and then nobody wants to know.
        let _ = self.events.send(RuntimeEvent::App(app)).await;
    }

    async fn tell_all(&self) {
        let _ = self.events.send(RuntimeEvent::All).await;
    }

    /// Follows pods where something is to run or still ends, and nowhere else.
    fn follow_pods(self: &Arc<Self>) {
        let mut tables = self.lock();
        let live: std::collections::HashSet<String> = tables
            .deployments
            .values()
            .filter(|deployment| deployment.replicas > 0 || deployment.pods > 0)
            .map(|deployment| deployment.namespace.clone())
            // A pod that is going is counted by no Deployment any more.
            .chain(tables.pods.values().flatten().map(|pod| pod.namespace.clone()))
            .collect();
        tables.followed.retain(|namespace, task| {
            let stays = live.contains(namespace);
            if !stays {
                task.abort();
            }
            stays
        });
        for namespace in live {
            tables.followed.entry(namespace.clone()).or_insert_with(|| {
                let api = Api::<Pod>::namespaced(self.client.0.clone(), &namespace);
                let ours = Config::default().labels(APP_LABEL);
                spawn_following(api, ours, Pods { seen: Arc::clone(self), namespace })
            });
        }
    }
}

/// What becomes of the objects of one watch.
trait Keeper<K>: Send + Sync + 'static {
    /// An object is new or changed.
    fn changed(&self, object: K) -> impl Future<Output = ()> + Send;
    /// An object is gone.
    fn gone(&self, object: K) -> impl Future<Output = ()> + Send;
    /// These and no others are there.
    fn listed(&self, objects: Vec<K>) -> impl Future<Output = ()> + Send;
}

fn spawn_following<K>(api: Api<K>, config: Config, keeper: impl Keeper<K>) -> AbortHandle
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let follow = async move {
        let mut stream = watcher::watcher(api, config).default_backoff().boxed();
        let mut listing = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(Event::Init)) => listing = Vec::new(),
                Ok(Some(Event::InitApply(object))) => listing.push(object),
                Ok(Some(Event::InitDone)) => keeper.listed(std::mem::take(&mut listing)).await,
                Ok(Some(Event::Apply(object))) => keeper.changed(object).await,
                Ok(Some(Event::Delete(object))) => keeper.gone(object).await,
                Ok(None) => return,
                // The stream goes on by itself after a pause; what is known stays until it does.
                Err(error) => tracing::warn!(%error, "following the cluster was interrupted"),
            }
        }
    };
    tokio::spawn(follow).abort_handle()
}

struct Deployments(Arc<Seen>);

impl Deployments {
    /// What an object of ours says. One that says it is another person's than its namespace's is nobody's: whoever may
    /// write into a namespace could give others apps.
    fn record(&self, object: &Deployment) -> Option<DeploymentRecord> {
        let record = DeploymentRecord::of(object)?;
        let namespace = names::namespace(&self.0.namespace_prefix, &record.definition.owner);
        (record.namespace == namespace).then_some(record)
    }
}

impl Keeper<Deployment> for Deployments {
    async fn changed(&self, object: Deployment) {
        let Some(record) = self.record(&object) else { return };
        let app = record.definition.app.id.clone();
        let former = self.0.lock().deployments.insert(app.clone(), record.clone());
        self.0.follow_pods();
        if former.as_ref() != Some(&record) {
            self.0.tell(app).await;
        }
    }

    async fn gone(&self, object: Deployment) {
        let Some(record) = self.record(&object) else { return };
        let app = record.definition.app.id;
        self.0.lock().deployments.remove(&app);
        self.0.follow_pods();
        self.0.tell(app).await;
    }

    async fn listed(&self, objects: Vec<Deployment>) {
        let records = objects.iter().filter_map(|object| self.record(object));
        self.0.lock().deployments =
            records.map(|record| (record.definition.app.id.clone(), record)).collect();
        self.0.follow_pods();
        self.0.is_listed.send_modify(|listed| listed.deployments = true);
        self.0.tell_all().await;
    }
}

struct Pods {
    seen: Arc<Seen>,
    namespace: String,
}

impl Tables {
    /// Takes note of a pod; true when it says something new.
    fn put_pod(&mut self, pod: PodRecord) -> bool {
        let pods = self.pods.entry(pod.app.clone()).or_default();
        match pods.iter_mut().find(|known| known.name == pod.name) {
            Some(known) if *known == pod => false,
            Some(known) => {
                *known = pod;
                true
            }
            None => {
                pods.push(pod);
                true
            }
        }
    }

    /// Forgets the pods that are meant, and says of which apps they were.
    fn forget_pods(&mut self, meant: impl Fn(&PodRecord) -> bool) -> Vec<AppId> {
        let mut apps = Vec::new();
        self.pods.retain(|app, pods| {
            let count = pods.len();
            pods.retain(|pod| !meant(pod));
            if pods.len() < count {
                apps.push(app.clone());
            }
            !pods.is_empty()
        });
        apps
    }
}

impl Keeper<Pod> for Pods {
    async fn changed(&self, object: Pod) {
        let Some(record) = PodRecord::of(&object) else { return };
        let app = record.app.clone();
        let is_new = self.seen.lock().put_pod(record);
        self.seen.follow_events();
        if is_new {
            self.seen.tell(app).await;
        }
    }

    async fn gone(&self, object: Pod) {
        let Some(record) = PodRecord::of(&object) else { return };
        self.seen.lock().forget_pods(|pod| pod.uid == record.uid);
        self.seen.follow_pods();
        self.seen.follow_events();
        self.seen.tell(record.app).await;
    }

    async fn listed(&self, objects: Vec<Pod>) {
        let records: Vec<_> = objects.iter().filter_map(PodRecord::of).collect();
        let apps: std::collections::HashSet<AppId> = {
            let mut tables = self.seen.lock();
            let former = tables.forget_pods(|pod| pod.namespace == self.namespace);
            let apps = former.into_iter().chain(records.iter().map(|record| record.app.clone())).collect();
            for record in records {
                tables.put_pod(record);
            }
            apps
        };
        self.seen.follow_events();
        for app in apps {
            self.seen.tell(app).await;
        }
    }
}

struct Nodes(Arc<Seen>);

impl Nodes {
    /// What a node has for pods, if it takes any.
    fn resources(&self, node: &Node) -> Option<Resources> {
        if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
            return None;
        }
        Some(resources_of(node.status.as_ref()?.allocatable.as_ref()?, "", &self.0.gpu_resource))
    }
}

impl Keeper<Node> for Nodes {
    async fn changed(&self, object: Node) {
        let name = object.name_any();
        match self.resources(&object) {
            Some(resources) => self.0.lock().nodes.insert(name, resources),
            None => self.0.lock().nodes.remove(&name),
        };
    }

    async fn gone(&self, object: Node) {
        self.0.lock().nodes.remove(&object.name_any());
    }

    async fn listed(&self, objects: Vec<Node>) {
        let nodes = objects.iter().filter_map(|node| Some((node.name_any(), self.resources(node)?)));
        self.0.lock().nodes = nodes.collect();
        self.0.is_listed.send_modify(|listed| listed.nodes = true);
    }
}

struct Quotas(Arc<Seen>);

impl Quotas {
    fn used(&self, quota: &ResourceQuota) -> Option<(String, Resources)> {
        let used = quota.status.as_ref()?.used.as_ref()?;
        Some((quota.namespace()?, resources_of(used, "requests.", &self.0.gpu_resource)))
    }
}

impl Keeper<ResourceQuota> for Quotas {
    async fn changed(&self, object: ResourceQuota) {
        if let Some((namespace, used)) = self.used(&object) {
            self.0.lock().usage.insert(namespace, used);
        }
    }

    async fn gone(&self, object: ResourceQuota) {
        self.0.lock().usage.remove(&object.namespace().unwrap_or_default());
    }

    async fn listed(&self, objects: Vec<ResourceQuota>) {
        self.0.lock().usage = objects.iter().filter_map(|quota| self.used(quota)).collect();
    }
}

impl std::fmt::Debug for ClientOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}
