// SPDX-License-Identifier: Apache-2.0
//! Datagrams of exporters: sFlow, NetFlow, IPFIX.

use std::io;
use std::net::UdpSocket;

use netsonde_exports::{sflow, FlowRecord, Reader};

use super::{Collector, SourceKind};
use crate::event::Event;
use crate::frame::RawFrame;
use crate::pi_mutex::PiMutex;
use crate::subscription::{Counters, Subscription};
use crate::sys::{getsockopt, now_ns, setsockopt};

/// Bytes of datagrams that wait; a burst of templates and records from many exporters comes at once.
const BUFFER: libc::c_int = 8 << 20;
/// Datagrams read before others get their turn.
const TURN: usize = 512;
const LONGEST: usize = 65_536;
/// include/uapi/linux/sock_diag.h: SK_MEMINFO_VARS numbers, of which SK_MEMINFO_DROPS is the last.
const MEMINFO: usize = 9;
const MEMINFO_DROPS: usize = 8;

pub(super) struct Datagrams {
    socket: UdpSocket,
    decoder: PiMutex<Decoder>,
}

enum Decoder {
    SFlow(sflow::Reader),
    Records(Reader, Vec<FlowRecord>),
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket, kind: SourceKind) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Beyond the system's limit where that is allowed, else up to it.
        if setsockopt(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &BUFFER).is_err() {
            setsockopt(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &BUFFER)?;
        }
        let decoder = match kind {
            SourceKind::Records { default_rate } => {
                Decoder::Records(Reader::new(default_rate), Vec::new())
            }
            SourceKind::SFlow | SourceKind::Streams => Decoder::SFlow(sflow::Reader::default()),
        };
        Ok(Self {
            socket,
            decoder: PiMutex::new(decoder),
        })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Read what has arrived for a collector, a bounded part of it.
    pub(super) fn read(&self, own: &Collector, happened: &mut Vec<Event>) {
        let mut buffer = vec![0; LONGEST];
        let mut decoder = self.decoder.lock();
        for _ in 0..TURN {
            // A datagram may hold thousands of records.
            if own.is_stopping() {
                return;
            }
            let Ok((length, source)) = self.socket.recv_from(&mut buffer) else {
                return;
            };
            let datagram = buffer.get(..length).unwrap_or_default();
            let mut inner = own.inner.lock();
            let subscription = &mut inner.subscription;
            match &mut *decoder {
                Decoder::SFlow(reader) => samples(reader, datagram, subscription, happened),
                Decoder::Records(reader, records) => {
                    records.clear();
                    reader.datagram(source.ip(), datagram, now_ns(), records);
                    for record in records.iter() {
                        subscription.record(record, happened);
                    }
                }
            }
        }
    }

    pub(super) fn count_losses(&self, counters: &mut Counters) {
        let numbers =
            getsockopt::<[u32; MEMINFO]>(&self.socket, libc::SOL_SOCKET, libc::SO_MEMINFO);
        counters.dropped = numbers.map_or(0, |numbers| numbers[MEMINFO_DROPS].into());
        (counters.lost, counters.refused) = match &*self.decoder.lock() {
            Decoder::SFlow(reader) => {
                let stats = &reader.stats;
                (stats.lost + stats.dropped, stats.malformed)
            }
            Decoder::Records(reader, _) => {
                let stats = &reader.stats;
                let refused =
                    stats.malformed + stats.no_template + stats.refused_templates + stats.unusable;
                (stats.lost, refused)
            }
        };
    }
}

fn samples(
    reader: &mut sflow::Reader,
    datagram: &[u8],
    subscription: &mut Subscription,
    happened: &mut Vec<Event>,
) {
    let ts_ns = now_ns();
    reader.datagram(datagram, |sample| {
        if let sflow::Sample::Packet(packet) = sample {
            let frame = RawFrame {
                ts_ns,
                wire_len: packet.wire_len,
                data: packet.data,
            };
            subscription.offer_told(&frame, packet.link_type, Some(packet.rate), happened);
        }
    });
}
