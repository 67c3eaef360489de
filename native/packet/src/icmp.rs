// SPDX-License-Identifier: Apache-2.0
//! ICMP (RFC 792) and ICMPv6 (RFC 4443) with neighbour discovery (RFC 4861) and MLD.

use crate::bytes::{be16, be32};
use crate::headers::{Icmp, IcmpKind, PortPair, Tcp, Transport};
use crate::{parse, Headers, Layer, LinkType, Ports};

pub(crate) fn icmpv4<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some((h, payload)) = data.split_first_chunk::<8>() else {
        headers.truncated(Layer::ICMPv4, 8, data.len());
        return;
    };
    let kind = kind_v4(h[0]);
    let paired = matches!(
        kind,
        IcmpKind::Echo | IcmpKind::Timestamp | IcmpKind::Info | IcmpKind::AddressMask
    );
    headers.layers.push(Layer::ICMPv4);
    headers.transport =
        Transport::Icmp4(message(h, kind, paired, matches!(h[0], 8 | 13 | 15 | 17)));
    headers.payload = payload;
    headers.payload_len = headers.payload_len.saturating_sub(8);
}

fn kind_v4(message_type: u8) -> IcmpKind {
    match message_type {
        0 | 8 => IcmpKind::Echo,
        3 => IcmpKind::DestinationUnreachable,
        4 => IcmpKind::SourceQuench,
        5 => IcmpKind::Redirect,
        9 | 10 => IcmpKind::Router,
        11 => IcmpKind::TimeExceeded,
        12 => IcmpKind::ParameterProblem,
        13 | 14 => IcmpKind::Timestamp,
        15 | 16 => IcmpKind::Info,
        17 | 18 => IcmpKind::AddressMask,
        _ => IcmpKind::Unknown,
    }
}

pub(crate) fn icmpv6<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some((h, payload)) = data.split_first_chunk::<8>() else {
        headers.truncated(Layer::ICMPv6, 8, data.len());
        return;
    };
    let (kind, detail) = kind_v6(h[0], payload.len());
    headers.layers.push(Layer::ICMPv6);
    if let Some(layer) = detail {
        headers.layers.push(layer);
    }
    headers.transport = Transport::Icmp6(message(
        h,
        kind,
        kind == IcmpKind::Echo,
        matches!(h[0], 128 | 133 | 135),
    ));
    headers.payload = payload;
    headers.payload_len = headers.payload_len.saturating_sub(8);
}

/// Return the kind, and the name of the layer that the message's body makes.
fn kind_v6(message_type: u8, body_len: usize) -> (IcmpKind, Option<Layer>) {
    match message_type {
        1 => (IcmpKind::DestinationUnreachable, None),
        2 => (IcmpKind::PacketTooBig, None),
        3 => (IcmpKind::TimeExceeded, None),
        4 => (IcmpKind::ParameterProblem, None),
        128 | 129 => (IcmpKind::Echo, Some(Layer::ICMPv6Echo)),
        130 => (IcmpKind::Unknown, Some(Layer::MLDv1MulticastListenerQuery)),
        131 => (IcmpKind::Unknown, Some(Layer::MLDv1MulticastListenerReport)),
        132 => (IcmpKind::Unknown, Some(Layer::MLDv1MulticastListenerDone)),
        133 => (IcmpKind::Router, Some(Layer::ICMPv6RouterSolicitation)),
        134 if body_len >= 8 => (IcmpKind::Router, Some(Layer::ICMPv6RouterAdvertisement)),
        134 => (IcmpKind::Router, None),
        135 if body_len >= 16 => (IcmpKind::Neighbor, Some(Layer::ICMPv6NeighborSolicitation)),
        136 if body_len >= 16 => (IcmpKind::Neighbor, Some(Layer::ICMPv6NeighborAdvertisement)),
        135 | 136 => (IcmpKind::Neighbor, None),
        137 => (IcmpKind::Redirect, Some(Layer::ICMPv6Redirect)),
        143 => (IcmpKind::Unknown, Some(Layer::MLDv2MulticastListenerReport)),
        _ => (IcmpKind::Unknown, None),
    }
}

