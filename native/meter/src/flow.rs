// SPDX-License-Identifier: Apache-2.0
//! One flow as it stands in the table: at most 384 bytes, the fields of each packet's path first.

use std::sync::Arc;

use netsonde_packet::{Ethernet, Headers, Icmp, Layer, Network, Tcp, Transport};

use crate::client::Client;
use crate::dns::DnsState;
use crate::echo::EchoState;
use crate::ids::{FlowIds, Opening};
use crate::key::FlowKey;
use crate::lease::LeaseKey;
use crate::message::Message;
use crate::neighbors::NeighborKey;
use crate::quic::QuicState;
use crate::quote::{Errors, Quote};
use crate::reassembly::Budget;
use crate::tally::Tally;
use crate::tcp::{Learnt, Segment, TcpState};

/// Why a flow ended, as `FinishType` numbers it. The first four are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Finish {
    #[default]
    Running = 0,
    Timeout = 1,
    TcpFin = 2,
    TcpRst = 3,
    /// The capture ended while the flow was running.
    Stopped = 4,
    /// The table was full.
    Evicted = 5,
}

pub(crate) enum Conversation {
    None,
    Tcp(TcpState),
    Echo(EchoState),
    Dns(Box<DnsState>),
    Dhcp(LeaseKey),
    Message(Box<Message>),
    Neighbor(NeighborKey),
    Quote(Box<Quote>),
    Quic(Box<QuicState>),
}

/// What only flows in, around or out of pieces have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra {
    /// UUID of the flow of the enclosing tunnel; 0 = none.
    pub(crate) parent: u64,
    pub(crate) tunnel_id: u64,
    /// The key has no more than a digest of these.
    pub(crate) vlan_ids: u64,
    /// Ports of A and B as the first packet had them, where they are not in the key.
    pub(crate) ports: Option<(u16, u16)>,
    /// Fragments beyond the first of each packet.
    pub(crate) fragments: u32,
    pub(crate) fragment_errors: u32,
    pub(crate) errors: Errors,
}

impl Extra {
    fn of(headers: &Headers<'_>, parent: u64) -> Option<Box<Self>> {
        let tunnel = &headers.tunnel;
        let plain = parent == 0 && tunnel.id == 0 && !tunnel.any_source_port;
        (!plain).then(|| {
            Box::new(Self {
                parent,
                tunnel_id: tunnel.id,
                vlan_ids: headers.vlan_ids,
                ports: headers.transport.ports().filter(|_| tunnel.any_source_port),
                ..Self::default()
            })
        })
    }
}

/// Marks of the table on a flow.
pub(crate) mod mark {
    /// In use; a free slot has none.
    pub(crate) const USED: u8 = 1;
    /// Had a packet since the eviction hand passed.
    pub(crate) const RECENT: u8 = 2;
    /// Listed for the next update.
    pub(crate) const CHANGED: u8 = 4;
    /// Listed for the next `take_reports`.
    pub(crate) const NEW: u8 = 8;
}

// The order of fields is that of cache lines: the key, then what every packet changes.
#[repr(C, align(64))]
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    /// Packets and octets per side: A to B, B to A.
    pub(crate) packets: [u64; 2],
    pub(crate) octets: [u64; 2],
    pub(crate) last_ns: i64,
    pub(crate) uuid: u64,
    pub(crate) marks: u8,
    /// The order of the first packet: sides A and B are its source and destination.
    pub(crate) swapped: bool,
    pub(crate) client: Client,
    pub(crate) finish: Finish,
    pub(crate) path: u16,
    pub(crate) icmp_type: u8,
    pub(crate) icmp_code: u8,
    pub(crate) conversation: Conversation,
    pub(crate) start_ns: i64,
    pub(crate) rtt_ns: i64,
    pub(crate) tracking: u64,
    pub(crate) l3_tracking: u64,
    /// Totals at the last report, and when that was; 0 = never.
    pub(crate) reported_packets: [u64; 2],
    pub(crate) reported_octets: [u64; 2],
    pub(crate) reported_ns: i64,
    pub(crate) reports: u32,
    pub(crate) kept: u32,
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) link: Option<Ethernet>,
}

