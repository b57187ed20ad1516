//! Passkeys (W3C Web Authentication): ceremonies of adding one and of signing in by one.
//!
//! They stand beside a password, so an authenticator that asks for no PIN is taken, too.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;
use webauthn_rs::prelude::{
    CreationChallengeResponse, SecurityKey, SecurityKeyAuthentication, SecurityKeyRegistration, Uuid,
    Webauthn, WebauthnBuilder, WebauthnError,
};

use myksc_core::{Error, FieldProblem, PasskeyId, Result, User, UserId};
use myksc_store::{Ceremony, Passkey};
use secrecy::SecretString;

use super::recovery::NewCodes;
use super::{Factors, nothing_begun, removed};

/// The portal as authenticators know it.
pub(super) struct RelyingParty(Webauthn);

/// What the end of adding a passkey needs.
#[derive(Serialize, serde::Deserialize)]
struct Adding {
    name: String,
    registration: SecurityKeyRegistration,
}

/// Most passkeys of a person.
const MOST: i64 = 20;
/// Longest name of a passkey, in characters.
const MAX_NAME_CHARS: usize = 60;
const ADD: &str = "passkey_add";
const SHOW: &str = "passkey_show";

impl RelyingParty {
    /// With the origin's host as its id. None at an address without a name, where browsers offer no passkeys.
    pub(super) fn of(origin: &str, name: &str) -> Option<Self> {
        let origin = Url::parse(origin).ok()?;
        let webauthn = WebauthnBuilder::new(origin.domain()?, &origin).ok()?.rp_name(name).build().ok()?;
        Some(Self(webauthn))
    }
}

impl Factors {
    /// Begins the adding of a passkey: the options for `navigator.credentials.create`, as JSON.
    ///
    /// # Errors
    /// Invalid at `name`; forbidden with `factors_elsewhere`; conflict `passkeys_unavailable` or `passkeys_too_many`.
    pub async fn begin_passkey(&self, holder: &str, user: &User, name: &str) -> Result<Value> {
        self.check_has_rule(user)?;
        let name = check_name(name)?;
        let present = self.store.passkeys_of(&user.id).await?;
        if i64::try_from(present.len()).is_ok_and(|count| count >= MOST) {
            return Err(too_many());
        }
        let present = present.iter().map(|passkey| Ok(read(passkey)?.cred_id().clone()));
        let present = present.collect::<Result<Vec<_>>>()?;
        let begun = self.webauthn()?.start_securitykey_registration(
            handle_of(&user.id),
            &user.name,
            &user.display_name,
            Some(present),
            None,
            None,
        );
        let (options, registration) = begun.map_err(Error::internal)?;
        let state = serde_json::to_vec(&Adding { name, registration }).map_err(Error::internal)?;
        self.begin(Ceremony { holder, kind: ADD }, &user.id, &state).await?;
        serde_json::to_value(open_to_every_authenticator(options)).map_err(Error::internal)
    }

    /// Adds the passkey that the browser made. Recovery codes come along when the person had none.
    ///
    /// # Errors
    /// Invalid at `credential` with `passkey_wrong`; conflict `factor_not_begun`, `passkey_taken` or
    /// `passkeys_too_many`.
    pub async fn finish_passkey(
        &self,
        holder: &str,
        user: &User,
        credential: Value,
    ) -> Result<(Passkey, Vec<SecretString>)> {
        let ceremony = Ceremony { holder, kind: ADD };
        let (state, sealed) = self.begun(ceremony, &user.id).await?;
        let Adding { name, registration } = serde_json::from_slice(&state).map_err(Error::internal)?;
        let credential = parse(credential)?;
        self.end(ceremony, &sealed).await?;
        let finished = self.webauthn()?.finish_securitykey_registration(&credential, &registration);
        let key = finished.map_err(|error| wrong_passkey(&error))?;
        let passkey = Passkey {
            id: PasskeyId::random(),
            user: user.id.clone(),
            name,
            credential_id: hex::encode(key.cred_id()),
            body: serde_json::to_string(&key).map_err(Error::internal)?,
            created_at: self.clock.now(),
            last_used_at: None,
        };
        match self.store.create_passkey(&passkey, MOST).await {
            Ok(true) => {}
            Ok(false) => return Err(too_many()),
            Err(error) if error.is_duplicate() => {
                return Err(Error::conflict("passkey_taken", "this passkey is somebody's already"));
            }
            Err(error) => return Err(error.into()),
        }
        let codes = self.first_recovery_codes(&user.id).await?;
        Ok((passkey, codes))
    }

