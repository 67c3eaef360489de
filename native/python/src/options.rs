// SPDX-License-Identifier: Apache-2.0
//! `CaptureOptions`: what Python asks of a capture, checked once when it is made.

use netsonde_capture::kept::KeepOptions;
use netsonde_capture::{sink, subscription};
use pyo3::prelude::*;

use crate::meter::{applications, key_mode, ports};
use crate::sinks::SinkSpec;

/// What a capture asks of the engine. Times in ns, 0 = no limit.
#[pyclass(frozen, from_py_object)]
#[derive(Clone)]
pub struct CaptureOptions {
    pub options: subscription::CaptureOptions,
    pub sinks: Vec<sink::SinkSpec>,
}

#[pymethods]
impl CaptureOptions {
    /// `first_packets` are kept whole; then a ring of `ring_bytes` keeps `header_size` bytes of each packet, of the
    /// first `raw_packet_limit` of each flow (-1 = of all, 0 = of none), for `ring_ns` at most.
    #[new]
    #[pyo3(signature = (*, bpf_filter = "", layer_key_mode = "L2", extra_tcp_metric = true, first_packets = 1000,
        header_size = 256, ring_bytes = 4 << 20, ring_ns = 0, raw_packet_limit = -1, max_packets = 0, max_bytes = 0,
        max_duration_ns = 0, update_ns = 10_000_000_000, expire_ns = 600_000_000_000, max_flows = 500_000,
        ip_defrag = false, udp_ports = Vec::new(), application_ports = Vec::new(), sinks = Vec::new()))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        bpf_filter: &str,
        layer_key_mode: &str,
        extra_tcp_metric: bool,
        first_packets: u64,
        header_size: usize,
        ring_bytes: usize,
        ring_ns: i64,
        raw_packet_limit: i64,
        max_packets: u64,
        max_bytes: u64,
        max_duration_ns: i64,
        update_ns: i64,
        expire_ns: i64,
        max_flows: usize,
        ip_defrag: bool,
        udp_ports: Vec<String>,
        application_ports: Vec<String>,
        sinks: Vec<SinkSpec>,
    ) -> PyResult<Self> {
        let keep = KeepOptions {
            first: first_packets,
            snap: if header_size == 0 { 256 } else { header_size },
            ring_bytes,
            ring_ns,
            per_flow: raw_packet_limit,
        };
        let options = subscription::CaptureOptions {
            filter: bpf_filter.to_owned(),
            layer_key_mode: key_mode(layer_key_mode)?,
            tcp_metrics: extra_tcp_metric,
            ip_defrag,
            ports: ports(&udp_ports)?,
            applications: applications(&application_ports)?,
            keep,
            max_packets,
            max_bytes,
            max_duration_ns,
            update_ns,
            expire_ns,
            max_flows,
            every_frame: true,
        };
        let sinks = sinks.into_iter().map(|sink| sink.0).collect();
        Ok(Self { options, sinks })
    }
}
