// SPDX-License-Identifier: Apache-2.0
//! Every frame that is built says, to the parser of captures, what was asked for; and its answers are known again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netsonde_inject::frame::build;
use netsonde_inject::is_intact;
use netsonde_inject::probe::{Kind, Probe};
use netsonde_inject::reply::{key_of, read, Verdict, Which};
use netsonde_packet::{dhcpv4, parse, Headers, LinkType, Network, Ports, Transport};
use proptest::prelude::*;

const KINDS: [Kind; 4] = [Kind::Icmp, Kind::Udp, Kind::Tcp, Kind::Dns];

fn addresses() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<([u8; 4], [u8; 4])>()
            .prop_map(|(one, other)| (Ipv4Addr::from(one).into(), Ipv4Addr::from(other).into())),
        any::<([u8; 16], [u8; 16])>()
            .prop_map(|(one, other)| (Ipv6Addr::from(one).into(), Ipv6Addr::from(other).into())),
    ]
}

prop_compose! {
    fn probes()(
        kind in prop::sample::select(&KINDS[..]),
        (source, target) in addresses(),
        (source_port, icmp_id, seed, random) in any::<(u16, u16, u64, bool)>(),
        // Ports that no other protocol is looked for on.
        target_port in 20_000u16..20_100,
        (ttl, dscp) in (any::<u8>(), 0u8..64),
        vlan_tci in prop::option::of(1u16..4095),
        payload in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
        (size, increment) in (0usize..1400, 0usize..3),
        dont_fragment in any::<bool>(),
    ) -> Probe {
        Probe {
            kind, source, target, source_port, target_port, icmp_id, ttl, dscp, dont_fragment, vlan_tci, payload,
            size, increment, random, seed,
            source_mac: [2, 0, 0, 0, 0, 1],
            target_mac: [2, 0, 0, 0, 0, 2],
            run_id: "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11".to_owned(),
            name: "www.example.org".to_owned(),
            record_type: 1,
        }
    }
}

fn parsed<'a>(frame: &'a [u8], ports: &Ports) -> Headers<'a> {
    parse(LinkType::Ethernet, frame, frame.len() as u32, ports)
}

fn ends(headers: &Headers<'_>) -> Option<(IpAddr, IpAddr)> {
    match headers.network {
        Network::V4 {
            source,
            destination,
        } => Some((
            Ipv4Addr::from(source).into(),
            Ipv4Addr::from(destination).into(),
        )),
        Network::V6 {
            source,
            destination,
        } => Some((
            Ipv6Addr::from(source).into(),
            Ipv6Addr::from(destination).into(),
        )),
        Network::None => None,
    }
}

/// Where the segment begins, and the protocol of it.
fn segment<'a>(probe: &Probe, frame: &'a [u8]) -> (u8, &'a [u8]) {
    let packet = &frame[14 + probe.vlan_tci.map_or(0, |_| 4)..];
    match probe.target {
        IpAddr::V4(_) => (packet[9], &packet[20..]),
        IpAddr::V6(_) => (packet[6], &packet[40..]),
    }
}

