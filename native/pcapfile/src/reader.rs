// SPDX-License-Identifier: Apache-2.0
//! One reader for both formats, told apart by their magic numbers.

use std::io::Read;
use std::sync::Arc;

use crate::blocks::Blocks;
use crate::damage::{Damage, ReadError};
use crate::pcap::PcapState;
use crate::pcapng::PcapngState;
use crate::window::Window;

/// One packet of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub ts_ns: i64,
    pub wire_len: u32,
    pub link_type: u16,
    /// Number of the interface in its section; 0 in pcap files.
    pub interface: u32,
    pub data: &'a [u8],
}

/// Packets, and the buffer in which their bytes lie. Who keeps a copy of the `Arc` keeps the bytes.
pub struct Batch<'a, P> {
    pub packets: P,
    pub buffer: &'a Arc<Vec<u8>>,
}

/// Where a packet's bytes lie in the window's memory, with what its record says.
pub(crate) struct Found {
    pub(crate) ts_ns: i64,
    pub(crate) wire_len: u32,
    pub(crate) link_type: u16,
    pub(crate) interface: u32,
    pub(crate) data_at: usize,
    pub(crate) data_len: usize,
}

enum Format {
    Pcap(PcapState),
    Pcapng(PcapngState),
}

/// Packets given at once at most: enough for memory accesses of a meter to overlap.
const BATCH: usize = 64;

pub struct Reader {
    window: Window,
    format: Format,
    packets: u64,
    found: Vec<Found>,
}

impl Reader {
    /// Read a file, a pipe or bytes. An empty input or an unknown magic number is damage at byte 0.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let mut window = Window::over(Blocks::new(source));
        let head = window.peek(24)?;
        let format = if PcapngState::recognises(head) {
            Format::Pcapng(PcapngState::default())
        } else {
            match PcapState::open(head) {
                Ok((state, length)) => {
                    window.skip(length);
                    Format::Pcap(state)
                }
                Err(reason) => {
                    return Err(ReadError::Damage(Damage {
                        offset: 0,
                        packets: 0,
                        reason,
                    }))
                }
            }
        };
        Ok(Self {
            window,
            format,
            packets: 0,
            found: Vec::with_capacity(BATCH),
        })
    }

    /// Return the next packets, none at a clean end. What stands before damage is given first, the damage next time.
    #[inline]
    pub fn next_packets(&mut self) -> Result<impl ExactSizeIterator<Item = Packet<'_>>, ReadError> {
        self.next_batch().map(|batch| batch.packets)
    }

    /// Return the same with the buffer that holds their bytes.
    #[inline]
    pub fn next_batch(
        &mut self,
    ) -> Result<Batch<'_, impl ExactSizeIterator<Item = Packet<'_>>>, ReadError> {
        self.found.clear();
        while self.found.len() < BATCH {
            // Only the first may move the window: the others must leave it where it is.
            self.window.hold(!self.found.is_empty());
            let found = match &mut self.format {
                Format::Pcap(state) => state.next(&mut self.window, &mut self.found),
                Format::Pcapng(state) => state.next(&mut self.window, &mut self.found),
            };
            match found {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if !self.found.is_empty() => break,
                Err(Trouble::Io(error)) => return Err(ReadError::Io(error)),
                Err(Trouble::Broken(reason)) => return Err(ReadError::Damage(self.damage(reason))),
            }
        }
        self.window.hold(false);
        self.packets += self.found.len() as u64;
        let buffer = self.window.data();
        let packets = self.found.iter().map(|found| Packet {
            ts_ns: found.ts_ns,
            wire_len: found.wire_len,
            link_type: found.link_type,
            interface: found.interface,
            data: buffer
                .get(found.data_at..found.data_at + found.data_len)
                .unwrap_or_default(),
        });
        Ok(Batch { packets, buffer })
    }

    fn damage(&self, reason: String) -> Damage {
        Damage {
            offset: self.window.offset(),
            packets: self.packets,
            reason,
        }
    }

    /// Bytes of the input consumed so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Packets given so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }
}

pub(crate) enum Trouble {
    Io(std::io::Error),
    Broken(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self::Broken(reason)
    }
}
