// SPDX-License-Identifier: Apache-2.0
//! GRE (RFC 2784, key and sequence RFC 2890), NVGRE (RFC 7637), and the enhanced GRE of PPTP (RFC 2637).

use crate::bytes::{be16, be32};
use crate::headers::Inner;
use crate::protocols::{erspan, mpls, ppp};
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::GRE,
    found: &[Found::IpProtocol(47)],
    read,
    shown: "GRE",
    info: no_info,
    told: Told::Nothing,
};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// PPTP only.
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const ETHERNET: u16 = 0x6558;
const PPP: u16 = 0x880b;

/// RFC 7637 §3.2 reserves the virtual subnets below. A key with more is NVGRE's, its last byte a hash of the inner
/// flow; one with less was written by a person, who uses all 32 bits.
const FIRST_SUBNET: u32 = 0x1000;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let (Some(flags), Some(kind)) = (be16(data, 0), be16(data, 2)) else {
        headers.truncated(Layer::GRE, 4, data.len());
        return Reading::Mine;
    };
    if flags & VERSION > 1 || flags & ROUTING != 0 {
        headers.malformed(Layer::GRE, "version or source route");
        return Reading::Mine;
    }
    let mut length = 4 + if flags & CHECKSUM != 0 { 4 } else { 0 };
    if flags & KEY != 0 {
        let Some(key) = be32(data, length) else {
            headers.truncated(Layer::GRE, length + 4, data.len());
            return Reading::Mine;
        };
        add_key(headers, flags, kind, key);
        length += 4;
    }
    for optional in [SEQUENCE, ACKNOWLEDGEMENT] {
        length += if flags & optional != 0 { 4 } else { 0 };
    }
    if headers.skip(Layer::GRE, data, length) {
        headers.layers.push(Layer::GRE);
        payload(headers, flags, kind);
    }
    Reading::Mine
}

fn add_key(headers: &mut Headers<'_>, flags: u16, kind: u16, key: u32) {
    let plain = flags & (CHECKSUM | SEQUENCE) == 0;
    if flags & VERSION == 1 {
        // Payload length and call id.
        headers.tunnel.add(key & 0xffff, 16);
    } else if kind == ETHERNET && plain && key >> 8 >= FIRST_SUBNET {
        headers.tunnel.add(key >> 8, 24);
    } else {
        headers.tunnel.add(key, 32);
    }
}

fn payload(headers: &mut Headers<'_>, flags: u16, kind: u16) {
    let data = headers.payload;
    match kind {
        ETHERNET => headers.enter(Layer::GRE, Inner::Ethernet),
        mpls::UNICAST | mpls::MULTICAST => mpls::stack(headers, data),
        erspan::TYPE_2 => erspan::type_2(headers, data, flags & SEQUENCE != 0),
        erspan::TYPE_3 => erspan::type_3(headers, data),
        PPP => ppp::frame(headers, data),
        // Cisco's WCCP 2 puts a redirect header of 4 bytes before the packet; version 1 none.
        0x883e => match data.first().map(|byte| byte >> 4) {
            Some(4) => headers.enter(Layer::GRE, Inner::Ip),
            _ if headers.skip(Layer::GRE, data, 4) => headers.enter(Layer::GRE, Inner::Ip),
            _ => {}
        },
        0 => {} // a keep-alive: its own header, sent back
        other => headers.enter(Layer::GRE, Inner::EtherType(other)),
    }
}
