// SPDX-License-Identifier: Apache-2.0
//! The first half of metering a file, on a thread of its own: reading, filtering, dissecting, dealing out to meters.
//!
//! The second half, which owns the meters, gets what was read in the order of the file. Nothing else is shared, so any
//! number of processors gives exactly what one gives. Who reads also dissects: the bytes are in its cache, and headers
//! are all that most packets are counted by.

use std::io;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use netsonde_meter::{Dealer, Dealt, Frame, LinkType};
use netsonde_pcapfile::{Damage, ReadError, Reader};

use crate::filter::FileFilter;

/// Loads on their way to the second half, and back: enough that neither often sleeps because the other had a slow moment
/// (opening flows, waiting for the disk). With 3 of them a million packets took 3 % longer, with 16 no less than with 8.
const LOADS: usize = 8;
/// Packets that make a load: enough that waking other threads costs little beside counting them, few enough that
/// what was read of them stays in a second-level cache.
const PACKETS: u64 = 512;

/// What crosses from one thread to the other at once.
#[derive(Default)]
pub(crate) struct Load {
    /// The frames that the filter lets pass.
    pub(crate) dealt: Dealt,
    /// Packets, those that the filter left out included, and the times of the first and the last one.
    pub(crate) packets: u64,
    pub(crate) first_ns: Option<i64>,
    pub(crate) latest_ns: i64,
    /// Bytes of input read so far.
    pub(crate) offset: u64,
    pub(crate) end: Option<End>,
}

/// Why there are no more packets.
pub(crate) enum End {
    Clean,
    Damage(Damage),
    Io(io::Error),
}

impl Load {
    fn clear(&mut self) {
        self.dealt.clear();
        (self.packets, self.first_ns) = (0, None);
    }
}

/// The end of the thread's line at which its loads arrive.
pub(crate) struct Reading {
    /// Never locked, only owned: the mutex makes the whole shareable, as Python objects must be.
    filled: Mutex<Receiver<Load>>,
    empty: SyncSender<Load>,
}

impl Reading {
    /// Start to read. The thread ends with the file, or when this is dropped.
    pub(crate) fn start(reader: Reader, filter: FileFilter, dealer: Dealer) -> io::Result<Self> {
        let (filled_in, filled) = sync_channel(LOADS);
        let (empty, empty_out) = sync_channel(LOADS);
        for _ in 0..LOADS {
            // Cannot fail: the receiver lives, and the channel holds that many.
            let _ = empty.try_send(Load::default());
        }
        let mut first_half = FirstHalf {
            reader,
            filter,
            dealer,
        };
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || first_half.run(&empty_out, &filled_in))?;
        Ok(Self {
            filled: Mutex::new(filled),
            empty,
        })
    }

    /// Wait for the next load. The last one says why it is the last.
    pub(crate) fn next(&mut self) -> io::Result<Load> {
        let filled = self.filled.get_mut();
        let filled = filled.unwrap_or_else(PoisonError::into_inner);
        filled
            .recv()
            .map_err(|_| io::Error::other("the reading thread ended"))
    }

    /// Give a load's memory back.
    pub(crate) fn recycle(&mut self, load: Load) {
        let _ = self.empty.try_send(load);
    }
}

struct FirstHalf {
    reader: Reader,
    filter: FileFilter,
    dealer: Dealer,
}

impl FirstHalf {
    fn run(&mut self, empty: &Receiver<Load>, filled: &SyncSender<Load>) {
        while let Ok(mut load) = empty.recv() {
            load.clear();
            self.fill(&mut load);
            let last = load.end.is_some();
            if filled.send(load).is_err() || last {
                return;
            }
        }
    }

    /// Read until the load is full or the file ends.
    fn fill(&mut self, load: &mut Load) {
        while load.packets < PACKETS && load.end.is_none() {
            match self.read_group(load) {
                Ok(0) => load.end = Some(End::Clean),
                Ok(read) => load.packets += read,
                Err(ReadError::Damage(damage)) => load.end = Some(End::Damage(damage)),
                Err(ReadError::Io(error)) => load.end = Some(End::Io(error)),
            }
        }
        load.offset = self.reader.offset();
    }

    /// Return how many packets were there, those that the filter leaves out included.
    fn read_group(&mut self, load: &mut Load) -> Result<u64, ReadError> {
        let batch = self.reader.next_batch()?;
        let read = batch.packets.len() as u64;
        for packet in batch.packets {
            load.first_ns.get_or_insert(packet.ts_ns);
            load.latest_ns = packet.ts_ns;
            let frame = Frame {
                ts_ns: packet.ts_ns,
                wire_len: packet.wire_len,
                data: packet.data,
                link_type: LinkType::from_number(packet.link_type),
            };
            if self.filter.is_none() || self.filter.matches(&frame) {
                self.dealer.read(frame, batch.buffer, &mut load.dealt);
            }
        }
        Ok(read)
    }
}
