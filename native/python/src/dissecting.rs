// SPDX-License-Identifier: Apache-2.0
//! The first half of metering a file, on a thread of its own: reading, filtering, dissecting.
//!
//! The second half, which owns the flow table, gets what was read in the order of the file. Nothing else is shared,
//! so two processors give exactly what one gives.

use std::io;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use netsonde_meter::{Dissected, Dissector, Frame, LinkType};
use netsonde_pcapfile::{Damage, ReadError, Reader};

use crate::filter::FileFilter;

/// Loads on their way to the second half, and back.
const LOADS: usize = 3;
/// Groups of packets that make a load: few enough that it stays in a second-level cache.
const GROUPS: usize = 8;

/// Packets of a buffer.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) frames: Dissected,
    pub(crate) buffer: Arc<Vec<u8>>,
    /// Packets, those that the filter left out included, and the time of the last one.
    pub(crate) packets: u64,
    pub(crate) latest_ns: i64,
}

/// What crosses from one thread to the other at once.
#[derive(Default)]
pub(crate) struct Load {
    groups: Vec<Group>,
    used: usize,
    pub(crate) first_ns: Option<i64>,
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
    pub(crate) fn groups(&self) -> &[Group] {
        self.groups.get(..self.used).unwrap_or_default()
    }

    fn clear(&mut self) {
        for group in self.groups.iter_mut().take(self.used) {
            group.frames.clear();
            group.buffer = Arc::default();
        }
        self.used = 0;
        self.first_ns = None;
    }

    fn next_group(&mut self) -> &mut Group {
        if self.used == self.groups.len() {
            self.groups.push(Group::default());
        }
        self.used += 1;
        &mut self.groups[self.used - 1]
    }
}

/// The end of the thread's line at which its loads arrive.
pub(crate) struct Dissecting {
    /// Never locked, only owned: the mutex makes the whole shareable, as Python objects must be.
    filled: Mutex<Receiver<Load>>,
    empty: SyncSender<Load>,
}

impl Dissecting {
    /// Start to read. The thread ends with the file, or when this is dropped.
    pub(crate) fn start(
        reader: Reader,
        filter: FileFilter,
        dissector: Dissector,
    ) -> io::Result<Self> {
        let (filled_in, filled) = sync_channel(LOADS);
        let (empty, empty_out) = sync_channel(LOADS);
        for _ in 0..LOADS {
            // Cannot fail: the receiver lives, and the channel holds that many.
            let _ = empty.try_send(Load::default());
        }
        let mut first_half = FirstHalf {
            reader,
            filter,
            dissector,
        };
        thread::Builder::new()
            .name("dissector".to_owned())
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
    dissector: Dissector,
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
        for _ in 0..GROUPS {
            match self.read_group(load) {
                Ok(0) => load.end = Some(End::Clean),
                Ok(_) => {}
                Err(ReadError::Damage(damage)) => load.end = Some(End::Damage(damage)),
                Err(ReadError::Io(error)) => load.end = Some(End::Io(error)),
            }
            if load.end.is_some() {
                break;
            }
        }
        load.offset = self.reader.offset();
    }

    /// Return how many packets were there, those that the filter leaves out included.
    fn read_group(&mut self, load: &mut Load) -> Result<usize, ReadError> {
        let batch = self.reader.next_batch()?;
        let read = batch.packets.len();
        let mut first_ns = load.first_ns;
        let group = load.next_group();
        group.buffer = Arc::clone(batch.buffer);
        group.packets = read as u64;
        for packet in batch.packets {
            first_ns.get_or_insert(packet.ts_ns);
            group.latest_ns = packet.ts_ns;
            let frame = Frame {
                ts_ns: packet.ts_ns,
                wire_len: packet.wire_len,
                data: packet.data,
                link_type: LinkType::from_number(packet.link_type),
            };
            if self.filter.is_none() || self.filter.matches(&frame) {
                self.dissector
                    .dissect(frame, &group.buffer, &mut group.frames);
            }
        }
        load.first_ns = first_ns;
        Ok(read)
    }
}
