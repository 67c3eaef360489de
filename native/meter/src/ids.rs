// SPDX-License-Identifier: Apache-2.0
//! The ids of a flow: two tracking ids as the reference computes them, Community ID, and a UUID.

use netsonde_packet::{Headers, IcmpKind, Network, Transport};
use sha1::{Digest, Sha1};

use crate::config::{LayerKeyMode, MeterConfig};
use crate::key::{icmp_word, ip_swapped, ordered};
use crate::xxh64::Xxh64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct FlowIds {
    pub(crate) uuid: u64,
    pub(crate) tracking: u64,
    pub(crate) l3_tracking: u64,
}

/// What a flow is opened with, besides its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// The order of its key.
    pub(crate) swapped: bool,
    pub(crate) start_ns: i64,
    /// UUID of the flow of the enclosing tunnel; 0 = none.
    pub(crate) parent: u64,
}

/// Compute the ids of the flow that `headers` open.
pub(crate) fn flow_ids(headers: &Headers<'_>, opening: Opening, config: &MeterConfig) -> FlowIds {
    let swapped = opening.swapped;
    let has_ip = !matches!(headers.network, Network::None);
    let mut hash = Xxh64::new(0);
    write_ip(&mut hash, headers, swapped);
    let sum = |hash: &mut Xxh64| {
        if config.reference_ids {
            hash.flawed_sum()
        } else {
            hash.sum()
        }
    };
    let in_key_order = sum(&mut hash);
    let tracking = match headers.link {
        Some(link) if config.layer_key_mode == LayerKeyMode::L2 || !has_ip => {
            let (a, b) = ordered((link.source(), link.destination()), swapped);
            hash.write(&a);
            hash.write(&b);
            hash.write(&3u64.to_be_bytes());
            sum(&mut hash)
        }
        _ => in_key_order,
    };
    let l3_tracking = if config.reference_ids {
        in_key_order
    } else {
        l3_tracking(headers)
    };
    let tunnel = headers.tunnel.id ^ u64::from(headers.tunnel.rest) << 32;
    for word in [headers.vlan_ids, tunnel, opening.parent] {
        hash.write(&word.to_be_bytes());
    }
    let key = hash.sum();
    FlowIds {
        uuid: uuid(key, opening.start_ns, config),
        tracking,
        l3_tracking,
    }
}

/// The same connection has the same L3 id on both sides of a router: sides are ordered by address, never by MAC.
fn l3_tracking(headers: &Headers<'_>) -> u64 {
    let mut hash = Xxh64::new(0);
    write_ip(&mut hash, headers, ip_swapped(headers));
    hash.sum()
}

fn write_ip(hash: &mut Xxh64, headers: &Headers<'_>, swapped: bool) {
    match headers.network {
        Network::None => {}
        Network::V4 {
            source,
            destination,
        } => {
            let (a, b) = ordered((source, destination), swapped);
            hash.write(&a);
            hash.write(&b);
            hash.write(&1u64.to_be_bytes());
        }
        Network::V6 {
            source,
            destination,
        } => {
            let (a, b) = ordered((source, destination), swapped);
            hash.write(&a);
            hash.write(&b);
            hash.write(&2u64.to_be_bytes());
        }
    }
    write_transport(hash, headers, swapped);
}

fn write_transport(hash: &mut Xxh64, headers: &Headers<'_>, swapped: bool) {
    let transport = &headers.transport;
    if let (true, Some((_, destination))) = (headers.tunnel.any_source_port, transport.ports()) {
        hash.write(&(headers.tunnel.id as u32).to_be_bytes());
        hash.write(&destination.to_be_bytes());
        hash.write(&0u64.to_be_bytes());
        return;
    }
    let number: u64 = match transport {
        Transport::Tcp(_) => 4,
        Transport::Udp { .. } => 5,
        Transport::Sctp { .. } => 6,
        _ => 0,
    };
    if let Some(ports) = transport.ports() {
        let (a, b) = ordered(ports, swapped);
        hash.write(&a.to_be_bytes());
        hash.write(&b.to_be_bytes());
        hash.write(&number.to_be_bytes());
        return;
    }
    let word = match transport {
        Transport::Icmp4(icmp) => icmp_word(icmp),
        Transport::Icmp6(icmp) if icmp.kind == IcmpKind::Echo => icmp_word(icmp) & 0xff00_ffff,
        Transport::Icmp6(icmp) => icmp_word(icmp) & 0xffff_0000,
        _ => return,
    };
    hash.write(&word.to_be_bytes());
    hash.write(&0u64.to_be_bytes());
}

/// Unique per flow, node and capture: two captures of one interface report their own flows. Never 0.
fn uuid(key: u64, start_ns: i64, config: &MeterConfig) -> u64 {
    let mut hash = Xxh64::new(key);
    hash.write(&start_ns.to_be_bytes());
    hash.write(config.node_tid.as_bytes());
    hash.write(config.capture_id.as_bytes());
    hash.sum().max(1)
}

/// Addresses and ports of a flow as Community ID wants them; ICMP types take the place of ports.
pub(crate) struct CommunityInput<'a> {
    pub(crate) source: &'a [u8],
    pub(crate) destination: &'a [u8],
    pub(crate) protocol: u8,
    pub(crate) ports: Option<(u16, u16)>,
    /// Ports of both directions pair up: order by address and port. False for one-way ICMP messages.
    pub(crate) two_way: bool,
}

