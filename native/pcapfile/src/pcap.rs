// SPDX-License-Identifier: Apache-2.0
//! The classic pcap format (draft-ietf-opsawg-pcap), micro- and nanoseconds, both byte orders.

use crate::fields::{Order, MAX_PACKET};
use crate::reader::{Found, Trouble};
use crate::window::Window;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

#[derive(Clone, Copy, Debug)]
pub(crate) struct PcapState {
    order: Order,
    tick_ns: i64,
    record_header: usize,
    link_type: u16,
}

impl PcapState {
    /// Read the file header; return the state and the header's length.
    pub(crate) fn open(head: &[u8]) -> Result<(Self, usize), String> {
        let Some(magic) = head.first_chunk::<4>() else {
            return Err(if head.is_empty() {
                "the file is empty"
            } else {
                "too short for a capture file"
            }
            .to_owned());
        };
        let (order, tick_ns, record_header) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000, RECORD_HEADER),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000, RECORD_HEADER),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1, RECORD_HEADER),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1, RECORD_HEADER),
            // "Kuznetsov's" variant of old Linux distributions: 8 more bytes per record.
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, 1000, RECORD_HEADER + 8),
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, 1000, RECORD_HEADER + 8),
            [0x1f, 0x8b, ..] => return Err("this is a gzip file; unpack it first".to_owned()),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                return Err("this is a zstd file; unpack it first".to_owned())
            }
            [a, b, c, d] => {
                return Err(format!(
                    "neither pcap nor pcapng: it begins with {a:02x} {b:02x} {c:02x} {d:02x}"
                ))
            }
        };
        if head.len() < FILE_HEADER {
            return Err(format!(
                "the file header has {} of its 24 bytes",
                head.len()
            ));
        }
        // The upper bits hold the length of the frame check sequence, not the type.
        let link_type = (order.u32(head, 20) & 0xffff) as u16;
        Ok((
            Self {
                order,
                tick_ns,
                record_header,
                link_type,
            },
            FILE_HEADER,
        ))
    }

    /// Append the next packet to `found` and move behind it; false = there is none.
    #[inline]
    pub(crate) fn next(
        &mut self,
        window: &mut Window,
        found: &mut Vec<Found>,
    ) -> Result<bool, Trouble> {
        let header = window.peek(self.record_header)?;
        if header.len() < self.record_header {
            let have = header.len();
            return match have {
                0 => Ok(false),
                _ => Err(format!(
                    "the last record header has {have} of its {} bytes",
                    self.record_header
                )
                .into()),
            };
        }
        let seconds = i64::from(self.order.u32(header, 0));
        let fraction = i64::from(self.order.u32(header, 4));
        let kept = self.order.u32(header, 8);
        let wire_len = self.order.u32(header, 12);
        if kept > MAX_PACKET {
            return Err(format!("a packet claims {kept} bytes").into());
        }
        let record_len = self.record_header + kept as usize;
        let have = window.peek(record_len)?.len();
        if have < record_len {
            return Err(format!(
                "the last packet has {} of its {kept} bytes",
                have - self.record_header
            )
            .into());
        }
        found.push(Found {
            ts_ns: seconds * 1_000_000_000 + fraction * self.tick_ns,
            wire_len: wire_len.max(kept),
            link_type: self.link_type,
            interface: 0,
            data_at: window.position() + self.record_header,
            data_len: kept as usize,
        });
        window.skip(record_len);
        Ok(true)
    }
}
