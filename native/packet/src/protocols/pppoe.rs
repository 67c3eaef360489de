// SPDX-License-Identifier: Apache-2.0
//! PPP over Ethernet (RFC 2516).

use crate::protocols::ppp;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

const SESSION: u16 = 0x8864;
const DISCOVERY: u16 = 0x8863;

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::PPPoE,
    found: &[Found::EtherType(DISCOVERY), Found::EtherType(SESSION)],
    read,
    shown: "PPPoE",
    info: no_info,
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&[version_and_type, code, s0, s1, l0, l1]) = data.first_chunk::<6>() else {
        headers.truncated(Layer::PPPoE, 6, data.len());
        return Reading::Mine;
    };
    if version_and_type != 0x11 {
        headers.malformed(Layer::PPPoE, "version or type");
        return Reading::Mine;
    }
    headers.layers.push(Layer::PPPoE);
    headers.tunnel.add(u16::from_be_bytes([s0, s1]).into(), 16);
    // The length sorts out Ethernet's padding.
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if headers.skip(Layer::PPPoE, data, 6) {
        headers.payload = headers.payload.get(..length).unwrap_or(headers.payload);
        headers.payload_len = headers.payload_len.min(length as u32);
        if headers.ether_type == SESSION && code == 0 {
            ppp::frame(headers, headers.payload);
        }
    }
    Reading::Mine
}
