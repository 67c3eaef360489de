// SPDX-License-Identifier: Apache-2.0
//! Link types as pcap files number them (tcpdump.org/linktypes.html).

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the writer's byte order.
    Null,
    #[default]
    Ethernet,
    /// IPv4 or IPv6 without a link header.
    Raw,
    /// OpenBSD loopback: a 4-byte address family in network order.
    Loop,
    LinuxSll,
    LinuxSll2,
    Ipv4,
    Ipv6,
    Other(u16),
}

impl LinkType {
    /// Return the type for a number found in a file. 12 and 14 are what some systems write for `Raw`.
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxSll2,
            other => Self::Other(other),
        }
    }

    /// Return the number to write into a file.
    pub fn number(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::LinuxSll => 113,
            Self::Ipv4 => 228,
            Self::Ipv6 => 229,
            Self::LinuxSll2 => 276,
            Self::Other(number) => number,
        }
    }
}
