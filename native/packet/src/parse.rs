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
    let mut headers = Headers::new(data, wire_len, 0);
    headers.read(link_type, ports);
    headers
}

impl<'a> Headers<'a> {
    /// The headers of a frame of which nothing was read yet: all of it is payload.
    #[inline(always)]
    pub fn unread(data: &'a [u8], wire_len: u32) -> Self {
        Self::new(data, wire_len, 0)
    }

    /// Do what `parse` does, in place: on the path of each packet, copying what is returned, so soon after it was
    /// written, costs as much as reading it.
    #[inline(always)]
    pub fn read(&mut self, link_type: LinkType, ports: &Ports) {
        let data = self.payload;
        match link_type {
            LinkType::Ethernet => ethernet::ethernet(self, data),
            LinkType::Raw => ip::by_version(self, data),
            LinkType::Ipv4 => ip::ipv4(self, data),
            LinkType::Ipv6 => ip::ipv6(self, data),
            // The family (AF_INET6 has many numbers) says no more than the packet's first nibble.
            LinkType::Null | LinkType::Loop => {
                if self.skip(Layer::Loopback, data, 4) {
                    ip::by_version(self, self.payload);
                }
            }
            // RFC-less formats; the protocol field stands at 14 (SLL) and at 0 (SLL2).
            LinkType::LinuxSll => cooked(self, Layer::LinuxSLL, data, 14, 16),
            LinkType::LinuxSll2 => cooked(self, Layer::LinuxSLL2, data, 0, 20),
            LinkType::Other(_) => {}
        }
        by_port(self, ports);
    }

    /// Read what is inside the tunnel whose header ends this segment, in its place; false = there is nothing, and all
    /// is as it was.
    pub fn enter_tunnel(&mut self, ports: &Ports) -> bool {
        let (data, next) = (self.payload, self.next);
        if next == Inner::None {
            return false;
        }
        *self = Headers::new(data, self.payload_len, self.depth + 1);
        match next {
            Inner::None => {}
            Inner::Ethernet => ethernet::ethernet(self, data),
            Inner::Ip => ip::by_version(self, data),
            Inner::EtherType(kind) => ethernet::ether_type(self, kind, data),
        }
        by_port(self, ports);
        true
    }

    /// Read what is inside the tunnel whose header ends this segment.
    pub fn inner(&self, ports: &Ports) -> Option<Headers<'a>> {
        let mut headers = *self;
        headers.enter_tunnel(ports).then_some(headers)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_tunnel_to_enter_all_stays_as_it_was() {
        let ports = Ports::default();
        let mut headers = Headers::unread(&[2; 60], 60);
        headers.read(LinkType::Ethernet, &ports);
        let before = format!("{headers:?}");

        assert!(!headers.enter_tunnel(&ports) && headers.inner(&ports).is_none());
        assert_eq!(format!("{headers:?}"), before);
    }
}
