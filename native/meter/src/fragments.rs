// SPDX-License-Identifier: Apache-2.0
//! IP defragmentation (RFC 791 §3.2, RFC 8200 §4.5) in bounded memory.
//!
//! Pieces wait for the rest of their packet for 30 s in the time of the packets, in at most 4 MiB a meter (what Linux
//! allows itself); beyond, the oldest packet gives way. Whatever happens to a packet, all its pieces are counted: for
//! the conversation if it could be put together, else for a flow of fragments. Pieces that contradict each other
//! (overlaps: "teardrop", RFC 5722) or the format end the attempt and are counted as errors.

use std::collections::{BTreeMap, HashMap, VecDeque};

use netsonde_packet::{Fragment, Headers};

use crate::key::{FlowKey, Keyed};
use crate::tally::Tally;

const TIMEOUT_NS: i64 = 30_000_000_000;
const MAX_BYTES: usize = 4 << 20;
/// What is accounted for a packet and for a piece, besides its bytes.
const PACKET_COST: usize = 1024;
const PIECE_COST: usize = 64;
/// An IP packet's payload ends here.
const MAX_END: u32 = 65_535;
/// Ends of waiting packets that the queue may remember before it is swept.
const MAX_QUEUE: usize = 2 * MAX_BYTES / PACKET_COST;

/// Pieces that belong together: between the same ends (as keys tell them), in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PacketKey {
    flow: FlowKey,
    swapped: bool,
    id: u32,
}

/// One piece, and where it was found.
pub(crate) struct Piece<'a> {
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) fragment: Fragment,
    pub(crate) keyed: Keyed,
    /// UUID of the flow of the enclosing tunnel.
    pub(crate) parent: u64,
    pub(crate) tally: Tally,
    /// Number of its frame.
    pub(crate) at: u64,
}

/// What became of a piece.
pub(crate) enum Outcome {
    /// It waits for others.
    Waiting,
    /// It was the last one missing.
    Whole(Whole),
    /// It contradicts the others, or itself: all of them are to be counted as fragments.
    Broken(Tally),
}

pub(crate) struct Whole {
    /// As much of the payload as was captured without a gap.
    pub(crate) payload: Vec<u8>,
    /// Its length on the wire.
    pub(crate) wire_len: u32,
    pub(crate) tally: Tally,
}

/// Pieces of a packet that will never be whole.
pub(crate) struct Lost {
    pub(crate) headers: Headers<'static>,
    pub(crate) keyed: Keyed,
    pub(crate) parent: u64,
    pub(crate) tally: Tally,
    /// Number of the first one's frame.
    pub(crate) at: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentStats {
    /// Pieces seen.
    pub pieces: u64,
    /// Packets put together.
    pub whole: u64,
    /// Packets given up because of contradictions.
    pub errors: u64,
    /// Packets given up because the rest did not come in time.
    pub timeouts: u64,
    /// Packets given up because memory was full.
    pub evicted: u64,
}

impl FragmentStats {
    pub(crate) fn add(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.whole += other.whole;
        self.errors += other.errors;
        self.timeouts += other.timeouts;
        self.evicted += other.evicted;
    }
}

struct Packet {
    serial: u64,
    pieces: BTreeMap<u32, Stored>,
    /// Where the payload ends, once the last piece is there.
    end: Option<u32>,
    /// Bytes on the wire so far.
    got: u32,
    cost: usize,
    lost: Lost,
}

struct Stored {
    data: Box<[u8]>,
    wire_len: u32,
}

pub(crate) struct Fragments {
    /// Memory that it may take.
    room: usize,
    packets: HashMap<PacketKey, Packet>,
    /// Oldest first; packets that are done stay until their turn comes or the queue is swept.
    queue: VecDeque<(PacketKey, u64)>,
    lost: Vec<Lost>,
    bytes: usize,
    serial: u64,
    pub(crate) stats: FragmentStats,
}

impl Fragments {
    /// Those of one of `meters` that share the memory of one.
    pub(crate) fn one_of(meters: usize) -> Self {
        Self {
            room: MAX_BYTES / meters.max(1),
            packets: HashMap::new(),
            queue: VecDeque::new(),
            lost: Vec::new(),
            bytes: 0,
            serial: 0,
            stats: FragmentStats::default(),
        }
    }

    pub(crate) fn offer(&mut self, piece: &Piece<'_>) -> Outcome {
        self.stats.pieces += 1;
        self.expire(piece.tally.last_ns);
        let key = PacketKey {
            flow: piece.keyed.key,
            swapped: piece.keyed.swapped,
            id: piece.fragment.id,
        };
        let packet = match self.packets.remove(&key) {
            Some(mut packet) => {
                packet.lost.tally.add(&piece.tally);
                packet
            }
            None => self.begin(key, piece),
        };
        self.bytes -= packet.cost;
        self.place(key, packet, piece)
    }

