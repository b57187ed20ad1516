//! What a launch on a cluster comes to, and what is read from what the cluster says.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, Pod};
use secrecy::SecretString;
use serde_json::{Value, json};

use myksc_core::{App, AppName, AppPhase, Contract, Error, Identity, Resources, Step, Timestamp};

use super::config::{Grant, KubernetesConfig, Mount, Pods, Storage};
use super::manifests;
use super::observe::{Standing, standing, steps};
use super::place;
use super::records::{DeploymentRecord, PodRecord};
use crate::catalogue::Catalogue;
use crate::image::ImageRules;
use crate::registry::RegistryLogin;
use crate::runtime::Observed;
use crate::secret::SecretKey;
use crate::site::SiteSettings;

const NAMESPACE: &str = "myksc-20001-kim";

pub(super) fn config() -> KubernetesConfig {
    let mount =
        |id: &str, path: &str, read_only| Mount { id: id.to_owned(), path: path.to_owned(), read_only };
    KubernetesConfig {
        kubeconfig: None,
        namespace_prefix: "myksc-".to_owned(),
        registry: "registry.example.org/myksc".to_owned(),
        images: ImageRules::parse(&["registry.example.org/**"]).unwrap(),
        agent_image: "registry.example.org/myksc/agent:1".to_owned(),
        mounts: vec![mount("home", "{home}", false), mount("data", "/data/{name}", true)],
        storage: Storage::PersistentVolumes,
        dns_servers: Vec::new(),
        open_networks: vec!["0.0.0.0/0".to_owned()],
        closed_networks: vec!["10.0.0.0/8".to_owned()],
        gateway_networks: vec!["10.1.2.3/32".to_owned()],
        gateway_pods: Some(Pods {
            namespace: "myksc".to_owned(),
            labels: [("app.kubernetes.io/name".to_owned(), "myksc".to_owned())].into(),
        }),
        gpu_resource: "nvidia.com/gpu".to_owned(),
        site: SiteSettings {
            environment: [("HTTPS_PROXY".to_owned(), "http://proxy.example.org:3128".to_owned())].into(),
            ..SiteSettings::default()
        },
        grant: Some(Grant {
            role: "myksc-namespace".to_owned(),
            account: ("myksc".to_owned(), "myksc-control".to_owned()),
        }),
    }
}

fn kim() -> Identity {
    Identity {
        user: "uaaaaaaaaaaaaaaa".parse().unwrap(),
        name: "kim".to_owned(),
        uid: 20001,
        gid: 20001,
        gids: vec![20001, 30001],
        home: "/home/kim".into(),
        shell: "/bin/bash".into(),
    }
}

fn app() -> App {
    let at = Timestamp::from_millis(1_700_000_000_000);
    App {
        id: "abcdefghijklmnop".parse().unwrap(),
        owner: kim().user,
        name: AppName::parse("lab").unwrap(),
        template: "jupyter".to_owned(),
        runtime: "kubernetes".to_owned(),
        phase: AppPhase::Starting,
        steps: Vec::new(),
        failure: None,
        hold: None,
        auto_stop: None,
        resources: Resources { cpu_millis: 1500, memory_bytes: 2 << 30, gpus: 1 },
        limits_by: None,
        values: BTreeMap::new(),
        generation: 3,
        created_at: at,
        launched_at: at,
        ended_at: None,
        revision: 7,
    }
}

fn objects(config: &KubernetesConfig) -> manifests::AppObjects {
    launched(config, &app()).unwrap()
}

fn launched(config: &KubernetesConfig, app: &App) -> Result<manifests::AppObjects, Error> {
    let catalogue = Catalogue::load(None).unwrap();
    let template = catalogue.find(&app.template).unwrap();
    let key = SecretKey::new([7; 32]);
    let launch = place::prepare(config, &key, NAMESPACE, &kim(), app, template)?;
    Ok(manifests::objects(&launch))
}

/// An app from an image of kim's own.
fn own_image(values: &[(&str, &str)]) -> App {
    let usual =
        [("image", "registry.example.org/kim/app:1"), ("port", "8501"), ("path", "/"), ("command", "")];
    let values = usual.iter().chain(values).map(|(id, value)| ((*id).to_owned(), (*value).to_owned()));
    App { template: "image".to_owned(), values: values.collect(), ..app() }
}

#[test]
fn an_app_is_one_pod_of_hers_behind_a_guard() {
    let mut objects = objects(&config());
    objects.belong_to("0000-uid");
    insta::assert_json_snapshot!("deployment", objects.deployment);
    insta::assert_json_snapshot!("service", objects.service);
    let names: Vec<_> = objects.secret.string_data.unwrap().into_keys().collect();
    assert_eq!(
        names,
        ["env.JUPYTER_CONFIG_PATH", "env.JUPYTER_RUNTIME_DIR", "env.JUPYTER_TOKEN", "file.0", "guard-key"]
    );
    assert_eq!(objects.secret.metadata.owner_references.unwrap()[0].uid, "0000-uid");
}

