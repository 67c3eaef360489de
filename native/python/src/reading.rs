// SPDX-License-Identifier: Apache-2.0
//! The first half of metering a file, on a thread of its own: reading, filtering, dealing out to meters.
//!
//! The second half, which owns the meters, gets what was read in the order of the file. Nothing else is shared, so any
//! number of processors gives exactly what one gives.

use std::io;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use netsonde_meter::{Deal, Dealer, Frame, LinkType};
use netsonde_pcapfile::{Damage, ReadError, Reader};

use crate::filter::FileFilter;

/// Loads on their way to the second half, and back.
const LOADS: usize = 3;
/// Packets that make a load: enough that waking other threads costs little beside counting them, few enough that
/// their headers stay in a second-level cache.
const PACKETS: u64 = 2048;

/// Where a packet's bytes lie, with what its record says.
struct Place {
    ts_ns: i64,
    wire_len: u32,
    link_type: LinkType,
    buffer: u32,
    bytes: std::ops::Range<usize>,
}

/// What crosses from one thread to the other at once.
#[derive(Default)]
pub(crate) struct Load {
    places: Vec<Place>,
    deals: Vec<Deal>,
    buffers: Vec<Arc<Vec<u8>>>,
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
    /// The frames that the filter lets pass.
    pub(crate) fn frames(&self) -> Vec<Frame<'_>> {
        let bytes = |place: &Place| {
            let buffer = self.buffers.get(place.buffer as usize)?;
            buffer.get(place.bytes.clone())
        };
        let frame = |place: &Place| Frame {
            ts_ns: place.ts_ns,
            wire_len: place.wire_len,
            data: bytes(place).unwrap_or_default(),
            link_type: place.link_type,
        };
        // A vector's own size is known, and so it is made once.
        self.places.iter().map(frame).collect()
    }

    /// Who is to count them.
    pub(crate) fn deals(&self) -> &[Deal] {
        &self.deals
    }

    fn clear(&mut self) {
        self.places.clear();
        self.deals.clear();
        self.buffers.clear();
        (self.packets, self.first_ns) = (0, None);
    }

    /// Return the number of a buffer in this load.
    fn buffer(&mut self, buffer: &Arc<Vec<u8>>) -> u32 {
        let is_last = |last: &Arc<Vec<u8>>| Arc::ptr_eq(last, buffer);
        if !self.buffers.last().is_some_and(is_last) {
            self.buffers.push(Arc::clone(buffer));
        }
        self.buffers.len() as u32 - 1
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
        let buffer = load.buffer(batch.buffer);
        let begin = batch.buffer.as_ptr() as usize;
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
                let start = (packet.data.as_ptr() as usize).wrapping_sub(begin);
                load.deals.push(self.dealer.deal(&frame));
                load.places.push(Place {
                    ts_ns: frame.ts_ns,
                    wire_len: frame.wire_len,
                    link_type: frame.link_type,
                    buffer,
                    // An empty packet lies nowhere, and is found nowhere.
                    bytes: start..start.saturating_add(packet.data.len()),
                });
            }
        }
        Ok(read)
    }
}
