//! An OpenID provider for tests, on a free port of the loopback, with faults to switch on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use url::Url;

use crate::oidc::OidcAnswer;

/// The moment at which the tests' clock stands, in seconds.
pub(super) const NOW_SECS: i64 = 1_800_000_000;
/// How many are asked about together in [`Mode::InGroups`].
pub(super) const GROUP: usize = crate::oidc::recheck::AT_ONCE;
pub(super) const CLIENT_ID: &str = "myksc";
pub(super) const CLIENT_SECRET: &str = "client secret: with %20";

/// The running provider; it ends with this.
pub(super) struct Fake {
    pub(super) issuer: String,
    state: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

/// How the provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Fine,
    Fails,
    Rubbish,
    Huge,
    Hangs,
    Redirects,
    /// Answers about nobody before it is asked about as many as there are in a group.
    InGroups,
}

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    Rs256,
    Es256,
    /// `alg: none`, without a signature.
    None,
    /// With the public RSA key taken for a shared secret.
    PublicKeyAsSecret,
    /// With a key of somebody else under the id of a known one.
    Forged,
}

/// What a refresh token is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshing {
    /// Fine, with a new token each time; older ones are good for nothing.
    Rotates,
    /// `invalid_grant`.
    Refused,
}

/// Changes the claims of ID tokens.
type Change = Box<dyn Fn(&mut Value) + Send>;

struct Script {
    issuer: String,
    mode: Mode,
    signing: Signing,
    refreshing: Refreshing,
    person: Value,
    change: Change,
    keys: Keys,
    published: Vec<Jwk>,
    names_itself: bool,
    scope: &'static str,
    codes: HashMap<String, Pending>,
    refresh_tokens: HashSet<String>,
    group: Arc<Barrier>,
    under_way: usize,
    most_under_way: usize,
    made: u32,
    rotations: usize,
    asked: HashMap<String, u32>,
}

struct Pending {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

#[derive(Clone)]
struct Keys {
    rsa: EncodingKey,
    rsa_jwk: Jwk,
    ec: EncodingKey,
    ec_jwk: Jwk,
}

/// The keys between rotations. Making one takes its time, so all tests have the same.
static KEYS: LazyLock<[Keys; 3]> = LazyLock::new(|| [Keys::new("1"), Keys::new("2"), Keys::new("3")]);
/// Keys that sign nothing for this provider.
static OTHERS: LazyLock<Keys> = LazyLock::new(|| Keys::new("others"));

impl Fake {
    pub(super) async fn start() -> Self {
        LazyLock::force(&OTHERS);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/centre", listener.local_addr().unwrap());
        let keys = KEYS[0].clone();
        let script = Script {
            issuer: issuer.clone(),
            mode: Mode::Fine,
            signing: Signing::Rs256,
            refreshing: Refreshing::Rotates,
            person: json!({ "sub": "sub-lee", "preferred_username": "lee", "sid": "sid-1" }),
            change: Box::new(|_| {}),
            published: vec![keys.rsa_jwk.clone(), keys.ec_jwk.clone()],
            keys,
            names_itself: false,
            scope: "openid offline_access",
            codes: HashMap::new(),
            refresh_tokens: HashSet::new(),
            group: Arc::new(Barrier::new(GROUP)),
            under_way: 0,
            most_under_way: 0,
            made: 0,
            rotations: 0,
            asked: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(script));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, state, server }
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    pub(super) fn sign_by(&self, signing: Signing) {
        self.state.lock().unwrap().signing = signing;
    }

    pub(super) fn refresh_by(&self, refreshing: Refreshing) {
        self.state.lock().unwrap().refreshing = refreshing;
    }

    /// Who signs in from now on.
    pub(super) fn set_person(&self, person: Value) {
        self.state.lock().unwrap().person = person;
    }

    /// Changes the claims of ID tokens from now on.
    pub(super) fn change_claims(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.state.lock().unwrap().change = Box::new(change);
    }

    /// Says in its configuration that it names itself in its answers.
    pub(super) fn name_itself(&self) {
        self.state.lock().unwrap().names_itself = true;
    }

    /// Grants this scope from now on, whatever is asked for.
    pub(super) fn grant(&self, scope: &'static str) {
        self.state.lock().unwrap().scope = scope;
    }

