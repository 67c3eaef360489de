// SPDX-License-Identifier: Apache-2.0
//! Frames in a row through a meter: `[link type]`, then pieces, of which each is `[time step][frame ...]`.
//!
//! Reassembly, defragmentation, transactions and eviction are met by what came before.

use netsonde_meter::{csv, wire, FlowBatch, Frame, LinkType, Meter, MeterConfig};

use crate::pieces;

const MOST_FLOWS: usize = 16;
const LINK_TYPES: [u16; 4] = [1, 1, 101, 113];
/// Between two frames, in ns: nothing, some ms, some minutes.
const STEPS: [i64; 4] = [0, 1_000_000, 40_000_000, 130_000_000_000];

pub fn run(data: &[u8]) {
    let [flags, frames @ ..] = data else {
        return;
    };
    let link_type = LinkType::from_number(LINK_TYPES[usize::from(flags & 3)]);
    let mut meter = Meter::new(MeterConfig {
        max_flows: MOST_FLOWS,
        ip_defrag: flags & 4 == 0,
        ..MeterConfig::default()
    });
    let mut now = 1_700_000_000_000_000_000;
    let mut batch = FlowBatch::new();
    let mut frames_read = 0u64;
    for piece in pieces::of(frames) {
        let [step, frame @ ..] = piece else {
            continue;
        };
        now += STEPS[usize::from(step & 3)];
        let flow = meter.frame(Frame {
            ts_ns: now,
            wire_len: frame.len() as u32 + u32::from(step >> 4) * 100,
            data: frame,
            link_type,
        });
        frames_read += 1;
        meter.kept(flow);
        if step & 4 != 0 {
            meter.tick(now);
            meter.take_reports(&mut batch);
        }
    }
    assert_eq!(meter.stats().frames, frames_read);
    finish(&mut meter, batch, now);
}

/// Report everything; what is written of it is JSON.
pub fn finish(meter: &mut Meter, mut batch: FlowBatch, now: i64) {
    meter.snapshot(&mut batch);
    meter.close(now);
    meter.take_reports(&mut batch);
    let batch = batch.into_record_batch();
    let mut text = String::new();
    wire::write_flows(&batch, '\n', &mut text);
    for line in text.lines() {
        let flow: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(flow.is_ok(), "no JSON: {line}");
    }
    text.clear();
    csv::write_rows(&batch, &mut text);
}
