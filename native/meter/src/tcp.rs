// SPDX-License-Identifier: Apache-2.0
//! What is followed of a TCP connection: handshake, losses, end. Sequence numbers only, no reassembly.

use netsonde_packet::Tcp;

/// What every segment changes: both sides share one cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpSide {
    next: u32,
    /// Sequence numbers that were passed over and may still arrive; empty when both are equal.
    hole_start: u32,
    hole_end: u32,
    pub(crate) retransmissions: u32,
    /// Bit 31: a first segment was seen, `next` is known. Below: segments that overtook another one.
    out_of_order_and_seen: u32,
    /// Segments with payload, and their payload.
    pub(crate) segments: u32,
    pub(crate) payload_bytes: u64,
}

/// What few segments change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpEvents {
    pub(crate) syn_ns: i64,
    pub(crate) fin_ns: i64,
    pub(crate) rst_ns: i64,
    /// Gaps in the sequence that were not filled yet, and their bytes.
    pub(crate) skipped: u32,
    pub(crate) skipped_bytes: u32,
    /// Segments beyond the gap: out of order if it gets filled, behind a loss if not.
    ahead: u32,
    pub(crate) syn_ttl: u8,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct TcpState {
    pub(crate) sides: [TcpSide; 2],
    pub(crate) events: [TcpEvents; 2],
    /// Time of the last unanswered SYN; 0 = none.
    asked_ns: i64,
}

const SEEN: u32 = 1 << 31;

/// One segment as the state wants it.
pub(crate) struct Segment<'a> {
    pub(crate) tcp: &'a Tcp,
    pub(crate) payload_len: u32,
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
        if segment.tcp.flags & (Tcp::SYN | Tcp::FIN | Tcp::RST) != 0 {
            learnt = self.milestones(side, segment);
        }
        if let (Some(this), Some(events)) = (self.sides.get_mut(side), self.events.get_mut(side)) {
            this.advance(segment, events);
        }
        learnt
    }

    fn milestones(&mut self, side: usize, segment: &Segment<'_>) -> Learnt {
        let mut learnt = Learnt::default();
        let tcp = segment.tcp;
        let syn_alone = tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK);
        if syn_alone {
            self.asked_ns = segment.ts_ns;
            learnt.client = Some(side);
        } else if tcp.has(Tcp::SYN) {
            learnt.client = Some(1 - side);
        }
        let asked_by_other = self
            .events
            .get(1 - side)
            .is_some_and(|other| other.syn_ns != 0);
        if !syn_alone
            && tcp.flags & (Tcp::SYN | Tcp::RST) != 0
            && self.asked_ns != 0
            && asked_by_other
        {
            learnt.rtt_ns = Some(segment.ts_ns - self.asked_ns);
            self.asked_ns = 0;
        }
        if let Some(events) = self.events.get_mut(side) {
            events.note(segment);
        }
        learnt
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
}

impl TcpEvents {
    fn note(&mut self, segment: &Segment<'_>) {
        if segment.tcp.has(Tcp::SYN) && self.syn_ns == 0 {
            self.syn_ns = segment.ts_ns;
            self.syn_ttl = segment.ttl;
        }
        if segment.tcp.has(Tcp::FIN) {
            self.fin_ns = segment.ts_ns;
        }
        if segment.tcp.has(Tcp::RST) {
            self.rst_ns = segment.ts_ns;
        }
    }
}

impl TcpSide {
    pub(crate) fn out_of_order(&self) -> u32 {
        self.out_of_order_and_seen & !SEEN
    }

    #[inline]
    fn advance(&mut self, segment: &Segment<'_>, events: &mut TcpEvents) {
        let flags = segment.tcp.flags;
        let length = segment.payload_len
            + u32::from(flags & Tcp::SYN != 0)
            + u32::from(flags & Tcp::FIN != 0);
        if length == 0 || flags & Tcp::RST != 0 {
            return;
        }
        let sequence = segment.tcp.sequence;
        let end = sequence.wrapping_add(length);
        self.segments = self
            .segments
            .saturating_add(u32::from(segment.payload_len > 0));
        self.payload_bytes += u64::from(segment.payload_len);
        if self.out_of_order_and_seen & SEEN == 0 {
            self.out_of_order_and_seen |= SEEN;
            self.next = end;
            return;
        }
        let ahead = sequence.wrapping_sub(self.next) as i32;
        if ahead >= 0 && self.hole_start != self.hole_end {
            events.ahead = events.ahead.saturating_add(1);
        }
        if ahead > 0 {
            self.open_hole(sequence, ahead as u32, events);
        } else if ahead < 0 {
            self.behind(segment, length, events);
        }
        if (end.wrapping_sub(self.next) as i32) > 0 {
            self.next = end;
        }
    }

    fn open_hole(&mut self, sequence: u32, bytes: u32, events: &mut TcpEvents) {
        if self.hole_start == self.hole_end {
            self.hole_start = self.next;
            events.ahead = 1;
        }
        self.hole_end = sequence;
        events.skipped = events.skipped.saturating_add(1);
        events.skipped_bytes = events.skipped_bytes.saturating_add(bytes);
    }

    /// A segment before the expected one fills a hole, keeps the connection alive, or repeats.
    fn behind(&mut self, segment: &Segment<'_>, length: u32, events: &mut TcpEvents) {
        let sequence = segment.tcp.sequence;
        let into_hole = sequence.wrapping_sub(self.hole_start) as i32 >= 0
            && (sequence.wrapping_sub(self.hole_end) as i32) < 0;
        if into_hole {
            self.fill_hole(sequence, length, events);
            return;
        }
        // RFC 9293 §3.8.4: a keep-alive repeats the last byte, with or without carrying it.
        let keep_alive = segment.payload_len <= 1
            && segment.tcp.flags & (Tcp::SYN | Tcp::FIN) == 0
            && sequence.wrapping_add(1) == self.next;
        if !keep_alive {
            self.retransmissions = self.retransmissions.saturating_add(1);
        }
    }

    fn fill_hole(&mut self, sequence: u32, length: u32, events: &mut TcpEvents) {
        let end = sequence.wrapping_add(length);
        if sequence == self.hole_start {
            self.hole_start = end;
        } else if end == self.hole_end {
            self.hole_end = sequence;
        }
        events.skipped_bytes = events.skipped_bytes.saturating_sub(length);
        if events.skipped_bytes == 0 {
            self.hole_start = self.hole_end;
            let overtook = self
                .out_of_order()
                .saturating_add(std::mem::take(&mut events.ahead));
            self.out_of_order_and_seen = SEEN | overtook.min(SEEN - 1);
            events.skipped = 0;
        }
    }
}
