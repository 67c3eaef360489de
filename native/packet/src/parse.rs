// SPDX-License-Identifier: Apache-2.0
//! The entry: one frame of a given link type, segment by segment.

use crate::bytes::be16;
use crate::headers::{Inner, Transport};
use crate::registry::{Ports, Reading};
use crate::{ethernet, ip, Headers, Layer, LinkType};

/// Read the headers of a frame up to its first tunnel; never fails, see `Headers::error`.
///
/// `wire_len` is the length on the wire, of which `data` may be the beginning only.
pub fn parse<'a>(link_type: LinkType, data: &'a [u8], wire_len: u32, ports: &Ports) -> Headers<'a> {
    parse_here(link_type, data, wire_len, ports)
}

/// The same for the path of each packet: made a part of the caller, which saves copying what it returns.
#[inline(always)]
pub fn parse_here<'a>(
    link_type: LinkType,
    data: &'a [u8],
    wire_len: u32,
    ports: &Ports,
) -> Headers<'a> {
    let mut headers = Headers::new(data, wire_len, 0);
    match link_type {
        LinkType::Ethernet => ethernet::ethernet(&mut headers, data),
        LinkType::Raw => ip::by_version(&mut headers, data),
        LinkType::Ipv4 => ip::ipv4(&mut headers, data),
        LinkType::Ipv6 => ip::ipv6(&mut headers, data),
        // The family (AF_INET6 has many numbers) says no more than the packet's first nibble.
        LinkType::Null | LinkType::Loop => {
            if headers.skip(Layer::Loopback, data, 4) {
                let packet = headers.payload;
                ip::by_version(&mut headers, packet);
            }
        }
        // RFC-less formats; the protocol field stands at 14 (SLL) and at 0 (SLL2).
        LinkType::LinuxSll => cooked(&mut headers, Layer::LinuxSLL, data, 14, 16),
        LinkType::LinuxSll2 => cooked(&mut headers, Layer::LinuxSLL2, data, 0, 20),
        LinkType::Other(_) => {}
    }
    by_port(&mut headers, ports);
    headers
}

impl<'a> Headers<'a> {
    /// Read what is inside the tunnel whose header ends this segment.
    pub fn inner(&self, ports: &Ports) -> Option<Headers<'a>> {
        let data = self.payload;
        let mut headers = Headers::new(data, self.payload_len, self.depth + 1);
        match self.next {
            Inner::None => return None,
            Inner::Ethernet => ethernet::ethernet(&mut headers, data),
            Inner::Ip => ip::by_version(&mut headers, data),
            Inner::EtherType(kind) => ethernet::ether_type(&mut headers, kind, data),
        }
        by_port(&mut headers, ports);
        Some(headers)
    }

    /// Read on in the payload of a packet that was put together, of which this is a fragment. `payload` may be the
    /// beginning of `wire_len` bytes.
    pub fn reassembled<'b>(&self, payload: &'b [u8], wire_len: u32, ports: &Ports) -> Headers<'b> {
        let above = self.ip_len.saturating_sub(self.payload_len);
        let mut headers = Headers {
            payload,
            payload_len: wire_len,
            fragment: None,
            ip_len: above.saturating_add(wire_len),
            error: None,
            ..*self
        };
        ip::behind_fragment(&mut headers);
        by_port(&mut headers, ports);
        headers
    }
}

impl Headers<'_> {
    /// The same without a payload, for keeping.
    #[inline]
    pub fn without_payload(&self) -> Headers<'static> {
        self.with_payload(&[])
    }

    /// The same with another place for the payload.
    #[inline]
    pub fn with_payload<'a>(&self, payload: &'a [u8]) -> Headers<'a> {
        Headers { payload, ..*self }
    }
}

fn cooked<'a>(
    headers: &mut Headers<'a>,
    layer: Layer,
    data: &'a [u8],
    protocol_at: usize,
    header_len: usize,
) {
    let protocol = be16(data, protocol_at);
    if let (true, Some(protocol)) = (headers.skip(layer, data, header_len), protocol) {
        let packet = headers.payload;
        ethernet::ether_type(headers, protocol, packet);
    }
}

/// Read what the ports of a UDP datagram promise, if its first bytes do not contradict.
#[inline]
fn by_port(headers: &mut Headers<'_>, ports: &Ports) {
    let Transport::Udp {
        source,
        destination,
    } = headers.transport
    else {
        return;
    };
    for protocol in ports.protocols(source, destination).into_iter().flatten() {
        if (protocol.read)(headers, headers.payload) != Reading::Other {
            return;
        }
    }
}
