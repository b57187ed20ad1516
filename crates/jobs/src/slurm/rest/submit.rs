//! Handing a job over: once, and for nobody but the person that the portal means.

use std::sync::PoisonError;

use myksc_core::{FieldProblem, Identity};
use serde_json::Value;

use super::super::tag;
use super::jobs::{Own, Submitted};
use super::submission::{self, NoBody};
use super::version::ApiVersion;
use super::{COMPARED_MAX, SlurmRest, refusal};
use crate::scheduler::{Action, SchedulerError, Submission};
use crate::transport::{Answer as _, Call, OnlyErrors};

impl SlurmRest {
    pub(super) async fn submit_once(
        &self,
        who: &Identity,
        submission: &Submission,
    ) -> Result<String, SchedulerError> {
        let version = self.version().await.map_err(unheard)?;
        let all = format!("/slurm/{version}/jobs");
        let known = self.own_jobs(who, all).await.map_err(|error| unheard(refusal::of_reading(error)))?;
        let is_compared = self.is_compared(who);
        let body = submission::body(submission, version, !is_compared).map_err(refusal::of_no_body)?;
        let earlier = known.with_tag(&who.name, &tag::of(&submission.tag));
        let id = match &earlier {
            Some(earlier) => earlier.id.clone(),
            None => self.hand_over(who, version, body.json).await?,
        };
        self.follow.note_change();
        // An earlier try may have left it held.
        let is_left_held = earlier.as_ref().is_some_and(|own| own.is_held) && !body.wants_hold;
        if !is_compared || is_left_held {
            self.compare(who, version, &id, earlier, body.wants_hold).await?;
        }
        Ok(id)
    }

    async fn hand_over(
        &self,
        who: &Identity,
        version: ApiVersion,
        body: Value,
    ) -> Result<String, SchedulerError> {
        let call = Call::post(format!("/slurm/{version}/job/submit"), body);
        let answer: Submitted = self.rest.call(who, &call).await.map_err(refusal::of_submission)?;
        match (answer.id(), refusal::beside_success(answer.errors())) {
            (Some(id), _) => Ok(id),
            (None, Some(error)) => Err(refusal::of_submission(error)),
            (None, None) => Err(SchedulerError::Away("slurmrestd answers without a job's number".to_owned())),
        }
    }

    fn is_compared(&self, who: &Identity) -> bool {
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.contains(&(who.name.clone(), who.uid, who.gid))
    }

    /// Looks whose the job is, which is held until then, and lets it go or ends it.
    async fn compare(
        &self,
        who: &Identity,
        version: ApiVersion,
        id: &str,
        earlier: Option<Own>,
        wants_hold: bool,
    ) -> Result<(), SchedulerError> {
        let path = format!("/slurm/{version}/job/{id}");
        let own = match earlier {
            Some(own) => own,
            None => {
                let jobs = self.own_jobs(who, path.clone()).await.map_err(refusal::of_reading)?;
                let gone = || SchedulerError::Away(format!("nothing is known of job {id} yet"));
                jobs.with_id(id).ok_or_else(gone)?
            }
        };
        if let Err(stranger) = self.rest.check_there(who, own.uid, own.gid, self.same_name_suffices) {
            // It is a job of the account with that name over there, which is not hers.
            let ended = self.rest.call::<OnlyErrors>(who, &Call::delete(path)).await;
            ended.map_err(refusal::of_reading)?;
            tracing::warn!(
                user = who.name,
                job = id,
                why = stranger,
                "a job of another account was taken back"
            );
            self.rest.keep_out(who, &stranger);
            return Err(refusal::refused(&stranger));
        }
        if own.is_held && !wants_hold {
            self.change(who, id, Action::Release).await.map_err(later)?;
        }
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.len() >= COMPARED_MAX {
            compared.clear();
        }
        compared.insert((who.name.clone(), who.uid, who.gid));
        Ok(())
    }

    /// What can't be handed over. There is no `--test-only` here: Slurm has its say when the job is handed over.
    pub(super) async fn check_here(
        &self,
        who: &Identity,
        submission: &Submission,
    ) -> Result<Vec<FieldProblem>, SchedulerError> {
        self.rest.may_ask(who).map_err(refusal::of_reading)?;
        // Without a slurmrestd it is looked at again when the job is handed over.
        let Ok(version) = self.version().await else { return Ok(Vec::new()) };
        match submission::body(submission, version, false) {
            Ok(_) => Ok(Vec::new()),
            Err(NoBody::Unfit(unfit)) => Ok(vec![refusal::problem(&unfit)]),
            Err(NoBody::Path(error)) => Err(error),
        }
    }
}

/// An error about a job that is there: it is tried again, and not taken for a refusal.
fn later(error: SchedulerError) -> SchedulerError {
    match error {
        SchedulerError::NotAllowed(_) | SchedulerError::Unreached(_) => error,
        other => SchedulerError::Away(other.to_string()),
    }
}

/// An error from before anything was handed over.
fn unheard(error: SchedulerError) -> SchedulerError {
    match error {
        SchedulerError::Away(why) => SchedulerError::Unreached(why),
        other => other,
    }
}
