// SPDX-License-Identifier: Apache-2.0
//! Which side opened a conversation, and what says so.

use netsonde_packet::{Ports, Transport};

/// One byte of a flow: what says so, above the side (0 = A, 1 = B) in the lowest bit; 0 = nothing says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Client(u8);

const BY_PORT: u8 = 1;
const BY_MESSAGE: u8 = 2;
const BY_HANDSHAKE: u8 = 3;

/// Ports from 1024 on behind which servers are found that have no protocol of their own here.
const SERVERS: [u16; 16] = [
    1433, 1521, 1883, 2049, 2379, 3000, 3306, 3389, 4222, 5432, 5672, 5900, 6379, 8080, 8443, 9092,
];

impl Client {
    /// A guess until something better is seen: the side with the well-known port serves.
    pub(crate) fn by_ports(transport: &Transport) -> Self {
        let Some((source, destination)) = transport.ports() else {
            return Self::default();
        };
        let side = match (rank(source), rank(destination)) {
            (a, b) if a < b => 0,
            (a, b) if a > b => 1,
            _ => return Self::default(),
        };
        Self::new(BY_PORT, side)
    }

    /// `side` asked, in a message that tells question and answer apart.
    pub(crate) fn by_message(side: usize) -> Self {
        Self::new(BY_MESSAGE, side)
    }

    /// `side` sent the SYN.
    pub(crate) fn by_handshake(side: usize) -> Self {
        Self::new(BY_HANDSHAKE, side)
    }

    fn new(by: u8, side: usize) -> Self {
        Self(by << 1 | u8::from(side != 0))
    }

    /// "A", "B", or "" when nothing tells.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            0 => "",
            byte if byte & 1 == 0 => "A",
            _ => "B",
        }
    }

    /// What tells: "handshake", "message", "port", or "".
    pub(crate) fn by(self) -> &'static str {
        match self.0 >> 1 {
            BY_PORT => "port",
            BY_MESSAGE => "message",
            BY_HANDSHAKE => "handshake",
            _ => "",
        }
    }
}

/// How likely a server listens there.
fn rank(port: u16) -> u8 {
    match port {
        1..=1023 => 2,
        _ if SERVERS.contains(&port) || Ports::means_something(port) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(source: u16, destination: u16) -> &'static str {
        let client = Client::by_ports(&Transport::Udp {
            source,
            destination,
        });
        assert_eq!(client.name().is_empty(), client.by().is_empty());
        client.name()
    }

    #[test]
    fn the_side_with_the_better_known_port_serves() {
        assert_eq!(guess(40000, 80), "A");
        assert_eq!(guess(80, 40000), "B");
        assert_eq!(guess(40000, 8080), "A");
        assert_eq!(guess(8080, 53), "A");
        assert_eq!(guess(5353, 40000), "B");
        assert_eq!(guess(40000, 40001), "");
        assert_eq!(guess(53, 53), "");
    }
}
