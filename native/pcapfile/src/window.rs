// SPDX-License-Identifier: Apache-2.0
//! A view on the bytes ahead: of a mapped file, or of blocks read ahead, refilled without copying more than the packet
//! that two blocks share.

use std::io;

use crate::ahead::{ReadAhead, HEADROOM};
use crate::fields::Order;
use crate::mapped::Mapped;

pub(crate) struct Window {
    source: Source,
    at: usize,
    /// Offset in the input of the first byte of `bytes()`; negative while the first block's headroom counts.
    base: i64,
    ended: bool,
    /// While set, nothing moves: `peek` gives what is there.
    hold: bool,
}

enum Source {
    Mapped(Mapped),
    Blocks {
        ahead: ReadAhead,
        data: Vec<u8>,
        end: usize,
    },
}

impl Window {
    pub(crate) fn over_blocks(ahead: ReadAhead) -> Self {
        Self::new(
            Source::Blocks {
                ahead,
                data: Vec::new(),
                end: 0,
            },
            false,
        )
    }

    pub(crate) fn over_file(file: Mapped) -> Self {
        Self::new(Source::Mapped(file), true)
    }

    fn new(source: Source, ended: bool) -> Self {
        Self {
            source,
            at: 0,
            base: 0,
            ended,
            hold: false,
        }
    }

    /// Offset in the input of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        u64::try_from(self.base + self.at as i64).unwrap_or(0)
    }

    /// Let a scout go ahead of the reader, where that helps.
    pub(crate) fn send_scout(&mut self, order: Order, record_header: usize) {
        if let Source::Mapped(file) = &mut self.source {
            file.send_scout(self.at, order, record_header);
        }
    }

    /// Tell the scout how far the reader has come.
    #[inline]
    pub(crate) fn report_progress(&self) {
        if let Source::Mapped(file) = &self.source {
            file.reached(self.at);
        }
    }

    /// Everything in memory; indexes into it stay valid while `hold` is set.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.source {
            Source::Mapped(file) => file.bytes(),
            Source::Blocks { data, end, .. } => data.get(..*end).unwrap_or_default(),
        }
    }

    /// Index of the next byte in `bytes()`.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn hold(&mut self, hold: bool) {
        self.hold = hold;
    }

    /// Return the bytes at hand, reading on until there are `wanted` or the input ends.
    #[inline]
    pub(crate) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.bytes().len() - self.at < wanted && !self.ended && !self.hold {
            self.refill()?;
        }
        Ok(self.bytes().get(self.at..).unwrap_or_default())
    }

    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.bytes().len());
    }

    fn refill(&mut self) -> io::Result<()> {
        let Source::Blocks { ahead, data, end } = &mut self.source else {
            return Ok(());
        };
        let Some(block) = ahead.next()? else {
            self.ended = true;
            return Ok(());
        };
        let offset = self.base + self.at as i64;
        let rest = data.get(self.at..*end).unwrap_or_default();
        if rest.len() <= HEADROOM.min(block.start) {
            let start = block.start - rest.len();
            let mut fresh = block.data;
            fresh[start..block.start].copy_from_slice(rest);
            ahead.recycle(std::mem::replace(data, fresh));
            self.at = start;
            *end = block.end;
        } else {
            // A packet longer than the headroom: rare, so a copy will do.
            data.truncate(*end);
            data.drain(..self.at);
            data.extend_from_slice(&block.data[block.start..block.end]);
            *end = data.len();
            ahead.recycle(block.data);
            self.at = 0;
        }
        self.base = offset - self.at as i64;
        Ok(())
    }
}
