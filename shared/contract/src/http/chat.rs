//! The support chat.

use domain::{
    AutoResponseId, ConversationId, FaqId, Line, MessageId, Paragraph, UserId,
    chat::{
        AgentStatus, ConversationKind, ConversationStatus, MessageKind, Priority,
        bot::{DeskState, Trigger},
        conversation::{Origin, Part, Rating},
        message::{Message, Wording},
        routing::Score,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A conversation to be opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewConversation {
    /// What it is for; `support` unless said otherwise. `private` is for staff.
    #[serde(rename = "type", default)]
    pub kind: ConversationKind,
    /// What it is about.
    #[serde(default, alias = "name", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Line>,
    /// How urgent it is; only staff may say more than `medium`.
    #[serde(default)]
    pub priority: Priority,
    /// How staff sorts it.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub tags: Vec<Line>,
    /// Who else takes part; only staff may say so.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub participants: Vec<UserId>,
    /// Where it was opened.
    #[serde(default, deserialize_with = "domain::maps::one")]
    pub metadata: Origin,
    /// Another one, though one is open.
    #[serde(default, alias = "forceNew")]
    pub force_new: bool,
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub part: Part,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationView {
    /// Its name.
    pub conversation_id: ConversationId,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: ConversationKind,
    /// What it is about.
    pub subject: Option<Line>,
    /// Where it is.
    pub status: ConversationStatus,
    /// How urgent it is.
    pub priority: Priority,
    /// How staff sorts it.
    pub tags: Vec<Line>,
    /// Who opened it.
    pub customer_id: UserId,
    /// Who has it.
    pub agent_id: Option<UserId>,
    /// Who takes part.
    pub participants: Vec<ParticipantView>,
    /// Where it was opened.
    pub metadata: Origin,
    /// Since when it waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub queued_at: Option<Timestamp>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When an agent first had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub assigned_at: Option<Timestamp>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resolved_at: Option<Timestamp>,
    /// What the customer thought of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfaction_rating: Option<Rating>,
    /// The `seq` of its newest message; 0 if there is none.
    pub last_seq: u64,
    /// Messages of others that one has not read, at most 100; of one's own conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u64>,
    /// How many changes there were of the conversation itself.
    pub version: u64,
}

/// Which conversations are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationsRequest {
    /// Only with this status.
    pub status: Option<ConversationStatus>,
    /// Only those of an agent: `me`, `none`, or their id (staff).
    #[param(value_type = Option<String>, max_length = 64)]
    pub assigned: Option<String>,
    /// Only of this urgency.
    pub priority: Option<Priority>,
    /// Only with this tag.
    #[param(value_type = Option<String>, max_length = 200)]
    pub tag: Option<Line>,
}

/// What staff changes of a conversation; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationChanges {
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How it is sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub tags: Option<Vec<Line>>,
    /// What it is about.
    #[serde(default, alias = "name", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Line>,
}

/// What a message says: an object, or only its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum NewContent {
    /// Only words.
    Words(String),
    /// All of it.
    Full(#[serde(deserialize_with = "domain::maps::one")] Wording),
}

impl NewContent {
    /// Whether files go with it.
    pub const fn has_files(&self) -> bool {
        matches!(self, Self::Full(Wording { attachments, .. }) if !attachments.is_empty())
    }
}

impl From<NewContent> for Wording {
    fn from(content: NewContent) -> Self {
        match content {
            NewContent::Words(text) => Self { text: Some(text), ..Self::default() },
            NewContent::Full(wording) => wording,
        }
    }
}

/// Something to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewMessage {
    /// What kind of message it is; `text` unless said otherwise.
    #[serde(rename = "type", alias = "message_type", default)]
    pub kind: MessageKind,
    /// What it says.
    #[serde(alias = "message")]
    pub content: NewContent,
    /// One's own name for it: sent again under the same, it is the same message. Over HTTP the `Idempotency-Key`, unless
    /// said otherwise.
    #[serde(default, alias = "clientMessageId", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub client_message_id: Option<String>,
}

impl NewMessage {
    /// The same under `name`, if it has none of its own.
    #[must_use]
    pub fn or_named(self, name: impl FnOnce() -> String) -> Self {
        Self { client_message_id: self.client_message_id.or_else(|| Some(name())), ..self }
    }
}

/// Which messages are wanted. Without `before_seq` and `after_seq`, the newest.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagesRequest {
    /// Those before this one, the newest of them.
    pub before_seq: Option<u64>,
    /// Those after this one, the oldest of them.
    pub after_seq: Option<u64>,
    /// How many, 1 to 100; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
}

/// Messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagesView {
    /// The messages.
    pub data: Vec<Message>,
    /// The `seq` of the newest message of all.
    pub last_seq: u64,
    /// Pass it as `before_seq` for older ones; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before_seq: Option<u64>,
    /// Pass it as `after_seq` for newer ones; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after_seq: Option<u64>,
}

