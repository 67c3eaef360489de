// SPDX-License-Identifier: Apache-2.0
//! A probe's packets as Ethernet frames, checksums and all.

use std::net::{IpAddr, Ipv6Addr};

use crate::application::{dhcp_discover, dns_query};
use crate::checksum;
use crate::probe::{Kind, Probe};

pub const ETHERNET: usize = 14;
pub const TAG: usize = 4;
const ICMPV4: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const ARP_TYPE: u16 = 0x0806;
const IPV4_TYPE: u16 = 0x0800;
const IPV6_TYPE: u16 = 0x86dd;
const TAGGED_TYPE: u16 = 0x8100;
const BROADCAST: [u8; 6] = [0xff; 6];

/// Return packet number `index` of a run.
pub fn build(probe: &Probe, index: u64) -> Vec<u8> {
    match (probe.kind, probe.source, probe.target) {
        (Kind::Arp, IpAddr::V4(source), IpAddr::V4(target)) => arp_request(
            probe.source_mac,
            source.octets(),
            target.octets(),
            probe.vlan_tci,
        ),
        (Kind::Nd, IpAddr::V6(source), IpAddr::V6(target)) => {
            solicitation(probe.source_mac, source, target, probe.vlan_tci)
        }
        _ => {
            let (protocol, segment) = segment(probe, index);
            let packet = ip(probe, index, protocol, &segment);
            let ether_type = if probe.target.is_ipv4() {
                IPV4_TYPE
            } else {
                IPV6_TYPE
            };
            ethernet(
                probe.target_mac,
                probe.source_mac,
                probe.vlan_tci,
                ether_type,
                &packet,
            )
        }
    }
}

/// A broadcast question for the MAC address of `target` (RFC 826).
pub fn arp_request(
    source_mac: [u8; 6],
    source: [u8; 4],
    target: [u8; 4],
    vlan_tci: Option<u16>,
) -> Vec<u8> {
    let mut body = vec![0, 1, 0x08, 0x00, 6, 4, 0, 1];
    body.extend(source_mac);
    body.extend(source);
    body.extend([0; 6]);
    body.extend(target);
    ethernet(BROADCAST, source_mac, vlan_tci, ARP_TYPE, &body)
}

/// A neighbour solicitation to the solicited-node group of `target` (RFC 4861 §4.3).
pub fn solicitation(
    source_mac: [u8; 6],
    source: Ipv6Addr,
    target: Ipv6Addr,
    vlan_tci: Option<u16>,
) -> Vec<u8> {
    // RFC 4861 §7.1.1: nobody answers one that may have come through a router.
    const HOP_LIMIT: u8 = 255;
    let group = solicited_node(target);
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    message.extend([1, 1]);
    message.extend(source_mac);
    put_checksum(&mut message, 2, source.into(), group.into(), ICMPV6);
    let packet = ipv6(source, group, ICMPV6, HOP_LIMIT, 0, &message);
    ethernet(
        multicast_mac(group),
        source_mac,
        vlan_tci,
        IPV6_TYPE,
        &packet,
    )
}

