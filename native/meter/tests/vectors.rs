// SPDX-License-Identifier: Apache-2.0
//! Ids, directions and records of frames made by hand.

mod samples;

use netsonde_meter::{wire, FlowBatch, Frame, LayerKeyMode, LinkType, Meter, MeterConfig};
use samples::{
    dhcp_frame, dns_frame, dns_message, echo_frame, ethernet, ipv4, tcp, tcp_frame, CLIENT_MAC,
    SERVER_MAC,
};

const MS: i64 = 1_000_000;

fn metered(config: MeterConfig, frames: &[(i64, Vec<u8>)]) -> (Meter, String) {
    let mut meter = Meter::new(config);
    for (ts_ns, data) in frames {
        meter.frame(Frame {
            ts_ns: *ts_ns,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    let text = snapshot(&meter);
    (meter, text)
}

fn snapshot(meter: &Meter) -> String {
    let mut batch = FlowBatch::new();
    meter.snapshot(&mut batch);
    let mut text = String::new();
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    text
}

fn reports(meter: &mut Meter) -> Vec<String> {
    let mut batch = FlowBatch::new();
    meter.take_reports(&mut batch);
    let mut text = String::new();
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    text.lines().map(str::to_owned).collect()
}

fn at_ms(frames: Vec<Vec<u8>>) -> Vec<(i64, Vec<u8>)> {
    frames
        .into_iter()
        .enumerate()
        .map(|(index, frame)| ((index as i64 + 1) * MS, frame))
        .collect()
}

fn connection(client_mac: [u8; 6], server_mac: [u8; 6]) -> Vec<u8> {
    let segment = tcp(1000, 80, 1, 2, b"");
    ethernet(
        client_mac,
        server_mac,
        &[],
        0x0800,
        &ipv4([10, 0, 0, 1], [10, 0, 1, 1], 6, &segment),
    )
}

#[test]
fn l3_tracking_id_is_the_same_on_both_sides_of_a_router() {
    let before = at_ms(vec![connection([0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 2])]);
    let behind = at_ms(vec![connection([0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 0, 3])]);
    for frames in [before, behind] {
        let (_, text) = metered(MeterConfig::default(), &frames);
        assert!(
            text.contains(r#""L3TrackingID":"f1dcb3b588eb3ed1""#),
            "{text}"
        );
    }
}

#[test]
fn reference_ids_depend_on_the_order_of_macs_as_there() {
    let config = || MeterConfig {
        reference_ids: true,
        ..MeterConfig::default()
    };
    let (_, text) = metered(
        config(),
        &at_ms(vec![connection([0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 0, 3])]),
    );
    assert!(
        text.contains(r#""L3TrackingID":"c2735f4f29a2cde3""#),
        "{text}"
    );
}

#[test]
fn non_ip_flows_have_the_l3_id_of_nothing() {
    let (_, text) = metered(MeterConfig::default(), &at_ms(vec![samples::arp_request()]));
    assert!(
        text.contains(r#""L3TrackingID":"ef46db3751d8e999""#),
        "{text}"
    );
}

#[test]
fn the_same_addresses_on_two_vlans_are_two_flows() {
    let frame = |tag| {
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[tag],
            0x0800,
            &ipv4([10, 0, 0, 1], [10, 0, 0, 2], 1, &samples::echo(true, 1, 1)),
        )
    };
    let (meter, text) = metered(MeterConfig::default(), &at_ms(vec![frame(8), frame(10)]));
    assert_eq!(meter.stats().flows, 2);
    assert!(
        text.contains(r#""ID":8}"#) && text.contains(r#""ID":10}"#),
        "{text}"
    );
}

#[test]
fn loopback_directions_follow_the_ports_of_the_first_packet() {
    let zero = [0; 6];
    let local = [127, 0, 0, 1];
    let up = ethernet(
        zero,
        zero,
        &[],
        0x0800,
        &ipv4(local, local, 6, &tcp(50000, 8080, 1, 2, b"")),
    );
    let down = ethernet(
        zero,
        zero,
        &[],
        0x0800,
        &ipv4(local, local, 6, &tcp(8080, 50000, 1, 0x12, b"")),
    );
    let (_, text) = metered(MeterConfig::default(), &at_ms(vec![up.clone(), down, up]));
    assert!(
        text.contains(r#""Transport":{"Protocol":"TCP","A":50000,"B":8080"#),
        "{text}"
    );
    assert!(
        text.contains(r#""ABPackets":2,"ABBytes":108,"BAPackets":1,"BABytes":54"#),
        "{text}"
    );
    assert!(text.contains(r#""Client":"A""#), "{text}");
}

#[test]
fn l3_mode_ignores_macs() {
    let config = MeterConfig {
        layer_key_mode: LayerKeyMode::L3,
        ..MeterConfig::default()
    };
    let frames = vec![
        connection([0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 2]),
        connection([0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 0, 3]),
    ];
    let (meter, text) = metered(config, &at_ms(frames));
    assert_eq!(meter.stats().flows, 1);
    assert!(text.contains(r#""ABPackets":2"#), "{text}");
}

#[test]
fn a_connection_closed_by_both_ends_finishes_by_fin_and_a_reset_one_by_rst() {
    let handshake = || {
        vec![
            tcp_frame(true, 1, 0x02, b""),
            tcp_frame(false, 1, 0x12, b""),
        ]
    };
    let mut closing = handshake();
    closing.extend([
        tcp_frame(true, 2, 0x11, b""),
        tcp_frame(false, 2, 0x11, b""),
    ]);
    let mut half = handshake();
    half.push(tcp_frame(true, 2, 0x11, b""));
    let mut reset = handshake();
    reset.push(tcp_frame(false, 2, 0x04, b""));
    let finish = |frames| metered(MeterConfig::default(), &at_ms(frames)).1;
    assert!(finish(closing).contains(r#""FinishType":2"#));
    assert!(!finish(half).contains("FinishType"));
    assert!(finish(reset).contains(r#""FinishType":3"#));
}

#[test]
fn a_repeated_syn_counts_as_the_same_side_and_is_a_retransmission() {
    let frames = at_ms(vec![
        tcp_frame(true, 1, 0x02, b""),
        tcp_frame(true, 1, 0x02, b""),
        tcp_frame(false, 1, 0x12, b""),
    ]);
    let (_, text) = metered(MeterConfig::default(), &frames);
    assert!(text.contains(r#""ABSynStart":1,"BASynStart":3"#), "{text}");
    assert!(text.contains(r#""RTT":1000000"#), "{text}");
    assert!(text.contains(r#""ABRetransmissions":1"#), "{text}");
}

#[test]
fn a_gap_filled_late_is_out_of_order_and_no_retransmission() {
    let frames = [(1, "aa"), (5, "cc"), (3, "bb"), (7, "dd")];
    let segments = frames.map(|(sequence, text)| tcp_frame(true, sequence, 0x18, text.as_bytes()));
    let (_, text) = metered(MeterConfig::default(), &at_ms(segments.to_vec()));
    assert!(
        text.contains(r#""ABSegmentOutOfOrder":1,"ABSegmentSkipped":0,"ABSegmentSkippedBytes":0"#),
        "{text}"
    );
    assert!(!text.contains("Retransmissions"), "{text}");
}

#[test]
fn a_keep_alive_is_no_retransmission() {
    let frames = vec![
        tcp_frame(true, 1, 0x18, b"abc"),
        tcp_frame(true, 3, 0x10, b""),
        tcp_frame(true, 3, 0x10, b"c"),
    ];
    let (_, text) = metered(MeterConfig::default(), &at_ms(frames));
    assert!(!text.contains("Retransmissions"), "{text}");
}

#[test]
fn echo_round_trips_match_by_sequence_after_a_lost_reply() {
    let frames = vec![
        (MS, echo_frame(true, 7, 1)),
        (1000 * MS, echo_frame(true, 7, 2)),
        (1003 * MS, echo_frame(false, 7, 2)),
    ];
    let (_, text) = metered(MeterConfig::default(), &frames);
    assert!(text.contains(r#""RTT":3000000"#), "{text}");
    assert!(text.contains(r#""Unanswered":1"#), "{text}");
}

#[test]
fn dns_with_a_cookie_gives_latency_and_records() {
    let name = ["www", "example", "org"];
    let frames = vec![
        (MS, dns_frame(true, &dns_message(9, false, &name))),
        (5 * MS, dns_frame(false, &dns_message(9, true, &name))),
    ];
    let (_, text) = metered(MeterConfig::default(), &frames);
    for part in [
        r#""LayersPath":"Ethernet/IPv4/UDP/DNS""#,
        r#""latency":4000000"#,
        r#""IP":"192.0.2.7""#,
        r#""OPT":[{"code":10"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn all_flows_of_a_dhcp_transaction_tell_its_whole_story() {
    let frames = at_ms(vec![
        dhcp_frame(1, 7),
        dhcp_frame(2, 7),
        dhcp_frame(3, 7),
        dhcp_frame(5, 7),
    ]);
    let (meter, text) = metered(MeterConfig::default(), &frames);
    assert_eq!(meter.stats().flows, 2);
    for flow in text.lines() {
        for part in [
            r#""type":"Discover""#,
            r#""type":"ACK""#,
            r#""bound":true"#,
            r#""latency":3000000"#,
            r#""address":"10.0.0.1""#,
            r#""lease_s":3600"#,
        ] {
            assert!(flow.contains(part), "{part} in {flow}");
        }
    }
}

#[test]
fn a_flow_is_reported_at_its_start_while_it_changes_and_at_its_end() {
    let mut meter = Meter::new(MeterConfig::default());
    let send = |meter: &mut Meter, ts_ns: i64| {
        let data = echo_frame(true, 1, 1);
        meter.frame(Frame {
            ts_ns,
            wire_len: 98,
            data: &data,
            link_type: LinkType::Ethernet,
        });
    };
    meter.tick(1000 * MS);
    send(&mut meter, 1000 * MS);
    assert_eq!(reports(&mut meter).len(), 1, "start");
    meter.tick(2000 * MS);
    assert_eq!(reports(&mut meter).len(), 0, "nothing new");
    send(&mut meter, 3000 * MS);
    send(&mut meter, 3001 * MS);
    meter.tick(11_000 * MS);
    let update = reports(&mut meter);
    assert_eq!(update.len(), 1);
    assert!(
        update[0].contains(r#""LastUpdateMetric":{"ABPackets":2,"ABBytes":196"#),
        "{}",
        update[0]
    );
    meter.tick(21_000 * MS);
    assert_eq!(reports(&mut meter).len(), 0, "unchanged");
    for second in 0..8 {
        meter.tick((700 + second) * 1000 * MS);
    }
    let end = reports(&mut meter);
    assert_eq!(end.len(), 1);
    assert!(end[0].contains(r#""FinishType":1"#), "{}", end[0]);
    assert_eq!(meter.stats().flows, 0);
}

#[test]
fn a_syn_after_the_end_opens_another_flow() {
    let frames = vec![
        tcp_frame(true, 1, 0x02, b""),
        tcp_frame(false, 1, 0x14, b""),
        tcp_frame(true, 50, 0x02, b""),
    ];
    let (mut meter, text) = metered(MeterConfig::default(), &at_ms(frames));
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains(r#""ABPackets":1"#), "{text}");
    let ended = reports(&mut meter);
    assert!(
        ended
            .iter()
            .any(|report| report.contains(r#""FinishType":3"#)),
        "{ended:?}"
    );
}

#[test]
fn a_full_table_ends_idle_flows_and_counts_them() {
    let mut meter = Meter::new(MeterConfig {
        max_flows: 10,
        start_reports: false,
        ..MeterConfig::default()
    });
    for id in 0..25 {
        let data = echo_frame(true, id, 1);
        meter.frame(Frame {
            ts_ns: i64::from(id) * MS,
            wire_len: 98,
            data: &data,
            link_type: LinkType::Ethernet,
        });
    }
    assert_eq!((meter.stats().flows, meter.stats().evicted), (10, 15));
    let evicted = reports(&mut meter);
    assert_eq!(evicted.len(), 15);
    assert!(evicted
        .iter()
        .all(|report| report.contains(r#""FinishType":5"#)));
}

#[test]
fn batches_count_like_single_frames() {
    let frames = samples::all();
    let as_frame = |(index, data): (usize, &'_ Vec<u8>)| (index as i64 * MS, data.len() as u32);
    let mut single = Meter::new(MeterConfig::default());
    let mut batched = Meter::new(MeterConfig::default());
    for (index, data) in frames.iter().enumerate() {
        let (ts_ns, wire_len) = as_frame((index, data));
        single.frame(Frame {
            ts_ns,
            wire_len,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    batched.frames(frames.iter().enumerate().map(|(index, data)| {
        let (ts_ns, wire_len) = as_frame((index, data));
        Frame {
            ts_ns,
            wire_len,
            data,
            link_type: LinkType::Ethernet,
        }
    }));
    assert_eq!(snapshot(&single), snapshot(&batched));
    assert_eq!(single.stats(), batched.stats());
}
