// SPDX-License-Identifier: Apache-2.0
//! A flow in the table → what exporters tell of it.

use netsonde_exports::{Counts, FlowRecord};
use netsonde_packet::{Network, Tcp};

use crate::flow::Flow;

const ETHERNET_HEADER: u64 = 14;
const VLAN_TAG: u64 = 4;

/// What passed since the last report. Octets are those of IP, as exporters count them.
pub(crate) fn record(flow: &Flow) -> FlowRecord {
    let network = flow.key.network(flow.swapped);
    let counts = |side: usize| {
        let packets = flow.packets[side] - flow.reported_packets[side];
        let octets = flow.octets[side] - flow.reported_octets[side];
        let framing = packets.saturating_mul(framing(flow, network));
        Counts {
            packets,
            octets: octets.saturating_sub(framing),
        }
    };
    FlowRecord {
        link: flow.link,
        vlan: (flow.vlan_ids() & 0xfff) as u16,
        ether_type: 0,
        network,
        ip_protocol: flow.key.ip_protocol(),
        ports: flow.ports(),
        icmp: (flow.icmp_type, flow.icmp_code),
        tcp_flags: tcp_flags(flow),
        // A flow that was reported before goes on from there.
        start_ns: flow.start_ns.max(flow.reported_ns.min(flow.last_ns)),
        end_ns: flow.last_ns,
        forward: counts(0),
        reverse: counts(1),
    }
}

fn framing(flow: &Flow, network: Network) -> u64 {
    if flow.link.is_none() || network == Network::None {
        return 0;
    }
    let tags = u64::from(64 - flow.vlan_ids().leading_zeros()).div_ceil(12);
    ETHERNET_HEADER + VLAN_TAG * tags
}

/// The flags of which the table knows.
fn tcp_flags(flow: &Flow) -> u8 {
    let Some(state) = flow.tcp() else {
        return 0;
    };
    let seen = |flag: u8, times: [i64; 2]| if times == [0, 0] { 0 } else { flag };
    let [a, b] = &state.events;
    let more = if flow.packets.iter().any(|&packets| packets > 1) || !flow.packets.contains(&0) {
        Tcp::ACK
    } else {
        0
    };
    more | seen(Tcp::SYN, [a.syn_ns, b.syn_ns])
        | seen(Tcp::FIN, [a.fin_ns, b.fin_ns])
        | seen(Tcp::RST, [a.rst_ns, b.rst_ns])
}