#[test]
fn an_image_of_her_own_runs_as_every_app_does() {
    let pod = |objects: manifests::AppObjects| objects.deployment.spec.unwrap().template.spec.unwrap();
    let usual = pod(objects(&config()));
    let own = pod(launched(&config(), &own_image(&[])).unwrap());
    assert_eq!(own.security_context, usual.security_context);
    assert_eq!(own.automount_service_account_token, Some(false));
    let guard = own.init_containers.unwrap().remove(0);
    assert_eq!(guard.command.unwrap().last().unwrap(), "tcp:127.0.0.1:8501");
    let (own, usual) = (own.containers[0].clone(), usual.containers[0].clone());
    assert_eq!(own.security_context, usual.security_context);
    let names = |container: &Container| {
        let mounts = container.volume_mounts.clone().unwrap().into_iter();
        mounts.map(|mount| mount.mount_path).filter(|path| path.starts_with("/etc/")).collect::<Vec<_>>()
    };
    assert_eq!(names(&own), ["/etc/passwd", "/etc/group"]);
    assert_eq!(names(&own), names(&usual));
    assert_eq!(own.image.as_deref(), Some("registry.example.org/kim/app:1"));
    // So that a node asks the registry for everybody anew.
    assert_eq!(own.image_pull_policy.as_deref(), Some("Always"));
    assert_eq!((own.command, own.working_dir), (None, None));
}

#[test]
fn a_password_of_a_registry_stands_in_her_secret_and_is_named_by_her_pod() {
    let login = RegistryLogin::parse("registry.example.org", "kim", SecretString::from("p:w")).unwrap();
    let secret = manifests::registry(NAMESPACE, &login);
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    assert_eq!(secret.metadata.labels.unwrap()["app.kubernetes.io/managed-by"], "myksc");
    let auths: Value = serde_json::from_str(&secret.string_data.unwrap()[".dockerconfigjson"]).unwrap();
    assert_eq!(auths, json!({ "auths": { "registry.example.org": { "auth": "a2ltOnA6dw==" } } }));
    let pod = launched(&config(), &own_image(&[])).unwrap().deployment.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.image_pull_secrets.unwrap()[0].name, secret.metadata.name.unwrap());
    let docker = RegistryLogin { host: "docker.io".to_owned(), ..login };
    let docker = manifests::registry(NAMESPACE, &docker).string_data.unwrap();
    assert!(docker[".dockerconfigjson"].contains("https://index.docker.io/v1/"));
}

#[test]
fn a_command_of_hers_is_split_into_words_that_nobody_reads_again() {
    let command = r#"python "my app.py" --title='$(HOME) {port}' \; id"#;
    let objects = launched(&config(), &own_image(&[("command", command)])).unwrap();
    let container = objects.deployment.spec.unwrap().template.spec.unwrap().containers.remove(0);
    assert_eq!(container.command.unwrap(), ["python", "my app.py", "--title=$$(HOME) {port}", ";", "id"]);
}

#[test]
fn an_image_that_the_site_does_not_allow_comes_to_no_pod() {
    for image in ["docker.io/library/python:3", "registry.example.org.evil.org/a:1", "registry.example.org/a"]
    {
        let refused = launched(&config(), &own_image(&[("image", image)])).unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{image}: {refused}");
    }
    let catalogue = Catalogue::load(None).unwrap();
    let template = catalogue.find("image").unwrap();
    let problem = place::check_image(&config().images, template, &own_image(&[("image", "python:3")]).values);
    let problem = problem.unwrap();
    assert_eq!((problem.field.as_str(), problem.code.as_str()), ("values.image", "image_not_allowed"));
    assert_eq!(problem.params["allowed"], json!(["registry.example.org/**"]));
    let taken = place::check_port(template, &own_image(&[("port", "7443")]).values).unwrap();
    assert_eq!((taken.field.as_str(), taken.code.as_str()), ("values.port", "port_taken"));
    assert_eq!(place::check_port(template, &own_image(&[]).values), None);
}

