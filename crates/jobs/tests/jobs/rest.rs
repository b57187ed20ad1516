//! slurmrestd as a server of our own, which fails in ways that a real one can't be made to, and speaks versions that there
//! is no package of.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use myksc_core::{Identity, JobPhase, Outcome, UserId};
use myksc_jobs::scheduler::{Action, Scheduler, SchedulerError, Submission};
use myksc_jobs::transport::{JwtKey, RestConfig};
use myksc_jobs::{SlurmRest, SlurmRestConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clusters::submission;

/// A request as it came.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    user: String,
    token: String,
    body: Value,
}

/// What the server does with one.
enum Reply {
    Json(u16, Value),
    /// Bytes of our own, and the end of the connection.
    Raw(String),
    /// Nothing, for as long as the other side waits.
    Silence,
}

type Answers = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A server on a port of its own, with what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _end: DropGuard,
}

impl Server {
    async fn start(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let end = CancellationToken::new();
        let (answers, heard): (Answers, _) = (Arc::new(answers), Arc::clone(&asked));
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&heard)));
            }
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(serve));
        Self { url, asked, _end: end.drop_guard() }
    }

    fn asked(&self, method: &str, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| one.method == method && one.path.ends_with(path)).cloned().collect()
    }

    fn slurm(&self) -> SlurmRest {
        self.slurm_with(Duration::from_secs(20), 1 << 20)
    }

    fn slurm_with(&self, deadline: Duration, answer_bytes_max: u64) -> SlurmRest {
        let rest = RestConfig {
            address: self.url.parse().unwrap(),
            ca_pem: None,
            key: JwtKey::new(b"0123456789abcdef0123456789abcdef").unwrap(),
            min_uid: 1000,
            deadline,
            answer_bytes_max,
        };
        let observer = Identity { name: "observer".to_owned(), uid: 20901, gid: 20901, ..kim() };
        let (api_version, same_name_suffices) = (None, false);
        let poll_every = Duration::from_secs(3600);
        SlurmRest::start(SlurmRestConfig { rest, api_version, same_name_suffices, observer, poll_every })
            .unwrap()
    }
}

