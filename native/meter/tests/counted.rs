// SPDX-License-Identifier: Apache-2.0
//! Packets that the kernel counted make the flows that their packets would have made.

#![allow(clippy::unwrap_used)] // a test may panic

mod samples;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt32Type, UInt64Type, UInt8Type};
use arrow_array::RecordBatch;
use netsonde_meter::{Counted, Depth, FlowBatch, Frame, LinkType, Meter, MeterConfig};
use samples::{echo_frame, ethernet, ipv4, tcp_frame, udp, CLIENT, CLIENT_MAC, SERVER, SERVER_MAC};

const NOW: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn meter() -> Meter {
    Meter::new(MeterConfig {
        every_frame: false,
        ..MeterConfig::default()
    })
}

fn first(data: &[u8], at_ms: i64) -> Frame<'_> {
    Frame {
        ts_ns: NOW + at_ms * MS,
        wire_len: data.len() as u32,
        data,
        link_type: LinkType::Ethernet,
    }
}

/// Five packets of 500 octets, of which `data` began the first.
fn counted(data: &[u8], at_ms: i64, tcp_flags: u8) -> Counted<'_> {
    Counted {
        first: first(data, at_ms),
        depth: Depth::Transport,
        alike: data.len(),
        packets: 5,
        octets: 500,
        last_ns: NOW + at_ms * MS + 50 * MS,
        tcp_flags,
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

fn finish(meter: &Meter) -> Vec<u8> {
    let batch = flows(meter);
    let found = batch.column_by_name("finish_type").unwrap();
    found.as_primitive::<UInt8Type>().values().to_vec()
}

#[test]
fn both_directions_are_one_flow_with_the_ids_of_its_packets() {
    let (there, back) = (
        tcp_frame(true, 1, ACK, b"x"),
        tcp_frame(false, 1, ACK, b"y"),
    );
    let mut seen = Meter::new(MeterConfig::default());
    seen.frame(first(&there, 0));
    seen.frame(first(&back, 1));
    let mut told = meter();
    told.counted(&[counted(&there, 0, 0), counted(&back, 1, 0)]);
    let (seen, told) = (flows(&seen), flows(&told));
    for column in ["tracking_id", "l3_tracking_id"] {
        assert_eq!(numbers(&told, column), numbers(&seen, column));
    }
    for column in [
        "community_id",
        "layers_path",
        "network_a",
        "link_b",
        "client",
    ] {
        assert_eq!(texts(&told, column), texts(&seen, column));
    }
    let counts =
        ["ab_packets", "ab_bytes", "ba_packets", "ba_bytes"].map(|name| numbers(&told, name));
    assert_eq!(counts, [[5], [500], [5], [500]]);
}

#[test]
fn a_handshake_is_timed_and_names_the_client() {
    let (there, back) = (
        tcp_frame(true, 1, SYN, b""),
        tcp_frame(false, 9, SYN | ACK, b""),
    );
    let mut told = meter();
    told.counted(&[counted(&there, 0, SYN), counted(&back, 7, SYN)]);
    let batch = flows(&told);
    let rtt = batch.column_by_name("rtt_ns").unwrap();
    assert_eq!(rtt.as_primitive::<Int64Type>().value(0), 7 * MS);
    assert_eq!(texts(&batch, "client_by"), ["handshake"]);
}

#[test]
fn a_connection_is_over_when_both_sides_say_so() {
    let (there, back) = (
        tcp_frame(true, 1, ACK, b"x"),
        tcp_frame(false, 1, ACK, b"y"),
    );
    let mut told = meter();
    told.counted(&[counted(&there, 0, FIN), counted(&back, 1, 0)]);
    assert_eq!(finish(&told), [0]);
    told.counted(&[counted(&back, 100, FIN)]);
    assert_eq!(finish(&told), [2]);
    // The last acknowledgements still belong to it; a SYN does not.
    told.counted(&[counted(&there, 200, 0)]);
    assert_eq!(told.stats().flows_started, 1);
    let syn = tcp_frame(true, 77, SYN, b"");
    told.counted(&[counted(&syn, 300, SYN)]);
    assert_eq!((told.stats().flows_started, finish(&told)), (2, vec![0]));
}

#[test]
fn a_reset_ends_a_connection_at_once() {
    let there = tcp_frame(true, 1, ACK, b"x");
    let mut told = meter();
    told.counted(&[counted(&there, 0, RST)]);
    assert_eq!(finish(&told), [3]);
}

#[test]
fn the_end_of_a_flow_that_had_to_go_is_not_told_of_another() {
    let (there, other) = (tcp_frame(true, 1, ACK, b"x"), echo_frame(true, 1, 1));
    let mut told = Meter::new(MeterConfig {
        every_frame: false,
        max_flows: 1,
        ..MeterConfig::default()
    });
    told.counted(&[counted(&there, 0, FIN), counted(&other, 1, 0)]);
    assert_eq!((told.stats().evicted, finish(&told)), (1, vec![0]));
}

#[test]
fn an_echo_is_timed_and_none_counts_as_unanswered() {
    let (question, answer) = (echo_frame(true, 5, 1), echo_frame(false, 5, 1));
    let mut told = meter();
    told.counted(&[counted(&question, 0, 0), counted(&answer, 3, 0)]);
    told.counted(&[counted(&question, 100, 0)]);
    let batch = flows(&told);
    let rtt = batch.column_by_name("rtt_ns").unwrap();
    assert_eq!(rtt.as_primitive::<Int64Type>().value(0), 3 * MS);
    assert_eq!(texts(&batch, "icmp_type"), ["ECHO"]);
    // Most questions and answers are not seen: whether the second one was answered cannot be known.
    let unanswered = batch.column_by_name("icmp_unanswered").unwrap();
    assert_eq!(unanswered.as_primitive::<UInt32Type>().value(0), 0);
    assert_eq!(numbers(&batch, "ab_packets"), [10]);
}

#[test]
fn what_only_the_first_packet_says_makes_no_flow() {
    // GTP-U: the tunnel's id tells flows apart, and the program does not read it.
    let inner = ipv4(CLIENT, SERVER, 17, &udp(1, 2, b"x"));
    let tunnel = [
        &[0x30, 0xff, 0, inner.len() as u8, 0, 0, 0, 9],
        inner.as_slice(),
    ]
    .concat();
    let packet = ipv4(CLIENT, SERVER, 17, &udp(2152, 2152, &tunnel));
    let frame = ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &packet);
    let mut told = meter();
    let one = Counted {
        alike: 42,
        ..counted(&frame, 0, 0)
    };
    told.counted(&[one]);
    let batch = flows(&told);
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(texts(&batch, "layers_path"), ["Ethernet/IPv4/UDP"]);
    let id = batch.column_by_name("network_id").unwrap();
    assert_eq!(id.as_primitive::<Int64Type>().value(0), 0);
}

#[test]
fn bytes_that_are_not_there_are_counted_without_a_flow() {
    let mut told = meter();
    told.counted(&[Counted {
        alike: 500,
        ..counted(&[1, 2, 3], 0, 0)
    }]);
    assert_eq!((told.stats().unreadable, told.stats().flows), (5, 0));
}