#[test]
fn what_the_site_gives_every_app_no_template_takes_away() {
    let site = SiteSettings {
        environment: [("JUPYTER_CONFIG_PATH", "/site"), ("LANG", "ko_KR.UTF-8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        time_zone: Some("Asia/Seoul".to_owned()),
        authorities: Some("PEM".to_owned()),
        ..SiteSettings::default()
    };
    let objects = objects(&KubernetesConfig { site, ..config() });
    let pod = objects.deployment.spec.unwrap().template.spec.unwrap();
    let variables = pod.containers[0].env.clone().unwrap();
    let value = |name: &str| {
        let found: Vec<_> = variables.iter().filter(|variable| variable.name == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0].value.clone()
    };
    assert_eq!(value("JUPYTER_CONFIG_PATH").as_deref(), Some("/site"));
    assert_eq!(value("LANG").as_deref(), Some("ko_KR.UTF-8"));
    assert_eq!(value("TZ").as_deref(), Some("Asia/Seoul"));
    assert_eq!(value("SSL_CERT_FILE").as_deref(), Some("/run/myksc/app/site/ca.pem"));
    let mounts = pod.containers[0].volume_mounts.clone().unwrap();
    assert!(mounts.iter().any(|mount| mount.mount_path == "/run/myksc/app/site/ca.pem"));
    let secret = objects.secret.string_data.unwrap();
    assert!(secret.values().any(|text| text == "PEM") && !secret.contains_key("env.JUPYTER_CONFIG_PATH"));
}

#[test]
fn each_variable_is_named_once_and_the_templates_own_counts_before_a_logins() {
    let desktop = App { template: "desktop".to_owned(), ..app() };
    let objects = launched(&config(), &desktop).unwrap();
    let pod = objects.deployment.spec.unwrap().template.spec.unwrap();
    let variables = pod.containers[0].env.clone().unwrap();
    let of = |name: &str| variables.iter().filter(|one| one.name == name).collect::<Vec<_>>();
    for variable in &variables {
        assert_eq!(of(&variable.name).len(), 1, "{}", variable.name);
    }
    assert!(of("XAUTHORITY")[0].value_from.is_some() && of("XDG_RUNTIME_DIR")[0].value_from.is_some());
}

#[test]
fn no_secret_stands_in_what_others_may_read() {
    let objects = objects(&config());
    let deployment = serde_json::to_string(&objects.deployment).unwrap();
    for (name, secret) in objects.secret.string_data.unwrap() {
        // Files and paths are no secrets by themselves.
        if name == "guard-key" || name.contains("TOKEN") {
            assert!(!deployment.contains(&secret), "{name}");
        }
    }
}

#[test]
fn a_namespace_says_who_may_run_in_it() {
    let (config, kim) = (config(), kim());
    let contract = Contract {
        starts_at: Timestamp::from_millis(0),
        ends_at: Timestamp::from_millis(1),
        limits: Resources { cpu_millis: 4000, memory_bytes: 8 << 30, gpus: 2 },
        budget_sru_hours: None,
    };
    let gpu = &config.gpu_resource;
    insta::assert_json_snapshot!("namespace", manifests::namespace(&config, NAMESPACE, &kim));
    insta::assert_json_snapshot!("quota", manifests::quota(NAMESPACE, Some(&contract), gpu));
    insta::assert_json_snapshot!("limit_range", manifests::limit_range(NAMESPACE));
    insta::assert_json_snapshot!("network_policies", manifests::network_policies(NAMESPACE, &config));
    insta::assert_json_snapshot!("identity_map", manifests::identity_map(NAMESPACE, &kim));
    insta::assert_json_snapshot!("volumes", manifests::volumes(NAMESPACE, &kim, &config));
    insta::assert_json_snapshot!("claims", manifests::claims(NAMESPACE, &config));
    insta::assert_json_snapshot!("grant", manifests::role_binding(NAMESPACE, config.grant.as_ref().unwrap()));
    assert_eq!(manifests::quota(NAMESPACE, None, gpu), None);
}

#[test]
fn folders_straight_from_the_node_are_named_in_the_pod_and_must_be_there() {
    let config = KubernetesConfig { storage: Storage::HostPath, ..config() };
    let pod = objects(&config).deployment.spec.unwrap().template.spec.unwrap();
    let sources: Vec<_> = pod.volumes.unwrap().into_iter().filter_map(|volume| volume.host_path).collect();
    let sources: Vec<_> = sources.iter().map(|one| (one.path.as_str(), one.type_.as_deref())).collect();
    assert_eq!(sources, [("/home/kim", Some("Directory")), ("/data/kim", Some("Directory"))]);
    assert_eq!(manifests::volumes(NAMESPACE, &kim(), &config), []);
}

#[test]
fn what_people_typed_is_no_reference_of_the_kubelets() {
    assert_eq!(manifests::literal("$(HOME) $x $$"), "$$(HOME) $$x $$$$");
}

fn record(replicas: i32, status: Value) -> DeploymentRecord {
    let mut deployment: Value = serde_json::to_value(objects(&config()).deployment).unwrap();
    deployment["spec"]["replicas"] = replicas.into();
    deployment["status"] = status;
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    DeploymentRecord::of(&deployment).unwrap()
}

fn pod(conditions: &Value, container: &Value) -> PodRecord {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {
            "name": "app-x", "namespace": NAMESPACE, "uid": "u1",
            "labels": { "myksc.io/app": app().id.to_string() },
            "annotations": { "myksc.io/generation": "3" },
        },
        "spec": { "nodeName": "node1", "containers": [] },
        "status": {
            "podIP": "10.244.0.9",
            "conditions": conditions,
            "containerStatuses": [{
                "name": "app", "image": "i", "imageID": "i@sha256:aa", "ready": false, "restartCount": 0,
            }],
        },
    }))
    .map(|mut pod: Value| {
        let status = &mut pod["status"]["containerStatuses"][0];
        for (name, value) in container.as_object().unwrap() {
            status[name] = value.clone();
        }
        serde_json::from_value(pod).unwrap()
    })
    .unwrap();
    PodRecord::of(&pod).unwrap()
}

