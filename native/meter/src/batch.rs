// SPDX-License-Identifier: Apache-2.0
//! The two batches that leave the core: flow reports and raw packets.
//!
//! The columns of flows are explained one by one in `src/netsonde/flows/schema.py`; a test keeps both equal.

use crate::columns::record_batch;

record_batch! {
    /// Flow reports, one row each.
    FlowBatch,
    /// One report of one flow. Counters are totals, except `lu_*`: those of the last update period.
    FlowRow {
        uuid: U64,
        parent_uuid: U64,
        tracking_id: U64,
        l3_tracking_id: U64,
        community_id: Text,
        node_tid: Text,
        host: Text,
        capture_id: Text,
        /// 0 start, 1 update, 2 end.
        report: U8,
        report_number: U32,
        layers_path: Text,
        application: Text,
        start_ns: I64,
        last_ns: I64,
        link_protocol: Text,
        link_a: Text,
        link_b: Text,
        link_id: I64,
        network_protocol: Text,
        network_a: Text,
        network_b: Text,
        network_id: I64,
        transport_protocol: Text,
        transport_a: U16,
        transport_b: U16,
        icmp_type: Text,
        icmp_code: U8,
        icmp_id: U16,
        ab_packets: U64,
        ab_bytes: U64,
        ba_packets: U64,
        ba_bytes: U64,
        /// 0 = not measured.
        rtt_ns: I64,
        lu_start_ns: I64,
        lu_last_ns: I64,
        lu_ab_packets: U64,
        lu_ab_bytes: U64,
        lu_ba_packets: U64,
        lu_ba_bytes: U64,
        finish_type: U8,
        client: Text,
        client_by: Text,
        raw_packets_captured: I64,
        ab_retransmissions: U64,
        ba_retransmissions: U64,
        /// 1 when the `tcp_*` columns were measured.
        tcp_metric: U8,
        tcp_ab_syn_ns: I64,
        tcp_ba_syn_ns: I64,
        tcp_ab_syn_ttl: U8,
        tcp_ba_syn_ttl: U8,
        tcp_ab_fin_ns: I64,
        tcp_ba_fin_ns: I64,
        tcp_ab_rst_ns: I64,
        tcp_ba_rst_ns: I64,
        tcp_ab_out_of_order: U32,
        tcp_ba_out_of_order: U32,
        tcp_ab_skipped: U32,
        tcp_ba_skipped: U32,
        tcp_ab_skipped_bytes: U32,
        tcp_ba_skipped_bytes: U32,
        tcp_ab_segments: U32,
        tcp_ba_segments: U32,
        tcp_ab_payload_bytes: U64,
        tcp_ba_payload_bytes: U64,
        tcp_handshake_ns: I64,
        tcp_ab_rtt_ns: I64,
        tcp_ba_rtt_ns: I64,
        tcp_ab_rtt_min_ns: I64,
        tcp_ba_rtt_min_ns: I64,
        tcp_ab_zero_windows: U32,
        tcp_ba_zero_windows: U32,
        tcp_ab_segment_size: U16,
        tcp_ba_segment_size: U16,
        tcp_ab_window_scale: U8,
        tcp_ba_window_scale: U8,
        icmp_unanswered: U32,
        ip_fragments: U32,
        ip_fragment_errors: U32,
        server_name: Text,
        /// JSON objects, or empty.
        dns: Text,
        dhcpv4: Text,
        dhcpv6: Text,
        /// Blocks of the record, by the names of their protocols.
        details: Text,
    }
}

record_batch! {
    /// Raw packets, one row each, in the order in which they were seen.
    PacketBatch,
    /// One packet; `data` may be shorter than `wire_len`.
    PacketRow {
        ts_ns: I64,
        wire_len: U32,
        data: Blob,
        link_type: U16,
        node_tid: Text,
        ifname: Text,
        capture_id: Text,
        host: Text,
        flow_uuid: U64,
        number: U64,
        /// Kept before the capture's definition matched.
        lookback: Flag,
    }
}
