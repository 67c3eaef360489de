// SPDX-License-Identifier: Apache-2.0
//! Settings of one meter.

use netsonde_packet::Ports;

use crate::applications::Applications;

/// Whether MAC addresses belong to a flow's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LayerKeyMode {
    #[default]
    L2,
    /// MACs are ignored where there is IP: one flow when a packet passes the same point with other MACs.
    L3,
}

#[derive(Clone, Debug)]
pub struct MeterConfig {
    pub node_tid: String,
    pub capture_id: String,
    pub host: String,
    pub layer_key_mode: LayerKeyMode,
    /// Report changed flows this often; 0 = only at their end.
    pub update_ns: i64,
    /// Report each new flow at the next `take_reports`.
    pub start_reports: bool,
    /// End a flow so long after its last packet.
    pub expire_ns: i64,
    /// Keep a flow closed by FIN or RST for so long, so that late packets count for it.
    pub hold_ns: i64,
    /// Beyond so many flows the least recently used one is ended.
    pub max_flows: usize,
    /// Fill the `tcp_*` columns.
    pub tcp_metrics: bool,
    /// Compute ids as the reference does, flaws included: L3TrackingID ordered by MAC, its variant of XXH64.
    pub reference_ids: bool,
    /// Put IP fragments together, so that they count for the conversation they belong to.
    pub ip_defrag: bool,
    /// UDP ports of protocols.
    pub ports: Ports,
    /// Names of applications by port, whatever they say.
    pub applications: Applications,
    /// Frames are all that passed. False = samples of them, or what others tell: connections are not followed, since
    /// what was not seen would count as lost.
    pub every_frame: bool,
    /// Keep each report for `take_exports` too.
    pub exports: bool,
    /// Give reports in an order that frames and calls alone decide, see `Sharded::take_ordered`. Takes 8 bytes a flow.
    pub ordered: bool,
}

const SECOND: i64 = 1_000_000_000;

impl Default for MeterConfig {
    fn default() -> Self {
        Self {
            node_tid: String::new(),
            capture_id: String::new(),
            host: String::new(),
            layer_key_mode: LayerKeyMode::L2,
            update_ns: 10 * SECOND,
            start_reports: true,
            expire_ns: 600 * SECOND,
            hold_ns: 15 * SECOND,
            max_flows: 500_000,
            tcp_metrics: true,
            reference_ids: false,
            ip_defrag: false,
            ports: Ports::default(),
            applications: Applications::default(),
            every_frame: true,
            exports: false,
            ordered: false,
        }
    }
}
