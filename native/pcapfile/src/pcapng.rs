// SPDX-License-Identifier: Apache-2.0
//! pcapng (draft-ietf-opsawg-pcapng): any number of sections and interfaces, both byte orders.

use crate::fields::{Order, MAX_PACKET};
use crate::reader::{Found, Trouble};
use crate::window::Window;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BLOCK_OVERHEAD: usize = 12;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    snaplen: u32,
    resolution: Resolution,
    offset_s: i64,
}

/// Unit of an interface's time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// So many per second, a power of ten.
    Decimal(u64),
    /// 2^-n seconds.
    Binary(u8),
}

impl Resolution {
    fn of(option: u8) -> Self {
        match option {
            0x80.. => Self::Binary(option & 0x7f),
            // Finer than 10^-19 s does not fit 64 bits and is nobody's clock.
            _ => Self::Decimal(10u64.checked_pow(option.into()).unwrap_or(1_000_000)),
        }
    }

    fn to_ns(self, ticks: u64) -> i64 {
        let ns = match self {
            Self::Decimal(per_second) => u128::from(ticks) * 1_000_000_000 / u128::from(per_second),
            Self::Binary(bits) => (u128::from(ticks) * 1_000_000_000)
                .checked_shr(bits.into())
                .unwrap_or(0),
        };
        i64::try_from(ns).unwrap_or(i64::MAX)
    }
}

#[derive(Debug)]
pub(crate) struct PcapngState {
    order: Order,
    in_section: bool,
    interfaces: Vec<Interface>,
}

impl Default for PcapngState {
    fn default() -> Self {
        Self {
            order: Order::Little,
            in_section: false,
            interfaces: Vec::new(),
        }
    }
}

impl PcapngState {
    pub(crate) fn recognises(head: &[u8]) -> bool {
        head.starts_with(&SECTION.to_be_bytes())
    }

    /// Append the next packet to `found` and move behind it; false = there is none.
    pub(crate) fn next(
        &mut self,
        window: &mut Window,
        found: &mut Vec<Found>,
    ) -> Result<bool, Trouble> {
        loop {
            let head = window.peek(BLOCK_OVERHEAD)?;
            if head.is_empty() {
                return Ok(false);
            }
            if head.len() < BLOCK_OVERHEAD {
                return Err(format!(
                    "the last block has {} bytes, fewer than any block",
                    head.len()
                )
                .into());
            }
            if Order::Big.u32(head, 0) == SECTION {
                self.begin_section(head)?;
            } else if !self.in_section {
                return Err("no section header".to_owned().into());
            }
            let kind = self.order.u32(head, 0);
            let length = block_length(self.order.u32(head, 4))?;
            // The first look may move what is there.
            window.peek(length)?;
            let at = window.position();
            let block = window.peek(length)?;
            let Some(block) = block.get(..length) else {
                return Err(
                    format!("the last block has {} of its {length} bytes", block.len()).into(),
                );
            };
            if self.order.u32(block, length - 4) as usize != length {
                return Err("the two lengths of a block differ".to_owned().into());
            }
            let packet = match kind {
                ENHANCED_PACKET | OLD_PACKET => Some(self.packet(kind, block, at)?),
                SIMPLE_PACKET => Some(self.simple_packet(block, at)?),
                INTERFACE => {
                    self.add_interface(block)?;
                    None
                }
                _ => None,
            };
            window.skip(length);
            if let Some(packet) = packet {
                found.push(packet);
                return Ok(true);
            }
        }
    }

    fn begin_section(&mut self, head: &[u8]) -> Result<(), Trouble> {
        self.order = match (Order::Little.u32(head, 8), Order::Big.u32(head, 8)) {
            (BYTE_ORDER, _) => Order::Little,
            (_, BYTE_ORDER) => Order::Big,
            _ => return Err("the section's byte-order mark is wrong".to_owned().into()),
        };
        self.in_section = true;
        self.interfaces.clear();
        Ok(())
    }

