//! The local cloud as one thing: started, asked, turned forward, stopped.
//!
//! [`assembly`] puts the parts together and [`time`] drives them. Everything that the cloud spawns lives on a runtime
//! of its own, so that nothing of it outlives it, and a test with a single thread can still wait for it.

mod assembly;
mod endpoint;
mod error;
mod folder;
mod notifications;
mod rerelay;
mod time;
mod tokens;

use std::{collections::BTreeMap, future::Future, path::PathBuf, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::{
    aws::Aws,
    clock::TurnableClock,
    faults::Faults,
    lambda::Lambda,
    meter::Meter,
    outbox::Outbox,
    push_service::PushService,
    state::Store,
    stripe::FakeStripe,
    template::{Function, HttpRoute, WebSocketRoute},
    websocket_api::{Counts, Sockets},
};

pub use error::StartError;
pub use time::StillBusy;
pub use tokens::{Token, TokenError, TokenFor};

use folder::Folder;
use time::Drive;
use tokens::Tokens;

/// How long stopping waits for work that is under way.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What a local cloud is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template.
    pub template: PathBuf,
    /// Where data is kept; nowhere, if none is named.
    pub data: Option<PathBuf>,
    /// Port of the HTTP API and the control routes; 0 for a free one.
    pub http_port: u16,
    /// Port of the WebSocket API; 0 for a free one.
    pub ws_port: u16,
    /// The clock that everything reads.
    pub clock: TurnableClock,
    /// A folder of built functions that run as processes, instead of in this one.
    pub bootstraps: Option<PathBuf>,
    /// Values of the template's parameters that differ from what a local cloud chooses.
    pub parameters: BTreeMap<String, String>,
    /// Whether what falls due is done as the clock shows it; otherwise only [`LocalCloud::advance`] does it.
    pub ticking: bool,
}

impl Options {
    /// An ephemeral cloud on free ports, whose clock runs.
    pub fn ephemeral(template: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            data: None,
            http_port: 0,
            ws_port: 0,
            clock: TurnableClock::running(),
            bootstraps: None,
            parameters: BTreeMap::new(),
            ticking: true,
        }
    }
}

/// A running local cloud. Dropping it ends it at once; [`LocalCloud::stop`] ends it in order.
pub struct LocalCloud {
    cloud: Arc<Cloud>,
    home: Home,
}

/// What the control routes and the owner share.
pub(crate) struct Cloud {
    pub(crate) http_url: String,
    pub(crate) ws_url: String,
    pub(crate) aws_url: String,
    pub(crate) clock: TurnableClock,
    pub(crate) aws: Arc<Aws>,
    pub(crate) lambda: Lambda,
    pub(crate) sockets: Sockets,
    pub(crate) outbox: Outbox,
    pub(crate) stripe: FakeStripe,
    pub(crate) push: PushService,
    pub(crate) tokens: Tokens,
    pub(crate) drive: Drive,
    http_routes: Vec<HttpRoute>,
    websocket_routes: BTreeMap<String, WebSocketRoute>,
    functions: BTreeMap<String, Function>,
    store: Store,
    folder: Folder,
}

