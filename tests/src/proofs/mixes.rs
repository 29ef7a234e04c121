//! A hundred random mixes of what shoppers do with few pieces, each with a seed of its own, while DynamoDB has
//! conflicts, refuses what is too much, and takes its time.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use jiff::SignedDuration;
use rand::{
    Rng, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom as _, IteratorRandom as _},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::contention::trouble;
use crate::{
    auditor::Auditor,
    world::{Person, Reply, World},
};

const RESERVATIONS: &str = "/api/v1/inventory/reservations";
const ORDERS: &str = "/api/v1/orders";
const COMMITMENTS: &str = "/api/v1/inventory/commitments";
const RETURNS: &str = "/api/v1/inventory/returns";

const SHOPPERS: usize = 5;
const ACTS: usize = 4;

/// Somebody who holds and orders, gives back and calls off, as the dice say.
struct Shopper<'a> {
    who: Person<'a>,
    /// Through which it buys from another system, and brings back.
    till: Person<'a>,
    dice: StdRng,
    /// Where each of its holds can be read; asking for more of the same may answer with a hold that it has.
    holds: BTreeSet<String>,
    orders: Vec<Order>,
    /// What it has bought at the till and not brought back, with the order's name.
    bought: Vec<(String, Value)>,
    /// What it was told is still being worked on: who had it in hand could not even say that they are done with it.
    later: Vec<Request>,
}

#[derive(Clone)]
struct Request {
    path: String,
    key: String,
    body: Value,
}

struct Order {
    path: String,
    /// Whether it was placed without a hold that was there before, and so has one of its own.
    has_own_hold: bool,
}

impl<'a> Shopper<'a> {
    async fn new(world: &'a World, name: &str, seed: u64) -> Self {
        Self {
            who: world.customer(name).await,
            till: world.admin().await,
            dice: StdRng::seed_from_u64(seed),
            holds: BTreeSet::new(),
            orders: vec![],
            bought: vec![],
            later: vec![],
        }
    }

    /// Asks at the till. `None` if the request is still being worked on; it is asked again when that time is over.
    async fn asks_at_the_till(&mut self, request: Request) -> Option<Reply> {
        let Request { path, key, body } = request.clone();
        let headers = [("idempotency-key", key.as_str())];
        let reply = self.till.insists_on(Method::POST, &path, &headers, Some(body)).await;
        if reply.body["code"] == "idempotency_in_progress" {
            self.later.push(request);
            return None;
        }
        Some(reply)
    }

    /// Asks again for what was still being worked on.
    async fn catches_up(&mut self) {
        for request in std::mem::take(&mut self.later) {
            let order = request.body["order_id"].as_str().unwrap().to_owned();
            let is_sale = request.path == COMMITMENTS;
            let mut reply = self.asks_at_the_till(request).await.expect("nobody works on it any more");
            if is_done(&reply, &["insufficient_stock"]) && is_sale {
                self.bought.push((order, reply.body["items"].take()));
            }
        }
    }

    fn request(&mut self, path: &str, body: Value) -> Request {
        Request { path: path.to_owned(), key: format!("till-{}", self.dice.random::<u64>()), body }
    }

    async fn acts(&mut self, products: &[String]) {
        match self.dice.random_range(0..9) {
            0 | 1 => self.holds(products).await,
            2 => self.orders(products).await,
            3 => self.orders_what_it_holds().await,
            4 => self.gives_back().await,
            5 => self.calls_off().await,
            6 => self.extends().await,
            _ if self.bought.is_empty() => self.buys(products).await,
            _ => self.brings_back().await,
        }
    }

    /// One to three lines; two may be of one product.
    fn cart(&mut self, products: &[String]) -> Value {
        let lines = self.dice.random_range(1..=3);
        let mut line = || {
            let quantity = self.dice.random_range(1..=2);
            json!({ "product_id": products.choose(&mut self.dice), "quantity": quantity })
        };
        (0..lines).map(|_| line()).collect()
    }

