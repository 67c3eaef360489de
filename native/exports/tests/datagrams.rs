// SPDX-License-Identifier: Apache-2.0
//! What is written is read; what real exporters and strangers send is read or counted, never more.

#![allow(clippy::unwrap_used)] // a test may panic

use std::net::IpAddr;

use netsonde_exports::{sflow, Counts, FlowRecord, Protocol, Reader, Writer};
use netsonde_packet::{Ethernet, LinkType, Network};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
const PROTOCOLS: [Protocol; 3] = [Protocol::NetFlow5, Protocol::NetFlow9, Protocol::Ipfix];

fn source() -> IpAddr {
    [192, 0, 2, 1].into()
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(source, destination)| Network::V4 {
            source,
            destination
        }),
        any::<([u8; 16], [u8; 16])>().prop_map(|(source, destination)| Network::V6 {
            source,
            destination
        }),
    ]
}

fn record() -> impl Strategy<Value = FlowRecord> {
    let ends = (network(), any::<([u8; 6], [u8; 6])>(), any::<(u16, u16)>());
    let counts = (1u64..1 << 32, 1u64..1 << 32);
    let times = (0i64..300_000, 0i64..300_000);
    (ends, counts, times, 0u16..4096, any::<u8>(), any::<bool>()).prop_map(
        |((network, macs, ports), (packets, octets), (ago, lasted), vlan, tcp_flags, udp)| {
            let end_ns = NOW - ago * MS;
            FlowRecord {
                link: Some(Ethernet::new(macs.0, macs.1)),
                vlan,
                network,
                ip_protocol: if udp { 17 } else { 6 },
                ports,
                tcp_flags,
                start_ns: end_ns - lasted * MS,
                end_ns,
                forward: Counts { packets, octets },
                ..FlowRecord::default()
            }
        },
    )
}

fn read(reader: &mut Reader, datagrams: &[Vec<u8>]) -> Vec<FlowRecord> {
    let mut found = Vec::new();
    for datagram in datagrams {
        reader.datagram(source(), datagram, NOW, &mut found);
    }
    found
}

/// What a protocol can tell of a record.
fn told(protocol: Protocol, record: &FlowRecord) -> Option<FlowRecord> {
    match (protocol, record.network) {
        (Protocol::NetFlow5, Network::V6 { .. }) => None,
        (Protocol::NetFlow5, _) => Some(FlowRecord {
            link: None,
            vlan: 0,
            ..*record
        }),
        _ => Some(*record),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read(records in prop::collection::vec(record(), 0..120)) {
        for protocol in PROTOCOLS {
            let mut writer = Writer::new(protocol, 7, NOW);
            let datagrams = writer.write(&records, NOW);
            prop_assert!(datagrams.iter().all(|datagram| datagram.len() <= 1472));
            let mut reader = Reader::new(1);
            let expected: Vec<_> = records.iter().filter_map(|one| told(protocol, one)).collect();
            prop_assert_eq!(read(&mut reader, &datagrams), expected);
            prop_assert_eq!((reader.stats.malformed, reader.stats.lost), (0, 0));
        }
    }

    #[test]
    fn a_cut_datagram_gives_the_records_before_the_cut(
        records in prop::collection::vec(record(), 1..20), cut in 0usize..1400,
    ) {
        for protocol in PROTOCOLS {
            let datagrams = Writer::new(protocol, 7, NOW).write(&records, NOW);
            let whole = read(&mut Reader::new(1), &datagrams[..datagrams.len().min(1)]);
            let Some(first) = datagrams.first() else { continue };
            let mut reader = Reader::new(1);
            let found = read(&mut reader, &[first[..cut.min(first.len())].to_vec()]);
            prop_assert!(whole.starts_with(&found));
            prop_assert!(reader.stats.malformed == 1 || cut >= first.len() || found.len() < whole.len());
        }
    }

    #[test]
    fn broken_bytes_never_panic_and_never_give_more_than_bytes_allow(
        records in prop::collection::vec(record(), 1..20),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        for protocol in PROTOCOLS {
            let mut reader = Reader::new(1);
            for mut datagram in Writer::new(protocol, 7, NOW).write(&records, NOW) {
                for (at, byte) in &edits {
                    let at = at.index(datagram.len());
                    datagram[at] = *byte;
                }
                let found = read(&mut reader, &[datagram.clone(), datagram.clone()]);
                prop_assert!(found.len() <= 2 * datagram.len());
            }
        }
    }

    #[test]
    fn noise_never_panics(data in prop::collection::vec(any::<u8>(), 0..600), version in 0u16..12) {
        let mut datagram = version.to_be_bytes().to_vec();
        datagram.extend(&data);
        read(&mut Reader::new(1), &[datagram]);
        let mut samples = sflow::Reader::default();
        let mut datagram = vec![0, 0, 0, 5, 0, 0, 0, 1];
        datagram.extend(&data);
        samples.datagram(&datagram, |_| {});
        samples.datagram(&data, |_| {});
    }

    #[test]
    fn a_cut_sflow_datagram_gives_the_samples_before_the_cut(cut in 0usize..400) {
        let datagram = sflow_datagram(1, 10);
        let whole = samples(&datagram);
        let found = samples(&datagram[..cut.min(datagram.len())]);
        prop_assert!(whole.0.starts_with(&found.0));
        prop_assert_eq!(found.1.malformed, u64::from(cut < datagram.len()));
    }
}

fn one(packets: u64) -> FlowRecord {
    FlowRecord {
        network: Network::V4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
        },
        ip_protocol: 17,
        ports: (53, 4000),
        start_ns: NOW - MS,
        end_ns: NOW,
        forward: Counts {
            packets,
            octets: 100 * packets,
        },
        ..FlowRecord::default()
    }
}

