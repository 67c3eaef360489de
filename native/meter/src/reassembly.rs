// SPDX-License-Identifier: Apache-2.0
//! The first bytes of one direction of a TCP connection, put in order in bounded memory: 8 KiB a direction, 8 pieces beyond
//! a gap, 8 MiB for all connections of a meter. The budget also bounds what of it is kept as text.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) const MOST_OF_A_START: usize = 8 << 10;
pub(crate) const MOST_PIECES: usize = 8;
pub(crate) const MOST_OF_A_METER: usize = 8 << 20;
/// What applications tell takes at most so many bytes times the flows that a meter may hold.
pub(crate) const MOST_TEXT_OF_A_FLOW: usize = 512;
/// So that few flows may tell all they have.
const LEAST_TEXT: usize = 1 << 20;

/// Bytes that all connections of a meter keep. Counters only: no other memory depends on them.
pub(crate) struct Budget {
    used: AtomicUsize,
    text: AtomicUsize,
    most_text: usize,
    refused: AtomicU64,
}

impl Budget {
    /// The budget of a meter that holds up to `flows`.
    pub(crate) fn new(flows: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            text: AtomicUsize::new(0),
            most_text: flows.saturating_mul(MOST_TEXT_OF_A_FLOW).max(LEAST_TEXT),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.take_of(&self.used, MOST_OF_A_METER, bytes)
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn take_text(&self, bytes: usize) -> bool {
        self.take_of(&self.text, self.most_text, bytes)
    }

    pub(crate) fn give_text(&self, bytes: usize) {
        self.text.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn take_of(&self, used: &AtomicUsize, most: usize, bytes: usize) -> bool {
        let taken = used.fetch_add(bytes, Ordering::Relaxed) + bytes <= most;
        if !taken {
            used.fetch_sub(bytes, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    #[cfg(test)]
    pub(crate) fn text_used(&self) -> usize {
        self.text.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Directions whose beginning, or what it told, found no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Payload of one segment.
pub(crate) struct Payload<'a> {
    pub(crate) sequence: u32,
    pub(crate) bytes: &'a [u8],
    /// The snaplen cut it: its direction has a gap behind it that nothing fills.
    pub(crate) cut: bool,
    pub(crate) ts_ns: i64,
    /// Of who sent it, and the other.
    pub(crate) ports: (u16, u16),
    /// As in `Tcp`.
    pub(crate) may_begin: bool,
}

/// The beginning of one direction.
#[derive(Default)]
pub(crate) struct Start {
    /// Sequence number of the first byte.
    pub(crate) first: Option<u32>,
    pub(crate) bytes: Vec<u8>,
    /// Pieces beyond a gap, by their place.
    later: Vec<(usize, Vec<u8>)>,
    pub(crate) done: bool,
}

pub(crate) enum Offer {
    /// Nothing new at the beginning.
    Nothing,
    /// The segment itself is the beginning; no byte was copied.
    ThisOne,
    Kept,
}

impl Start {
    pub(crate) fn kept(&self) -> usize {
        self.bytes.len()
            + self
                .later
                .iter()
                .map(|(_, piece)| piece.len())
                .sum::<usize>()
    }

    pub(crate) fn offer(&mut self, payload: &Payload<'_>, budget: &Budget) -> Offer {
        if self.done {
            return Offer::Nothing;
        }
        let first = *self.first.get_or_insert(payload.sequence);
        let place = payload.sequence.wrapping_sub(first) as i32;
        let Ok(place) = usize::try_from(place) else {
            return Offer::Nothing;
        };
        if place == 0 && self.kept() == 0 {
            return Offer::ThisOne;
        }
        if place > self.bytes.len() {
            self.set_aside(place, payload.bytes, budget);
            return Offer::Nothing;
        }
        let before = self.bytes.len();
        self.append(place, payload.bytes, budget);
        while let Some(next) = self
            .later
            .iter()
            .position(|(at, _)| *at <= self.bytes.len())
        {
            let (at, piece) = self.later.swap_remove(next);
            budget.give(piece.len());
            self.append(at, &piece, budget);
        }
        if self.bytes.len() > before {
            Offer::Kept
        } else {
            Offer::Nothing
        }
    }

    /// Append what is new of bytes at a place that is not beyond the end.
    fn append(&mut self, place: usize, bytes: &[u8], budget: &Budget) {
        let new = bytes.get(self.bytes.len() - place..).unwrap_or_default();
        let room = MOST_OF_A_START - self.bytes.len().min(MOST_OF_A_START);
        let new = new.get(..room).unwrap_or(new);
        if budget.take(new.len()) {
            self.bytes.extend(new);
        } else {
            self.end(budget);
        }
    }

    fn set_aside(&mut self, place: usize, bytes: &[u8], budget: &Budget) {
        let fits = place + bytes.len() <= MOST_OF_A_START && self.later.len() < MOST_PIECES;
        if fits && budget.take(bytes.len()) {
            self.later.push((place, bytes.to_vec()));
        }
    }

    /// Keep the segment, if it is not kept yet: its continuation is wanted.
    pub(crate) fn keep(&mut self, payload: &Payload<'_>, budget: &Budget) {
        if self.bytes.is_empty() {
            self.append(0, payload.bytes, budget);
        }
    }

    /// Forget what was read; a rest waits for more. Return false when it was given up.
    pub(crate) fn consume(&mut self, read: usize, payload: &Payload<'_>, budget: &Budget) -> bool {
        self.first = self.first.map(|first| first.wrapping_add(read as u32));
        let mut whole = true;
        if self.kept() == 0 {
            let rest = payload.bytes.get(read..).unwrap_or_default();
            whole = rest.len() < MOST_OF_A_START;
            self.append(0, rest, budget);
        } else {
            self.bytes.drain(..read);
            budget.give(read);
            for (place, _) in &mut self.later {
                *place -= read;
            }
        }
        // Behind a gap, or a message longer than what is kept, another may begin with a segment.
        if payload.cut || !whole || self.bytes.len() >= MOST_OF_A_START {
            self.again(budget);
            return false;
        }
        true
    }

    /// Begin anew with the next segment.
    pub(crate) fn again(&mut self, budget: &Budget) {
        budget.give(self.kept());
        *self = Self::default();
    }

    pub(crate) fn end(&mut self, budget: &Budget) {
        self.again(budget);
        self.done = true;
    }
}
