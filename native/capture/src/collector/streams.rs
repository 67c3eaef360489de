// SPDX-License-Identifier: Apache-2.0
//! Packets over TCP: whoever connects sends a pcap or pcapng file, or a capture as it goes on
//! (`tcpdump -w - | nc HOST PORT`).

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use netsonde_packet::LinkType;
use netsonde_pcapfile::Reader;

use super::Collector;
use crate::frame::RawFrame;
use crate::pi_mutex::PiMutex;
use crate::shared::Shared;
use crate::sys::now_ns;

/// Connections at a time; more are refused.
const MOST: usize = 16;
/// Time stamps that differ from now by less are those of a capture that goes on.
const LIVE_NS: i64 = 60_000_000_000;
/// How long at most to sleep at once, so that a stop is soon seen.
const NAP_NS: i64 = 50_000_000;

pub(super) struct Streams {
    listener: TcpListener,
    open: PiMutex<Vec<Arc<TcpStream>>>,
    running: AtomicUsize,
    /// Connections refused, and streams that ended in damage.
    refused: AtomicU64,
}

impl Streams {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            open: PiMutex::default(),
            running: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        })
    }

    pub(super) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self, own: &Arc<Collector>, shared: &Arc<Shared>) {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.running.load(Ordering::Acquire) >= MOST
                || stream.set_nonblocking(false).is_err()
            {
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let stream = Arc::new(stream);
            if self.begin(&stream, own, shared).is_err() {
                self.end(&stream);
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn begin(
        &self,
        stream: &Arc<TcpStream>,
        own: &Arc<Collector>,
        shared: &Arc<Shared>,
    ) -> io::Result<()> {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.open.lock().push(Arc::clone(stream));
        if own.is_stopping() {
            // `close` may have looked before this one was there, and its reader would wait for the sender.
            drop(stream.shutdown(Shutdown::Both));
        }
        let (stream, collector, core) = (Arc::clone(stream), Arc::clone(own), Arc::clone(shared));
        std::thread::Builder::new()
            .name("netsonde-stream".to_owned())
            .spawn(move || {
                let whole = replay(&stream, &collector, &core);
                collector.forget_stream(&stream, whole);
            })
            .map(drop)
    }

    fn end(&self, stream: &Arc<TcpStream>) {
        self.open.lock().retain(|one| !Arc::ptr_eq(one, stream));
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// Let no reader wait any longer.
    pub(super) fn close(&self) {
        for stream in self.open.lock().iter() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Collector {
    fn forget_stream(&self, stream: &Arc<TcpStream>, whole: bool) {
        let super::Source::Streams(streams) = &self.source else {
            return;
        };
        streams.end(stream);
        if !whole && !self.is_stopping() {
            streams.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `&TcpStream` reads, but a reader wants to own its source.
struct Bytes(Arc<TcpStream>);

impl io::Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self.0, buffer)
    }
}

/// Meter a stream to its end; false when it is damaged. A recording of another time is replayed at its own pace, with
/// times from now on.
fn replay(stream: &Arc<TcpStream>, own: &Collector, shared: &Shared) -> bool {
    let Ok(mut reader) = Reader::new(Bytes(Arc::clone(stream))) else {
        return false;
    };
    let mut shift_ns = None;
    loop {
        let packets = match reader.next_packets() {
            Ok(packets) if packets.len() == 0 => return true,
            Ok(packets) => packets,
            Err(_) => return false,
        };
        let mut happened = Vec::new();
        for packet in packets {
            let shift_ns = *shift_ns.get_or_insert_with(|| shift(packet.ts_ns));
            let ts_ns = packet.ts_ns.saturating_add(shift_ns);
            if shift_ns != 0 && !wait_until(ts_ns, own) {
                return true;
            }
            let frame = RawFrame {
                ts_ns,
                wire_len: packet.wire_len,
                data: packet.data,
            };
            let link_type = LinkType::from_number(packet.link_type);
            let mut inner = own.inner.lock();
            inner
                .subscription
                .offer_told(&frame, link_type, None, &mut happened);
        }
        shared.events.extend(happened);
        if own.is_stopping() {
            return true;
        }
    }
}

/// What to add to times of a stream whose first packet has this one.
fn shift(first_ns: i64) -> i64 {
    let off = now_ns().saturating_sub(first_ns);
    if off.abs() < LIVE_NS {
        0
    } else {
        off
    }
}

/// False when the capture was stopped meanwhile.
fn wait_until(at_ns: i64, own: &Collector) -> bool {
    loop {
        let left_ns = at_ns.saturating_sub(now_ns());
        if own.is_stopping() {
            return false;
        }
        if left_ns <= 0 {
            return true;
        }
        std::thread::sleep(Duration::from_nanos(left_ns.min(NAP_NS) as u64));
    }
}
