// SPDX-License-Identifier: Apache-2.0
//! L2TP: version 2 (RFC 2661) over UDP with PPP inside, version 3 (RFC 3931) over UDP and IP, mostly with Ethernet inside.

use crate::bytes::{be16, be32};
use crate::headers::{Inner, Transport};
use crate::protocols::ppp;
use crate::registry::{knows_ether_type, no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::L2TP,
    found: &[Found::Udp(1701), Found::IpProtocol(115)],
    read,
    shown: "L2TP",
    info: no_info,
    told: Told::Nothing,
};

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let over_udp = matches!(headers.transport, Transport::Udp { .. });
    let Some(flags) = be16(data, 0).filter(|_| over_udp) else {
        if over_udp {
            return Reading::TooShort;
        }
        version_3(headers, data, 0);
        return Reading::Mine;
    };
    match flags & 0x000f {
        // RFC 2661 §3.1: version 1 is L2F; a control message has length and sequence.
        2 => version_2(headers, data, flags),
        3 if flags & CONTROL == 0 => version_3(headers, data, 4),
        3 => headers.layers.push(Layer::L2TP),
        _ => return Reading::Other,
    }
    Reading::Mine
}

fn version_2<'a>(headers: &mut Headers<'a>, data: &'a [u8], flags: u16) {
    let ids_at = if flags & LENGTH != 0 { 4 } else { 2 };
    let Some(ids) = be32(data, ids_at) else {
        headers.truncated(Layer::L2TP, ids_at + 4, data.len());
        return;
    };
    let mut length = ids_at + 4 + if flags & SEQUENCE != 0 { 4 } else { 0 };
    if flags & OFFSET != 0 {
        let Some(padding) = be16(data, length) else {
            headers.truncated(Layer::L2TP, length + 2, data.len());
            return;
        };
        length += 2 + usize::from(padding);
    }
    if !headers.skip(Layer::L2TP, data, length) {
        return;
    }
    headers.layers.push(Layer::L2TP);
    if flags & CONTROL == 0 {
        // Tunnel and session.
        headers.tunnel.add(ids, 32);
        ppp::frame(headers, headers.payload);
    }
}

/// Cookie and sublayer were agreed on elsewhere: the length at which something known follows is theirs.
fn version_3<'a>(headers: &mut Headers<'a>, data: &'a [u8], session_at: usize) {
    let Some(session) = be32(data, session_at) else {
        headers.truncated(Layer::L2TP, session_at + 4, data.len());
        return;
    };
    if !headers.skip(Layer::L2TP, data, session_at + 4) {
        return;
    }
    headers.layers.push(Layer::L2TP);
    if session == 0 {
        return; // RFC 3931 §4.1.1.2: a control message
    }
    headers.tunnel.add(session, 32);
    let data = headers.payload;
    // Cookie of 0, 4 or 8 bytes, sublayer of 0 or 4, and 14 of Ethernet.
    if data.len() < 26 {
        headers.truncated(Layer::L2TP, 26, data.len());
        return;
    }
    let ethernet_at = [4, 0, 8, 12]
        .into_iter()
        .find(|length| be16(data, length + 12).is_some_and(knows_ether_type));
    if let Some(length) = ethernet_at {
        if headers.skip(Layer::L2TP, data, length) {
            headers.enter(Layer::L2TP, Inner::Ethernet);
        }
    }
}
