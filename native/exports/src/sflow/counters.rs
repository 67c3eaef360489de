// SPDX-License-Identifier: Apache-2.0
//! Records of counter samples, each by a table of its fields.
//!
//! sFlow v5 §5.4 (`if_counters`, `ethernet_counters`, `vlan_counters`); sflow_ovs.txt (`ovs_dp_stats`) and
//! sflow_application.txt (`app_resources`) of sflow.org.

use std::net::IpAddr;

use crate::cursor::Cursor;

/// Fields of the longest record.
pub const MOST_FIELDS: usize = 13;

/// What a number is, and how many bits it has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows, and begins anew behind 2³² − 1.
    Total32,
    Total64,
    /// Goes up and down.
    Level32,
    Level64,
}

impl Kind {
    /// What an exporter sends for a counter that it does not have: all ones.
    fn unknown(self) -> u64 {
        match self {
            Self::Total32 | Self::Level32 => u32::MAX.into(),
            Self::Total64 | Self::Level64 => u64::MAX,
        }
    }
}

/// One counter; the name is the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

/// Counters of one data source of one exporter: an interface, a VLAN, a datapath, a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub agent: IpAddr,
    /// Type and index of the data source, in one word.
    pub source: u32,
    pub record: Record,
    /// Of the interface that is counted; 0 = it is none.
    pub ifindex: u32,
    values: [Option<u64>; MOST_FIELDS],
}

impl Counters {
    pub fn fields(&self) -> &'static [Field] {
        self.record.fields()
    }

    /// In the order of the fields; None = the exporter does not have that counter.
    pub fn values(&self) -> &[Option<u64>] {
        self.values.get(..self.fields().len()).unwrap_or_default()
    }

    pub fn get(&self, name: &str) -> Option<u64> {
        let at = self.fields().iter().position(|field| field.name == name)?;
        self.values().get(at).copied().flatten()
    }
}

/// A kind of record. Those of other enterprises, and the rest of sFlow's own, are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    Interface,
    Ethernet,
    Vlan,
    Application,
    Datapath,
}

impl Record {
    /// By the format of a counter record; None = not read.
    pub fn of(format: u32) -> Option<Self> {
        Some(match format {
            1 => Self::Interface,
            2 => Self::Ethernet,
            5 => Self::Vlan,
            2203 => Self::Application,
            2207 => Self::Datapath,
            _ => return None,
        })
    }

    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Interface => &INTERFACE,
            Self::Ethernet => &ETHERNET,
            Self::Vlan => &VLAN,
            Self::Application => &APPLICATION,
            Self::Datapath => &DATAPATH,
        }
    }

    /// Words in front of the first field; of an interface the first of them is its ifIndex.
    fn head(self) -> usize {
        match self {
            // ifIndex, ifType, ifSpeed (2), ifDirection, ifStatus
            Self::Interface => 6,
            // vlan_id
            Self::Vlan => 1,
            // user_time, system_time
            Self::Application => 2,
            Self::Ethernet | Self::Datapath => 0,
        }
    }

    /// None is a record that is cut.
    pub(super) fn read(
        self,
        agent: IpAddr,
        source: u32,
        record: &mut Cursor<'_>,
    ) -> Option<Counters> {
        let mut ifindex = 0;
        for word in 0..self.head() {
            let number = record.u32()?;
            if self == Self::Interface && word == 0 {
                ifindex = number;
            }
        }
        let mut values = [None; MOST_FIELDS];
        for (field, value) in self.fields().iter().zip(&mut values) {
            let number = match field.kind {
                Kind::Total32 | Kind::Level32 => record.u32()?.into(),
                Kind::Total64 | Kind::Level64 => record.u64()?,
            };
            *value = (number != field.kind.unknown()).then_some(number);
        }
        Some(Counters {
            agent,
            source,
            record: self,
            ifindex,
            values,
        })
    }
}

const fn total(name: &'static str) -> Field {
    let kind = Kind::Total32;
    Field { name, kind }
}

const fn octets(name: &'static str) -> Field {
    let kind = Kind::Total64;
    Field { name, kind }
}

const fn level(name: &'static str) -> Field {
    let kind = Kind::Level32;
    Field { name, kind }
}

const fn bytes(name: &'static str) -> Field {
    let kind = Kind::Level64;
    Field { name, kind }
}

static INTERFACE: [Field; 13] = [
    octets("IfInOctets"),
    total("IfInUcastPkts"),
    total("IfInMulticastPkts"),
    total("IfInBroadcastPkts"),
    total("IfInDiscards"),
    total("IfInErrors"),
    total("IfInUnknownProtos"),
    octets("IfOutOctets"),
    total("IfOutUcastPkts"),
    total("IfOutMulticastPkts"),
    total("IfOutBroadcastPkts"),
    total("IfOutDiscards"),
    total("IfOutErrors"),
];

static ETHERNET: [Field; 13] = [
    total("EthAlignmentErrors"),
    total("EthFCSErrors"),
    total("EthSingleCollisionFrames"),
    total("EthMultipleCollisionFrames"),
    total("EthSQETestErrors"),
    total("EthDeferredTransmissions"),
    total("EthLateCollisions"),
    total("EthExcessiveCollisions"),
    total("EthInternalMacTransmitErrors"),
    total("EthCarrierSenseErrors"),
    total("EthFrameTooLongs"),
    total("EthInternalMacReceiveErrors"),
    total("EthSymbolErrors"),
];

static VLAN: [Field; 5] = [
    octets("VlanOctets"),
    total("VlanUcastPkts"),
    total("VlanMulticastPkts"),
    total("VlanBroadcastPkts"),
    total("VlanDiscards"),
];

static APPLICATION: [Field; 6] = [
    bytes("OvsAppMemUsed"),
    bytes("OvsAppMemMax"),
    level("OvsAppFdOpen"),
    level("OvsAppFdMax"),
    level("OvsAppConnOpen"),
    level("OvsAppConnMax"),
];

static DATAPATH: [Field; 6] = [
    total("OvsDpNHit"),
    total("OvsDpNMissed"),
    total("OvsDpNLost"),
    total("OvsDpNMaskHit"),
    level("OvsDpNFlows"),
    level("OvsDpNMasks"),
];
