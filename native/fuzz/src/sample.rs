// SPDX-License-Identifier: Apache-2.0
//! Datagrams of sFlow v5 in a row, as pieces. What they sample is metered, what they count added up.

use netsonde_exports::sflow::{Reader, Sample, Totals};
use netsonde_meter::{FlowBatch, Frame};

use crate::{conversation, pieces, record};

const NOW: i64 = 1_700_000_000_000_000_000;

pub fn run(data: &[u8]) {
    let mut reader = Reader::default();
    let mut meter = record::meter();
    let mut totals = Totals::default();
    for datagram in pieces::of(data) {
        let mut length = 0;
        reader.datagram(datagram, |sample| match sample {
            Sample::Packet(packet) => {
                length += packet.data.len();
                let frame = Frame {
                    ts_ns: NOW,
                    wire_len: packet.wire_len,
                    data: packet.data,
                    link_type: packet.link_type,
                };
                meter.sampled(frame, packet.rate);
            }
            Sample::Counters(counters) => totals.note(&counters),
        });
        assert!(length <= datagram.len(), "more packets than bytes");
    }
    assert!(totals.interfaces().len() as u64 <= totals.records);
    let sum = totals.sum();
    assert!(totals
        .grown()
        .keys()
        .chain(totals.levels().keys())
        .all(|name| sum.contains_key(name)));
    conversation::finish(&mut meter, FlowBatch::new(), NOW);
}
