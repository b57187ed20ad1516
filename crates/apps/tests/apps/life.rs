//! The life of an app, from its launch to its removal.

use std::fs;
use std::time::Duration;

use myksc_apps::RouteChange;
use myksc_core::grant::RouteState;
use myksc_core::{AppPhase, Error, Resources, Step};
use tokio::time::timeout;

use crate::rig::{Bench, PATIENCE, ask, failure_of, person};

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_goes_through_the_five_steps_and_can_be_reached_with_its_secret() {
    let bench = Bench::new().await;
    for template in ["server", "port"] {
        let script = "exec python3 ~/server.py \"$1\"";
        let mut changes = bench.apps.subscribe_routes();
        let app = bench.launch(bench.place.request_of(template, template, script)).await;
        assert_eq!(bench.route(&app.id), Some(RouteState::NotReady));
        let app = bench.until(&app.id, AppPhase::Ready).await;
        let steps: Vec<_> = app.steps.iter().map(|record| record.step).collect();
        assert_eq!(steps, [Step::Accepted, Step::Placed, Step::ImageReady, Step::Started, Step::Answering]);
        assert!(app.steps.is_sorted_by_key(|record| record.at), "{:?}", app.steps);
        assert!(
            app.steps[1].source.starts_with("supervisor ") && app.steps[3].source.starts_with("process ")
        );
        assert_eq!(app.steps[4].source, "GET /ready 200");
        assert!(app.limits_by.is_some());

        let told = async {
            loop {
                if let RouteChange::Set(_, route) = changes.recv().await.unwrap()
                    && let RouteState::Ready { endpoint, authorization, guard: None } = route.state
                {
                    return (endpoint, authorization.unwrap());
                }
            }
        };
        let (endpoint, authorization) = timeout(PATIENCE, told).await.unwrap();
        assert_eq!(ask(&endpoint, Some(&authorization)).await, "200");
        assert_eq!(ask(&endpoint, None).await, "401");
    }
    let folder = fs::read_dir(bench.place.folder.join("apps")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(folder.join("conf/a")).unwrap(), "kim");
    // What the site says stands above what the template does.
    let environment = myksc_spool::Folder::at(folder).read_spec().unwrap().environment;
    assert_eq!(environment["TZ"], "Asia/Seoul");
    assert_eq!(fs::read_to_string(&environment["SSL_CERT_FILE"]).unwrap(), "authorities");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_stopped_started_renamed_and_deleted() {
    let bench = Bench::new().await;
    let app = bench.run("lab").await;
    let id = &app.id;
    assert_eq!(bench.apps.usage(&bench.kim).await.unwrap(), app.resources);

    assert_eq!(bench.apps.stop(&bench.kim, id).await.unwrap().phase, AppPhase::Stopping);
    assert!(!matches!(bench.route(id), Some(RouteState::Ready { .. })), "cut at once");
    let stopped = bench.until(id, AppPhase::Stopped).await;
    assert_eq!((stopped.failure, stopped.ended_at.is_some()), (None, true));
    assert_eq!(bench.apps.usage(&bench.kim).await.unwrap(), Resources::default());
    assert_eq!(bench.apps.stop(&bench.kim, id).await.unwrap().phase, AppPhase::Stopped, "again does nothing");

    let again = bench.apps.start_again(&bench.kim, id).await.unwrap();
    assert_eq!((again.generation, again.phase, again.steps.len()), (2, AppPhase::Starting, 1));
    bench.until(id, AppPhase::Ready).await;
    assert_eq!(bench.apps.start_again(&bench.kim, id).await.unwrap().generation, 2, "again does nothing");
    assert_eq!(bench.starts(), 2);

    assert_eq!(bench.apps.rename(&bench.kim, id, "new-name").await.unwrap().name.as_str(), "new-name");
    let log = bench.apps.log(&bench.kim, id, 0, 1000).await.unwrap();
    assert!(log.text.contains("GET /ready") && !log.ended, "{log:?}");

    bench.apps.delete(&bench.kim, id).await.unwrap();
    bench.until(id, AppPhase::Deleted).await;
    assert!(!bench.place.folder.join("apps").join(id.as_str()).exists());
    assert_eq!(bench.route(id), None);
    assert!(matches!(bench.apps.get(&bench.kim, id).await, Err(Error::NotFound { .. })));
    bench.run("new-name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_app_is_not_there() {
    let bench = Bench::new().await;
    let app = bench.run("lab").await;
    let lee = person("lee", bench.kim.uid, &bench.place.home());
    let (apps, id) = (&bench.apps, &app.id);
    let missing = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound { .. })));
    missing(apps.get(&lee, id).await.map(drop));
    missing(apps.rename(&lee, id, "mine").await.map(drop));
    missing(apps.stop(&lee, id).await.map(drop));
    missing(apps.start_again(&lee, id).await.map(drop));
    missing(apps.delete(&lee, id).await.map(drop));
    missing(apps.log(&lee, id, 0, 10).await.map(drop));
    assert_eq!(apps.list(&lee).await.unwrap(), []);
    assert_eq!(apps.get(&bench.kim, id).await.unwrap().phase, AppPhase::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_another_uid_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    let lee = person("lee", bench.kim.uid + 1, &bench.place.home());
    bench.place.store().await.create_user(&lee, None).await.unwrap();
    let app = bench.apps.launch(&lee, bench.place.request("lab")).await.unwrap();
    let failure = failure_of(&bench, &app.id).await;
    assert_eq!(failure.code, "runtime_other_user");
    bench.apps.rename(&lee, &app.id, "renamed").await.unwrap();
    bench.apps.delete(&lee, &app.id).await.unwrap();
    bench.until(&app.id, AppPhase::Deleted).await;
    assert_eq!(bench.starts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_how_it_came_and_shows_the_last_lines() {
    let bench = Bench::new().await;
    let cases = [
        ("echo one; echo two >&2; exit 3", "exited"),
        ("kill -KILL $$", "killed"),
        ("echo quiet; sleep 60", "not_answering"),
        ("exec python3 -c 'x = []\nwhile True: x.append(bytearray(b\"x\" * 4000000))'", "out_of_memory"),
    ];
    for (index, (script, code)) in cases.into_iter().enumerate() {
        let app = bench.launch(bench.place.request_of(&format!("app-{index}"), "server", script)).await;
        let failure = failure_of(&bench, &app.id).await;
        let by_rlimit =
            bench.apps.get(&bench.kim, &app.id).await.unwrap().limits_by.as_deref() == Some("rlimit");
        let expected = if by_rlimit && code == "out_of_memory" { "exited" } else { code };
        assert_eq!(failure.code, expected, "{failure:?}");
        match code {
            "exited" => assert_eq!(failure.log_tail, ["one", "two"]),
            "not_answering" => assert_eq!(failure.log_tail, ["quiet"]),
            _ => {}
        }
    }
    let quiet = bench.apps.list(&bench.kim).await.unwrap().swap_remove(2);
    let folder = myksc_spool::Folder::at(bench.place.folder.join("apps").join(quiet.id.as_str()));
    let ended = async {
        while folder.is_supervised().unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("what was given up is ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_typed_reaches_no_shell_but_her_own() {
    let bench = Bench::new().await;
    let script = "printf '%s' \"$0|{secret}|$(echo {home})\" >~/typed; exec python3 ~/server.py \"$1\"";
    let app = bench.launch(bench.place.request_of("lab", "server", script)).await;
    bench.until(&app.id, AppPhase::Ready).await;
    assert_eq!(fs::read_to_string(bench.place.home().join("typed")).unwrap(), "bash|{secret}|{home}");
}
