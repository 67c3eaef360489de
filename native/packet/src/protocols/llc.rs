// SPDX-License-Identifier: Apache-2.0
//! LLC (IEEE 802.2) in frames that tell a length instead of a type, and SNAP (RFC 1042).

use super::stp;
use crate::registry::{no_info, Protocol, Reading, Told};
use crate::{ethernet, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::LLC,
    found: &[],
    read,
    shown: "LLC",
    info: no_info,
    told: Told::Nothing,
};

const SNAP: [u8; 3] = [0xaa, 0xaa, 3];
const SPANNING_TREE: [u8; 3] = [0x42, 0x42, 3];
/// Cisco's, whose spanning tree for each VLAN (PVST+) goes under 0x010b.
const PER_VLAN_SPANNING_TREE: [u8; 5] = [0, 0, 0x0c, 0x01, 0x0b];

pub(crate) fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some((service, rest)) = data.split_first_chunk::<3>() else {
        headers.truncated(Layer::LLC, 3, data.len());
        return Reading::Mine;
    };
    headers.skip(Layer::LLC, data, 3);
    headers.layers.push(Layer::LLC);
    match *service {
        SPANNING_TREE => stp::read(headers, rest),
        SNAP => snap(headers, rest),
        _ => Reading::Mine,
    }
}

fn snap<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some((&kind, rest)) = data.split_first_chunk::<5>() else {
        headers.truncated(Layer::SNAP, 5, data.len());
        return Reading::Mine;
    };
    headers.skip(Layer::SNAP, data, 5);
    headers.layers.push(Layer::SNAP);
    match kind {
        PER_VLAN_SPANNING_TREE => stp::read(headers, rest),
        [0, 0, 0, high, low] if high >= 6 => {
            ethernet::ether_type(headers, u16::from_be_bytes([high, low]), rest);
            Reading::Mine
        }
        _ => Reading::Mine,
    }
}
