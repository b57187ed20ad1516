//! What operators do about people: finding them, locking them, and ending what they have open.

use myksc_core::{Error, FieldProblem, Result, Role, User, UserId};
use myksc_store::{LockOutcome, Session, Standing, Store};

use crate::factors::{Factors, FactorsOf};
use crate::people::People;
use crate::sessions::Sessions;
use crate::tokens::Tokens;

/// People on a page at most.
const PAGE_MAX: u32 = 200;
/// Longest reason for a lock, in characters.
const MAX_REASON_CHARS: usize = 200;

/// A page of people.
#[derive(Debug, Clone)]
pub struct PeoplePage {
    /// By name.
    pub items: Vec<User>,
    /// What to ask the next page with; none on the last.
    pub next_cursor: Option<String>,
}

/// What operators see of a person.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The person.
    pub user: User,
    /// Whether she may be here, and by whose word not.
    pub standing: Standing,
    /// Where she is signed in.
    pub sessions: Vec<Session>,
    /// How many API tokens she has.
    pub tokens: usize,
    /// Her second factors.
    pub factors: FactorsOf,
}

/// The operators' desk; cheap to clone.
#[derive(Clone)]
pub struct Operators {
    store: Store,
    people: People,
    sessions: Sessions,
    tokens: Tokens,
    factors: Factors,
}

impl Operators {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, people: People, sessions: Sessions, tokens: Tokens, factors: Factors) -> Self {
        Self { store, people, sessions, tokens, factors }
    }

    /// People whose name or full name has `part` in it, or whose UID it is.
    ///
    /// # Errors
    /// Invalid at `query` or `cursor` (`value_invalid`).
    pub async fn find(&self, part: &str, cursor: Option<&str>, limit: u32) -> Result<PeoplePage> {
        let after = cursor.unwrap_or_default();
        for (field, text) in [("query", part), ("cursor", after)] {
            if text.chars().any(char::is_control) {
                let problem = FieldProblem::new(field, "value_invalid", "no name has control characters");
                return Err(Error::invalid(problem));
            }
        }
        let limit = limit.clamp(1, PAGE_MAX);
        // One more tells whether there is a next page.
        let mut items = self.store.find_users(part.trim(), after, limit + 1).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| has_more).map(|user| user.name.clone());
        Ok(PeoplePage { items, next_cursor })
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn user(&self, id: &UserId) -> Result<User> {
        self.store.user(id).await?.ok_or_else(|| Error::not_found("user", id))
    }

    /// What is known of a person.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn profile(&self, id: &UserId) -> Result<Profile> {
        let user = self.user(id).await?;
        let standing = self.store.standing(id).await?.ok_or_else(|| Error::not_found("user", id))?;
        Ok(Profile {
            standing,
            sessions: self.sessions.list(id).await?,
            tokens: self.tokens.list(id).await?.len(),
            factors: self.factors.of(&user).await?,
            user,
        })
    }

    /// Locks a person: her sessions end, her tokens are refused, and whoever listens to [`People::subscribe`] ends
    /// what she runs.
    ///
    /// # Errors
    /// [`Error::NotFound`]; invalid at `reason` (`reason_invalid`); conflict `own_account` when it is the operator
    /// herself, `last_operator` when nobody would be left to unlock anybody.
    pub async fn lock(&self, operator: &UserId, id: &UserId, reason: Option<&str>) -> Result<()> {
        refuse_own(operator, id)?;
        let reason = check_reason(reason)?;
        match self.store.lock_user(id, reason).await? {
            LockOutcome::NoSuchUser => Err(Error::not_found("user", id)),
            LockOutcome::LastOperator => {
                Err(Error::conflict("last_operator", "nobody would be left to unlock anybody"))
            }
            LockOutcome::Locked(ended) => {
                for session in ended {
                    self.sessions.announce(session, id.clone());
                }
                self.people.announce_shut_out(id);
                Ok(())
            }
        }
    }

    /// Takes back [`Operators::lock`].
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn unlock(&self, id: &UserId) -> Result<()> {
        if self.store.unlock_user(id).await? { Ok(()) } else { Err(Error::not_found("user", id)) }
    }

    /// Ends all of a person's sessions and what they opened.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn end_sessions(&self, id: &UserId) -> Result<()> {
        self.user(id).await?;
        self.sessions.end_all(id, None).await
    }

    /// Takes a person's second factors away, so that she enrols anew; her sessions end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; conflict `own_account` when it is the operator herself, who has her own page for it.
    pub async fn reset_factors(&self, operator: &UserId, id: &UserId) -> Result<()> {
        refuse_own(operator, id)?;
        self.user(id).await?;
        self.factors.reset(id).await
    }

    /// Gives a local account a role.
    ///
    /// # Errors
    /// [`Error::NotFound`]; conflict `role_from_provider` when her provider's groups say what she is.
    pub async fn set_role(&self, user: &User, role: Role) -> Result<()> {
        if user.provider != User::LOCAL {
            let params = [("provider".to_owned(), user.provider.clone().into())].into();
            let detail = format!("the groups of {:?} say what role {} has", user.provider, user.name);
            return Err(Error::Conflict { code: "role_from_provider", params, detail });
        }
        if self.store.set_role(&user.id, role).await? {
            Ok(())
        } else {
            Err(Error::not_found("user", &user.name))
        }
    }
}

