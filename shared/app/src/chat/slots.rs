//! What answers take from the shop's own state: only about the asker's own things.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ProductId, ShopId, UserId,
    chat::{Conversation, Message, bot},
    faq::{Slot, Template},
};

use super::{Chat, answers::Known};
use crate::{
    Result,
    store::orders::{OrderShelf, Placed},
};

/// Who asks, where, and in which language.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) shop: &'a ShopId,
    pub(super) conversation: &'a Conversation,
    /// Who.
    by: &'a UserId,
    /// What for: the message, or the conversation.
    pub(super) cause: &'a str,
    pub(super) language: &'a str,
}

impl<'a> Asked<'a> {
    /// With a message.
    pub(super) fn of(
        shop: &'a ShopId,
        conversation: &'a Conversation,
        message: &'a Message,
        text: &str,
    ) -> Self {
        Self {
            shop,
            conversation,
            by: &message.sender_id,
            cause: message.message_id.as_str(),
            language: bot::language(wanted(conversation), text),
        }
    }

    /// Without one.
    pub(super) fn at_first(shop: &'a ShopId, conversation: &'a Conversation) -> Self {
        Self {
            shop,
            conversation,
            by: &conversation.owner,
            cause: conversation.id.as_str(),
            language: bot::language(wanted(conversation), ""),
        }
    }

    /// The name of the answer.
    pub(super) fn name(&self) -> String {
        format!("re-{}", self.cause)
    }

    /// The product whose page the conversation was opened on.
    fn product(&self) -> Option<ProductId> {
        let url = self.conversation.origin.initial_url.as_ref()?.as_str();
        let path = url.split(['?', '#']).next()?;
        let (_, product) = path.rsplit_once("/products/")?;
        ProductId::new(product.trim_end_matches('/')).ok()
    }
}

fn wanted(conversation: &Conversation) -> Option<&str> {
    conversation.origin.language.as_ref().map(domain::Line::as_str)
}

impl Chat {
    /// The values of a template's slots, as far as they are known.
    pub(super) async fn slot_values(
        &self,
        asked: &Asked<'_>,
        known: &Known,
        template: &Template,
    ) -> Result<BTreeMap<Slot, String>> {
        let mut values = BTreeMap::new();
        for slot in template.slots() {
            let value = match slot {
                Slot::OrderStatus => self.newest_order(asked).await?,
                Slot::Stock(product) => match product.clone().or_else(|| asked.product()) {
                    Some(product) => self.stock_of(asked, &product).await?,
                    None => None,
                },
                Slot::OpeningHours => Some(bot::hours_in_a_sentence(&known.hours, asked.language)),
            };
            values.extend(value.map(|value| (slot.clone(), value)));
        }
        Ok(values)
    }

    /// The asker's own newest order, also of the guests they were.
    async fn newest_order(&self, asked: &Asked<'_>) -> Result<Option<String>> {
        let mut people: BTreeSet<UserId> = self.store.access(asked.shop, asked.by).await?.guests;
        people.insert(asked.by.clone());
        let shelves: Vec<_> = people.into_iter().map(OrderShelf::Of).collect();
        let (orders, _) = self.store.placed_orders(asked.shop, &shelves, &Placed::default(), 1).await?;
        let newest = orders.into_iter().map(|(_, stored)| stored.order).find(|order| order.version > 0);
        Ok(newest.map(|order| {
            let number = domain::order::number(&order.id);
            bot::order_in_a_sentence(&number, order.status, asked.language)
        }))
    }

    async fn stock_of(&self, asked: &Asked<'_>, product: &ProductId) -> Result<Option<String>> {
        let levels = self.store.levels(asked.shop, product, false).await?;
        let is_in_stock = levels.iter().any(|row| row.level.available > 0);
        Ok((!levels.is_empty()).then(|| bot::stock_in_a_sentence(is_in_stock, asked.language).to_owned()))
    }
}
