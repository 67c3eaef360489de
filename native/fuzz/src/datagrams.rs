// SPDX-License-Identifier: Apache-2.0
//! Datagrams of exporters: of each protocol one that makes sense.

use netsonde_exports::{Counts, FlowRecord, Protocol, Writer};
use netsonde_packet::Network;

const NOW: i64 = 1_700_000_000_000_000_000;

/// One of NetFlow v5, v9 and IPFIX each, templates included.
pub fn records() -> Vec<Vec<u8>> {
    let protocols = [Protocol::NetFlow5, Protocol::NetFlow9, Protocol::Ipfix];
    let write = |protocol| Writer::new(protocol, 1, NOW).write(&[record()], NOW);
    protocols.into_iter().flat_map(write).collect()
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

/// One of sFlow v5 with one sampled packet.
pub fn sample(frame: &[u8]) -> Vec<u8> {
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
