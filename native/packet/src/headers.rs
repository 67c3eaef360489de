// SPDX-License-Identifier: Apache-2.0
//! What one frame says, as plain values. Numbers are in host byte order, addresses in network order.

use crate::{FrameError, Layer, LayerPath};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    pub source: [u8; 6],
    pub destination: [u8; 6],
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub window: u16,
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
            Self::Tcp(Tcp {
                source,
                destination,
                ..
            })
            | Self::Udp {
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
    /// Bytes of the IP packet as its header says, the header included; 0 without IP.
    pub ip_len: u32,
    pub transport: Transport,
    /// Bytes behind the last header read, without Ethernet padding.
    pub payload: &'a [u8],
    /// Length of the payload on the wire: greater than `payload.len()` where the snaplen cut.
    pub payload_len: u32,
    pub error: Option<FrameError>,
}

impl<'a> Headers<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self {
            layers: LayerPath::default(),
            link: None,
            vlan_ids: 0,
            ether_type: 0,
            network: Network::None,
            ip_protocol: 0,
            ttl: 0,
            ip_len: 0,
            transport: Transport::None,
            payload: data,
            payload_len: 0,
            error: None,
        }
    }

    pub(crate) fn truncated(&mut self, layer: Layer, need: usize, have: usize) {
        self.error = Some(FrameError::Truncated { layer, need, have });
    }

    pub(crate) fn malformed(&mut self, layer: Layer, what: &'static str) {
        self.error = Some(FrameError::Malformed { layer, what });
    }
}
