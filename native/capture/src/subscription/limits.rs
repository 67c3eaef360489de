// SPDX-License-Identifier: Apache-2.0
//! The packets and bytes after which a capture is finished.

use super::{CaptureOptions, Counters, Subscription};
use crate::event::Event;
use crate::frame::RawFrame;

impl Subscription {
    /// How many of these frames can come until a limit is reached, the one that reaches it included.
    pub(super) fn before_limits(&self, frames: &[&RawFrame<'_>]) -> usize {
        let CaptureOptions {
            max_packets,
            max_bytes,
            ..
        } = self.options;
        if max_packets == 0 && max_bytes == 0 {
            return frames.len();
        }
        let Counters {
            mut packets,
            mut bytes,
            ..
        } = self.counters;
        let reaches = |frame: &&RawFrame<'_>| {
            packets = packets.saturating_add(1);
            bytes = bytes.saturating_add(frame.wire_len.into());
            is_reached(max_packets, packets) || is_reached(max_bytes, bytes)
        };
        frames
            .iter()
            .position(reaches)
            .map_or(frames.len(), |last| last + 1)
    }

    pub(super) fn check_volume(&mut self, events: &mut Vec<Event>) {
        if self.finished {
            return;
        }
        if is_reached(self.options.max_packets, self.counters.packets) {
            self.finish(
                events,
                &format!("limit of {} packets reached", self.options.max_packets),
            );
        } else if is_reached(self.options.max_bytes, self.counters.bytes) {
            self.finish(
                events,
                &format!("limit of {} bytes reached", self.options.max_bytes),
            );
        }
    }
}

/// A limit of 0 is none.
fn is_reached(limit: u64, count: u64) -> bool {
    limit > 0 && count >= limit
}
