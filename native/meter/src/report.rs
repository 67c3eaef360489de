// SPDX-License-Identifier: Apache-2.0
//! A flow in the table → a row of the batch of reports.

use std::collections::HashMap;
use std::sync::Arc;

use netsonde_exports::FlowRecord;
use netsonde_packet::{text, IcmpKind, LayerPath, Network};

use crate::batch::{FlowBatch, FlowRow};
use crate::config::MeterConfig;
use crate::export;
use crate::flow::{Conversation, Finish, Flow};
use crate::ids::{community_icmp_pair, community_id, CommunityInput};
use crate::json::Json;
use crate::key::Class;
use crate::tcp::TcpState;
use crate::ties::Ties;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Start = 0,
    Update = 1,
    End = 2,
}

/// Layer paths seen, each written once: flows hold a number. Number 0 is the empty path, also given to those for which
/// there is no room: hostile frames can nest headers in more ways than anybody reads.
pub(crate) struct Paths {
    numbers: HashMap<LayerPath, u16>,
    known: Vec<(LayerPath, String)>,
}

impl Default for Paths {
    fn default() -> Self {
        let empty = LayerPath::default();
        Self {
            numbers: HashMap::from([(empty, 0)]),
            known: vec![(empty, String::new())],
        }
    }
}

impl Paths {
    const MOST: usize = 4096;

    pub(crate) fn number(&mut self, path: &LayerPath) -> u16 {
        if let Some(&number) = self.numbers.get(path) {
            return number;
        }
        if self.known.len() >= Self::MOST {
            return 0;
        }
        let number = self.known.len() as u16;
        self.numbers.insert(*path, number);
        self.known.push((*path, path.to_string()));
        number
    }

    pub(crate) fn len_of(&self, number: u16) -> usize {
        self.known
            .get(usize::from(number))
            .map_or(0, |(path, _)| path.as_slice().len())
    }

    fn text(&self, number: u16) -> (&str, &str) {
        self.known
            .get(usize::from(number))
            .map_or(("", ""), |(path, text)| {
                (
                    text.as_str(),
                    path.last().map_or("", netsonde_packet::Layer::name),
                )
            })
    }
}

/// Text of one row while it is written; kept between rows for its memory.
#[derive(Default)]
struct Scratch {
    link_a: String,
    link_b: String,
    network_a: String,
    network_b: String,
    community: String,
    dns: String,
    dhcp: String,
    details: String,
}

/// A batch being filled, and the memory for making its rows.
#[derive(Default)]
pub(crate) struct Sheet {
    pub(crate) batch: FlowBatch,
    /// The same for exporters, where these are wanted.
    pub(crate) exports: Vec<FlowRecord>,
    /// Where each row of the batch belongs, if that is wanted: after how many frames it was written, and its flow's
    /// place among all.
    pub(crate) order: Vec<(u64, u64)>,
    scratch: Scratch,
}

/// Writes reports of one meter into batches.
pub(crate) struct Reporter {
    pub(crate) config: MeterConfig,
    pub(crate) paths: Paths,
    pub(crate) ties: Arc<Ties>,
}

impl Reporter {
    pub(crate) fn new(config: MeterConfig, ties: Arc<Ties>) -> Self {
        Self {
            config,
            paths: Paths::default(),
            ties,
        }
    }

    /// Append the state of `flow`; `now_ns` ends the period that `lu_*` covers.
    pub(crate) fn push(&self, flow: &Flow, kind: Kind, now_ns: i64, sheet: &mut Sheet) {
        let Sheet {
            batch,
            exports,
            scratch,
            ..
        } = sheet;
        if self.config.exports {
            exports.push(export::record(flow));
        }
        let row = self.base_row(flow, scratch);
        let finish = flow.finish as u8;
        batch.push(FlowRow {
            report: kind as u8,
            report_number: flow.reports,
            finish_type: finish,
            lu_start_ns: if flow.reported_ns == 0 {
                flow.start_ns
            } else {
                flow.reported_ns
            },
            lu_last_ns: if flow.finish == Finish::Running {
                now_ns
            } else {
                flow.last_ns
            },
            lu_ab_packets: flow.packets[0] - flow.reported_packets[0],
            lu_ba_packets: flow.packets[1] - flow.reported_packets[1],
            lu_ab_bytes: flow.octets[0] - flow.reported_octets[0],
            lu_ba_bytes: flow.octets[1] - flow.reported_octets[1],
            ..row
        });
    }