/// Swap the ends of a packet, and make of the question the answer that a host would give.
fn answered(probe: &Probe, index: u64) -> Vec<u8> {
    let mut back = probe.clone();
    (back.source, back.target) = (probe.target, probe.source);
    (back.source_mac, back.target_mac) = (probe.target_mac, probe.source_mac);
    let mut frame = build(&back, index);
    let at = frame.len() - segment(&back, &frame).1.len();
    match probe.kind {
        Kind::Icmp => frame[at] = if probe.target.is_ipv4() { 0 } else { 129 },
        Kind::Tcp => {
            let sequence =
                u32::from_be_bytes([frame[at + 4], frame[at + 5], frame[at + 6], frame[at + 7]]);
            frame[at + 8..at + 12].copy_from_slice(&sequence.wrapping_add(1).to_be_bytes());
            frame[at + 13] = 0x12;
        }
        Kind::Dns => frame[at + 8 + 2] |= 0x80,
        _ => {}
    }
    if !matches!(probe.kind, Kind::Icmp) {
        let ports = [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]];
        frame[at..at + 4].copy_from_slice(&[ports[2], ports[3], ports[0], ports[1]]);
    }
    frame
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_frame_says_what_was_asked_for(probe in probes(), index in 0u64..70_000) {
        let ports = Ports::default();
        let frame = build(&probe, index);
        let headers = parsed(&frame, &ports);
        prop_assert!(headers.error.is_none(), "{:?}", headers.error);
        prop_assert_eq!(ends(&headers), Some((probe.source, probe.target)));
        prop_assert_eq!(headers.ttl, probe.ttl);
        prop_assert_eq!(headers.vlan_ids, u64::from(probe.vlan_tci.unwrap_or(0)));
        let (protocol, segment) = segment(&probe, &frame);
        prop_assert_eq!(protocol, headers.ip_protocol);
        prop_assert!(is_intact(probe.source, probe.target, protocol, segment));
        match headers.transport {
            Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
                prop_assert_eq!((icmp.id, icmp.sequence), (probe.icmp_id_of(index), index as u16));
                prop_assert_eq!(headers.payload, probe.payload_of(index));
            }
            Transport::Tcp(tcp) => {
                prop_assert_eq!(tcp.sequence, probe.sequence_of(index));
                prop_assert_eq!(tcp.ports.numbers(), (probe.source_port_of(index), probe.target_port));
            }
            Transport::Udp { source, destination } => {
                prop_assert_eq!((source, destination), (probe.source_port_of(index), probe.target_port));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn an_answer_is_known_again(probe in probes(), index in 0u64..60_000) {
        prop_assume!(probe.source != probe.target);
        let frame = answered(&probe, index);
        let seen = read(&probe, &Ports::default(), LinkType::Ethernet, &frame, frame.len() as u32);
        let seen = seen.expect("an answer");
        prop_assert_eq!(seen.verdict, Verdict::Reply);
        prop_assert_eq!(seen.from, probe.target);
        match seen.which {
            Which::Key(key) => prop_assert_eq!(key, key_of(&probe, index)),
            Which::Index(found) => prop_assert_eq!(found, index),
            Which::Latest => prop_assert!(probe.kind == Kind::Udp),
        }
    }

    #[test]
    fn our_own_question_is_no_answer(probe in probes(), index in 0u64..60_000) {
        prop_assume!(probe.source != probe.target && probe.source_port != probe.target_port);
        let frame = build(&probe, index);
        let seen = read(&probe, &Ports::default(), LinkType::Ethernet, &frame, frame.len() as u32);
        prop_assert_eq!(seen, None);
    }

    #[test]
    fn hostile_answers_do_no_harm(probe in probes(), data in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&probe, &Ports::default(), LinkType::Ethernet, &data, data.len() as u32);
        let _ = read(&probe, &Ports::default(), LinkType::Raw, &data, data.len() as u32);
        let _ = netsonde_inject::recorded::read(data);
    }
}

fn probe(kind: Kind, source: IpAddr, target: IpAddr) -> Probe {
    Probe {
        kind,
        source,
        target,
        source_mac: [2, 0, 0, 0, 0, 1],
        target_mac: [2, 0, 0, 0, 0, 2],
        source_port: 40_000,
        target_port: 33_434,
        icmp_id: 7,
        ttl: 64,
        dscp: 0,
        dont_fragment: false,
        vlan_tci: None,
        payload: None,
        size: 56,
        increment: 0,
        run_id: "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11".to_owned(),
        random: false,
        seed: 9,
        name: "example.org".to_owned(),
        record_type: 28,
    }
}

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// An ICMP "destination unreachable" of the target about a frame.
fn unreachable(about: &[u8], code: u8) -> Vec<u8> {
    let mut frame = about[..14].to_vec();
    let quote = &about[14..about.len().min(14 + 28)];
    let length = (20 + 8 + quote.len()) as u16;
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]);
    frame.extend([3, code, 0, 0, 0, 0, 0, 0]);
    frame.extend(quote);
    frame
}

