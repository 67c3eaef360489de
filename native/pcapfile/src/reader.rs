// SPDX-License-Identifier: Apache-2.0
//! One reader for both formats, told apart by their magic numbers.

use std::io::Read;

use crate::ahead::ReadAhead;
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

/// Where a packet's bytes lie in the window, with what its record says.
pub(crate) struct Found {
    pub(crate) ts_ns: i64,
    pub(crate) wire_len: u32,
    pub(crate) link_type: u16,
    pub(crate) interface: u32,
    pub(crate) data_at: usize,
    pub(crate) data_len: usize,
    pub(crate) record_len: usize,
}

enum Format {
    Pcap(PcapState),
    Pcapng(PcapngState),
}

pub struct Reader {
    window: Window,
    format: Format,
    packets: u64,
    /// Bytes of the packet given last, to be passed over before the next.
    pending_skip: usize,
}

impl Reader {
    /// Open a file, a pipe or bytes. An empty input or an unknown magic number is damage at byte 0.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let mut window = Window::new(ReadAhead::new(source)?);
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
            pending_skip: 0,
        })
    }

    /// Return the next packet, `None` at a clean end.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, ReadError> {
        self.window.skip(std::mem::take(&mut self.pending_skip));
        let found = match &mut self.format {
            Format::Pcap(state) => state.next(&mut self.window),
            Format::Pcapng(state) => state.next(&mut self.window),
        };
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(Trouble::Io(error)) => return Err(ReadError::Io(error)),
            Err(Trouble::Broken(reason)) => {
                return Err(ReadError::Damage(Damage {
                    offset: self.window.offset(),
                    packets: self.packets,
                    reason,
                }))
            }
        };
        self.packets += 1;
        self.pending_skip = found.record_len;
        let data = self
            .window
            .at_hand()
            .get(found.data_at..found.data_at + found.data_len)
            .unwrap_or_default();
        Ok(Some(Packet {
            ts_ns: found.ts_ns,
            wire_len: found.wire_len,
            link_type: found.link_type,
            interface: found.interface,
            data,
        }))
    }

    /// Bytes of the input consumed so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

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