    fn base_row<'a>(&'a self, flow: &'a Flow, scratch: &'a mut Scratch) -> FlowRow<'a> {
        let config = &self.config;
        scratch.clear();
        scratch.fill(flow, &self.ties);
        scratch.fill_details(flow, &self.ties);
        let scratch = &*scratch;
        let (layers_path, application) = self.paths.text(flow.path);
        let mut row = FlowRow {
            uuid: flow.uuid,
            tracking_id: flow.tracking,
            l3_tracking_id: flow.l3_tracking,
            community_id: &scratch.community,
            node_tid: &config.node_tid,
            host: &config.host,
            capture_id: &config.capture_id,
            layers_path,
            application,
            start_ns: flow.start_ns,
            last_ns: flow.last_ns,
            link_protocol: if flow.link.is_some() { "ETHERNET" } else { "" },
            link_a: &scratch.link_a,
            link_b: &scratch.link_b,
            link_id: flow.vlan_ids() as i64,
            network_protocol: network_protocol(flow),
            network_a: &scratch.network_a,
            network_b: &scratch.network_b,
            ab_packets: flow.packets[0],
            ab_bytes: flow.octets[0],
            ba_packets: flow.packets[1],
            ba_bytes: flow.octets[1],
            rtt_ns: flow.rtt_ns,
            client: flow.client.name(),
            client_by: flow.client.by(),
            raw_packets_captured: i64::from(flow.kept),
            dns: &scratch.dns,
            details: &scratch.details,
            ..FlowRow::default()
        };
        transport_columns(flow, &mut row);
        if let Some(extra) = &flow.extra {
            row.parent_uuid = extra.parent;
            row.network_id = extra.tunnel_id as i64;
            row.ip_fragments = extra.fragments;
            row.ip_fragment_errors = extra.fragment_errors;
        }
        if let Some(state) = flow.tcp() {
            tcp_columns(state, config.tcp_metrics && config.every_frame, &mut row);
        }
        if let Some(found) = flow.tcp().and_then(|state| state.application.as_deref()) {
            row.server_name = found.server_name();
            if let Some(layer) = found.layer() {
                row.application = layer.name();
            }
        }
        if let Some(name) = config.applications.name_of(flow.key.class(), flow.ports()) {
            row.application = name;
        }
        match &flow.conversation {
            Conversation::Echo(state) if config.every_frame && row.icmp_type == "ECHO" => {
                row.icmp_unanswered = state.unanswered()
            }
            Conversation::Dhcp(key) if key.version == 4 => row.dhcpv4 = &scratch.dhcp,
            Conversation::Dhcp(_) => row.dhcpv6 = &scratch.dhcp,
            Conversation::Quic(state) => row.server_name = state.server_name(),
            _ => {}
        }
        row
    }
}

impl Scratch {
    fn clear(&mut self) {
        let texts = [
            &mut self.link_a,
            &mut self.link_b,
            &mut self.network_a,
            &mut self.network_b,
            &mut self.community,
            &mut self.dns,
            &mut self.dhcp,
            &mut self.details,
        ];
        texts.into_iter().for_each(String::clear);
    }

    fn fill(&mut self, flow: &Flow, ties: &Ties) {
        if let Some(link) = flow.link {
            text::push_mac(link.source(), &mut self.link_a);
            text::push_mac(link.destination(), &mut self.link_b);
        }
        match flow.key.network(flow.swapped) {
            Network::None => {}
            Network::V4 {
                source,
                destination,
            } => {
                text::push_ipv4(source, &mut self.network_a);
                text::push_ipv4(destination, &mut self.network_b);
                self.community(flow, &source, &destination);
            }
            Network::V6 {
                source,
                destination,
            } => {
                text::push_ipv6(source, &mut self.network_a);
                text::push_ipv6(destination, &mut self.network_b);
                self.community(flow, &source, &destination);
            }
        }
        match &flow.conversation {
            Conversation::Dns(state) => state.write(&mut self.dns),
            Conversation::Dhcp(key) => ties.known().leases.write(*key, &mut self.dhcp),
            _ => {}
        }
        if let Some(dns) = flow
            .tcp()
            .and_then(|state| state.application.as_ref()?.dns.as_ref())
        {
            dns.write(&mut self.dns);
        }
    }

