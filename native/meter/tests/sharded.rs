// SPDX-License-Identifier: Apache-2.0
//! Several meters that share frames give what one gives: the same reports with the same ids, the same numbers of frames.

mod samples;

use std::sync::Arc;

use netsonde_meter::{
    csv, Dealt, FlowBatch, Frame, LinkType, Meter, MeterConfig, MeterStats, Sharded, Workers,
};
use proptest::prelude::*;
use samples::{arp_request, dhcp_message, dns_message, echo, ethernet, ipv4, ipv6, tcp, udp};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const METERS: [usize; 3] = [1, 2, 5];
/// When all has passed: pieces are given up first, then flows end, a quarter of a table at a time.
const IDLE: [i64; 6] = [
    40 * SECOND,
    1000 * SECOND,
    1001 * SECOND,
    1002 * SECOND,
    1003 * SECOND,
    1004 * SECOND,
];

/// A frame of a mixture, by numbers of ends: few, so that all meet.
#[derive(Clone, Debug)]
enum Kind {
    Tcp(u8, u32),
    Udp,
    Dns(bool, u16),
    Echo(bool, u16),
    /// A router says that a packet the other way did not arrive.
    Error(u8, Box<Kind>),
    /// One of three pieces.
    Piece(u8, u16),
    Dhcp(u8, u32),
    Arp(bool),
    Neighbour(bool),
    /// In VXLAN between other ends.
    Tunnel(u8, u8, Box<Kind>),
    Vlan(u16, Box<Kind>),
    Noise(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Sent {
    kind: Kind,
    from: u8,
    to: u8,
    v6: bool,
    /// Bytes cut off.
    cut: usize,
}

fn plain() -> impl Strategy<Value = Kind> {
    let flags = prop::sample::select(vec![0x02u8, 0x12, 0x10, 0x18, 0x11, 0x14]);
    prop_oneof![
        5 => (flags, 1u32..400).prop_map(|(flags, sequence)| Kind::Tcp(flags, sequence)),
        3 => Just(Kind::Udp),
        2 => (any::<bool>(), 0u16..3).prop_map(|(answer, id)| Kind::Dns(answer, id)),
        2 => (any::<bool>(), 0u16..3).prop_map(|(asks, sequence)| Kind::Echo(asks, sequence)),
        2 => (0u8..3, 0u16..3).prop_map(|(piece, id)| Kind::Piece(piece, id)),
        2 => (prop::sample::select(vec![1u8, 2, 3, 5]), 0u32..3).prop_map(|(kind, xid)| Kind::Dhcp(kind, xid)),
        1 => any::<bool>().prop_map(Kind::Arp),
        2 => any::<bool>().prop_map(Kind::Neighbour),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Kind::Noise),
    ]
}

fn error() -> impl Strategy<Value = Kind> {
    let message = prop::sample::select(vec![3u8, 11, 5]);
    (message, plain()).prop_map(|(message, about)| Kind::Error(message, Box::new(about)))
}

fn kinds() -> impl Strategy<Value = Kind> {
    let tunnel = (0u8..4, 0u8..4, prop_oneof![plain(), error()]);
    let tunnel = tunnel.prop_map(|(from, to, inner)| Kind::Tunnel(from, to, Box::new(inner)));
    let vlan = (0u16..2, plain()).prop_map(|(vlan, inner)| Kind::Vlan(vlan, Box::new(inner)));
    prop_oneof![8 => plain(), 3 => error(), 2 => tunnel, 1 => vlan]
}

fn sent() -> impl Strategy<Value = Sent> {
    let cut = prop_oneof![9 => Just(0usize), 1 => 1usize..60];
    (kinds(), 0u8..5, 0u8..5, any::<bool>(), cut).prop_map(|(kind, from, to, v6, cut)| Sent {
        kind,
        from,
        to,
        v6,
        cut,
    })
}

fn mac(end: u8) -> [u8; 6] {
    [0x52, 0x54, 0, 0, 1, end]
}

fn address6(end: u8) -> [u8; 16] {
    [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, end]
}

impl Sent {
    fn frame(&self) -> Vec<u8> {
        let mut frame = self.whole(&self.kind, &[]);
        frame.truncate(frame.len().saturating_sub(self.cut).max(14));
        frame
    }

    fn whole(&self, kind: &Kind, tags: &[u16]) -> Vec<u8> {
        let (from, to) = (mac(self.from), mac(self.to));
        match kind {
            Kind::Vlan(vlan, inner) => self.whole(inner, &[*vlan + 1]),
            Kind::Arp(asks) => {
                let mut frame = arp_request();
                (frame[21], frame[31], frame[41]) = (2 - u8::from(*asks), self.from, self.to);
                frame
            }
            Kind::Noise(bytes) => ethernet(from, to, tags, 0x88b5, bytes),
            kind => {
                let (v6, packet) = self.packet(kind);
                ethernet(from, to, tags, if v6 { 0x86dd } else { 0x0800 }, &packet)
            }
        }
    }

