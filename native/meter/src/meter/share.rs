// SPDX-License-Identifier: Apache-2.0
//! A meter that counts its share of the frames of several: which are dealt to it, and what is settled when all have
//! counted theirs.

use std::sync::Arc;

use netsonde_packet::parse;

use super::control::Note;
use super::dissect::Prepared;
use super::{FlowRef, Frame, Meter};
use crate::config::MeterConfig;
use crate::fragments::Fragments;
use crate::table::FlowTable;

/// Frames read before they are counted: enough for memory accesses to overlap, few enough for a first-level cache.
pub(super) const CHUNK: usize = 64;
/// Says that a place in a hand is that of an ICMP error which another meter counts.
const QUOTE: u32 = 1 << 31;

/// What a meter that is one of several keeps for all.
#[derive(Default)]
pub(crate) struct Share {
    /// Messages for other meters' flows, in the order of frames.
    pub(crate) notes: Vec<Note<'static>>,
    /// What is counted now was put together from pieces: nobody but this meter has seen it whole.
    pub(crate) reassembled: bool,
}

/// What of a batch is dealt to a meter.
#[derive(Default)]
pub(crate) struct Hand {
    /// Places of frames in the batch, in order; see `is_question`.
    pub(super) places: Vec<u32>,
    /// Where each frame was counted.
    pub(crate) found: Vec<FlowRef>,
    /// The flow that each error quotes: (place, UUID).
    pub(crate) answers: Vec<(u32, u64)>,
}

impl Hand {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn add(&mut self, place: u32) {
        self.places.push(place);
    }

    /// Have it asked for the flow that the error at this place quotes.
    pub(crate) fn add_question(&mut self, place: u32) {
        self.places.push(place | QUOTE);
    }

    /// Whether only the flow is asked for that the error at a place quotes.
    pub(super) fn is_question(place: u32) -> bool {
        place & QUOTE != 0
    }

    /// The frame in the batch at which, or of which, a place is.
    pub(super) fn frame(place: u32) -> usize {
        (place & !QUOTE) as usize
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.found.clear();
        self.answers.clear();
    }

    /// Where the frames were counted, with their places.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (u32, FlowRef)> + '_ {
        let own = self
            .places
            .iter()
            .filter(|&&place| !Self::is_question(place));
        own.copied().zip(self.found.iter().copied())
    }
}

/// Frames read and keyed, which wait to be counted.
struct Chunk<'a> {
    segments: Vec<Prepared<'a>>,
    /// Number of each frame, and where its segments end.
    frames: Vec<(u64, usize)>,
}

impl Chunk<'_> {
    /// For so many frames at most.
    fn with_room(frames: usize) -> Self {
        let frames = frames.min(CHUNK);
        Self {
            segments: Vec::with_capacity(frames),
            frames: Vec::with_capacity(frames),
        }
    }
}

impl Meter {
    /// One of `meters` that share memory, seed and ties with `first`.
    pub(crate) fn beside(first: &Self, number: usize, meters: usize) -> Self {
        let config = first.reporter.config.clone();
        let table = FlowTable::with_seed(first.table.seed());
        let ties = Arc::clone(&first.reporter.ties);
        let mut meter = Self::with(config, table, ties, Arc::clone(&first.streams));
        meter.updated_ns = first.updated_ns;
        meter.become_one_of(number, meters);
        meter
    }

    /// Leave to others what concerns all: eviction too.
    pub(crate) fn become_one_of(&mut self, number: usize, meters: usize) {
        self.number = number as u32;
        self.share = Some(Share::default());
        self.fragments = Fragments::one_of(meters);
        self.reporter.config.max_flows = usize::MAX;
    }

    /// Count frames in their order, each with its number, and append where each was counted.
    pub(crate) fn count_frames<'a>(
        &mut self,
        frames: impl Iterator<Item = (u64, Frame<'a>)>,
        found: &mut Vec<FlowRef>,
    ) {
        self.report_replaced();
        let mut chunk = Chunk::with_room(frames.size_hint().0);
        for (number, frame) in frames {
            self.read_into(&mut chunk, number, frame, found);
        }
        self.count_chunk(&mut chunk, found);
    }

    /// Count what was dealt of a batch, whose first frame has the number `first`.
    pub(crate) fn count_hand(&mut self, hand: &mut Hand, batch: &[Frame<'_>], first: u64) {
        let Hand {
            places,
            found,
            answers,
        } = hand;
        self.report_replaced();
        let mut chunk = Chunk::with_room(places.len());
        for &place in places.iter() {
            let Some(&frame) = batch.get(Hand::frame(place)) else {
                continue;
            };
            if !Hand::is_question(place) {
                self.read_into(&mut chunk, first + u64::from(place), frame, found);
                continue;
            }
            // It finds what was counted before it, and nothing else.
            self.count_chunk(&mut chunk, found);
            let ports = &self.reporter.config.ports;
            let headers = parse(frame.link_type, frame.data, frame.wire_len, ports);
            answers.push((Hand::frame(place) as u32, self.answer(&headers)));
        }
        self.count_chunk(&mut chunk, found);
    }

    #[inline]
    fn read_into<'a>(
        &mut self,
        chunk: &mut Chunk<'a>,
        number: u64,
        frame: Frame<'a>,
        found: &mut Vec<FlowRef>,
    ) {
        let segments = &mut chunk.segments;
        self.dissector
            .dissect(frame, &mut self.counts, |&headers, seal| {
                segments.push(Prepared { headers, seal })
            });
        chunk.frames.push((number, chunk.segments.len()));
        if chunk.frames.len() >= CHUNK {
            self.count_chunk(chunk, found);
        }
    }

    #[inline]
    fn count_chunk(&mut self, chunk: &mut Chunk<'_>, found: &mut Vec<FlowRef>) {
        self.load(chunk.segments.iter().map(|prepared| prepared.seal.hash));
        let mut segments = chunk.segments.iter();
        let mut begin = 0;
        for &(number, end) in &chunk.frames {
            self.at = number;
            let mut counted = FlowRef::NONE;
            for prepared in segments.by_ref().take(end - begin) {
                counted = self.count_prepared(prepared, counted.uuid);
            }
            begin = end;
            found.push(counted);
        }
        chunk.segments.clear();
        chunk.frames.clear();
    }

    /// Note whose packet an error quotes that was counted here.
    pub(crate) fn quotes(&mut self, error: FlowRef, uuid: u64) {
        let flow = self.table.get_mut(error.index);
        if let Some(flow) = flow.filter(|flow| flow.uuid == error.uuid) {
            flow.quotes(uuid);
        }
    }

    pub(crate) fn take_notes(&mut self) -> Vec<Note<'static>> {
        match &mut self.share {
            Some(share) if !share.notes.is_empty() => std::mem::take(&mut share.notes),
            _ => Vec::new(),
        }
    }

    /// Say where the frames of all meters have got to.
    pub(crate) fn arrive(&mut self, number: u64, latest_ns: i64) {
        self.at = number;
        self.counts.latest_ns = latest_ns;
    }

    /// Flows in the table.
    pub(crate) fn flows(&self) -> usize {
        self.table.len()
    }
}

impl MeterConfig {
    /// The most flows that meters may hold.
    pub(crate) fn most_flows(&self) -> usize {
        self.max_flows.max(1)
    }
}