    async fn holds(&mut self, products: &[String]) {
        let ttl = [20, 900].choose(&mut self.dice).copied();
        let body = json!({ "items": self.cart(products), "ttl_seconds": ttl });
        let reply = self.who.insists(RESERVATIONS, body).await;
        if is_done(&reply, &["insufficient_stock"]) {
            let id = reply.body["reservation_id"].as_str().unwrap();
            self.holds.insert(format!("{RESERVATIONS}/{id}"));
        }
    }

    async fn orders(&mut self, products: &[String]) {
        let body = json!({ "items": self.cart(products), "currency": "USD" });
        self.places(body, &["insufficient_stock"]).await;
    }

    async fn orders_what_it_holds(&mut self) {
        if let Some(path) = self.holds.iter().choose(&mut self.dice) {
            let hold = self.who.insists_on(Method::GET, path, &[], None).await.ok();
            let (items, id) = (&hold["items"], &hold["reservation_id"]);
            let body = json!({ "items": items, "currency": "USD", "reservation_id": id });
            self.places(body, &["reservation_expired", "reservation_not_active"]).await;
        }
    }

    async fn places(&mut self, body: Value, refusals: &[&str]) {
        let has_own_hold = body["reservation_id"].is_null();
        let reply = self.who.insists(ORDERS, body).await;
        if is_done(&reply, refusals) {
            let path = format!("{ORDERS}/{}", reply.body["order_id"].as_str().unwrap());
            self.orders.push(Order { path, has_own_hold });
        }
    }

    async fn extends(&mut self) {
        if let Some(path) = self.holds.iter().choose(&mut self.dice) {
            let reply = self.who.insists(&format!("{path}/extend"), json!({ "ttl_seconds": 30 })).await;
            is_done(&reply, &["reservation_expired", "reservation_not_active", "invalid_transition"]);
        }
    }

    async fn buys(&mut self, products: &[String]) {
        let order = format!("till-{}", self.dice.random::<u64>());
        let body = json!({ "order_id": order, "items": self.cart(products) });
        let request = self.request(COMMITMENTS, body);
        if let Some(mut reply) = self.asks_at_the_till(request).await
            && is_done(&reply, &["insufficient_stock"])
        {
            self.bought.push((order, reply.body["items"].take()));
        }
    }

    async fn brings_back(&mut self) {
        if let Some((order, items)) = self.bought.pop() {
            let request = self.request(RETURNS, json!({ "order_id": order, "items": items }));
            if let Some(reply) = self.asks_at_the_till(request).await {
                reply.ok();
            }
        }
    }

    async fn gives_back(&mut self) {
        if let Some(path) = self.holds.iter().choose(&mut self.dice) {
            let reply = self.who.insists_on(Method::DELETE, path, &[], None).await;
            is_done(&reply, &["reservation_not_active"]);
        }
    }

    async fn calls_off(&mut self) {
        if let Some(order) = self.orders.choose(&mut self.dice) {
            let reply = self.who.insists(&format!("{}/cancel", order.path), json!({})).await;
            is_done(&reply, &["invalid_transition", "idempotency_in_progress"]);
        }
    }

    /// Adds what is set aside for it now, by product.
    async fn count_what_it_holds(&self, held: &mut BTreeMap<String, i64>) {
        let mut lines = vec![];
        for path in &self.holds {
            let hold = self.who.get(path).await.ok();
            lines.extend((hold["status"] == "active").then(|| hold["items"].clone()));
        }
        for order in self.orders.iter().filter(|order| order.has_own_hold) {
            let order = self.who.get(&order.path).await.ok();
            lines.extend((order["status"] == "pending_payment").then(|| order["items"].clone()));
        }
        count(&lines, held);
    }

    /// Adds what it has bought at the till.
    fn count_what_it_bought(&self, sold: &mut BTreeMap<String, i64>) {
        let items: Vec<_> = self.bought.iter().map(|(_, items)| items.clone()).collect();
        count(&items, sold);
    }
}

