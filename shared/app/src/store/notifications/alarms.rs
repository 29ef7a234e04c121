//! Alarms that rang: a journal and nothing else, since whether an alarm still rings is CloudWatch's to know.

use contract::JournalEvent;

use crate::{
    Result,
    store::{Dynamo, JOURNAL, Key, Transaction, dynamo::item},
};

impl Dynamo {
    /// Writes down that an alarm rang; false if that was known.
    pub async fn put_alarm(&self, event: &JournalEvent) -> Result<bool> {
        let key = Key::new(format!("{}#alarms", event.shop_id), format!("{JOURNAL}{}", event.id));
        let mut transaction = Transaction::default();
        transaction.put_new(&self.tables.notifications, item(&key, event)?)?;
        Ok(self.commit(&transaction).await?.is_ok())
    }
}
