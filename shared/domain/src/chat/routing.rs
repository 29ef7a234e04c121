//! Which waiting conversation goes to which agent next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Agent, Conversation, Priority};
use crate::{ConversationId, Line};

/// After so long whoever has room will do, whatever they know.
const ANYBODY_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// How long one conversation takes an agent, as long as nothing is known of it: for an estimate.
const USUAL_HANDLING_SECONDS: u64 = 300;

/// A conversation that waits for an agent, as the queue knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which.
    pub conversation_id: ConversationId,
    /// Since when.
    pub queued_at: Timestamp,
    /// How urgent.
    pub priority: Priority,
    /// What whoever answers should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<Line>,
    /// Whether the customer is one of the best.
    #[serde(default)]
    pub is_vip: bool,
    /// What the customer has bought for in all, in major units.
    #[serde(default)]
    pub lifetime_value: u64,
}

/// How much a conversation weighs, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// The sum.
    pub total: u32,
    /// 100 for one of the best customers.
    pub vip: u32,
    /// 1 for each minute, 50 at most.
    pub waiting: u32,
    /// 1 for each 1,000 bought for, 30 at most.
    pub value: u32,
    /// 40 if urgent, 20 if high.
    pub priority: u32,
}

impl Waiting {
    /// The queue's entry of a conversation that is queued.
    pub fn of(conversation: &Conversation) -> Option<Self> {
        let queued_at = conversation.queued_at.filter(|_| conversation.is_queued())?;
        Some(Self {
            conversation_id: conversation.id.clone(),
            queued_at,
            priority: conversation.priority,
            skill: conversation.skill.clone(),
            is_vip: false,
            lifetime_value: 0,
        })
    }

    /// How much it weighs at `now`.
    pub fn score(&self, now: Timestamp) -> Score {
        let minutes = now.duration_since(self.queued_at).as_mins().clamp(0, 50);
        let vip = if self.is_vip { 100 } else { 0 };
        let waiting = u32::try_from(minutes).unwrap_or(0);
        let value = u32::try_from((self.lifetime_value / 1_000).min(30)).unwrap_or(30);
        let priority = match self.priority {
            Priority::Urgent => 40,
            Priority::High => 20,
            Priority::Medium | Priority::Low => 0,
        };
        Score { total: vip + waiting + value + priority, vip, waiting, value, priority }
    }

    /// Whether `agent` may get it at `now`.
    fn suits(&self, agent: &Agent, now: Timestamp) -> bool {
        agent.has_room()
            && (agent.knows(self.skill.as_ref()) || now.duration_since(self.queued_at) >= ANYBODY_AFTER)
    }
}

/// The queue in the order in which it is served: the heaviest first, of equals the oldest.
pub fn sort(queue: &mut [Waiting], now: Timestamp) {
    queue.sort_by(|a, b| {
        let weight = |waiting: &Waiting| waiting.score(now).total;
        let ties = (a.queued_at, &a.conversation_id).cmp(&(b.queued_at, &b.conversation_id));
        weight(b).cmp(&weight(a)).then(ties)
    });
}

/// The next conversation of a sorted queue that somebody can take, and who: whoever knows what is wanted before others,
/// then the lowest share of their limit, then the longest without anything new.
pub fn next<'a>(
    queue: &'a [Waiting],
    agents: &'a [Agent],
    now: Timestamp,
) -> Option<(&'a Waiting, &'a Agent)> {
    queue.iter().find_map(|waiting| Some((waiting, choose(waiting, agents, now)?)))
}

fn choose<'a>(waiting: &Waiting, agents: &'a [Agent], now: Timestamp) -> Option<&'a Agent> {
    let suited = agents.iter().filter(|agent| waiting.suits(agent, now));
    suited.min_by(|a, b| {
        let knows_not = |agent: &Agent| !agent.knows(waiting.skill.as_ref());
        // a.current / a.limit against b.current / b.limit, without a division.
        let load = |one: &Agent, other: &Agent| u64::from(one.current) * u64::from(other.concurrent_limit);
        knows_not(a)
            .cmp(&knows_not(b))
            .then(load(a, b).cmp(&load(b, a)))
            .then((a.idle_since, &a.id).cmp(&(b.idle_since, &b.id)))
    })
}