    fn packet(&self, kind: &Kind) -> (bool, Vec<u8>) {
        let ports = (4000 + u16::from(self.from), 4000 + u16::from(self.to));
        let v6 = self.v6;
        let packet = |protocol: u8, payload: &[u8]| (v6, self.ip(v6, protocol, payload));
        match kind {
            Kind::Tcp(flags, sequence) => {
                packet(6, &tcp(ports.0, ports.1, *sequence, *flags, b"GET / HTTP"))
            }
            Kind::Udp => packet(17, &udp(ports.0, ports.1, &[7; 30])),
            Kind::Dns(answer, id) => {
                let (from, to) = if *answer { (53, 5555) } else { (5555, 53) };
                packet(
                    17,
                    &udp(from, to, &dns_message(*id, *answer, &["example", "org"])),
                )
            }
            Kind::Echo(asks, sequence) => (false, self.ip(false, 1, &echo(*asks, 7, *sequence))),
            Kind::Error(message, about) => {
                let back = Sent {
                    from: self.to,
                    to: self.from,
                    ..self.clone()
                };
                let (v6, quoted) = back.packet(about);
                let mut error = vec![if v6 { 1 } else { *message }, 1, 0, 0, 0, 0, 0, 0];
                error.extend(quoted);
                let router = Sent {
                    from: 9 + message % 2,
                    ..self.clone()
                };
                (v6, router.ip(v6, if v6 { 58 } else { 1 }, &error))
            }
            Kind::Piece(piece, id) => {
                let datagram = udp(ports.0, ports.1, &[3; 40]);
                let (begin, more) = (usize::from(*piece) * 16, u16::from(*piece < 2) << 13);
                let mut packet = self.ip(false, 17, &datagram[begin..(begin + 16).min(48)]);
                packet[4..6].copy_from_slice(&id.to_be_bytes());
                packet[6..8].copy_from_slice(&(more | (begin / 8) as u16).to_be_bytes());
                (false, packet)
            }
            Kind::Dhcp(kind, xid) => {
                let (from, to) = if matches!(kind, 2 | 5) {
                    (67, 68)
                } else {
                    (68, 67)
                };
                (
                    false,
                    self.ip(false, 17, &udp(from, to, &dhcp_message(*kind, *xid))),
                )
            }
            Kind::Neighbour(asks) => {
                let mut message = vec![136 - u8::from(*asks), 0, 0, 0, 0, 0, 0, 0];
                message.extend(address6(if *asks { self.to } else { self.from }));
                message.extend([2 - u8::from(*asks), 1]);
                message.extend(mac(self.from));
                (true, self.ip(true, 58, &message))
            }
            Kind::Tunnel(from, to, inner) => {
                let mut vxlan = vec![8, 0, 0, 0, 0, 0, 42, 0];
                vxlan.extend(self.whole(inner, &[]));
                let outer = Sent {
                    from: *from + 20,
                    to: *to + 20,
                    ..self.clone()
                };
                (v6, outer.ip(v6, 17, &udp(50_000, 4789, &vxlan)))
            }
            Kind::Vlan(_, inner) => self.packet(inner),
            Kind::Arp(_) | Kind::Noise(_) => packet(200, b"?"),
        }
    }