    /// Return what was given up since the last call.
    pub(crate) fn take_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    pub(crate) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Give up the packets that waited too long.
    pub(crate) fn expire(&mut self, now_ns: i64) {
        while let Some((key, serial)) = self.queue.front() {
            match self
                .packets
                .get(key)
                .filter(|packet| packet.serial == *serial)
            {
                Some(packet) if now_ns - packet.lost.tally.first_ns <= TIMEOUT_NS => return,
                Some(_) => {
                    self.stats.timeouts += 1;
                    self.give_up_oldest();
                }
                None => {
                    self.queue.pop_front();
                }
            }
        }
    }

    /// Give up all, at the end.
    pub(crate) fn close(&mut self) {
        while !self.packets.is_empty() {
            self.stats.timeouts += 1;
            self.give_up_oldest();
        }
        self.queue.clear();
    }

    fn begin(&mut self, key: PacketKey, piece: &Piece<'_>) -> Packet {
        self.serial += 1;
        if self.queue.len() >= MAX_QUEUE {
            let packets = &self.packets;
            self.queue.retain(|(key, serial)| {
                packets
                    .get(key)
                    .is_some_and(|packet| packet.serial == *serial)
            });
        }
        self.queue.push_back((key, self.serial));
        self.bytes += PACKET_COST;
        Packet {
            serial: self.serial,
            pieces: BTreeMap::new(),
            end: None,
            got: 0,
            cost: PACKET_COST,
            lost: Lost {
                headers: piece.headers.without_payload(),
                keyed: piece.keyed,
                parent: piece.parent,
                tally: piece.tally,
                at: piece.at,
            },
        }
    }

    fn place(&mut self, key: PacketKey, mut packet: Packet, piece: &Piece<'_>) -> Outcome {
        if packet.take(piece.fragment, piece.headers).is_err() {
            self.stats.errors += 1;
            return Outcome::Broken(packet.lost.tally);
        }
        if packet.end == Some(packet.got) {
            self.stats.whole += 1;
            return Outcome::Whole(packet.whole());
        }
        self.bytes += packet.cost;
        self.packets.insert(key, packet);
        while self.bytes > self.room {
            self.stats.evicted += 1;
            self.give_up_oldest();
        }
        Outcome::Waiting
    }

    fn give_up_oldest(&mut self) {
        while let Some((key, serial)) = self.queue.pop_front() {
            if self
                .packets
                .get(&key)
                .is_some_and(|packet| packet.serial == serial)
            {
                if let Some(packet) = self.packets.remove(&key) {
                    self.bytes -= packet.cost;
                    self.lost.push(packet.lost);
                    return;
                }
            }
        }
    }
}

/// A piece contradicts others, or itself.
struct Contradiction;

impl Packet {
    fn take(&mut self, fragment: Fragment, headers: &Headers<'_>) -> Result<(), Contradiction> {
        let start = u32::from(fragment.offset);
        let wire_len = headers.payload_len;
        let end = start.saturating_add(wire_len);
        // RFC 791: all but the last are multiples of 8 bytes. Beyond 64 KiB lies the "ping of death".
        let malformed = wire_len == 0 || end > MAX_END || (fragment.more && wire_len % 8 != 0);
        if malformed || !self.fits_end(end, fragment.more) {
            return Err(Contradiction);
        }
        if let Some((&before, stored)) = self.pieces.range(..=start).next_back() {
            if before == start && stored.wire_len == wire_len {
                return Ok(()); // sent or seen twice
            }
            if before + stored.wire_len > start {
                return Err(Contradiction);
            }
        }
        if self.pieces.range(start..end).next().is_some() {
            return Err(Contradiction);
        }
        if !fragment.more {
            self.end = Some(end);
        }
        self.got += wire_len;
        self.cost += headers.payload.len() + PIECE_COST;
        let data = headers.payload.into();
        self.pieces.insert(start, Stored { data, wire_len });
        Ok(())
    }

    /// The last piece ends the packet, and the others end before it does.
    fn fits_end(&self, end: u32, more: bool) -> bool {
        match self.end {
            Some(known) if more => end < known,
            Some(known) => end == known,
            None if more => true,
            None => self
                .pieces
                .keys()
                .next_back()
                .is_none_or(|&last| last < end),
        }
    }

    fn whole(self) -> Whole {
        let mut payload = Vec::with_capacity(self.got as usize);
        for stored in self.pieces.values() {
            payload.extend_from_slice(&stored.data);
            if stored.data.len() < stored.wire_len as usize {
                break; // the snaplen left a gap
            }
        }
        Whole {
            payload,
            wire_len: self.got,
            tally: self.lost.tally,
        }
    }
}
