// SPDX-License-Identifier: Apache-2.0
//! What is followed of a TCP connection: handshake, round trips, losses (`troubles`), end, by sequence numbers. `stream`
//! puts the first bytes in order.

mod round_trips;

use std::sync::Arc;

use netsonde_packet::Tcp;

use crate::reassembly::{Budget, Payload};
use crate::stream::{begins_nothing, TcpApplication, Tries, Wanted};
use crate::troubles::TcpTroubles;

/// What every segment changes: both sides share one cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpSide {
    /// The sequence number behind all seen so far.
    next: u32,
    /// Segments with payload, and their payload.
    pub(crate) segments: u32,
    pub(crate) payload_bytes: u64,
    /// When the segment was seen whose acknowledgement is awaited, and the number that acknowledges it; 0 = none.
    timed_ns: i64,
    timed_end: u32,
    /// From here to the other side and back, smoothed as RFC 6298 §2 does; in ticks, 0 = unknown.
    rtt: u32,
}

/// What few segments change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpEvents {
    pub(crate) syn_ns: i64,
    pub(crate) fin_ns: i64,
    pub(crate) rst_ns: i64,
    /// The shortest round trip; in ticks, 0 = unknown.
    rtt_min: u32,
    pub(crate) segment_size: u16,
    pub(crate) syn_ttl: u8,
    pub(crate) window_scale: u8,
}

#[derive(Default)]
#[repr(C)]
pub(crate) struct TcpState {
    pub(crate) sides: [TcpSide; 2],
    pub(crate) events: [TcpEvents; 2],
    troubles: Option<Box<[TcpTroubles; 2]>>,
    /// Whom the bytes belong to, while that is looked for and when it is known.
    pub(crate) application: Option<Box<TcpApplication>>,
    /// From the client's first SYN to the acknowledgement that ends the handshake; in ticks, 0 = unknown.
    handshake: u32,
    flags: u8,
    tries: Tries,
}

/// Flags for side A; those of side B are twice as large.
mod flag {
    /// A segment was seen: `next` is known.
    pub(super) const SEEN: u8 = 1;
    /// Its SYN waits for an answer since `timed_ns`.
    pub(super) const ASKED: u8 = 4;
    /// It answered a SYN, which the other side has not acknowledged yet.
    pub(super) const ANSWERED: u8 = 16;
    /// Of both sides: the application is known or was given up; nobody looks at payload any more.
    pub(super) const SETTLED: u8 = 64;
    /// Of both sides: messages are looked for all the same, where a segment may begin with one.
    pub(super) const MESSAGES: u8 = 128;

    pub(super) fn of(flag: u8, side: usize) -> u8 {
        flag << (side & 1)
    }
}

/// One segment as the state wants it.
pub(crate) struct Segment<'a> {
    pub(crate) tcp: &'a Tcp,
    pub(crate) payload_len: u32,
    /// May be cut by the snaplen.
    pub(crate) payload: &'a [u8],
    pub(crate) ttl: u8,
    pub(crate) ts_ns: i64,
}

/// What a segment told.
#[derive(Default)]
pub(crate) struct Learnt {
    pub(crate) rtt_ns: Option<i64>,
    /// The side that sent a SYN without ACK is the client; the side that answers one is not.
    pub(crate) client: Option<usize>,
}

impl TcpState {
    #[inline]
    pub(crate) fn segment(&mut self, side: usize, segment: &Segment<'_>) -> Learnt {
        let mut learnt = Learnt::default();
        let tcp = segment.tcp;
        if tcp.flags & (Tcp::SYN | Tcp::FIN | Tcp::RST) != 0 {
            learnt = self.milestones(side, segment);
        } else {
            if tcp.has(Tcp::ACK) {
                self.acknowledged(side, segment);
                if tcp.is_stamped {
                    self.stamped(side, segment);
                }
            }
            if tcp.window == 0 {
                let troubles = self.troubles_of(side);
                troubles.zero_windows = troubles.zero_windows.saturating_add(1);
            }
        }
        self.advance(side, segment);
        learnt
    }

