//! Disputes: a bank asks for its customer's money back, the shop answers or gives in, and the bank decides.
//!
//! As in Stripe's test mode, the shopper's card says that there will be one, and the words of the evidence who wins.

use jiff::{SignedDuration, Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    books::{Books, Source, Task},
    cards::PaymentMethod,
    failure::Failure,
    lists::{self, list_params},
    objects::{Charge, Metadata, Object, in_full},
    params::Params,
    wire::Answer,
};

pub const UPDATED: &[&str] = &["evidence", "expand", "metadata", "submit"];
pub const LISTED: &[&str] = list_params!("charge", "payment_intent");

/// How long it takes until a bank asks, and until it has read what it was told.
const BANK_TAKES: SignedDuration = SignedDuration::from_mins(1);
/// How long the shop has to answer.
const DUE_AFTER: SignedDuration = SignedDuration::from_hours(9 * 24);
/// <https://docs.stripe.com/testing#evidence>
const WINNING: &str = "winning_evidence";
const LOSING: &str = "losing_evidence";
const ESCALATING: &str = "escalate_inquiry_evidence";

/// Why a card's bank asks for money back, and whether it takes it at once or only asks a question first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complaint {
    pub reason: &'static str,
    pub is_inquiry: bool,
}

/// Lets the bank of a charge ask for its money some time later, if its card is one of those.
pub fn expect(books: &mut Books<'_>, charge: &Charge, complaint: Option<Complaint>) {
    if complaint.is_some() {
        books.schedule(BANK_TAKES, Task::OpenDispute(charge.id.clone()));
    }
}

/// A bank asks for the money of a charge.
pub fn open(books: &mut Books<'_>, charge: &str) -> Result<(), Failure> {
    let before: Charge = books.get(charge)?;
    let complaint = books.get::<PaymentMethod>(&before.payment_method)?.test_method()?.complaint;
    let Some(complaint) = complaint.filter(|_| !before.disputed) else { return Ok(()) };
    let status = match complaint.is_inquiry {
        true => DisputeStatus::WarningNeedsResponse,
        false => DisputeStatus::NeedsResponse,
    };
    let dispute = Dispute {
        id: books.new_id::<Dispute>(),
        created: books.now(),
        amount: before.amount_captured,
        currency: before.currency.clone(),
        charge: before.id.clone(),
        payment_intent: before.payment_intent.clone(),
        reason: complaint.reason.to_owned(),
        status,
        due_by: books.now().checked_add(DUE_AFTER).ok(),
        evidence: json!({}),
        submission_count: 0,
        metadata: Metadata::new(),
    };
    books.insert(&dispute)?;
    books.update(&before, &Charge { disputed: true, ..before.clone() })?;
    books.emit("charge.dispute.created", &dispute);
    if !complaint.is_inquiry {
        books.emit("charge.dispute.funds_withdrawn", &dispute);
    }
    Ok(())
}

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    Ok(Answer::ok(books.get::<Dispute>(id)?.render()))
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let source = lists::indexed(params, "charge")?
        .or(lists::indexed(params, "payment_intent")?)
        .unwrap_or(Source::All);
    let intent = params.text("payment_intent")?;
    let keep = |dispute: &Dispute| Ok(intent.is_none_or(|id| dispute.payment_intent == id));
    Ok(Answer::ok(lists::list(books, params, "/v1/disputes", &source, keep)?))
}

/// Evidence, which is handed in unless `submit` is false.
pub fn update(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: Dispute = books.get(id)?;
    let mut dispute = before.clone();
    params.merge_metadata(&mut dispute.metadata)?;
    if let Some(evidence) = params.fields("evidence") {
        must_be_open(&before)?;
        let text = evidence.text("uncategorized_text")?;
        dispute.evidence = json!({ "uncategorized_text": text });
        if params.text("submit")?.is_none_or(|submit| submit != "false") {
            dispute.submission_count += 1;
            dispute.due_by = None;
            dispute.status = match before.status {
                DisputeStatus::WarningNeedsResponse => DisputeStatus::WarningUnderReview,
                _ => DisputeStatus::UnderReview,
            };
            books.schedule(BANK_TAKES, Task::DecideDispute(dispute.id.clone()));
        }
    }
    books.update(&before, &dispute)?;
    books.emit_change("charge.dispute.updated", &before, &dispute);
    Ok(Answer::ok(dispute.render()))
}

