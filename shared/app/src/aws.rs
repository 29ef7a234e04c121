//! AWS clients over one connection pool with one trust store.
//!
//! No `aws-config`: a function only ever has environment credentials, and the default chain costs 2 MB and half a
//! millisecond of every cold start. The trust store holds Amazon's own roots: loading a system's hundreds of
//! certificates would be most of a cold start.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_apigatewaymanagement::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient,
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use aws_smithy_types::retry::{ErrorKind, RetryConfig};
use aws_types::region::Region;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Amazon Trust Services' roots, from <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon.pem");

/// The longest wait before a request is first asked again; it doubles. The SDK's own choice is a second, made for
/// programs that nobody waits for: these services answer within milliseconds, and somebody is waiting.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// A single write that meets a transaction on its item passes as soon as that is over, but the SDK does not count that
/// among what is worth another try.
#[derive(Debug)]
struct OtherTransaction;

impl ClassifyRetry for OtherTransaction {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "__type")]
            kind: String,
        }
        let refused = context.response().filter(|response| response.status().as_u16() == 400);
        let body = refused.and_then(|response| response.body().bytes());
        let refusal = body.and_then(|body| serde_json::from_slice::<Refusal>(body).ok());
        match refusal {
            Some(refusal) if refusal.kind.ends_with("#TransactionConflictException") => {
                RetryAction::retryable_error(ErrorKind::TransientError)
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "another transaction has the item"
    }
}

/// A client of SQS.
pub type Queue = aws_sdk_sqs::Client;

/// Where AWS is, and as whom we speak to it.
#[derive(Debug, Clone)]
pub struct AwsAccess {
    /// The Region.
    pub region: String,
    /// Another endpoint for all services (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<SecretString>,
}

/// Makes clients that share one connection pool.
#[derive(Debug, Clone)]
pub struct Aws {
    access: AwsAccess,
    credentials: SharedCredentialsProvider,
    http: SharedHttpClient,
    made: Arc<Made>,
}

/// The clients that were asked for already. Each takes a tenth of a millisecond to make, and every use case wants one.
#[derive(Debug, Default)]
struct Made {
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
}

macro_rules! client {
    ($self:ident, $sdk:ident, $endpoint:expr $(, $classifier:expr)?) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region(Region::new($self.access.region.clone()))
            .credentials_provider($self.credentials.clone())
            .retry_config(RetryConfig::standard().with_initial_backoff(FIRST_BACKOFF))
            .http_client($self.http.clone());
        config.set_endpoint_url($endpoint);
        $(config = config.retry_classifier($classifier);)?
        $sdk::Client::from_conf(config.build())
    }};
}

impl Aws {
    /// Prepares the connection pool.
    ///
    /// # Errors
    /// If the trust store cannot be read, which would be a fault of this build.
    pub fn new(access: AwsAccess) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let token = access.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let secret = access.secret_access_key.expose_secret();
        let credentials = Credentials::new(access.access_key_id.clone(), secret, token, None, "environment");
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let context = TlsContext::builder().with_trust_store(roots).build()?;
        let http = Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context)
            .build_https();
        let credentials = SharedCredentialsProvider::new(credentials);
        Ok(Self { access, credentials, http, made: Arc::default() })
    }

    /// A client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let make = || client!(self, aws_sdk_dynamodb, self.access.endpoint.clone(), OtherTransaction);
        self.made.dynamodb.get_or_init(make).clone()
    }

    /// A client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        self.made.sqs.get_or_init(|| client!(self, aws_sdk_sqs, self.access.endpoint.clone())).clone()
    }

    /// A client of S3. Its requests carry no checksums besides their signatures: those cover what is sent, and files are known
    /// by their digests.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
        let made = client!(self, aws_sdk_s3, self.access.endpoint.clone());
        let config = made.config().to_builder();
        let config = config
            // Another endpoint has no host name for each bucket.
            .force_path_style(self.access.endpoint.is_some())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// As whom AWS is asked, for what is signed without a client.
    pub(crate) const fn access(&self) -> &AwsAccess {
        &self.access
    }

    /// A client of SNS.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        client!(self, aws_sdk_sns, self.access.endpoint.clone())
    }

    /// A client of SES.
    pub fn sesv2(&self) -> aws_sdk_sesv2::Client {
        client!(self, aws_sdk_sesv2, self.access.endpoint.clone())
    }

    /// A client of SSM.
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        self.made.ssm.get_or_init(|| client!(self, aws_sdk_ssm, self.access.endpoint.clone())).clone()
    }

    /// A client of the `@connections` of the WebSocket API at `endpoint`, of which one call is nearly all that a delivery
    /// costs: what a call may do without is left out.
    pub fn connections(&self, endpoint: &str) -> aws_sdk_apigatewaymanagement::Client {
        use aws_sdk_apigatewaymanagement::config::{StalledStreamProtectionConfig, retry::RetryConfig};
        let config = aws_sdk_apigatewaymanagement::Config::builder()
            .behavior_version(aws_sdk_apigatewaymanagement::config::BehaviorVersion::latest())
            .region(Region::new(self.access.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            // Posts have pauses and an end of their own: see `push`.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .endpoint_resolver(OneEndpoint(Endpoint::builder().url(endpoint.to_owned()).build()));
        aws_sdk_apigatewaymanagement::Client::from_conf(config.build())
    }
}

/// The endpoint of one WebSocket API: known, so that no rules are gone through for each call.
#[derive(Debug)]
struct OneEndpoint(Endpoint);

impl ResolveEndpoint for OneEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}