#[test]
fn traffic_both_ways_becomes_a_record_each_way() {
    let both = FlowRecord {
        reverse: Counts {
            packets: 2,
            octets: 300,
        },
        ..one(1)
    };
    let datagrams = Writer::new(Protocol::Ipfix, 1, NOW).write(&[both], NOW);
    let found = read(&mut Reader::new(1), &datagrams);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.ports, one.forward.packets))
        .collect();
    assert_eq!(told, [((53, 4000), 1), ((4000, 53), 2)]);
}

#[test]
fn what_one_host_exports_in_each_protocol_is_kept_apart() {
    let mut reader = Reader::new(1);
    let mut writers = PROTOCOLS.map(|protocol| Writer::new(protocol, 0, NOW));
    for round in 0..3 {
        for writer in &mut writers {
            let found = read(&mut reader, &writer.write(&[one(round + 1)], NOW));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].forward.packets, round + 1);
        }
    }
    assert_eq!((reader.stats.lost, reader.stats.malformed), (0, 0));
}

#[test]
fn lost_datagrams_are_counted_by_their_numbers() {
    for (protocol, lost) in [
        (Protocol::NetFlow5, 3),
        (Protocol::NetFlow9, 1),
        (Protocol::Ipfix, 3),
    ] {
        let mut writer = Writer::new(protocol, 1, NOW);
        let mut reader = Reader::new(1);
        let first = writer.write(&[one(1)], NOW);
        writer.write(&[one(1), one(2), one(3)], NOW);
        let third = writer.write(&[one(1)], NOW);
        read(&mut reader, &first);
        read(&mut reader, &third);
        assert_eq!(reader.stats.lost, lost, "{protocol:?}");
    }
}

