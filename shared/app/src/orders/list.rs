//! Lists of orders.

use contract::http::{Page, orders::OrderView};
use domain::{Permission, Principal, UserId, order::OrderStatus};

use super::{Orders, views::order_view};
use crate::{
    Result,
    store::{Cursor, orders::Listed},
};

/// Which orders are wanted.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// Only of this person.
    pub customer: Option<UserId>,
}

impl Orders {
    /// A page of one's own orders, newest first; staff sees everybody's. A page may be short when filtered.
    pub async fn list(
        &self,
        who: &Principal,
        filter: OrderFilter,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<OrderView>> {
        let whose = match &filter.customer {
            _ if !who.can(Permission::ReadEverybodysOrders) => Listed::Of(&who.subject),
            Some(customer) => Listed::Of(customer),
            None => Listed::All,
        };
        let (orders, next) = self.store.orders(&who.shop, whose, limit, cursor).await?;
        let wanted = orders.into_iter().filter(|stored| {
            stored.order.version > 0 && filter.status.is_none_or(|status| stored.order.status == status)
        });
        let data = wanted.map(|stored| order_view(&who.shop, &stored, vec![])).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }
}