    /// Takes a passkey of a person away.
    ///
    /// # Errors
    /// [`Error::NotFound`]; conflict `factor_required` when it is the last factor and the site demands one.
    pub async fn remove_passkey(&self, user: &User, id: &PasskeyId) -> Result<()> {
        let removal = self.store.remove_passkey(&user.id, id, self.keeps_last(user)).await?;
        removed(removal, "passkey", id.as_str())
    }

    /// Begins to ask for a passkey: the options for `navigator.credentials.get`, as JSON.
    pub(crate) async fn ask_passkey(&self, holder: &str, user: &User) -> Result<Value> {
        let keys = self.store.passkeys_of(&user.id).await?;
        let keys = keys.iter().map(read).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(Error::not_found("passkey", ""));
        }
        let begun = self.webauthn()?.start_securitykey_authentication(&keys);
        let (mut options, state) = begun.map_err(Error::internal)?;
        options.public_key.hints = None;
        let state = serde_json::to_vec(&state).map_err(Error::internal)?;
        self.begin(Ceremony { holder, kind: SHOW }, &user.id, &state).await?;
        serde_json::to_value(options).map_err(Error::internal)
    }

    /// Takes the signature that was asked for; a second one needs to be asked for anew.
    pub(crate) async fn take_passkey(&self, holder: &str, user: &User, credential: Value) -> Result<()> {
        let ceremony = Ceremony { holder, kind: SHOW };
        let (state, sealed) = self.begun(ceremony, &user.id).await?;
        let state: SecurityKeyAuthentication = serde_json::from_slice(&state).map_err(Error::internal)?;
        let credential = parse(credential)?;
        self.end(ceremony, &sealed).await?;
        let shown = self.webauthn()?.finish_securitykey_authentication(&credential, &state);
        let shown = shown.map_err(|error| wrong_passkey(&error))?;
        for passkey in self.store.passkeys_of(&user.id).await? {
            let mut key = read(&passkey)?;
            if key.update_credential(&shown).is_some() {
                let body = serde_json::to_string(&key).map_err(Error::internal)?;
                if self.store.passkey_used(&passkey.id, &body, self.clock.now()).await? {
                    return Ok(());
                }
            }
        }
        // It was taken away while it was asked for.
        Err(wrong_passkey(&WebauthnError::CredentialNotFound))
    }

    async fn first_recovery_codes(&self, user: &UserId) -> Result<Vec<SecretString>> {
        if self.store.recovery_codes_left(user).await? > 0 {
            return Ok(Vec::new());
        }
        let new = NewCodes::of(user);
        let kept = self.store.replace_recovery_codes(user, &new.hashes).await?;
        if kept { Ok(new.codes) } else { Err(nothing_begun()) }
    }

    fn webauthn(&self) -> Result<&Webauthn> {
        let relying_party = self.shared.relying_party.as_ref();
        relying_party.map(|party| &party.0).ok_or_else(|| {
            Error::conflict(
                "passkeys_unavailable",
                "the portal's address has no name, so browsers know no passkeys",
            )
        })
    }
}

/// Leaves the choice of authenticator, and whether it asks for a PIN, to the person: the library would have security keys
/// alone, and have browsers insist on a PIN.
fn open_to_every_authenticator(mut options: CreationChallengeResponse) -> CreationChallengeResponse {
    options.public_key.hints = None;
    if let Some(extensions) = &mut options.public_key.extensions {
        extensions.cred_protect = None;
    }
    options
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let detail = format!("use 1 to {MAX_NAME_CHARS} characters");
    let problem = FieldProblem::new("name", "passkey_name_invalid", detail).with("max", MAX_NAME_CHARS);
    Err(Error::invalid(problem))
}

/// What authenticators know a person by; it tells nothing of her.
fn handle_of(user: &UserId) -> Uuid {
    let hash = Sha256::digest(format!("passkey {user}").as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(bytes)
}

fn read(passkey: &Passkey) -> Result<SecurityKey> {
    serde_json::from_str(&passkey.body).map_err(Error::internal)
}

fn parse<T: DeserializeOwned>(credential: Value) -> Result<T> {
    serde_json::from_value(credential)
        .map_err(|error| Error::invalid(FieldProblem::new("credential", "value_invalid", error.to_string())))
}

fn wrong_passkey(error: &WebauthnError) -> Error {
    let detail = format!("the passkey's answer does not hold: {error}");
    Error::invalid(FieldProblem::new("credential", "passkey_wrong", detail))
}

fn too_many() -> Error {
    Error::conflict("passkeys_too_many", format!("a person has {MOST} passkeys at most"))
}
