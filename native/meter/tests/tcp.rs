// SPDX-License-Identifier: Apache-2.0
//! What is told of a TCP connection.

mod samples;

use netsonde_meter::{wire, FlowBatch, Frame, LinkType, Meter, MeterConfig};
use proptest::prelude::*;
use samples::{ethernet, ipv4, CLIENT, CLIENT_MAC, SERVER, SERVER_MAC};

const MS: i64 = 1_000_000;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A segment: who sends it, sequence and acknowledgement numbers, flags, payload.
#[derive(Clone)]
struct Sent<'a>(bool, u32, u32, u8, &'a [u8]);

impl Sent<'_> {
    fn frame(&self, window: u16, options: &[u8]) -> Vec<u8> {
        let Self(from_client, sequence, acknowledgement, flags, payload) = *self;
        let ports: [u16; 2] = if from_client {
            [40000, 80]
        } else {
            [80, 40000]
        };
        let mut segment = ports.map(u16::to_be_bytes).concat();
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledgement.to_be_bytes());
        segment.extend([(5 + options.len() as u8 / 4) << 4, flags]);
        segment.extend(window.to_be_bytes());
        segment.extend([0; 4]);
        segment.extend(options);
        segment.extend(payload);
        if from_client {
            ethernet(
                CLIENT_MAC,
                SERVER_MAC,
                &[],
                0x0800,
                &ipv4(CLIENT, SERVER, 6, &segment),
            )
        } else {
            ethernet(
                SERVER_MAC,
                CLIENT_MAC,
                &[],
                0x0800,
                &ipv4(SERVER, CLIENT, 6, &segment),
            )
        }
    }
}

