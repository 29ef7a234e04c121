//! A bad day, as the shop has it for real: in a process that is killed ten times, while DynamoDB refuses one request
//! in twenty and loses one answer in a hundred, and no webhook ever comes. When it is over, the shop and Stripe agree.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod books;
mod errand;
mod shop;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::{errand::Errand, shop::Shop};

const DAY_MINUTES: u32 = 24 * 60;
/// How often it is killed.
const KILLS: usize = 10;
/// How many come within one stretch of the day.
const SHOPPERS: usize = 3;
/// What there is of each product.
const PRODUCTS: [(&str, u32); 3] = [("lamp", 200), ("shade", 40), ("bulb", 6)];

/// When within a stretch of the day the process is killed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    Never,
    /// When so many requests were made.
    AmongRequests(u64),
    /// While the clock is being turned, so many minutes on.
    AmongSweeps(u32),
}

/// Names the day that a test failed on.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("on the day with seed {}", self.0);
        }
    }
}

/// The stretches of the day, in minutes, and when the process is killed in each.
fn stretches(dice: &mut StdRng) -> Vec<(u32, Killed)> {
    let mut stretches = vec![];
    let mut left = DAY_MINUTES;
    while left > 0 {
        let minutes = dice.random_range(5..=100).min(left);
        left -= minutes;
        stretches.push((minutes, Killed::Never));
    }
    let mut numbers: Vec<usize> = (0..stretches.len()).collect();
    numbers.shuffle(dice);
    assert!(numbers.len() >= KILLS, "the day is too short");
    for (count, number) in numbers.into_iter().take(KILLS).enumerate() {
        let minutes = stretches[number].0;
        stretches[number].1 = match count % 2 {
            0 => Killed::AmongRequests(dice.random_range(1..=8)),
            _ => Killed::AmongSweeps(dice.random_range(1..=minutes)),
        };
    }
    stretches
}

/// Everybody goes on with what they have to do; then time passes.
async fn passes(shop: &Shop, errands: &mut [Errand], minutes: u32, killed: Killed) {
    let shopping = join_all(errands.iter_mut().map(|errand| errand.go_on(shop)));
    match killed {
        Killed::AmongRequests(requests) => {
            let killing = async {
                shop.has_made(requests).await;
                shop.is_killed().await;
            };
            let until_done = async {
                shopping.await;
                shop.is_left_alone();
            };
            futures_util::future::join(until_done, killing).await;
        }
        _ => drop(shopping.await),
    }
    match killed {
        Killed::AmongSweeps(after) => {
            futures_util::future::join(shop.is_turned(minutes), async {
                shop.has_turned(after).await;
                shop.is_killed().await;
            })
            .await;
        }
        _ => shop.is_turned(minutes).await,
    }
}

async fn a_day(seed: u64) {
    let _named = Seed(seed);
    let mut dice = StdRng::seed_from_u64(seed);
    let shop = Shop::open(seed).await;
    for (product, pieces) in PRODUCTS {
        shop.stocks(product, pieces).await;
    }
    shop.gets_bad().await;
    let mut errands: Vec<Errand> = vec![];
    for (minutes, killed) in stretches(&mut dice) {
        for _ in 0..SHOPPERS {
            errands.push(Errand::new(errands.len(), &mut dice));
        }
        passes(&shop, &mut errands, minutes, killed).await;
    }
    assert_eq!(shop.kills(), KILLS, "all of them");
    // All is well again, but for the webhooks; everybody ends what they have begun, and time goes on.
    shop.gets_well().await;
    for _ in 0..errand::MOST_STEPS {
        passes(&shop, &mut errands, 30, Killed::Never).await;
    }
    let mut ends = BTreeMap::new();
    for errand in &errands {
        assert!(errand.is_over(), "{errand:?}");
        for end in &errand.answers {
            *ends.entry(end.clone()).or_insert(0) += 1;
        }
    }
    books::agree(&shop, &errands).await;
    eprintln!("seed {seed}: {} errands, {} kills, {ends:#?}", errands.len(), shop.kills());
}

#[tokio::test]
async fn after_a_bad_day_everything_agrees_with_stripe_s_own_list() {
    a_day(4).await;
}