/// Up to where one has read; the newest, if it is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewRead {
    /// Up to this place.
    #[serde(default, alias = "upToSeq", skip_serializing_if = "Option::is_none")]
    pub up_to_seq: Option<u64>,
    /// Up to this message.
    #[serde(default, alias = "messageId", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
}

/// Up to where one has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadView {
    /// Up to this place; it never goes back.
    pub up_to_seq: u64,
    /// Messages of others after it, at most 100.
    pub unread_count: u64,
}

/// Who gets a conversation; whoever is next in turn, if nobody is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAssignment {
    /// Who.
    #[serde(default, alias = "agentId", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<UserId>,
}

/// To whom a conversation is handed on: an agent, or whoever knows something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewTransfer {
    /// The agent.
    #[serde(default, alias = "toAgent", skip_serializing_if = "Option::is_none")]
    pub to_agent: Option<UserId>,
    /// What whoever gets it should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<Line>,
    /// Why, for the other agent to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
}

/// What the customer thought of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewRating {
    /// 1 to 5.
    #[serde(alias = "score")]
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    /// In words.
    #[serde(default, alias = "comment", skip_serializing_if = "Option::is_none")]
    pub text: Option<Paragraph>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// Who.
    pub agent_id: UserId,
    /// What customers see.
    pub name: Option<Line>,
    /// What they know.
    pub skills: Vec<Line>,
    /// Whether they take conversations.
    pub status: AgentStatus,
    /// How many they have.
    pub current_conversations: u32,
    /// How many they can have at once.
    pub concurrent_limit: u32,
    /// When they were last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

/// What an admin says about an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentProfile {
    /// What customers see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Line>,
    /// What they know.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub skills: Vec<Line>,
    /// How many conversations they can have at once, 0 to 100.
    #[serde(alias = "concurrentLimit")]
    #[schema(maximum = 100)]
    pub concurrent_limit: u32,
}

/// Whether an agent takes conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetAgentStatus {
    /// `online`, `busy` or `offline`.
    pub status: AgentStatus,
}

/// All of something that is few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentsView {
    /// The agents, by their names.
    pub data: Vec<AgentView>,
}

/// A conversation that waits for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueEntry {
    /// Which.
    pub conversation_id: ConversationId,
    /// Its place, from 1.
    pub position: usize,
    /// How much it weighs, and why.
    pub score: Score,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    /// How urgent it is.
    pub priority: Priority,
    /// What whoever answers should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<Line>,
    /// About how long it will be, in seconds; absent while nobody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_wait_s: Option<u64>,
}

/// The queue, in the order in which it is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// Who waits.
    pub data: Vec<QueueEntry>,
}

/// Of which time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatFiguresRequest {
    /// Opened from then on: RFC 3339, or a day in the shop's zone; the last 30 days unless said otherwise.
    #[serde(alias = "start_date")]
    pub from: Option<String>,
    /// Opened until then: an instant, or the end of a day.
    #[serde(alias = "end_date")]
    pub to: Option<String>,
}

/// That a person is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewEscalation {}

/// How a transcript is wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TranscriptRequest {
    /// `json`, unless said otherwise, or `text`.
    pub format: Option<TranscriptFormat>,
}

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptFormat {
    /// As JSON.
    Json,
    /// As lines for a person to read.
    Text,
}

impl TranscriptRequest {
    /// Whether it is wanted as text.
    pub fn is_text(&self) -> bool {
        self.format == Some(TranscriptFormat::Text)
    }
}

/// All that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranscriptView {
    /// The conversation.
    pub conversation: ConversationView,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

impl TranscriptView {
    /// One line for each message: when, who, what. A message's own line breaks are kept, its further lines set in; its files
    /// are named.
    pub fn as_text(&self) -> String {
        let line = |message: &Message| {
            let who = message.sender_name.as_deref().unwrap_or(message.sender_id.as_str());
            let text = message.content.text.iter().map(|text| text.replace('\n', "\n    "));
            let files =
                message.content.attachments.iter().map(|file| format!("[{}]", file.file_name.as_str()));
            let what = text.chain(files).collect::<Vec<_>>().join(" ");
            format!("[{}] {who}: {what}\n", message.created_at)
        };
        self.messages.iter().map(line).collect()
    }
}

/// A question and its answer, to be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewFaq {
    /// The question.
    pub question: Line,
    /// Other ways to put it, at most 50: the more, the surer the shop is.
    #[serde(default, alias = "alternativeQuestions")]
    #[schema(max_items = 50)]
    pub alternative_questions: Vec<Line>,
    /// Words that speak for it wherever they stand, at most 50.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub keywords: Vec<Line>,
    /// The answer. `{order_status}`, `{stock}`, `{stock:PRODUCT}` and `{opening_hours}` in it are filled in; a brace by
    /// itself is written twice.
    pub answer: Paragraph,
    /// In which language, as BCP 47 has it.
    #[serde(default = "english")]
    pub language: Line,
    /// From which confidence on it is answered, 1 to 100; the shop's own, unless said otherwise.
    #[serde(default, alias = "confidenceThreshold", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub confidence_threshold: Option<u8>,
    /// Whether it is answered at all.
    #[serde(default = "yes", alias = "isActive")]
    pub is_active: bool,
}

