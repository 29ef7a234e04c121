//! What a shop answers by itself, as admins see and change it, and as the bot knows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    Fact,
    http::chat::{
        AutoResponseView, AutoResponsesView, FaqCandidate, FaqMatchView, FaqView, FaqsView, NewAutoResponse,
        NewFaq, SeededView,
    },
};
use domain::{
    AutoResponseId, FaqId, Permission, Principal, ShopId,
    chat::{
        bot::{AutoResponse, Trigger},
        hours::BusinessHours,
    },
    faq::{
        Candidate, Matcher, Template,
        seeds::{self, SeedTrigger},
    },
};

use super::Chat;
use crate::{
    Error, Result,
    journal::Author,
    store::chat::{AllAnswers, Answer, StoredFaq, StoredResponse},
};

/// The most FAQs, and the most responses, of one shop.
const MOST: usize = 2_000;
/// So many are written in one transaction.
const AT_ONCE: usize = 80;

/// What the bot knows of a shop.
#[derive(Debug)]
pub(super) struct Known {
    edition: u64,
    pub(super) faqs: BTreeMap<FaqId, StoredFaq>,
    pub(super) responses: Vec<AutoResponse>,
    pub(super) hours: BusinessHours,
    pub(super) matcher: Matcher,
}

/// What it knows of each shop, as far as this process has learned it.
#[derive(Debug, Clone, Default)]
pub(super) struct Learned(Arc<Mutex<BTreeMap<ShopId, Arc<Known>>>>);

impl Chat {
    /// What the bot knows of a shop. It is learned anew when something has changed.
    pub(super) async fn known(&self, shop: &ShopId) -> Result<Arc<Known>> {
        let edition = self.store.answers_edition(shop).await?;
        let learned = self.learned.0.lock().unwrap_or_else(PoisonError::into_inner).get(shop).cloned();
        if let Some(known) = learned.filter(|known| known.edition == edition) {
            return Ok(known);
        }
        let all = self.store.answers(shop).await?;
        let usual = self.settings.chat.faq_threshold;
        let faqs: Vec<_> = all.faqs.iter().map(|faq| faq.faq(usual)).collect();
        let known = Arc::new(Known {
            edition: all.edition,
            matcher: Matcher::new(&faqs),
            faqs: all.faqs.into_iter().map(|faq| (faq.id.clone(), faq)).collect(),
            responses: all.responses.iter().map(StoredResponse::response).collect(),
            hours: all.hours,
        });
        self.learned.0.lock().unwrap_or_else(PoisonError::into_inner).insert(shop.clone(), known.clone());
        Ok(known)
    }

    /// All FAQs.
    pub async fn faqs(&self, who: &Principal) -> Result<FaqsView> {
        who.may(Permission::AnswerChats)?;
        let all = self.store.answers(&who.shop).await?;
        Ok(FaqsView { data: all.faqs.into_iter().filter(|faq| !faq.is_deleted).map(faq_view).collect() })
    }

    /// A FAQ.
    pub async fn faq(&self, who: &Principal, id: &FaqId) -> Result<FaqView> {
        who.may(Permission::AnswerChats)?;
        let all = self.store.answers(&who.shop).await?;
        found_faq(&all, id).cloned().map(faq_view).ok_or(Error::NotFound)
    }

    /// A new FAQ under a name, or another one in place of what is there.
    pub async fn save_faq(&self, who: &Principal, id: &FaqId, new: NewFaq, is_new: bool) -> Result<FaqView> {
        who.may(Permission::ManageDesk)?;
        check_template("answer", new.answer.as_str())?;
        if new.confidence_threshold.is_some_and(|threshold| !(1..=100).contains(&threshold)) {
            return Err(Error::field("confidence_threshold", "out_of_range", "expected 1 to 100"));
        }
        check_few("alternative_questions", new.alternative_questions.len())?;
        check_few("keywords", new.keywords.len())?;
        let faq = StoredFaq {
            id: id.clone(),
            question: new.question.into(),
            alternatives: new.alternative_questions.into_iter().map(String::from).collect(),
            keywords: new.keywords.into_iter().map(String::from).collect(),
            answer: new.answer.into(),
            language: new.language.into(),
            threshold: new.confidence_threshold,
            is_active: new.is_active,
            is_deleted: false,
            updated_at: self.clock.now(),
        };
        self.change_answers(who, "saved", |all| {
            if !is_new && found_faq(all, id).is_none() {
                return Err(Error::NotFound);
            }
            check_room(all.faqs.len())?;
            Ok(vec![Answer::Faq(faq.clone())])
        })
        .await?;
        Ok(faq_view(faq))
    }

