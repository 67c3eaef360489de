// SPDX-License-Identifier: Apache-2.0
//! Reading on a thread of its own, blocks ahead of the one that parses.

use std::io::{self, Read};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

const BLOCK: usize = 256 << 10;
/// Blocks in flight: one parsed, the others being filled or waiting.
const BLOCKS: usize = 4;
/// Room before a block's data, into which the window moves the packet cut by the block before.
pub(crate) const HEADROOM: usize = 64 << 10;

/// A filled block: `data[start..end]` is content. What lies behind stays as it is: clearing it for each few
/// bytes of a slow pipe would cost more than anything else.
pub(crate) struct Block {
    pub(crate) data: Vec<u8>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Blocks of a source, in order.
pub struct ReadAhead {
    /// Never locked, only owned: the mutex makes the whole shareable, as Python objects must be.
    filled: Mutex<Receiver<io::Result<Block>>>,
    empty: SyncSender<Vec<u8>>,
}

impl ReadAhead {
    /// Start to read. The thread ends with the source, with its first error, or when this is dropped.
    pub fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let (filled_in, filled) = sync_channel(BLOCKS);
        let (empty, empty_out) = sync_channel(BLOCKS);
        for _ in 0..BLOCKS {
            // Cannot fail: the receiver lives, and the channel holds that many.
            let _ = empty.try_send(Vec::new());
        }
        thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || fill(source, &empty_out, &filled_in))?;
        Ok(Self {
            filled: Mutex::new(filled),
            empty,
        })
    }

    /// Return the next block, `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let filled = self
            .filled
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        match filled.recv() {
            Ok(block) => block.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Give a block's memory back.
    pub(crate) fn recycle(&mut self, data: Vec<u8>) {
        let _ = self.empty.try_send(data);
    }
}

fn fill(mut source: impl Read, empty: &Receiver<Vec<u8>>, filled: &SyncSender<io::Result<Block>>) {
    while let Ok(mut data) = empty.recv() {
        if data.len() != HEADROOM + BLOCK {
            data.resize(HEADROOM + BLOCK, 0);
        }
        match read_some(&mut source, &mut data[HEADROOM..]) {
            Ok(0) => return,
            Ok(length) => {
                let block = Block {
                    data,
                    start: HEADROOM,
                    end: HEADROOM + length,
                };
                if filled.send(Ok(block)).is_err() {
                    return;
                }
            }
            Err(error) => {
                let _ = filled.send(Err(error));
                return;
            }
        }
    }
}

/// Read what there is: a pipe that gives a little is passed on at once.
fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
