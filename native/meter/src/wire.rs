// SPDX-License-Identifier: Apache-2.0
//! Reports as the JSON objects that clients of the reference know, written straight from the columns.
//!
//! Names of the reference keep its spelling, its units (milliseconds, RTT in nanoseconds) and its habits (what is
//! always there, what only when set). Ours stand behind them.

use arrow_array::RecordBatch;

use crate::json::Json;
use crate::view::{Numbers, Texts};

macro_rules! columns {
    ($($kind:ident { $($name:ident),* $(,)? })*) => {
        struct FlowColumns<'a> { $($($name: $kind<'a>,)*)* }

        impl<'a> FlowColumns<'a> {
            fn of(batch: &'a RecordBatch) -> Self {
                Self { $($($name: $kind::of(batch, stringify!($name)),)*)* }
            }
        }
    };
}

columns! {
    Texts {
        community_id, node_tid, host, capture_id, layers_path, application, link_protocol, link_a, link_b,
        network_protocol, network_a, network_b, transport_protocol, icmp_type, client, client_by, server_name,
        dns, dhcpv4, dhcpv6, details,
    }
    Numbers {
        uuid, parent_uuid, tracking_id, l3_tracking_id, start_ns, last_ns, link_id, network_id,
        transport_a, transport_b, icmp_code, icmp_id, icmp_unanswered, ip_fragments, ip_fragment_errors, ab_packets, ab_bytes, ba_packets, ba_bytes,
        rtt_ns, lu_start_ns, lu_last_ns, lu_ab_packets, lu_ab_bytes, lu_ba_packets, lu_ba_bytes, finish_type,
        raw_packets_captured, ab_retransmissions, ba_retransmissions, tcp_metric,
        tcp_ab_syn_ns, tcp_ba_syn_ns, tcp_ab_syn_ttl, tcp_ba_syn_ttl, tcp_ab_fin_ns, tcp_ba_fin_ns,
        tcp_ab_rst_ns, tcp_ba_rst_ns, tcp_ab_out_of_order, tcp_ba_out_of_order, tcp_ab_skipped, tcp_ba_skipped,
        tcp_ab_skipped_bytes, tcp_ba_skipped_bytes, tcp_ab_segments, tcp_ba_segments,
        tcp_ab_payload_bytes, tcp_ba_payload_bytes, tcp_handshake_ns, tcp_ab_rtt_ns, tcp_ba_rtt_ns,
        tcp_ab_rtt_min_ns, tcp_ba_rtt_min_ns, tcp_ab_zero_windows, tcp_ba_zero_windows,
        tcp_ab_segment_size, tcp_ba_segment_size, tcp_ab_window_scale, tcp_ba_window_scale,
    }
}

/// Append one JSON object per row, each followed by `separator` except the last.
pub fn write_flows(batch: &RecordBatch, separator: char, out: &mut String) {
    let columns = FlowColumns::of(batch);
    for row in 0..batch.num_rows() {
        if row > 0 {
            out.push(separator);
        }
        columns.write(row, out);
    }
}

/// Give the flows of `captures` to `take`, each as (capture, TID of the node, JSON object).
pub fn each_flow(
    batch: &RecordBatch,
    captures: &[String],
    mut take: impl FnMut(&str, &str, String),
) {
    let columns = FlowColumns::of(batch);
    for row in 0..batch.num_rows() {
        let capture = columns.capture_id.get(row);
        if captures.iter().any(|wanted| wanted == capture) {
            let mut object = String::new();
            columns.write(row, &mut object);
            take(capture, columns.node_tid.get(row), object);
        }
    }
}

#[inline]
fn ms(ns: i64) -> i64 {
    ns.div_euclid(1_000_000)
}

