//! The people of a replay: shoppers who watch products and their own orders over sockets, and everybody who buys.
//!
//! Every other shopper is one of the file's busiest customers; the others are guests, who also buy what the file sells
//! to nobody in particular.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use contract::http::auth::GuestToken;
use domain::{Role, UserId, reservation::MAX_LINES};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

use super::{
    ReplayError,
    api::{Api, ApiError, Person},
    opening::product_id,
    retail::{Document, Invoice, Retail, StockCode},
    viewer::{Seat, Viewer, Watched},
};
use crate::cloud::{Token, TokenFor};

/// How many products a shopper watches.
const WATCHED: usize = 10;

/// How many come or leave at once.
const AT_THE_DOOR: usize = 8;

/// Who watches, and who buys.
pub struct Shoppers {
    api: Arc<Api>,
    service: Person,
    /// Customers with a socket.
    customers: HashMap<Arc<str>, Shopper>,
    guests: Vec<Shopper>,
    /// Customers without one, as far as they have bought something.
    others: Mutex<HashMap<Arc<str>, Person>>,
    watching: Vec<Viewer>,
}

/// Somebody who watches and buys.
struct Shopper {
    who: Person,
    viewer: Viewer,
}

/// Somebody who buys.
pub struct Buyer<'a> {
    pub who: Person,
    /// Their socket, on which they follow their orders.
    pub viewer: Option<&'a Viewer>,
}

impl Shoppers {
    /// Seats so many shoppers, each before what they watch.
    pub async fn seat(
        api: &Arc<Api>,
        service: &Person,
        retail: &Retail,
        count: usize,
        clock_ahead: i64,
    ) -> Result<Self, ReplayError> {
        let busiest = busiest(retail, count / 2);
        let ranking = ranking(retail);
        let sit = |(number, customer): (usize, Option<Arc<str>>)| {
            let channels = watched(&ranking, number, count);
            async move {
                let who = match &customer {
                    Some(customer) => sign_in(api, customer).await?,
                    None => visit(api, number).await?,
                };
                let seat = Seat {
                    api: Arc::clone(api),
                    who: who.clone(),
                    channels,
                    hears_own_log: true,
                    clock_ahead,
                    on_event: Arc::new(|_| {}),
                };
                Ok::<_, ReplayError>((customer, Shopper { who, viewer: Viewer::open(seat).await }))
            }
        };
        let customers = busiest.into_iter().map(Some).chain(std::iter::repeat(None));
        let seated = stream::iter(customers.take(count).enumerate().map(sit)).buffered(AT_THE_DOOR);
        let seated: Vec<_> = seated.try_collect().await?;
        let mut shoppers = Self {
            api: Arc::clone(api),
            service: service.clone(),
            customers: HashMap::new(),
            guests: Vec::new(),
            others: Mutex::default(),
            watching: Vec::new(),
        };
        for (customer, shopper) in seated {
            shoppers.watching.push(shopper.viewer.clone());
            match customer {
                Some(customer) => drop(shoppers.customers.insert(customer, shopper)),
                None => shoppers.guests.push(shopper),
            }
        }
        Ok(shoppers)
    }

    /// Who buys what an invoice says: the customer, or for nobody in particular a guest. What is too large for people
    /// is bought by the shop's own service.
    pub async fn buyer_of(&self, invoice: &Invoice) -> Result<Buyer<'_>, ReplayError> {
        if invoice.lines.len() > MAX_LINES {
            return Ok(self.own_service());
        }
        let Some(customer) = &invoice.heading.customer else {
            return Ok(self.any_guest(&invoice.heading.number));
        };
        if let Some(Shopper { who, viewer }) = self.customers.get(customer) {
            return Ok(Buyer { who: who.clone(), viewer: Some(viewer) });
        }
        let mut others = self.others.lock().await;
        let who = match others.get(customer) {
            Some(known) => known.clone(),
            None => {
                let who = sign_in(&self.api, customer).await?;
                others.insert(customer.clone(), who.clone());
                who
            }
        };
        Ok(Buyer { who, viewer: None })
    }

    /// Lets everybody leave, a few at a time, and says what they saw.
    pub async fn leave(self) -> Vec<Watched> {
        let leaving = self.watching.into_iter().map(|viewer| async move { viewer.leave().await });
        stream::iter(leaving).buffer_unordered(AT_THE_DOOR).collect().await
    }

    fn own_service(&self) -> Buyer<'_> {
        Buyer { who: self.service.clone(), viewer: None }
    }

    fn any_guest(&self, invoice: &str) -> Buyer<'_> {
        let number = invoice.parse().unwrap_or_default();
        let turn = usize::checked_rem(number, self.guests.len());
        match turn.and_then(|turn| self.guests.get(turn)) {
            Some(Shopper { who, viewer }) => Buyer { who: who.clone(), viewer: Some(viewer) },
            None => self.own_service(),
        }
    }
}

