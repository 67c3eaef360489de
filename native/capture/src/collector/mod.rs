// SPDX-License-Identifier: Apache-2.0
//! Captures that are told instead of tapping: datagrams of exporters, streams of packets, what the kernel counted. One
//! source and one thread each; the capture's meter and kept packets are those of any other.

mod datagrams;
mod open;
mod streams;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use netsonde_meter::FlowBatch;

use crate::ebpf::KernelMeter;
use crate::event::{Event, EventKind, Point};
use crate::pi_mutex::PiMutex;
use crate::sched;
use crate::shared::Shared;
use crate::subscription::Subscription;
use crate::sys::{mono_ns, now_ns, Epoll, EventFd, Ready};

use datagrams::Datagrams;
use streams::Streams;

pub use open::{counting, open, ListenRequest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    SFlow,
    /// NetFlow v5, v9 and IPFIX. One packet in so many was seen, of exporters that do not tell.
    Records {
        default_rate: u32,
    },
    /// pcap and pcapng over TCP.
    Streams,
}

pub struct Collector {
    pub point: Point,
    /// As bound; none where the kernel counts.
    pub address: Option<SocketAddr>,
    /// Monotonic time.
    pub bound_ns: i64,
    pub inner: PiMutex<Inner>,
    source: Source,
    stopping: AtomicBool,
    epoll: Epoll,
    wake: EventFd,
}

pub struct Inner {
    pub subscription: Subscription,
}

enum Source {
    Datagrams(Datagrams),
    Streams(Streams),
    Kernel(KernelMeter),
}

const SOCKET: u64 = 0;
const WAKE: u64 = 1;
const TICK_NS: i64 = 250_000_000;

/// Read until the capture is stopped. `Started` comes first, `Stopped` when `Collector::stop` has given back all.
pub fn run(own: &Arc<Collector>, shared: &Arc<Shared>) {
    sched::ordinary();
    own.tell_started(shared);
    let mut ready = Ready::new(4);
    let mut next_tick = mono_ns();
    while !own.is_stopping() && !shared.is_closing() {
        let wait_ms = ((next_tick - mono_ns()) / 1_000_000).clamp(0, 1000) as i32;
        let has_data = own
            .epoll
            .wait(&mut ready, wait_ms)
            .any(|token| token == SOCKET);
        if has_data && !own.is_stopping() {
            own.read(shared);
        }
        if mono_ns() >= next_tick && !own.is_stopping() {
            own.tick(shared);
            next_tick = mono_ns() + own.pause_ns();
        }
    }
}

impl Collector {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Under the lock, which a stop takes after it has said so: nothing starts that is over.
    fn tell_started(&self, shared: &Shared) {
        let inner = self.inner.lock();
        if !self.is_stopping() {
            let started = inner.subscription.event(EventKind::Started, "");
            shared.events.push(started);
        }
    }

    fn read(self: &Arc<Self>, shared: &Arc<Shared>) {
        match &self.source {
            Source::Datagrams(datagrams) => {
                let mut happened = Vec::new();
                datagrams.read(self, &mut happened);
                shared.events.extend(happened);
            }
            Source::Streams(streams) => streams.accept(self, shared),
            Source::Kernel(_) => {}
        }
    }

    fn pause_ns(&self) -> i64 {
        match &self.source {
            Source::Kernel(kernel) => kernel.pause_ns(),
            _ => TICK_NS,
        }
    }

    fn tick(&self, shared: &Shared) {
        let mut reports = FlowBatch::new();
        let mut happened: Vec<Event> = Vec::new();
        let is_gone = match &self.source {
            Source::Kernel(kernel) => kernel.read(&self.inner, &mut happened),
            _ => false,
        };
        let mut inner = self.inner.lock();
        self.count_losses(&mut inner);
        let subscription = &mut inner.subscription;
        subscription.tick(now_ns(), &mut happened, &mut reports);
        if is_gone && !self.is_stopping() {
            subscription.link_gone = true;
            subscription.close(&mut reports);
            happened.push(subscription.event(EventKind::LinkGone, "the interface is gone"));
        }
        drop(inner);
        // Who hears of an end may ask for the last reports at once.
        shared.report(reports);
        shared.events.extend(happened);
    }

    fn count_losses(&self, inner: &mut Inner) {
        let counters = &mut inner.subscription.counters;
        match &self.source {
            Source::Datagrams(datagrams) => datagrams.count_losses(counters),
            Source::Streams(streams) => counters.refused = streams.refused(),
            // Counted with what was read: its lock is taken before this one.
            Source::Kernel(_) => {}
        }
    }

    /// Let go of what keeps a namespace alive.
    pub fn leave(&self) {
        if let Source::Kernel(kernel) = &self.source {
            kernel.leave();
        }
    }

    /// End reading, and give back what was captured; None if that was done before.
    pub fn stop(&self) -> Option<Subscription> {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.wake.signal();
        match &self.source {
            Source::Streams(streams) => streams.close(),
            Source::Kernel(kernel) => kernel.finish(&self.inner, &mut Vec::new()),
            Source::Datagrams(_) => {}
        }
        let mut inner = self.inner.lock();
        self.count_losses(&mut inner);
        let successor = inner.subscription.successor();
        Some(std::mem::replace(&mut inner.subscription, successor))
    }
}

#[cfg(test)]
mod tests {
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
    use crate::subscription::{CaptureOptions, Counters};

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
        let mut counters = Counters::default();
        let Source::Datagrams(datagrams) = &own.source else {
            panic!("records come in datagrams");
        };
        datagrams.count_losses(&mut counters);
        assert_eq!(counters.refused, 0);
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
}
