// SPDX-License-Identifier: Apache-2.0
//! How long it takes from here to either side and back: by acknowledgements, by the handshake, by stamps.

use netsonde_packet::Tcp;

use super::{flag, Segment, TcpState};
use crate::echoes::BULK;

/// Round trips are kept in units of 8 ns: exact for captures that count microseconds, at most 34 s.
const TICK_NS: i64 = 8;

fn ticks(ns: i64) -> u32 {
    // 0 says that nothing was measured.
    (ns / TICK_NS).clamp(1, i64::from(u32::MAX)) as u32
}

fn ns(ticks: u32) -> i64 {
    i64::from(ticks) * TICK_NS
}

impl TcpState {
    /// End the measurement that this acknowledgement ends.
    #[inline]
    pub(super) fn acknowledged(&mut self, side: usize, segment: &Segment<'_>) {
        let other = side ^ 1;
        let Some(timed) = self.sides.get(other).filter(|timed| timed.timed_ns != 0) else {
            return;
        };
        if (segment.tcp.acknowledgement.wrapping_sub(timed.timed_end) as i32) < 0 {
            return;
        }
        let answered = flag::of(flag::ANSWERED, other);
        if self.flags & answered != 0 {
            self.flags &= !answered;
            let asked_ns = self.events.get(side).map_or(0, |events| events.syn_ns);
            if asked_ns != 0 {
                self.handshake = ticks(segment.ts_ns - asked_ns);
            }
        }
        if self.is_of_copy(other, segment.tcp) {
            let _ = self.measured(other, segment.ts_ns);
        } else {
            self.time(other, 0, 0);
        }
    }

    /// Whether an acknowledgement is that of the copy of a segment that was timed; most had no copy.
    #[inline]
    fn is_of_copy(&mut self, side: usize, tcp: &Tcp) -> bool {
        let troubles = self.troubles.as_mut().and_then(|both| both.get_mut(side));
        troubles.is_none_or(|troubles| troubles.echoes.is_of_copy(tcp))
    }

    /// Follow the clocks of both sides, once one sends so much that the other does little but acknowledge.
    #[inline]
    pub(super) fn stamped(&mut self, side: usize, segment: &Segment<'_>) {
        let (acknowledges, other) = (segment.payload_len == 0, side ^ 1);
        let sent = self.sides.get(if acknowledges { other } else { side });
        if sent.is_some_and(|sent| sent.segments >= BULK) {
            if acknowledges {
                let echoes = &mut self.troubles_of(side).echoes;
                echoes.acknowledges(segment.tcp.stamp, segment.ts_ns);
            } else {
                let echoes = &mut self.troubles_of(other).echoes;
                if let Some(took_ns) = echoes.echoed(segment.tcp.echo, segment.ts_ns) {
                    self.sample(other, took_ns);
                }
            }
        }
    }

    pub(super) fn time(&mut self, side: usize, ts_ns: i64, end: u32) {
        if let Some(timed) = self.sides.get_mut(side) {
            (timed.timed_ns, timed.timed_end) = (ts_ns, end);
        }
    }

    /// Note what was answered now; return how long it took.
    pub(super) fn measured(&mut self, side: usize, now_ns: i64) -> Option<i64> {
        let timed = self.sides.get_mut(side)?;
        let rtt_ns = now_ns - std::mem::take(&mut timed.timed_ns);
        self.sample(side, rtt_ns);
        Some(rtt_ns)
    }

    fn sample(&mut self, side: usize, rtt_ns: i64) {
        let (Some(timed), Some(events)) = (self.sides.get_mut(side), self.events.get_mut(side))
        else {
            return;
        };
        let sample = ticks(rtt_ns);
        timed.rtt = match timed.rtt {
            0 => sample,
            smoothed => (smoothed - smoothed / 8).saturating_add(sample / 8).max(1),
        };
        events.rtt_min = match events.rtt_min {
            0 => sample,
            shortest => shortest.min(sample),
        };
    }

    /// Return the smoothed and the shortest round trip between here and the side that is not `side`, in ns; 0 = unknown.
    pub(crate) fn round_trips(&self, side: usize) -> (i64, i64) {
        let smoothed = self.sides.get(side).map_or(0, |timed| ns(timed.rtt));
        (
            smoothed,
            self.events.get(side).map_or(0, |events| ns(events.rtt_min)),
        )
    }

    /// Return the time from the client's first SYN to its last word in the handshake, in ns; 0 = unknown.
    pub(crate) fn handshake_ns(&self) -> i64 {
        ns(self.handshake)
    }
}