impl FlowColumns<'_> {
    fn write(&self, row: usize, out: &mut String) {
        let mut json = Json::new(out);
        json.open();
        json.hex("UUID", self.uuid.u64(row));
        json.text_if("LayersPath", self.layers_path.get(row));
        json.text_if("Application", self.application.get(row));
        self.write_layers(row, &mut json);
        self.write_metrics(row, &mut json);
        if self.tcp_metric.u64(row) != 0 {
            self.write_tcp(row, &mut json);
        }
        let (fragments, errors) = (self.ip_fragments.u64(row), self.ip_fragment_errors.u64(row));
        if fragments + errors != 0 {
            json.object("IPMetric").number("Fragments", fragments);
            json.number("FragmentErrors", errors).close();
        }
        json.text_if("NodeTID", self.node_tid.get(row))
            .text_if("CaptureID", self.capture_id.get(row));
        json.number("Start", ms(self.start_ns.i64(row)))
            .number("Last", ms(self.last_ns.i64(row)));
        json.number("RawPacketsCaptured", self.raw_packets_captured.i64(row));
        json.hex("TrackingID", self.tracking_id.u64(row))
            .hex("L3TrackingID", self.l3_tracking_id.u64(row));
        match self.parent_uuid.u64(row) {
            0 => json.text("ParentUUID", ""),
            parent => json.hex("ParentUUID", parent),
        };
        json.number_if("TunnelID", self.network_id.u64(row));
        json.number_if("FinishType", self.finish_type.u64(row));
        for (name, column) in [
            ("DNS", &self.dns),
            ("DHCPv4", &self.dhcpv4),
            ("DHCPv6", &self.dhcpv6),
        ] {
            let object = column.get(row);
            if !object.is_empty() {
                json.raw(name, object);
            }
        }
        let blocks = self.details.get(row).strip_prefix('{');
        if let Some(blocks) = blocks.and_then(|blocks| blocks.strip_suffix('}')) {
            json.members(blocks);
        }
        json.text_if("ServerName", self.server_name.get(row));
        json.text_if("CommunityID", self.community_id.get(row))
            .text_if("Client", self.client.get(row))
            .text_if("ClientBy", self.client_by.get(row));
        json.text_if("Host", self.host.get(row));
        json.number_if("ABRetransmissions", self.ab_retransmissions.u64(row));
        json.number_if("BARetransmissions", self.ba_retransmissions.u64(row));
        json.close();
    }

    fn write_layers(&self, row: usize, json: &mut Json<'_>) {
        let layers = [
            (
                "Link",
                &self.link_protocol,
                &self.link_a,
                &self.link_b,
                &self.link_id,
            ),
            (
                "Network",
                &self.network_protocol,
                &self.network_a,
                &self.network_b,
                &self.network_id,
            ),
        ];
        for (name, protocol, a, b, id) in layers {
            let protocol = protocol.get(row);
            if !protocol.is_empty() {
                json.object(name)
                    .text("Protocol", protocol)
                    .text("A", a.get(row))
                    .text("B", b.get(row));
                json.number("ID", id.i64(row)).close();
            }
        }
        let transport = self.transport_protocol.get(row);
        if !transport.is_empty() {
            json.object("Transport").text("Protocol", transport);
            json.number("A", self.transport_a.u64(row))
                .number("B", self.transport_b.u64(row));
            json.number("ID", 0).close();
        }
        let icmp = self.icmp_type.get(row);
        if !icmp.is_empty() {
            json.object("ICMP")
                .text("Type", icmp)
                .number_if("Code", self.icmp_code.u64(row));
            json.number_if("ID", self.icmp_id.u64(row));
            json.number_if("Unanswered", self.icmp_unanswered.u64(row))
                .close();
        }
    }

    fn write_metrics(&self, row: usize, json: &mut Json<'_>) {
        let (ab, ba) = (self.ab_packets.u64(row), self.ba_packets.u64(row));
        let (lu_ab, lu_ba) = (self.lu_ab_packets.u64(row), self.lu_ba_packets.u64(row));
        // Until a second report there is no period but the whole.
        if (lu_ab, lu_ba) != (ab, ba) {
            json.object("LastUpdateMetric");
            json.number("ABPackets", lu_ab)
                .number("ABBytes", self.lu_ab_bytes.u64(row));
            json.number("BAPackets", lu_ba)
                .number("BABytes", self.lu_ba_bytes.u64(row));
            json.number("Start", ms(self.lu_start_ns.i64(row)))
                .number("Last", ms(self.lu_last_ns.i64(row)));
            json.number_if("RTT", self.rtt_ns.u64(row)).close();
        }
        json.object("Metric")
            .number("ABPackets", ab)
            .number("ABBytes", self.ab_bytes.u64(row));
        json.number("BAPackets", ba)
            .number("BABytes", self.ba_bytes.u64(row));
        json.number("Start", ms(self.start_ns.i64(row)))
            .number("Last", ms(self.last_ns.i64(row)));
        json.number_if("RTT", self.rtt_ns.u64(row)).close();
    }

    fn write_tcp(&self, row: usize, json: &mut Json<'_>) {
        json.object("TCPMetric");
        json.number("ABSynStart", ms(self.tcp_ab_syn_ns.i64(row)));
        json.number("BASynStart", ms(self.tcp_ba_syn_ns.i64(row)));
        json.number_if("ABSynTTL", self.tcp_ab_syn_ttl.u64(row));
        json.number_if("BASynTTL", self.tcp_ba_syn_ttl.u64(row));
        json.number("ABFinStart", ms(self.tcp_ab_fin_ns.i64(row)));
        json.number("BAFinStart", ms(self.tcp_ba_fin_ns.i64(row)));
        json.number("ABRstStart", ms(self.tcp_ab_rst_ns.i64(row)));
        json.number("BARstStart", ms(self.tcp_ba_rst_ns.i64(row)));
        json.number("ABSegmentOutOfOrder", self.tcp_ab_out_of_order.u64(row));
        json.number("ABSegmentSkipped", self.tcp_ab_skipped.u64(row));
        json.number("ABSegmentSkippedBytes", self.tcp_ab_skipped_bytes.u64(row));
        json.number("ABPackets", self.tcp_ab_segments.u64(row));
        json.number("ABBytes", self.tcp_ab_payload_bytes.u64(row));
        json.number("ABSawStart", u8::from(self.tcp_ab_syn_ns.i64(row) != 0));
        json.number("ABSawEnd", u8::from(self.tcp_ab_fin_ns.i64(row) != 0));
        json.number("BASegmentOutOfOrder", self.tcp_ba_out_of_order.u64(row));
        json.number("BASegmentSkipped", self.tcp_ba_skipped.u64(row));
        json.number("BASegmentSkippedBytes", self.tcp_ba_skipped_bytes.u64(row));
        json.number("BAPackets", self.tcp_ba_segments.u64(row));
        json.number("BABytes", self.tcp_ba_payload_bytes.u64(row));
        json.number("BASawStart", u8::from(self.tcp_ba_syn_ns.i64(row) != 0));
        json.number("BASawEnd", u8::from(self.tcp_ba_fin_ns.i64(row) != 0));
        for (name, column) in [
            ("Handshake", &self.tcp_handshake_ns),
            ("ABRTT", &self.tcp_ab_rtt_ns),
            ("BARTT", &self.tcp_ba_rtt_ns),
            ("ABRTTMin", &self.tcp_ab_rtt_min_ns),
            ("BARTTMin", &self.tcp_ba_rtt_min_ns),
            ("ABZeroWindows", &self.tcp_ab_zero_windows),
            ("BAZeroWindows", &self.tcp_ba_zero_windows),
            ("ABMSS", &self.tcp_ab_segment_size),
            ("BAMSS", &self.tcp_ba_segment_size),
            ("ABWindowScale", &self.tcp_ab_window_scale),
            ("BAWindowScale", &self.tcp_ba_window_scale),
        ] {
            json.number_if(name, column.u64(row));
        }
        json.close();
    }
}
