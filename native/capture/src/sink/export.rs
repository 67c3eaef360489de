// SPDX-License-Identifier: Apache-2.0
//! Flows exported over UDP.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use netsonde_exports::{FlowRecord, Protocol, Writer};

use super::{mirror, Outlet};
use crate::sys::now_ns;

pub(super) struct Exporter {
    socket: UdpSocket,
    writer: Writer,
}

impl Exporter {
    pub(super) fn open(protocol: Protocol, target: SocketAddr, domain: u32) -> io::Result<Self> {
        Ok(Self {
            socket: mirror::connected(target)?,
            writer: Writer::new(protocol, domain, now_ns()),
        })
    }
}

impl Outlet for Exporter {
    fn records(&mut self, records: &[FlowRecord]) -> io::Result<u64> {
        let before = self.writer.stats.records;
        let mut failed = None;
        for datagram in self.writer.write(records, now_ns()) {
            // Numbers go on: the collector sees that something is missing.
            if let Err(error) = self.socket.send(&datagram) {
                failed = Some(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(self.writer.stats.records - before),
        }
    }
}
