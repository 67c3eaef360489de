// SPDX-License-Identifier: Apache-2.0
//! A view on the bytes ahead: blocks of the input, refilled without copying more than the packet that two of them share.

use std::io;
use std::sync::Arc;

use crate::blocks::{Blocks, HEADROOM};

pub(crate) struct Window {
    blocks: Blocks,
    data: Arc<Vec<u8>>,
    at: usize,
    end: usize,
    /// Offset in the input of the first byte of `data`; negative while the first block's headroom counts.
    base: i64,
    ended: bool,
    /// While set, nothing moves: `peek` gives what is there.
    hold: bool,
}

impl Window {
    pub(crate) fn over(blocks: Blocks) -> Self {
        Self {
            blocks,
            data: Arc::default(),
            at: 0,
            end: 0,
            base: 0,
            ended: false,
            hold: false,
        }
    }

    /// Offset in the input of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        u64::try_from(self.base + self.at as i64).unwrap_or(0)
    }

    /// Everything in memory; indexes into it stay valid while `hold` is set.
    #[inline]
    pub(crate) fn data(&self) -> &Arc<Vec<u8>> {
        &self.data
    }

    /// Index of the next byte in `data`.
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
        while self.end - self.at < wanted && !self.ended && !self.hold {
            self.refill()?;
        }
        Ok(self.data.get(self.at..self.end).unwrap_or_default())
    }

    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.end);
    }

    fn refill(&mut self) -> io::Result<()> {
        let Some(mut block) = self.blocks.next()? else {
            self.ended = true;
            return Ok(());
        };
        let offset = self.base + self.at as i64;
        let rest = self.data.get(self.at..self.end).unwrap_or_default();
        if rest.len() <= HEADROOM {
            let start = block.start - rest.len();
            block.data[start..block.start].copy_from_slice(rest);
            let before = std::mem::replace(&mut self.data, Arc::new(block.data));
            self.blocks.retire(before);
            self.at = start;
            self.end = block.end;
        } else {
            // A packet longer than the headroom: rare, so a copy will do.
            let data = Arc::make_mut(&mut self.data);
            data.truncate(self.end);
            data.drain(..self.at);
            data.extend_from_slice(&block.data[block.start..block.end]);
            self.end = data.len();
            self.blocks.retire(Arc::new(block.data));
            self.at = 0;
        }
        self.base = offset - self.at as i64;
        Ok(())
    }
}
