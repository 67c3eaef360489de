// SPDX-License-Identifier: Apache-2.0
//! ICMP errors and the packets that they quote, as the records of both flows tell them.

use netsonde_packet::{text, Headers, Icmp, IcmpKind, Network};

use crate::json::Json;

/// The packet that the last error of a flow quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote {
    /// Its flow; 0 = not known.
    uuid: u64,
    network: Network,
    protocol: u8,
    ports: (u16, u16),
}

impl Quote {
    pub(crate) fn of(headers: &Headers<'_>, uuid: u64) -> Self {
        Self {
            uuid,
            network: headers.network,
            protocol: headers.ip_protocol,
            ports: headers.transport.ports().unwrap_or_default(),
        }
    }

    /// Note whose packet it is, learnt later.
    pub(crate) fn is_of(&mut self, uuid: u64) {
        self.uuid = uuid;
    }

    pub(crate) fn write(&self, json: &mut Json<'_>) {
        let (source, destination) = match self.network {
            Network::None => return,
            Network::V4 {
                source,
                destination,
            } => (text::ipv4(source), text::ipv4(destination)),
            Network::V6 {
                source,
                destination,
            } => (text::ipv6(source), text::ipv6(destination)),
        };
        json.object("Quoted");
        if self.uuid != 0 {
            json.hex("flow", self.uuid);
        }
        match self.protocol {
            1 | 58 => json.text("protocol", "ICMP"),
            6 => json.text("protocol", "TCP"),
            17 => json.text("protocol", "UDP"),
            132 => json.text("protocol", "SCTP"),
            other => json.text("protocol", &other.to_string()),
        };
        json.text("a", &source)
            .number_if("a_port", self.ports.0.into());
        json.text("b", &destination)
            .number_if("b_port", self.ports.1.into());
        json.close();
    }
}

/// Errors that quote packets of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errors {
    count: u32,
    kind: IcmpKind,
    code: u8,
    from: Network,
}

impl Errors {
    pub(crate) fn note(&mut self, icmp: &Icmp, network: Network) {
        self.count = self.count.saturating_add(1);
        (self.kind, self.code, self.from) = (icmp.kind, icmp.code, network);
    }

    pub(crate) fn write(&self, json: &mut Json<'_>) {
        if self.count == 0 {
            return;
        }
        json.object("ICMPErrors").number("count", self.count);
        json.text("type", self.kind.name())
            .number("code", self.code);
        match self.from {
            Network::None => {}
            Network::V4 { source, .. } => {
                json.text("from", &text::ipv4(source));
            }
            Network::V6 { source, .. } => {
                json.text("from", &text::ipv6(source));
            }
        }
        json.close();
    }
}
