// SPDX-License-Identifier: Apache-2.0
//! `CaptureCore`: live captures for Python. Batches cross, never single packets; the GIL is released in every call.

use std::collections::HashMap;

use netsonde_capture::bpf::Filter;
use netsonde_capture::collector::{ListenRequest, SourceKind};
use netsonde_capture::control::Way;
use netsonde_capture::core::Core;
use netsonde_capture::ebpf::Hook;
use netsonde_capture::event::Point;
use netsonde_capture::shared::Config;
use netsonde_capture::subscription::PacketQuery;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::options::CaptureOptions;
use crate::selection::{selection, RawTest};
use crate::sinks::{socket_address, SinkSpec};
use crate::told::{TapEvent, TapStats, ToldCounters};

/// Check a filter in tcpdump's language; ValueError carries libpcap's words. `link_type` is a DLT number.
#[pyfunction]
#[pyo3(signature = (text, link_type = 1))]
fn check_bpf(py: Python<'_>, text: &str, link_type: i32) -> PyResult<()> {
    py.detach(|| Filter::compile(text, link_type))
        .map(drop)
        .map_err(PyValueError::new_err)
}

/// Captures on live interfaces, and look-back taps on interfaces that have just appeared.
#[pyclass(frozen)]
struct CaptureCore(Core);

type Batches<'py> = Vec<Bound<'py, PyBytes>>;