#[test]
fn templates_are_told_again_in_time_and_records_before_the_first_are_counted() {
    for protocol in [Protocol::NetFlow9, Protocol::Ipfix] {
        let mut writer = Writer::new(protocol, 1, NOW);
        writer.write(&[one(1)], NOW);
        let mut late = Reader::new(1);
        assert_eq!(
            read(&mut late, &writer.write(&[one(1)], NOW + 19_000 * MS)),
            []
        );
        assert_eq!(late.stats.no_template, 1);
        let found = read(&mut late, &writer.write(&[one(1)], NOW + 20_000 * MS));
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn counts_are_multiplied_by_the_rate_that_options_tell() {
    let mut options: Vec<u8> = vec![0, 1, 0, 20, 1, 44, 0, 4, 0, 4, 0, 1, 0, 4];
    options.extend([0, 34, 0, 4, 0, 0]); // samplingInterval, padding
    options.extend([1, 44, 0, 12, 0, 0, 0, 1, 0, 0, 0, 100]);
    let mut header = vec![0, 9, 0, 2, 0, 0, 0, 0];
    header.extend(((NOW / 1_000_000_000) as u32).to_be_bytes());
    header.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend(options);
    let mut writer = Writer::new(Protocol::NetFlow9, 1, NOW);
    let mut reader = Reader::new(1);
    assert_eq!(read(&mut reader, &[header]), []);
    assert_eq!(reader.stats.malformed, 0);
    let found = read(&mut reader, &writer.write(&[one(3)], NOW));
    assert_eq!(found[0].forward, one(300).forward);
}

#[test]
fn both_directions_of_one_ipfix_record_are_read() {
    let mut body: Vec<u8> = Vec::new();
    // Template 256: addresses, packets, reverse packets (RFC 5103), a text of variable length.
    body.extend([0, 2, 0, 32, 1, 0, 0, 5, 0, 8, 0, 4, 0, 12, 0, 4, 0, 2, 0, 4]);
    body.extend([0x80, 2, 0, 4, 0, 0, 0x72, 0x79, 0, 96, 0xff, 0xff]);
    body.extend([
        1, 0, 0, 24, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8, 3,
    ]);
    body.extend(b"dns");
    let mut message = vec![0, 10];
    message.extend((16 + body.len() as u16).to_be_bytes());
    message.extend(((NOW / 1_000_000_000) as u32).to_be_bytes());
    message.extend([0; 8]);
    message.extend(body);
    let mut reader = Reader::new(1);
    let found = read(&mut reader, &[message]);
    assert_eq!(found.len(), 1, "{:?}", reader.stats);
    assert_eq!((found[0].forward.packets, found[0].reverse.packets), (7, 8));
}

/// A flow sample of a frame of 60 bytes, 1000 on the wire, one of 400; then counters of interface 3.
fn sflow_datagram(sequence: u32, drops: u32) -> Vec<u8> {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let mut frame = words(&[1, 1004, 4, 60]);
    frame.extend([0xab; 60]);
    let mut flow = words(&[1, 3, 400, 4000, drops, 3, 5, 2]);
    flow.extend(words(&[1001, 16, 1, 0, 2, 0]));
    flow.extend(words(&[1, frame.len() as u32]));
    flow.extend(frame);
    let mut counters = words(&[1, 3, 1, 1, 88, 3, 6, 0, 1_000_000_000, 1, 3, 1, 2]);
    counters.extend(words(&[0; 15]));
    let mut out = words(&[5, 1, 0x0a00_0001, 0, sequence, 1000, 2]);
    out.extend(words(&[1, flow.len() as u32]));
    out.extend(flow);
    out.extend(words(&[2, counters.len() as u32]));
    out.extend(counters);
    out
}

fn samples(datagram: &[u8]) -> (Vec<sflow::Sample<'_>>, sflow::Stats) {
    let mut reader = sflow::Reader::default();
    let mut found = Vec::new();
    reader.datagram(datagram, |sample| found.push(sample));
    (found, reader.stats)
}

#[test]
fn sflow_gives_packets_with_their_rate_and_counters() {
    let datagram = sflow_datagram(1, 0);
    let (found, stats) = samples(&datagram);
    let [sflow::Sample::Packet(packet), sflow::Sample::Counters(counters)] = found[..] else {
        panic!("{found:?} {stats:?}");
    };
    assert_eq!(
        (packet.rate, packet.wire_len, packet.data.len()),
        (400, 1000, 60)
    );
    assert_eq!((packet.input, packet.output), (3, 5));
    assert_eq!(packet.link_type, LinkType::Ethernet);
    assert_eq!(
        (counters.ifindex, counters.record),
        (3, sflow::Record::Interface)
    );
    assert_eq!(counters.get("IfInOctets"), Some((1 << 32) + 2));
    assert_eq!((stats.skipped, stats.malformed), (1, 0));
}

#[test]
fn sflow_counts_what_was_lost_on_the_way_and_by_the_exporter() {
    let mut reader = sflow::Reader::default();
    for (sequence, drops) in [(1, 10), (2, 12), (5, 15)] {
        reader.datagram(&sflow_datagram(sequence, drops), |_| {});
    }
    assert_eq!((reader.stats.lost, reader.stats.dropped), (2, 5));
}
