// SPDX-License-Identifier: Apache-2.0
//! Which of several meters counts a frame: told by its outermost pair of IP addresses, the same in both directions.
//!
//! Ports do not count: pieces of packets have none, and a tunnel's flow and all that is inside have to stay together.
//! What has no IP header there is the first meter's. Most frames are told by a glance at a few bytes; where that leaves
//! doubts the headers are read as the meter reads them.

use std::sync::Arc;

use netsonde_packet::{parse, quoted, Headers, LinkType, Network};

use crate::key::scramble;
use crate::meter::{Dissected, Dissector, Meter};
use crate::Frame;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal {
    /// The meter that counts it.
    pub(super) meter: u8,
    /// It is an ICMP error: the meter of the packet that it quotes.
    pub(super) quoted: Option<u8>,
}

impl Deal {
    /// What has no addresses is the first meter's.
    const FIRST: Self = Self {
        meter: 0,
        quoted: None,
    };
}

/// Deals frames out. May be asked on any thread.
#[derive(Clone)]
pub struct Dealer {
    meters: u8,
    /// Secret, so that nobody outside can aim at one meter.
    seed: u64,
    dissector: Dissector,
}

/// Frames read by a dealer, on whatever thread, and who is to count them.
#[derive(Default)]
pub struct Dealt {
    pub(super) frames: Dissected,
    /// None where there is one meter.
    pub(super) deals: Vec<Deal>,
}

impl Dealt {
    /// Forget the frames, keep the memory.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.deals.clear();
    }
}

impl Dealer {
    pub(super) fn new(meters: u8, first: &Meter) -> Self {
        Self {
            meters,
            seed: first.seed(),
            dissector: first.dissector(),
        }
    }

    /// Read a frame that lies in `buffer`, and deal it out.
    #[inline]
    pub fn read(&self, frame: Frame<'_>, buffer: &Arc<Vec<u8>>, out: &mut Dealt) {
        let headers = out.frames.push(&self.dissector, frame, buffer);
        if self.meters > 1 {
            let deal = headers.map_or(Deal::FIRST, |headers| self.deal_read(&headers));
            out.deals.push(deal);
        }
    }

    #[inline]
    pub fn deal(&self, frame: &Frame<'_>) -> Deal {
        if self.meters == 1 {
            return Deal::FIRST;
        }
        match glance(frame) {
            Some(pair) => Deal {
                meter: self.meter_of(&pair),
                quoted: None,
            },
            None => self.look_closely(frame),
        }
    }

    #[cold]
    fn look_closely(&self, frame: &Frame<'_>) -> Deal {
        let ports = self.dissector.ports();
        let headers = parse(frame.link_type, frame.data, frame.wire_len, ports);
        self.deal_read(&headers)
    }

    #[inline]
    fn deal_read(&self, headers: &Headers<'_>) -> Deal {
        let quote = quoted(headers, self.dissector.ports());
        Deal {
            meter: self.meter_of(&headers.network),
            quoted: quote.map(|quote| self.meter_of(&quote.network)),
        }
    }

    #[inline]
    fn meter_of(&self, pair: &Network) -> u8 {
        let mixed = match *pair {
            Network::None => return 0,
            Network::V4 {
                source,
                destination,
            } => {
                let (a, b) = in_order(u32::from_be_bytes(source), u32::from_be_bytes(destination));
                scramble(self.seed ^ (u64::from(a) << 32 | u64::from(b)))
            }
            Network::V6 {
                source,
                destination,
            } => {
                let (a, b) = in_order(
                    u128::from_be_bytes(source),
                    u128::from_be_bytes(destination),
                );
                [(a >> 64) as u64, a as u64, (b >> 64) as u64, b as u64]
                    .iter()
                    .fold(self.seed, |mixed, word| scramble(mixed ^ word))
            }
        };
        // The high half, scaled: as even as a remainder, without a division.
        (((mixed >> 32) * u64::from(self.meters)) >> 32) as u8
    }
}

fn in_order<T: Ord>(one: T, other: T) -> (T, T) {
    if one <= other {
        (one, other)
    } else {
        (other, one)
    }
}

