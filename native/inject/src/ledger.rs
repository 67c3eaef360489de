// SPDX-License-Identifier: Apache-2.0
//! What was sent and what came back: which packet an answer belongs to, and the account of the whole run.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::reply::{Seen, Verdict, Which};

/// Results that wait to be taken; the oldest go first, and are counted.
pub const WAITING: usize = 4096;

/// What became of one packet. Times in ns: Unix time, and duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub index: u64,
    pub sent_ns: i64,
    /// -1 = nothing came.
    pub rtt_ns: i64,
    /// None = lost.
    pub verdict: Option<Verdict>,
    pub from: String,
    pub note: String,
}

/// The account of a run; all numbers are totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub sent: u64,
    pub octets: u64,
    /// Answered by the target itself, resets included.
    pub received: u64,
    /// Answered by a router or host that says it could not be delivered.
    pub refused: u64,
    /// Waited for longer than the timeout.
    pub lost: u64,
    /// Answers to what had been answered, or given up, already.
    pub repeated: u64,
    /// Packets that the kernel would not send.
    pub failed: u64,
    /// Packets sent more than 10 ms after their time.
    pub late: u64,
    pub results_dropped: u64,
    pub rtt_min_ns: i64,
    pub rtt_max_ns: i64,
    pub rtt_sum_ns: i64,
    /// Sum of squares, in ns².
    pub rtt_squares: f64,
}

#[derive(Default)]
pub struct Ledger {
    pub totals: Totals,
    /// Whether further answers to what has been answered are told, as `Another`; they are counted in any case.
    pub tells_others: bool,
    /// Number of the last packet, and when it was sent.
    last: (u64, i64),
    outcomes: VecDeque<Outcome>,
    /// Packets that wait for an answer, by number: when they were sent, and the key of each.
    open: BTreeMap<u64, (i64, u64)>,
    by_key: HashMap<u64, u64>,
}

impl Ledger {
    pub fn sent(&mut self, octets: usize) {
        self.totals.sent += 1;
        self.totals.octets += octets as u64;
    }

    /// Wait for an answer to a packet.
    pub fn expect(&mut self, index: u64, key: u64, sent_ns: i64) {
        self.last = (index, sent_ns);
        self.open.insert(index, (sent_ns, key));
        self.by_key.insert(key, index);
    }

    /// Take an answer that came at `at_ns`, Unix time.
    pub fn answered(&mut self, seen: Seen, at_ns: i64) {
        let index = match seen.which {
            Which::Index(index) => Some(index),
            Which::Key(key) => self.by_key.get(&key).copied(),
            Which::Latest => self.open.keys().next_back().copied(),
        };
        let Some((index, (sent_ns, _))) = index.and_then(|index| Some((index, self.close(index)?)))
        else {
            self.totals.repeated += 1;
            if self.tells_others {
                self.tell_another(seen, at_ns);
            }
            return;
        };
        let rtt_ns = (at_ns - sent_ns).max(0);
        if seen.verdict.is_answer() {
            self.time(rtt_ns);
        } else {
            self.totals.refused += 1;
        }
        self.push(Outcome {
            index,
            sent_ns,
            rtt_ns,
            verdict: Some(seen.verdict),
            from: seen.from.to_string(),
            note: seen.note,
        });
    }

    fn tell_another(&mut self, seen: Seen, at_ns: i64) {
        let (index, sent_ns) = self.last;
        self.push(Outcome {
            index,
            sent_ns,
            rtt_ns: (at_ns - sent_ns).max(0),
            verdict: Some(Verdict::Another),
            from: seen.from.to_string(),
            note: seen.note,
        });
    }

    /// Give up what was sent before `before_ns`.
    pub fn expire(&mut self, before_ns: i64) {
        while let Some((&index, &(sent_ns, _))) = self.open.first_key_value() {
            if sent_ns >= before_ns {
                return;
            }
            self.close(index);
            self.totals.lost += 1;
            self.push(Outcome {
                index,
                sent_ns,
                rtt_ns: -1,
                verdict: None,
                from: String::new(),
                note: String::new(),
            });
        }
    }