    /// Signs with new keys from now on.
    pub(super) fn rotate_keys(&self) {
        let mut script = self.state.lock().unwrap();
        script.rotations += 1;
        script.keys = KEYS[script.rotations].clone();
        script.published = vec![script.keys.rsa_jwk.clone(), script.keys.ec_jwk.clone()];
    }

    /// How often an address whose path ends so was asked.
    pub(super) fn asked(&self, end: &str) -> u32 {
        let script = self.state.lock().unwrap();
        script.asked.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, times)| times).sum()
    }

    /// The most requests that waited for each other at once.
    pub(super) fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    /// Does what a person does at the address that she was sent to: she comes back with a code.
    pub(super) fn sign_in(&self, address: &str) -> OidcAnswer {
        let address = Url::parse(address).unwrap();
        let query: HashMap<_, _> = address.query_pairs().into_owned().collect();
        let asked: BTreeSet<_> = query.keys().map(String::as_str).collect();
        let usual = [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
        ];
        assert_eq!(asked, BTreeSet::from(usual));
        assert_eq!((query["client_id"].as_str(), query["response_type"].as_str()), (CLIENT_ID, "code"));
        assert_eq!(query["code_challenge_method"], "S256");
        let mut script = self.state.lock().unwrap();
        let code = script.new_name("code");
        let pending = Pending {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
        };
        script.codes.insert(code.clone(), pending);
        OidcAnswer {
            code: Some(code),
            state: Some(query["state"].clone()),
            issuer: Some(self.issuer.clone()),
            error: None,
        }
    }

    /// A logout token with these claims over the usual ones; `null` takes a claim away.
    pub(super) fn logout_token(&self, kind: Option<&str>, claims: &Value) -> String {
        let script = self.state.lock().unwrap();
        let mut all = json!({
            "iss": script.issuer,
            "aud": CLIENT_ID,
            "iat": NOW_SECS,
            "exp": NOW_SECS + 120,
            "jti": "logout-1",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let mut header = Header::new(Algorithm::RS256);
        header.kid = script.keys.rsa_jwk.common.key_id.clone();
        header.typ = kind.map(str::to_owned);
        jsonwebtoken::encode(&header, &all, &script.keys.rsa).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Keys {
    fn new(suffix: &str) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let rsa = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let der =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let ec = EncodingKey::from_ec_der(der.as_ref());
        Self {
            rsa_jwk: named(&rsa, Algorithm::RS256, &format!("rsa-{suffix}")),
            ec_jwk: named(&ec, Algorithm::ES256, &format!("ec-{suffix}")),
            rsa,
            ec,
        }
    }
}

fn named(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    jwk
}

impl Script {
    fn new_name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }

    fn configuration(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "unheard-of"],
            "authorization_response_iss_parameter_supported": self.names_itself,
        })
    }

    fn keys(&self) -> Value {
        let mut keys: Vec<Value> = self.published.iter().map(|key| json!(key)).collect();
        // As real providers publish them: keys for other ends, and of kinds that nobody has heard of.
        let mut other = json!(OTHERS.rsa_jwk);
        (other["use"], other["alg"]) = (json!("enc"), json!("RSA-OAEP"));
        keys.push(other);
        keys.push(json!({ "kty": "unheard-of", "kid": "x" }));
        json!({ "keys": keys })
    }

    fn tokens(&mut self, headers: &HeaderMap, form: &HashMap<String, String>) -> (StatusCode, Value) {
        let refused = |why: &str| (StatusCode::BAD_REQUEST, json!({ "error": why }));
        if !is_the_client(headers) {
            return (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }));
        }
        let text = |name: &str| form.get(name).cloned().unwrap_or_default();
        match text("grant_type").as_str() {
            "authorization_code" => {
                let Some(pending) = self.codes.remove(&text("code")) else { return refused("invalid_grant") };
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(text("code_verifier")));
                if challenge != pending.challenge || text("redirect_uri") != pending.redirect_uri {
                    return refused("invalid_grant");
                }
                let id_token = self.id_token(Some(&pending.nonce));
                (StatusCode::OK, self.granted(&id_token))
            }
            "refresh_token" => {
                let is_known = self.refresh_tokens.remove(&text("refresh_token"));
                if self.refreshing == Refreshing::Refused || !is_known {
                    return refused("invalid_grant");
                }
                let id_token = self.id_token(None);
                (StatusCode::OK, self.granted(&id_token))
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    fn granted(&mut self, id_token: &str) -> Value {
        let refresh_token = self.new_name("refresh");
        self.refresh_tokens.insert(refresh_token.clone());
        json!({
            "access_token": "access",
            "token_type": "Bearer",
            "expires_in": 60,
            "scope": self.scope,
            "refresh_token": refresh_token,
            "id_token": id_token,
        })
    }

    fn id_token(&self, nonce: Option<&str>) -> String {
        let mut claims = json!({
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "iat": NOW_SECS,
            "exp": NOW_SECS + 60,
            "nonce": nonce,
        });
        for (name, value) in self.person.as_object().unwrap() {
            claims[name] = value.clone();
        }
        (self.change)(&mut claims);
        let rsa_id = self.keys.rsa_jwk.common.key_id.clone();
        let signed = |algorithm, id: Option<String>, key: &EncodingKey| {
            let mut header = Header::new(algorithm);
            header.kid = id;
            jsonwebtoken::encode(&header, &claims, key).unwrap()
        };
        match self.signing {
            Signing::Rs256 => signed(Algorithm::RS256, rsa_id, &self.keys.rsa),
            Signing::Es256 => signed(Algorithm::ES256, self.keys.ec_jwk.common.key_id.clone(), &self.keys.ec),
            Signing::Forged => signed(Algorithm::RS256, rsa_id, &OTHERS.rsa),
            Signing::None => {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
            }
            Signing::PublicKeyAsSecret => {
                let public = json!(self.keys.rsa_jwk).to_string();
                signed(Algorithm::HS256, rsa_id, &EncodingKey::from_secret(public.as_bytes()))
            }
        }
    }
}

