// SPDX-License-Identifier: Apache-2.0
//! What must hold for tunnels and fragments whatever the bytes: cut frames, pieces in any order, hostile nesting.

mod samples;

use netsonde_meter::{wire, FlowBatch, Frame, LinkType, Meter, MeterConfig, Ports};
use netsonde_packet::{parse, LayerPath};
use proptest::prelude::*;
use samples::{
    echo, ethernet, ipv4, ipv6, udp, CLIENT, CLIENT_MAC, SERVER, SERVER_MAC, V6_CLIENT, V6_SERVER,
};

const MS: i64 = 1_000_000;

fn segments(link_type: u16, data: &[u8], wire_len: usize) -> Vec<LayerPath> {
    let ports = Ports::default();
    let mut segment = Some(parse(
        LinkType::from_number(link_type),
        data,
        wire_len as u32,
        &ports,
    ));
    let mut paths = Vec::new();
    while let Some(headers) = segment {
        assert!(headers.payload.len() <= data.len());
        paths.push(headers.layers);
        segment = headers.inner(&ports);
    }
    paths
}

/// All layers that a cut frame shows are those of the whole one, in the same places.
fn is_beginning(cut: &[LayerPath], whole: &[LayerPath]) -> bool {
    let Some((last, before)) = cut.split_last() else {
        return true;
    };
    let same = whole.get(..before.len()) == Some(before);
    let layers = whole.get(before.len()).map_or(&[][..], LayerPath::as_slice);
    same && layers.starts_with(last.as_slice())
}

fn metered(config: MeterConfig, frames: &[Vec<u8>]) -> (Meter, Vec<String>) {
    let mut meter = Meter::new(MeterConfig {
        update_ns: 0,
        start_reports: false,
        ..config
    });
    for (index, data) in frames.iter().enumerate() {
        meter.frame(Frame {
            ts_ns: (index as i64 + 1) * MS,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    meter.close(frames.len() as i64 * MS);
    let mut batch = FlowBatch::new();
    meter.take_reports(&mut batch);
    let mut text = String::new();
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    let flows = text.lines().map(str::to_owned).collect();
    (meter, flows)
}

fn defragmenting() -> MeterConfig {
    MeterConfig {
        ip_defrag: true,
        ..MeterConfig::default()
    }
}

/// An IPv4 packet of UDP in pieces of `unit` times 8 bytes.
fn pieces(datagram: &[u8], unit: usize, id: u16) -> Vec<Vec<u8>> {
    let count = datagram.len().div_ceil(unit * 8);
    let piece = |(index, bytes): (usize, &[u8])| {
        let mut packet = ipv4(CLIENT, SERVER, 17, bytes);
        let more = if index + 1 < count { 0x2000 } else { 0 };
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6..8].copy_from_slice(&((index * unit) as u16 | more).to_be_bytes());
        ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &packet)
    };
    datagram.chunks(unit * 8).enumerate().map(piece).collect()
}

#[test]
fn a_frame_cut_anywhere_shows_a_beginning_of_its_layers() {
    let frames = samples::traces();
    assert!(frames.len() > 60, "the traces are missing");
    let others = samples::all().into_iter().map(|frame| (1, frame));
    for (link_type, frame) in frames.into_iter().chain(others) {
        let whole = segments(link_type, &frame, frame.len());
        for length in 0..frame.len() {
            let cut = segments(link_type, &frame[..length], frame.len());
            assert!(
                is_beginning(&cut, &whole),
                "{length} of {frame:02x?}: {cut:?}"
            );
        }
    }
}

#[test]
fn nesting_without_end_is_opened_to_a_depth_and_then_malformed() {
    let mut packet = ipv4(CLIENT, SERVER, 1, &echo(true, 1, 1));
    for _ in 0..20 {
        packet = ipv4(CLIENT, SERVER, 47, &[vec![0, 0, 8, 0], packet].concat());
    }
    let frame = ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &packet);
    let (meter, flows) = metered(MeterConfig::default(), &[frame]);
    assert_eq!((flows.len(), meter.stats().malformed), (8, 1));
}

#[test]
fn labels_that_fill_the_id_still_tell_tunnels_apart() {
    let frame = |last: u8| {
        let mut packet = Vec::new();
        for label in [1u8, 2, 3, 4, last] {
            packet.extend([0, label, u8::from(label == last), 64]);
        }
        packet.extend(ipv4(CLIENT, SERVER, 1, &echo(true, 1, 1)));
        ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x8847, &packet)
    };
    let (_, flows) = metered(MeterConfig::default(), &[frame(5), frame(6), frame(5)]);
    assert_eq!(flows.len(), 4);
}