    /// Handshake, end and reset.
    pub(crate) fn milestones(&mut self, side: usize, segment: &Segment<'_>) -> Learnt {
        let mut learnt = Learnt::default();
        let tcp = segment.tcp;
        let other = side ^ 1;
        let syn_alone = tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK);
        if syn_alone {
            self.flags |= flag::of(flag::ASKED, side);
            self.time(side, segment.ts_ns, tcp.sequence.wrapping_add(1));
            learnt.client = Some(side);
        } else if tcp.has(Tcp::SYN) {
            self.flags |= flag::of(flag::ANSWERED, side);
            learnt.client = Some(other);
        }
        let answers = !syn_alone && tcp.flags & (Tcp::SYN | Tcp::RST) != 0;
        if answers && self.flags & flag::of(flag::ASKED, other) != 0 {
            self.flags &= !flag::of(flag::ASKED, other);
            learnt.rtt_ns = self.measured(other, segment.ts_ns);
        } else if tcp.has(Tcp::ACK) {
            self.acknowledged(side, segment);
        }
        if let Some(events) = self.events.get_mut(side) {
            events.note(segment);
        }
        learnt
    }

    #[inline]
    fn advance(&mut self, side: usize, segment: &Segment<'_>) {
        let flags = segment.tcp.flags;
        let length = segment.payload_len
            + u32::from(flags & Tcp::SYN != 0)
            + u32::from(flags & Tcp::FIN != 0);
        if length == 0 || flags & Tcp::RST != 0 {
            return;
        }
        let sequence = segment.tcp.sequence;
        let end = sequence.wrapping_add(length);
        let Some(this) = self.sides.get_mut(side) else {
            return;
        };
        this.segments = this
            .segments
            .saturating_add(u32::from(segment.payload_len > 0));
        this.payload_bytes += u64::from(segment.payload_len);
        let seen = flag::of(flag::SEEN, side);
        let ahead = if self.flags & seen == 0 {
            self.flags |= seen;
            0
        } else {
            sequence.wrapping_sub(this.next) as i32
        };
        let next = this.next;
        if ahead >= 0 || (end.wrapping_sub(next) as i32) > 0 {
            this.next = end;
            // Of what is sent now no copy was seen before, so that its acknowledgement is its own (Karn).
            if ahead >= 0 && this.timed_ns == 0 {
                (this.timed_ns, this.timed_end) = (segment.ts_ns, end);
            }
        }
        if ahead > 0 {
            self.troubles_of(side).open_hole(next, sequence);
        } else if ahead < 0 {
            self.behind(side, segment, length, next);
        } else if let Some(troubles) = &mut self.troubles {
            if let Some(troubles) = troubles.get_mut(side) {
                troubles.beyond();
            }
        }
    }

    /// A segment before the expected one fills a hole, keeps the connection alive, or repeats.
    #[cold]
    fn behind(&mut self, side: usize, segment: &Segment<'_>, length: u32, next: u32) {
        let sequence = segment.tcp.sequence;
        let troubles = self.troubles.as_mut().and_then(|both| both.get_mut(side));
        if let Some(troubles) = troubles.filter(|troubles| troubles.in_hole(sequence)) {
            troubles.fill_hole(sequence, length);
            return;
        }
        // RFC 9293 §3.8.4: a keep-alive repeats the last byte, with or without carrying it.
        let keep_alive = segment.payload_len <= 1
            && segment.tcp.flags & (Tcp::SYN | Tcp::FIN) == 0
            && sequence.wrapping_add(1) == next;
        if keep_alive {
            return;
        }
        let troubles = self.troubles_of(side);
        troubles.retransmissions = troubles.retransmissions.saturating_add(1);
        // Which copy will be acknowledged is unknown, unless its stamp comes back; of a SYN, the last one is taken.
        if segment.tcp.flags & Tcp::SYN == 0 {
            if troubles.echoes.repeats(segment.tcp) {
                self.time(side, segment.ts_ns, sequence.wrapping_add(length));
            } else {
                self.time(side, 0, 0);
            }
        }
    }

    #[cold]
    fn troubles_of(&mut self, side: usize) -> &mut TcpTroubles {
        let [a, b] = &mut **self.troubles.get_or_insert_default();
        if side == 0 {
            a
        } else {
            b
        }
    }

    /// Losses of both sides; all zeros for most connections.
    pub(crate) fn troubles(&self) -> [TcpTroubles; 2] {
        self.troubles.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn reset(&self) -> bool {
        self.events.iter().any(|side| side.rst_ns != 0)
    }

    /// True when both sides said FIN, or the only side that is seen here did.
    pub(crate) fn closed(&self, packets: &[u64; 2]) -> bool {
        let [a, b] = &self.events;
        let done = |events: &TcpEvents, packets: u64| events.fin_ns != 0 || packets == 0;
        self.half_closed() && done(a, packets[0]) && done(b, packets[1])
    }

    pub(crate) fn half_closed(&self) -> bool {
        self.events.iter().any(|side| side.fin_ns != 0)
    }

    /// Any word of the cache line that the next segment will change.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        self.sides[0].payload_bytes
    }

    /// Whether a segment has bytes that tell more of the application.
    #[inline]
    pub(crate) fn wants(&self, side: usize, segment: &Segment<'_>) -> bool {
        let looking = self.flags & flag::SETTLED == 0 && !self.tries.exhausted(side);
        let following = self.flags & flag::MESSAGES != 0 && segment.tcp.may_begin;
        (looking || following) && !segment.payload.is_empty()
    }

    /// Look for the application. To be called before `segment`.
    #[inline(never)]
    pub(crate) fn payload(&mut self, side: usize, segment: &Segment<'_>, budget: &Arc<Budget>) {
        let tcp = segment.tcp;
        let payload = Payload {
            sequence: tcp.sequence.wrapping_add(u32::from(tcp.has(Tcp::SYN))),
            bytes: segment.payload,
            cut: segment.payload.len() < segment.payload_len as usize,
            ts_ns: segment.ts_ns,
            ports: tcp.ports.numbers(),
            may_begin: tcp.may_begin,
        };
        if self.flags & flag::SETTLED != 0 && self.repeats(side, payload.sequence) {
            return;
        }
        let first = self.start_of(side);
        if self.application.is_none() && begins_nothing(&payload, first, &mut self.tries, side) {
            self.settle_if(self.tries.all_exhausted());
            return;
        }
        let application = self
            .application
            .get_or_insert_with(|| Box::new(TcpApplication::new(budget)));
        let wanted = application.payload(side, &payload, first, &mut self.tries);
        if wanted != Wanted::More && application.layer().is_none() {
            self.application = None;
        }
        let follows = |application: &TcpApplication| application.follows_messages();
        if self.application.as_deref().is_some_and(follows) {
            self.flags |= flag::MESSAGES;
        }
        self.settle_if(wanted == Wanted::Nothing);
    }

    /// Whether bytes that begin at `sequence` were seen before.
    fn repeats(&self, side: usize, sequence: u32) -> bool {
        let behind = |next: u32| (sequence.wrapping_sub(next) as i32) < 0;
        let troubles = self.troubles.as_ref().and_then(|both| both.get(side));
        self.sides.get(side).is_some_and(|this| behind(this.next))
            && !troubles.is_some_and(|troubles| troubles.in_hole(sequence))
    }

    fn settle_if(&mut self, settled: bool) {
        if settled {
            self.flags |= flag::SETTLED;
        }
    }

    /// Return the sequence number at which the bytes of `side` begin, if its SYN was seen and no byte yet.
    fn start_of(&self, side: usize) -> Option<u32> {
        let (this, events) = (self.sides.get(side)?, self.events.get(side)?);
        (events.syn_ns != 0 && this.segments == 0).then_some(this.next)
    }
}

impl TcpEvents {
    fn note(&mut self, segment: &Segment<'_>) {
        let tcp = segment.tcp;
        if tcp.has(Tcp::SYN) && self.syn_ns == 0 {
            self.syn_ns = segment.ts_ns;
            self.syn_ttl = segment.ttl;
            (self.segment_size, self.window_scale) = (tcp.segment_size, tcp.window_scale);
        }
        if tcp.has(Tcp::FIN) {
            self.fin_ns = segment.ts_ns;
        }
        if tcp.has(Tcp::RST) {
            self.rst_ns = segment.ts_ns;
        }
    }
}