    /// A FAQ is no more. A seed that was deleted does not come back with the next seeding.
    pub async fn delete_faq(&self, who: &Principal, id: &FaqId) -> Result<()> {
        who.may(Permission::ManageDesk)?;
        let now = self.clock.now();
        self.change_answers(who, "deleted", |all| {
            let faq = found_faq(all, id).ok_or(Error::NotFound)?.clone();
            Ok(vec![Answer::Faq(StoredFaq { is_deleted: true, updated_at: now, ..faq })])
        })
        .await
    }

    /// What the bot would make of a text, and why.
    pub async fn match_faqs(&self, who: &Principal, text: &str) -> Result<FaqMatchView> {
        who.may(Permission::AnswerChats)?;
        let known = self.known(&who.shop).await?;
        let found = known.matcher.answer(text);
        let candidate = |candidate: &Candidate| FaqCandidate {
            faq_id: candidate.faq.clone(),
            question: known.faqs.get(&candidate.faq).map(|faq| faq.question.clone()).unwrap_or_default(),
            confidence: candidate.confidence.percent(),
            why: (&candidate.why).into(),
        };
        Ok(FaqMatchView {
            decision: (&found.decision).into(),
            candidates: found.candidates.iter().map(candidate).collect(),
        })
    }

    /// All responses.
    pub async fn responses(&self, who: &Principal) -> Result<AutoResponsesView> {
        who.may(Permission::ManageDesk)?;
        let all = self.store.answers(&who.shop).await?;
        let kept = all.responses.into_iter().filter(|response| !response.is_deleted);
        Ok(AutoResponsesView { data: kept.map(response_view).collect() })
    }

    /// A new response under a name, or another one in place of what is there.
    pub async fn save_response(
        &self,
        who: &Principal,
        id: &AutoResponseId,
        new: NewAutoResponse,
        is_new: bool,
    ) -> Result<AutoResponseView> {
        who.may(Permission::ManageDesk)?;
        check_template("text", new.text.as_str())?;
        check_few("keywords", new.keywords.len())?;
        if (new.trigger == Trigger::Keyword) == new.keywords.is_empty() {
            return Err(Error::field(
                "keywords",
                "invalid",
                "expected for the trigger `keyword`, and only for it",
            ));
        }
        let response = StoredResponse {
            id: id.clone(),
            trigger: new.trigger,
            keywords: new.keywords.into_iter().map(String::from).collect(),
            text: new.text.into(),
            language: new.language.into(),
            is_active: new.is_active,
            is_deleted: false,
            updated_at: self.clock.now(),
        };
        self.change_answers(who, "saved", |all| {
            if !is_new && found_response(all, id).is_none() {
                return Err(Error::NotFound);
            }
            check_room(all.responses.len())?;
            Ok(vec![Answer::Response(response.clone())])
        })
        .await?;
        Ok(response_view(response))
    }

    /// A response is no more.
    pub async fn delete_response(&self, who: &Principal, id: &AutoResponseId) -> Result<()> {
        who.may(Permission::ManageDesk)?;
        let now = self.clock.now();
        self.change_answers(who, "deleted", |all| {
            let response = found_response(all, id).ok_or(Error::NotFound)?.clone();
            Ok(vec![Answer::Response(StoredResponse { is_deleted: true, updated_at: now, ..response })])
        })
        .await
    }

    /// Gives a shop what every shop begins with. What is there, was edited or was deleted stays as it is.
    pub async fn seed(&self, who: &Principal) -> Result<SeededView> {
        who.may(Permission::ManageDesk)?;
        let mut seeded = SeededView::default();
        loop {
            let all = self.store.answers(&who.shop).await?;
            let mut missing = self.missing(&all);
            missing.truncate(AT_ONCE);
            if missing.is_empty() {
                return Ok(seeded);
            }
            for answer in &missing {
                match answer {
                    Answer::Faq(_) => seeded.faqs += 1,
                    Answer::Response(_) => seeded.auto_responses += 1,
                    Answer::Hours(_) => {}
                }
            }
            if !self.write_answers(who, "seeded", all.edition, &missing).await? {
                return Err(Error::busy());
            }
        }
    }

