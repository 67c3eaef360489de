// SPDX-License-Identifier: Apache-2.0
//! Geneve (RFC 8926).

use crate::headers::Inner;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::Geneve,
    found: &[Found::UdpTo(6081)],
    read,
    shown: "Geneve",
    info: no_info,
    told: Told::Nothing,
};

const ETHERNET: u16 = 0x6558;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&[first, _, t0, t1, v0, v1, v2, _]) = data.first_chunk::<8>() else {
        headers.truncated(Layer::Geneve, 8, data.len());
        return Reading::TooShort;
    };
    if first >> 6 != 0 {
        return Reading::Other; // a version that is not yet defined
    }
    let length = 8 + usize::from(first & 0x3f) * 4;
    if headers.skip(Layer::Geneve, data, length) {
        headers.layers.push(Layer::Geneve);
        headers.tunnel.add(u32::from_be_bytes([0, v0, v1, v2]), 24);
        headers.tunnel.any_source_port = true;
        headers.enter(
            Layer::Geneve,
            match u16::from_be_bytes([t0, t1]) {
                ETHERNET => Inner::Ethernet,
                kind => Inner::EtherType(kind),
            },
        );
    }
    Reading::Mine
}
