//! The HTTP client for everything that is not AWS.
//!
//! Its trust store is Mozilla's list, compiled in: a system's certificates would be read and parsed at every cold
//! start, which takes longer than everything else that a function does before its first event.

use std::time::Duration;

use crate::{Error, Result};

/// The longest time for a request, its answer included: longer than Stripe's slowest answers, shorter than any
/// function's timeout.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A client that follows no redirects: whoever is asked answers, or nobody does.
///
/// # Errors
/// If TLS cannot be set up, which would be a fault of this build.
pub fn client() -> Result<reqwest::Client> {
    builder()?.build().map_err(fault)
}

/// The same client before it is built, for those who want more of it.
pub(crate) fn builder() -> Result<reqwest::ClientBuilder> {
    let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(fault)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none()))
}

/// A client that cannot be made is a fault of this build.
pub(crate) fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal { what: "no HTTP client".into(), source: Some(Box::new(error)) }
}
