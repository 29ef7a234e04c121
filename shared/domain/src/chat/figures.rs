//! How support does: how soon it answers, how long it takes, what customers think of it, how much the shop answers by
//! itself. Times are in whole seconds, averages rounded down.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Conversation, ConversationKind};
use crate::UserId;

/// Several times of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// On average, in seconds; nothing of none.
    pub average_s: Option<u64>,
    /// Half of them took at most so long.
    pub median_s: Option<u64>,
    /// Nine of ten took at most so long.
    pub p90_s: Option<u64>,
}

/// What customers thought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Satisfaction {
    /// How many said so.
    pub ratings: u64,
    /// On average, in hundredths: 450 is four and a half stars; nothing of none.
    pub average_hundredths: Option<u64>,
    /// How many of a hundred gave four stars or five.
    pub satisfied_percent: Option<u64>,
}

/// How one agent does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfAgent {
    /// Who.
    pub agent_id: UserId,
    /// Conversations that were theirs last.
    pub conversations: u64,
    /// From when a person was wanted until their first word.
    pub first_response: Times,
    /// From the opening until it was done.
    pub resolution: Times,
    /// What customers thought.
    pub satisfaction: Satisfaction,
}

/// How support does, of the conversations that were opened in a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// How many conversations.
    pub conversations: u64,
    /// Of those, how many no person was wanted in.
    pub automatic: u64,
    /// The same of a hundred; nothing of none.
    pub automatic_percent: Option<u64>,
    /// How many are done.
    pub resolved: u64,
    /// From when a person was wanted until an agent's first word.
    pub first_response: Times,
    /// From the opening until it was done.
    pub resolution: Times,
    /// What customers thought.
    pub satisfaction: Satisfaction,
    /// By who had it last.
    pub agents: Vec<OfAgent>,
    /// How many were opened in each hour of the day, in the shop's zone: 24 numbers.
    #[schema(min_items = 24, max_items = 24)]
    pub opened_by_hour: Vec<u64>,
}

/// How support does.
pub fn figures(conversations: &[Conversation], zone: &TimeZone) -> Figures {
    let support: Vec<&Conversation> =
        conversations.iter().filter(|one| one.kind == ConversationKind::Support).collect();
    let mut by_hour = vec![0_u64; 24];
    let mut by_agent: BTreeMap<&UserId, Vec<&Conversation>> = BTreeMap::new();
    for conversation in &support {
        let hour = usize::try_from(conversation.opened_at.to_zoned(zone.clone()).hour()).unwrap_or_default();
        if let Some(count) = by_hour.get_mut(hour) {
            *count += 1;
        }
        if let Some(agent) = &conversation.agent {
            by_agent.entry(agent).or_default().push(conversation);
        }
    }
    let automatic = count(support.iter().filter(|one| one.wanted_at.is_none()));
    let conversations = count(support.iter());
    let of_agent = |(agent, theirs): (&UserId, Vec<&Conversation>)| OfAgent {
        agent_id: agent.clone(),
        conversations: count(theirs.iter()),
        first_response: first_response(&theirs),
        resolution: resolution(&theirs),
        satisfaction: satisfaction(&theirs),
    };
    Figures {
        conversations,
        automatic,
        automatic_percent: (automatic * 100).checked_div(conversations),
        resolved: count(support.iter().filter(|one| one.resolved_at.is_some())),
        first_response: first_response(&support),
        resolution: resolution(&support),
        satisfaction: satisfaction(&support),
        agents: by_agent.into_iter().map(of_agent).collect(),
        opened_by_hour: by_hour,
    }
}

fn count(all: impl Iterator) -> u64 {
    u64::try_from(all.count()).unwrap_or(u64::MAX)
}

fn first_response(of: &[&Conversation]) -> Times {
    times(
        of.iter()
            .filter_map(|one| seconds(one.wanted_at.unwrap_or(one.opened_at), one.answered_at?))
            .collect(),
    )
}

fn resolution(of: &[&Conversation]) -> Times {
    times(of.iter().filter_map(|one| seconds(one.opened_at, one.resolved_at?)).collect())
}

fn seconds(from: Timestamp, until: Timestamp) -> Option<u64> {
    u64::try_from(until.duration_since(from).as_secs().max(0)).ok()
}

fn times(mut all: Vec<u64>) -> Times {
    all.sort_unstable();
    let number = count(all.iter());
    // The smallest that so many of a hundred are not above.
    let at = |percent: usize| all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Times {
        count: number,
        average_s: all.iter().sum::<u64>().checked_div(number),
        median_s: at(50),
        p90_s: at(90),
    }
}

fn satisfaction(of: &[&Conversation]) -> Satisfaction {
    let scores: Vec<u64> = of.iter().filter_map(|one| Some(u64::from(one.rating.as_ref()?.score))).collect();
    let ratings = count(scores.iter());
    Satisfaction {
        ratings,
        average_hundredths: (scores.iter().sum::<u64>() * 100).checked_div(ratings),
        satisfied_percent: (count(scores.iter().filter(|score| **score >= 4)) * 100).checked_div(ratings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::conversation::{
        Rating,
        tests::{at, opened, user},
    };

    /// Opened at hour `h`, wanted a minute later, answered after so many seconds more, done after an hour, rated.
    fn handled(hour: i64, answered_after: i64, score: u8) -> Conversation {
        let start = hour * 3_600;
        let claimed = opened(start).escalate(at(start + 60)).unwrap().unwrap();
        let claimed = claimed.claim(&user("ana"), at(start + 61)).unwrap().unwrap();
        let answered = claimed.answer(at(start + 60 + answered_after)).unwrap();
        let done = answered.resolve(at(start + 3_600)).unwrap().unwrap();
        done.rate(Rating { score, text: None, at: at(start + 3_700) }).unwrap()
    }

    #[test]
    fn figures_are_what_a_hand_count_says() {
        let mut all: Vec<Conversation> = [(0, 10, 5), (1, 20, 4), (1, 30, 2)]
            .map(|(hour, after, score)| handled(hour, after, score))
            .into();
        all.push(opened(5 * 3_600));
        let figures = figures(&all, &TimeZone::UTC);
        assert_eq!((figures.conversations, figures.automatic, figures.automatic_percent), (4, 1, Some(25)));
        let first = Times { count: 3, average_s: Some(20), median_s: Some(20), p90_s: Some(30) };
        assert_eq!(figures.first_response, first);
        assert_eq!(figures.resolution.average_s, Some(3_600));
        let satisfaction =
            Satisfaction { ratings: 3, average_hundredths: Some(366), satisfied_percent: Some(66) };
        assert_eq!(figures.satisfaction, satisfaction);
        assert_eq!(figures.agents.len(), 1);
        assert_eq!(figures.agents[0].conversations, 3);
        assert_eq!(figures.opened_by_hour[..6], [1, 2, 0, 0, 0, 1]);
    }

    #[test]
    fn nothing_has_no_average() {
        let figures = figures(&[], &TimeZone::UTC);
        assert_eq!((figures.automatic_percent, figures.first_response), (None, Times::default()));
        assert_eq!(figures.satisfaction, Satisfaction::default());
    }
}
