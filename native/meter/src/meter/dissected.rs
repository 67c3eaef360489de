// SPDX-License-Identifier: Apache-2.0
//! Frames that were read and keyed on another thread than counts them: what goes from one to the other.
//!
//! Whoever reads a file has its bytes in its cache; whoever counts needs little more of them than their headers.

use std::ops::Range;
use std::sync::Arc;

use netsonde_packet::Headers;

use super::dissect::{Counts, Dissector, Prepared, Seal};
use super::share::{Hand, CHUNK};
use super::{FlowRef, Frame, Meter};

/// A segment whose payload is named by its place in the buffer of its frame.
struct Stored {
    headers: Headers<'static>,
    seal: Seal,
    payload: Range<usize>,
}

/// Where the segments of a frame end, and which buffer it lies in.
struct Stretch {
    end: u32,
    buffer: u32,
}

/// Frames read and keyed, and the buffers in which they lie.
#[derive(Default)]
pub(crate) struct Dissected {
    buffers: Vec<Arc<Vec<u8>>>,
    segments: Vec<Stored>,
    frames: Vec<Stretch>,
    counts: Counts,
}

impl Dissected {
    /// Forget the frames, keep the memory.
    pub(crate) fn clear(&mut self) {
        self.buffers.clear();
        self.segments.clear();
        self.frames.clear();
        self.counts = Counts::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Read and key a frame that lies in `buffer`; return its outermost headers, None for what is not readable.
    #[inline]
    pub(crate) fn push<'a>(
        &mut self,
        dissector: &Dissector,
        frame: Frame<'a>,
        buffer: &'a Arc<Vec<u8>>,
    ) -> Option<Headers<'a>> {
        let begin = self.segments.len();
        let segments = &mut self.segments;
        dissector.dissect(frame, &mut self.counts, |headers, seal| {
            segments.push(Stored {
                headers: headers.without_payload(),
                seal,
                payload: place(headers.payload, buffer),
            });
        });
        let last = self.buffers.last();
        if !last.is_some_and(|last| Arc::ptr_eq(last, buffer)) {
            self.buffers.push(Arc::clone(buffer));
        }
        self.frames.push(Stretch {
            end: self.segments.len() as u32,
            buffer: self.buffers.len() as u32 - 1,
        });
        let outermost = self.segments.get(begin)?;
        Some(outermost.headers(buffer))
    }

    /// The segments of a frame.
    #[inline]
    fn of(&self, frame: usize) -> &[Stored] {
        self.of_all(frame..frame + 1)
    }

    /// The segments of frames that follow each other.
    #[inline]
    fn of_all(&self, frames: Range<usize>) -> &[Stored] {
        let end = |frame: usize| self.frames.get(frame).map_or(0, |one| one.end as usize);
        let begin = frames.start.checked_sub(1).map_or(0, end);
        let end = frames.end.checked_sub(1).map_or(0, end);
        self.segments.get(begin..end).unwrap_or_default()
    }

    fn buffer(&self, frame: usize) -> &[u8] {
        let stretch = self.frames.get(frame);
        let buffer = stretch.and_then(|one| self.buffers.get(one.buffer as usize));
        buffer.map_or(&[], |buffer| buffer.as_slice())
    }
}

impl Stored {
    #[inline]
    fn hash(&self) -> u64 {
        self.seal.hash
    }

    #[inline]
    fn headers<'a>(&self, buffer: &'a [u8]) -> Headers<'a> {
        let payload = buffer.get(self.payload.clone()).unwrap_or_default();
        self.headers.with_payload(payload)
    }

    #[inline]
    fn prepared<'a>(&self, buffer: &'a [u8]) -> Prepared<'a> {
        Prepared {
            headers: self.headers(buffer),
            seal: self.seal,
        }
    }
}

/// Where a part of a buffer lies in it; nowhere if it is no part.
#[inline]
fn place(part: &[u8], buffer: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(buffer.as_ptr() as usize);
    if part.is_empty() || start > buffer.len() {
        return 0..0;
    }
    start..start + part.len()
}

impl Meter {
    /// Return what reads and keys frames for this meter, and for those beside it.
    pub(crate) fn dissector(&self) -> Dissector {
        self.dissector.clone()
    }

    /// Take over what was seen of frames while they were read.
    pub(crate) fn note_read(&mut self, batch: &Dissected) {
        self.counts.add(&batch.counts);
    }

    /// Count all frames of a batch, whose first has the number `first`.
    pub(crate) fn count_dissected(&mut self, batch: &Dissected, first: u64) {
        self.report_replaced();
        for begin in (0..batch.len()).step_by(CHUNK) {
            let chunk = begin..batch.len().min(begin + CHUNK);
            self.load(batch.of_all(chunk.clone()).iter().map(Stored::hash));
            for frame in chunk {
                self.count_stretch(batch, frame, first);
            }
        }
    }

    /// Count what was dealt of a batch, whose first frame has the number `first`.
    pub(crate) fn count_dissected_hand(&mut self, hand: &mut Hand, batch: &Dissected, first: u64) {
        self.report_replaced();
        for chunk in hand.places.chunks(CHUNK) {
            let own = chunk.iter().filter(|&&place| !Hand::is_question(place));
            let segments = own.flat_map(|&place| batch.of(place as usize));
            self.load(segments.map(Stored::hash));
            for &place in chunk {
                let frame = Hand::frame(place);
                if !Hand::is_question(place) {
                    hand.found.push(self.count_stretch(batch, frame, first));
                } else if let Some(error) = batch.of(frame).first() {
                    let headers = error.headers(batch.buffer(frame));
                    hand.answers.push((frame as u32, self.answer(&headers)));
                }
            }
        }
    }

    /// Count a frame; return where its innermost segment was.
    #[inline]
    fn count_stretch(&mut self, batch: &Dissected, frame: usize, first: u64) -> FlowRef {
        self.at = first + frame as u64;
        let buffer = batch.buffer(frame);
        let mut counted = FlowRef::NONE;
        for stored in batch.of(frame) {
            counted = self.count_prepared(&stored.prepared(buffer), counted.uuid);
        }
        counted
    }
}
