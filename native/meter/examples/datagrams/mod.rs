// SPDX-License-Identifier: Apache-2.0
//! Datagrams of exporters for the fuzzer: of each protocol one that makes sense.

use std::net::{IpAddr, Ipv4Addr};

use netsonde_exports::{sflow, Counts, FlowRecord, Protocol, Reader, Writer};
use netsonde_meter::{Frame, Meter};
use netsonde_packet::Network;

const NOW: i64 = 1_700_000_000_000_000_000;

/// Readers live through many datagrams: what one teaches them meets the next.
pub struct Readers {
    records: Reader,
    samples: sflow::Reader,
    found: Vec<FlowRecord>,
}

impl Readers {
    pub fn new() -> Self {
        Self {
            records: Reader::new(1),
            samples: sflow::Reader::default(),
            found: Vec::new(),
        }
    }

    /// Read a datagram as each protocol, and meter what it tells.
    pub fn read(&mut self, data: &[u8], meter: &mut Meter) {
        let source = IpAddr::V4(Ipv4Addr::from(data.len() as u32 % 7));
        self.found.clear();
        self.records.datagram(source, data, NOW, &mut self.found);
        assert!(self.found.len() <= data.len(), "more records than bytes");
        for record in &self.found {
            meter.record(record);
        }
        self.samples.datagram(data, |sample| {
            if let sflow::Sample::Packet(packet) = sample {
                let frame = Frame {
                    ts_ns: NOW,
                    wire_len: packet.wire_len,
                    data: packet.data,
                    link_type: packet.link_type,
                };
                meter.sampled(frame, packet.rate);
            }
        });
    }
}

pub fn seeds(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for protocol in [Protocol::NetFlow5, Protocol::NetFlow9, Protocol::Ipfix] {
        seeds.extend(Writer::new(protocol, 1, NOW).write(&[record()], NOW));
    }
    seeds.push(sample(frame));
    seeds
}

fn record() -> FlowRecord {
    FlowRecord {
        network: Network::V4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
        },
        ip_protocol: 6,
        ports: (1000, 80),
        tcp_flags: 0x13,
        start_ns: NOW,
        end_ns: NOW,
        forward: Counts {
            packets: 3,
            octets: 300,
        },
        ..FlowRecord::default()
    }
}

fn sample(frame: &[u8]) -> Vec<u8> {
    let length = frame.len() as u32;
    let header = [5, 1, 0x0a00_0001, 0, 1, 1000, 1, 1, length + 56];
    let flow = [
        1,
        3,
        400,
        4000,
        0,
        3,
        5,
        1,
        1,
        length + 16,
        1,
        length + 4,
        4,
        length,
    ];
    let words = header
        .iter()
        .chain(&flow)
        .flat_map(|word: &u32| word.to_be_bytes());
    words.chain(frame.iter().copied()).collect()
}
