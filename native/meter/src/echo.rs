// SPDX-License-Identifier: Apache-2.0
//! ICMP questions and answers matched by sequence number.

const PENDING: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EchoState {
    sequences: [u16; PENDING],
    /// When each question was seen; 0 = slot free.
    asked_ns: [i64; PENDING],
    next_slot: u8,
    requests: u32,
    answered: u32,
}

impl EchoState {
    /// Note a question; one that nobody answered gives way to the fifth after it.
    pub(crate) fn request(&mut self, sequence: u16, ts_ns: i64) {
        let slot = usize::from(self.next_slot) % PENDING;
        self.sequences[slot] = sequence;
        self.asked_ns[slot] = ts_ns;
        self.next_slot = self.next_slot.wrapping_add(1);
        self.requests = self.requests.saturating_add(1);
    }

    /// Return the round trip when this answers a pending question; a second answer to one is ignored.
    pub(crate) fn reply(&mut self, sequence: u16, ts_ns: i64) -> Option<i64> {
        let slot = (0..PENDING)
            .find(|&slot| self.asked_ns[slot] != 0 && self.sequences[slot] == sequence)?;
        let asked_ns = std::mem::take(&mut self.asked_ns[slot]);
        self.answered = self.answered.saturating_add(1);
        Some(ts_ns - asked_ns)
    }

    pub(crate) fn unanswered(&self) -> u32 {
        self.requests.saturating_sub(self.answered)
    }
}
