//! Asking a provider: without redirects, within a time, and never for more than a bounded answer.

use std::pin::Pin;

use http::{Request, Response};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;

use super::config::{OidcConfig, OidcConfigError};

/// The largest answer that is read; configurations and key sets have a few kilobytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Speaks to one provider; cheap to clone.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// It did not come, or not in time.
    #[error("no answer")]
    NoAnswer(#[source] reqwest::Error),
    /// It is too large.
    #[error("an answer of more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

impl Http {
    /// For the provider that `config` describes.
    pub(super) fn new(config: &OidcConfig) -> Result<Self, OidcConfigError> {
        let mut client = reqwest::Client::builder()
            // A provider that is asked for one thing must not send us elsewhere with what we show it.
            .redirect(Policy::none())
            .timeout(config.times.answer)
            .https_only(!config.is_plain())
            .user_agent("MyKSC");
        if config.is_on_loopback() {
            client = client.no_proxy();
        }
        let refused = |error: reqwest::Error| OidcConfigError::Authorities(error.to_string());
        if let Some(pem) = &config.authorities_pem {
            let authorities = Certificate::from_pem_bundle(pem).map_err(refused)?;
            if authorities.is_empty() {
                return Err(OidcConfigError::Authorities("there is no certificate in it".to_owned()));
            }
            client = client.tls_certs_only(authorities);
        }
        Ok(Self { client: client.build().map_err(refused)? })
    }

    /// Sends a request and reads the whole answer.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let no_answer = |error: reqwest::Error| HttpError::NoAnswer(error.without_url());
        let request = request.try_into().map_err(no_answer)?;
        let mut answer = self.client.execute(request).await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
