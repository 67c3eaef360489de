// SPDX-License-Identifier: Apache-2.0
//! Counters of a meter.

use super::Meter;
use crate::fragments::FragmentStats;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterStats {
    pub frames: u64,
    pub bytes: u64,
    /// Frames of which nothing could be read.
    pub unreadable: u64,
    /// Segments cut by the snaplen before their last header.
    pub truncated: u64,
    pub malformed: u64,
    /// Flows in the table now.
    pub flows: u64,
    pub flows_started: u64,
    pub flows_ended: u64,
    /// Flows ended because the table was full.
    pub evicted: u64,
    pub fragments: FragmentStats,
    /// Beginnings of connections that found no room, so that their application, or what it told, stays unknown.
    pub streams_refused: u64,
}

impl MeterStats {
    /// Add those of a meter that shares frames with these. Memory for streams is common to all, and so is its count.
    pub(crate) fn add(&mut self, other: &Self) {
        self.frames = self.frames.saturating_add(other.frames);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.unreadable += other.unreadable;
        self.truncated += other.truncated;
        self.malformed += other.malformed;
        self.flows += other.flows;
        self.flows_started += other.flows_started;
        self.flows_ended += other.flows_ended;
        self.evicted += other.evicted;
        self.fragments.add(&other.fragments);
        self.streams_refused = other.streams_refused;
    }
}

impl Meter {
    pub fn stats(&self) -> MeterStats {
        let counts = &self.counts;
        MeterStats {
            frames: counts.frames,
            bytes: counts.bytes,
            unreadable: counts.unreadable,
            truncated: counts.truncated,
            malformed: counts.malformed,
            flows: self.table.len() as u64,
            fragments: self.fragments.stats,
            streams_refused: self.streams.refused(),
            ..self.stats
        }
    }
}
