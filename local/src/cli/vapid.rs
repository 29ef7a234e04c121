//! `shopwire vapid`: the pair of keys that a shop signs its pushes with.

use clap::Args;
use serde_json::json;

use super::{Failure, say};
use crate::push_service::keys::VapidKeys;

#[derive(Debug, Args)]
pub(super) struct Vapid {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(asked: &Vapid) -> Result<(), Failure> {
    let VapidKeys { public_key, private_key } = VapidKeys::generate().map_err(Failure::failed)?;
    if asked.json {
        return say(json!({ "public_key": public_key, "private_key": private_key }));
    }
    say(format_args!("public   {public_key}\nprivate  {private_key}"))
}
