// SPDX-License-Identifier: Apache-2.0
//! Datagrams of sFlow v5 in a row, as pieces. What they sample is metered.

use netsonde_exports::sflow::{Reader, Sample};
use netsonde_meter::{FlowBatch, Frame};

use crate::{conversation, pieces, record};

const NOW: i64 = 1_700_000_000_000_000_000;

pub fn run(data: &[u8]) {
    let mut reader = Reader::default();
    let mut meter = record::meter();
    for datagram in pieces::of(data) {
        let mut length = 0;
        reader.datagram(datagram, |sample| {
            if let Sample::Packet(packet) = sample {
                length += packet.data.len();
                let frame = Frame {
                    ts_ns: NOW,
                    wire_len: packet.wire_len,
                    data: packet.data,
                    link_type: packet.link_type,
                };
                meter.sampled(frame, packet.rate);
            }
        });
        assert!(length <= datagram.len(), "more packets than bytes");
    }
    conversation::finish(&mut meter, FlowBatch::new(), NOW);
}