fn placed() -> Value {
    json!([{ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z" }])
}

#[test]
fn each_condition_of_a_pod_is_a_step_or_says_what_holds_it() {
    let started = json!({ "running": { "startedAt": "2026-01-01T00:00:03Z" } });
    let crashed =
        json!({ "terminated": { "exitCode": 3, "finishedAt": "2026-01-01T00:00:04Z", "message": "a\nb" } });
    let oom = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
    let back_off = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    let unplaced = json!([{
        "type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu.",
    }]);
    let cases = [
        ("coming", placed(), json!({ "state": { "waiting": { "reason": "ContainerCreating" } } }), "coming"),
        ("running", placed(), json!({ "state": started }), "running"),
        ("unplaced", unplaced, json!({}), "held no_node_fits"),
        (
            "no image",
            placed(),
            json!({ "state": { "waiting": { "reason": "ErrImagePull", "message": "x: not found" } } }),
            "held image_missing",
        ),
        (
            "crashed once",
            placed(),
            json!({ "state": back_off, "lastState": crashed, "restartCount": 1 }),
            "held restarting",
        ),
        (
            "crashed often",
            placed(),
            json!({ "state": back_off, "lastState": crashed, "restartCount": 3 }),
            "failed crash_loop a|b",
        ),
        (
            "out of memory",
            placed(),
            json!({ "state": back_off, "lastState": oom, "restartCount": 3 }),
            "failed out_of_memory ",
        ),
    ];
    for (what, conditions, container, expected) in cases {
        let seen =
            standing(&app(), Some(&record(1, json!({ "replicas": 1 }))), Some(&pod(&conditions, &container)));
        let told = match seen {
            Standing::Running(_) => "running".to_owned(),
            Standing::Coming(None) => "coming".to_owned(),
            Standing::Coming(Some(hold)) => format!("held {}", hold.code),
            Standing::Settled(Observed::Silent(failure)) => {
                format!("failed {} {}", failure.code, failure.log_tail.join("|"))
            }
            Standing::Settled(other) => format!("{other:?}"),
        };
        assert_eq!(told, expected, "{what}");
    }
}

#[test]
fn an_app_without_pods_has_ended_or_is_refused_one() {
    let refusal = json!({ "conditions": [{
        "type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q, requested: \
            requests.cpu=2,  used: requests.cpu=1, limited: requests.cpu=2",
    }] });
    let gone = standing(&app(), None, None);
    assert_eq!(gone, Standing::Settled(Observed::Absent));
    let Standing::Coming(Some(hold)) = standing(&app(), Some(&record(1, refusal)), None) else { panic!() };
    assert_eq!(hold.code, "quota_exceeded");
    let ended = standing(&app(), Some(&record(0, json!({}))), None);
    assert!(matches!(ended, Standing::Settled(Observed::Ended { failure: None, .. })), "{ended:?}");
    let last = pod(&placed(), &json!({}));
    assert_eq!(standing(&app(), Some(&record(0, json!({}))), Some(&last)), Standing::Coming(None));
    let older = App { generation: 4, ..app() };
    assert_eq!(
        standing(&older, Some(&record(1, json!({}))), Some(&last)),
        Standing::Settled(Observed::Absent)
    );
}

#[test]
fn steps_name_the_objects_that_tell_of_them() {
    let container = json!({ "state": { "running": { "startedAt": "2026-01-01T00:00:03Z" } } });
    let steps = steps(&record(1, json!({})), &pod(&placed(), &container));
    let told: Vec<_> = steps.iter().map(|one| (one.step, one.source.as_str())).collect();
    let pod = format!("pod {NAMESPACE}/app-x");
    assert_eq!(
        told,
        [(Step::Placed, "node node1"), (Step::ImageReady, "i@sha256:aa"), (Step::Started, pod.as_str())]
    );
}
