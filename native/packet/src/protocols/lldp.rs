// SPDX-License-Identifier: Apache-2.0
//! LLDP (IEEE 802.1AB): who is at the other end of the cable.

use crate::bytes::{be16, chunk};
use crate::facts::{line, printable, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{text, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::LinkLayerDiscovery,
    found: &[Found::EtherType(0x88cc)],
    read,
    shown: "LLDP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

/// Of the capabilities, from the lowest bit on (table 8-4).
const CAPABILITIES: [&str; 11] = [
    "other",
    "repeater",
    "bridge",
    "wlan-access-point",
    "router",
    "telephone",
    "docsis-cable-device",
    "station",
    "c-vlan",
    "s-vlan",
    "two-port-mac-relay",
];

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::LinkLayerDiscovery);
    Reading::Mine
}

fn told(mut data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    while let Some(head) = be16(data, 0) {
        let (kind, length) = (head >> 9, usize::from(head & 0x1ff));
        let Some(value) = data.get(2..2 + length) else {
            break;
        };
        if kind == 0 {
            break;
        }
        element(kind, value, &mut facts);
        data = data.get(2 + length..).unwrap_or_default();
    }
    facts
}

fn element(kind: u16, value: &[u8], facts: &mut Facts) {
    match kind {
        1 => facts.text("chassis_id", id(value, 4, 5)),
        2 => facts.text("port_id", id(value, 3, 4)),
        3 => facts.number("ttl_s", be16(value, 0).unwrap_or(0)),
        4 => facts.bytes("port_description", value),
        5 => facts.bytes("system_name", value),
        6 => facts.bytes("system_description", value),
        7 => {
            let enabled = be16(value, 2).unwrap_or(0);
            let named = CAPABILITIES.iter().enumerate();
            let named = named.filter(|(bit, _)| enabled >> bit & 1 == 1);
            facts.list(
                "capabilities",
                named.map(|(_, name)| (*name).to_owned()).collect(),
            );
        }
        8 => facts.text(
            "management_address",
            network(value.get(1..).unwrap_or_default()),
        ),
        // IEEE 802.1: the VLAN of untagged frames.
        127 if value.starts_with(&[0x00, 0x80, 0xc2, 1]) => {
            facts.number("port_vlan", be16(value, 4).unwrap_or(0));
        }
        _ => {}
    }
}

/// A chassis or port id: a MAC or network address by the numbers that its kind has here, else words.
fn id(value: &[u8], mac: u8, address: u8) -> String {
    match value.split_first() {
        Some((&kind, rest)) if kind == mac => {
            chunk(rest, 0).map_or_else(|| printable(rest), text::mac)
        }
        Some((&kind, rest)) if kind == address => network(rest),
        Some((_, rest)) => printable(rest),
        None => String::new(),
    }
}

/// An address behind its family (IANA: 1 = IPv4, 2 = IPv6).
fn network(value: &[u8]) -> String {
    match value.split_first() {
        Some((1, rest)) => chunk(rest, 0).map_or_else(String::new, text::ipv4),
        Some((2, rest)) => chunk(rest, 0).map_or_else(String::new, text::ipv6),
        _ => String::new(),
    }
}
