// SPDX-License-Identifier: Apache-2.0
//! The entry: one frame of a given link type.

use crate::bytes::be16;
use crate::{ethernet, ip, Headers, Layer, LinkType};

/// Read the headers of one frame; never fails, see `Headers::error`.
#[inline]
pub fn parse(link_type: LinkType, data: &[u8]) -> Headers<'_> {
    let mut headers = Headers::new(data);
    match link_type {
        LinkType::Ethernet => ethernet::ethernet(&mut headers, data),
        LinkType::Raw => ip::by_version(&mut headers, data),
        LinkType::Ipv4 => ip::ipv4(&mut headers, data),
        LinkType::Ipv6 => ip::ipv6(&mut headers, data),
        LinkType::Null | LinkType::Loop => behind(&mut headers, Layer::Loopback, data, 4),
        // RFC-less formats; the protocol field stands at 14 (SLL) and at 0 (SLL2).
        LinkType::LinuxSll => cooked(&mut headers, Layer::LinuxSLL, data, 14, 16),
        LinkType::LinuxSll2 => cooked(&mut headers, Layer::LinuxSLL2, data, 0, 20),
        LinkType::Other(_) => {}
    }
    headers
}

fn behind<'a>(headers: &mut Headers<'a>, layer: Layer, data: &'a [u8], skip: usize) {
    match data.get(skip..) {
        Some(rest) => ip::by_version(headers, rest),
        None => headers.truncated(layer, skip, data.len()),
    }
}

fn cooked<'a>(
    headers: &mut Headers<'a>,
    layer: Layer,
    data: &'a [u8],
    protocol_at: usize,
    header_len: usize,
) {
    match (be16(data, protocol_at), data.get(header_len..)) {
        (Some(protocol), Some(rest)) => ethernet::ether_type(headers, protocol, rest),
        _ => headers.truncated(layer, header_len, data.len()),
    }
}
