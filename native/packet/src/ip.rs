// SPDX-License-Identifier: Apache-2.0
//! IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.

use crate::headers::{Fragment, Network};
use crate::{icmp, registry, transport, Headers, Layer};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// More extension headers than any sane packet has; a chain of 40-byte headers cannot hold us up.
const MAX_EXTENSIONS: usize = 8;

/// Tell IPv4 from IPv6 by the first nibble.
pub(crate) fn by_version<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(headers, data),
        Some(6) => ipv6(headers, data),
        Some(_) => headers.malformed(Layer::Payload, "IP version"),
        None => headers.truncated(Layer::IPv4, 20, 0),
    }
}

#[inline]
pub(crate) fn ipv4<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some(h) = data.first_chunk::<20>() else {
        headers.truncated(Layer::IPv4, 20, data.len());
        return;
    };
    let header_len = usize::from(h[0] & 0x0f) * 4;
    if h[0] >> 4 != 4 || header_len < 20 {
        headers.malformed(Layer::IPv4, "version or header length");
        return;
    }
    let total = total_length(
        headers,
        u16::from_be_bytes([h[2], h[3]]),
        headers.payload_len,
    );
    if total < header_len {
        headers.malformed(Layer::IPv4, "total length");
        return;
    }
    headers.layers.push(Layer::IPv4);
    headers.network = Network::V4 {
        source: [h[12], h[13], h[14], h[15]],
        destination: [h[16], h[17], h[18], h[19]],
    };
    headers.ttl = h[8];
    headers.ip_protocol = h[9];
    headers.ip_len = saturating(total);
    headers.payload_len = saturating(total - header_len);
    let Some(payload) = data.get(header_len..total.min(data.len())) else {
        headers.payload = &[];
        headers.truncated(Layer::IPv4, header_len, data.len());
        return;
    };
    headers.payload = payload;
    let place = u16::from_be_bytes([h[6], h[7]]);
    if place & 0x3fff != 0 {
        headers.layers.push(Layer::Fragment);
        headers.fragment = Some(Fragment {
            id: u16::from_be_bytes([h[4], h[5]]).into(),
            offset: (place & 0x1fff) << 3,
            more: place & 0x2000 != 0,
        });
    } else {
        next(headers, h[9], payload);
    }
}

/// Return the length of a packet of which `have` bytes were on the wire, padding included. Segmentation offload hands
/// frames over 64 KiB with a length of 0; a length beyond the frame is a lie. Without a frame around it the packet knows
/// better than the file: some writers note what they kept as what was there.
#[inline]
fn total_length(headers: &Headers<'_>, field: u16, have: u32) -> usize {
    let framed = headers.link.is_some() || headers.depth > 0;
    let length = match u32::from(field) {
        0 => have,
        said if framed => said.min(have),
        said => said,
    };
    length as usize
}

#[inline]
pub(crate) fn ipv6<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some((h, rest)) = data.split_first_chunk::<40>() else {
        headers.truncated(Layer::IPv6, 40, data.len());
        return;
    };
    if h[0] >> 4 != 6 {
        headers.malformed(Layer::IPv6, "version");
        return;
    }
    let (Some(source), Some(destination)) = (h[8..24].first_chunk(), h[24..40].first_chunk())
    else {
        return;
    };
    // 0 stands for a jumbogram (RFC 2675) or for offloaded segmentation: what is there is the packet.
    let behind = headers.payload_len.saturating_sub(40);
    let length = total_length(headers, u16::from_be_bytes([h[4], h[5]]), behind);
    headers.layers.push(Layer::IPv6);
    headers.network = Network::V6 {
        source: *source,
        destination: *destination,
    };
    headers.ttl = h[7];
    headers.ip_protocol = h[6];
    headers.ip_len = saturating(length + 40);
    headers.payload_len = saturating(length);
    headers.payload = rest.get(..length).unwrap_or(rest);
    match h[6] {
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION => extensions(headers, h[6]),
        protocol => next(headers, protocol, headers.payload),
    }
}

fn extensions(headers: &mut Headers<'_>, first: u8) {
    let mut kind = first;
    for _ in 0..MAX_EXTENSIONS {
        let layer = match kind {
            HOP_BY_HOP => Layer::IPv6HopByHop,
            ROUTING => Layer::IPv6Routing,
            FRAGMENT => Layer::IPv6Fragment,
            AUTHENTICATION => Layer::IPSecAH,
            DESTINATION => Layer::IPv6Destination,
            protocol => {
                headers.ip_protocol = protocol;
                next(headers, protocol, headers.payload);
                return;
            }
        };
        let data = headers.payload;
        let Some(h) = data.first_chunk::<8>() else {
            headers.truncated(layer, 8, data.len());
            return;
        };
        let length = match kind {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(h[1]) + 2) * 4,
            _ => (usize::from(h[1]) + 1) * 8,
        };
        let Some(rest) = data.get(length..) else {
            headers.truncated(layer, length, data.len());
            return;
        };
        headers.layers.push(layer);
        headers.payload = rest;
        headers.payload_len = headers.payload_len.saturating_sub(saturating(length));
        headers.ip_protocol = h[0];
        // Offset or "more" set: ports, if any, are in another packet or incomplete (RFC 8200 §4.5).
        let place = u16::from_be_bytes([h[2], h[3]]);
        if kind == FRAGMENT && place & 0xfff9 != 0 {
            headers.layers.push(Layer::Fragment);
            headers.fragment = Some(Fragment {
                id: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                offset: place & 0xfff8,
                more: place & 1 != 0,
            });
            return;
        }
        kind = h[0];
    }
    headers.malformed(Layer::IPv6, "chain of extension headers");
}

/// Read what a packet that was put together holds behind the headers of each fragment.
pub(crate) fn behind_fragment(headers: &mut Headers<'_>) {
    match headers.network {
        // RFC 8200 §4.5: extension headers behind the fragment header are part of what was cut.
        Network::V6 { .. } => extensions(headers, headers.ip_protocol),
        _ => next(headers, headers.ip_protocol, headers.payload),
    }
}

#[inline]
pub(crate) fn next<'a>(headers: &mut Headers<'a>, protocol: u8, data: &'a [u8]) {
    match protocol {
        6 => transport::tcp(headers, data),
        17 => transport::udp(headers, data),
        1 => icmp::icmpv4(headers, data),
        58 => icmp::icmpv6(headers, data),
        other => registry::by_ip_protocol(headers, other, data),
    }
}

fn saturating(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