fn metered(frames: &[(i64, Vec<u8>)]) -> String {
    let mut meter = Meter::new(MeterConfig::default());
    for (ts_ns, data) in frames {
        meter.frame(Frame {
            ts_ns: *ts_ns,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    let (mut batch, mut text) = (FlowBatch::new(), String::new());
    meter.snapshot(&mut batch);
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    text
}

/// Segments at their milliseconds, with an open window and no options.
fn told(segments: &[(i64, Sent<'_>)]) -> String {
    let frame = |(ms, sent): &(i64, Sent<'_>)| (ms * MS, sent.frame(65000, &[]));
    metered(&segments.iter().map(frame).collect::<Vec<_>>())
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_handshake_tells_its_times_and_what_both_sides_offer() {
    let options = |size: u16, shift: u8| {
        let [high, low] = size.to_be_bytes();
        vec![2, 4, high, low, 1, 3, 3, shift]
    };
    let text = metered(&[
        (
            1000 * MS,
            Sent(true, 1, 0, SYN, b"").frame(64240, &options(1460, 7)),
        ),
        (
            1010 * MS,
            Sent(false, 9, 2, SYN | ACK, b"").frame(65160, &options(1400, 14)),
        ),
        (1015 * MS, Sent(true, 2, 10, ACK, b"").frame(502, &[])),
    ]);
    holds(
        &text,
        &[
            r#""RTT":10000000"#,
            r#""Handshake":15000000,"ABRTT":10000000,"BARTT":5000000"#,
            r#""ABRTTMin":10000000,"BARTTMin":5000000"#,
            r#""ABMSS":1460,"BAMSS":1400,"ABWindowScale":7,"BAWindowScale":14"#,
            r#""Client":"A","ClientBy":"handshake""#,
        ],
    );
}

#[test]
fn options_that_are_cut_or_lie_about_their_length_are_left_alone() {
    for options in [
        [2, 4, 5, 180],
        [2, 40, 5, 180],
        [3, 0, 3, 3],
        [1, 1, 1, 2],
        [3, 3, 200, 0],
    ] {
        let text = metered(&[(MS, Sent(true, 1, 0, SYN, b"").frame(1, &options))]);
        holds(&text, &[r#""ABPackets":1"#]);
    }
}

#[test]
fn round_trips_go_on_after_the_handshake() {
    let text = told(&[
        (1, Sent(true, 1, 1, ACK, b"abc")),
        (5, Sent(false, 1, 4, ACK, b"")),
        (10, Sent(true, 4, 1, ACK, b"def")),
        (22, Sent(false, 1, 7, ACK, b"answer")),
        (23, Sent(true, 7, 7, ACK, b"")),
    ]);
    // 4 ms, then an eighth of 12 ms beside seven eighths of it (RFC 6298).
    holds(
        &text,
        &[
            r#""ABRTT":5000000"#,
            r#""BARTT":1000000"#,
            r#""ABRTTMin":4000000"#,
        ],
    );
}

#[test]
fn an_acknowledgement_of_something_sent_twice_measures_nothing() {
    let text = told(&[
        (1, Sent(true, 1, 1, ACK, b"abc")),
        (300, Sent(true, 1, 1, ACK, b"abc")),
        (301, Sent(false, 1, 4, ACK, b"")),
    ]);
    holds(&text, &[r#""ABRetransmissions":1"#]);
    assert!(!text.contains("RTT"), "{text}");
}

#[test]
fn an_acknowledgement_of_earlier_bytes_measures_nothing() {
    let text = told(&[
        (1, Sent(true, 100, 1, ACK, b"abc")),
        (2, Sent(false, 1, 100, ACK, b"")),
    ]);
    assert!(!text.contains("RTT"), "{text}");
}

#[test]
fn round_trips_go_on_where_sequence_numbers_begin_anew() {
    let text = told(&[
        (1, Sent(true, u32::MAX - 1, 1, ACK, b"abcd")),
        (4, Sent(false, 1, 2, ACK, b"")),
    ]);
    holds(&text, &[r#""ABRTT":3000000"#]);
}

/// Option 8 behind two no-operations: the sender's clock, and what it has of the other's.
fn stamps(stamp: u32, echo: u32) -> Vec<u8> {
    let mut options = vec![1, 1, 8, 10];
    options.extend(stamp.to_be_bytes());
    options.extend(echo.to_be_bytes());
    options
}

/// Segments at their milliseconds, each with its stamp and echo.
fn told_stamped(segments: &[(i64, Sent<'_>, u32, u32)]) -> String {
    let frame = |(ms, sent, stamp, echo): &(i64, Sent<'_>, u32, u32)| {
        (ms * MS, sent.frame(65000, &stamps(*stamp, *echo)))
    };
    metered(&segments.iter().map(frame).collect::<Vec<_>>())
}

#[test]
fn the_stamp_of_a_copy_tells_its_acknowledgement_from_that_of_the_first() {
    let sent = |ms, stamp| (ms, Sent(true, 100, 500, ACK, b"hello"), stamp, 9);
    let acknowledged = |ms, echo| (ms, Sent(false, 500, 105, ACK, b""), 9, echo);
    let text = told_stamped(&[sent(0, 1000), sent(300, 1300), acknowledged(320, 1300)]);
    holds(&text, &[r#""ABRTT":20000000,"#]);
    let text = told_stamped(&[sent(0, 1000), sent(300, 1300), acknowledged(301, 1000)]);
    assert!(!text.contains("ABRTT"), "{text}");
}

/// A download: the client acknowledges at 100 ms with a stamp of its own, and the server's segments follow at the given
/// milliseconds with what each echoes.
fn download<'a>(then: &[(i64, u32)]) -> Vec<(i64, Sent<'a>, u32, u32)> {
    let from_server = |number: u32, ms, echo| {
        let sent = Sent(false, 1000 + 4 * number, 50, ACK, b"data");
        (ms, sent, 7000 + number, echo)
    };
    let mut all: Vec<_> = (0..40).map(|number| from_server(number, 10, 600)).collect();
    all.push((100, Sent(true, 50, 1160, ACK, b""), 777, 7039));
    all.extend(
        then.iter()
            .zip(40..)
            .map(|(&(ms, echo), number)| from_server(number, ms, echo)),
    );
    all
}

#[test]
fn the_round_trip_of_who_only_acknowledges_is_told_by_stamps() {
    let text = told_stamped(&download(&[(110, 600), (125, 600), (130, 777)]));
    holds(&text, &[r#""BARTT":30000000,"#]);
}

#[test]
fn an_echo_that_waited_for_something_to_say_measures_nothing() {
    let text = told_stamped(&download(&[(110, 600), (900, 777)]));
    assert!(!text.contains("BARTT"), "{text}");
    let text = told_stamped(&download(&[(130, 777)]));
    assert!(!text.contains("BARTT"), "{text}");
}

#[test]
fn closed_windows_are_counted_resets_and_handshakes_not() {
    let text = metered(&[
        (MS, Sent(true, 1, 0, SYN, b"").frame(0, &[])),
        (2 * MS, Sent(false, 1, 4, ACK, b"").frame(0, &[])),
        (3 * MS, Sent(false, 1, 4, ACK, b"").frame(0, &[])),
        (4 * MS, Sent(true, 4, 2, 0x04, b"").frame(0, &[])),
    ]);
    holds(&text, &[r#""BAZeroWindows":2"#]);
    assert!(!text.contains("ABZeroWindows"), "{text}");
}

#[test]
fn a_gap_that_nothing_fills_is_skipped_with_its_bytes() {
    let text = told(&[
        (1, Sent(true, 1, 1, ACK, b"ab")),
        (2, Sent(true, 13, 1, ACK, b"cd")),
        (3, Sent(true, 15, 1, ACK, b"ef")),
    ]);
    holds(
        &text,
        &[r#""ABSegmentOutOfOrder":0,"ABSegmentSkipped":1,"ABSegmentSkippedBytes":10"#],
    );
    assert!(!text.contains("Retransmissions"), "{text}");
}

proptest! {
    /// Whatever the order: what was sent once is no retransmission, and no gap is left.
    #[test]
    fn segments_in_any_order_are_out_of_order_at_most(
        lengths in prop::collection::vec(1usize..9, 2..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 12),
        start in any::<u32>(),
    ) {
        let mut sequence = start;
        let mut frames = vec![(MS, Sent(true, sequence, 1, ACK, b"x").frame(1000, &[]))];
        sequence = sequence.wrapping_add(1);
        let mut rest = Vec::new();
        for length in lengths {
            let payload = vec![7; length];
            rest.push((2 * MS, Sent(true, sequence, 1, ACK, &payload).frame(1000, &[])));
            sequence = sequence.wrapping_add(length as u32);
        }
        for (at, other) in order.iter().enumerate() {
            let last = rest.len() - 1;
            rest.swap(at.min(last), other.index(last + 1));
        }
        frames.extend(rest);
        let text = metered(&frames);
        prop_assert!(!text.contains("Retransmissions"), "{}", text);
        prop_assert!(text.contains(r#""ABSegmentSkippedBytes":0"#), "{}", text);
    }
}
