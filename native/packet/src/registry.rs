// SPDX-License-Identifier: Apache-2.0
//! Where each protocol is found: tables from EtherTypes, IP protocols and UDP ports to readers, made at compile time
//! from the list in `protocols`.

use crate::facts::Facts;
use crate::protocols::ALL;
use crate::{Headers, Layer};

/// A protocol as its file describes it.
pub(crate) struct Protocol {
    pub(crate) layer: Layer,
    pub(crate) found: &'static [Found],
    /// Read the header in `headers.payload`: push layers, set ids, move the payload behind it.
    pub(crate) read: for<'a> fn(&mut Headers<'a>, &'a [u8]) -> Reading,
    /// What a packet list says of it: the protocol's name there, and a function for one line of text.
    pub(crate) shown: &'static str,
    pub(crate) info: fn(&Headers<'_>) -> String,
    /// What a flow record tells of its messages.
    pub(crate) told: Told,
}

/// What the messages of a protocol tell.
pub(crate) enum Told {
    Nothing,
    /// Each message, one to a packet; a record has the last one.
    Message(fn(&[u8]) -> Facts),
    /// The first bytes of each direction of a stream: None = more are needed, never if these are the last.
    Start(fn(&[u8], bool) -> Option<Facts>),
}

/// A number under which a protocol is found.
pub(crate) enum Found {
    EtherType(u16),
    IpProtocol(u8),
    /// UDP, either port; the destination is asked first.
    Udp(u16),
    /// UDP, destination only: the source port is arbitrary.
    UdpTo(u16),
    /// The first bytes of a direction of a TCP connection tell whether they are of this protocol. What they are not of
    /// after one byte they are not of after more.
    Stream(fn(&[u8]) -> Reading),
    /// The same, on these ports only, whoever has them.
    StreamOn(&'static [u16], fn(&[u8]) -> Reading),
}

/// What a reader made of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// They are of this protocol, or meant to be and damaged.
    Mine,
    /// They contradict it; another protocol may be tried.
    Other,
    /// Too few to tell: nothing else is tried, else a cut frame would show layers that the whole one has not.
    TooShort,
}

/// No text.
pub(crate) fn no_info(_: &Headers<'_>) -> String {
    String::new()
}

/// The reader of what is found in streams only.
pub(crate) fn not_over_packets<'a>(_: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    Reading::Other
}

#[inline]
pub(crate) fn of_layer(layer: Layer) -> Option<&'static Protocol> {
    number(LAYERS.get(layer as usize).copied().unwrap_or(0))
}

/// Let the protocol of an EtherType read; unknown types are left alone.
#[inline]
pub(crate) fn by_ether_type<'a>(headers: &mut Headers<'a>, kind: u16, data: &'a [u8]) {
    if let Some(protocol) = number(ETHER_TYPES.find(kind).first) {
        (protocol.read)(headers, data);
    }
}

#[inline]
pub(crate) fn knows_ether_type(kind: u16) -> bool {
    matches!(kind, 0x0800 | 0x86dd | 0x8100 | 0x88a8 | 0x9100) || ETHER_TYPES.find(kind).first != 0
}

#[inline]
pub(crate) fn by_ip_protocol<'a>(headers: &mut Headers<'a>, protocol: u8, data: &'a [u8]) {
    let found = IP_PROTOCOLS.get(usize::from(protocol)).copied();
    if let Some(protocol) = number(found.unwrap_or(0)) {
        (protocol.read)(headers, data);
    }
}

fn number(index: u8) -> Option<&'static Protocol> {
    ALL.get(usize::from(index).checked_sub(1)?).copied()
}

/// UDP ports of protocols: those of the protocols themselves, and those that settings add.
#[derive(Clone, Debug)]
pub struct Ports(Table);

impl Default for Ports {
    fn default() -> Self {
        Self(UDP_PORTS)
    }
}

impl Ports {
    /// Let the protocol called `name` in `LayersPath` be found on a UDP port too, as destination.
    ///
    /// The error says which names there are, or that there are too many ports.
    pub fn add(&mut self, port: u16, name: &str) -> Result<(), String> {
        let over_udp = |protocol: &Protocol| {
            let mut found = protocol.found.iter();
            found.any(|place| matches!(place, Found::Udp(_) | Found::UdpTo(_)))
        };
        let index = ALL
            .iter()
            .position(|protocol| protocol.layer.name() == name && over_udp(protocol));
        let Some(index) = index else {
            let names: Vec<&str> = ALL
                .iter()
                .filter(|protocol| over_udp(protocol))
                .map(|protocol| protocol.layer.name())
                .collect();
            return Err(format!(
                "no protocol {name:?} over UDP: one of {}",
                names.join(", ")
            ));
        };
        if self.0.used >= Table::FULL {
            return Err(format!(
                "more than {} UDP ports with a meaning",
                Table::FULL
            ));
        }
        self.0.set(port, index as u8 + 1, 0);
        Ok(())
    }

    /// Do the same for "PORT=NAME", as settings and command lines spell it.
    pub fn add_text(&mut self, text: &str) -> Result<(), String> {
        let parts = text.split_once('=');
        match parts.map(|(port, name)| (port.trim().parse(), name.trim())) {
            Some((Ok(port), name)) => self.add(port, name),
            _ => Err(format!("{text:?} is not PORT=NAME, for example 51234=MPLS")),
        }
    }

    /// Tell whether a UDP port has a protocol of its own, settings left aside.
    pub fn means_something(port: u16) -> bool {
        PORTS.find(port).first != 0
    }