/// Append the Community ID v1 (seed 0): "1:" and the base64 of a SHA-1.
pub(crate) fn community_id(input: &CommunityInput<'_>, out: &mut String) {
    let (source_port, destination_port) = input.ports.unwrap_or_default();
    let in_order =
        (input.source, source_port) < (input.destination, destination_port) || !input.two_way;
    let sides = [
        (input.source, source_port),
        (input.destination, destination_port),
    ];
    let [first, second] = if in_order {
        sides
    } else {
        [sides[1], sides[0]]
    };
    let mut sha = Sha1::new();
    sha.update([0, 0]);
    sha.update(first.0);
    sha.update(second.0);
    sha.update([input.protocol, 0]);
    if input.ports.is_some() {
        sha.update(first.1.to_be_bytes());
        sha.update(second.1.to_be_bytes());
    }
    out.push_str("1:");
    push_base64(&sha.finalize(), out);
}

/// Return the pseudo-ports of an ICMP message, and whether it is one of a question-and-answer pair.
pub(crate) fn community_icmp_pair(
    v6: bool,
    message_type: u8,
    code: u8,
) -> (Option<(u16, u16)>, bool) {
    const V4: &[(u8, u8)] = &[(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
    const V6: &[(u8, u8)] = &[
        (128, 129),
        (133, 134),
        (135, 136),
        (130, 131),
        (144, 145),
        (139, 140),
    ];
    let pairs = if v6 { V6 } else { V4 };
    let counterpart = pairs
        .iter()
        .find_map(|&(question, answer)| match message_type {
            _ if message_type == question => Some(answer),
            _ if message_type == answer => Some(question),
            _ => None,
        });
    (
        Some((message_type.into(), counterpart.unwrap_or(code).into())),
        counterpart.is_some(),
    )
}

/// Return bytes as base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    push_base64(bytes, &mut out);
    out
}

pub(crate) fn push_base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte))
            << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= group.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn community(
        source: &str,
        destination: &str,
        protocol: u8,
        ports: Option<(u16, u16)>,
    ) -> String {
        let bytes = |text: &str| match text.parse() {
            Ok(IpAddr::V4(address)) => address.octets().to_vec(),
            Ok(IpAddr::V6(address)) => address.octets().to_vec(),
            Err(error) => panic!("{text}: {error}"),
        };
        let (ports, two_way) = match (protocol, ports) {
            (1, Some((kind, code))) => community_icmp_pair(false, kind as u8, code as u8),
            (58, Some((kind, code))) => community_icmp_pair(true, kind as u8, code as u8),
            (_, ports) => (ports, true),
        };
        let mut out = String::new();
        let input = CommunityInput {
            source: &bytes(source),
            destination: &bytes(destination),
            protocol,
            ports,
            two_way,
        };
        community_id(&input, &mut out);
        out
    }

    /// Published with the specification (seed 0, base64): github.com/corelight/community-id-spec, its baseline.
    #[test]
    fn community_id_agrees_with_its_published_vectors() {
        for (source, destination, protocol, ports, id) in [
            (
                "128.232.110.120",
                "66.35.250.204",
                6,
                (34855, 80),
                "LQU9qZlK+B5F3KDmev6m5PMibrg=",
            ),
            (
                "192.168.1.52",
                "8.8.8.8",
                17,
                (54585, 53),
                "d/FP5EW3wiY1vCndhwleRRKHowQ=",
            ),
            (
                "192.168.0.89",
                "192.168.0.1",
                1,
                (8, 0),
                "X0snYXpgwiv9TZtqg64sgzUn6Dk=",
            ),
            (
                "192.168.170.8",
                "192.168.170.56",
                132,
                (7, 7),
                "MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
            ),
            (
                "192.168.170.8",
                "192.168.170.56",
                132,
                (7, 80),
                "jQgCxbku+pNGw8WPbEc/TS/uTpQ=",
            ),
            (
                "fe80::200:86ff:fe05:80da",
                "fe80::260:97ff:fe07:69ea",
                58,
                (135, 0),
                "dGHyGvjMfljg6Bppwm3bg0LO8TY=",
            ),
            (
                "fe80::200:86ff:fe05:80da",
                "fe80::260:97ff:fe07:69ea",
                6,
                (1022, 22),
                "gS2aYcRwGJWe7UratL8/84dclq4=",
            ),
            (
                "2001:470:e5bf:dead:4957:2174:e82c:4887",
                "2607:f8b0:400c:c03::1a",
                6,
                (63943, 25),
                "/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
        ] {
            let id = format!("1:{id}");
            assert_eq!(community(source, destination, protocol, Some(ports)), id);
            if !matches!(protocol, 1 | 58) {
                let back = Some((ports.1, ports.0));
                assert_eq!(community(destination, source, protocol, back), id);
            }
        }
    }

    #[test]
    fn community_id_of_an_answer_is_that_of_the_question() {
        let question = community("192.168.0.89", "192.168.0.1", 1, Some((8, 0)));
        assert_eq!(
            community("192.168.0.1", "192.168.0.89", 1, Some((0, 0))),
            question
        );
    }

    #[test]
    fn base64_pads() {
        let mut out = String::new();
        push_base64(b"a", &mut out);
        push_base64(b"ab", &mut out);
        push_base64(b"abc", &mut out);
        assert_eq!(out, "YQ==YWI=YWJj");
    }
}
