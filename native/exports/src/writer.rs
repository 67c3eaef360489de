// SPDX-License-Identifier: Apache-2.0
//! Records → datagrams of NetFlow v5, v9 or IPFIX. A record with traffic both ways becomes two: every collector reads
//! these, few read RFC 5103.

use netsonde_packet::Network;

use crate::record::FlowRecord;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    NetFlow5,
    NetFlow9,
    Ipfix,
}

/// Bytes of a datagram at most: what passes most paths in one piece.
const MOST_BYTES: usize = 1400;
/// Templates are told again after so long: a collector that starts later, or missed them, waits no longer.
const TEMPLATES_EVERY_NS: i64 = 20_000_000_000;
const V5_RECORDS: usize = 30;
const MS: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    pub datagrams: u64,
    pub records: u64,
    /// Records that the protocol cannot express: without IP, and IPv6 in v5.
    pub inexpressible: u64,
}

/// One message of an exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub bytes: Vec<u8>,
    /// Records in it, each of one direction.
    pub records: u64,
}

pub struct Writer {
    protocol: Protocol,
    /// Observation domain, source id, or (lowest 16 bits) engine.
    domain: u32,
    started_ns: i64,
    /// v5, IPFIX: records sent before; v9: datagrams sent before.
    sequence: u32,
    templates_ns: Option<i64>,
    pub stats: WriterStats,
}

const V4: u16 = 256;
const V6: u16 = 257;

/// Elements and their lengths; the addresses come first. Both protocols number them alike.
const COMMON: &[(u16, u16)] = &[
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (58, 2),
    (56, 6),
    (80, 6),
    (1, 8),
    (2, 8),
];
const ICMP4: (u16, u16) = (32, 2);
const ICMP6: (u16, u16) = (139, 2);
/// v9: ms since the exporter started; IPFIX: Unix ms.
const UPTIMES: &[(u16, u16)] = &[(22, 4), (21, 4)];
const UNIX_MS: &[(u16, u16)] = &[(152, 8), (153, 8)];

impl Writer {
    pub fn new(protocol: Protocol, domain: u32, now_ns: i64) -> Self {
        Self {
            protocol,
            domain,
            started_ns: now_ns,
            sequence: 0,
            templates_ns: None,
            stats: WriterStats::default(),
        }
    }

    /// Return the datagrams that tell these records, in order.
    pub fn write(&mut self, records: &[FlowRecord], now_ns: i64) -> Vec<Vec<u8>> {
        let datagrams = self.write_counted(records, now_ns).into_iter();
        datagrams.map(|datagram| datagram.bytes).collect()
    }

    /// Return the same, each with the number of records in it.
    pub fn write_counted(&mut self, records: &[FlowRecord], now_ns: i64) -> Vec<Datagram> {
        let one_way: Vec<FlowRecord> = records
            .iter()
            .flat_map(|record| [*record, record.reversed()])
            .filter(|record| record.forward.packets > 0)
            .filter(|record| self.expresses(record))
            .collect();
        match self.protocol {
            Protocol::NetFlow5 => one_way
                .chunks(V5_RECORDS)
                .map(|part| self.datagram5(part, now_ns))
                .collect(),
            Protocol::NetFlow9 | Protocol::Ipfix => self.templated(&one_way, now_ns),
        }
    }

    fn expresses(&mut self, record: &FlowRecord) -> bool {
        let can = match record.network {
            Network::None => false,
            Network::V4 { .. } => true,
            Network::V6 { .. } => self.protocol != Protocol::NetFlow5,
        };
        self.stats.inexpressible += u64::from(!can);
        can
    }

    /// ms since this writer began; exporters let it begin anew after 49 days.
    fn uptime(&self, at_ns: i64) -> u32 {
        // A flow may have begun before the export of it did: the writer is some minutes older than it is.
        ((at_ns - self.started_ns) / MS + HEAD_START_MS) as u32
    }

    fn count(&mut self, records: usize) {
        self.stats.datagrams += 1;
        self.stats.records += records as u64;
        self.sequence = self.sequence.wrapping_add(match self.protocol {
            Protocol::NetFlow9 => 1,
            Protocol::NetFlow5 | Protocol::Ipfix => records as u32,
        });
    }

