// SPDX-License-Identifier: Apache-2.0
//! The identity of a flow, the same for both directions.
//!
//! Sides are ordered as the reference orders them (reference ids depend on it): by MAC where MACs count, else by
//! address, then by port. Unlike the reference the key also holds VLAN ids, EtherType, IP protocol and the ids of all
//! tunnel headers. What is inside a tunnel belongs to that tunnel: the key of the outer flow is part of it, as a hash.

use netsonde_packet::{Headers, Icmp, Network, Transport};

use crate::config::LayerKeyMode;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlowKey {
    words: [u64; 8],
}

/// Says that the third word is no list of VLAN ids (60 bits) but a digest of them and of tunnels.
const DIGEST: u64 = 1 << 63;
/// Says that a key holds the destination port of a tunnel, without a source port.
const ONE_PORT: u64 = 1 << 40;

/// A key, and whether the frame's source is the key's second side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    pub(crate) key: FlowKey,
    pub(crate) swapped: bool,
}

/// What stands above IP, as far as keys tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    None,
    Tcp,
    Udp,
    Sctp,
    Icmp4,
    Icmp6,
}

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
/// Tells an IPv4 key from one of a frame whose IPv4 header could not be read.
const IS_IPV4: u64 = 4;

const TCP: u64 = 1;
const UDP: u64 = 2;
const SCTP: u64 = 3;
const ICMP4: u64 = 4;
const ICMP6: u64 = 5;

impl PartialEq for FlowKey {
    /// All words at once: the derived comparison calls memcmp for each packet.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let differing = self
            .words
            .iter()
            .zip(&other.words)
            .fold(0, |bits, (a, b)| bits | (a ^ b));
        differing == 0
    }
}

impl FlowKey {
    #[inline]
    /// Make the key of a segment; `outside` is what `inside` gave for the segment around it, 0 = none.
    pub(crate) fn of(headers: &Headers<'_>, mode: LayerKeyMode, outside: u64) -> Keyed {
        let macs = match (headers.link, mode, headers.network) {
            (Some(_), LayerKeyMode::L3, Network::V4 { .. } | Network::V6 { .. }) | (None, _, _) => {
                None
            }
            (Some(link), _, _) => Some(link.numbers()),
        };
        let swapped = swapped(headers, macs);
        let (mac_a, mac_b) = ordered(macs.unwrap_or_default(), swapped);
        let (class, detail) = transport(headers, swapped);
        let mut words = [0; 8];
        words[0] = mac_a << 16 | u64::from(ether_type(headers));
        words[1] = mac_b << 16 | u64::from(headers.ip_protocol) << 8 | class;
        words[2] = surroundings(headers, outside);
        words[7] = detail;
        match headers.network {
            Network::None => {}
            Network::V4 {
                source,
                destination,
            } => {
                let (a, b) = ordered(
                    (u32::from_be_bytes(source), u32::from_be_bytes(destination)),
                    swapped,
                );
                words[3] = u64::from(a) << 32 | u64::from(b);
                words[4] = IS_IPV4;
            }
            Network::V6 {
                source,
                destination,
            } => {
                let (a, b) = ordered(
                    (
                        u128::from_be_bytes(source),
                        u128::from_be_bytes(destination),
                    ),
                    swapped,
                );
                [words[3], words[4]] = [(a >> 64) as u64, a as u64];
                [words[5], words[6]] = [(b >> 64) as u64, b as u64];
            }
        }
        Keyed {
            key: Self { words },
            swapped,
        }
    }

    /// Return the VLAN ids, if they stand here in clear: neither in nor around a tunnel.
    pub(crate) fn vlan_ids(&self) -> Option<u64> {
        Some(self.words[2]).filter(|word| word & DIGEST == 0)
    }

    /// Any word: what a processor must load to compare.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        self.words[2]
    }

    /// Return what surrounds the addresses: VLANs, tunnels.
    pub(crate) fn scope(&self) -> u64 {
        self.words[2]
    }

    pub(crate) fn ip_protocol(&self) -> u8 {
        (self.words[1] >> 8) as u8
    }

    /// Return the addresses, those of the key's first side first unless `swapped`.
    pub(crate) fn network(&self, swapped: bool) -> Network {
        let w = &self.words;
        match w[0] as u16 {
            ETHER_IPV4 if w[4] == IS_IPV4 => {
                let (source, destination) = ordered(((w[3] >> 32) as u32, w[3] as u32), swapped);
                Network::V4 {
                    source: source.to_be_bytes(),
                    destination: destination.to_be_bytes(),
                }
            }
            ETHER_IPV6 if w[4] != 0 || w[3] != 0 || w[5] != 0 || w[6] != 0 => {
                let sides = (
                    u128::from(w[3]) << 64 | u128::from(w[4]),
                    u128::from(w[5]) << 64 | u128::from(w[6]),
                );
                let (source, destination) = ordered(sides, swapped);
                Network::V6 {
                    source: source.to_be_bytes(),
                    destination: destination.to_be_bytes(),
                }
            }
            _ => Network::None,
        }
    }

    pub(crate) fn class(&self) -> Class {
        match self.words[1] & 0xff {
            TCP => Class::Tcp,
            UDP => Class::Udp,
            SCTP => Class::Sctp,
            ICMP4 => Class::Icmp4,
            ICMP6 => Class::Icmp6,
            _ => Class::None,
        }
    }

    pub(crate) fn ports(&self, swapped: bool) -> (u16, u16) {
        ordered(
            ((self.words[7] >> 16) as u16, self.words[7] as u16),
            swapped,
        )
    }

    pub(crate) fn icmp_kind_and_id(&self) -> (u8, u16) {
        ((self.words[7] >> 24) as u8, self.words[7] as u16)
    }

    /// Hash with a secret seed: nobody outside can aim at one bucket.
    #[inline]
    pub(crate) fn hash(&self, seed: u64) -> u64 {
        const K: u64 = 0x9E37_79B9_7F4A_7C15;
        let w = &self.words;
        let a = fold(w[0] ^ seed, w[1] ^ K);
        let b = fold(w[2] ^ seed.rotate_left(17), w[3] ^ K);
        let c = fold(w[4] ^ seed.rotate_left(34), w[5] ^ K);
        let d = fold(w[6] ^ seed.rotate_left(51), w[7] ^ K);
        fold(a ^ b.rotate_left(23), c ^ d.rotate_left(41) ^ K)
    }
}

