//! Cancelling what was not handed over yet, or perhaps was.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::{Error, FieldProblem, Identity, JobPhase, Outcome};
use myksc_jobs::Local;
use myksc_jobs::scheduler::{
    About, Action, LookUp, Observation, Queue, Recalled, Scheduler, SchedulerError, Submission,
};
use myksc_store::Store;
use tokio::sync::watch;

use crate::bench::{Bench, config, eventually, script, start_portal};

#[tokio::test]
async fn a_submission_that_was_not_handed_over_is_withdrawn_while_the_scheduler_is_away() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let aside = bench.path().join("jobs.aside");
    std::fs::rename(bench.jobs_dir(), &aside).unwrap();
    std::fs::write(bench.jobs_dir(), "").unwrap();
    let job = portal.submit(&bench, &script("echo ran >> log")).await.unwrap();
    portal.wait_for(&bench, &job.id, |job| job.reason.is_some()).await;
    portal.jobs.cancel(&bench.who, &job.id).await.unwrap();
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!((ended.outcome, ended.scheduler_id), (Some(Outcome::Cancelled), None));
    let again = portal.jobs.cancel(&bench.who, &job.id).await.unwrap_err();
    assert!(matches!(again, Error::Conflict { code: "job_not_active", .. }), "{again:?}");
    eventually("nothing is left to do", || async { portal.store.intents("jobs").await.unwrap().is_empty() })
        .await;

    std::fs::remove_file(bench.jobs_dir()).unwrap();
    std::fs::rename(&aside, bench.jobs_dir()).unwrap();
    let next = portal.submit(&bench, &script("echo next >> log")).await.unwrap();
    assert_eq!(portal.ended(&bench, &next.id).await.outcome, Some(Outcome::Succeeded));
    drop(portal);
    let portal = bench.portal().await;
    assert_eq!(portal.job(&bench, &job.id).await.outcome, Some(Outcome::Cancelled));
    assert_eq!(bench.read("log"), "next\n");
}

#[tokio::test]
async fn a_job_that_may_have_been_handed_over_ends_cancelled_once_the_scheduler_answers() {
    let bench = Bench::new();
    let is_away = Arc::new(AtomicBool::new(true));
    let inner = Local::start(config(bench.path())).await.unwrap();
    let store = Store::open(&format!("sqlite:{}", bench.path().join("portal.db").display())).await.unwrap();
    let portal = start_portal(store, Arc::new(Mute { inner, is_away: Arc::clone(&is_away) }));
    let job = portal.submit(&bench, &script("echo $$ >> pids; sleep 100")).await.unwrap();
    portal.wait_for(&bench, &job.id, |job| job.reason.is_some()).await;
    eventually("it runs", || async { !bench.read("pids").is_empty() }).await;
    portal.jobs.cancel(&bench.who, &job.id).await.unwrap();
    let waits = portal.wait_for(&bench, &job.id, |job| job.reason.is_some()).await;
    assert_eq!(
        (waits.phase, waits.reason.unwrap().code.as_str()),
        (JobPhase::Submitting, "being_cancelled"),
        "nobody knows"
    );
    is_away.store(false, Ordering::SeqCst);
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Cancelled));
    assert_eq!(bench.read("pids").lines().count(), 1, "it ran once");
    eventually("nothing is left to do", || async { portal.store.intents("jobs").await.unwrap().is_empty() })
        .await;
}

/// A queue that hands jobs over and loses its answers while it is away.
struct Mute {
    inner: Local,
    is_away: Arc<AtomicBool>,
}

impl Scheduler for Mute {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        self.inner.about()
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.inner.queues()
    }

    fn check<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>> {
        self.inner.check(who, submission)
    }

    fn submit<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        async move {
            let id = self.inner.submit(who, submission).await?;
            if self.is_away.load(Ordering::SeqCst) {
                return Err(SchedulerError::Away("the answer was lost".into()));
            }
            Ok(id)
        }
        .boxed()
    }

    fn act<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<(), SchedulerError>> {
        self.inner.act(who, scheduler_id, action)
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Observation>, SchedulerError>> {
        self.inner.poll()
    }

    fn look_up<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>> {
        self.inner.look_up(ids)
    }

    fn recall(&self, known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        self.inner.recall(known)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes()
    }
}
