// SPDX-License-Identifier: Apache-2.0
//! One flow as an exporter tells it, whatever its protocol.

use netsonde_packet::{Ethernet, Network};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub packets: u64,
    pub octets: u64,
}

impl Counts {
    /// What was there, when this was one packet in `rate` of it; 0 and 1 = all of it.
    pub fn scaled(self, rate: u32) -> Self {
        let rate = u64::from(rate.max(1));
        Self {
            packets: self.packets.saturating_mul(rate),
            octets: self.octets.saturating_mul(rate),
        }
    }
}

/// Times are Unix ns. What a record does not tell is zero or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowRecord {
    pub link: Option<Ethernet>,
    /// VLAN id, 0 = untagged.
    pub vlan: u16,
    /// Told by records of traffic without IP.
    pub ether_type: u16,
    pub network: Network,
    pub ip_protocol: u8,
    pub ports: (u16, u16),
    /// Type and code.
    pub icmp: (u8, u8),
    /// All flags that were seen, as in the TCP header.
    pub tcp_flags: u8,
    pub start_ns: i64,
    pub end_ns: i64,
    /// From source to destination. Octets are those of the IP packets, or of frames if the exporter counts these.
    pub forward: Counts,
    /// The other way, from exporters that tell both in one record.
    pub reverse: Counts,
}

impl FlowRecord {
    /// The same traffic told by the other side.
    pub fn reversed(&self) -> Self {
        let network = match self.network {
            Network::None => Network::None,
            Network::V4 {
                source,
                destination,
            } => Network::V4 {
                source: destination,
                destination: source,
            },
            Network::V6 {
                source,
                destination,
            } => Network::V6 {
                source: destination,
                destination: source,
            },
        };
        Self {
            link: self.link.map(|link| link.swapped()),
            network,
            ports: (self.ports.1, self.ports.0),
            forward: self.reverse,
            reverse: self.forward,
            ..*self
        }
    }

    pub(crate) fn has_ends(&self) -> bool {
        self.link.is_some() || self.network != Network::None
    }
}