fn is_the_client(headers: &HeaderMap) -> bool {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
    let expected = format!("Basic {}", STANDARD.encode(both));
    headers.get(AUTHORIZATION).is_some_and(|shown| shown.as_bytes() == expected.as_bytes())
}

async fn answer(State(state): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mode = {
        let mut script = state.lock().unwrap();
        *script.asked.entry(parts.uri.path().to_owned()).or_default() += 1;
        script.mode
    };
    let (status, body) = match mode {
        Mode::Fine => fine(&state, parts.uri.path(), &parts.headers, &body),
        Mode::Fails => (StatusCode::BAD_GATEWAY, Body::from("<h1>Bad gateway</h1>")),
        Mode::Rubbish => (StatusCode::OK, Body::from("{\"issuer\": 7")),
        Mode::Huge => (StatusCode::OK, Body::from(vec![b' '; 3 << 20])),
        Mode::Hangs => std::future::pending().await,
        Mode::InGroups => {
            wait_for_group(&state).await;
            fine(&state, parts.uri.path(), &parts.headers, &body)
        }
        Mode::Redirects => {
            let elsewhere = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            return elsewhere.header(LOCATION, "http://127.0.0.1:1/").body(Body::empty()).unwrap();
        }
    };
    Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(body).unwrap()
}

async fn wait_for_group(state: &Mutex<Script>) {
    let group = {
        let mut script = state.lock().unwrap();
        script.under_way += 1;
        script.most_under_way = script.most_under_way.max(script.under_way);
        Arc::clone(&script.group)
    };
    group.wait().await;
    state.lock().unwrap().under_way -= 1;
}

fn fine(state: &Mutex<Script>, path: &str, headers: &HeaderMap, body: &Bytes) -> (StatusCode, Body) {
    let mut script = state.lock().unwrap();
    let (status, answer) = match path {
        "/realms/centre/.well-known/openid-configuration" => (StatusCode::OK, script.configuration()),
        "/realms/centre/keys" => (StatusCode::OK, script.keys()),
        "/realms/centre/token" => {
            let form = url::form_urlencoded::parse(body).into_owned().collect();
            script.tokens(headers, &form)
        }
        _ => (StatusCode::NOT_FOUND, json!({})),
    };
    (status, Body::from(answer.to_string()))
}
