//! Whether somebody asks for a human being. It is recognised before any FAQ is looked at, and always obeyed.
//!
//! A request is an act and a person close together (`talk to … agent`), or a person and next to nothing else
//! (`agent please`). That a person is mentioned is no request (`is there a human error in my bill?`), nor is what has
//! happened (`I talked to an agent`) or what is not wanted (`I don't want to talk to a human`).

mod requests;

use std::{collections::HashSet, sync::LazyLock};

use super::{
    terms::start,
    text::{Token, normalize, tokens},
    typos::Dictionary,
};
use requests::{RUNS, SPACED, Spaced};

/// Words between the act and the person.
const MOST_BETWEEN: usize = 4;
/// Words beside the person in a message that is nothing but the wish for one.
const MOST_BESIDE: usize = 3;
/// Letters of the shortest word that may be misspelled.
const LEAST_MISSPELLED: usize = 6;
/// Letters between the act and the person where words are not told apart.
const MOST_LETTERS_BETWEEN: usize = 14;

/// Whether `text` asks for a human, in any language of the tables, in any of its clauses.
pub fn asks_for_human(text: &str) -> bool {
    let ends = ['.', ',', ';', ':', '!', '?', '\n', '،', '؛', '؟', '。', '、'];
    start(text).split(ends).any(is_asked_in)
}

fn is_asked_in(clause: &str) -> bool {
    let normalized = normalize(clause);
    let words: Vec<&str> = tokens(&normalized)
        .filter_map(|token| match token {
            Token::Word(word) => Some(meant(word)),
            Token::Number(_) | Token::Run(_) => None,
        })
        .collect();
    REQUESTS.iter().any(|request| request.is_in(&words)) || is_in_a_run(&normalized)
}

/// The word of the tables that a long word is a slip from, or the word itself. In shorter ones (`steak`, `speak`) a letter
/// more often makes another word.
fn meant(word: &str) -> &str {
    static SPELLINGS: LazyLock<Dictionary> = LazyLock::new(|| {
        let words = SPACED.iter().flat_map(Spaced::all);
        let words: Vec<String> = words.flat_map(|words| list(&words.replace('_', " "))).collect();
        Dictionary::of(words.iter().map(String::as_str))
    });
    let is_long = word.chars().count() >= LEAST_MISSPELLED;
    is_long.then(|| SPELLINGS.correct(word)).flatten().unwrap_or(word)
}

static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| SPACED.iter().map(Request::of).collect());
static RUN_ACTS: LazyLock<Vec<String>> = LazyLock::new(|| list(RUNS.acts));
static RUN_PEOPLE: LazyLock<Vec<String>> = LazyLock::new(|| list(RUNS.people));
static RUN_IDLE: LazyLock<Vec<String>> = LazyLock::new(|| list(RUNS.idle));
static RUN_REFUSALS: LazyLock<Vec<String>> = LazyLock::new(|| list(RUNS.refusals));
static RUN_SPOILERS: LazyLock<Vec<String>> = LazyLock::new(|| list(RUNS.spoilers));

/// How one language asks, ready to be compared.
struct Request {
    acts: HashSet<String>,
    wishes: HashSet<String>,
    people: HashSet<String>,
    helpers: HashSet<String>,
    idle: HashSet<String>,
    refusals: Vec<Vec<String>>,
    before: HashSet<String>,
    after: HashSet<String>,
    is_act_last: bool,
    are_refusals_last: bool,
}

impl Request {
    fn of(words: &Spaced) -> Self {
        let set = |words: &str| list(words).into_iter().collect();
        let refusals =
            words.refusals.split_whitespace().map(|phrase| phrase.split('_').map(normalize).collect());
        Self {
            acts: set(words.acts),
            wishes: set(words.wishes),
            people: set(words.people),
            helpers: set(words.helpers),
            idle: set(words.idle),
            refusals: refusals.collect(),
            before: set(words.spoilers_before),
            after: set(words.spoilers_after),
            is_act_last: words.is_act_last,
            are_refusals_last: words.are_refusals_last,
        }
    }

    fn is_in(&self, words: &[&str]) -> bool {
        (0..words.len()).any(|place| self.is_asked_at(words, place) && !self.is_refused_at(words, place))
    }

    /// Whether the person at `place` is not wanted, or was talked to already.
    fn is_refused_at(&self, words: &[&str], place: usize) -> bool {
        let first = place.saturating_sub(MOST_BETWEEN + 2);
        let last = if self.are_refusals_last { place + MOST_BETWEEN + 2 } else { place };
        let near = words.get(first..=last.min(words.len() - 1)).unwrap_or_default();
        let is_said =
            |refusal: &Vec<String>| near.windows(refusal.len()).any(|said| said.iter().eq(refusal.iter()));
        self.refusals.iter().any(is_said)
    }

    /// Whether the person at `place` is asked for.
    fn is_asked_at(&self, words: &[&str], place: usize) -> bool {
        let Some(word) = words.get(place).copied() else { return false };
        let (is_person, is_helper) = (self.people.contains(word), self.helpers.contains(word));
        if !is_person && !is_helper {
            return false;
        }
        let is = |set: &HashSet<String>, word: Option<&&str>| word.is_some_and(|word| set.contains(*word));
        let previous = place.checked_sub(1).and_then(|before| words.get(before));
        if is(&self.before, previous) || is(&self.after, words.get(place + 1)) {
            return false;
        }
        let first = place.saturating_sub(MOST_BETWEEN + 1);
        let before = words.get(first..place).unwrap_or_default();
        let after = words.iter().skip(place + 1).take(if self.is_act_last { MOST_BETWEEN + 1 } else { 0 });
        let mut near = before.iter().chain(after);
        if near.clone().any(|word| self.acts.contains(*word)) {
            return true;
        }
        let is_idle = |word: &&str| {
            self.idle.contains(*word) || self.wishes.contains(*word) || self.people.contains(*word)
        };
        let is_alone = words.len() <= MOST_BESIDE + 1 && words.iter().all(is_idle);
        let is_wished = near.any(|word| self.wishes.contains(*word)) && self.ends(words, place);
        is_person && (is_alone || is_wished)
    }