/// The shop gives in.
pub fn close(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    let before: Dispute = books.get(id)?;
    must_be_open(&before)?;
    Ok(Answer::ok(end(books, &before, DisputeStatus::Lost)?.render()))
}

/// The bank has read what it was told. Words that it does not know leave it where it is.
pub fn decide(books: &mut Books<'_>, id: &str) -> Result<(), Failure> {
    let before: Dispute = books.get(id)?;
    let said = before.evidence.get("uncategorized_text").and_then(|text| text.as_str());
    if (before.status, said) == (DisputeStatus::WarningUnderReview, Some(ESCALATING)) {
        return escalate(books, &before);
    }
    let status = match (before.status, said) {
        (DisputeStatus::WarningUnderReview, Some(WINNING)) => DisputeStatus::WarningClosed,
        (DisputeStatus::UnderReview, Some(WINNING)) => DisputeStatus::Won,
        (DisputeStatus::UnderReview | DisputeStatus::WarningUnderReview, Some(LOSING)) => DisputeStatus::Lost,
        _ => return Ok(()),
    };
    end(books, &before, status).map(drop)
}

/// The answer to its question was not enough: the bank takes the money.
fn escalate(books: &mut Books<'_>, before: &Dispute) -> Result<(), Failure> {
    let due_by = books.now().checked_add(DUE_AFTER).ok();
    let dispute =
        Dispute { status: DisputeStatus::NeedsResponse, due_by, evidence: json!({}), ..before.clone() };
    books.update(before, &dispute)?;
    books.emit_change("charge.dispute.updated", before, &dispute);
    books.emit("charge.dispute.funds_withdrawn", &dispute);
    Ok(())
}

fn end(books: &mut Books<'_>, before: &Dispute, status: DisputeStatus) -> Result<Dispute, Failure> {
    let dispute = Dispute { status, due_by: None, ..before.clone() };
    books.update(before, &dispute)?;
    books.emit_change("charge.dispute.closed", before, &dispute);
    if status == DisputeStatus::Won {
        books.emit_change("charge.dispute.funds_reinstated", before, &dispute);
    }
    Ok(dispute)
}

fn must_be_open(dispute: &Dispute) -> Result<(), Failure> {
    match dispute.status {
        DisputeStatus::NeedsResponse | DisputeStatus::WarningNeedsResponse => Ok(()),
        _ => Err(Failure::unexpected_state("dispute_already_closed", "This dispute is already closed.")),
    }
}

/// A bank that asks for its customer's money back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dispute {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub amount: i64,
    pub currency: String,
    pub charge: String,
    pub payment_intent: String,
    pub reason: String,
    pub status: DisputeStatus,
    #[serde(with = "second::optional")]
    pub due_by: Option<Timestamp>,
    pub evidence: Value,
    pub submission_count: u32,
    pub metadata: Metadata,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    WarningNeedsResponse,
    WarningUnderReview,
    WarningClosed,
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
}

impl DisputeStatus {
    /// Whether the bank only asks, and has not taken the money.
    pub const fn is_inquiry(self) -> bool {
        matches!(self, Self::WarningNeedsResponse | Self::WarningUnderReview | Self::WarningClosed)
    }
}

impl Object for Dispute {
    const KIND: &'static str = "dispute";
    const PREFIX: &'static str = "dp";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("charge", self.charge.clone()), ("payment_intent", self.payment_intent.clone())]
    }

    fn constants(&self) -> Value {
        let case = if self.status.is_inquiry() { "inquiry" } else { "chargeback" };
        json!({
            "balance_transactions": [], "enhanced_eligibility_types": [],
            "evidence_details": {
                "due_by": self.due_by.map(Timestamp::as_second), "enhanced_eligibility": {},
                "has_evidence": self.evidence != json!({}), "past_due": false,
                "submission_count": self.submission_count,
            },
            "is_charge_refundable": self.status.is_inquiry(),
            "payment_method_details": {
                "card": { "brand": "visa", "case_type": case, "network_reason_code": "10.4" }, "type": "card",
            },
        })
    }

    fn render(&self) -> Value {
        let mut wire = in_full(self);
        if let Value::Object(wire) = &mut wire {
            for kept in ["due_by", "submission_count"] {
                wire.remove(kept);
            }
        }
        wire
    }
}
