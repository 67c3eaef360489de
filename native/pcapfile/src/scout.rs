// SPDX-License-Identifier: Apache-2.0
//! A thread that walks ahead over the records of a mapped pcap file and touches their headers.
//!
//! Where a record begins is known only when the one before has been read, so a single reader waits for memory at each
//! packet, and for a page fault at each page. The scout waits instead; the reader finds everything in the cache that
//! both cores share. It decides nothing: without it the reader gives the same packets, only later.

use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::{self, Thread};

use memmap2::Mmap;

use crate::fields::{Order, MAX_PACKET};

/// How far it goes ahead: a good part of a second-level cache, well below any third-level one.
const LEAD: usize = 2 << 20;
/// The reader calls it again when so much of the lead is used up.
const STEP: usize = LEAD / 4;
/// Headers reach so far into a packet; the line at its beginning comes with the record's own header.
const HEADERS: usize = 48;

pub(crate) struct Scout {
    /// Written by the reader only: how far it has come; usize::MAX = it is gone.
    reader_at: Arc<AtomicUsize>,
    thread: Thread,
}

impl Scout {
    pub(crate) fn start(
        map: Arc<Mmap>,
        at: usize,
        order: Order,
        record_header: usize,
    ) -> io::Result<Self> {
        let reader_at = Arc::new(AtomicUsize::new(at));
        let limit = Arc::clone(&reader_at);
        let thread = thread::Builder::new()
            .name("scout".to_owned())
            .spawn(move || walk(&map, at, order, record_header, &limit))?
            .thread()
            .clone();
        Ok(Self { reader_at, thread })
    }

    /// Tell how far the reader has come.
    #[inline]
    pub(crate) fn follow(&self, at: usize) {
        if at - self.reader_at.load(Ordering::Relaxed).min(at) >= STEP {
            self.reader_at.store(at, Ordering::Relaxed);
            self.thread.unpark();
        }
    }
}

impl Drop for Scout {
    fn drop(&mut self) {
        self.reader_at.store(usize::MAX, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn walk(map: &[u8], mut at: usize, order: Order, record_header: usize, reader_at: &AtomicUsize) {
    let mut touched = 0u8;
    while let Some(record) = map.get(at..) {
        let kept = order.u32(record, 8);
        if record.len() < record_header || kept > MAX_PACKET {
            break;
        }
        touched ^= record.get(record_header + HEADERS).copied().unwrap_or(0);
        at += record_header + kept as usize;
        loop {
            match reader_at.load(Ordering::Relaxed) {
                usize::MAX => return,
                reader if at > reader + LEAD => thread::park(),
                _ => break,
            }
        }
    }
    black_box(touched);
}
