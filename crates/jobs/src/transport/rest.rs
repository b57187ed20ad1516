//! slurmrestd(8), each person's requests as herself.
//!
//! Nothing runs over there for the portal. It has the key with which the cluster signs tokens (auth/jwt) and signs one
//! for each person, for her account alone and a few minutes, in memory. No redirect is followed and no proxy asked, every
//! request has a deadline and every answer a limit.

mod address;
mod answer;
mod token;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use myksc_core::Identity;
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use self::address::{RestAddress, RestAddressError};
pub(crate) use self::answer::OnlyErrors;
use self::answer::said;
pub(crate) use self::answer::{Answer, ApiError, List, words};
use self::token::Token;
pub use self::token::{JwtKey, JwtKeyError};
use super::{TransportError, account};

/// Requests of one person at the same time.
const TURNS: usize = 4;
/// How long somebody who was not let in is not tried again.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// People of whom something is kept.
const PEOPLE_MAX: usize = 4096;
/// What an error is read of.
const ERROR_BYTES_MAX: u64 = 1 << 20;

/// A slurmrestd and how people get in there.
pub struct RestConfig {
    /// Where it listens.
    pub address: RestAddress,
    /// PEM: the authorities that its certificate comes from; those of the system when absent.
    pub ca_pem: Option<Vec<u8>>,
    /// Signs for the people.
    pub key: JwtKey,
    /// The least UID of a person.
    pub min_uid: u32,
    /// How long an answer may take.
    pub deadline: Duration,
    /// Bytes of one answer.
    pub answer_bytes_max: u64,
}

/// What does not hold in a configuration.
#[derive(Debug, thiserror::Error)]
pub enum RestConfigError {
    /// The authorities can't be read.
    #[error("ca_file: {0}")]
    Authorities(String),
    /// There is no client for it.
    #[error("{0}")]
    Client(String),
}

/// A client of one slurmrestd.
pub(crate) struct Rest {
    config: RestConfig,
    client: reqwest::Client,
    people: Mutex<HashMap<String, Arc<Person>>>,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// The portal does not ask for this person, or she is not let in there.
    #[error("{0}")]
    NotLetIn(String),
    /// It certainly heard nothing.
    #[error("{0}")]
    Unreached(String),
    /// No answer came, or none that can be read: it may have done what was asked.
    #[error("{0}")]
    Lost(String),
    /// It says that there is nothing at that address.
    #[error("slurmrestd knows no {0}")]
    NoSuchPath(String),
    /// It refuses, in these words.
    #[error("{0}")]
    Refused(String),
}

/// What there is for one person.
struct Person {
    turns: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// Until when she is not tried again, and why.
    refused: Option<(Instant, String)>,
}

/// What came of one try.
enum Tried<T> {
    Answered(T),
    TokenNotTaken(String),
    /// Refused in words that may mean the token.
    Unclear(String),
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body) }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: None }
    }
}

impl Rest {
    /// Connects to nobody yet.
    pub(crate) fn new(config: RestConfig) -> Result<Self, RestConfigError> {
        let mut client = reqwest::Client::builder()
            // Whoever is asked for one thing must not send us elsewhere with a token.
            .redirect(Policy::none())
            .no_proxy()
            // A connection that slurmrestd closed meanwhile would leave open whether a submission arrived.
            .pool_max_idle_per_host(0)
            .connect_timeout(config.deadline)
            .user_agent("MyKSC");
        if let RestAddress::Socket(path) = &config.address {
            client = client.unix_socket(PathBuf::from(path));
        }
        if let Some(pem) = &config.ca_pem {
            let unreadable = |error: reqwest::Error| RestConfigError::Authorities(said(&error));
            let authorities = Certificate::from_pem_bundle(pem).map_err(unreadable)?;
            if authorities.is_empty() {
                return Err(RestConfigError::Authorities("there is no certificate in it".to_owned()));
            }
            client = client.tls_certs_only(authorities);
        }
        let client = client.build().map_err(|error| RestConfigError::Client(said(&error)))?;
        Ok(Self { config, client, people: Mutex::default() })
    }

    /// Asks as a person. A token that is not taken is signed anew, once.
    pub(crate) async fn call<T: Answer>(&self, who: &Identity, call: &Call) -> Result<T, RestError> {
        self.may_ask(who)?;
        let person = self.person(&who.name);
        let _turn = person.turns.acquire().await.map_err(|error| RestError::Unreached(error.to_string()))?;
        for is_last in [false, true] {
            let token = self.token(who, &person, is_last)?;
            match self.try_within_deadline(who, &token, call).await? {
                Tried::Answered(answer) => return Ok(answer),
                Tried::TokenNotTaken(why) if is_last => return Err(person.refuse(&who.name, &why)),
                Tried::TokenNotTaken(_) => {}
                // What changes something may have been done all the same.
                Tried::Unclear(why) if is_last || call.method != Method::GET => {
                    person.state().token = None;
                    return Err(RestError::Lost(why));
                }
                Tried::Unclear(_) => {}
            }
        }
        Err(RestError::Unreached("nothing was asked".to_owned()))
    }

    /// Whether she would be asked for now.
    pub(crate) fn may_ask(&self, who: &Identity) -> Result<(), RestError> {
        account::check_here(who, self.config.min_uid).map_err(|error| match error {
            TransportError::NotLetIn(why) => RestError::NotLetIn(why),
            other => RestError::Unreached(other.to_string()),
        })?;
        self.person(&who.name).check_refused(Instant::now())
    }