/// Read the packet that an ICMP error quotes: the beginning of it, of TCP perhaps no more than the ports.
pub fn quoted<'a>(headers: &Headers<'a>, ports: &Ports) -> Option<Headers<'a>> {
    let quotes = match headers.transport {
        Transport::Icmp4(icmp) => matches!(icmp.message_type, 3 | 4 | 5 | 11 | 12),
        Transport::Icmp6(icmp) => matches!(icmp.message_type, 1..=4),
        _ => false,
    };
    if !quotes {
        return None;
    }
    let mut quote = parse(LinkType::Raw, headers.payload, headers.payload_len, ports);
    let cut = (quote.transport == Transport::None).then_some(quote.payload);
    let ends = cut.and_then(|bytes| be16(bytes, 0).zip(be16(bytes, 2)));
    // RFC 792 has eight bytes quoted, and a TCP header is longer.
    if let (Some((source, destination)), 6, None) = (ends, quote.ip_protocol, quote.fragment) {
        quote.transport = Transport::Tcp(Tcp {
            ports: PortPair::new(source, destination),
            ..Tcp::default()
        });
    }
    quote.readable().then_some(quote)
}

/// Return the MTU that an ICMP error names (RFC 1191 §4, RFC 8201); `data` is what the headers were read from.
/// None = it is no such error; 0 = the router does not say.
pub fn next_hop_mtu(headers: &Headers<'_>, data: &[u8]) -> Option<u32> {
    const FRAGMENTATION_NEEDED: u8 = 4;
    let (Transport::Icmp4(icmp) | Transport::Icmp6(icmp)) = headers.transport else {
        return None;
    };
    // What the header has behind the checksum stands right before the quoted packet.
    let quote = (headers.payload.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let word = be32(data, quote.checked_sub(4)?)?;
    match icmp.kind {
        IcmpKind::PacketTooBig => Some(word),
        IcmpKind::DestinationUnreachable
            if icmp.code == FRAGMENTATION_NEEDED
                && matches!(headers.transport, Transport::Icmp4(_)) =>
        {
            Some(word & 0xffff)
        }
        _ => None,
    }
}

fn message(h: &[u8; 8], kind: IcmpKind, paired: bool, request: bool) -> Icmp {
    let (id, sequence) = if paired {
        (
            u16::from_be_bytes([h[4], h[5]]),
            u16::from_be_bytes([h[6], h[7]]),
        )
    } else {
        (0, 0)
    };
    Icmp {
        kind,
        message_type: h[0],
        code: h[1],
        id,
        sequence,
        request,
    }
}

impl IcmpKind {
    /// Return the kind of a number that stands in a flow key.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::DestinationUnreachable,
            2 => Self::Echo,
            3 => Self::Neighbor,
            4 => Self::AddressMask,
            5 => Self::Info,
            6 => Self::ParameterProblem,
            7 => Self::Redirect,
            8 => Self::Router,
            9 => Self::SourceQuench,
            10 => Self::TimeExceeded,
            11 => Self::Timestamp,
            12 => Self::PacketTooBig,
            _ => Self::Unknown,
        }
    }

    /// Return the name that flow records carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::DestinationUnreachable => "DESTINATION_UNREACHABLE",
            Self::Echo => "ECHO",
            Self::Neighbor => "NEIGHBOR",
            Self::AddressMask => "ADDRESS_MASK",
            Self::Info => "INFO",
            Self::ParameterProblem => "PARAMETER_PROBLEM",
            Self::Redirect => "REDIRECT",
            Self::Router => "ROUTER",
            Self::SourceQuench => "SOURCE_QUENCH",
            Self::TimeExceeded => "TIME_EXCEEDED",
            Self::Timestamp => "TIMESTAMP",
            Self::PacketTooBig => "PACKET_TOO_BIG",
        }
    }
}
