// SPDX-License-Identifier: Apache-2.0
//! The MAC address of the next hop, asked for on the interface itself by ARP (RFC 826) or ND (RFC 4861).

use std::io;
use std::net::IpAddr;

use netsonde_packet::{parse, LinkType, Ports, Transport};

use crate::frame::{arp_request, solicitation};
use crate::probe::Probe;
use crate::reply::arp_reply;

pub const TRIES: u32 = 3;
pub const WAIT_NS: i64 = 400_000_000;

/// The question for an address.
pub fn question(probe: &Probe, hop: IpAddr) -> io::Result<Vec<u8>> {
    let (mac, tci) = (probe.source_mac, probe.vlan_tci);
    match (probe.source, hop) {
        (IpAddr::V4(source), IpAddr::V4(hop)) => {
            Ok(arp_request(mac, source.octets(), hop.octets(), tci))
        }
        (IpAddr::V6(source), IpAddr::V6(hop)) => Ok(solicitation(mac, source, hop, tci)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "source and next hop are of different families",
        )),
    }
}

/// Return the MAC address that a frame gives for `hop`.
pub fn answer(hop: IpAddr, ports: &Ports, data: &[u8]) -> Option<[u8; 6]> {
    const ADVERTISEMENT: u8 = 136;
    let IpAddr::V6(hop) = hop else {
        let (sender, mac) = arp_reply(data)?;
        return (IpAddr::V4(sender) == hop).then_some(mac);
    };
    let headers = parse(LinkType::Ethernet, data, data.len() as u32, ports);
    let Transport::Icmp6(icmp) = headers.transport else {
        return None;
    };
    let (target, options) = headers.payload.split_first_chunk::<16>()?;
    if icmp.message_type != ADVERTISEMENT || *target != hop.octets() {
        return None;
    }
    match options {
        [2, 1, a, b, c, d, e, f, ..] => Some([*a, *b, *c, *d, *e, *f]),
        // RFC 4861 §4.4: the option may be left out when the asker must know the address already.
        _ => headers.link.map(|link| link.source()),
    }
}
