// SPDX-License-Identifier: Apache-2.0
//! The headers of a packet such as a record describes: so that flows told by others get their keys, ids, layers and
//! names exactly as those of packets do, by the same code.

use netsonde_packet::{LinkType, Network};

use crate::FlowRecord;

/// 14 Ethernet, 4 VLAN, 40 IPv6, 20 TCP.
const LONGEST: usize = 78;
const ICMP4: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// Bytes of headers, without a packet behind them.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    bytes: [u8; LONGEST],
    length: usize,
    pub link_type: LinkType,
}

impl Header {
    pub fn of(record: &FlowRecord) -> Self {
        let mut header = Self {
            bytes: [0; LONGEST],
            length: 0,
            link_type: LinkType::Raw,
        };
        header.link(record);
        header.network(record);
        header
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn link(&mut self, record: &FlowRecord) {
        let Some(link) = record.link else {
            return;
        };
        self.link_type = LinkType::Ethernet;
        self.push(&link.destination());
        self.push(&link.source());
        if record.vlan != 0 {
            self.push(&[0x81, 0]);
            self.push(&(record.vlan & 0xfff).to_be_bytes());
        }
        let ether_type = match record.network {
            Network::None => record.ether_type,
            Network::V4 { .. } => 0x0800,
            Network::V6 { .. } => 0x86dd,
        };
        self.push(&ether_type.to_be_bytes());
    }

    fn network(&mut self, record: &FlowRecord) {
        let (transport, length) = transport(record);
        let transport = transport.get(..length).unwrap_or_default();
        match record.network {
            Network::None => {}
            Network::V4 {
                source,
                destination,
            } => {
                self.push(&[0x45, 0]);
                self.push(&(20 + length as u16).to_be_bytes());
                self.push(&[0, 0, 0, 0, 64, record.ip_protocol, 0, 0]);
                self.push(&source);
                self.push(&destination);
                self.push(transport);
            }
            Network::V6 {
                source,
                destination,
            } => {
                self.push(&[0x60, 0, 0, 0]);
                self.push(&(length as u16).to_be_bytes());
                self.push(&[record.ip_protocol, 64]);
                self.push(&source);
                self.push(&destination);
                self.push(transport);
            }
        }
    }
}

fn transport(record: &FlowRecord) -> ([u8; 20], usize) {
    let mut bytes = [0; 20];
    let [a, b] = record.ports.0.to_be_bytes();
    let [c, d] = record.ports.1.to_be_bytes();
    let length = match record.ip_protocol {
        TCP => {
            bytes[12] = 5 << 4;
            bytes[13] = record.tcp_flags;
            20
        }
        UDP => {
            bytes[5] = 8;
            8
        }
        SCTP => 12,
        ICMP4 | ICMP6 => {
            bytes[..2].copy_from_slice(&[record.icmp.0, record.icmp.1]);
            return (bytes, 8);
        }
        _ => 0,
    };
    bytes[..4].copy_from_slice(&[a, b, c, d]);
    (bytes, length)
}

#[cfg(test)]
mod tests {
    use netsonde_packet::{parse, Ethernet, Ports, Transport};

    use super::*;

    fn record(ip_protocol: u8) -> FlowRecord {
        FlowRecord {
            network: Network::V4 {
                source: [10, 0, 0, 1],
                destination: [10, 0, 0, 2],
            },
            ip_protocol,
            ports: (1000, 80),
            ..FlowRecord::default()
        }
    }

    #[test]
    fn the_packet_of_a_record_is_read_as_what_the_record_says() {
        let mut record = record(TCP);
        record.link = Some(Ethernet::new([2; 6], [4; 6]));
        record.vlan = 7;
        let header = Header::of(&record);
        let read = parse(header.link_type, header.bytes(), 58, &Ports::default());
        assert_eq!(read.layers.to_string(), "Ethernet/Dot1Q/IPv4/TCP");
        assert_eq!((read.link, read.network), (record.link, record.network));
        assert_eq!(
            (read.vlan_ids, read.transport.ports()),
            (7, Some((1000, 80)))
        );
        assert_eq!(read.error, None);
    }

    #[test]
    fn without_addresses_of_frames_it_is_a_bare_ip_packet() {
        let header = Header::of(&record(UDP));
        let read = parse(header.link_type, header.bytes(), 28, &Ports::default());
        assert_eq!(read.layers.to_string(), "IPv4/UDP");
        assert_eq!((read.link, read.error), (None, None));
    }

    #[test]
    fn type_and_code_take_the_place_of_ports() {
        let mut record = record(ICMP4);
        record.icmp = (3, 4);
        let header = Header::of(&record);
        let read = parse(header.link_type, header.bytes(), 28, &Ports::default());
        let Transport::Icmp4(icmp) = read.transport else {
            panic!("{:?}", read.transport);
        };
        assert_eq!((icmp.message_type, icmp.code), (3, 4));
    }
}