    fn ip(&self, v6: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
        if v6 {
            ipv6(
                address6(self.from),
                address6(self.to),
                &[],
                protocol,
                payload,
            )
        } else {
            ipv4(
                [10, 0, 0, self.from],
                [10, 0, 0, self.to],
                protocol,
                payload,
            )
        }
    }
}

/// Reports as lines, whatever their order; the numbers of frames in their flows; counters.
type Given = (Vec<String>, Vec<(u64, u64)>, MeterStats);

fn config(ip_defrag: bool) -> MeterConfig {
    MeterConfig {
        ip_defrag,
        update_ns: SECOND,
        ..MeterConfig::default()
    }
}

fn lines(batch: FlowBatch) -> Vec<String> {
    let mut text = String::new();
    csv::write_rows(&batch.into_record_batch(), &mut text);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn by_one(config: MeterConfig, batches: &[&[Frame<'_>]]) -> Given {
    let (mut meter, mut reports, mut numbers) = (Meter::new(config), FlowBatch::new(), Vec::new());
    for frames in batches {
        for frame in *frames {
            let flow = meter.frame(*frame);
            numbers.push((flow.uuid, flow.number));
            if flow.number % 3 == 1 {
                meter.kept(flow);
            }
        }
        meter.tick(meter.latest_ns());
        meter.take_reports(&mut reports);
    }
    let stats = meter.stats();
    meter.snapshot(&mut reports);
    for wait in IDLE {
        meter.tick(meter.latest_ns() + wait);
        meter.take_reports(&mut reports);
    }
    meter.close(meter.latest_ns());
    meter.take_reports(&mut reports);
    (lines(reports), numbers, stats)
}

fn by_several(config: MeterConfig, batches: &[&[Frame<'_>]], meters: usize) -> Given {
    let mut sharded = Sharded::new(config, Arc::new(Workers::new(meters)));
    let (mut reports, mut numbers, mut found) = (FlowBatch::new(), Vec::new(), Vec::new());
    for frames in batches {
        sharded.frames_beside(frames, &mut found);
        numbers.extend(found.iter().map(|flow| (flow.uuid, flow.number)));
        for &flow in found.iter().filter(|flow| flow.number % 3 == 1) {
            sharded.kept(flow);
        }
        sharded.tick(sharded.latest_ns());
        sharded.take_reports(&mut reports);
    }
    let stats = sharded.stats();
    sharded.snapshot(&mut reports);
    for wait in IDLE {
        sharded.tick(sharded.latest_ns() + wait);
        sharded.take_reports(&mut reports);
    }
    sharded.close(sharded.latest_ns());
    sharded.take_reports(&mut reports);
    (lines(reports), numbers, stats)
}

/// Frames at a distance of `step` ns.
fn frames_of(link_type: LinkType, data: &[Vec<u8>], step: i64) -> Vec<Frame<'_>> {
    (0..)
        .zip(data)
        .map(|(number, data)| Frame {
            ts_ns: SECOND + number * step,
            wire_len: data.len() as u32,
            data,
            link_type,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn several_meters_give_what_one_gives(
        sent in prop::collection::vec(sent(), 1..900),
        batch in prop::sample::select(vec![1usize, 7, 300, 1000]),
        step in prop::sample::select(vec![10_000i64, 5 * MS]),
        ip_defrag in any::<bool>(),
    ) {
        let data: Vec<_> = sent.iter().map(Sent::frame).collect();
        let frames = frames_of(LinkType::Ethernet, &data, step);
        let batches: Vec<_> = frames.chunks(batch).collect();
        let (flows, numbers, stats) = by_one(config(ip_defrag), &batches);
        for meters in METERS {
            let (their_flows, their_numbers, their_stats) = by_several(config(ip_defrag), &batches, meters);
            prop_assert_eq!(&numbers, &their_numbers);
            prop_assert_eq!(stats, their_stats);
            for (one, several) in flows.iter().zip(&their_flows) {
                prop_assert_eq!(one, several);
            }
            prop_assert_eq!(flows.len(), their_flows.len());
        }
    }

    #[test]
    fn ordered_reports_of_what_was_read_elsewhere_are_the_same_line_by_line(
        sent in prop::collection::vec(sent(), 1..900),
        batch in prop::sample::select(vec![1usize, 7, 300]),
        rows in 1usize..50,
        ip_defrag in any::<bool>(),
    ) {
        let data: Vec<_> = sent.iter().map(Sent::frame).collect();
        // Long enough that flows end between two others; but when pieces are given up depends on who sees them.
        let step = if ip_defrag { MS } else { 20 * SECOND };
        let frames = frames_of(LinkType::Ethernet, &data, step);
        let batches: Vec<_> = frames.chunks(batch).collect();
        let alone = in_order(ip_defrag, &batches, rows, 1, |sharded, frames| {
            sharded.frames(frames, &mut Vec::new());
        });
        for meters in METERS {
            let several = in_order(ip_defrag, &batches, rows, meters, read_elsewhere);
            prop_assert_eq!(alone.len(), several.len());
            for (one, theirs) in alone.iter().zip(&several) {
                prop_assert_eq!(one, theirs);
            }
        }
    }
}

/// Count frames as those of files are: a thread that has no meter reads them, from its own buffer.
fn read_elsewhere(sharded: &mut Sharded, frames: &[Frame<'_>]) {
    let dealer = sharded.dealer();
    let mut dealt = Dealt::default();
    // As a reader has some packets in each buffer.
    for few in frames.chunks(40) {
        let bytes: Vec<u8> = few.iter().flat_map(|frame| frame.data).copied().collect();
        let buffer = Arc::new(bytes);
        let mut rest: &[u8] = &buffer;
        for frame in few {
            let (data, behind) = rest.split_at(frame.data.len());
            rest = behind;
            dealer.read(Frame { data, ..*frame }, &buffer, &mut dealt);
        }
    }
    sharded.dealt(&dealt);
}

/// All reports of meters whose reports are ordered, with an empty line behind each batch of them, and their counters.
fn in_order(
    ip_defrag: bool,
    batches: &[&[Frame<'_>]],
    rows: usize,
    meters: usize,
    count: impl Fn(&mut Sharded, &[Frame<'_>]),
) -> Vec<String> {
    let config = MeterConfig {
        ip_defrag,
        ordered: true,
        start_reports: false,
        update_ns: 0,
        ..MeterConfig::default()
    };
    let mut sharded = Sharded::new(config, Arc::new(Workers::new(meters)));
    let mut reports = Vec::new();
    for frames in batches {
        count(&mut sharded, frames);
        sharded.tick(sharded.latest_ns());
        reports.push(sharded.take_ordered());
    }
    let latest_ns = sharded.latest_ns();
    loop {
        let ended = sharded.close_batches(latest_ns, rows);
        if ended.is_empty() {
            break;
        }
        reports.extend(ended);
    }
    let text = |batch| {
        let mut text = String::new();
        csv::write_rows(batch, &mut text);
        text
    };
    let texts: Vec<String> = reports.iter().map(text).collect();
    let counters = format!("{:?}", sharded.stats());
    let lines = texts.iter().flat_map(|text| text.lines().chain([""]));
    lines.map(str::to_owned).chain([counters]).collect()
}

#[test]
fn the_traces_give_the_same_flows() {
    for ip_defrag in [false, true] {
        let traces = samples::traces();
        let link_types: Vec<_> = traces.iter().map(|(link_type, _)| *link_type).collect();
        let data: Vec<_> = traces.into_iter().map(|(_, data)| data).collect();
        let mut frames = frames_of(LinkType::Ethernet, &data, MS);
        for (frame, link_type) in frames.iter_mut().zip(link_types) {
            frame.link_type = LinkType::from_number(link_type);
        }
        let batches: Vec<_> = frames.chunks(300).collect();
        let one = by_one(config(ip_defrag), &batches);
        assert!(one.0.len() > 100, "{}", one.0.len());
        for meters in METERS {
            let several = by_several(config(ip_defrag), &batches, meters);
            for (line, theirs) in one.0.iter().zip(&several.0) {
                assert_eq!(line, theirs);
            }
            assert_eq!(one, several);
        }
    }
}

#[test]
fn a_meter_counts_again_after_it_was_closed() {
    let data = [arp_request()];
    let frame = frames_of(LinkType::Ethernet, &data, MS)[0];
    let mut meter = Meter::new(config(false));
    meter.frame(frame);
    meter.close(meter.latest_ns());
    assert_eq!(meter.stats().flows, 0);
    let again = meter.frame(frame);
    assert_eq!((again.number, meter.stats().flows), (1, 1));
}

/// SYNs from so many addresses.
fn clients(count: u32) -> Vec<Vec<u8>> {
    let packet = |number: u32| {
        let source = (0x0a00_0000 + number).to_be_bytes();
        ipv4(source, [192, 168, 0, 1], 6, &tcp(40_000, 80, 1, 2, b""))
    };
    (0..count)
        .map(|number| ethernet(mac(1), mac(2), &[], 0x0800, &packet(number)))
        .collect()
}

#[test]
fn all_meters_together_hold_no_more_flows_than_one_may() {
    let data = clients(3000);
    let frames = frames_of(LinkType::Ethernet, &data, MS);
    for meters in METERS {
        let config = MeterConfig {
            max_flows: 100,
            ..MeterConfig::default()
        };
        let mut sharded = Sharded::new(config, Arc::new(Workers::new(meters)));
        let (mut reports, mut found) = (FlowBatch::new(), Vec::new());
        for batch in frames.chunks(500) {
            sharded.frames_beside(batch, &mut found);
            assert_eq!(sharded.stats().flows, 100);
        }
        sharded.close(sharded.latest_ns());
        sharded.take_reports(&mut reports);
        let stats = sharded.stats();
        let ends = lines(reports).len();
        assert_eq!(
            (stats.flows_started, stats.flows_ended, stats.evicted, ends),
            (3000, 3000, 2900, 3000)
        );
    }
}

#[test]
fn frames_are_spread_over_meters_and_both_directions_stay_together() {
    let dealer = Sharded::new(MeterConfig::default(), Arc::new(Workers::new(4))).dealer();
    let data = clients(400);
    let mut dealt = std::collections::HashMap::new();
    for there in frames_of(LinkType::Ethernet, &data, MS) {
        let mut back = there.data.to_vec();
        back[26..34].rotate_left(4);
        let deal = dealer.deal(&there);
        assert_eq!(
            deal,
            dealer.deal(&Frame {
                data: &back,
                ..there
            })
        );
        *dealt.entry(format!("{deal:?}")).or_insert(0) += 1;
    }
    assert_eq!(dealt.len(), 4);
    assert!(dealt.values().all(|&frames| frames > 50), "{dealt:?}");
}
