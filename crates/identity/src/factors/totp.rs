//! Time-based codes (RFC 6238): six digits of 30 seconds by SHA-1, which every authenticator app knows; one step of skew
//! either way.

use qrcode::QrCode;
use qrcode::render::svg;
use secrecy::SecretString;
use totp_rs::{Builder, Secret, Totp};

use myksc_core::{Error, Result, User, UserId};
use myksc_store::Ceremony;

use super::recovery::NewCodes;
use super::{Factors, nothing_begun, removed, wrong_code};

/// A secret to put into an authenticator app; nothing is enrolled before one of its codes came back.
pub struct NewTotp {
    /// The secret in base32, for typing.
    pub secret: SecretString,
    /// The same as an `otpauth:` address.
    pub uri: SecretString,
    /// That address as a QR code, an SVG document.
    pub qr_svg: SecretString,
}

/// 160 bits, as RFC 4226 section 4 recommends.
const SECRET_BYTES: usize = 20;
/// Smallest edge of the QR code, in pixels.
const QR_EDGE: u32 = 240;
const KIND: &str = "totp";

/// Whether a text can be such a code; spaces do not matter.
pub(super) fn is_code(text: &str) -> bool {
    let digits = without_spaces(text);
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl Factors {
    /// Begins the enrolment of an authenticator app, in place of the present one if there is any. `holder` is the id of
    /// the session, or what stands for the pending sign-in; it alone can confirm it.
    ///
    /// # Errors
    /// Forbidden with `factors_elsewhere`.
    pub async fn begin_totp(&self, holder: &str, user: &User) -> Result<NewTotp> {
        self.check_has_rule(user)?;
        let mut secret = [0u8; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(Error::internal)?;
        let new = self.describe(&secret, user)?;
        self.begin(Ceremony { holder, kind: KIND }, &user.id, &secret).await?;
        Ok(new)
    }

    /// Enrols the authenticator app that shows this code, and gives new recovery codes.
    ///
    /// # Errors
    /// Invalid at `code` with `code_wrong`, and it can be tried again; conflict `factor_not_begun`.
    pub async fn confirm_totp(&self, holder: &str, user: &User, code: &str) -> Result<Vec<SecretString>> {
        self.enrol_totp(holder, user, code, false).await
    }

    /// The same where it must be the person's first factor.
    pub(crate) async fn confirm_first_totp(
        &self,
        holder: &str,
        user: &User,
        code: &str,
    ) -> Result<Vec<SecretString>> {
        self.enrol_totp(holder, user, code, true).await
    }

    /// Takes the authenticator app away, for whoever shows a code.
    ///
    /// # Errors
    /// Invalid at `code` with `code_wrong`; [`Error::TooMany`] after wrong ones; conflict `factor_required` when it is
    /// the last factor and the site demands one.
    pub async fn remove_totp(&self, user: &User, code: &str) -> Result<()> {
        if self.store.totp(&user.id).await?.is_none() {
            return Err(Error::not_found(KIND, ""));
        }
        self.take_code(user, code).await?;
        removed(self.store.remove_totp(&user.id, self.keeps_last(user)).await?, KIND, "")
    }

    pub(super) async fn take_totp(&self, user: &User, code: &str) -> Result<bool> {
        let Some(enrolled) = self.store.totp(&user.id).await? else { return Ok(false) };
        let secret = self.shared.seal.open(&label(&user.id), &enrolled.sealed_secret)?;
        let Some(step) = totp(&secret)?.check(&without_spaces(code), self.now_secs()) else {
            return Ok(false);
        };
        Ok(self.store.take_totp_step(&user.id, &enrolled.sealed_secret, step).await?)
    }

    async fn enrol_totp(
        &self,
        holder: &str,
        user: &User,
        code: &str,
        is_first: bool,
    ) -> Result<Vec<SecretString>> {
        self.check_has_rule(user)?;
        let ceremony = Ceremony { holder, kind: KIND };
        let (secret, sealed) = self.begun(ceremony, &user.id).await?;
        let step = totp(&secret)?.check(&without_spaces(code), self.now_secs()).ok_or_else(wrong_code)?;
        self.end(ceremony, &sealed).await?;
        let enrolled = myksc_store::Totp {
            sealed_secret: self.shared.seal.seal(&label(&user.id), &secret)?,
            last_step: step,
            enrolled_at: self.clock.now(),
        };
        let new = NewCodes::of(&user.id);
        if !self.store.enrol_totp(&user.id, &enrolled, &new.hashes, is_first).await? {
            // Locked, or enrolled elsewhere meanwhile.
            return Err(nothing_begun());
        }
        Ok(new.codes)
    }

    fn describe(&self, secret: &[u8], user: &User) -> Result<NewTotp> {
        // A colon parts issuer and account in the address.
        let issuer = self.shared.issuer.replace(':', " ");
        let builder = Builder::new().with_secret(secret).with_issuer(Some(issuer));
        let totp = builder.with_account_name(user.name.as_str()).build().map_err(internal)?;
        let uri = totp.to_url().map_err(internal)?;
        let code = QrCode::new(uri.as_bytes()).map_err(Error::internal)?;
        let svg = code.render::<svg::Color<'_>>().min_dimensions(QR_EDGE, QR_EDGE).build();
        Ok(NewTotp {
            secret: SecretString::from(totp.secret().to_base32()),
            uri: SecretString::from(uri),
            qr_svg: SecretString::from(svg),
        })
    }

    fn now_secs(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis() / 1000).unwrap_or_default()
    }
}

fn totp(secret: &[u8]) -> Result<Totp> {
    Builder::new().with_secret(Secret::from(secret)).with_skew(1).build().map_err(internal)
}

fn label(user: &UserId) -> String {
    format!("totp {user}")
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The library's error without its values, which may be of the secret.
fn internal(_: totp_rs::TotpError) -> Error {
    Error::internal("time-based codes can't be made of this secret")
}
