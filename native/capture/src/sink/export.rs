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
    /// Records of datagrams that the system refused, and what it said last.
    lost: u64,
    refusal: Option<io::Error>,
}

impl Exporter {
    pub(super) fn open(protocol: Protocol, target: SocketAddr, domain: u32) -> io::Result<Self> {
        Ok(Self {
            socket: mirror::connected(target)?,
            writer: Writer::new(protocol, domain, now_ns()),
            lost: 0,
            refusal: None,
        })
    }
}

impl Outlet for Exporter {
    /// A datagram that is refused costs its own records, whatever becomes of those before and behind it.
    fn records(&mut self, records: &[FlowRecord]) -> io::Result<u64> {
        let mut written = 0;
        for datagram in self.writer.write_counted(records, now_ns()) {
            written += datagram.records;
            // Numbers go on: the collector sees that something is missing.
            if let Err(error) = self.socket.send(&datagram.bytes) {
                self.lost += datagram.records;
                self.refusal = Some(error);
            }
        }
        Ok(written)
    }

    fn idle(&mut self, _now_ns: i64) -> io::Result<()> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use netsonde_exports::Counts;
    use netsonde_packet::Network;

    use super::*;

    #[test]
    fn a_datagram_that_is_refused_costs_its_own_records_only() {
        // Nobody listens there: of three datagrams on the loopback the system refuses the second, since what it says
        // of the first comes with the next call.
        let closed = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let target = closed.expect("a free port");
        let mut exporter = Exporter::open(Protocol::NetFlow5, target, 1).expect("a socket");
        let record = FlowRecord {
            network: Network::V4 {
                source: [10, 0, 0, 1],
                destination: [10, 0, 0, 2],
            },
            forward: Counts {
                packets: 1,
                octets: 60,
            },
            ..FlowRecord::default()
        };
        assert_eq!(exporter.records(&[record; 65]).ok(), Some(65));
        assert_eq!(exporter.take_lost(), 30);
        assert!(exporter.idle(0).is_err());
        assert!(exporter.idle(0).is_ok());
        assert_eq!(exporter.take_lost(), 0);
    }
}
