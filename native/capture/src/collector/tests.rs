// SPDX-License-Identifier: Apache-2.0
//! Collectors on the loopback, with real sockets.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use netsonde_exports::{Counts, FlowRecord, Protocol, Writer};
use netsonde_packet::Network;
use netsonde_pcapfile::{write_pcap, RawPacket};

use super::*;
use crate::core::build;
use crate::kept::KeepOptions;
use crate::shared::Config;
use crate::sink::{Sink, SinkSpec};
use crate::subscription::CaptureOptions;

fn options() -> CaptureOptions {
    CaptureOptions {
        filter: String::new(),
        layer_key_mode: netsonde_meter::LayerKeyMode::L2,
        tcp_metrics: true,
        ip_defrag: false,
        ports: netsonde_meter::Ports::default(),
        applications: netsonde_meter::Applications::default(),
        keep: KeepOptions {
            first: 10,
            snap: 256,
            ring_bytes: 0,
            ring_ns: 0,
            per_flow: -1,
        },
        max_packets: 0,
        max_bytes: 0,
        max_duration_ns: 0,
        update_ns: 0,
        expire_ns: 60_000_000_000,
        max_flows: 100,
        every_frame: true,
    }
}

fn point() -> Point {
    Point {
        capture_id: "c".to_owned(),
        netns: 1,
        ifindex: 2,
    }
}

struct Running {
    shared: Arc<Shared>,
    own: Arc<Collector>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    fn start(kind: SourceKind, sinks: Vec<Arc<Sink>>) -> Self {
        let (shared, own) = opened(kind, sinks);
        let (collector, core) = (Arc::clone(&own), Arc::clone(&shared));
        let thread = std::thread::spawn(move || run(&collector, &core));
        Self {
            shared,
            own,
            thread,
        }
    }

    /// Wait for the first packet; returns what the counters say, and how many flows there are.
    fn counted(&self) -> (u64, u64, u64) {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut happened = Vec::new();
        while Instant::now() < deadline {
            happened.extend(self.shared.events.take().iter().map(|event| event.kind));
            if happened.contains(&EventKind::FirstPacket) {
                break;
            }
            std::thread::yield_now();
        }
        assert_eq!(happened.first(), Some(&EventKind::Started));
        let inner = self.own.inner.lock();
        let counters = &inner.subscription.counters;
        (
            counters.packets,
            counters.bytes,
            inner.subscription.meter_stats().flows,
        )
    }

    fn stop(self) -> Subscription {
        let stopped = self.own.stop().expect("it runs");
        assert!(self.own.stop().is_none());
        self.thread.join().expect("it ends");
        stopped
    }
}

/// A collector that no thread reads yet.
fn opened(kind: SourceKind, sinks: Vec<Arc<Sink>>) -> (Arc<Shared>, Arc<Collector>) {
    let (shared, _) = build(Config::default()).expect("no privileges are needed");
    let request = ListenRequest {
        point: point(),
        ifname: "br0".to_owned(),
        node_tid: "tid".to_owned(),
        options: options(),
        kind,
        address: ([127, 0, 0, 1], 0).into(),
    };
    let own = open(&shared, request, sinks).expect("a free port");
    (shared, own)
}

fn record() -> FlowRecord {
    FlowRecord {
        network: Network::V4 {
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
        },
        ip_protocol: 17,
        ports: (1, 2),
        start_ns: now_ns(),
        end_ns: now_ns(),
        forward: Counts {
            packets: 3,
            octets: 300,
        },
        ..FlowRecord::default()
    }
}

fn address(of: &Collector) -> SocketAddr {
    of.address.expect("it listens")
}

fn send(to: &Collector, datagrams: &[Vec<u8>]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for datagram in datagrams {
        socket.send_to(datagram, address(to)).expect("loopback");
    }
}

#[test]
fn records_of_an_exporter_become_flows_scaled_by_the_rate() {
    let running = Running::start(SourceKind::Records { default_rate: 10 }, Vec::new());
    let datagrams = Writer::new(Protocol::Ipfix, 1, now_ns()).write(&[record()], now_ns());
    send(&running.own, &datagrams);
    assert_eq!(running.counted(), (30, 3000, 1));
    let stopped = running.stop();
    assert_eq!(stopped.counters.refused, 0);
}

#[test]
fn what_makes_no_sense_is_counted() {
    let running = Running::start(SourceKind::Records { default_rate: 1 }, Vec::new());
    let datagrams = Writer::new(Protocol::NetFlow9, 1, now_ns()).write(&[record()], now_ns());
    send(
        &running.own,
        &[vec![0, 9, 1], b"rubbish".to_vec(), datagrams[0].clone()],
    );
    assert_eq!(running.counted().0, 3);
    assert_eq!(running.stop().counters.refused, 2);
}

