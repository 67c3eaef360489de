// SPDX-License-Identifier: Apache-2.0
//! Batches of frames through one capture.

use std::collections::HashMap;

use netsonde_meter::PacketBatch;

use super::*;

fn options() -> CaptureOptions {
    CaptureOptions {
        filter: String::new(),
        layer_key_mode: LayerKeyMode::L2,
        tcp_metrics: false,
        ip_defrag: false,
        ports: Ports::default(),
        applications: Applications::default(),
        keep: KeepOptions {
            first: 1000,
            snap: 256,
            ring_bytes: 0,
            ring_ns: 0,
            per_flow: -1,
        },
        max_packets: 0,
        max_bytes: 0,
        max_duration_ns: 0,
        update_ns: 1,
        expire_ns: 1_000_000_000,
        max_flows: 1000,
        every_frame: true,
    }
}

fn subscription(options: CaptureOptions, threads: usize) -> Subscription {
    let point = Point {
        capture_id: "c".to_owned(),
        netns: 1,
        ifindex: 2,
    };
    let identity = Identity {
        point,
        ifname: "v0".to_owned(),
        node_tid: "tid".to_owned(),
        host: "host".to_owned(),
        link_type: LinkType::Ethernet,
        armed_before_up: false,
    };
    let memory = Arc::new(Budget::new(1 << 20));
    let workers = Arc::new(Workers::new(threads));
    Subscription::new(identity, options, memory, Vec::new(), workers).expect("no filter")
}

/// UDP from one of fifty hosts to one.
fn data(number: u8) -> [u8; 60] {
    let mut frame = [0; 60];
    frame[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
    frame[26..34].copy_from_slice(&[10, 0, 0, number % 50, 10, 0, 1, 1]);
    frame[34..42].copy_from_slice(&[0x0f, 0xa0, 0x13, 0x88, 0, 26, 0, 0]);
    frame
}

fn offer(subscription: &mut Subscription, count: usize) -> Vec<EventKind> {
    let all: Vec<_> = (0..count).map(|number| data(number as u8)).collect();
    let frames: Vec<_> = (1..)
        .zip(&all)
        .map(|(ts_ns, data)| RawFrame {
            ts_ns,
            wire_len: data.len() as u32,
            data,
        })
        .collect();
    let mut events = Vec::new();
    subscription.offer(&frames, false, &mut events);
    events.iter().map(|event| event.kind).collect()
}

fn kept(subscription: &Subscription) -> usize {
    let wanted = PacketQuery {
        capture_id: "c".to_owned(),
        node_tids: None,
        flow_uuids: None,
        after: -1,
        since_ns: HashMap::new(),
        limit: 0,
    };
    let mut batch = PacketBatch::new();
    let mut limit = usize::MAX;
    subscription.packets(&wanted, &mut limit, &mut batch);
    batch.len()
}

#[test]
fn a_batch_is_cut_behind_the_frame_that_reaches_a_limit() {
    let packets = CaptureOptions {
        max_packets: 3,
        ..options()
    };
    let bytes = CaptureOptions {
        max_bytes: 2 * 60 + 1,
        ..options()
    };
    for limited in [packets, bytes] {
        let mut subscription = subscription(limited, 4);
        let events = offer(&mut subscription, 10);
        assert_eq!(events, [EventKind::FirstPacket, EventKind::Finished]);
        let frames = subscription.meter_stats().frames;
        let packets = subscription.counters.packets;
        assert_eq!((frames, packets, kept(&subscription)), (3, 3, 3));
        assert_eq!(offer(&mut subscription, 10), []);
        assert_eq!(subscription.counters.packets, 3);
    }
}

#[test]
fn who_does_not_keep_up_is_helped_and_gives_the_same() {
    let reports = |threads, is_behind| {
        let mut subscription = subscription(options(), threads);
        subscription.is_behind = is_behind;
        offer(&mut subscription, 600);
        assert_eq!(kept(&subscription), 600);
        let mut reports = FlowBatch::new();
        subscription.close(&mut reports);
        let mut text = String::new();
        netsonde_meter::csv::write_rows(&reports.into_record_batch(), &mut text);
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let alone = reports(1, false);
    assert_eq!(alone.len(), 50);
    assert_eq!(reports(4, true), alone);
    assert_eq!(reports(4, false), alone);
}