/// RFC 4291 §2.7.1.
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// RFC 2464 §7.
pub fn multicast_mac(group: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

fn ethernet(
    target: [u8; 6],
    source: [u8; 6],
    vlan_tci: Option<u16>,
    ether_type: u16,
    packet: &[u8],
) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ETHERNET + TAG + packet.len());
    frame.extend(target);
    frame.extend(source);
    if let Some(tci) = vlan_tci {
        frame.extend(TAGGED_TYPE.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(packet);
    frame
}

fn segment(probe: &Probe, index: u64) -> (u8, Vec<u8>) {
    match probe.kind {
        Kind::Tcp => (TCP, tcp_syn(probe, index)),
        Kind::Udp => (UDP, udp(probe, index, &probe.payload_of(index))),
        Kind::Dns => (UDP, udp(probe, index, &dns_query(probe, index))),
        Kind::Dhcp4 => (UDP, udp(probe, index, &dhcp_discover(probe, index))),
        Kind::Icmp | Kind::Arp | Kind::Nd => echo(probe, index),
    }
}

fn echo(probe: &Probe, index: u64) -> (u8, Vec<u8>) {
    let (protocol, request) = if probe.target.is_ipv4() {
        (ICMPV4, 8)
    } else {
        (ICMPV6, 128)
    };
    let mut message = vec![request, 0, 0, 0];
    message.extend(probe.icmp_id_of(index).to_be_bytes());
    message.extend((index as u16).to_be_bytes());
    message.extend(probe.payload_of(index));
    if protocol == ICMPV4 {
        let sum = checksum::plain(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    } else {
        put_checksum(&mut message, 2, probe.source, probe.target, protocol);
    }
    (protocol, message)
}

fn udp(probe: &Probe, index: u64, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let mut datagram = Vec::with_capacity(usize::from(length));
    datagram.extend(probe.source_port_of(index).to_be_bytes());
    datagram.extend(probe.target_port.to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    put_checksum(&mut datagram, 6, probe.source, probe.target, UDP);
    if datagram[6..8] == [0, 0] {
        // RFC 768: 0 says that there is no checksum.
        datagram[6..8].fill(0xff);
    }
    datagram
}

fn tcp_syn(probe: &Probe, index: u64) -> Vec<u8> {
    const SYN: u8 = 0x02;
    const WINDOW: u16 = 64_240;
    /// Maximum segment size 1460 (RFC 9293 §3.2).
    const OPTIONS: [u8; 4] = [2, 4, 0x05, 0xb4];
    let words = ((20 + OPTIONS.len()) / 4) as u8;
    let mut segment = Vec::with_capacity(24);
    segment.extend(probe.source_port_of(index).to_be_bytes());
    segment.extend(probe.target_port.to_be_bytes());
    segment.extend(probe.sequence_of(index).to_be_bytes());
    segment.extend([0; 4]);
    segment.extend([words << 4, SYN]);
    segment.extend(WINDOW.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(OPTIONS);
    // Data in a SYN waits for the handshake (RFC 9293 §3.4); it is there for what looks at packets on their way.
    segment.extend(probe.payload_of(index));
    put_checksum(&mut segment, 16, probe.source, probe.target, TCP);
    segment
}

fn put_checksum(segment: &mut [u8], at: usize, source: IpAddr, target: IpAddr, protocol: u8) {
    let sum = checksum::transport(source, target, protocol, segment);
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn ip(probe: &Probe, index: u64, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (probe.source, probe.target) {
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            ipv6(source, target, protocol, probe.ttl, probe.dscp, payload)
        }
        (source, target) => ipv4(
            probe,
            index,
            [source, target].map(octets),
            protocol,
            payload,
        ),
    }
}

/// Families that do not agree are refused before a run; a frame with zeroes is better than none here.
fn octets(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => [0; 4],
    }
}

fn ipv4(
    probe: &Probe,
    index: u64,
    [source, target]: [[u8; 4]; 2],
    protocol: u8,
    payload: &[u8],
) -> Vec<u8> {
    const DONT_FRAGMENT: u16 = 0x4000;
    let place = if probe.dont_fragment {
        DONT_FRAGMENT
    } else {
        0
    };
    let mut packet = vec![0x45, probe.dscp << 2];
    packet.extend(((20 + payload.len()) as u16).to_be_bytes());
    packet.extend(Probe::identification_of(index).to_be_bytes());
    packet.extend(place.to_be_bytes());
    packet.extend([probe.ttl, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(target);
    let sum = checksum::plain(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn ipv6(
    source: Ipv6Addr,
    target: Ipv6Addr,
    protocol: u8,
    hop_limit: u8,
    dscp: u8,
    payload: &[u8],
) -> Vec<u8> {
    let first = (6u32 << 28) | (u32::from(dscp) << 22);
    let mut packet = first.to_be_bytes().to_vec();
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([protocol, hop_limit]);
    packet.extend(source.octets());
    packet.extend(target.octets());
    packet.extend(payload);
    packet
}