/// About how long, in seconds, until number `position` of the queue (from 1) is served by agents who take `limits`
/// conversations at once between them; nothing if nobody is there.
pub fn estimated_wait_seconds(position: usize, limits: u32) -> Option<u64> {
    let rounds = u64::try_from(position).ok()?.div_ceil(u64::from(limits).max(1));
    (limits > 0).then(|| rounds * USUAL_HANDLING_SECONDS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::{
        AgentStatus,
        conversation::tests::{at, opened, user},
    };

    fn waiting(second: i64, priority: Priority) -> Waiting {
        let conversation = opened(second).escalate(at(second)).unwrap().unwrap();
        Waiting { priority, ..Waiting::of(&conversation).unwrap() }
    }

    fn agent(name: &str, current: u32, limit: u32) -> Agent {
        let new = Agent::new(user(name), at(0));
        Agent { status: AgentStatus::Online, current, concurrent_limit: limit, ..new }
    }

    #[test]
    fn the_heaviest_is_first_and_of_equals_the_oldest() {
        let mut queue = vec![
            waiting(30, Priority::Medium),
            waiting(10, Priority::Low),
            waiting(50, Priority::Urgent),
            waiting(20, Priority::High),
        ];
        sort(&mut queue, at(60));
        let order: Vec<_> = queue.iter().map(|waiting| waiting.queued_at.as_second()).collect();
        assert_eq!(order, [50, 20, 10, 30]);
        // Who has waited twenty-one minutes longer weighs more than `high`.
        let mut queue = vec![waiting(21 * 60, Priority::High), waiting(0, Priority::Medium)];
        sort(&mut queue, at(21 * 60));
        assert_eq!(queue[0].queued_at, at(0));
    }

    #[test]
    fn whoever_has_the_lowest_share_gets_it_and_of_equals_the_longest_idle() {
        let queue = [waiting(0, Priority::Medium)];
        let chosen = |agents: &[Agent]| next(&queue, agents, at(1)).map(|(_, agent)| agent.id.to_string());
        assert_eq!(chosen(&[agent("ana", 2, 4), agent("ben", 2, 5)]), Some("ben".into()));
        let idle = Agent { idle_since: at(-5), ..agent("zoe", 0, 5) };
        assert_eq!(chosen(&[agent("ana", 0, 5), idle]), Some("zoe".into()));
        assert_eq!(chosen(&[agent("ana", 5, 5)]), None);
        let busy = Agent { status: AgentStatus::Busy, ..agent("ana", 0, 5) };
        let offline = Agent { status: AgentStatus::Offline, ..agent("ben", 0, 5) };
        assert_eq!(chosen(&[busy, offline]), None);
    }

    #[test]
    fn what_needs_a_skill_waits_two_minutes_for_it_and_stops_nobody_meanwhile() {
        let german = Line::new("german").unwrap();
        let queue = [
            Waiting { skill: Some(german.clone()), ..waiting(0, Priority::Medium) },
            waiting(1, Priority::Medium),
        ];
        let agents = [agent("ana", 0, 5)];
        assert_eq!(next(&queue, &agents, at(60)).unwrap().0.queued_at, at(1));
        assert_eq!(next(&queue, &agents, at(120)).unwrap().0.queued_at, at(0));
        let knows = Agent { skills: [german].into(), ..agent("ben", 3, 5) };
        assert_eq!(next(&queue, &[agents[0].clone(), knows], at(130)).unwrap().1.id, user("ben"));
    }

    #[test]
    fn equal_limits_are_filled_evenly() {
        let mut agents = vec![agent("ana", 0, 5), agent("ben", 0, 5), agent("eve", 0, 5)];
        for second in 0..13 {
            let queue = [waiting(second, Priority::Medium)];
            let chosen = next(&queue, &agents, at(second)).unwrap().1.id.clone();
            for agent in agents.iter_mut().filter(|agent| agent.id == chosen) {
                agent.current += 1;
                agent.idle_since = at(second);
            }
            let loads: Vec<_> = agents.iter().map(|agent| agent.current).collect();
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{loads:?}");
        }
    }

    proptest! {
        /// CH-R2: nobody of equal or higher weight and greater age is passed over by somebody with the same skill.
        #[test]
        fn nobody_is_passed_over(ages in proptest::collection::vec((0_i64..7_200, 0_u8..4, 0_u8..3), 1..20),
                                 rooms in proptest::collection::vec((0_u32..4, 0_u8..3), 0..5)) {
            let now = at(7_200);
            let skill = |number: u8| (number > 0).then(|| Line::new(format!("s{number}")).unwrap());
            let priority = |number| [Priority::Low, Priority::Medium, Priority::High, Priority::Urgent][usize::from(number)];
            let mut queue: Vec<Waiting> = ages.iter()
                .map(|(second, urgency, known)| Waiting { skill: skill(*known), ..waiting(*second, priority(*urgency)) })
                .collect();
            sort(&mut queue, now);
            let agents: Vec<Agent> = (0..).zip(rooms).map(|(number, (current, known))| {
                Agent { skills: skill(known).into_iter().collect(), ..agent(&format!("a{number}"), current, 3) }
            }).collect();
            if let Some((chosen, _)) = next(&queue, &agents, now) {
                let passed_over = queue.iter().any(|other| {
                    other.skill == chosen.skill && other.score(now).total >= chosen.score(now).total
                        && other.queued_at < chosen.queued_at
                });
                prop_assert!(!passed_over);
            } else {
                prop_assert!(agents.iter().all(|agent| !agent.has_room() || !queue.iter().any(|one| one.suits(agent, now))));
            }
        }
    }
}