impl LocalCloud {
    /// Starts everything that the template declares. When this returns, everything answers.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name("local-cloud")
            .build()
            .map_err(StartError::Runtime)?;
        let home = Home(Some(runtime));
        let cloud = home.run(assembly::start(options)).await??;
        Ok(Self { cloud, home })
    }

    /// Where the HTTP API answers, without a slash at the end.
    pub fn http_url(&self) -> &str {
        &self.cloud.http_url
    }

    /// Where sockets are opened, path included.
    pub fn ws_url(&self) -> &str {
        &self.cloud.ws_url
    }

    /// Where AWS answers for the functions.
    pub fn aws_url(&self) -> &str {
        &self.cloud.aws_url
    }

    /// Where data lies; a temporary folder, if none was named.
    pub fn data(&self) -> &std::path::Path {
        self.cloud.folder.path()
    }

    /// The clock.
    pub fn clock(&self) -> &TurnableClock {
        &self.cloud.clock
    }

    /// The faults that AWS and Stripe have on request.
    pub fn faults(&self) -> &Faults {
        &self.cloud.aws.faults
    }

    /// What the functions asked of the outside.
    pub fn meter(&self) -> &Meter {
        &self.cloud.aws.meter
    }

    /// What was sent to people.
    pub fn outbox(&self) -> &Outbox {
        &self.cloud.outbox
    }

    /// The fake Stripe.
    pub fn stripe(&self) -> &FakeStripe {
        &self.cloud.stripe
    }

    /// The tables, for a look past the functions.
    pub fn dynamo(&self) -> &crate::dynamodb::Dynamo {
        &self.cloud.aws.dynamo
    }

    /// The queues.
    pub fn queues(&self) -> &crate::sqs::Sqs {
        &self.cloud.aws.sqs
    }

    /// How often each function was invoked.
    pub fn invocations(&self) -> BTreeMap<String, u64> {
        self.cloud.lambda.invocations()
    }

    /// What went over the sockets.
    pub fn socket_counts(&self) -> Counts {
        self.cloud.sockets.counts()
    }

    /// The routes of the HTTP API, as the template has them.
    pub fn http_routes(&self) -> &[HttpRoute] {
        &self.cloud.http_routes
    }

    /// The routes of the WebSocket API, by key.
    pub fn websocket_routes(&self) -> &BTreeMap<String, WebSocketRoute> {
        &self.cloud.websocket_routes
    }

    /// A function as it is deployed here, by its folder.
    pub fn function(&self, folder: &str) -> Option<&Function> {
        self.cloud.functions.values().find(|function| function.folder == folder)
    }

    /// A token of someone with a role, as the shop's own sign-in would give it.
    pub fn token(&self, whom: &TokenFor) -> Result<Token, TokenError> {
        self.cloud.tokens.issue(whom)
    }

    /// Invokes a function as AWS would, and waits for what it comes to.
    pub async fn invoke(&self, function: &str, event: Value) -> crate::lambda::Answer {
        let (cloud, function) = (Arc::clone(&self.cloud), function.to_owned());
        let answer = self.home.run(async move { cloud.lambda.invoke(&function, event).await }).await;
        answer.unwrap_or_else(|ended| Err(Value::String(ended.to_string())))
    }

    /// Turns the clock forward, and does on the way whatever falls due at its instant.
    pub async fn advance(&self, by: SignedDuration) -> Result<Timestamp, StillBusy> {
        let cloud = Arc::clone(&self.cloud);
        let turned = self.home.run(async move { cloud.advance(by).await }).await;
        turned.unwrap_or_else(|_| Err(StillBusy::ended()))
    }

    /// Waits until there is nothing left that could be delivered or done now.
    pub async fn idle(&self) -> Result<(), StillBusy> {
        let cloud = Arc::clone(&self.cloud);
        let waited = self.home.run(async move { cloud.drive.idle().await }).await;
        waited.unwrap_or_else(|_| Err(StillBusy::ended()))
    }

    /// Ends in order: sockets are closed and disconnected, work under way is finished, and nothing is left running.
    pub async fn stop(mut self) {
        let cloud = Arc::clone(&self.cloud);
        let ended = self.home.run(async move {
            cloud.sockets.go_away().await;
            if tokio::time::timeout(STOP_LIMIT, cloud.drive.idle()).await.is_err() {
                tracing::warn!("stopped while work was under way; it goes on at the next start");
            }
            cloud.lambda.rest();
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "the local cloud did not stop in order");
        }
        self.home.leave().await;
    }
}

impl Cloud {
    pub(crate) async fn advance(&self, by: SignedDuration) -> Result<Timestamp, StillBusy> {
        // What is written under a turned clock must not lie in the future after a restart, also if turning it is cut off.
        self.keep_turned(self.clock.ahead_after(by));
        let turned = self.drive.advance(by).await;
        self.keep_turned(self.clock.ahead());
        turned
    }

    fn keep_turned(&self, ahead: SignedDuration) {
        if let Err(error) = folder::keep_turned(&self.store, ahead) {
            tracing::error!(%error, "the next start will not know that the clock was turned");
        }
    }
}

/// The runtime that everything of a cloud runs on.
struct Home(Option<Runtime>);

impl Home {
    /// Runs `work` there, so that whatever it spawns is of there too.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StartError> {
        let runtime = self.0.as_ref().ok_or(StartError::Ended)?;
        runtime.spawn(work).await.map_err(|_| StartError::Ended)
    }

    /// Ends whatever still runs, and waits for that.
    async fn leave(&mut self) {
        if let Some(runtime) = self.0.take() {
            let leaving = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_LIMIT));
            if leaving.await.is_err() {
                tracing::error!("the runtime of the local cloud did not end");
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
