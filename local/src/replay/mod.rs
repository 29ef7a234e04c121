//! Real orders as live traffic: a retailer's file is played through the shop over HTTP while shoppers watch over
//! sockets, and at the end the shop's books must say what the file says. `docs/replay.md` has the rules.

pub mod retail;

mod report;

mod play;
mod tally;
mod turns;

mod opening;
mod shoppers;

mod desk;
mod seen;
mod viewer;

mod books;
mod closing;
mod cost;

mod api;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contract::http::auth::ServiceKeyView;
use domain::{Role, Scope, UserId};
use indicatif::ProgressBar;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub use api::ApiError;
pub use books::Reconciliation;
pub use cost::{Cost, Costs};
pub use report::{Checkouts, Events, Report};
pub use seen::Percentiles;
pub use tally::Part;

use api::{Api, Person};
use books::Snapshot;
use closing::End;
use cost::Counted;
use desk::Desk;
use play::Stage;
use retail::{Retail, Scarcity};
use shoppers::{Shoppers, sign_in_as};
use viewer::{Seat, Viewer};

/// Values are shown at most once a second: after so long the last ones have been.
const LAST_VALUES: Duration = Duration::from_millis(1_200);

/// Where those are who act for the shop: an address that is kept for documentation.
const OFFICE: &str = "192.0.2.1";

/// How a file is to be played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the HTTP API of a local cloud answers.
    pub url: String,
    /// Whether nobody else is in the shop, so that every event must have gone to one of us.
    pub is_alone: bool,
    /// Sockets that watch.
    pub shoppers: usize,
    /// How much of the stock that the file needs there is.
    pub scarcity: Scarcity,
    /// Documents under way at once.
    pub concurrency: usize,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The shop did not do something without which there is nothing to play.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The file has a code that no product can have.
    #[error("{0} cannot be sold: its code, name or price is not what a product may have")]
    Product(String),
    /// The file has a customer whom nobody can be.
    #[error("{0} is not what a customer may be called")]
    Customer(String),
    /// The file sells more of something than one line may have.
    #[error("{quantity} of {product} are too many for one line")]
    Quantity {
        /// What.
        product: String,
        /// How many.
        quantity: u32,
    },
    /// There are no pounds.
    #[error("pounds sterling are not a currency here")]
    Currency,
}

/// Plays a file through the local cloud that answers at the plan's URL.
pub async fn replay(plan: &Plan, retail: &Retail, progress: &ProgressBar) -> Result<Report, ReplayError> {
    let api = Arc::new(Api::new(&plan.url));
    let (service, agent) = hire(&api).await?;
    let clock_ahead = clock_ahead(&api).await?;

    begin(progress, "opening the shop", retail.products.len());
    opening::open(&api, &service, retail, plan.scarcity, plan.concurrency, progress).await?;
    rest(&api).await?;

    begin(progress, "seating the shoppers", plan.shoppers);
    let before = Snapshot::read(&api, &service, retail).await?;
    let _: Value = api.control(Method::POST, "/_local/requests/reset", None).await?;
    let desk = Desk::default();
    let agent = attend(&api, agent, desk.clone(), clock_ahead).await;
    let shoppers = Shoppers::seat(&api, &service, retail, plan.shoppers, clock_ahead).await?;
    rest(&api).await?;
    let counted_before: Counted = api.control(Method::GET, "/_local/requests", None).await?;

    begin(progress, "playing", retail.documents.len());
    let began = Instant::now();
    let stage = Stage {
        api: &api,
        service: &service,
        shoppers: &shoppers,
        desk: &desk,
        run: uuid::Uuid::now_v7().simple().to_string(),
    };
    let tally = stage.play(retail, plan.concurrency, progress).await;
    let took = began.elapsed();

    begin(progress, "comparing the books", 0);
    rest(&api).await?;
    tokio::time::sleep(LAST_VALUES).await;
    rest(&api).await?;
    let mut watched = shoppers.leave().await;
    // The desk is told who has left, and leaves last.
    rest(&api).await?;
    let counted: Counted = api.control(Method::GET, "/_local/requests", None).await?;
    watched.push(agent.leave().await);
    rest(&api).await?;
    let after = Snapshot::read(&api, &service, retail).await?;
    progress.finish_and_clear();
    let end = End { tally, took, watched, put_off: api.put_off(), counted_before, counted, before, after };
    Ok(end.report(plan.is_alone, retail))
}

fn begin(progress: &ProgressBar, stage: &'static str, length: usize) {
    progress.set_message(stage);
    progress.set_length(u64::try_from(length).unwrap_or(u64::MAX));
    progress.set_position(0);
}

/// A service that keeps the shop, and an agent for its desk.
async fn hire(api: &Api) -> Result<(Person, Person), ReplayError> {
    let person = |token| Person { token, address: OFFICE.to_owned() };
    let admin = sign_in_as(api, Role::Admin, UserId::from_name("replay-admin")).await?;
    let agent = sign_in_as(api, Role::Agent, UserId::from_name("replay-agent")).await?;
    let scopes = [
        Scope::CatalogWrite,
        Scope::InventoryRead,
        Scope::InventoryWrite,
        Scope::OrdersRead,
        Scope::OrdersWrite,
        Scope::PaymentsWrite,
    ];
    let new = json!({ "name": "replay", "scopes": scopes });
    let key = uuid::Uuid::now_v7().to_string();
    let made: ServiceKeyView =
        api.post(&person(Some(admin.token)), "/api/v1/auth/service-keys", &key, &new).await?;
    Ok((person(made.key), person(Some(agent.token))))
}

/// Opens the socket of the shop's desk.
async fn attend(api: &Arc<Api>, agent: Person, desk: Desk, clock_ahead: i64) -> Viewer {
    let seat = Seat {
        api: Arc::clone(api),
        who: agent,
        channels: vec!["shop:default".to_owned()],
        hears_own_log: false,
        clock_ahead,
        on_event: Arc::new(move |event| desk.hear(event)),
    };
    Viewer::open(seat).await
}

/// How many milliseconds the shop's clock is ahead of this machine's.
async fn clock_ahead(api: &Api) -> Result<i64, ApiError> {
    #[derive(Deserialize)]
    struct Shown {
        now: Timestamp,
    }
    let Shown { now } = api.control(Method::GET, "/_local/clock", None).await?;
    Ok(now.as_millisecond() - Timestamp::now().as_millisecond())
}

/// Waits until nothing is left that could be delivered.
async fn rest(api: &Api) -> Result<(), ApiError> {
    let _: Value = api.control(Method::GET, "/_local/idle", None).await?;
    Ok(())
}
