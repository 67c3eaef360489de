// SPDX-License-Identifier: Apache-2.0
//! Frames dissected apart from the table give the flows that the meter gives by itself.

mod samples;

use netsonde_meter::{wire, Dissected, FlowBatch, Frame, LinkType, Meter, MeterConfig, MeterStats};

fn frame<'a>(index: usize, link_type: u16, data: &'a [u8]) -> Frame<'a> {
    Frame {
        ts_ns: 1_000_000 * (index as i64 + 1),
        wire_len: data.len() as u32,
        data,
        link_type: LinkType::from_number(link_type),
    }
}

fn config(ip_defrag: bool) -> MeterConfig {
    MeterConfig {
        ip_defrag,
        ..MeterConfig::default()
    }
}

fn finished(mut meter: Meter) -> (MeterStats, String) {
    let stats = meter.stats();
    meter.close(meter.latest_ns());
    let mut batch = FlowBatch::new();
    meter.take_reports(&mut batch);
    let mut text = String::new();
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    (stats, text)
}

#[test]
fn a_dissector_finds_what_the_meter_finds_itself() {
    let mut traces = samples::traces();
    traces.extend(samples::all().into_iter().map(|data| (1, data)));
    for ip_defrag in [false, true] {
        let mut whole = Meter::new(config(ip_defrag));
        for (index, (link_type, data)) in traces.iter().enumerate() {
            whole.frame(frame(index, *link_type, data));
        }

        let mut halves = Meter::new(config(ip_defrag));
        let dissector = halves.dissector();
        let buffer: Vec<u8> = traces.iter().flat_map(|(_, data)| data).copied().collect();
        let mut dissected = Dissected::default();
        let mut at = 0;
        for (index, (link_type, data)) in traces.iter().enumerate() {
            let data = &buffer[at..at + data.len()];
            at += data.len();
            dissector.dissect(frame(index, *link_type, data), &buffer, &mut dissected);
        }
        halves.dissected(&dissected, &buffer);

        let (stats, flows) = finished(halves);
        assert!(stats.flows_started > 10, "{stats:?}");
        assert_eq!((stats, flows), finished(whole));
    }
}

#[test]
fn a_meter_counts_again_after_it_was_closed() {
    let mut meter = Meter::new(config(false));
    let data = samples::arp_request();
    meter.frame(frame(0, 1, &data));
    meter.close(meter.latest_ns());
    assert_eq!(meter.stats().flows, 0);
    let again = meter.frame(frame(1, 1, &data));
    assert_eq!((again.number, meter.stats().flows), (1, 1));
}