    /// Whether the account over there, as the record of a job has it, is the person that the portal means. The error is
    /// a sentence.
    pub(crate) fn check_there(
        &self,
        who: &Identity,
        uid: u32,
        gid: u32,
        by_name: bool,
    ) -> Result<(), String> {
        account::check_uid(&who.name, uid, self.config.min_uid)
            .and_then(|()| if by_name { Ok(()) } else { account::check_numbers(who, uid, gid) })
            .map_err(|error| error.to_string())
    }

    /// Asks nothing for her for a while.
    pub(crate) fn keep_out(&self, who: &Identity, why: &str) {
        self.person(&who.name).keep_out(why);
    }

    async fn try_within_deadline<T: Answer>(
        &self,
        who: &Identity,
        token: &Token,
        call: &Call,
    ) -> Result<Tried<T>, RestError> {
        let deadline = self.config.deadline;
        match tokio::time::timeout(deadline, self.try_once(who, token, call)).await {
            Ok(tried) => tried,
            Err(_) => Err(RestError::Lost(format!("slurmrestd did not answer in {} s", deadline.as_secs()))),
        }
    }

    async fn try_once<T: Answer>(
        &self,
        who: &Identity,
        token: &Token,
        call: &Call,
    ) -> Result<Tried<T>, RestError> {
        let mut request = self
            .client
            .request(call.method.clone(), self.config.address.of(&call.path))
            .header("X-SLURM-USER-NAME", &who.name)
            .header("X-SLURM-USER-TOKEN", token.header.clone())
            .header("Accept", "application/json");
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        if !status.is_success() {
            return refusal(status, response, &call.path).await;
        }
        let lost = |why: String| RestError::Lost(format!("slurmrestd: {why}"));
        let answer: T = answer::read(response, self.config.answer_bytes_max).await.map_err(lost)?;
        if answer::are_of_token(answer.errors()) {
            return Ok(Tried::TokenNotTaken(words(answer.errors())));
        }
        Ok(Tried::Answered(answer))
    }

    fn token(&self, who: &Identity, person: &Person, anew: bool) -> Result<Token, RestError> {
        let mut state = person.state();
        if let Some(token) = state.token.as_ref().filter(|token| !anew && token.is_fresh(Instant::now())) {
            return Ok(token.clone());
        }
        let token = self.config.key.mint(&who.name).map_err(RestError::Unreached)?;
        state.token = Some(token.clone());
        Ok(token)
    }

    fn person(&self, name: &str) -> Arc<Person> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= PEOPLE_MAX && !people.contains_key(name) {
            let now = Instant::now();
            people.retain(|_, person| Arc::strong_count(person) > 1 || person.is_refused(now));
        }
        Arc::clone(people.entry(name.to_owned()).or_insert_with(|| Arc::new(Person::new())))
    }
}

impl Person {
    fn new() -> Self {
        Self { turns: Semaphore::new(TURNS), state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_refused(&self, now: Instant) -> bool {
        self.state().refused.as_ref().is_some_and(|(until, _)| now < *until)
    }

    fn check_refused(&self, now: Instant) -> Result<(), RestError> {
        match &self.state().refused {
            Some((until, why)) if now < *until => Err(RestError::NotLetIn(why.clone())),
            _ => Ok(()),
        }
    }

    fn refuse(&self, name: &str, why: &str) -> RestError {
        let known = "is the key the cluster's, and are the clocks right?";
        let why = format!("slurmrestd does not let {name} in: {why} ({known})");
        self.keep_out(&why);
        RestError::NotLetIn(why)
    }

    fn keep_out(&self, why: &str) {
        let mut state = self.state();
        state.token = None;
        state.refused = Some((Instant::now() + REFUSED_PAUSE, why.to_owned()));
    }
}

/// What a status of failure means. `Lost` where it may have been done all the same.
async fn refusal<T>(
    status: StatusCode,
    response: reqwest::Response,
    path: &str,
) -> Result<Tried<T>, RestError> {
    if status.is_redirection() {
        return Err(RestError::Lost(format!("slurmrestd answers {status}; redirects are not followed")));
    }
    let read = answer::read::<OnlyErrors>(response, ERROR_BYTES_MAX).await;
    let errors = read.as_ref().map(|answer| answer.errors()).unwrap_or_default();
    let said = words(errors);
    if status == StatusCode::UNAUTHORIZED || answer::are_of_token(errors) {
        return Ok(Tried::TokenNotTaken(if said.is_empty() { status.to_string() } else { said }));
    }
    if answer::may_be_of_token(errors) {
        return Ok(Tried::Unclear(said));
    }
    match (!said.is_empty(), status.is_client_error()) {
        (true, _) => Err(RestError::Refused(said)),
        (false, true) if status == StatusCode::NOT_FOUND => {
            Err(RestError::NoSuchPath(path.split('?').next().unwrap_or_default().to_owned()))
        }
        (false, true) => Err(RestError::Refused(format!("slurmrestd answers {status}"))),
        (false, false) => Err(RestError::Lost(format!("slurmrestd answers {status}"))),
    }
}

fn no_answer(error: reqwest::Error) -> RestError {
    let is_unreached = error.is_connect() || error.is_builder();
    let text = said(&error.without_url());
    if is_unreached {
        return RestError::Unreached(format!("slurmrestd is not reached: {text}"));
    }
    RestError::Lost(format!("slurmrestd: {text}"))
}
