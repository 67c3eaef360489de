// SPDX-License-Identifier: Apache-2.0
//! Mirrored Ethernet in GRE (draft-foschiano-erspan): types I and II, type III with its platform header.

use crate::bytes::{be16, be32};
use crate::headers::Inner;
use crate::registry::{knows_ether_type, no_info, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const TYPE_2: u16 = 0x88be;
pub(crate) const TYPE_3: u16 = 0x22eb;

/// Found by GRE only: these EtherTypes mean something else, or nothing, elsewhere.
pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::ERSPAN,
    found: &[],
    read: |_, _| Reading::Other,
    shown: "ERSPAN",
    info: no_info,
    told: Told::Nothing,
};

const SESSION: u32 = 0x03ff;

/// The reference gives type II no name in `LayersPath`, and counts its header as part of the mirrored frame: so do we,
/// since its figures are compared.
pub(crate) fn type_2<'a>(headers: &mut Headers<'a>, data: &'a [u8], has_sequence: bool) {
    // Type I has neither sequence numbers nor a header; some senders of type II leave the numbers out, too.
    let ether_type_at = |at| be16(data, at).is_some_and(knows_ether_type);
    let has_header = has_sequence || (!ether_type_at(12) && ether_type_at(20));
    if !has_header {
        headers.enter(Layer::ERSPAN, Inner::Ethernet);
        return;
    }
    let Some(first) = be32(data, 0) else {
        headers.truncated(Layer::ERSPAN, 8, data.len());
        return;
    };
    let wire_len = headers.payload_len;
    headers.tunnel.add(first & SESSION, 10);
    if headers.skip(Layer::ERSPAN, data, 8) {
        headers.payload_len = wire_len;
        headers.enter(Layer::ERSPAN, Inner::Ethernet);
    }
}

pub(crate) fn type_3<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let (Some(first), Some(last)) = (be32(data, 0), be32(data, 8)) else {
        headers.truncated(Layer::ERSPAN, 12, data.len());
        return;
    };
    headers.tunnel.add(first & SESSION, 10);
    // The O bit announces a platform header; bits 10 to 14 (FT) say what the frame is: 0 Ethernet, 2 IP.
    let length = if last & 1 != 0 { 20 } else { 12 };
    let frame_type = last >> 10 & 0x1f;
    if headers.skip(Layer::ERSPAN, data, length) {
        headers.layers.push(Layer::ERSPAN);
        match frame_type {
            0 => headers.enter(Layer::ERSPAN, Inner::Ethernet),
            2 => headers.enter(Layer::ERSPAN, Inner::Ip),
            _ => {}
        }
    }
}
