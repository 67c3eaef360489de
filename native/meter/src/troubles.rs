// SPDX-License-Identifier: Apache-2.0
//! Losses of one side of a TCP connection: gaps in its sequence, and whether they were filled.

use crate::echoes::Echoes;

/// What most connections are spared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpTroubles {
    /// Sequence numbers that were passed over and may still arrive; empty when both are equal.
    hole_start: u32,
    hole_end: u32,
    pub(crate) retransmissions: u32,
    /// Segments that overtook another one.
    pub(crate) out_of_order: u32,
    /// Gaps in the sequence that were not filled yet, and their bytes.
    pub(crate) skipped: u32,
    pub(crate) skipped_bytes: u32,
    /// Segments beyond the gap: out of order if it gets filled, behind a loss if not.
    ahead: u32,
    pub(crate) zero_windows: u32,
    pub(crate) echoes: Echoes,
}

impl TcpTroubles {
    /// A segment at the end of what was seen; out of order if there is still a hole before it that gets filled.
    pub(crate) fn beyond(&mut self) {
        if self.hole_start != self.hole_end {
            self.ahead = self.ahead.saturating_add(1);
        }
    }

    pub(crate) fn open_hole(&mut self, next: u32, sequence: u32) {
        if self.hole_start == self.hole_end {
            self.hole_start = next;
            self.ahead = 0;
        }
        self.ahead = self.ahead.saturating_add(1);
        self.hole_end = sequence;
        self.skipped = self.skipped.saturating_add(1);
        self.skipped_bytes = self
            .skipped_bytes
            .saturating_add(sequence.wrapping_sub(next));
    }

    pub(crate) fn in_hole(&self, sequence: u32) -> bool {
        sequence.wrapping_sub(self.hole_start) as i32 >= 0
            && (sequence.wrapping_sub(self.hole_end) as i32) < 0
    }

    pub(crate) fn fill_hole(&mut self, sequence: u32, length: u32) {
        let end = sequence.wrapping_add(length);
        if sequence == self.hole_start {
            self.hole_start = end;
        } else if end == self.hole_end {
            self.hole_end = sequence;
        }
        self.skipped_bytes = self.skipped_bytes.saturating_sub(length);
        if self.skipped_bytes == 0 {
            self.hole_start = self.hole_end;
            let overtook = std::mem::take(&mut self.ahead);
            self.out_of_order = self.out_of_order.saturating_add(overtook);
            self.skipped = 0;
        }
    }
}
