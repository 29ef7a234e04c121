//! Several inboxes as one list: what somebody was told, and what they were told before they signed in.

use domain::{ShopId, UserId};
use futures_util::future::try_join_all;

use super::{INBOX, Notification};
use crate::{
    Result,
    store::{Cursor, Dynamo},
};

/// What was found, newest first, and where the list goes on.
type Page = (Vec<Notification>, Option<Cursor>);

impl Dynamo {
    /// A page of some inboxes, newest first, of what `wanted` lets pass.
    pub async fn inboxes(
        &self,
        shop: &ShopId,
        users: &[UserId],
        (limit, cursor): (u32, Option<Cursor>),
        wanted: impl Fn(&Notification) -> bool,
    ) -> Result<Page> {
        let pages = users.iter().map(|user| self.inbox(shop, user, (limit, cursor.clone()), &wanted));
        Ok(merged(try_join_all(pages).await?, usize::try_from(limit).unwrap_or(usize::MAX)))
    }
}

/// One page of several. It goes no further than each of them was looked through.
fn merged(pages: Vec<Page>, limit: usize) -> Page {
    let ends = pages.iter().filter_map(|(_, next)| next.as_ref()?.place());
    let end = ends.max().map(str::to_owned);
    let mut all: Vec<Notification> = pages.into_iter().flat_map(|(found, _)| found).collect();
    all.sort_unstable_by(|one, other| other.id.cmp(&one.id));
    all.retain(|one| end.as_ref().is_none_or(|end| place(one) >= *end));
    let is_cut = all.len() > limit;
    all.truncate(limit);
    let last = all.last().map(place).filter(|_| is_cut);
    (all, last.or(end).map(Cursor::at))
}

fn place(one: &Notification) -> String {
    format!("{INBOX}{}", one.id)
}
