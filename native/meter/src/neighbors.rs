// SPDX-License-Identifier: Apache-2.0
//! Questions for the owner of an address, and the answers: ARP, and IPv6 neighbour discovery. A question is broadcast and
//! its answer is not, so they travel in flows of their own, and each of these tells of both.

use netsonde_packet::{text, Headers, Network, Transport};

use crate::bounded::Bounded;
use crate::json::Json;

/// Pairs of who asks and what for; the oldest gives way.
const MAX_EXCHANGES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NeighborKey {
    v6: bool,
    /// VLANs and tunnels around.
    scope: u64,
    asker: [u8; 16],
    target: [u8; 16],
}

#[derive(Default)]
struct Exchange {
    requests: u32,
    replies: u32,
    asked_ns: i64,
    latency_ns: i64,
    mac: Option<[u8; 6]>,
    conflict: bool,
}

pub(crate) struct Neighbors(Bounded<NeighborKey, Exchange>);

impl Default for Neighbors {
    fn default() -> Self {
        Self(Bounded::new(MAX_EXCHANGES))
    }
}

/// A question or an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    asker: [u8; 16],
    target: [u8; 16],
    v6: bool,
    question: bool,
    /// Where the target is, as far as this says it.
    mac: Option<[u8; 6]>,
}

impl Neighbors {
    /// Note what a segment says.
    pub(crate) fn note(&mut self, told: &Told, scope: u64, ts_ns: i64) {
        self.0.entry(told.key(scope)).note(told, ts_ns);
    }

    /// Append the block of an exchange to an object.
    pub(crate) fn write(&self, key: &NeighborKey, json: &mut Json<'_>) {
        let Some(exchange) = self.0.get(key) else {
            return;
        };
        json.object(if key.v6 { "ND" } else { "ARP" });
        json.text("asker", &key.address(key.asker))
            .text("target", &key.address(key.target));
        json.number("requests", exchange.requests)
            .number("replies", exchange.replies);
        json.number_if("latency", exchange.latency_ns.try_into().unwrap_or(0));
        if let Some(mac) = exchange.mac {
            json.text("mac", &text::mac(mac));
        }
        if exchange.conflict {
            json.flag("conflict", true);
        }
        json.close();
    }
}

impl Told {
    /// Read what a segment says. `None` when it is neither question nor answer.
    pub(crate) fn of(headers: &Headers<'_>) -> Option<Self> {
        match headers.transport {
            Transport::Icmp6(icmp) => discovery(headers, icmp.message_type),
            _ => arp(headers.payload),
        }
    }

    /// Return what it belongs to, in these surroundings.
    pub(crate) fn key(&self, scope: u64) -> NeighborKey {
        NeighborKey {
            v6: self.v6,
            scope,
            asker: self.asker,
            target: self.target,
        }
    }

    pub(crate) fn is_question(&self) -> bool {
        self.question
    }
}

impl NeighborKey {
    fn address(&self, address: [u8; 16]) -> String {
        if self.v6 {
            return text::ipv6(address);
        }
        let [a, b, c, d, ..] = address;
        text::ipv4([a, b, c, d])
    }
}

impl Exchange {
    fn note(&mut self, told: &Told, ts_ns: i64) {
        if told.question {
            if self.requests == 0 {
                self.asked_ns = ts_ns;
            }
            self.requests = self.requests.saturating_add(1);
        } else {
            if self.replies == 0 && self.requests > 0 {
                self.latency_ns = ts_ns - self.asked_ns;
            }
            self.replies = self.replies.saturating_add(1);
        }
        if let Some(mac) = told.mac {
            self.conflict |= self.mac.is_some_and(|known| known != mac);
            self.mac = Some(mac);
        }
    }
}

/// RFC 826, of Ethernet and IPv4.
fn arp(message: &[u8]) -> Option<Told> {
    let [0, 1, 8, 0, 6, 4, 0, operation, rest @ ..] = message.first_chunk::<28>()? else {
        return None;
    };
    let mac = *rest.first_chunk::<6>()?;
    let padded = |at: usize| {
        let address = rest.get(at..at + 4)?;
        let mut padded = [0; 16];
        padded[..4].copy_from_slice(address);
        Some(padded)
    };
    let (sender, other) = (padded(6)?, padded(16)?);
    let question = match operation {
        1 => true,
        2 => false,
        _ => return None,
    };
    Some(Told {
        asker: if question { sender } else { other },
        target: if question { other } else { sender },
        v6: false,
        question,
        // Who asks for its own address announces it.
        mac: (!question || sender == other).then_some(mac),
    })
}

/// RFC 4861 §4.3, §4.4.
fn discovery(headers: &Headers<'_>, message_type: u8) -> Option<Told> {
    let Network::V6 {
        source,
        destination,
    } = headers.network
    else {
        return None;
    };
    let target = *headers.payload.first_chunk::<16>()?;
    let question = match message_type {
        135 => true,
        136 => false,
        _ => return None,
    };
    // An answer to all answers nobody in particular: who looks whether its address is free (RFC 4862 §5.4).
    let asker = match (question, destination) {
        (true, _) => source,
        (false, [0xff, ..]) => [0; 16],
        (false, _) => destination,
    };
    Some(Told {
        asker,
        target,
        v6: true,
        question,
        mac: (!question).then(|| target_mac(headers.payload)).flatten(),
    })
}

/// The option of the target's link-layer address, which is the first where there is one.
fn target_mac(message: &[u8]) -> Option<[u8; 6]> {
    match message.get(16..)?.first_chunk::<8>()? {
        [2, 1, mac @ ..] => Some(*mac),
        _ => None,
    }
}
