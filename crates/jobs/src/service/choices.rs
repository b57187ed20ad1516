//! What a person may choose where a command of the site says it. Asked for as her, and kept for a while, so that a page
//! that is opened again runs no command.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use myksc_core::{Identity, UserId};
use tokio::time::Instant;

use crate::rules::{OptionField, SiteOption, SiteRules};
use crate::scheduler::Scheduler;

/// How long they are kept.
const AGE: Duration = Duration::from_secs(600);
/// Lists that are kept, of everybody.
const KEPT_MAX: usize = 2000;

/// Whose choices, of which field.
type Key = (UserId, String);

/// The lists of one system.
#[derive(Default)]
pub(super) struct Choices(Mutex<HashMap<Key, (Instant, Vec<String>)>>);

impl Choices {
    /// The site's options, with what she may choose. Where the command fails she may write what she likes: the scheduler
    /// has the last word.
    pub(super) async fn of(
        &self,
        who: &Identity,
        rules: &SiteRules,
        scheduler: &dyn Scheduler,
    ) -> Vec<SiteOption> {
        let of_option = async |option: &SiteOption| {
            let fields = option.fields.iter().map(|field| self.of_field(who, field, scheduler));
            SiteOption { fields: join_all(fields).await, ..option.clone() }
        };
        join_all(rules.options.iter().map(of_option)).await
    }

    async fn of_field(&self, who: &Identity, field: &OptionField, scheduler: &dyn Scheduler) -> OptionField {
        if field.choices_command.is_empty() {
            return field.clone();
        }
        let key = (who.user.clone(), field.id.clone());
        if let Some(choices) = self.kept(&key) {
            return OptionField { choices, ..field.clone() };
        }
        let argv: Vec<String> =
            field.choices_command.iter().map(|word| word.replace("{name}", &who.name)).collect();
        match scheduler.ask(who, &argv).await {
            Ok(printed) => {
                let choices = OptionField::choices_of(&printed);
                self.keep(key, choices.clone());
                OptionField { choices, ..field.clone() }
            }
            Err(error) => {
                tracing::warn!(field = field.id, user = who.name, %error, "there are no choices for now");
                field.clone()
            }
        }
    }

    fn kept(&self, key: &Key) -> Option<Vec<String>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(since, _)| since.elapsed() < AGE).map(|(_, choices)| choices.clone())
    }

    fn keep(&self, key: Key, choices: Vec<String>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (Instant::now(), choices));
    }
}
