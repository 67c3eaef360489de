// SPDX-License-Identifier: Apache-2.0
//! What a run sends: one kind of packet, with what varies from one to the next.

use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Echo request, of the family of the addresses.
    Icmp,
    Udp,
    /// A SYN.
    Tcp,
    Arp,
    /// Neighbour solicitation.
    Nd,
    /// DHCPDISCOVER.
    Dhcp4,
    Dns,
}

impl Kind {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "icmp4" | "icmp6" => Self::Icmp,
            "udp4" | "udp6" => Self::Udp,
            "tcp4" | "tcp6" => Self::Tcp,
            "dns4" | "dns6" => Self::Dns,
            "arp" => Self::Arp,
            "nd" => Self::Nd,
            "dhcp4" => Self::Dhcp4,
            _ => return None,
        })
    }
}

/// One kind of packet. Ports, ids and addresses in host order.
#[derive(Clone, Debug)]
pub struct Probe {
    pub kind: Kind,
    /// Both of one family; `Arp` and `Dhcp4` are IPv4, `Nd` IPv6.
    pub source: IpAddr,
    pub target: IpAddr,
    pub source_mac: [u8; 6],
    pub target_mac: [u8; 6],
    pub source_port: u16,
    pub target_port: u16,
    pub icmp_id: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    pub dscp: u8,
    pub dont_fragment: bool,
    /// Priority, DEI and id of a tag (IEEE 802.1Q).
    pub vlan_tci: Option<u16>,
    /// Sent as it is when given; else the run's id, the number of the packet, and letters up to `size`.
    pub payload: Option<Vec<u8>>,
    pub size: usize,
    /// Letters added to each packet after the first.
    pub increment: usize,
    pub run_id: String,
    /// Another source port, or ICMP id, for each packet.
    pub random: bool,
    /// Makes TCP sequence numbers, random ports and transaction ids.
    pub seed: u64,
    /// The name that DNS is asked for, and the type of record.
    pub name: String,
    pub record_type: u16,
}

/// First and number of the ports that Linux takes for itself (ip_local_port_range).
const EPHEMERAL: (u64, u64) = (32768, 28232);
const TAG: &str = "netsonde:";

impl Probe {
    /// A number that belongs to a packet, spread evenly (splitmix64, Steele et al. 2014).
    fn mixed(&self, index: u64) -> u64 {
        let mut mixed = self
            .seed
            .wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn source_port_of(&self, index: u64) -> u16 {
        if !self.random {
            return self.source_port;
        }
        (EPHEMERAL.0 + self.mixed(index) % EPHEMERAL.1) as u16
    }

    pub fn icmp_id_of(&self, index: u64) -> u16 {
        if !self.random {
            return self.icmp_id;
        }
        self.mixed(index) as u16
    }

    /// Sequence number of the SYN.
    pub fn sequence_of(&self, index: u64) -> u32 {
        (self.mixed(index) >> 32) as u32
    }

    /// Transaction id of DNS (its low 16 bits) and DHCP.
    pub fn transaction_of(&self, index: u64) -> u32 {
        (self.seed as u32).wrapping_add(index as u32)
    }

    /// Identification in the IPv4 header, by which a quoted packet is known again.
    pub fn identification_of(index: u64) -> u16 {
        (index as u16).wrapping_add(1)
    }

    pub fn payload_of(&self, index: u64) -> Vec<u8> {
        let more = (index as usize).saturating_mul(self.increment);
        match &self.payload {
            Some(given) => lengthened(given.clone(), given.len().saturating_add(more)),
            None => {
                let tag = format!("{TAG}{}:{index:08x}:", self.run_id);
                lengthened(tag.into_bytes(), self.size.saturating_add(more))
            }
        }
    }

    /// Return the number of the packet whose payload this is, when it carries our tag.
    pub fn index_in(&self, payload: &[u8]) -> Option<u64> {
        let rest = payload.strip_prefix(TAG.as_bytes())?;
        let rest = rest
            .strip_prefix(self.run_id.as_bytes())?
            .strip_prefix(b":")?;
        let digits = std::str::from_utf8(rest.get(..8)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    }
}

/// Cut, or fill with letters, to a length; what no frame could carry is left out.
fn lengthened(mut payload: Vec<u8>, length: usize) -> Vec<u8> {
    const MOST: usize = 65_000;
    let length = length.min(MOST);
    payload.truncate(length);
    let letters = (payload.len()..length).map(|at| b'a' + (at % 26) as u8);
    payload.extend(letters);
    payload
}