/// Protocols behind IP that cannot hide an ICMP error, as AH and extension headers can: IPIP, TCP, UDP, IPv6, GRE, ESP,
/// SCTP.
const PLAIN: [u8; 7] = [4, 6, 17, 41, 47, 50, 132];

/// Return the outermost addresses of a frame that is no ICMP error, where few bytes leave no doubt.
#[inline]
fn glance(frame: &Frame<'_>) -> Option<Network> {
    if frame.link_type != LinkType::Ethernet {
        return None;
    }
    let mut at = 14;
    let mut kind = frame.data.get(12..14)?;
    while matches!(kind, [0x81 | 0x91, 0x00] | [0x88, 0xa8]) {
        kind = frame.data.get(at + 2..at + 4)?;
        at += 4;
    }
    let behind = (frame.wire_len as usize).checked_sub(at)?;
    let packet = frame.data.get(at..)?;
    match kind {
        [0x08, 0x00] => glance4(packet, behind),
        [0x86, 0xdd] => glance6(packet),
        _ => None,
    }
}

#[inline]
fn glance4(packet: &[u8], behind: usize) -> Option<Network> {
    let h = packet.first_chunk::<20>()?;
    let header_len = usize::from(h[0] & 0x0f) * 4;
    let length = match usize::from(u16::from_be_bytes([h[2], h[3]])) {
        0 => behind,
        said => said.min(behind),
    };
    if h[0] >> 4 != 4 || header_len < 20 || length < header_len {
        return None;
    }
    let is_piece = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
    let is_plain = is_piece || PLAIN.contains(&h[9]);
    // An echo, or its answer.
    let is_echo = || h[9] == 1 && matches!(packet.get(header_len), Some(0 | 8));
    (is_plain || is_echo()).then_some(Network::V4 {
        source: [h[12], h[13], h[14], h[15]],
        destination: [h[16], h[17], h[18], h[19]],
    })
}

#[inline]
fn glance6(packet: &[u8]) -> Option<Network> {
    let h = packet.first_chunk::<40>()?;
    let is_told = PLAIN.contains(&h[6]) || (h[6] == 58 && *packet.get(40)? >= 128);
    (h[0] >> 4 == 6 && is_told).then_some(Network::V6 {
        source: *h[8..24].first_chunk()?,
        destination: *h[24..40].first_chunk()?,
    })
}

#[cfg(test)]
mod tests {
    use netsonde_packet::Ports;

    use super::*;

    /// What the parser says of the same frame.
    fn read(frame: &Frame<'_>) -> (Network, bool) {
        let ports = Ports::default();
        let headers = parse(frame.link_type, frame.data, frame.wire_len, &ports);
        (headers.network, quoted(&headers, &ports).is_some())
    }

    proptest::proptest! {
        /// Bytes at random, steered to what a glance believes.
        #[test]
        fn a_glance_sees_what_the_parser_reads(
            mut data in proptest::collection::vec(proptest::num::u8::ANY, 14..80),
            kind in proptest::sample::select(vec![[8u8, 0], [0x86, 0xdd], [0x81, 0], [8, 6]]),
            first in proptest::sample::select(vec![0x45u8, 0x46, 0x60, 0x44, 0x4f]),
            protocol in proptest::sample::select(vec![1u8, 6, 17, 44, 51, 58, 0, 47]),
            message in 0u8..14,
            extra in 0u32..3,
        ) {
            data[12..14].copy_from_slice(&kind);
            for (at, byte) in [(14, first), (20, protocol), (23, protocol), (34, message), (54, message)] {
                if let Some(place) = data.get_mut(at) {
                    *place = byte;
                }
            }
            let frame = Frame {
                ts_ns: 0,
                wire_len: (data.len() as u32 + extra).saturating_sub(1),
                data: &data,
                link_type: LinkType::Ethernet,
            };
            if let Some(pair) = glance(&frame) {
                proptest::prop_assert_eq!((pair, false), read(&frame));
            }
        }
    }
}
