// SPDX-License-Identifier: Apache-2.0
//! MPLS label stacks (RFC 3032) over Ethernet, GRE (RFC 4023) and UDP (RFC 7510).

use crate::bytes::{be16, be32};
use crate::headers::{Inner, Transport};
use crate::registry::{knows_ether_type, no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const UNICAST: u16 = 0x8847;
pub(crate) const MULTICAST: u16 = 0x8848;

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::MPLS,
    found: &[
        Found::EtherType(UNICAST),
        Found::EtherType(MULTICAST),
        Found::UdpTo(6635),
    ],
    read,
    shown: "MPLS",
    info: no_info,
    told: Told::Nothing,
};

/// More labels than any network pushes.
const MAX_LABELS: usize = 10;
/// RFC 6790: the label behind this one is a hash of the inner flow.
const ENTROPY_INDICATOR: u32 = 7;
const BOTTOM: u32 = 0x100;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    headers.tunnel.any_source_port = matches!(headers.transport, Transport::Udp { .. });
    stack(headers, data);
    Reading::Mine
}

pub(crate) fn stack<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let mut entropy = false;
    for index in 0..MAX_LABELS {
        let Some(entry) = be32(data, index * 4) else {
            headers.truncated(Layer::MPLS, index * 4 + 4, data.len());
            return;
        };
        headers.layers.push(Layer::MPLS);
        let label = entry >> 12;
        if !entropy {
            headers.tunnel.add(label, 20);
        }
        entropy = label == ENTROPY_INDICATOR && !entropy;
        if entry & BOTTOM != 0 {
            if headers.skip(Layer::MPLS, data, index * 4 + 4) {
                payload(headers);
            }
            return;
        }
    }
    headers.malformed(Layer::MPLS, "stack without a bottom");
}

/// Nothing says what follows. IP shows by its version and a length that fits; a pseudowire's control word (RFC 4385)
/// begins with a zero nibble, as do many MAC addresses; the rest is Ethernet.
fn payload(headers: &mut Headers<'_>) {
    let data = headers.payload;
    if data.len() < 18 {
        headers.truncated(Layer::MPLS, 18, data.len());
        return;
    }
    let ether_type_at = |at| be16(data, at).is_some_and(knows_ether_type);
    let control_word = !ether_type_at(12) && ether_type_at(16);
    match data.first().map_or(0, |byte| byte >> 4) {
        4 | 6 if is_ip(data, headers.payload_len) => headers.enter(Layer::MPLS, Inner::Ip),
        0 if control_word => {
            if headers.skip(Layer::MPLS, data, 4) {
                headers.enter(Layer::MPLS, Inner::Ethernet);
            }
        }
        // RFC 4385 §5: an associated channel, no data.
        1 if !ether_type_at(12) => {}
        _ => headers.enter(Layer::MPLS, Inner::Ethernet),
    }
}

/// A MAC address may begin with 4 or 6, too.
fn is_ip(data: &[u8], wire_len: u32) -> bool {
    let length = match data.first() {
        Some(0x45..=0x4f) => be16(data, 2).map(u32::from),
        Some(0x60..=0x6f) => be16(data, 4).map(|length| u32::from(length) + 40),
        _ => None,
    };
    length.is_some_and(|length| length <= wire_len)
}
