//! Random histories of a small shop against what a few lines of arithmetic say must come of them, act by act. A
//! history that goes wrong is made as short as it can be.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World};

/// How many histories are told, each of at most so many acts.
const HISTORIES: u32 = 24;
const ACTS: usize = 16;

/// The pieces of each of the two products at first.
const PIECES: i64 = 4;

const RESERVATIONS: &str = "/api/v1/inventory/reservations";
const ORDERS: &str = "/api/v1/orders";
const SHORT: &str = "409 insufficient_stock";

/// So many of either product; two entries of one product are two lines.
type Cart = Vec<(usize, i64)>;

#[derive(Debug, Clone)]
enum Deed {
    Hold {
        cart: Cart,
        minutes: i64,
    },
    Order {
        cart: Cart,
    },
    /// Orders what one of the holds holds.
    OrderHeld {
        which: usize,
    },
    /// Gives a hold back.
    GiveBack {
        which: usize,
    },
    /// Calls an order off.
    CallOff {
        which: usize,
    },
    Adjust {
        product: usize,
        operation: &'static str,
        pieces: i64,
    },
    /// Asks for the last thing once more, with the same key.
    Again,
    Wait {
        minutes: i64,
    },
}

fn any_cart() -> impl Strategy<Value = Cart> {
    prop::collection::vec((0..2_usize, 1..=2_i64), 1..=3)
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let operation = prop::sample::select(vec!["add", "subtract", "set"]);
    let minutes = prop::sample::select(vec![1_i64, 15]);
    prop_oneof![
        3 => (any_cart(), minutes.clone()).prop_map(|(cart, minutes)| Deed::Hold { cart, minutes }),
        2 => any_cart().prop_map(|cart| Deed::Order { cart }),
        1 => any::<usize>().prop_map(|which| Deed::OrderHeld { which }),
        2 => any::<usize>().prop_map(|which| Deed::GiveBack { which }),
        1 => any::<usize>().prop_map(|which| Deed::CallOff { which }),
        1 => (0..2_usize, operation, 0..=4_i64)
            .prop_map(|(product, operation, pieces)| Deed::Adjust { product, operation, pieces }),
        1 => Just(Deed::Again),
        1 => Just(Deed::Wait { minutes: 1 }),
    ]
}

/// What must be true.
#[derive(Debug, Default)]
struct Model {
    /// Available and reserved pieces of each product.
    levels: [[i64; 2]; 2],
    minute: i64,
    holds: Vec<Hold>,
    orders: Vec<usize>,
}

#[derive(Debug)]
struct Hold {
    pieces: [i64; 2],
    until: i64,
    /// `active`, `released`, `expired`.
    status: &'static str,
    is_ordered: bool,
}

fn pieces(cart: &Cart) -> [i64; 2] {
    let of = |product| cart.iter().filter(|line| line.0 == product).map(|line| line.1).sum();
    [of(0), of(1)]
}

impl Model {
    fn move_pieces(&mut self, pieces: [i64; 2], sign: i64) {
        for (level, pieces) in self.levels.iter_mut().zip(pieces) {
            level[0] -= sign * pieces;
            level[1] += sign * pieces;
        }
    }

    fn hold(&mut self, cart: &Cart, minutes: i64, is_ordered: bool) -> &'static str {
        let pieces = pieces(cart);
        if self.levels.iter().zip(pieces).any(|(level, wanted)| level[0] < wanted) {
            return SHORT;
        }
        self.move_pieces(pieces, 1);
        if is_ordered {
            self.orders.push(self.holds.len());
        }
        self.holds.push(Hold { pieces, until: self.minute + minutes, status: "active", is_ordered });
        "201"
    }

    fn end(&mut self, hold: usize, status: &'static str) {
        if self.holds[hold].status == "active" {
            self.holds[hold].status = status;
            self.move_pieces(self.holds[hold].pieces, -1);
        }
    }

    fn wait(&mut self, minutes: i64) {
        self.minute += minutes;
        for hold in 0..self.holds.len() {
            if self.holds[hold].until <= self.minute {
                self.end(hold, "expired");
            }
        }
    }

    fn adjust(&mut self, product: usize, operation: &str, pieces: i64) -> &'static str {
        let available = &mut self.levels[product][0];
        let after = match operation {
            "add" => *available + pieces,
            "subtract" => *available - pieces,
            _ => pieces,
        };
        match after {
            _ if pieces == 0 && operation != "set" => "400 validation_failed",
            _ if after < 0 => SHORT,
            _ if after == *available => "400 validation_failed",
            _ => {
                *available = after;
                "201"
            }
        }
    }
}

