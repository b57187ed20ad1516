//! Whether what somebody showed still holds, for as long as something stays open that she opened by it: a stream of
//! events, a download, an upload.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior};

use myksc_core::{SessionId, Timestamp, TokenId, UserId};

use crate::Access;
use crate::clock::Clock;
use crate::people::ShutOut;
use crate::sessions::{SessionEnded, Sessions};
use crate::tokens::Tokens;

/// How often it is looked for what nobody announced: a token that was deleted, a lock by another process.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// What somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The cookie of a session.
    Session(SessionId),
    /// An API token.
    Token(TokenId),
}

/// Lasts for as long as what somebody showed does: until her session ends, her token is deleted or over, or she is
/// locked. While the database is away it lasts no longer than the site says.
pub struct Lease {
    sessions: Sessions,
    tokens: Tokens,
    clock: Clock,
    user: UserId,
    shown: Shown,
    ended: broadcast::Receiver<SessionEnded>,
    shut_out: broadcast::Receiver<ShutOut>,
    looks: Interval,
    /// Something of hers changed, so that it is not known whether this still holds.
    is_in_doubt: bool,
    held_at: Timestamp,
}

impl Lease {
    /// For somebody who was let in just now.
    pub(crate) fn new(access: &Access, user: UserId, shown: Shown) -> Self {
        let (sessions, tokens, clock) =
            (access.sessions.clone(), access.tokens.clone(), access.clock.clone());
        let (ended, shut_out) = (sessions.subscribe(), access.people.subscribe());
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.reset();
        let held_at = sessions.remembered().answered_at();
        // A lock may have come between the request and this.
        let is_in_doubt = true;
        Self { sessions, tokens, clock, user, shown, ended, shut_out, looks, is_in_doubt, held_at }
    }

    /// Waits until it holds no more. A wait that is given up misses nothing: the next one goes on.
    pub async fn ended(&mut self) {
        loop {
            if self.is_in_doubt {
                if !self.holds().await {
                    return;
                }
                self.is_in_doubt = false;
            }
            tokio::select! {
                ended = self.ended.recv() => match ended {
                    Ok(ended) if matches!(&self.shown, Shown::Session(own) if *own == ended.session) => return,
                    Ok(ended) if ended.user != self.user => {}
                    // One of her sessions, as by a lock; or too many to tell.
                    _ => self.is_in_doubt = true,
                },
                shut_out = self.shut_out.recv() => match shut_out {
                    Ok(shut_out) if shut_out.user != self.user => {}
                    // Nobody is left who would tell: the portal stops.
                    Err(RecvError::Closed) => return,
                    _ => self.is_in_doubt = true,
                },
                _ = self.looks.tick() => self.is_in_doubt = true,
            }
        }
    }

    async fn holds(&mut self) -> bool {
        let held = match &self.shown {
            Shown::Session(id) => self.sessions.alive(id).await.map(|session| session.is_some()),
            Shown::Token(id) => self.tokens.is_alive(&self.user, id).await,
        };
        match held {
            Ok(holds) => {
                self.held_at = self.clock.now();
                holds
            }
            Err(error) => {
                tracing::debug!(%error, "whether somebody may go on is not known");
                self.sessions.remembered().is_fresh(self.held_at, self.clock.now())
            }
        }
    }
}

#[cfg(test)]
mod tests;