    fn add_interface(&mut self, block: &[u8]) -> Result<(), Trouble> {
        if block.len() < BLOCK_OVERHEAD + 8 {
            return Err("an interface block is too short".to_owned().into());
        }
        let mut interface = Interface {
            link_type: self.order.u16(block, 8),
            snaplen: self.order.u32(block, 12),
            resolution: Resolution::Decimal(1_000_000),
            offset_s: 0,
        };
        let mut options = block.get(16..block.len() - 4).unwrap_or_default();
        while options.len() >= 4 {
            let (code, length) = (
                self.order.u16(options, 0),
                usize::from(self.order.u16(options, 2)),
            );
            let Some(value) = options.get(4..4 + length) else {
                break;
            };
            match (code, value.first()) {
                (0, _) => break,
                (9, Some(&resolution)) => interface.resolution = Resolution::of(resolution),
                (14, Some(_)) if length == 8 => {
                    let (low, high) = match self.order {
                        Order::Little => (self.order.u32(value, 0), self.order.u32(value, 4)),
                        Order::Big => (self.order.u32(value, 4), self.order.u32(value, 0)),
                    };
                    interface.offset_s = (u64::from(high) << 32 | u64::from(low)) as i64;
                }
                _ => {}
            }
            options = options
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// `at` is where the block begins in the window's memory.
    fn packet(&self, kind: u32, block: &[u8], at: usize) -> Result<Found, Trouble> {
        if block.len() < BLOCK_OVERHEAD + 20 {
            return Err("a packet block is too short".to_owned().into());
        }
        let number = if kind == OLD_PACKET {
            self.order.u16(block, 8).into()
        } else {
            self.order.u32(block, 8)
        };
        let interface = self.interface(number)?;
        let ticks =
            u64::from(self.order.u32(block, 12)) << 32 | u64::from(self.order.u32(block, 16));
        let kept = self.order.u32(block, 20) as usize;
        if kept > block.len() - BLOCK_OVERHEAD - 20 {
            return Err(
                format!("a packet claims {kept} bytes in a block of {}", block.len()).into(),
            );
        }
        let offset_ns = interface.offset_s.saturating_mul(1_000_000_000);
        Ok(Found {
            ts_ns: interface.resolution.to_ns(ticks).saturating_add(offset_ns),
            wire_len: self.order.u32(block, 24).max(kept as u32),
            link_type: interface.link_type,
            interface: number,
            data_at: at + 28,
            data_len: kept,
        })
    }

    /// A simple packet has neither time nor interface; its length is the smaller of wire length and snaplen.
    fn simple_packet(&self, block: &[u8], at: usize) -> Result<Found, Trouble> {
        if block.len() < BLOCK_OVERHEAD + 4 {
            return Err("a simple packet block is too short".to_owned().into());
        }
        let interface = self.interface(0)?;
        let wire_len = self.order.u32(block, 8);
        let snaplen = if interface.snaplen == 0 {
            u32::MAX
        } else {
            interface.snaplen
        };
        let data_len = (wire_len.min(snaplen) as usize).min(block.len() - BLOCK_OVERHEAD - 4);
        Ok(Found {
            ts_ns: 0,
            wire_len,
            link_type: interface.link_type,
            interface: 0,
            data_at: at + 12,
            data_len,
        })
    }

    fn interface(&self, number: u32) -> Result<&Interface, Trouble> {
        self.interfaces.get(number as usize).ok_or_else(|| {
            format!(
                "a packet names interface {number} of {}",
                self.interfaces.len()
            )
            .into()
        })
    }
}

fn block_length(length: u32) -> Result<usize, Trouble> {
    if length % 4 != 0 || length < BLOCK_OVERHEAD as u32 || length > MAX_PACKET {
        return Err(format!("a block claims {length} bytes").into());
    }
    Ok(length as usize)
}