#[test]
fn pieces_that_wait_take_bounded_memory_and_are_all_counted() {
    let datagram = udp(1, 2, &[0; 1400]);
    let frames: Vec<_> = (0..6000)
        .map(|id| pieces(&datagram, 88, id).swap_remove(0))
        .collect();
    let (meter, flows) = metered(defragmenting(), &frames);
    let stats = meter.stats().fragments;
    assert!(stats.evicted > 1000, "{stats:?}");
    assert_eq!(stats.evicted + stats.timeouts, 6000);
    assert_eq!(flows.len(), 1);
    assert!(flows[0].contains(r#""ABPackets":6000"#), "{flows:?}");
}

#[test]
fn pieces_whose_rest_is_late_are_given_up_in_time() {
    let both = pieces(&udp(1, 2, &[0; 100]), 8, 1);
    let mut meter = Meter::new(defragmenting());
    for (data, ts_ns) in both.iter().zip([MS, 31_000 * MS]) {
        meter.frame(Frame {
            ts_ns,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    meter.tick(62_000 * MS);
    let stats = meter.stats().fragments;
    assert_eq!((stats.whole, stats.timeouts), (0, 2));
}

#[test]
fn ipv6_in_pieces_behind_extension_headers_is_put_together() {
    let datagram = udp(
        4000,
        53,
        &samples::dns_message(7, false, &["www", "example", "org"]),
    );
    let frame = |bytes: &[u8], place: u16| {
        let [high, low] = place.to_be_bytes();
        let hop_by_hop = (0u8, vec![0, 1, 4, 0, 0, 0, 0]);
        let fragment = (44u8, vec![0, high, low, 0, 0, 0, 9]);
        let packet = ipv6(V6_CLIENT, V6_SERVER, &[hop_by_hop, fragment], 17, bytes);
        ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x86dd, &packet)
    };
    let frames = [frame(&datagram[24..], 24), frame(&datagram[..24], 1)];
    let (_, flows) = metered(defragmenting(), &frames);
    assert_eq!(flows.len(), 1);
    assert!(
        flows[0].contains("IPv6HopByHop/IPv6Fragment/Fragment/UDP/DNS"),
        "{flows:?}"
    );
    assert!(
        flows[0].contains(r#""name":"www.example.org""#),
        "{flows:?}"
    );
}

#[test]
fn batches_count_like_single_frames_in_tunnels_and_pieces() {
    let frames = samples::traces();
    let frames: Vec<Frame<'_>> = frames
        .iter()
        .enumerate()
        .map(|(index, (link_type, data))| Frame {
            ts_ns: index as i64 * MS,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::from_number(*link_type),
        })
        .collect();
    let mut single = Meter::new(defragmenting());
    let mut batched = Meter::new(defragmenting());
    for frame in &frames {
        single.frame(*frame);
    }
    batched.frames(frames.iter().copied());
    assert_eq!(single.stats(), batched.stats());
    let text = |meter: &Meter| {
        let (mut batch, mut text) = (FlowBatch::new(), String::new());
        meter.snapshot(&mut batch);
        wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
        text
    };
    assert_eq!(text(&single), text(&batched));
}

proptest! {
    #[test]
    fn a_broken_frame_cut_anywhere_shows_a_beginning_of_its_layers(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let frames = samples::traces();
        let (link_type, mut frame) = frames[which.index(frames.len())].clone();
        for (place, byte) in changes {
            let at = place.index(frame.len());
            frame[at] = byte;
        }
        let whole = segments(link_type, &frame, frame.len());
        let cut = segments(link_type, &frame[..cut.index(frame.len())], frame.len());
        prop_assert!(is_beginning(&cut, &whole), "{:?} of {:?}", cut, whole);
    }

    #[test]
    fn pieces_in_any_order_count_like_the_whole(
        length in 20usize..2000,
        unit in 1usize..40,
        order in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let datagram = udp(4000, 5000, &vec![7; length]);
        let mut frames = pieces(&datagram, unit, 1);
        for (at, other) in order.iter().enumerate() {
            let last = frames.len() - 1;
            frames.swap(at.min(last), other.index(last + 1));
        }
        let octets: usize = frames.iter().map(Vec::len).sum();
        let (meter, flows) = metered(defragmenting(), &frames);
        prop_assert_eq!(flows.len(), 1);
        let counts = format!(r#""ABPackets":{},"ABBytes":{octets},"#, frames.len());
        prop_assert!(flows[0].contains(&counts), "{} in {}", counts, flows[0]);
        prop_assert!(flows[0].contains(r#""A":4000,"B":5000"#));
        prop_assert_eq!(meter.stats().fragments.errors, 0);
    }
}