    /// `a human to check my bill` is a wish for a human, `a human skeleton` is not: after the person there is nothing,
    /// or a word that holds sentences together.
    fn ends(&self, words: &[&str], place: usize) -> bool {
        words.get(place + 1).is_none_or(|next| self.idle.contains(*next) || self.people.contains(*next))
    }
}

fn list(words: &str) -> Vec<String> {
    words.split_whitespace().map(|word| normalize(&word.replace('_', " "))).collect()
}

/// The same where words follow one another without spaces: the act, a few letters, the person.
fn is_in_a_run(text: &str) -> bool {
    if RUN_REFUSALS.iter().any(|refusal| text.contains(refusal.as_str())) {
        return false;
    }
    let is_asked = |person: &String| {
        text.match_indices(person.as_str()).any(|(start, _)| {
            let (before, from) = text.split_at(start);
            let after = from.get(person.len()..).unwrap_or_default();
            let is_spoiled = RUN_SPOILERS.iter().any(|spoiler| after.starts_with(spoiler.as_str()));
            !is_spoiled && (follows_an_act(before) || is_idle(before, after))
        })
    };
    RUN_PEOPLE.iter().any(is_asked)
}

fn follows_an_act(before: &str) -> bool {
    RUN_ACTS.iter().any(|act| {
        let found = before.rfind(act.as_str()).and_then(|found| before.get(found + act.len()..));
        found.is_some_and(|between| between.chars().count() <= MOST_LETTERS_BETWEEN)
    })
}

/// Whether nothing is said but the person.
fn is_idle(before: &str, after: &str) -> bool {
    let strip = |text: &str| {
        let mut rest = text.replace(' ', "");
        for idle in RUN_IDLE.iter() {
            rest = rest.replace(idle.as_str(), "");
        }
        rest.is_empty()
    };
    strip(before) && strip(after)
}

#[cfg(test)]
mod tests {
    use super::asks_for_human;

    #[test]
    fn a_human_is_asked_for_in_many_ways_and_languages() {
        let requests = [
            "I want to talk to a human",
            "Can I speak with a real person please?",
            "agent",
            "AGENT!!!",
            "human please",
            "live agent please",
            "get me a human",
            "I need a representative",
            "connect me with customer service",
            "can you transfer me to an operator",
            "I don't know how to talk to an agent",
            "is there anyone I can speak to? a real person",
            "let me talk to somebody",
            "i wanna chat with a fucking human being",
            "I need a human to look at my bill",
            "can someone call me? I want to speak to staff",
            "talk to a hu\u{301}man",
            "conect me with an oprator",
            "I don't want this order any more, let me talk to a human",
            "I want a human, not a bot. I don't want to talk to a bot",
            "i dont want a bot i want a human",
            "سفارش را نمی‌خواهم، با اپراتور صحبت کنم",
            "ขอคุยกับเจ้าหน้าที่",
            "ขอคุยกับคนจริงๆ หน่อยค่ะ",
            "ติดต่อพนักงานได้ไหม",
            "แอดมินครับ",
            "อยากคุยกับแอดมิน",
            "می‌خواهم با اپراتور صحبت کنم",
            "میشه با یه آدم واقعی حرف بزنم",
            "اپراتور لطفا",
            "لطفا به پشتیبان وصلم کنید",
            "quiero hablar con una persona",
            "un agente por favor",
            "je veux parler à un conseiller",
            "Parler à un humain",
            "ich möchte mit einem Menschen sprechen",
            "Mitarbeiter bitte",
            "أريد التحدث مع موظف",
            "müşteri temsilcisine bağlanmak istiyorum",
            "gerçek bir insanla konuşmak istiyorum",
        ];
        let missed: Vec<_> = requests.into_iter().filter(|text| !asks_for_human(text)).collect();
        assert_eq!(missed, [""; 0]);
    }

    #[test]
    fn people_who_are_mentioned_are_not_asked_for() {
        let others = [
            "is there a human error in my bill?",
            "I don't want to talk to a human",
            "no need for an agent, thanks",
            "I talked to an agent yesterday about my refund",
            "the delivery person left my parcel outside",
            "I want to buy a human skeleton for my class",
            "do you sell agent orange t-shirts",
            "can I call the delivery person?",
            "how many people can use one account?",
            "I want to order a cleaning agent",
            "need a travel agent bag",
            "someone stole my parcel",
            "are you a human?",
            "talk to me about shipping costs",
            "is this for humans or for dogs?",
            "I want human hair extensions",
            "can a person under 18 order?",
            "where is my order",
            "คนส่งของยังไม่มา",
            "ไม่อยากคุยกับเจ้าหน้าที่",
            "เสื้อสำหรับกี่คน",
            "พนักงานส่งของไม่สุภาพ",
            "نمی‌خواهم با اپراتور صحبت کنم",
            "این لباس برای یک آدم بزرگ است؟",
            "no quiero hablar con una persona",
            "combien de personnes peuvent utiliser un compte",
            "wie viele Menschen nutzen das",
            "",
            "\u{0}\u{301}\u{301}",
        ];
        let fooled: Vec<_> = others.into_iter().filter(|text| asks_for_human(text)).collect();
        assert_eq!(fooled, [""; 0]);
    }
}