    /// The seeds that are not there.
    fn missing(&self, all: &AllAnswers) -> Vec<Answer> {
        let now = self.clock.now();
        let faqs: BTreeSet<_> = all.faqs.iter().map(|faq| &faq.id).collect();
        let responses: BTreeSet<_> = all.responses.iter().map(|response| &response.id).collect();
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let new_faqs = seeds::faqs().filter(|seed| !faqs.contains(&seed.id())).map(|seed| {
            Answer::Faq(StoredFaq {
                id: seed.id(),
                question: seed.question.into(),
                alternatives: owned(seed.alternatives),
                keywords: owned(seed.keywords),
                answer: seed.answer.into(),
                language: seed.language.into(),
                threshold: None,
                is_active: true,
                is_deleted: false,
                updated_at: now,
            })
        });
        let new_responses = seeds::responses().filter_map(|seed| {
            let id = AutoResponseId::new(format!("{}{}", AutoResponseId::PREFIX, seed.key())).ok()?;
            let (trigger, keywords) = match seed.trigger {
                SeedTrigger::Welcome => (Trigger::Welcome, vec![]),
                SeedTrigger::Offline => (Trigger::Offline, vec![]),
                SeedTrigger::Busy => (Trigger::Busy, vec![]),
                SeedTrigger::Keyword(words) => (Trigger::Keyword, owned(words)),
            };
            (!responses.contains(&id)).then(|| {
                Answer::Response(StoredResponse {
                    id,
                    trigger,
                    keywords,
                    text: seed.text.into(),
                    language: seed.language.into(),
                    is_active: true,
                    is_deleted: false,
                    updated_at: now,
                })
            })
        });
        new_faqs.chain(new_responses).collect()
    }

    /// Changes what the shop answers, as `decide` says of what is there.
    pub(super) async fn change_answers(
        &self,
        who: &Principal,
        act: &str,
        decide: impl Fn(&AllAnswers) -> Result<Vec<Answer>>,
    ) -> Result<()> {
        for _ in 0..super::ATTEMPTS {
            let all = self.store.answers(&who.shop).await?;
            if self.write_answers(who, act, all.edition, &decide(&all)?).await? {
                return Ok(());
            }
        }
        Err(Error::busy())
    }

    async fn write_answers(&self, who: &Principal, act: &str, seen: u64, answers: &[Answer]) -> Result<bool> {
        let name = |answer: &Answer| match answer {
            Answer::Faq(faq) => faq.id.to_string(),
            Answer::Response(response) => response.id.to_string(),
            Answer::Hours(_) => "hours".to_owned(),
        };
        let fact = Fact::AnswersChanged { act: act.to_owned(), what: answers.iter().map(name).collect() };
        let event = Author::of(who).event(&self.clock, "chat:answers", seen + 1, fact);
        self.store.put_answers(&who.shop, seen, answers, &event).await
    }
}

fn found_faq<'a>(all: &'a AllAnswers, id: &FaqId) -> Option<&'a StoredFaq> {
    all.faqs.iter().find(|faq| faq.id == *id && !faq.is_deleted)
}

fn found_response<'a>(all: &'a AllAnswers, id: &AutoResponseId) -> Option<&'a StoredResponse> {
    all.responses.iter().find(|response| response.id == *id && !response.is_deleted)
}

fn check_template(field: &str, text: &str) -> Result<()> {
    text.parse::<Template>().map(drop).map_err(|error| Error::field(field, "invalid", error.to_string()))
}

fn check_few(field: &str, count: usize) -> Result<()> {
    if count > 50 { Err(Error::field(field, "too_many", "expected at most 50")) } else { Ok(()) }
}

fn check_room(count: usize) -> Result<()> {
    if count >= MOST {
        return Err(Error::field("", "too_many", format!("a shop has at most {MOST}")));
    }
    Ok(())
}

fn faq_view(faq: StoredFaq) -> FaqView {
    FaqView {
        faq_id: faq.id,
        question: faq.question,
        alternative_questions: faq.alternatives,
        keywords: faq.keywords,
        answer: faq.answer,
        language: faq.language,
        confidence_threshold: faq.threshold,
        is_active: faq.is_active,
        updated_at: faq.updated_at,
    }
}

fn response_view(response: StoredResponse) -> AutoResponseView {
    AutoResponseView {
        auto_response_id: response.id,
        trigger: response.trigger,
        keywords: response.keywords,
        text: response.text,
        language: response.language,
        is_active: response.is_active,
        updated_at: response.updated_at,
    }
}
