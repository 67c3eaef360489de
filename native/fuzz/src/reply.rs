// SPDX-License-Identifier: Apache-2.0
//! A frame that may answer a probe: `[kind of probe][frame ...]`.

use std::net::IpAddr;

use netsonde_inject::probe::{Kind, Probe};
use netsonde_inject::reply;
use netsonde_packet::{LinkType, Ports};

const KINDS: [Kind; 7] = [
    Kind::Icmp,
    Kind::Tcp,
    Kind::Udp,
    Kind::Arp,
    Kind::Nd,
    Kind::Dns,
    Kind::Dhcp4,
];

pub fn run(data: &[u8]) {
    let [kind, frame @ ..] = data else {
        return;
    };
    let ports = Ports::default();
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let probe = probe(kind, kind == Kind::Nd || data[0] & 0x80 != 0);
    let _ = reply::read(
        &probe,
        &ports,
        LinkType::Ethernet,
        frame,
        frame.len() as u32,
    );
    let _ = reply::arp_reply(frame);
}

/// What the samples' client would send to their server.
fn probe(kind: Kind, six: bool) -> Probe {
    let address = |last: u8| -> IpAddr {
        if six && !matches!(kind, Kind::Arp | Kind::Dhcp4) {
            [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last].into()
        } else {
            [10, 0, 0, last].into()
        }
    };
    Probe {
        kind,
        source: address(1),
        target: address(2),
        source_mac: [0x52, 0x54, 0, 0, 0, 1],
        target_mac: [0x52, 0x54, 0, 0, 0, 2],
        source_port: 40000,
        target_port: 80,
        icmp_id: 7,
        ttl: 64,
        dscp: 0,
        dont_fragment: false,
        vlan_tci: None,
        payload: None,
        size: 0,
        increment: 0,
        run_id: "fuzz".to_owned(),
        random: false,
        seed: 1,
        name: "www.example.org".to_owned(),
        record_type: 1,
    }
}