fn batches(py: Python<'_>, batches: Vec<Vec<u8>>) -> Batches<'_> {
    batches
        .iter()
        .map(|batch| PyBytes::new(py, batch))
        .collect()
}

#[pymethods]
impl CaptureCore {
    /// `lookback_ns` = how long frames of a new interface are kept, 0 = no look-back. `threads` meter packets, 0 = one for
    /// each processor that the process may use, at most 8. Memory limits in bytes.
    #[new]
    #[pyo3(signature = (*, host, lookback_ns = 10_000_000_000, pool_size = 256, realtime = true, threads = 0,
        lookback_bytes = 256 << 20, lookback_bytes_each = 16 << 20, kept_bytes = 512 << 20))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        py: Python<'_>,
        host: String,
        lookback_ns: i64,
        pool_size: usize,
        realtime: bool,
        threads: usize,
        lookback_bytes: usize,
        lookback_bytes_each: usize,
        kept_bytes: usize,
    ) -> PyResult<Self> {
        let config = Config {
            host,
            lookback_ns: lookback_ns.max(0),
            pool_size,
            realtime,
            threads,
            lookback_bytes,
            lookback_bytes_each,
            kept_bytes,
            ..Config::default()
        };
        Ok(Self(
            py.detach(|| Core::new(config))
                .map_err(PyOSError::new_err)?,
        ))
    }

    /// Descriptor that is readable when `events()` has something.
    #[getter]
    fn event_fd(&self) -> i32 {
        self.0.event_fd()
    }

    fn events(&self, py: Python<'_>) -> Vec<TapEvent> {
        py.detach(|| self.0.events())
            .into_iter()
            .map(TapEvent::from)
            .collect()
    }

    /// Bind look-back taps to new interfaces from now on, or no more.
    fn arm(&self, armed: bool) {
        self.0.arm(armed);
    }

    /// Watch a network namespace; `key` is its inode, `fd` stays the caller's. Names in /run/netns are found without.
    #[pyo3(signature = (key, fd, existing = false))]
    fn add_namespace(&self, py: Python<'_>, key: u64, fd: i32, existing: bool) -> PyResult<()> {
        Ok(py.detach(|| self.0.add_namespace(key, fd, existing))?)
    }

    fn remove_namespace(&self, py: Python<'_>, key: u64) {
        py.detach(|| self.0.remove_namespace(key));
    }

    /// Start a capture on an interface; the event `started` or `failed` follows. ValueError for a filter's mistake.
    #[expect(clippy::too_many_arguments, reason = "flat for Python")]
    fn start(
        &self,
        py: Python<'_>,
        capture_id: String,
        netns: u64,
        ifindex: u32,
        ifname: String,
        node_tid: String,
        options: CaptureOptions,
    ) -> PyResult<()> {
        let point = Point {
            capture_id,
            netns,
            ifindex,
        };
        let CaptureOptions { options, sinks } = options;
        py.detach(|| {
            self.0
                .start(point, ifname, node_tid, options, &sinks, Way::Packets)
        })
        .map_err(PyValueError::new_err)
    }

    /// Like `start`, with a program in the kernel that counts instead of packets that are read. `hook` = best, tcx or
    /// socket. A filter may name only what all packets of a flow have in common.
    #[pyo3(signature = (capture_id, netns, ifindex, ifname, node_tid, options, hook = "best"))]
    #[expect(clippy::too_many_arguments, reason = "flat for Python")]
    fn count_in_kernel(
        &self,
        py: Python<'_>,
        capture_id: String,
        netns: u64,
        ifindex: u32,
        ifname: String,
        node_tid: String,
        options: CaptureOptions,
        hook: &str,
    ) -> PyResult<()> {
        let hook = match hook {
            "best" => Hook::Best,
            "tcx" => Hook::Tcx,
            "socket" => Hook::Socket,
            _ => return Err(PyValueError::new_err(format!("there is no hook {hook:?}"))),
        };
        let point = Point {
            capture_id,
            netns,
            ifindex,
        };
        let CaptureOptions { options, sinks } = options;
        let way = Way::Counts(hook);
        py.detach(|| self.0.start(point, ifname, node_tid, options, &sinks, way))
            .map_err(PyValueError::new_err)
    }

    /// Listen on `address` (port 0 = any) for what others see: `kind` = sflow, records (NetFlow and IPFIX; unless they
    /// tell, one packet in `default_rate` was seen) or pcap (over TCP). Returns the address as bound; `started`
    /// follows. ValueError when that is impossible.
    #[pyo3(signature = (capture_id, netns, ifindex, ifname, node_tid, options, kind, address, default_rate = 1))]
    #[expect(clippy::too_many_arguments, reason = "flat for Python")]
    fn listen(
        &self,
        py: Python<'_>,
        capture_id: String,
        netns: u64,
        ifindex: u32,
        ifname: String,
        node_tid: String,
        options: CaptureOptions,
        kind: &str,
        address: &str,
        default_rate: u32,
    ) -> PyResult<String> {
        let kind = match kind {
            "sflow" => SourceKind::SFlow,
            "records" => SourceKind::Records { default_rate },
            "pcap" => SourceKind::Streams,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "there is no source {kind:?}"
                )))
            }
        };
        let CaptureOptions { options, sinks } = options;
        let request = ListenRequest {
            point: Point {
                capture_id,
                netns,
                ifindex,
            },
            ifname,
            node_tid,
            options,
            kind,
            address: socket_address(address)?,
        };
        py.detach(|| self.0.listen(request, &sinks))
            .map(|address| address.to_string())
            .map_err(PyValueError::new_err)
    }

    /// Stop a capture on an interface; `stopped` follows. Its packets stay readable for some minutes.
    fn stop(&self, py: Python<'_>, capture_id: String, netns: u64, ifindex: u32) {
        py.detach(|| {
            self.0.stop(Point {
                capture_id,
                netns,
                ifindex,
            })
        });
    }

    /// Give up the kept packets of a capture that was stopped.
    fn forget(&self, py: Python<'_>, capture_id: String) {
        py.detach(|| self.0.forget(capture_id));
    }

    fn stats(&self, py: Python<'_>) -> Vec<TapStats> {
        py.detach(|| self.0.stats())
            .into_iter()
            .map(TapStats::from)
            .collect()
    }

    /// Counters that exporters told a capture; None for one that hears of none.
    fn told(
        &self,
        py: Python<'_>,
        capture_id: String,
        netns: u64,
        ifindex: u32,
    ) -> Option<ToldCounters> {
        let point = Point {
            capture_id,
            netns,
            ifindex,
        };
        py.detach(|| self.0.told(&point)).map(ToldCounters::from)
    }

    /// Flow reports since the last call, as Arrow IPC streams.
    fn take_flows<'py>(&self, py: Python<'py>) -> Batches<'py> {
        batches(py, py.detach(|| self.0.take_flows()))
    }

    /// Present flows of running captures, the latest first; None = no restriction. Of each member of `tests` one
    /// must hold: (column, "in" | "not_in" | "range" | "network", values). ValueError for one that makes no sense.
    #[pyo3(signature = (node_tids = None, capture_ids = None, tests = Vec::new(), limit = None))]
    fn snapshot_flows<'py>(
        &self,
        py: Python<'py>,
        node_tids: Option<Vec<String>>,
        capture_ids: Option<Vec<String>>,
        tests: Vec<Vec<RawTest>>,
        limit: Option<usize>,
    ) -> PyResult<Batches<'py>> {
        let selection = selection(tests, limit)?;
        let found = py
            .detach(|| {
                self.0
                    .snapshot_flows(node_tids.as_deref(), capture_ids.as_deref(), &selection)
            })
            .map_err(PyValueError::new_err)?;
        Ok(batches(py, found))
    }

    /// First packets newly kept since the last call, as Arrow IPC streams.
    fn take_packets<'py>(&self, py: Python<'py>) -> Batches<'py> {
        batches(py, py.detach(|| self.0.take_packets()))
    }

    /// Kept packets of a capture with a number greater than `after`, at most `limit`; None = no restriction.
    /// `since_ns` = by TID, the Unix time at which the first of them may have been seen.
    #[pyo3(signature = (capture_id, node_tids = None, flow_uuids = None, after = -1, limit = 10_000, since_ns = None))]
    #[expect(clippy::too_many_arguments, reason = "flat for Python")]
    fn packets<'py>(
        &self,
        py: Python<'py>,
        capture_id: String,
        node_tids: Option<Vec<String>>,
        flow_uuids: Option<Vec<u64>>,
        after: i64,
        limit: usize,
        since_ns: Option<HashMap<String, i64>>,
    ) -> Batches<'py> {
        let query = PacketQuery {
            capture_id,
            node_tids,
            flow_uuids,
            after,
            since_ns: since_ns.unwrap_or_default(),
            limit,
        };
        batches(py, py.detach(|| self.0.packets(&query)))
    }

    /// The link watcher and its helpers: `armed`, `scheduling` (thread → class), `pools` (netns → sockets) and counters.
    fn watcher_status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let status = py.detach(|| self.0.status());
        let scheduling = PyDict::new(py);
        for (thread, class) in status.classes {
            scheduling.set_item(thread, class)?;
        }
        let pools = PyDict::new(py);
        for (netns, level) in status.pools {
            pools.set_item(netns, level)?;
        }
        let result = PyDict::new(py);
        result.set_item("armed", status.armed)?;
        result.set_item("scheduling", scheduling)?;
        result.set_item("pools", pools)?;
        for (name, number) in status.numbers {
            result.set_item(name, number)?;
        }
        Ok(result)
    }

    /// End all threads and close every socket. What was not taken is lost.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// Put the classes of this file into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_bpf, module)?)?;
    module.add_class::<CaptureOptions>()?;
    module.add_class::<SinkSpec>()?;
    module.add_class::<TapEvent>()?;
    module.add_class::<TapStats>()?;
    module.add_class::<ToldCounters>()?;
    module.add_class::<CaptureCore>()
}
