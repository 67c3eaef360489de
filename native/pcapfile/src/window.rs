// SPDX-License-Identifier: Apache-2.0
//! A view on the bytes ahead, refilled without copying more than the packet that two blocks share.

use std::io;

use crate::ahead::{ReadAhead, HEADROOM};

pub(crate) struct Window {
    source: ReadAhead,
    data: Vec<u8>,
    at: usize,
    /// Offset in the input of `data[0]`; negative while the first block's headroom counts.
    base: i64,
    ended: bool,
}

impl Window {
    pub(crate) fn new(source: ReadAhead) -> Self {
        Self {
            source,
            data: Vec::new(),
            at: 0,
            base: 0,
            ended: false,
        }
    }

    /// Offset in the input of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        u64::try_from(self.base + self.at as i64).unwrap_or(0)
    }

    /// Return the bytes at hand, reading on until there are `wanted` or the input ends.
    #[inline]
    pub(crate) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.data.len() - self.at < wanted && !self.ended {
            self.refill()?;
        }
        Ok(self.data.get(self.at..).unwrap_or_default())
    }

    /// Bytes at hand without reading on.
    #[inline]
    pub(crate) fn at_hand(&self) -> &[u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.data.len());
    }

    fn refill(&mut self) -> io::Result<()> {
        let Some(block) = self.source.next()? else {
            self.ended = true;
            return Ok(());
        };
        let offset = self.base + self.at as i64;
        let rest = self.data.get(self.at..).unwrap_or_default();
        if rest.len() <= HEADROOM.min(block.start) {
            let start = block.start - rest.len();
            let mut data = block.data;
            data[start..block.start].copy_from_slice(rest);
            let old = std::mem::replace(&mut self.data, data);
            self.source.recycle(old);
            self.at = start;
        } else {
            // A packet longer than the headroom: rare, so a copy will do.
            self.data.drain(..self.at);
            self.data.extend_from_slice(&block.data[block.start..]);
            self.source.recycle(block.data);
            self.at = 0;
        }
        self.base = offset - self.at as i64;
        Ok(())
    }
}
