//! Launches: of a new app, and of one that has ended.

use std::collections::BTreeMap;

use serde::Deserialize;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::{App, AppId, AppName, AppPhase, Error, FieldProblem, Resources, Timestamp, User};
use myksc_store::Tx;

use super::Apps;
use super::change::{MAX_TRIES, busy, name_taken};
use crate::catalogue::{Template, check_values};
use crate::control::Intent;
use crate::merge::accepted;
use crate::resources::{Frame, check_fit, check_period, in_use};

/// A launch as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchRequest {
    /// The template's id.
    pub template: String,
    /// The person's name for the app: 3 to 40 characters of `a-z`, `0-9` and `-`.
    pub name: String,
    /// What it may use; the template's defaults when absent.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Values of the template's fields.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub values: BTreeMap<String, String>,
}

impl Apps {
    /// Asks for a new app. It is on record when this returns.
    ///
    /// # Errors
    /// Every field that does not hold; a contract that is not in force; a template that can't run here.
    pub async fn launch(&self, user: &User, request: LaunchRequest) -> Result<App, Error> {
        self.launch_as(user, AppId::random(), request).await
    }

    /// Asks for a new app under an id that the caller chose. Asked again, it gives the app that is there.
    ///
    /// # Errors
    /// As [`Apps::launch`].
    pub async fn launch_as(&self, user: &User, id: AppId, request: LaunchRequest) -> Result<App, Error> {
        if let Some(app) = self.inner.store.app(&id).await?.filter(|app| app.owner == user.id) {
            return Ok(app);
        }
        let template = self.inner.catalogue.find(&request.template).ok_or_else(|| {
            Error::invalid(FieldProblem::new("template", "choice_unknown", "there is no such template"))
        })?;
        self.check_available(template)?;
        let mut problems = Vec::new();
        let name = AppName::parse(&request.name).map_err(|problem| problems.push(problem)).ok();
        let values =
            self.check_values(template, &request.values).map_err(|found| problems.extend(found)).ok();
        let resources = request.resources.unwrap_or(template.defaults);
        let mut tx = self.begin_in_turn().await?;
        problems.extend(self.check_resources(&mut tx, user, resources).await?);
        let (Some(name), Some(values), true) = (name, values, problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        let now = Timestamp::now();
        let mut app = App {
            id,
            owner: user.id.clone(),
            name,
            template: template.id.clone(),
            runtime: self.inner.runtime.name().to_owned(),
            phase: AppPhase::Starting,
            steps: vec![accepted(now)],
            failure: None,
            hold: None,
            auto_stop: None,
            resources,
            limits_by: None,
            values,
            generation: 1,
            created_at: now,
            launched_at: now,
            ended_at: None,
            revision: 0,
        };
        tx.insert_app(&mut app).await.map_err(name_taken)?;
        self.inner.ask(&mut tx, Intent::Launch, &app).await?;
        tx.commit().await?;
        crash::point(CrashPoint::LaunchRecorded);
        self.inner.publish_early(&app);
        Ok(app)
    }

    /// Launches an ended app once more. One that runs is left as it is.
    ///
    /// # Errors
    /// As [`Apps::get`] and [`Apps::launch`]; `app_stopping` while it ends.
    pub async fn start_again(&self, user: &User, id: &AppId) -> Result<App, Error> {
        for _ in 0..MAX_TRIES {
            let mut app = self.get(user, id).await?;
            match app.phase {
                AppPhase::Starting | AppPhase::Ready => return Ok(app),
                AppPhase::Stopping => return Err(Error::conflict("app_stopping", "the app is still ending")),
                AppPhase::Stopped | AppPhase::Failed | AppPhase::Deleted => {}
            }
            let template = self.inner.catalogue.find(&app.template).ok_or_else(|| {
                Error::conflict("template_gone", "the app's template is not in the catalogue any more")
            })?;
            self.check_available(template)?;
            // What the site allows may be something else by now.
            let mut problems = self.inner.runtime.check(template, &app.values);
            let mut tx = self.begin_in_turn().await?;
            problems.extend(self.check_resources(&mut tx, user, app.resources).await?);
            if !problems.is_empty() {
                return Err(Error::Invalid(problems));
            }
            begin_generation(&mut app);
            if tx.update_app(&mut app).await? {
                self.inner.ask(&mut tx, Intent::Launch, &app).await?;
                tx.commit().await?;
                crash::point(CrashPoint::LaunchRecorded);
                self.inner.publish_early(&app);
                return Ok(app);
            }
        }
        Err(busy())
    }

    /// The person's values with the defaults filled in, as they are kept.
    fn check_values(
        &self,
        template: &Template,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Vec<FieldProblem>> {
        let values = check_values(&template.fields, given)?;
        let problems = self.inner.runtime.check(template, &values);
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }

    fn check_available(&self, template: &Template) -> Result<(), Error> {
        let missing = self.inner.runtime.availability(template).missing;
        if missing.is_empty() {
            return Ok(());
        }
        let what = missing.iter().map(|missing| missing.what.as_str()).collect::<Vec<_>>().join(", ");
        let problem =
            FieldProblem::new("template", "template_unavailable", format!("{what} is missing here"));
        Err(Error::invalid(problem.with("what", what)))
    }

    /// A transaction that has the revision's row, so that no other launch is checked before this one is on
    /// record or given up.
    async fn begin_in_turn(&self) -> Result<Tx, Error> {
        let mut tx = self.inner.store.begin().await?;
        tx.next_revision().await?;
        Ok(tx)
    }

    async fn check_resources(
        &self,
        tx: &mut Tx,
        user: &User,
        asked: Resources,
    ) -> Result<Vec<FieldProblem>, Error> {
        let contract = self.inner.store.contract(&user.id).await?;
        check_period(contract.as_ref(), Timestamp::now())?;
        let used = in_use(&tx.apps_of(&user.id).await?);
        let frame = Frame { machine: self.inner.runtime.capacity(), contract: contract.as_ref(), used };
        Ok(check_fit(asked, &frame))
    }
}

fn begin_generation(app: &mut App) {
    let now = Timestamp::now();
    app.generation += 1;
    app.phase = AppPhase::Starting;
    app.steps = vec![accepted(now)];
    app.failure = None;
    app.hold = None;
    app.auto_stop = None;
    app.limits_by = None;
    app.launched_at = now;
    app.ended_at = None;
}