/// The shop that a history happens in.
struct Shop<'a> {
    world: &'a World,
    number: u64,
    products: [String; 2],
    model: Model,
    /// Who holds, and the hold; those that belong to orders from the start have no name.
    holds: Vec<(Person<'a>, Option<String>)>,
    orders: Vec<(Person<'a>, String)>,
    last: Option<(Person<'a>, String, String, Value, String)>,
}

impl<'a> Shop<'a> {
    async fn open(world: &'a World, number: u64) -> Self {
        let mut products = [String::new(), String::new()];
        for (index, product) in products.iter_mut().enumerate() {
            *product =
                world.product(&format!("thing-{number}-{index}"), u32::try_from(PIECES).unwrap()).await;
        }
        let model = Model { levels: [[PIECES, 0]; 2], ..Model::default() };
        Self { world, number, products, model, holds: vec![], orders: vec![], last: None }
    }

    fn items(&self, cart: &Cart) -> Value {
        cart.iter()
            .map(|(product, quantity)| json!({ "product_id": self.products[*product], "quantity": quantity }))
            .collect()
    }

    /// Each thing is done by somebody else: a new hold of the same person replaces the old one.
    async fn somebody(&self) -> Person<'a> {
        self.world.customer(&format!("somebody-{}-{}", self.number, self.world.fresh_key())).await
    }

    async fn posts(&mut self, who: Person<'a>, path: &str, body: Value) -> Reply {
        let key = self.world.fresh_key();
        let reply = who.post_keyed(path, &key, body.clone()).await;
        self.last = Some((who, path.to_owned(), key, body, reply.outcome()));
        reply
    }

    /// Does it, and fails if it comes to something else than it must.
    async fn does(&mut self, deed: &Deed) {
        match deed {
            Deed::Hold { cart, minutes } => {
                let expected = self.model.hold(cart, *minutes, false);
                let body = json!({ "items": self.items(cart), "ttl_seconds": minutes * 60 });
                let who = self.somebody().await;
                let reply = self.posts(who.at("192.0.2.1"), RESERVATIONS, body).await;
                assert_eq!(reply.outcome(), expected, "{reply:?}");
                self.holds.extend(reply.body["reservation_id"].as_str().map(|id| (who, Some(id.to_owned()))));
            }
            Deed::Order { cart } => {
                let expected = self.model.hold(cart, 15, true);
                let body = json!({ "items": self.items(cart), "currency": "USD" });
                let who = self.somebody().await;
                let reply = self.posts(who.at("192.0.2.1"), ORDERS, body).await;
                assert_eq!(reply.outcome(), expected, "{reply:?}");
                if let Some(id) = reply.body["order_id"].as_str() {
                    self.holds.push((who.at("192.0.2.1"), None));
                    self.orders.push((who, id.to_owned()));
                }
            }
            Deed::OrderHeld { which } => self.orders_held(*which).await,
            Deed::GiveBack { which } => self.gives_back(*which).await,
            Deed::CallOff { which } => self.calls_off(*which).await,
            Deed::Adjust { product, operation, pieces } => {
                let expected = self.model.adjust(*product, operation, *pieces);
                let body = json!({
                    "product_id": self.products[*product], "operation": operation, "quantity": pieces
                });
                let admin = self.world.admin().await;
                let reply = self.posts(admin, "/api/v1/inventory/adjustments", body).await;
                assert_eq!(reply.outcome(), expected, "{reply:?}");
            }
            Deed::Again => {
                // A refusal is not kept: only what was done must come to the same.
                if let Some((who, path, key, body, outcome)) = &self.last
                    && outcome.starts_with('2')
                {
                    assert_eq!(who.post_keyed(path, key, body.clone()).await.outcome(), *outcome);
                }
            }
            Deed::Wait { minutes } => {
                self.model.wait(*minutes);
                self.world.advance(SignedDuration::from_mins(*minutes)).await;
            }
        }
    }

    async fn orders_held(&mut self, which: usize) {
        if self.holds.is_empty() {
            return;
        }
        let which = which % self.holds.len();
        let (who, Some(id)) = &self.holds[which] else {
            return;
        };
        let (who, hold) = (who.at("192.0.2.1"), &self.model.holds[which]);
        let expected = match hold.status {
            "active" if !hold.is_ordered => "201",
            "expired" => "409 reservation_expired",
            _ => "409 reservation_not_active",
        };
        let cart: Cart =
            (0..2).map(|product| (product, hold.pieces[product])).filter(|line| line.1 > 0).collect();
        let body = json!({ "items": self.items(&cart), "currency": "USD", "reservation_id": id });
        let reply = self.posts(who.at("192.0.2.1"), ORDERS, body).await;
        assert_eq!(reply.outcome(), expected, "{reply:?}");
        if let Some(id) = reply.body["order_id"].as_str() {
            self.model.holds[which].is_ordered = true;
            self.model.orders.push(which);
            self.orders.push((who, id.to_owned()));
        }
    }

    async fn gives_back(&mut self, which: usize) {
        if self.holds.is_empty() {
            return;
        }
        let which = which % self.holds.len();
        let (who, Some(id)) = &self.holds[which] else {
            return;
        };
        let expected = if self.model.holds[which].is_ordered { "409 reservation_not_active" } else { "200" };
        let reply = who.send(Method::DELETE, &format!("{RESERVATIONS}/{id}"), &[], None).await;
        assert_eq!(reply.outcome(), expected, "{reply:?}");
        if !self.model.holds[which].is_ordered {
            self.model.end(which, "released");
            assert_eq!(reply.body["status"], self.model.holds[which].status);
        }
    }

    async fn calls_off(&mut self, which: usize) {
        if self.orders.is_empty() {
            return;
        }
        let which = which % self.orders.len();
        let (who, id) = &self.orders[which];
        let hold = self.model.orders[which];
        let expected =
            if self.model.holds[hold].status == "expired" { "409 invalid_transition" } else { "200" };
        let reply = who.post(&format!("{ORDERS}/{id}/cancel"), json!({})).await;
        assert_eq!(reply.outcome(), expected, "{reply:?}");
        self.model.end(hold, "released");
    }

    /// Fails unless every level is what it must be, and its ledger says the same.
    async fn is_as_it_must_be(&self) {
        for (product, [available, reserved]) in self.products.iter().zip(self.model.levels) {
            let ledger = self.world.ledger(product).await;
            assert_eq!(ledger.level, [available, reserved, 0], "{product}: {}", ledger.story());
        }
    }
}

#[test]
fn every_history_comes_to_what_arithmetic_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let told = AtomicU64::new(0);
    let config =
        Config { cases: HISTORIES, max_shrink_iters: 64, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(any_deed(), 1..=ACTS), |history| {
        let number = told.fetch_add(1, Ordering::SeqCst);
        let happens = async {
            let mut shop = Shop::open(&world, number).await;
            for deed in &history {
                shop.does(deed).await;
                shop.is_as_it_must_be().await;
            }
        };
        runtime.block_on(happens);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    runtime.block_on(world.end());
}