impl Flow {
    pub(crate) fn new(
        key: FlowKey,
        headers: &Headers<'_>,
        opening: Opening,
        ids: FlowIds,
        path: u16,
    ) -> Self {
        let Opening {
            swapped,
            start_ns,
            parent,
        } = opening;
        let (conversation, icmp) = match &headers.transport {
            Transport::Tcp(_) => (Conversation::Tcp(TcpState::default()), None),
            Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
                (Conversation::Echo(EchoState::default()), Some(icmp))
            }
            _ => (Conversation::None, None),
        };
        Self {
            key,
            packets: [0; 2],
            octets: [0; 2],
            last_ns: start_ns,
            uuid: ids.uuid,
            marks: mark::USED,
            swapped,
            client: Client::by_ports(&headers.transport),
            finish: Finish::Running,
            path,
            icmp_type: icmp.map_or(0, |icmp| icmp.message_type),
            icmp_code: icmp.map_or(0, |icmp| icmp.code),
            conversation,
            start_ns,
            rtt_ns: 0,
            tracking: ids.tracking,
            l3_tracking: ids.l3_tracking,
            reported_packets: [0; 2],
            reported_octets: [0; 2],
            reported_ns: 0,
            reports: 0,
            kept: 0,
            extra: Extra::of(headers, parent),
            link: headers.link,
        }
    }

    #[inline]
    pub(crate) fn count(&mut self, side: usize, tally: &Tally) -> u64 {
        if let (Some(packets), Some(octets)) =
            (self.packets.get_mut(side), self.octets.get_mut(side))
        {
            *packets = packets.saturating_add(tally.packets);
            *octets = octets.saturating_add(tally.octets);
        }
        self.last_ns = self.last_ns.max(tally.last_ns);
        self.packets[0].saturating_add(self.packets[1])
    }

    pub(crate) fn count_fragments(&mut self, fragments: u32, errors: u32) {
        let extra = self.extra_mut();
        extra.fragments = extra.fragments.saturating_add(fragments);
        extra.fragment_errors = extra.fragment_errors.saturating_add(errors);
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_with(|| {
            Box::new(Extra {
                vlan_ids: self.key.vlan_ids().unwrap_or(0),
                ..Extra::default()
            })
        })
    }

    /// Note an error that quotes a packet of this flow.
    pub(crate) fn note_error(&mut self, icmp: &Icmp, network: Network) {
        self.extra_mut().errors.note(icmp, network);
    }

    /// Ids of the VLANs around this segment, outermost lowest.
    pub(crate) fn vlan_ids(&self) -> u64 {
        let extra = self.extra.as_ref().map_or(0, |extra| extra.vlan_ids);
        self.key.vlan_ids().unwrap_or(extra)
    }

    /// Ports of A and B.
    pub(crate) fn ports(&self) -> (u16, u16) {
        let first = self.extra.as_ref().and_then(|extra| extra.ports);
        first.unwrap_or_else(|| self.key.ports(self.swapped))
    }

    /// Follow TCP. Return true when this segment closed the connection.
    #[inline]
    pub(crate) fn follow_tcp(
        &mut self,
        side: usize,
        segment: &Segment<'_>,
        budget: &Arc<Budget>,
    ) -> bool {
        let Conversation::Tcp(state) = &mut self.conversation else {
            return false;
        };
        if state.wants(side, segment) {
            state.payload(side, segment, budget);
        }
        let learnt = state.segment(side, segment);
        if segment.tcp.flags & (Tcp::SYN | Tcp::FIN | Tcp::RST) == 0 {
            return false;
        }
        self.learn(&learnt)
    }

    /// Follow beginning and end of TCP where not every segment is seen. Return true when this closed the connection.
    pub(crate) fn follow_milestone(&mut self, side: usize, segment: &Segment<'_>) -> bool {
        let Conversation::Tcp(state) = &mut self.conversation else {
            return false;
        };
        let learnt = state.milestones(side, segment);
        self.learn(&learnt)
    }

    fn learn(&mut self, learnt: &Learnt) -> bool {
        let finish = match self.tcp() {
            Some(state) if state.reset() => Finish::TcpRst,
            Some(state) if state.closed(&self.packets) => Finish::TcpFin,
            _ => Finish::Running,
        };
        if let Some(rtt_ns) = learnt.rtt_ns {
            self.rtt_ns = rtt_ns;
        }
        if let Some(side) = learnt.client {
            self.client = Client::by_handshake(side);
        }
        let closed = self.finish == Finish::Running && finish != Finish::Running;
        self.finish = finish;
        closed
    }

    pub(crate) fn follow_echo(&mut self, side: usize, icmp: &Icmp, ts_ns: i64) {
        let Conversation::Echo(state) = &mut self.conversation else {
            return;
        };
        if icmp.request {
            state.request(icmp.sequence, ts_ns);
            self.client = Client::by_message(side);
        } else if let Some(rtt_ns) = state.reply(icmp.sequence, ts_ns) {
            self.rtt_ns = rtt_ns;
            self.client = Client::by_message(1 - side);
        }
    }

    pub(crate) fn follow_dns(&mut self, side: usize, message: &[u8], ts_ns: i64) {
        if matches!(self.conversation, Conversation::None) {
            self.conversation = Conversation::Dns(Box::default());
        }
        let Conversation::Dns(state) = &mut self.conversation else {
            return;
        };
        if let Some(question) = state.message(message, ts_ns) {
            self.client = Client::by_message(if question { side } else { 1 - side });
        }
    }

    /// Note the transaction that this flow carries; the first one names it.
    pub(crate) fn follow_dhcp(&mut self, side: usize, key: LeaseKey, from_client: bool) {
        self.conversation = Conversation::Dhcp(key);
        self.client = Client::by_message(if from_client { side } else { 1 - side });
    }

    pub(crate) fn follow_quic(&mut self, datagram: &[u8], budget: &Arc<Budget>) {
        if matches!(self.conversation, Conversation::None) {
            self.conversation = Conversation::Quic(Box::new(QuicState::new(budget)));
        }
        if let Conversation::Quic(state) = &mut self.conversation {
            state.datagram(datagram);
        }
    }

    pub(crate) fn follow_neighbor(&mut self, side: usize, key: NeighborKey, question: bool) {
        self.conversation = Conversation::Neighbor(key);
        self.client = Client::by_message(if question { side } else { 1 - side });
    }

    /// Keep what the last error of this flow quotes.
    pub(crate) fn follow_quote(&mut self, quote: Quote) {
        self.conversation = Conversation::Quote(Box::new(quote));
    }

    /// Note whose packet the last error of this flow quotes.
    pub(crate) fn quotes(&mut self, uuid: u64) {
        if let Conversation::Quote(quote) = &mut self.conversation {
            quote.is_of(uuid);
        }
    }

    /// Keep a message that tells something.
    pub(crate) fn follow_message(&mut self, layer: Layer, bytes: &[u8]) {
        match &mut self.conversation {
            Conversation::Message(message) => message.keep(layer, bytes),
            Conversation::None | Conversation::Echo(_) => {
                let mut message = Box::new(Message::new(layer));
                message.keep(layer, bytes);
                self.conversation = Conversation::Message(message);
            }
            _ => {}
        }
    }

    /// A SYN after the end opens another connection with the same ports.
    #[inline]
    pub(crate) fn reopened_by(&self, headers: &Headers<'_>) -> bool {
        self.finish != Finish::Running
            && matches!(&headers.transport, Transport::Tcp(tcp) if tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK))
    }

    /// What to say when the flow ends by idleness.
    pub(crate) fn idle_finish(&self) -> Finish {
        match &self.conversation {
            _ if self.finish != Finish::Running => self.finish,
            Conversation::Tcp(state) if state.half_closed() => Finish::TcpFin,
            _ => Finish::Timeout,
        }
    }

    /// End because the capture does.
    pub(crate) fn stop(&mut self) {
        self.finish = match self.idle_finish() {
            Finish::Timeout => Finish::Stopped,
            finish => finish,
        };
    }

    pub(crate) fn tcp(&self) -> Option<&TcpState> {
        match &self.conversation {
            Conversation::Tcp(state) => Some(state),
            _ => None,
        }
    }
}

/// Which side of the flow sent a frame whose key has the order `swapped`.
#[inline]
pub(crate) fn side(flow: &Flow, swapped: bool) -> usize {
    usize::from(flow.swapped != swapped)
}

/// Octets of a segment as flow records count them: from the link header on, or the IP packet where there is none. The
/// header that a cooked or loopback capture puts before it was never on a wire.
#[inline]
pub(crate) fn octets(headers: &Headers<'_>) -> u32 {
    match (headers.link, headers.network) {
        (None, Network::V4 { .. } | Network::V6 { .. }) => headers.ip_len,
        _ => headers.wire_len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_flow_takes_at_most_400_bytes_with_its_place_in_the_index() {
        // hashbrown: 4 bytes and a control byte per bucket, at worst (after growing) 16 buckets for 7 flows.
        let index = 5 * 16usize.div_ceil(7);
        assert!(
            std::mem::size_of::<Flow>() + index <= 400,
            "{} + {index}",
            std::mem::size_of::<Flow>()
        );
    }
}