/// A token of somebody whom the shop knows.
pub async fn sign_in_as(api: &Api, role: Role, user: UserId) -> Result<Token, ApiError> {
    let whom = json!(TokenFor::new(role, user));
    api.control(Method::POST, "/_local/token", Some(whom)).await
}

async fn sign_in(api: &Api, customer: &str) -> Result<Person, ReplayError> {
    let Token { token, .. } = sign_in_as(api, Role::Customer, user(customer)?).await?;
    let number = customer.parse().unwrap_or_default();
    Ok(Person { token: Some(token), address: address(18, number) })
}

async fn visit(api: &Api, number: usize) -> Result<Person, ReplayError> {
    let address = address(19, number);
    let nobody = Person { token: None, address: address.clone() };
    let key = uuid::Uuid::now_v7().to_string();
    let guest: GuestToken = api.post(&nobody, "/api/v1/auth/guest", &key, &json!({})).await?;
    Ok(Person { token: Some(guest.token), address })
}

fn user(customer: &str) -> Result<UserId, ReplayError> {
    UserId::new(customer).map_err(|_| ReplayError::Customer(customer.to_owned()))
}

/// An address of its own for each, of those that are kept for benchmarks (RFC 2544).
fn address(net: u8, number: usize) -> String {
    let [high, low] = u16::try_from(number % 0x1_0000).unwrap_or_default().to_be_bytes();
    format!("198.{net}.{high}.{low}")
}

/// The customers with the most invoices that they can buy themselves, the busiest first.
fn busiest(retail: &Retail, count: usize) -> Vec<Arc<str>> {
    let mut invoices: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for document in &retail.documents {
        if let Document::Invoice(invoice) = document
            && invoice.lines.len() <= MAX_LINES
            && let Some(customer) = &invoice.heading.customer
        {
            *invoices.entry(customer).or_default() += 1;
        }
    }
    let mut customers: Vec<_> = invoices.into_iter().collect();
    customers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let busiest = customers.into_iter().take(count);
    busiest.map(|(customer, _)| customer.clone()).collect()
}

/// The products, those on the most lines first.
fn ranking(retail: &Retail) -> Vec<&StockCode> {
    let mut lines: BTreeMap<&StockCode, usize> = BTreeMap::new();
    for document in &retail.documents {
        if let Document::Invoice(invoice) = document {
            for line in &invoice.lines {
                *lines.entry(&line.code).or_default() += 1;
            }
        }
    }
    let mut products: Vec<_> = lines.into_iter().collect();
    products.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    products.into_iter().map(|(code, _)| code).collect()
}

/// What shopper `number` of `count` watches: the best seller, as everybody does, and every `count`-th of the others.
fn watched(ranking: &[&StockCode], number: usize, count: usize) -> Vec<String> {
    let best = ranking.first().into_iter();
    let others = ranking.iter().skip(1 + number).step_by(count.max(1));
    let watched = best.chain(others).take(WATCHED);
    watched.map(|code| format!("product:{}", product_id(code))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::retail::Retail;

    fn retail() -> Retail {
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/data/online-retail-sample.csv.gz");
        Retail::open(&sample).unwrap()
    }

    #[test]
    fn everybody_watches_the_best_seller_and_others_of_their_own() {
        let retail = retail();
        let ranking = ranking(&retail);
        let [first, second] = [0, 1].map(|number| watched(&ranking, number, 5));
        assert_eq!((first.len(), second.len()), (WATCHED, WATCHED));
        assert_eq!(first[0], second[0]);
        assert!(first[1..].iter().all(|channel| !second.contains(channel)));
    }

    #[test]
    fn the_busiest_customers_can_buy_what_they_want() {
        let retail = retail();
        let busiest = busiest(&retail, 3);
        let invoices = |customer: &Arc<str>| {
            let of = |document: &&Document| match document {
                Document::Invoice(invoice) => {
                    invoice.heading.customer.as_ref() == Some(customer) && invoice.lines.len() <= MAX_LINES
                }
                Document::CreditNote(_) => false,
            };
            retail.documents.iter().filter(of).count()
        };
        let counts: Vec<_> = busiest.iter().map(invoices).collect();
        assert!(counts.is_sorted_by(|more, fewer| more >= fewer) && counts[2] > 0, "{counts:?}");
    }

    #[test]
    fn addresses_are_of_the_net_that_is_kept_for_benchmarks() {
        assert_eq!(address(18, 17_850), "198.18.69.186");
        assert_eq!(address(19, 65_537), "198.19.0.1");
    }
}