    /// When the oldest packet that waits was sent.
    pub fn oldest_ns(&self) -> Option<i64> {
        self.open
            .first_key_value()
            .map(|(_, &(sent_ns, _))| sent_ns)
    }

    pub fn take(&mut self) -> Vec<Outcome> {
        self.outcomes.drain(..).collect()
    }

    fn close(&mut self, index: u64) -> Option<(i64, u64)> {
        let (sent_ns, key) = self.open.remove(&index)?;
        if self.by_key.get(&key) == Some(&index) {
            self.by_key.remove(&key);
        }
        Some((sent_ns, key))
    }

    fn time(&mut self, rtt_ns: i64) {
        let totals = &mut self.totals;
        let is_first = totals.received == 0;
        totals.received += 1;
        totals.rtt_min_ns = if is_first {
            rtt_ns
        } else {
            totals.rtt_min_ns.min(rtt_ns)
        };
        totals.rtt_max_ns = totals.rtt_max_ns.max(rtt_ns);
        totals.rtt_sum_ns = totals.rtt_sum_ns.saturating_add(rtt_ns);
        totals.rtt_squares += (rtt_ns as f64).powi(2);
    }

    fn push(&mut self, outcome: Outcome) {
        if self.outcomes.len() == WAITING {
            self.outcomes.pop_front();
            self.totals.results_dropped += 1;
        }
        self.outcomes.push_back(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn answer(which: Which) -> Seen {
        Seen {
            which,
            verdict: Verdict::Reply,
            from: Ipv4Addr::LOCALHOST.into(),
            note: String::new(),
        }
    }

    #[test]
    fn an_answer_belongs_to_the_packet_whose_key_it_repeats() {
        let mut ledger = Ledger::default();
        ledger.expect(0, 70, 1_000);
        ledger.expect(1, 71, 2_000);
        ledger.answered(answer(Which::Key(70)), 4_000);
        let outcome = &ledger.take()[0];
        assert_eq!((outcome.index, outcome.rtt_ns), (0, 3_000));
        assert_eq!(ledger.oldest_ns(), Some(2_000));
    }

    #[test]
    fn a_second_answer_is_counted_apart() {
        let mut ledger = Ledger::default();
        ledger.expect(0, 70, 1_000);
        ledger.answered(answer(Which::Key(70)), 2_000);
        ledger.answered(answer(Which::Key(70)), 3_000);
        assert_eq!((ledger.totals.received, ledger.totals.repeated), (1, 1));
    }

    #[test]
    fn a_second_answer_to_a_question_for_all_is_told() {
        let mut ledger = Ledger {
            tells_others: true,
            ..Ledger::default()
        };
        ledger.expect(0, 70, 1_000);
        ledger.answered(answer(Which::Latest), 2_000);
        ledger.answered(answer(Which::Latest), 3_000);
        let told: Vec<_> = ledger.take().iter().map(|one| one.verdict).collect();
        assert_eq!(told, [Some(Verdict::Reply), Some(Verdict::Another)]);
        assert_eq!((ledger.totals.received, ledger.totals.repeated), (1, 1));
    }

    #[test]
    fn what_is_not_answered_in_time_is_lost_and_its_answer_comes_too_late() {
        let mut ledger = Ledger::default();
        ledger.expect(0, 70, 1_000);
        ledger.expire(1_001);
        ledger.answered(answer(Which::Index(0)), 9_000);
        assert_eq!((ledger.totals.lost, ledger.totals.repeated), (1, 1));
    }

    #[test]
    fn results_that_nobody_takes_are_dropped_and_counted() {
        let mut ledger = Ledger::default();
        for index in 0..WAITING as u64 + 3 {
            ledger.expect(index, index, 0);
        }
        ledger.expire(1);
        assert_eq!(ledger.totals.results_dropped, 3);
        assert_eq!(ledger.take()[0].index, 3);
    }
}