#[expect(clippy::unwrap_used, reason = "a constant that is a line")]
fn english() -> Line {
    Line::new("en").unwrap()
}

const fn yes() -> bool {
    true
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaqView {
    /// Its name.
    pub faq_id: FaqId,
    /// The question.
    pub question: String,
    /// Other ways to put it.
    pub alternative_questions: Vec<String>,
    /// Words that speak for it.
    pub keywords: Vec<String>,
    /// The answer, with slots.
    pub answer: String,
    /// In which language.
    pub language: String,
    /// From which confidence on it is answered, if not the shop's own.
    pub confidence_threshold: Option<u8>,
    /// Whether it is answered at all.
    pub is_active: bool,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// All FAQs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaqsView {
    /// The FAQs, by their names.
    pub data: Vec<FaqView>,
}

/// A text to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewFaqMatch {
    /// What a customer might write.
    pub text: Paragraph,
}

/// What the shop would do with a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaqMatchView {
    /// What is done: an answer is given, some are suggested and a person is called, or a person was asked for.
    pub decision: FaqDecision,
    /// The FAQs that are most like it, at most five, best first.
    pub candidates: Vec<FaqCandidate>,
}

/// What is done with a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FaqDecision {
    /// A person is asked for.
    Human,
    /// This one is answered.
    Answer {
        /// Which.
        faq_id: FaqId,
    },
    /// These are suggested, three at most and perhaps none.
    Suggest {
        /// Which.
        faq_ids: Vec<FaqId>,
    },
}

impl From<&domain::faq::Decision> for FaqDecision {
    fn from(decision: &domain::faq::Decision) -> Self {
        match decision {
            domain::faq::Decision::Human => Self::Human,
            domain::faq::Decision::Answer(faq_id) => Self::Answer { faq_id: faq_id.clone() },
            domain::faq::Decision::Suggest(faq_ids) => Self::Suggest { faq_ids: faq_ids.clone() },
        }
    }
}

/// A FAQ that is like a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaqCandidate {
    /// Which.
    pub faq_id: FaqId,
    /// The question.
    pub question: String,
    /// How sure the shop is, 0 to 100.
    pub confidence: u8,
    /// What speaks for it.
    pub why: FaqWhy,
}

/// What speaks for a FAQ.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaqWhy {
    /// The phrasing or keyword of the FAQ that is most like the text.
    pub nearest: String,
    /// What the text has in common with that, most important first.
    pub words: Vec<FaqPart>,
    /// What it has in common with what the FAQ's phrasings have on average.
    pub learned: Vec<FaqPart>,
    /// The FAQ's keywords in the text.
    pub keywords: Vec<String>,
    /// Words of the text that were read as others: `refnud → refund`.
    pub typos: Vec<String>,
    /// What the text says and no FAQ of the shop.
    pub unknown: Vec<String>,
}

/// What a part of a text adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaqPart {
    /// Which.
    pub what: String,
    /// Of a hundred.
    pub points: f64,
}

impl From<&domain::faq::Why> for FaqWhy {
    fn from(why: &domain::faq::Why) -> Self {
        let parts = |parts: &[domain::faq::Contribution]| {
            parts.iter().map(|part| FaqPart { what: part.what.clone(), points: part.points }).collect()
        };
        Self {
            nearest: why.nearest.clone(),
            words: parts(&why.words),
            learned: parts(&why.learned),
            keywords: why.keywords.clone(),
            typos: why.typos.iter().map(|typo| format!("{} → {}", typo.written, typo.read)).collect(),
            unknown: why.unknown.clone(),
        }
    }
}

/// Something that is said without being asked, to be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAutoResponse {
    /// When it is said.
    pub trigger: Trigger,
    /// The words, of a `keyword` response; at most 50.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub keywords: Vec<Line>,
    /// What is said, with slots as in a FAQ's answer.
    pub text: Paragraph,
    /// In which language.
    #[serde(default = "english")]
    pub language: Line,
    /// Whether it is said at all.
    #[serde(default = "yes", alias = "isActive")]
    pub is_active: bool,
}

/// Something that is said without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutoResponseView {
    /// Its name.
    pub auto_response_id: AutoResponseId,
    /// When it is said.
    pub trigger: Trigger,
    /// The words, of a `keyword` response.
    pub keywords: Vec<String>,
    /// What is said, with slots.
    pub text: String,
    /// In which language.
    pub language: String,
    /// Whether it is said at all.
    pub is_active: bool,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// All responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutoResponsesView {
    /// The responses, by their names.
    pub data: Vec<AutoResponseView>,
}

/// What a seeding has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeededView {
    /// FAQs that were not there before.
    pub faqs: usize,
    /// Responses that were not there before.
    pub auto_responses: usize,
}

/// Nothing in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewSeeding {}

/// Whether somebody can be talked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AvailabilityView {
    /// Whether an agent is there and has room.
    pub state: DeskState,
    /// How many wait.
    pub queue_length: usize,
    /// When somebody is there next, outside the hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_open_at: Option<Timestamp>,
}