#[test]
fn an_error_names_the_packet_that_it_quotes() {
    for kind in [Kind::Icmp, Kind::Udp, Kind::Tcp] {
        let probe = probe(kind, ONE, TWO);
        let frame = unreachable(&build(&probe, 41), 3);
        let seen = read(
            &probe,
            &Ports::default(),
            LinkType::Ethernet,
            &frame,
            frame.len() as u32,
        );
        let seen = seen.expect("an error");
        assert_eq!(seen.verdict, Verdict::Unreachable, "{kind:?}");
        assert_eq!(seen.which, Which::Key(key_of(&probe, 41)), "{kind:?}");
    }
}

#[test]
fn an_error_about_somebody_elses_packet_is_none_of_ours() {
    let ours = probe(Kind::Udp, ONE, TWO);
    let other = probe(Kind::Udp, ONE, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3)));
    let frame = unreachable(&build(&other, 0), 3);
    let seen = read(
        &ours,
        &Ports::default(),
        LinkType::Ethernet,
        &frame,
        frame.len() as u32,
    );
    assert_eq!(seen, None);
}

#[test]
fn a_packet_that_is_too_big_says_so() {
    let probe = probe(Kind::Icmp, ONE, TWO);
    let mut frame = unreachable(&build(&probe, 0), 4);
    frame[40..42].copy_from_slice(&1400u16.to_be_bytes());
    let seen = read(
        &probe,
        &Ports::default(),
        LinkType::Ethernet,
        &frame,
        frame.len() as u32,
    );
    let seen = seen.map(|seen| (seen.verdict, seen.note));
    assert_eq!(seen, Some((Verdict::TooBig, "MTU 1400".to_owned())));
}

#[test]
fn a_discover_asks_for_the_sources_mac() {
    let broadcast = IpAddr::V4(Ipv4Addr::BROADCAST);
    let mut probe = probe(Kind::Dhcp4, IpAddr::V4(Ipv4Addr::UNSPECIFIED), broadcast);
    (probe.source_port, probe.target_port) = (68, 67);
    let frame = build(&probe, 3);
    let ports = Ports::default();
    let headers = parsed(&frame, &ports);
    let message = dhcpv4::dhcpv4(headers.payload).expect("DHCP");
    assert_eq!(
        (message.type_name(), message.hardware),
        ("Discover", probe.source_mac)
    );
    assert_eq!(u64::from(message.xid), key_of(&probe, 3));
}

#[test]
fn neighbours_are_asked_and_their_answers_read() {
    let arp = probe(Kind::Arp, ONE, TWO);
    let mut frame = build(&arp, 0);
    // The answer: operation 2, sender and target swapped.
    frame[21] = 2;
    frame[22..32].copy_from_slice(&[2, 0, 0, 0, 0, 2, 10, 0, 0, 2]);
    let seen = read(
        &arp,
        &Ports::default(),
        LinkType::Ethernet,
        &frame,
        frame.len() as u32,
    );
    assert_eq!(
        seen.map(|seen| seen.note).as_deref(),
        Some("02:00:00:00:00:02")
    );

    let (source, target) = (
        Ipv6Addr::LOCALHOST,
        "fe80::1234:5678".parse().expect("IPv6"),
    );
    let frame = build(&probe(Kind::Nd, source.into(), IpAddr::V6(target)), 0);
    let ports = Ports::default();
    let headers = parsed(&frame, &ports);
    assert_eq!(headers.ttl, 255);
    assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x34, 0x56, 0x78]);
    assert_eq!(headers.payload[..16], target.octets());
}

#[test]
fn the_payload_carries_run_and_number() {
    let probe = probe(Kind::Udp, ONE, TWO);
    assert_eq!(probe.payload_of(258).len(), 56);
    assert_eq!(probe.index_in(&probe.payload_of(258)), Some(258));
}