impl std::hash::Hash for FlowKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.words.hash(state);
    }
}

impl Eq for FlowKey {}

/// Return what keys of segments inside one with this hash are told of it.
#[inline]
pub(crate) fn inside(hash: u64) -> u64 {
    hash | 1
}

/// VLANs, and where there are tunnels all that surrounds the addresses.
#[inline]
fn surroundings(headers: &Headers<'_>, outside: u64) -> u64 {
    let tunnel = &headers.tunnel;
    if outside == 0 && tunnel.id == 0 && tunnel.rest == 0 {
        return headers.vlan_ids;
    }
    let words = [headers.vlan_ids, outside, tunnel.id, u64::from(tunnel.rest)];
    DIGEST | words.iter().fold(0, |digest, word| scramble(digest ^ word))
}

/// The finalizer of SplitMix64: a bijection in which every bit reaches all others.
#[inline]
pub(crate) fn scramble(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64 ^ a.rotate_left(32) ^ b
}

/// The EtherType, also where no link header told one.
#[inline]
fn ether_type(headers: &Headers<'_>) -> u16 {
    match headers.network {
        Network::None => headers.ether_type,
        Network::V4 { .. } => ETHER_IPV4,
        Network::V6 { .. } => ETHER_IPV6,
    }
}

#[inline]
fn swapped(headers: &Headers<'_>, macs: Option<(u64, u64)>) -> bool {
    match macs {
        Some((source, destination)) if source != destination => source > destination,
        _ => ip_swapped(headers),
    }
}

/// Order by address, then by port.
#[inline]
pub(crate) fn ip_swapped(headers: &Headers<'_>) -> bool {
    let by_address = match headers.network {
        Network::None => std::cmp::Ordering::Equal,
        Network::V4 {
            source,
            destination,
        } => source.cmp(&destination),
        Network::V6 {
            source,
            destination,
        } => source.cmp(&destination),
    };
    by_address
        .then_with(|| paired_ports(headers).map_or(std::cmp::Ordering::Equal, |(s, d)| s.cmp(&d)))
        .is_gt()
}

/// Return source and destination port where both tell the conversation apart.
#[inline]
pub(crate) fn paired_ports(headers: &Headers<'_>) -> Option<(u16, u16)> {
    headers
        .transport
        .ports()
        .filter(|_| !headers.tunnel.any_source_port)
}

#[inline]
fn transport(headers: &Headers<'_>, swapped: bool) -> (u64, u64) {
    let ports = |pair: (u16, u16)| {
        let (a, b) = ordered(pair, swapped);
        u64::from(a) << 16 | u64::from(b)
    };
    match headers.transport {
        Transport::None => (0, 0),
        Transport::Udp { destination, .. } if headers.tunnel.any_source_port => {
            (UDP, ONE_PORT | u64::from(destination))
        }
        Transport::Tcp(tcp) => (TCP, ports(tcp.ports.numbers())),
        Transport::Udp {
            source,
            destination,
        } => (UDP, ports((source, destination))),
        Transport::Sctp {
            source,
            destination,
        } => (SCTP, ports((source, destination))),
        Transport::Icmp4(icmp) => (ICMP4, u64::from(icmp_word(&icmp))),
        Transport::Icmp6(icmp) => (ICMP6, u64::from(icmp_word(&icmp))),
    }
}

/// Kind, code and identifier in one word, as they enter the ids.
pub(crate) fn icmp_word(icmp: &Icmp) -> u32 {
    u32::from(icmp.kind as u8) << 24 | u32::from(icmp.code) << 16 | u32::from(icmp.id)
}

pub(crate) fn ordered<T>((source, destination): (T, T), swapped: bool) -> (T, T) {
    if swapped {
        (destination, source)
    } else {
        (source, destination)
    }
}
