//! Addresses that take nothing: mail came back from them, or whoever has them does not want any. Only digests of them are
//! kept, so that an address that was erased stays known as one that nothing is sent to.

use domain::{ShopId, notification::Suppression};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Result,
    store::{Dynamo, Key, dynamo::item},
};

/// Why nothing is sent to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// `bounced` or `unsubscribed`.
    pub reason: Suppression,
    /// What was told of it.
    pub detail: String,
    /// When.
    pub since: Timestamp,
}

fn key(shop: &ShopId, address: &str) -> Key {
    let digest = Sha256::digest(address.trim().to_lowercase());
    Key::new(format!("{shop}#unreachable#{}", hex::encode(digest)), "unreachable")
}

impl Dynamo {
    /// Why nothing is sent to an address, if that is so.
    pub async fn unreachable(&self, shop: &ShopId, address: &str) -> Result<Option<Unreachable>> {
        self.get(&self.tables.notifications, &key(shop, address), true).await
    }

    /// Writes down that nothing is sent to an address any more.
    pub async fn put_unreachable(&self, shop: &ShopId, address: &str, why: &Unreachable) -> Result<()> {
        let key = key(shop, address);
        self.put(&self.tables.notifications, item(&key, why)?).await
    }

    /// An address may be sent things again.
    pub async fn forget_unreachable(&self, shop: &ShopId, address: &str) -> Result<()> {
        self.delete(&self.tables.notifications, &key(shop, address)).await
    }
}
