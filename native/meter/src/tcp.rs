// SPDX-License-Identifier: Apache-2.0
//! What is followed of a TCP connection: handshake, losses, end. Sequence numbers only, no reassembly.

use netsonde_packet::Tcp;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpSide {
    next: u32,
    /// Sequence numbers that were passed over and may still arrive; empty when both are equal.
    hole_start: u32,
    hole_end: u32,
    pub(crate) retransmissions: u32,
    pub(crate) out_of_order: u32,
    /// Gaps in the sequence that were not filled yet, and their bytes.
    pub(crate) skipped: u32,
    pub(crate) skipped_bytes: u32,
    /// Segments with payload, and their payload.
    pub(crate) segments: u32,
    pub(crate) payload_bytes: u64,
    pub(crate) syn_ns: i64,
    pub(crate) fin_ns: i64,
    pub(crate) rst_ns: i64,
    pub(crate) syn_ttl: u8,
    seen: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpState {
    pub(crate) sides: [TcpSide; 2],
    /// Time of the last unanswered SYN; 0 = none.
    asked_ns: i64,
}

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
        if let Some(this) = self.sides.get_mut(side) {
            this.advance(segment);
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
            .sides
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
        if let Some(this) = self.sides.get_mut(side) {
            this.note(segment);
        }
        learnt
    }

    pub(crate) fn reset(&self) -> bool {
        self.sides.iter().any(|side| side.rst_ns != 0)
    }

    /// True when both sides said FIN, or the only side that is seen here did.
    pub(crate) fn closed(&self, packets: &[u64; 2]) -> bool {
        let done = |side: usize| self.sides[side].fin_ns != 0 || packets[side] == 0;
        self.half_closed() && done(0) && done(1)
    }

    pub(crate) fn half_closed(&self) -> bool {
        self.sides.iter().any(|side| side.fin_ns != 0)
    }
}

impl TcpSide {
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

    #[inline]
    fn advance(&mut self, segment: &Segment<'_>) {
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
        if !self.seen {
            self.seen = true;
            self.next = end;
            return;
        }
        let ahead = sequence.wrapping_sub(self.next) as i32;
        if ahead > 0 {
            self.open_hole(sequence, ahead as u32);
        } else if ahead < 0 {
            self.behind(segment, length);
        }
        if (end.wrapping_sub(self.next) as i32) > 0 {
            self.next = end;
        }
    }

    fn open_hole(&mut self, sequence: u32, bytes: u32) {
        if self.hole_start == self.hole_end {
            self.hole_start = self.next;
        }
        self.hole_end = sequence;
        self.skipped = self.skipped.saturating_add(1);
        self.skipped_bytes = self.skipped_bytes.saturating_add(bytes);
    }

    /// A segment before the expected one fills a hole, keeps the connection alive, or repeats.
    fn behind(&mut self, segment: &Segment<'_>, length: u32) {
        let sequence = segment.tcp.sequence;
        let into_hole = sequence.wrapping_sub(self.hole_start) as i32 >= 0
            && (sequence.wrapping_sub(self.hole_end) as i32) < 0;
        if into_hole {
            self.out_of_order = self.out_of_order.saturating_add(1);
            self.fill_hole(sequence, length);
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

    fn fill_hole(&mut self, sequence: u32, length: u32) {
        let end = sequence.wrapping_add(length);
        if sequence == self.hole_start {
            self.hole_start = end;
        } else if end == self.hole_end {
            self.hole_end = sequence;
        }
        if self.hole_start.wrapping_sub(self.hole_end) as i32 >= 0 {
            self.hole_start = self.hole_end;
        }
        self.skipped_bytes = self.skipped_bytes.saturating_sub(length);
        if self.skipped_bytes == 0 {
            self.skipped = 0;
        }
    }
}
