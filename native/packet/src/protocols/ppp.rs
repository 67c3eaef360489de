// SPDX-License-Identifier: Apache-2.0
//! PPP frames (RFC 1661) in PPPoE, L2TP and PPTP: the network packet inside is a flow of its own.

use crate::bytes::be16;
use crate::headers::Inner;
use crate::registry::{no_info, Protocol, Reading, Told};
use crate::{Headers, Layer};

/// Found by what carries it.
pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::PPP,
    found: &[],
    read: |_, _| Reading::Other,
    shown: "PPP",
    info: no_info,
    told: Told::Nothing,
};

/// Read a frame from the address and control bytes (ff 03, if they are there) on.
pub(crate) fn frame<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let start = if be16(data, 0) == Some(0xff03) { 2 } else { 0 };
    let Some(&first) = data.get(start) else {
        headers.truncated(Layer::PPP, start + 1, data.len());
        return;
    };
    // RFC 1661 §6.5: an odd first byte is a protocol number cut to one byte.
    let (number, length) = if first & 1 != 0 {
        (u16::from(first), start + 1)
    } else {
        let Some(number) = be16(data, start) else {
            headers.truncated(Layer::PPP, start + 2, data.len());
            return;
        };
        (number, start + 2)
    };
    if headers.skip(Layer::PPP, data, length) {
        headers.layers.push(Layer::PPP);
        headers.enter(
            Layer::PPP,
            match number {
                0x0021 | 0x0057 => Inner::Ip,
                0x0281 => Inner::EtherType(super::mpls::UNICAST),
                // Negotiation, authentication, keep-alive; bridged frames (RFC 3518) have a header of their own.
                _ => Inner::None,
            },
        );
    }
}
