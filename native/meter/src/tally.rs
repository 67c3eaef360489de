// SPDX-License-Identifier: Apache-2.0
//! What is counted for a flow.

/// What one step adds to a flow: a packet, or all fragments of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
}

impl Tally {
    #[inline]
    pub(crate) fn one(octets: u32, ts_ns: i64) -> Self {
        Self {
            packets: 1,
            octets: octets.into(),
            first_ns: ts_ns,
            last_ns: ts_ns,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.octets += other.octets;
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
    }
}
