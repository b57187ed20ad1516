//! What people hold in their hands: an authenticator app, and a security key as a browser presents it
//! (W3C Web Authentication, attestation `none`, ES256).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use totp_rs::{Builder, Secret};

use super::{PORTAL, TestPortal};

/// An authenticator app.
pub(crate) struct App(Secret);

/// A security key with one credential.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    /// Where the browser says that its page comes from.
    pub(crate) origin: String,
    /// How often it signed.
    pub(crate) counter: u32,
}

/// A person was there; and the credential's data follow.
const USER_PRESENT: u8 = 0x01;
const CREDENTIAL_FOLLOWS: u8 = 0x40;

impl App {
    /// With the secret as it is shown for typing.
    pub(crate) fn with(secret: &str) -> Self {
        Self(Secret::try_from_base32(secret).unwrap())
    }

    /// What it shows now, by the portal's clock.
    pub(crate) fn code(&self, portal: &TestPortal) -> String {
        let totp = Builder::new().with_secret(self.0.clone()).build().unwrap();
        totp.generate(portal.now_secs()).to_string()
    }
}

impl Key {
    /// A key like no other.
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut id = [0u8; 16];
        id.copy_from_slice(&pair.public_key().as_ref()[1..17]);
        Self { pair, id, origin: PORTAL.to_owned(), counter: 0 }
    }

    /// What `navigator.credentials.create` answers.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.data(options["publicKey"]["rp"]["id"].as_str().unwrap(), CREDENTIAL_FOLLOWS);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        data.extend(self.cose());
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.extend([0x58, u8::try_from(data.len()).unwrap()]);
        object.extend(data);
        let response = json!({ "attestationObject": text(&object), "clientDataJSON": text(&client_data) });
        self.credential(&response)
    }

    /// What `navigator.credentials.get` answers.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(options["publicKey"]["rpId"].as_str().unwrap(), 0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        self.credential(&json!({
            "authenticatorData": text(&data),
            "clientDataJSON": text(&client_data),
            "signature": text(signature.as_ref()),
            "userHandle": null,
        }))
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn data(&mut self, relying_party: &str, more_flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Sha256::digest(relying_party.as_bytes()).to_vec();
        data.push(USER_PRESENT | more_flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y}
    fn cose(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..65]);
        cose
    }

    fn credential(&self, response: &Value) -> Value {
        let id = text(&self.id);
        let credential = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        });
        json!({ "credential": credential })
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