async fn serve(stream: TcpStream, answers: Answers, heard: Arc<Mutex<Vec<Asked>>>) {
    let mut stream = BufReader::new(stream);
    let Some(asked) = read_request(&mut stream).await else { return };
    heard.lock().unwrap().push(asked.clone());
    let text = match answers(&asked) {
        Reply::Json(status, body) => {
            let body = body.to_string();
            format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        }
        Reply::Raw(text) => text,
        Reply::Silence => {
            // Until the other side hangs up.
            let _ = stream.read_u8().await;
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let named = lines.iter().filter_map(|line| line.split_once(": "));
        named.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = lines[0].split(' ').map(str::to_owned);
    Some(Asked {
        method: words.next()?,
        path: words.next()?,
        user: header("x-slurm-user-name")?,
        token: header("x-slurm-user-token")?,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

fn kim() -> Identity {
    Identity {
        user: UserId::random(),
        name: "kim".to_owned(),
        uid: 20001,
        gid: 20001,
        gids: Vec::new(),
        home: "/home/kim".into(),
        shell: "/bin/sh".into(),
    }
}

/// A Slurm with one API version that keeps what is submitted.
#[derive(Default)]
struct Cluster {
    jobs: Vec<Value>,
    /// Whose numbers it has for everybody.
    uid: u64,
}

impl Cluster {
    fn answer(&mut self, asked: &Asked, version: &str) -> Reply {
        let Asked { method, path, user, body, .. } = asked;
        let fine = |field: &str, value: Value| Reply::Json(200, json!({ "errors": [], field: value }));
        let path = path.replace(&format!("/{version}/"), "/");
        match (method.as_str(), path.split('?').next().unwrap()) {
            ("GET", "/openapi/v3") => {
                let ping = format!("/slurm/{version}/ping");
                Reply::Json(200, json!({ "paths": { "/slurm/v0.0.37/ping": {}, ping: {} } }))
            }
            ("GET", "/slurm/jobs") => fine("jobs", json!(self.jobs)),
            ("POST", "/slurm/job/submit") => {
                let id = self.jobs.len() as u64 + 1;
                let is_held = body["job"]["hold"] == true;
                self.jobs.push(json!({
                    "job_id": id, "array_job_id": if body["job"]["array"].is_null() { 0 } else { id }, "job_state": "PENDING", "comment": body["job"]["comment"],
                    "state_reason": if is_held { "JobHeldUser" } else { "Priority" }, "user_name": user,
                    "user_id": self.uid, "group_id": self.uid, "partition": "normal",
                }));
                fine("job_id", json!(id))
            }
            (_, job) => {
                let id = job.strip_prefix("/slurm/job/").and_then(|id| id.parse::<usize>().ok());
                let Some(job) = id.and_then(|id| self.jobs.get_mut(id - 1)) else {
                    return Reply::Raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
                };
                match method.as_str() {
                    "POST" => {
                        job["state_reason"] =
                            json!(if body["hold"] == true { "JobHeldUser" } else { "Priority" });
                    }
                    "DELETE" => job["job_state"] = json!("CANCELLED"),
                    _ => {}
                }
                let errors =
                    json!([{ "description": "job array update failed", "source": "_parse_job_list" }]);
                let is_array_changed = method == "POST" && job["array_job_id"] != 0;
                let errors = if is_array_changed { errors } else { json!([]) };
                Reply::Json(200, json!({ "errors": errors, "jobs": [job] }))
            }
        }
    }
}

async fn cluster(uid: u64) -> (Server, Arc<Mutex<Cluster>>) {
    let cluster = Arc::new(Mutex::new(Cluster { jobs: Vec::new(), uid }));
    let own = Arc::clone(&cluster);
    (Server::start(move |asked| own.lock().unwrap().answer(asked, "v0.0.38")).await, cluster)
}

#[tokio::test]
async fn the_first_job_of_a_person_waits_until_its_record_is_hers() {
    let (server, cluster) = cluster(20001).await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    let id = slurm.submit(&kim(), &submission(folder.path())).await.unwrap();
    let second = slurm.submit(&kim(), &submission(folder.path())).await.unwrap();
    assert_eq!((id.as_str(), second.as_str()), ("1", "2"));
    let submitted = server.asked("POST", "/job/submit");
    assert_eq!(
        submitted.iter().map(|one| &one.body["job"]["hold"]).collect::<Vec<_>>(),
        [&json!(true), &Value::Null]
    );
    let released = server.asked("POST", "/job/1");
    assert_eq!(released.iter().map(|one| one.body.clone()).collect::<Vec<_>>(), [json!({ "hold": false })]);
    assert!(submitted.iter().chain(&released).all(|one| one.user == "kim"));
    assert_eq!(cluster.lock().unwrap().jobs[0]["state_reason"], "Priority");
    let held = slurm.act(&kim(), "2", Action::Hold).await;
    assert!(held.is_ok() && cluster.lock().unwrap().jobs[1]["state_reason"] == "JobHeldUser");
}

#[tokio::test]
async fn an_array_is_let_go_too_whatever_v38_says_of_it() {
    let (server, cluster) = cluster(20001).await;
    let folder = tempfile::tempdir().unwrap();
    let array = Submission { script: "#SBATCH --array=1-3\ntrue\n".to_owned(), ..submission(folder.path()) };
    assert_eq!(server.slurm().submit(&kim(), &array).await.unwrap(), "1");
    assert_eq!(cluster.lock().unwrap().jobs[0]["state_reason"], "Priority");
}

#[tokio::test]
async fn a_job_that_went_to_another_account_is_taken_back_and_nothing_more_goes_there() {
    let (server, cluster) = cluster(20002).await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    let refused = slurm.submit(&kim(), &submission(folder.path())).await.unwrap_err();
    let SchedulerError::Refused(why) = refused else { panic!("{refused:?}") };
    assert!(why.detail.contains("UID 20002"), "{}", why.detail);
    assert_eq!(cluster.lock().unwrap().jobs[0]["job_state"], "CANCELLED");
    let again = slurm.submit(&kim(), &submission(folder.path())).await.unwrap_err();
    assert!(matches!(again, SchedulerError::NotAllowed(_)), "{again:?}");
    assert_eq!(server.asked("POST", "/job/submit").len(), 1);
}

#[tokio::test]
async fn nobody_is_asked_for_who_is_no_person() {
    let (server, _) = cluster(20001).await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    for (name, uid) in [("root", 0), ("root", 20001), ("slurm", 64030), ("daemon", 1), ("kim\r\nX: y", 20001)]
    {
        let who = Identity { name: name.to_owned(), uid, ..kim() };
        let refused = slurm.submit(&who, &submission(folder.path())).await.unwrap_err();
        assert!(matches!(refused, SchedulerError::NotAllowed(_)), "{name}: {refused:?}");
        let checked = slurm.check(&who, &submission(folder.path())).await.unwrap_err();
        assert!(matches!(checked, SchedulerError::NotAllowed(_)), "{name}: {checked:?}");
    }
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|one| one.user == "observer"), "{asked:?}");
}

#[tokio::test]
async fn a_job_whose_answer_was_cut_is_found_and_not_made_again() {
    let cluster = Arc::new(Mutex::new(Cluster { jobs: Vec::new(), uid: 20001 }));
    let own = Arc::clone(&cluster);
    let server = Server::start(move |asked| {
        let mut cluster = own.lock().unwrap();
        let is_first = cluster.jobs.is_empty();
        let reply = cluster.answer(asked, "v0.0.38");
        let is_submission = asked.path.ends_with("/submit");
        if is_submission && is_first { Reply::Raw("HTTP/1.1 200 OK\r\nContent-Le".to_owned()) } else { reply }
    })
    .await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    let submission = submission(folder.path());
    let lost = slurm.submit(&kim(), &submission).await.unwrap_err();
    assert!(matches!(lost, SchedulerError::Away(_)), "{lost:?}");
    assert_eq!(slurm.submit(&kim(), &submission).await.unwrap(), "1");
    assert_eq!(server.asked("POST", "/job/submit").len(), 1);
    assert_eq!(cluster.lock().unwrap().jobs[0]["state_reason"], "Priority", "it was let go");
}

#[tokio::test]
async fn somebody_elses_job_with_the_same_mark_is_not_taken_for_hers() {
    let (server, cluster) = cluster(20001).await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    let submission = submission(folder.path());
    cluster.lock().unwrap().jobs.push(json!({
        "job_id": 1, "job_state": "RUNNING", "comment": format!("myksc={}", submission.tag),
        "user_name": "lee", "user_id": 20002, "group_id": 20002, "partition": "normal",
    }));
    assert_eq!(slurm.submit(&kim(), &submission).await.unwrap(), "2");
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_signed_anew_once() {
    for (is_for_good, status, error) in
        [(false, 401, ""), (false, 500, "Protocol authentication error"), (true, 401, "")]
    {
        let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&tokens);
        let cluster = Mutex::new(Cluster::default());
        let server = Server::start(move |asked| {
            let mut seen = seen.lock().unwrap();
            seen.push(asked.token.clone());
            let is_taken = !is_for_good && seen.len() > 1;
            if is_taken {
                return cluster.lock().unwrap().answer(asked, "v0.0.38");
            }
            Reply::Json(status, json!({ "errors": [{ "error": error }] }))
        })
        .await;
        let polled = server.slurm().poll().await;
        let tokens = tokens.lock().unwrap().clone();
        if is_for_good {
            assert!(matches!(polled, Err(SchedulerError::NotAllowed(_))), "{polled:?}");
            assert_eq!(tokens.len(), 2, "once more, and not again");
        } else {
            // Partitions are not there, which comes after the jobs.
            assert!(tokens.len() > 2, "{polled:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_changes_nothing_and_says_so() {
    let whole = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let long =
        format!("{{\"jobs\": [{}]}}", vec![r#"{"job_id": 1, "job_state": "RUNNING"}"#; 5000].join(","));
    let cases = [
        (Reply::Raw(whole("<html>503</html>")), "no JSON"),
        (Reply::Raw(whole("{\"jobs\": [{\"job_id\": 7, ")), "no JSON"),
        (Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"jobs\": []".to_owned()), "slurmrestd"),
        (Reply::Raw(whole(&long)), "longer than"),
        (
            Reply::Raw(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
            ),
            "redirects",
        ),
        (Reply::Raw("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno".to_owned()), "502"),
        (
            Reply::Json(
                500,
                json!({ "errors": [{ "error": "Unable to contact slurm controller (connect failure)", "errno": 1 }] }),
            ),
            "contact",
        ),
        (
            Reply::Json(
                200,
                json!({ "errors": [{ "description": "Failed while looking for jobs" }], "jobs": [] }),
            ),
            "looking",
        ),
        (Reply::Silence, "did not answer"),
    ];
    for (reply, named) in cases {
        let reply = Mutex::new(Some(reply));
        let cluster = Mutex::new(Cluster::default());
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/slurm/v0.0.38/jobs" => reply.lock().unwrap().take().unwrap(),
            _ => cluster.lock().unwrap().answer(asked, "v0.0.38"),
        })
        .await;
        let deadline =
            if named == "did not answer" { Duration::from_millis(300) } else { Duration::from_secs(20) };
        let away = server.slurm_with(deadline, 100_000).poll().await.unwrap_err();
        assert!(matches!(&away, SchedulerError::Away(why) if why.contains(named)), "{named}: {away:?}");
    }
    let gone = Server { url: "http://127.0.0.1:1".to_owned(), ..cluster(1).await.0 };
    let away = gone.slurm().poll().await.unwrap_err();
    assert!(matches!(&away, SchedulerError::Unreached(why) if why.contains("not reached")), "{away:?}");
}

#[tokio::test]
async fn what_slurm_refuses_is_said_in_its_words() {
    let cluster = Mutex::new(Cluster::default());
    let server = Server::start(move |asked| {
        if asked.path.ends_with("/submit") {
            let errors = json!([{ "error": "Invalid account or account/partition combination specified", "error_code": 2045 }]);
            return Reply::Json(500, json!({ "errors": errors }));
        }
        cluster.lock().unwrap().answer(asked, "v0.0.38")
    })
    .await;
    let slurm = server.slurm();
    let folder = tempfile::tempdir().unwrap();
    let refused = slurm.submit(&kim(), &submission(folder.path())).await.unwrap_err();
    let SchedulerError::Refused(why) = refused else { panic!("{refused:?}") };
    assert_eq!(why.detail, "Invalid account or account/partition combination specified");
    assert_eq!(why.code, "scheduler_refuses");
}

#[tokio::test]
async fn a_version_that_nobody_knows_here_is_refused_by_name() {
    let server = Server::start(|_| Reply::Json(200, json!({ "paths": { "/slurm/v0.0.44/ping": {} } }))).await;
    let unknown = server.slurm().about().await.unwrap_err();
    assert!(unknown.to_string().contains("v0.0.44"), "{unknown}");
}

/// What v0.0.40 and its successors say, in their shapes.
fn later(asked: &Asked) -> Reply {
    let set = |number: u64| json!({ "set": true, "infinite": false, "number": number });
    let unset = json!({ "set": false, "infinite": false, "number": 0 });
    let fine =
        |field: &str, value: Value| Reply::Json(200, json!({ "errors": [], "warnings": [], field: value }));
    let exit = |code: u64| json!({ "status": ["ERROR"], "return_code": set(code), "signal": { "id": unset, "name": "" } });
    match asked.path.split('?').next().unwrap() {
        "/openapi/v3" => {
            Reply::Json(200, json!({ "paths": { "/slurm/v0.0.40/ping/": {}, "/slurm/v0.0.42/ping/": {} } }))
        }
        "/slurm/v0.0.42/ping" => {
            Reply::Json(200, json!({ "meta": { "slurm": { "release": "24.11.5" } }, "errors": {} }))
        }
        "/slurm/v0.0.42/jobs" => fine(
            "jobs",
            json!([
                { "job_id": 7, "array_job_id": set(0), "job_state": ["RUNNING"], "state_reason": "None", "start_time": set(1_764_300_000), "partition": "cpu" },
                { "job_id": 9, "array_job_id": set(8), "job_state": ["COMPLETED"], "exit_code": exit(0), "start_time": set(1_764_300_000), "end_time": set(1_764_300_009) },
                { "job_id": 8, "array_job_id": set(8), "job_state": ["FAILED"], "exit_code": exit(3), "start_time": set(1_764_300_000), "end_time": set(1_764_300_060) },
                { "job_id": 10, "array_job_id": unset, "job_state": ["PENDING"], "state_reason": "JobHeldUser", "partition": "cpu" },
                { "job_id": 11, "job_state": ["COMPLETED", "COMPLETING"] },
            ]),
        ),
        "/slurm/v0.0.42/partitions" => fine(
            "partitions",
            json!([{
                "name": "cpu", "nodes": { "total": 2 }, "partition": { "state": ["UP"] },
                "maximums": { "time": set(120), "nodes": { "set": false, "infinite": true, "number": 0 }, "cpus_per_node": { "set": false, "infinite": true, "number": 0 } },
                "defaults": { "time": unset, "partition_memory_per_cpu": set(256) },
            }]),
        ),
        "/slurm/v0.0.42/nodes" => fine(
            "nodes",
            json!([{ "name": "c1", "cpus": 4, "real_memory": 2048, "gres": "gpu:2", "alloc_cpus": 1, "partitions": ["cpu"] }]),
        ),
        "/slurmdb/v0.0.42/jobs" => fine(
            "jobs",
            json!([{
                "job_id": 6, "array": { "job_id": 0, "task_id": unset }, "state": { "current": ["OUT_OF_MEMORY"] }, "exit_code": exit(0),
                "time": { "start": 1_764_300_000, "end": 1_764_300_030, "elapsed": 30, "total": { "seconds": 12, "microseconds": 0 } },
                "tres": { "allocated": [{ "type": "cpu", "name": "", "id": 1, "count": 2 }] },
                "steps": [{ "tasks": { "count": 2 }, "tres": { "requested": { "max": [{ "type": "mem", "count": 1_048_576 }] } } }],
            }]),
        ),
        _ => Reply::Json(404, json!({})),
    }
}

#[tokio::test]
async fn later_versions_are_read_in_their_shapes() {
    let server = Server::start(later).await;
    let slurm = server.slurm();
    assert_eq!(slurm.about().await.unwrap().version, "24.11.5");
    let mut polled = slurm.poll().await.unwrap();
    polled.sort_by(|one, other| one.scheduler_id.cmp(&other.scheduler_id));
    let seen: Vec<_> = polled.iter().map(|one| (one.scheduler_id.as_str(), one.phase)).collect();
    assert_eq!(seen, [("10", JobPhase::Held), ("11", JobPhase::Finishing), ("7", JobPhase::Running)]);
    let queues = slurm.queues().await.unwrap();
    let limits = &queues[0].limits;
    assert_eq!((limits.max_nodes, limits.max_cpus_per_node, limits.max_walltime_secs), (2, 4, Some(7200)));
    assert_eq!((limits.max_gpus_per_node, queues[0].defaults.memory_bytes), (2, Some(256 << 20)));
    let ids = ["6", "8", "12"].map(str::to_owned);
    let looked = slurm.look_up(&ids).await.unwrap();
    assert_eq!(looked.unsettled, ["12".to_owned()].into());
    let of = |id: &str| looked.found.iter().find(|one| one.scheduler_id == id).unwrap();
    assert_eq!((of("8").outcome, of("8").exit_code), (Some(Outcome::Failed), Some(3)));
    let usage = of("6").usage.clone().unwrap();
    assert_eq!(of("6").outcome, Some(Outcome::OutOfMemory));
    assert_eq!((usage.walltime_secs, usage.cpus, usage.cpu_secs), (Some(30), Some(2), Some(12)));
    assert_eq!(usage.max_memory_bytes, Some(2 << 20));
}
