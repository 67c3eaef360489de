// SPDX-License-Identifier: Apache-2.0
//! What one frame says, as plain values. Numbers are in host byte order, addresses in network order.

use crate::{FrameError, Layer, LayerPath};

/// The addresses of a frame, destination first, as they stand in front of it: what is stored in other parts than it is
/// soon loaded in makes a processor wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet([u8; 12]);

impl Ethernet {
    pub fn new(source: [u8; 6], destination: [u8; 6]) -> Self {
        let ([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]) = (source, destination);
        Self([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5])
    }

    #[inline]
    pub(crate) fn standing(octets: [u8; 12]) -> Self {
        Self(octets)
    }

    pub fn source(&self) -> [u8; 6] {
        let [.., a, b, c, d, e, f] = self.0;
        [a, b, c, d, e, f]
    }

    pub fn destination(&self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..] = self.0;
        [a, b, c, d, e, f]
    }

    /// What an answer bears.
    #[must_use]
    pub fn swapped(&self) -> Self {
        Self::new(self.destination(), self.source())
    }

    /// Source and destination as numbers of 48 bits.
    #[inline]
    pub fn numbers(&self) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h, low @ ..] = self.0;
        let high = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let low = u64::from(u32::from_be_bytes(low));
        ((high & 0xffff) << 32 | low, high >> 16)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Network {
    #[default]
    None,
    V4 {
        source: [u8; 4],
        destination: [u8; 4],
    },
    V6 {
        source: [u8; 16],
        destination: [u8; 16],
    },
}

/// Source and destination port as they stand in a header; see `Ethernet` for the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PortPair([u8; 4]);

impl PortPair {
    pub fn new(source: u16, destination: u16) -> Self {
        let ([a, b], [c, d]) = (source.to_be_bytes(), destination.to_be_bytes());
        Self([a, b, c, d])
    }

    #[inline]
    pub(crate) fn standing(octets: [u8; 4]) -> Self {
        Self(octets)
    }

    /// (source, destination)
    #[inline]
    pub fn numbers(self) -> (u16, u16) {
        let both = u32::from_be_bytes(self.0);
        ((both >> 16) as u16, both as u16)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tcp {
    pub ports: PortPair,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub window: u16,
    /// What the options of a SYN offer: the maximum segment size, 0 = none; the window's shift.
    pub segment_size: u16,
    pub window_scale: u8,
    /// Whether the segment bears the next two.
    pub is_stamped: bool,
    /// The sender's clock, and what it has of the other's: TSval and TSecr of RFC 7323 §3.
    pub stamp: u32,
    pub echo: u32,
    /// The payload may begin something that `identify` knows. Told by the first byte where the headers are read anyway:
    /// whoever asks later, on another processor, may be spared looking at the payload.
    pub may_begin: bool,
}

impl Tcp {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// ICMP message kinds as the reference groups them: request and reply share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum IcmpKind {
    #[default]
    Unknown = 0,
    DestinationUnreachable = 1,
    Echo = 2,
    Neighbor = 3,
    AddressMask = 4,
    Info = 5,
    ParameterProblem = 6,
    Redirect = 7,
    Router = 8,
    SourceQuench = 9,
    TimeExceeded = 10,
    Timestamp = 11,
    PacketTooBig = 12,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    pub kind: IcmpKind,
    /// Type and code as they stand on the wire.
    pub message_type: u8,
    pub code: u8,
    /// Identifier; 0 where the message has none.
    pub id: u16,
    pub sequence: u16,
    /// True for the question of a question-and-answer pair.
    pub request: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Transport {
    #[default]
    None,
    Tcp(Tcp),
    Udp {
        source: u16,
        destination: u16,
    },
    Sctp {
        source: u16,
        destination: u16,
    },
    Icmp4(Icmp),
    Icmp6(Icmp),
}

impl Transport {
    /// Return source and destination port of TCP, UDP and SCTP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match *self {
            Self::Tcp(tcp) => Some(tcp.ports.numbers()),
            Self::Udp {
                source,
                destination,
            }
            | Self::Sctp {
                source,
                destination,
            } => Some((source, destination)),
            Self::None | Self::Icmp4(_) | Self::Icmp6(_) => None,
        }
    }
}

/// A piece of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Place of the payload in that of the whole packet, in bytes.
    pub offset: u16,
    /// More pieces follow behind this one.
    pub more: bool,
}

