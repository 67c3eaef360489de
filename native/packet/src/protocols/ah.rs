// SPDX-License-Identifier: Apache-2.0
//! Authenticated IPv4 (RFC 4302): what follows can be read. In IPv6 it is one of the extension headers.

use crate::ip;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::IPSecAH,
    found: &[Found::IpProtocol(51)],
    read,
    shown: "AH",
    info: no_info,
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&[next, words]) = data.first_chunk::<2>() else {
        headers.truncated(Layer::IPSecAH, 12, data.len());
        return Reading::Mine;
    };
    // One in another would make us call ourselves for each.
    if headers.layers.contains(Layer::IPSecAH) {
        headers.malformed(Layer::IPSecAH, "header in header");
        return Reading::Mine;
    }
    if headers.skip(Layer::IPSecAH, data, (usize::from(words) + 2) * 4) {
        headers.layers.push(Layer::IPSecAH);
        headers.ip_protocol = next;
        ip::next(headers, next, headers.payload);
    }
    Reading::Mine
}