    fn datagram5(&mut self, records: &[FlowRecord], now_ns: i64) -> Datagram {
        let mut out = Vec::with_capacity(24 + 48 * records.len());
        out.extend(5u16.to_be_bytes());
        out.extend((records.len() as u16).to_be_bytes());
        out.extend(self.uptime(now_ns).to_be_bytes());
        out.extend(((now_ns / 1_000_000_000) as u32).to_be_bytes());
        out.extend(((now_ns % 1_000_000_000) as u32).to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        out.extend((self.domain as u16).to_be_bytes());
        // No sampling.
        out.extend([0, 0]);
        for record in records {
            self.record5(record, &mut out);
        }
        self.count(records.len());
        Datagram {
            bytes: out,
            records: records.len() as u64,
        }
    }

    fn record5(&self, record: &FlowRecord, out: &mut Vec<u8>) {
        let Network::V4 {
            source,
            destination,
        } = record.network
        else {
            return;
        };
        out.extend(source);
        out.extend(destination);
        out.extend([0; 8]);
        // 32 bits are all there is; a report covers seconds.
        out.extend(low32(record.forward.packets));
        out.extend(low32(record.forward.octets));
        out.extend(self.uptime(record.start_ns).to_be_bytes());
        out.extend(self.uptime(record.end_ns).to_be_bytes());
        let ports = match record.ip_protocol {
            1 => (0, u16::from_be_bytes([record.icmp.0, record.icmp.1])),
            _ => record.ports,
        };
        out.extend(ports.0.to_be_bytes());
        out.extend(ports.1.to_be_bytes());
        out.extend([0, record.tcp_flags, record.ip_protocol, 0]);
        // Autonomous systems, prefix lengths, padding.
        out.extend([0; 8]);
    }

    fn templated(&mut self, records: &[FlowRecord], now_ns: i64) -> Vec<Datagram> {
        let mut datagrams = Vec::new();
        let mut rest = records;
        while !rest.is_empty() {
            let mut out = self.header(now_ns);
            let mut told = self.tell_templates(&mut out, now_ns);
            let mut written = 0;
            // One set of each family in its turn, so that records stay in their order.
            while let Some(first) = rest.first() {
                let family = family(first);
                let size = self.record_bytes(family);
                let room = MOST_BYTES.saturating_sub(out.len() + 8) / size;
                let same = rest.iter().take_while(|one| self::family(one) == family);
                let count = same.take(room).count();
                if count == 0 {
                    break;
                }
                let (part, after) = rest.split_at(count);
                self.set(family, part, &mut out);
                (rest, written) = (after, written + count);
            }
            told += written as u16;
            self.finish(&mut out, told);
            self.count(written);
            datagrams.push(Datagram {
                bytes: out,
                records: written as u64,
            });
        }
        datagrams
    }

    fn header(&self, now_ns: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(MOST_BYTES);
        let seconds = ((now_ns / 1_000_000_000) as u32).to_be_bytes();
        match self.protocol {
            Protocol::Ipfix => {
                // Version, and room for the length.
                out.extend([0, 10, 0, 0]);
                out.extend(seconds);
            }
            _ => {
                out.extend([0, 9, 0, 0]);
                out.extend(self.uptime(now_ns).to_be_bytes());
                out.extend(seconds);
            }
        }
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.domain.to_be_bytes());
        out
    }

    /// Fill in the length, or the count of records and templates.
    fn finish(&self, out: &mut [u8], count: u16) {
        let number = match self.protocol {
            Protocol::Ipfix => out.len() as u16,
            _ => count,
        };
        if let Some(place) = out.get_mut(2..4) {
            place.copy_from_slice(&number.to_be_bytes());
        }
    }

    /// Append the templates when they are due; return how many.
    fn tell_templates(&mut self, out: &mut Vec<u8>, now_ns: i64) -> u16 {
        let due = |told: i64| now_ns - told >= TEMPLATES_EVERY_NS;
        if !self.templates_ns.is_none_or(due) {
            return 0;
        }
        self.templates_ns = Some(now_ns);
        let set_id: u16 = match self.protocol {
            Protocol::Ipfix => 2,
            _ => 0,
        };
        let mut body = Vec::new();
        for id in [V4, V6] {
            let fields = self.fields(id);
            body.extend(id.to_be_bytes());
            body.extend((fields.len() as u16).to_be_bytes());
            for (element, length) in fields {
                body.extend(element.to_be_bytes());
                body.extend(length.to_be_bytes());
            }
        }
        push_set(set_id, &body, out);
        2
    }

    fn fields(&self, id: u16) -> Vec<(u16, u16)> {
        let mut fields = match id {
            V4 => vec![(8, 4), (12, 4), ICMP4],
            _ => vec![(27, 16), (28, 16), ICMP6],
        };
        fields.extend(COMMON);
        fields.extend(match self.protocol {
            Protocol::Ipfix => UNIX_MS,
            _ => UPTIMES,
        });
        fields
    }

    fn record_bytes(&self, id: u16) -> usize {
        self.fields(id)
            .iter()
            .map(|(_, length)| usize::from(*length))
            .sum()
    }

    fn set(&self, id: u16, records: &[FlowRecord], out: &mut Vec<u8>) {
        let mut body = Vec::new();
        for record in records {
            self.record(record, &mut body);
        }
        // Padding to a multiple of four, shorter than any record.
        body.resize(body.len().next_multiple_of(4), 0);
        push_set(id, &body, out);
    }

    /// In the order of `fields`.
    fn record(&self, record: &FlowRecord, out: &mut Vec<u8>) {
        match record.network {
            Network::V4 {
                source,
                destination,
            } => {
                out.extend(source);
                out.extend(destination);
            }
            Network::V6 {
                source,
                destination,
            } => {
                out.extend(source);
                out.extend(destination);
            }
            Network::None => return,
        }
        out.extend([record.icmp.0, record.icmp.1]);
        out.extend(record.ports.0.to_be_bytes());
        out.extend(record.ports.1.to_be_bytes());
        out.extend([record.ip_protocol, record.tcp_flags]);
        out.extend(record.vlan.to_be_bytes());
        let link = record.link.map(|link| (link.source(), link.destination()));
        let (source, destination) = link.unwrap_or_default();
        out.extend(source);
        out.extend(destination);
        out.extend(record.forward.octets.to_be_bytes());
        out.extend(record.forward.packets.to_be_bytes());
        if self.protocol == Protocol::Ipfix {
            out.extend((record.start_ns.max(0) / MS).to_be_bytes());
            out.extend((record.end_ns.max(0) / MS).to_be_bytes());
        } else {
            out.extend(self.uptime(record.start_ns).to_be_bytes());
            out.extend(self.uptime(record.end_ns).to_be_bytes());
        }
    }
}

/// Ten minutes: see `Writer::uptime`.
const HEAD_START_MS: i64 = 600_000;

fn family(record: &FlowRecord) -> u16 {
    match record.network {
        Network::V6 { .. } => V6,
        _ => V4,
    }
}

fn push_set(id: u16, body: &[u8], out: &mut Vec<u8>) {
    out.extend(id.to_be_bytes());
    out.extend((body.len() as u16 + 4).to_be_bytes());
    out.extend(body);
}

fn low32(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}
