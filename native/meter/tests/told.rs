// SPDX-License-Identifier: Apache-2.0
//! Flows that others saw have the ids of those whose packets were seen, and the counts that were told.

#![allow(clippy::unwrap_used)] // a test may panic

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt64Type, UInt8Type};
use arrow_array::RecordBatch;
use netsonde_exports::{Counts, FlowRecord, Header};
use netsonde_meter::{FlowBatch, Frame, LinkType, Meter, MeterConfig};
use netsonde_packet::{Ethernet, Network};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn meter(every_frame: bool) -> Meter {
    Meter::new(MeterConfig {
        every_frame,
        exports: true,
        ..MeterConfig::default()
    })
}

fn record() -> FlowRecord {
    FlowRecord {
        link: Some(Ethernet::new([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1])),
        network: Network::V4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 1, 1],
        },
        ip_protocol: 6,
        ports: (1000, 80),
        tcp_flags: 0x12,
        start_ns: NOW,
        end_ns: NOW + SECOND,
        forward: Counts {
            packets: 5,
            octets: 500,
        },
        ..FlowRecord::default()
    }
}

fn flows(meter: &Meter) -> RecordBatch {
    let mut out = FlowBatch::new();
    meter.snapshot(&mut out);
    out.into_record_batch()
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<u64> {
    let found = batch.column_by_name(column).unwrap();
    found.as_primitive::<UInt64Type>().values().to_vec()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let found = batch.column_by_name(column).unwrap().as_string::<i32>();
    found.iter().flatten().map(str::to_owned).collect()
}

fn ids(meter: &Meter) -> (Vec<u64>, Vec<u64>, Vec<String>, Vec<String>) {
    let batch = flows(meter);
    (
        numbers(&batch, "tracking_id"),
        numbers(&batch, "l3_tracking_id"),
        texts(&batch, "community_id"),
        texts(&batch, "layers_path"),
    )
}

#[test]
fn a_record_and_a_packet_of_the_same_flow_have_the_same_ids() {
    let header = Header::of(&record());
    let mut seen = meter(true);
    seen.frame(Frame {
        ts_ns: NOW,
        wire_len: 54,
        data: header.bytes(),
        link_type: LinkType::Ethernet,
    });
    let mut told = meter(false);
    assert!(told.record(&record()));
    assert_eq!(ids(&told), ids(&seen));
    assert_eq!(ids(&told).2.len(), 1);
}

#[test]
fn a_record_without_macs_is_tracked_by_the_same_l3_id() {
    let mut with = meter(false);
    with.record(&record());
    let mut without = meter(false);
    without.record(&FlowRecord {
        link: None,
        ..record()
    });
    assert_eq!(ids(&without).1, ids(&with).1);
    assert_eq!(ids(&without).0, ids(&without).1);
    assert_eq!(ids(&without).2, ids(&with).2);
}

#[test]
fn records_of_both_directions_are_one_flow() {
    let mut told = meter(false);
    told.record(&record());
    let back = FlowRecord {
        reverse: Counts {
            packets: 4,
            octets: 4000,
        },
        forward: Counts::default(),
        ..record()
    };
    told.record(&back.reversed());
    let batch = flows(&told);
    let counts =
        ["ab_packets", "ab_bytes", "ba_packets", "ba_bytes"].map(|name| numbers(&batch, name));
    assert_eq!(counts, [[5], [500], [4], [4000]]);
}

#[test]
fn a_connection_that_was_told_to_be_over_begins_anew_with_a_later_record() {
    let mut told = meter(false);
    let over = FlowRecord {
        tcp_flags: 0x13,
        ..record()
    };
    told.record(&over);
    // The other direction of the same connection is no new one.
    told.record(&over.reversed());
    assert_eq!(told.stats().flows_started, 1);
    told.record(&FlowRecord {
        start_ns: NOW + 5 * SECOND,
        end_ns: NOW + 6 * SECOND,
        ..over
    });
    assert_eq!((told.stats().flows_started, told.stats().flows), (2, 1));
}

#[test]
fn a_record_without_ends_is_refused() {
    assert!(!meter(false).record(&FlowRecord {
        link: None,
        network: Network::None,
        ..record()
    }));
}

#[test]
fn a_sampled_frame_counts_for_all_and_its_connection_is_not_followed() {
    let header = Header::of(&record());
    let mut sampled = meter(false);
    for number in 0..2 {
        sampled.sampled(
            Frame {
                ts_ns: NOW + number,
                wire_len: 1000,
                data: header.bytes(),
                link_type: LinkType::Ethernet,
            },
            400,
        );
    }
    let batch = flows(&sampled);
    assert_eq!(numbers(&batch, "ab_packets"), [800]);
    assert_eq!(numbers(&batch, "ab_bytes"), [800_000]);
    assert_eq!(numbers(&batch, "ab_retransmissions"), [0]);
    let measured = batch.column_by_name("tcp_metric").unwrap();
    assert_eq!(measured.as_primitive::<UInt8Type>().value(0), 0);
}

#[test]
fn exports_tell_what_came_since_the_last_one_in_octets_of_ip() {
    let header = Header::of(&record());
    let mut seen = meter(true);
    let mut told = Vec::new();
    for second in 0..3 {
        let ts_ns = NOW + second * 20 * SECOND;
        seen.frame(Frame {
            ts_ns,
            wire_len: 54,
            data: header.bytes(),
            link_type: LinkType::Ethernet,
        });
        seen.tick(ts_ns);
        seen.take_reports(&mut FlowBatch::new());
        told.extend(seen.take_exports());
    }
    let counts: Vec<_> = told.iter().map(|one| (one.forward, one.reverse)).collect();
    let one = Counts {
        packets: 1,
        octets: 40,
    };
    assert_eq!(counts, [(one, Counts::default()); 3]);
    assert_eq!((told[0].ports, told[0].link), ((1000, 80), record().link));
    assert_eq!(
        [told[1].start_ns, told[2].start_ns],
        [NOW, NOW + 20 * SECOND]
    );
}

#[test]
fn hostile_counts_end_at_the_greatest_number() {
    let mut told = meter(false);
    let huge = FlowRecord {
        forward: Counts {
            packets: u64::MAX,
            octets: u64::MAX,
        },
        ..record()
    };
    told.record(&huge);
    told.record(&huge);
    told.tick(NOW + 30 * SECOND);
    told.take_reports(&mut FlowBatch::new());
    told.record(&huge.reversed());
    assert_eq!(numbers(&flows(&told), "ab_packets"), [u64::MAX]);
}