#[test]
fn a_recording_over_tcp_is_metered_as_of_now() {
    let running = Running::start(SourceKind::Streams, Vec::new());
    let packets = (0..3).map(|number| RawPacket {
        ts_ns: 1_000_000_000 + number,
        wire_len: 60,
        data: &[2; 60],
    });
    let file = write_pcap(1, packets);
    let mut stream = TcpStream::connect(address(&running.own)).expect("it listens");
    stream.write_all(&file).expect("it reads");
    drop(stream);
    assert_eq!(running.counted().2, 1);
    let stopped = running.stop();
    assert!(now_ns() - stopped.counters.first_packet_ns < 60_000_000_000);
}

#[test]
fn flows_are_exported_while_they_are_analysed() {
    let collector = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let patience = Some(Duration::from_secs(2));
    collector.set_read_timeout(patience).expect("a timeout");
    let spec = SinkSpec::Export {
        protocol: Protocol::NetFlow9,
        target: collector.local_addr().expect("it is bound"),
        domain: 7,
    };
    let sink = Sink::open(&spec, "br0", &point(), &Arc::default())
        .map(Arc::new)
        .expect("a socket");
    let running = Running::start(
        SourceKind::Records { default_rate: 1 },
        vec![Arc::clone(&sink)],
    );
    let datagrams = Writer::new(Protocol::NetFlow5, 1, now_ns()).write(&[record()], now_ns());
    send(&running.own, &datagrams);
    assert_eq!(running.counted().0, 3);
    running.stop().close(&mut FlowBatch::new());
    let mut buffer = [0; 2000];
    let length = collector.recv(&mut buffer).expect("a datagram");
    let mut found = Vec::new();
    let mut reader = netsonde_exports::Reader::new(1);
    reader.datagram(
        [127, 0, 0, 1].into(),
        &buffer[..length],
        now_ns(),
        &mut found,
    );
    assert_eq!(
        found.iter().map(|one| one.forward).collect::<Vec<_>>(),
        [record().forward]
    );
    assert_eq!(
        (sink.stats().dropped, sink.stats().reason),
        (0, String::new())
    );
}

#[test]
fn a_collector_that_never_reads_never_starts() {
    let (shared, own) = opened(SourceKind::Streams, Vec::new());
    assert!(own.stop().is_some());
    run(&own, &shared);
    assert_eq!(shared.events.take().len(), 0);
}

#[test]
fn what_waits_when_a_capture_stops_is_left() {
    let (shared, own) = opened(SourceKind::Records { default_rate: 1 }, Vec::new());
    send(&own, &[b"rubbish".to_vec()]);
    assert!(own.stop().is_some());
    own.read(&shared);
    assert_eq!(own.losses().map(|losses| losses.refused), Some(0));
}

#[test]
fn who_connects_while_a_capture_stops_is_let_go() {
    let (shared, own) = opened(SourceKind::Streams, Vec::new());
    let mut stream = TcpStream::connect(address(&own)).expect("it listens");
    let patience = Some(Duration::from_secs(1));
    stream.set_read_timeout(patience).expect("a timeout");
    assert!(own.stop().is_some());
    own.read(&shared);
    assert_eq!(stream.read(&mut [0; 8]).ok(), Some(0));
}

#[test]
fn a_stop_waits_for_a_reader_without_the_lock_that_the_reader_wants() {
    let (_shared, own) = opened(SourceKind::Records { default_rate: 1 }, Vec::new());
    let Source::Datagrams(datagrams) = &own.source else {
        panic!("records come in datagrams");
    };
    let stopper = datagrams.while_decoding(|| {
        let stopping = Arc::clone(&own);
        let stopper = std::thread::spawn(move || stopping.stop().is_some());
        while !own.is_stopping() {
            std::thread::yield_now();
        }
        // What a reader does for each datagram; with both locks in the other order this would hang.
        own.inner.lock().subscription.counters.packets += 1;
        stopper
    });
    assert!(stopper.join().expect("it ends"));
}

fn sflow_counters(octets: u64) -> Vec<u8> {
    let record: Vec<u32> = [
        vec![
            3,
            6,
            0,
            1_000_000_000,
            1,
            3,
            (octets >> 32) as u32,
            octets as u32,
        ],
        vec![1; 13],
    ]
    .concat();
    let sample = [
        vec![7, 3, 1, 1, 4 * record.len() as u32 + 4],
        record,
        vec![0],
    ]
    .concat();
    let head = vec![5, 1, 0x7f00_0001, 0, 1, 1000, 1, 2, 4 * sample.len() as u32];
    [head, sample]
        .concat()
        .iter()
        .flat_map(|word: &u32| word.to_be_bytes())
        .collect()
}

#[test]
fn counters_that_exporters_tell_are_added_up() {
    let (shared, own) = opened(SourceKind::SFlow, Vec::new());
    send(&own, &[sflow_counters(100), sflow_counters(350)]);
    own.read(&shared);
    own.tick(&shared);
    let told = own.told().expect("sFlow tells counters");
    assert_eq!(told.interfaces.len(), 1);
    assert_eq!(
        (told.interfaces[0].ifindex, told.sum["IfInOctets"]),
        (3, 350)
    );
    assert_eq!(told.grown["IfInOctets"], 250);
    let stopped = own.stop().expect("it runs");
    assert_eq!((stopped.counters.told, stopped.counters.refused), (2, 0));
}
