// SPDX-License-Identifier: Apache-2.0
//! Datagrams of exporters: sFlow, NetFlow, IPFIX.

use std::io;
use std::net::UdpSocket;

use netsonde_exports::{sflow, FlowRecord, Reader};

use super::{Collector, Losses, SourceKind};
use crate::event::Event;
use crate::frame::RawFrame;
use crate::pi_mutex::PiMutex;
use crate::subscription::Subscription;
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

/// Counters that exporters told, by the reference's names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub interfaces: Vec<sflow::InterfaceTotals>,
    /// Of all data sources.
    pub sum: sflow::Values,
    /// What they grew by since the capture listens.
    pub grown: sflow::Values,
    /// What goes up and down, as it is.
    pub levels: sflow::Values,
}

enum Decoder {
    SFlow(sflow::Reader, sflow::Totals),
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
            SourceKind::SFlow | SourceKind::Streams => {
                Decoder::SFlow(sflow::Reader::default(), sflow::Totals::default())
            }
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
                Decoder::SFlow(reader, totals) => {
                    samples(reader, totals, datagram, subscription, happened)
                }
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

    /// What exporters have counted; None when they speak another protocol.
    pub(super) fn told(&self) -> Option<Told> {
        match &*self.decoder.lock() {
            Decoder::SFlow(_, totals) => Some(Told {
                interfaces: totals.interfaces(),
                sum: totals.sum(),
                grown: totals.grown().clone(),
                levels: totals.levels(),
            }),
            Decoder::Records(..) => None,
        }
    }

    pub(super) fn losses(&self) -> Losses {
        let numbers =
            getsockopt::<[u32; MEMINFO]>(&self.socket, libc::SOL_SOCKET, libc::SO_MEMINFO);
        let dropped = numbers.map_or(0, |numbers| numbers[MEMINFO_DROPS].into());
        match &*self.decoder.lock() {
            Decoder::SFlow(reader, totals) => Losses {
                dropped,
                lost: reader.stats.lost + reader.stats.dropped,
                refused: reader.stats.malformed + totals.given_up,
                told: totals.records,
            },
            Decoder::Records(reader, _) => {
                let stats = &reader.stats;
                Losses {
                    dropped,
                    lost: stats.lost,
                    refused: stats.malformed
                        + stats.no_template
                        + stats.refused_templates
                        + stats.unusable,
                    told: 0,
                }
            }
        }
    }

    /// Do something as if a datagram were being read.
    #[cfg(test)]
    pub(super) fn while_decoding<T>(&self, action: impl FnOnce() -> T) -> T {
        let _decoder = self.decoder.lock();
        action()
    }
}

fn samples(
    reader: &mut sflow::Reader,
    totals: &mut sflow::Totals,
    datagram: &[u8],
    subscription: &mut Subscription,
    happened: &mut Vec<Event>,
) {
    let ts_ns = now_ns();
    reader.datagram(datagram, |sample| match sample {
        sflow::Sample::Packet(packet) => {
            let frame = RawFrame {
                ts_ns,
                wire_len: packet.wire_len,
                data: packet.data,
            };
            subscription.offer_told(&frame, packet.link_type, Some(packet.rate), happened);
        }
        sflow::Sample::Counters(counters) => totals.note(&counters),
    });
}