/// What the tunnel headers that end a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tunnel {
    /// VNI, key, label, session: ids of the headers in the order of the bytes, the first one lowest, as far as 63
    /// bits hold them.
    pub id: u64,
    /// A digest of the ids that found no room; 0 = none.
    pub rest: u32,
    bits: u8,
    /// The UDP source port is a hash of the inner flow (RFC 7348 §5, RFC 8926 §3.3): no part of the outer one.
    pub any_source_port: bool,
}

impl Tunnel {
    pub(crate) fn add(&mut self, id: u32, bits: u8) {
        if self.bits + bits <= 63 {
            self.id |= u64::from(id) << self.bits;
            self.bits += bits;
        } else {
            self.rest = self.rest.rotate_left(5).wrapping_add(id) | 1;
        }
    }
}

/// What begins behind a tunnel header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Inner {
    #[default]
    None,
    Ethernet,
    /// IPv4 or IPv6, as its first nibble says.
    Ip,
    /// What an EtherType names, without an Ethernet header.
    EtherType(u16),
}

/// The headers of one segment: a frame up to and with the header that ends its outermost tunnel, or what is inside,
/// up to the next one.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    pub layers: LayerPath,
    pub link: Option<Ethernet>,
    /// VLAN ids, 12 bits each, outermost lowest; 0 = untagged.
    pub vlan_ids: u64,
    /// The type behind the last tag; 0 when there is no link header.
    pub ether_type: u16,
    pub network: Network,
    pub ip_protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Bytes of the IP packet as its header says, the header included, at most those on the wire; 0 without IP.
    pub ip_len: u32,
    /// Set when this is a piece of a packet; its payload is then the piece.
    pub fragment: Option<Fragment>,
    pub transport: Transport,
    pub tunnel: Tunnel,
    /// What `inner` will read.
    pub(crate) next: Inner,
    /// Tunnels around this segment.
    pub depth: u8,
    /// Length of the segment on the wire.
    pub wire_len: u32,
    /// Bytes behind the last header read, without Ethernet padding.
    pub payload: &'a [u8],
    /// Length of the payload on the wire: greater than `payload.len()` where the snaplen cut.
    pub payload_len: u32,
    pub error: Option<FrameError>,
}

impl<'a> Headers<'a> {
    /// Tunnels in tunnels beyond these are not opened.
    pub const MAX_DEPTH: u8 = 7;

    pub(crate) fn new(data: &'a [u8], wire_len: u32, depth: u8) -> Self {
        Self {
            layers: LayerPath::default(),
            link: None,
            vlan_ids: 0,
            ether_type: 0,
            network: Network::None,
            ip_protocol: 0,
            ttl: 0,
            ip_len: 0,
            fragment: None,
            transport: Transport::None,
            tunnel: Tunnel::default(),
            next: Inner::None,
            depth,
            wire_len,
            payload: data,
            payload_len: wire_len,
            error: None,
        }
    }

    /// Tell whether something was read that makes a flow.
    pub fn readable(&self) -> bool {
        self.link.is_some() || !matches!(self.network, Network::None)
    }

    /// Tell whether the segment ends with a tunnel header that was read to its end.
    #[inline]
    pub fn has_inner(&self) -> bool {
        self.next != Inner::None
    }

    /// Make what follows the next `length` bytes of `data` the payload; false (and an error) when they are not there.
    #[inline]
    pub(crate) fn skip(&mut self, layer: Layer, data: &'a [u8], length: usize) -> bool {
        let Some(rest) = data.get(length..) else {
            self.truncated(layer, length, data.len());
            return false;
        };
        self.payload = rest;
        self.payload_len = self.payload_len.saturating_sub(length as u32);
        true
    }

    /// End the segment: what follows is a packet of its own, if `next` is one and tunnels are not nested absurdly deep.
    pub(crate) fn enter(&mut self, layer: Layer, next: Inner) {
        if self.depth < Self::MAX_DEPTH {
            self.next = next;
        } else if next != Inner::None {
            self.malformed(layer, "nesting of tunnels");
        }
    }

    #[cold]
    pub(crate) fn truncated(&mut self, layer: Layer, need: usize, have: usize) {
        self.error = Some(FrameError::Truncated { layer, need, have });
    }

    #[cold]
    pub(crate) fn malformed(&mut self, layer: Layer, what: &'static str) {
        self.error = Some(FrameError::Malformed { layer, what });
    }
}