    /// Write the blocks of protocols that have no column of their own.
    fn fill_details(&mut self, flow: &Flow, ties: &Ties) {
        let mut json = Json::new(&mut self.details);
        json.open();
        if let Some(extra) = &flow.extra {
            extra.errors.write(&mut json);
        }
        match &flow.conversation {
            Conversation::Tcp(state) => {
                if let Some(found) = &state.application {
                    found.write(&mut json);
                }
            }
            Conversation::Message(message) => message.write(&mut json),
            Conversation::Quic(state) => state.write(&mut json),
            Conversation::Neighbor(key) => ties.known().neighbors.write(key, &mut json),
            Conversation::Quote(quote) => quote.write(&mut json),
            _ => {}
        }
        json.close();
        if self.details == "{}" {
            self.details.clear();
        }
    }

    fn community(&mut self, flow: &Flow, source: &[u8], destination: &[u8]) {
        let (ports, two_way) = match flow.key.class() {
            Class::None => (None, true),
            Class::Icmp4 => community_icmp_pair(false, flow.icmp_type, flow.icmp_code),
            Class::Icmp6 => community_icmp_pair(true, flow.icmp_type, flow.icmp_code),
            _ => (Some(flow.ports()), true),
        };
        let protocol = flow.key.ip_protocol();
        community_id(
            &CommunityInput {
                source,
                destination,
                protocol,
                ports,
                two_way,
            },
            &mut self.community,
        );
    }
}

fn network_protocol(flow: &Flow) -> &'static str {
    match flow.key.network(false) {
        Network::None => "",
        Network::V4 { .. } => "IPV4",
        Network::V6 { .. } => "IPV6",
    }
}

fn transport_columns(flow: &Flow, row: &mut FlowRow<'_>) {
    let protocol = match flow.key.class() {
        Class::Tcp => "TCP",
        Class::Udp => "UDP",
        Class::Sctp => "SCTP",
        Class::None => return,
        Class::Icmp4 | Class::Icmp6 => {
            let (kind, id) = flow.key.icmp_kind_and_id();
            row.icmp_type = IcmpKind::from_number(kind).name();
            row.icmp_code = flow.icmp_code;
            row.icmp_id = id;
            return;
        }
    };
    row.transport_protocol = protocol;
    (row.transport_a, row.transport_b) = flow.ports();
}

fn tcp_columns(state: &TcpState, metrics: bool, row: &mut FlowRow<'_>) {
    let [ab, ba] = &state.troubles();
    row.ab_retransmissions = ab.retransmissions.into();
    row.ba_retransmissions = ba.retransmissions.into();
    if !metrics {
        return;
    }
    row.tcp_metric = 1;
    (row.tcp_ab_out_of_order, row.tcp_ba_out_of_order) = (ab.out_of_order, ba.out_of_order);
    (row.tcp_ab_skipped, row.tcp_ba_skipped) = (ab.skipped, ba.skipped);
    (row.tcp_ab_skipped_bytes, row.tcp_ba_skipped_bytes) = (ab.skipped_bytes, ba.skipped_bytes);
    (row.tcp_ab_zero_windows, row.tcp_ba_zero_windows) = (ab.zero_windows, ba.zero_windows);
    let [ab, ba] = &state.sides;
    (row.tcp_ab_segments, row.tcp_ba_segments) = (ab.segments, ba.segments);
    (row.tcp_ab_payload_bytes, row.tcp_ba_payload_bytes) = (ab.payload_bytes, ba.payload_bytes);
    let [ab, ba] = &state.events;
    (row.tcp_ab_syn_ns, row.tcp_ba_syn_ns) = (ab.syn_ns, ba.syn_ns);
    (row.tcp_ab_syn_ttl, row.tcp_ba_syn_ttl) = (ab.syn_ttl, ba.syn_ttl);
    (row.tcp_ab_fin_ns, row.tcp_ba_fin_ns) = (ab.fin_ns, ba.fin_ns);
    (row.tcp_ab_rst_ns, row.tcp_ba_rst_ns) = (ab.rst_ns, ba.rst_ns);
    (row.tcp_ab_segment_size, row.tcp_ba_segment_size) = (ab.segment_size, ba.segment_size);
    (row.tcp_ab_window_scale, row.tcp_ba_window_scale) = (ab.window_scale, ba.window_scale);
    row.tcp_handshake_ns = state.handshake_ns();
    (row.tcp_ab_rtt_ns, row.tcp_ab_rtt_min_ns) = state.round_trips(0);
    (row.tcp_ba_rtt_ns, row.tcp_ba_rtt_min_ns) = state.round_trips(1);
}
