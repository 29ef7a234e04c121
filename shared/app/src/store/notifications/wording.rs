//! How a shop words what it tells.

use contract::JournalEvent;
use domain::{
    ShopId,
    notification::{Kind, Medium, template::Template},
};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    store::{Dynamo, JOURNAL, Key, Query, Transaction, dynamo::item},
};

/// What the row is called that is for all ways.
const ALL: &str = "all";

/// A shop's own wording of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// In which language.
    pub locale: String,
    /// For which way; all, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// The wording.
    pub template: Template,
}

fn wording_pk(shop: &ShopId, kind: Kind) -> String {
    format!("{shop}#wording#{kind}")
}

impl Dynamo {
    /// How a shop words a kind, in all languages and for all ways.
    pub async fn wordings(&self, shop: &ShopId, kind: Kind) -> Result<Vec<Wording>> {
        let query = Query::new(&self.tables.notifications, wording_pk(shop, kind)).beginning_with("w#");
        self.query_all(query.consistent()).await
    }

    /// Writes how a shop words something, together with the event that says so.
    pub async fn put_wording(&self, kind: Kind, wording: &Wording, event: &JournalEvent) -> Result<()> {
        let table = &self.tables.notifications;
        let pk = wording_pk(&event.shop_id, kind);
        let medium = wording.medium.map_or(ALL, Medium::name);
        let mut transaction = Transaction::default();
        let key = Key::new(&pk, format!("w#{}#{medium}", wording.locale));
        transaction.put_any(table, item(&key, wording)?)?;
        transaction.put_any(table, item(&Key::new(&pk, format!("{JOURNAL}{}", event.id)), event)?)?;
        self.commit(&transaction).await?.map_err(|_| crate::Error::internal("nothing was asked for"))
    }
}
