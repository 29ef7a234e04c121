//! Compares our check of webhook signatures with that of Stripe's own libraries, over the headers on standard input.
//!
//! What one of them refuses must be refused. What all of them accept must be accepted, but for three kinds that we refuse
//! on purpose: signed in the future, behind more signatures than we look at, and with characters that no header has.

use std::{collections::BTreeMap, io::Write};

use app::stripe::verify_signature;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;

const REFUSED_ON_PURPOSE: [&str; 3] = ["from the future", "behind a crowd", "not ascii"];

#[derive(Deserialize)]
struct Case {
    kind: String,
    secret: String,
    now: i64,
    header: String,
    body: String,
    accepted_by: BTreeMap<String, bool>,
}

impl Case {
    fn is_accepted(&self) -> Result<bool, jiff::Error> {
        let (secret, tolerance) = (SecretString::from(self.secret.clone()), SignedDuration::from_secs(300));
        let now = Timestamp::from_second(self.now)?;
        Ok(verify_signature(&self.header, self.body.as_bytes(), &[secret], tolerance, now).is_ok())
    }

    /// What is wrong with our verdict, if anything.
    fn complaint(&self, is_accepted: bool) -> Option<String> {
        let is_good = self.accepted_by.values().all(|accepted| *accepted);
        let is_right = match REFUSED_ON_PURPOSE.contains(&self.kind.as_str()) {
            true => !is_accepted,
            false => is_accepted == is_good,
        };
        let Self { kind, header, accepted_by, .. } = self;
        (!is_right)
            .then(|| format!("{kind}: {header:?} is accepted by {accepted_by:?}, by us: {is_accepted}"))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut headers, mut accepted, mut complaints) = (0, 0, vec![]);
    for line in std::io::stdin().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let is_accepted = case.is_accepted()?;
        headers += 1;
        accepted += u32::from(is_accepted);
        complaints.extend(case.complaint(is_accepted));
    }
    let refused = headers - accepted;
    writeln!(
        std::io::stdout(),
        "signatures: {headers} headers, {accepted} accepted, {refused} refused, {} judged otherwise than by Stripe's libraries",
        complaints.len()
    )?;
    match complaints.first() {
        None if headers >= 10_000 => Ok(()),
        None => Err("too few headers were compared".into()),
        Some(first) => Err(first.clone().into()),
    }
}
