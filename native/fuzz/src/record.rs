// SPDX-License-Identifier: Apache-2.0
//! Datagrams of NetFlow v5, v9 and IPFIX in a row, as pieces: `[exporter][byte ...]`. What they tell is metered.
//!
//! Records are also written again in each protocol, and read back as they were.

use std::net::{IpAddr, Ipv4Addr};

use netsonde_exports::{FlowRecord, Protocol, Reader, Writer};
use netsonde_meter::{FlowBatch, Meter, MeterConfig};

use crate::{conversation, pieces};

const NOW: i64 = 1_700_000_000_000_000_000;

pub fn run(data: &[u8]) {
    let mut reader = Reader::new(1);
    let mut meter = meter();
    for piece in pieces::of(data) {
        let [exporter, datagram @ ..] = piece else {
            continue;
        };
        let source = IpAddr::V4(Ipv4Addr::from(u32::from(exporter & 7)));
        let mut found = Vec::new();
        reader.datagram(source, datagram, NOW, &mut found);
        assert!(found.len() <= datagram.len(), "more records than bytes");
        for record in &found {
            meter.record(record);
        }
        written_and_read(&found);
    }
    conversation::finish(&mut meter, FlowBatch::new(), NOW);
}

/// A meter of what others saw.
pub fn meter() -> Meter {
    Meter::new(MeterConfig {
        max_flows: 16,
        every_frame: false,
        exports: true,
        ..MeterConfig::default()
    })
}

fn written_and_read(records: &[FlowRecord]) {
    for protocol in [Protocol::NetFlow5, Protocol::NetFlow9, Protocol::Ipfix] {
        let mut reader = Reader::new(1);
        let mut back = Vec::new();
        for datagram in Writer::new(protocol, 1, NOW).write(records, NOW) {
            reader.datagram([127, 0, 0, 1].into(), &datagram, NOW, &mut back);
        }
        assert_eq!(reader.stats.malformed, 0);
        assert!(back.len() <= 2 * records.len());
    }
}
