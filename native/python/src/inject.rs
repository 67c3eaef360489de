// SPDX-License-Identifier: Apache-2.0
//! Runs of injected packets.

use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use netsonde_inject::ledger::{Outcome, Totals};
use netsonde_inject::pace::Pace;
use netsonde_inject::probe::{Kind, Probe};
use netsonde_inject::recorded::{self, Recorded};
use netsonde_inject::run::{Plan, Progress, Run, Source, State};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What is sent.
#[pyclass(frozen)]
struct ProbeOptions(Probe);

#[pymethods]
impl ProbeOptions {
    #[new]
    #[pyo3(signature = (*, kind, source, target, source_mac, target_mac, run_id, source_port = 0, target_port = 0,
        icmp_id = 0, ttl = 64, dscp = 0, dont_fragment = false, vlan_tci = None, payload = None, size = 56,
        increment = 0, random = false, seed = 0, name = String::new(), record_type = 1))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        kind: &str,
        source: &str,
        target: &str,
        source_mac: [u8; 6],
        target_mac: [u8; 6],
        run_id: String,
        source_port: u16,
        target_port: u16,
        icmp_id: u16,
        ttl: u8,
        dscp: u8,
        dont_fragment: bool,
        vlan_tci: Option<u16>,
        payload: Option<Vec<u8>>,
        size: usize,
        increment: usize,
        random: bool,
        seed: u64,
        name: String,
        record_type: u16,
    ) -> PyResult<Self> {
        let (source, target) = (address(source)?, address(target)?);
        if source.is_ipv4() != target.is_ipv4() {
            return Err(PyValueError::new_err(format!(
                "{source} and {target} are of different families"
            )));
        }
        let kind = Kind::named(kind)
            .ok_or_else(|| PyValueError::new_err(format!("no kind of packet {kind:?}")))?;
        Ok(Self(Probe {
            kind,
            source,
            target,
            source_mac,
            target_mac,
            source_port,
            target_port,
            icmp_id,
            ttl,
            dscp: dscp & 0x3f,
            dont_fragment,
            vlan_tci,
            payload,
            size,
            increment,
            run_id,
            random,
            seed,
            name,
            record_type,
        }))
    }
}

fn address(text: &str) -> PyResult<IpAddr> {
    text.parse()
        .map_err(|_| PyValueError::new_err(format!("{text:?} is no IP address")))
}

/// Frames to be sent as they are.
#[pyclass(frozen)]
struct RecordedFrames(Arc<Recorded>);

#[pymethods]
impl RecordedFrames {
    #[new]
    fn new(py: Python<'_>, file: Vec<u8>) -> PyResult<Self> {
        let recorded = py
            .detach(|| recorded::read(file))
            .map_err(PyValueError::new_err)?;
        Ok(Self(Arc::new(recorded)))
    }

    #[staticmethod]
    fn single(frame: Vec<u8>) -> Self {
        Self(Arc::new(Recorded {
            frames: vec![frame],
            stamps: vec![0],
        }))
    }

    fn __len__(&self) -> usize {
        self.0.frames.len()
    }
}

/// A run under way.
#[pyclass(frozen)]
struct Injection(Run);

#[pymethods]
impl Injection {
    #[new]
    #[pyo3(signature = (*, netns_fd, netns, ifindex, count, interval_ns, least_gap_ns, timeout_ns, probe = None,
        next_hop = None, frames = None, scale = 0.0, inbound = false))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        py: Python<'_>,
        netns_fd: i32,
        netns: u64,
        ifindex: u32,
        count: u64,
        interval_ns: i64,
        least_gap_ns: i64,
        timeout_ns: i64,
        probe: Option<PyRef<'_, ProbeOptions>>,
        next_hop: Option<&str>,
        frames: Option<PyRef<'_, RecordedFrames>>,
        scale: f64,
        inbound: bool,
    ) -> PyResult<Self> {
        let (source, pace) = match (probe, frames) {
            (Some(probe), None) => (
                Source::Probe(Box::new(probe.0.clone())),
                Pace::Interval(interval_ns),
            ),
            (None, Some(frames)) => (
                Source::Frames(frames.0.frames.clone()),
                if scale > 0.0 {
                    Pace::recorded(&frames.0.stamps, scale)
                } else {
                    Pace::Interval(interval_ns)
                },
            ),
            _ => return Err(PyValueError::new_err("give one of probe and frames")),
        };
        let plan = Plan {
            namespace: duplicate(netns_fd)?,
            namespace_key: netns,
            ifindex,
            inbound,
            source,
            count,
            pace,
            least_gap_ns: least_gap_ns.max(0),
            timeout_ns: timeout_ns.max(0),
            next_hop: next_hop.map(address).transpose()?,
        };
        Ok(Self(
            py.detach(|| Run::start(plan)).map_err(PyOSError::new_err)?,
        ))
    }

    /// Descriptor that is readable when `progress()` has something new.
    #[getter]
    fn event_fd(&self) -> i32 {
        self.0.event_fd()
    }

    /// State, totals, and results since the last call.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Progress {
            state,
            totals,
            outcomes,
            last_error,
        } = py.detach(|| self.0.progress());
        let result = PyDict::new(py);
        let (name, reason) = match state {
            State::Running => ("running", last_error),
            State::Finished => ("finished", last_error),
            State::Stopped => ("stopped", last_error),
            State::Failed(reason) => ("failed", reason),
        };
        result.set_item("state", name)?;
        result.set_item("reason", reason)?;
        put_totals(&result, &totals)?;
        let rows: Vec<_> = outcomes.into_iter().map(row).collect();
        result.set_item("outcomes", rows)?;
        Ok(result)
    }

    /// Send nothing more; waits until that is so.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }
}

fn put_totals(result: &Bound<'_, PyDict>, totals: &Totals) -> PyResult<()> {
    for (name, number) in [
        ("sent", totals.sent),
        ("octets", totals.octets),
        ("received", totals.received),
        ("refused", totals.refused),
        ("lost", totals.lost),
        ("repeated", totals.repeated),
        ("failed", totals.failed),
        ("late", totals.late),
        ("results_dropped", totals.results_dropped),
    ] {
        result.set_item(name, number)?;
    }
    result.set_item("rtt_min_ns", totals.rtt_min_ns)?;
    result.set_item("rtt_max_ns", totals.rtt_max_ns)?;
    let count = totals.received.max(1) as f64;
    let mean = totals.rtt_sum_ns as f64 / count;
    let deviation = (totals.rtt_squares / count - mean.powi(2)).max(0.0).sqrt();
    result.set_item("rtt_mean_ns", mean as i64)?;
    result.set_item("rtt_deviation_ns", deviation as i64)
}

type Row = (u64, i64, i64, &'static str, String, String);

fn row(outcome: Outcome) -> Row {
    let verdict = outcome.verdict.map_or("lost", |verdict| verdict.name());
    let Outcome {
        index,
        sent_ns,
        rtt_ns,
        from,
        note,
        ..
    } = outcome;
    (index, sent_ns, rtt_ns, verdict, from, note)
}

fn duplicate(fd: i32) -> PyResult<OwnedFd> {
    if fd < 0 {
        return Err(PyValueError::new_err("netns_fd is no descriptor"));
    }
    // SAFETY: not -1; borrowed during this call only. A closed descriptor gives EBADF.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(borrowed.try_clone_to_owned()?)
}

/// Put the classes of this file into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ProbeOptions>()?;
    module.add_class::<RecordedFrames>()?;
    module.add_class::<Injection>()
}