    /// Return the protocols to try: that of the destination port, else that of the source port.
    #[inline]
    pub(crate) fn protocols(
        &self,
        source: u16,
        destination: u16,
    ) -> [Option<&'static Protocol>; 2] {
        [
            number(self.0.find(destination).first),
            number(self.0.find(source).second),
        ]
    }
}

/// 1 + index into `ALL`, 0 = none; for ports: what it means as destination, and as source.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u16,
    first: u8,
    second: u8,
}

/// Open addressing: one probe for most numbers, and a kilobyte that stays in the cache.
#[derive(Clone, Debug)]
struct Table {
    slots: [Slot; Self::SLOTS],
    used: usize,
}

impl Table {
    const SLOTS: usize = 256;
    const FULL: usize = Self::SLOTS / 2;

    const fn new() -> Self {
        Self {
            slots: [Slot {
                key: 0,
                first: 0,
                second: 0,
            }; Self::SLOTS],
            used: 0,
        }
    }

    const fn start(key: u16) -> usize {
        (key.wrapping_mul(0x9e35) >> 8) as usize
    }

    const fn set(&mut self, key: u16, first: u8, second: u8) {
        let mut at = Self::start(key);
        while self.slots[at].first != 0 && self.slots[at].key != key {
            at = (at + 1) % Self::SLOTS;
        }
        if self.slots[at].first == 0 {
            self.used += 1;
        }
        self.slots[at] = Slot { key, first, second };
    }

    #[inline]
    fn find(&self, key: u16) -> Slot {
        let mut at = Self::start(key);
        loop {
            let slot = self.slots[at % Self::SLOTS];
            if slot.key == key || slot.first == 0 {
                // A free slot may have the key 0, and means nothing.
                return slot;
            }
            at += 1;
        }
    }
}

const UDP_PORTS: Table = udp_ports();
static PORTS: Table = UDP_PORTS;
static ETHER_TYPES: Table = ether_types();
static LAYERS: [u8; 256] = layers();
static IP_PROTOCOLS: [u8; 256] = ip_protocols();

const fn udp_ports() -> Table {
    let mut table = Table::new();
    let mut index = 0;
    while index < ALL.len() {
        let mut at = 0;
        while at < ALL[index].found.len() {
            match ALL[index].found[at] {
                Found::Udp(port) => table.set(port, index as u8 + 1, index as u8 + 1),
                Found::UdpTo(port) => table.set(port, index as u8 + 1, 0),
                Found::EtherType(_)
                | Found::IpProtocol(_)
                | Found::Stream(_)
                | Found::StreamOn(..) => {}
            }
            at += 1;
        }
        index += 1;
    }
    table
}

const fn layers() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < ALL.len() {
        table[ALL[index].layer as usize] = index as u8 + 1;
        index += 1;
    }
    table
}

const fn ether_types() -> Table {
    let mut table = Table::new();
    let mut index = 0;
    while index < ALL.len() {
        let mut at = 0;
        while at < ALL[index].found.len() {
            if let Found::EtherType(kind) = ALL[index].found[at] {
                table.set(kind, index as u8 + 1, 0);
            }
            at += 1;
        }
        index += 1;
    }
    table
}

const fn ip_protocols() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < ALL.len() {
        let mut at = 0;
        while at < ALL[index].found.len() {
            if let Found::IpProtocol(protocol) = ALL[index].found[at] {
                table[protocol as usize] = index as u8 + 1;
            }
            at += 1;
        }
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_to_one_protocol_only() {
        let mut seen = std::collections::HashSet::new();
        for protocol in ALL {
            for found in protocol.found {
                let key = match *found {
                    Found::EtherType(kind) => (0, kind),
                    Found::IpProtocol(number) => (1, number.into()),
                    Found::Udp(port) | Found::UdpTo(port) => (2, port),
                    Found::Stream(_) | Found::StreamOn(..) => continue,
                };
                assert!(seen.insert(key), "{} {key:?}", protocol.layer.name());
            }
        }
    }

    #[test]
    fn ports_lead_to_protocols_and_others_nowhere() {
        let ports = Ports::default();
        let named = |source, destination| {
            ports
                .protocols(source, destination)
                .map(|found| found.map(|protocol| protocol.layer))
        };
        assert_eq!(named(5555, 53), [Some(Layer::DNS), None]);
        assert_eq!(named(53, 5555), [None, Some(Layer::DNS)]);
        assert_eq!(named(4789, 4789), [Some(Layer::VXLAN), None]);
        assert_eq!(named(0, 0), [None, None]);
        let meaningful = (0..=u16::MAX)
            .filter(|&port| ports.protocols(0, port)[0].is_some())
            .count();
        assert_eq!(meaningful, UDP_PORTS.used);
    }

    #[test]
    fn ports_can_be_added_until_the_table_is_half_full() {
        let mut ports = Ports::default();
        assert!(ports.add_text("51234=MPLS").is_ok());
        assert!(ports
            .add_text("65536=MPLS")
            .is_err_and(|words| words.contains("PORT=NAME")));
        assert!(ports.protocols(1, 51234)[0].is_some());
        assert!(ports
            .add(1, "TCP")
            .is_err_and(|words| words.contains("MPLS")));
        let added = (1000..2000)
            .filter(|&port| ports.add(port, "VXLAN").is_ok())
            .count();
        assert!(added < Table::FULL);
        assert!(ports.protocols(1, 999)[0].is_none());
    }
}