fn refuse_own(operator: &UserId, id: &UserId) -> Result<()> {
    if operator == id {
        return Err(Error::conflict("own_account", "another operator must do this to your own account"));
    }
    Ok(())
}

fn check_reason(reason: Option<&str>) -> Result<Option<&str>> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason
        .is_some_and(|text| text.chars().count() > MAX_REASON_CHARS || text.chars().any(char::is_control))
    {
        let detail = format!("use at most {MAX_REASON_CHARS} characters without line breaks");
        let problem = FieldProblem::new("reason", "reason_invalid", detail);
        return Err(Error::invalid(problem.with("max", MAX_REASON_CHARS)));
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use myksc_testdb::each_engine;

    use super::*;
    use crate::Credentials;
    use crate::testing::{World, right_password, somewhere};

    #[tokio::test]
    async fn an_operator_locks_others_but_neither_herself_nor_the_last_one() {
        each_engine(|store| async move {
            let world = World::new(store);
            let (kim, lee) = (world.person("kim").await, world.person("lee").await);
            let desk = &world.access.operators;
            desk.set_role(&kim, Role::Operator).await.unwrap();
            let opened = world.session(&lee).await;
            let mut shut_out = world.access.people.subscribe();
            desk.lock(&kim.id, &lee.id, Some("  left  ")).await.unwrap();
            assert!(world.verify(&opened).await.is_none());
            assert_eq!(shut_out.try_recv().unwrap().user, lee.id);
            let profile = desk.profile(&lee.id).await.unwrap();
            assert!(profile.user.locked && profile.sessions.is_empty());
            assert_eq!(profile.standing.lock_reason.as_deref(), Some("left"));
            let password = right_password();
            let given = Credentials { provider: None, name: "lee", password: &password };
            let sign_in = world.access.sign_in.sign_in(given, &somewhere(), None).await;
            assert!(sign_in.is_err());

            let own = desk.lock(&kim.id, &kim.id, None).await;
            assert!(matches!(own, Err(Error::Conflict { code: "own_account", .. })), "{own:?}");
            let last = desk.lock(&lee.id, &kim.id, None).await;
            assert!(matches!(last, Err(Error::Conflict { code: "last_operator", .. })), "{last:?}");
            let long = desk.lock(&kim.id, &lee.id, Some(&"x".repeat(MAX_REASON_CHARS + 1))).await;
            assert!(matches!(long, Err(Error::Invalid(_))), "{long:?}");
            desk.unlock(&lee.id).await.unwrap();
            assert!(!desk.profile(&lee.id).await.unwrap().user.locked);
        })
        .await;
    }

    #[tokio::test]
    async fn people_come_page_by_page() {
        each_engine(|store| async move {
            let world = World::new(store);
            for name in ["kim", "lee", "park"] {
                world.person(name).await;
            }
            let desk = &world.access.operators;
            let first = desk.find("", None, 2).await.unwrap();
            assert_eq!(first.next_cursor.as_deref(), Some("lee"));
            let second = desk.find("", first.next_cursor.as_deref(), 2).await.unwrap();
            assert_eq!((second.items[0].name.as_str(), second.next_cursor), ("park", None));
            assert!(desk.find("\0", None, 2).await.is_err());
            assert!(desk.find("", Some("\0"), 2).await.is_err());
        })
        .await;
    }
}