/// Adds the pieces of each product that are in `lists` of lines.
fn count(lists: &[Value], pieces: &mut BTreeMap<String, i64>) {
    for line in lists.iter().flat_map(|lines| lines.as_array().unwrap()) {
        let product = line["product_id"].as_str().unwrap().to_owned();
        *pieces.entry(product).or_default() += line["quantity"].as_i64().unwrap();
    }
}

/// Whether it was done; fails if it was not for another reason than one of `refusals`.
#[track_caller]
fn is_done(reply: &Reply, refusals: &[&str]) -> bool {
    let is_refused = refusals.iter().any(|code| reply.body["code"] == *code);
    assert!(reply.status.is_success() || is_refused, "{reply:?}");
    !is_refused
}

/// All that one shopper does. In the middle of it time passes, for all: short holds end while their owners go on.
async fn visit(world: &World, shopper: &mut Shopper<'_>, products: &[String]) {
    for turn in 0..ACTS {
        if turn == ACTS / 2 {
            let clock = world.cloud().clock();
            clock.turn_to(clock.after(SignedDuration::from_secs(15)));
        }
        shopper.acts(products).await;
    }
}

/// One mix. Says how many pieces of each of its products are left when all holds are over, and how many are sold.
async fn mix(world: &World, seed: u64) -> Vec<(String, [i64; 2])> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut pieces = vec![];
    for product in ["lamp", "shade", "bulb"] {
        let count = dice.random_range(1..=5);
        pieces.push((world.product(&format!("{product}-{seed}"), count).await, i64::from(count)));
    }
    let products: Vec<_> = pieces.iter().map(|(product, _)| product.clone()).collect();
    let mut shoppers = vec![];
    for number in 0..SHOPPERS {
        shoppers.push(Shopper::new(world, &format!("shopper-{seed}-{number}"), dice.random()).await);
    }
    world.cloud().faults().clear();
    for function in ["Inventory", "Orders", "Sweeper"] {
        trouble(world, function, seed).await;
    }
    let auditor = Auditor::of(world, &products);
    auditor.while_(join_all(shoppers.iter_mut().map(|shopper| visit(world, shopper, &products)))).await;
    world.cloud().faults().clear();
    world.advance(SignedDuration::from_mins(3)).await; // every short hold is over, and swept
    let (mut held, mut sold) = (BTreeMap::new(), BTreeMap::new());
    for shopper in &mut shoppers {
        shopper.catches_up().await;
        shopper.count_what_it_holds(&mut held).await;
        shopper.count_what_it_bought(&mut sold);
    }
    let mut left = vec![];
    for (product, count) in pieces {
        let [reserved, sold] = [&held, &sold].map(|pieces| pieces.get(&product).copied().unwrap_or(0));
        let level = world.ledger(&product).await.level;
        assert_eq!(level, [count - reserved - sold, reserved, sold], "{product}: {held:?}");
        left.push((product, [count - sold, sold]));
    }
    left
}

/// Plays mixes one after another; in the end all time is over, and every piece that was not bought is back where it was.
async fn mixes(seeds: std::ops::Range<u64>) {
    let world = World::new().await;
    let mut all = vec![];
    for seed in seeds {
        all.extend(mix(&world, seed).await);
    }
    eprintln!("told to wait {} times", world.told_to_wait());
    world.advance(SignedDuration::from_mins(16)).await;
    for (product, [left, sold]) in all {
        assert_eq!(world.ledger(&product).await.level, [left, 0, sold], "{product}");
    }
    world.end().await;
}

macro_rules! mixes {
    ($($name:ident: $seeds:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            mixes($seeds).await;
        }
    )*};
}

// Four tests, so that several processors have something to do.
mixes! {
    no_piece_is_lost_or_sold_twice_in_mixes_0_to_24: 0..25;
    no_piece_is_lost_or_sold_twice_in_mixes_25_to_49: 25..50;
    no_piece_is_lost_or_sold_twice_in_mixes_50_to_74: 50..75;
    no_piece_is_lost_or_sold_twice_in_mixes_75_to_99: 75..100;
}
