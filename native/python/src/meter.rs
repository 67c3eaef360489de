// SPDX-License-Identifier: Apache-2.0
//! Metering of capture files, and the conversions between Arrow batches and what people and tools read.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netsonde_meter::{
    ipc, wire, Applications, FlowBatch, LayerKeyMode, MeterConfig, PacketBatch, Ports,
};
use netsonde_pcapfile::Damage;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};

use crate::filter::FileFilter;
use crate::flows::{self, FlowIterator};
use crate::metering::{FileMetering, Plan, Source};
use crate::output::{self, Output, OutputThread, Sink, WriteError};

/// Meters one capture file. Iterate over it: each item is a piece of output, perhaps empty, in the order of time.
///
/// `source` is a path or the bytes of a file; `into` a file to write to, and then pieces are empty. `format` is "batches" (Arrow IPC streams, one per item), "arrow"
/// (pieces of one Arrow IPC file), "jsonl", "csv", "none" (only counters), or "columns" (nothing is written: `flows`
/// or `arrow_stream` gives them). Damage ends the iteration early; see `damage`.
#[pyclass(module = "netsonde._native")]
pub(crate) struct FileMeter {
    metering: Shared,
    /// None when flows are not wanted, or not written.
    output: Option<OutputThread>,
    columns: bool,
    /// The file that is read, and the one that is written.
    source: Option<PathBuf>,
    into: Option<PathBuf>,
}

/// A metering that Python's objects and consumers of Arrow streams share.
pub(crate) type Shared = Arc<Mutex<FileMetering>>;

/// A panic leaves nothing worse than counters: go on with them.
pub(crate) fn locked(metering: &Shared) -> MutexGuard<'_, FileMetering> {
    metering.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl FileMeter {
    #[new]
    #[pyo3(signature = (source, *, format = "batches", into = None, node_tid = "", capture_id = "", host = "", update_s = 0.0,
                        expire_s = 600.0, max_flows = 2_000_000, tcp_metrics = true, reference_ids = false,
                        layer_key_mode = "L2", ip_defrag = false, bpf_filter = "", udp_ports = Vec::new(),
                        application_ports = Vec::new(), threads = 0))]
    #[allow(clippy::too_many_arguments)] // keyword-only on the Python side
    fn new(
        py: Python<'_>,
        source: Source,
        format: &str,
        into: Option<PathBuf>,
        node_tid: &str,
        capture_id: &str,
        host: &str,
        update_s: f64,
        expire_s: f64,
        max_flows: usize,
        tcp_metrics: bool,
        reference_ids: bool,
        layer_key_mode: &str,
        ip_defrag: bool,
        bpf_filter: &str,
        udp_ports: Vec<String>,
        application_ports: Vec<String>,
        threads: usize,
    ) -> PyResult<Self> {
        let output = Output::named(format).ok_or_else(|| {
            PyValueError::new_err(format!(
                "no output format {format:?}: batches, arrow, jsonl, csv, columns or none"
            ))
        })?;
        let config = MeterConfig {
            node_tid: node_tid.to_owned(),
            capture_id: capture_id.to_owned(),
            host: host.to_owned(),
            update_ns: (update_s * 1e9) as i64,
            expire_ns: (expire_s * 1e9) as i64,
            start_reports: false,
            max_flows,
            tcp_metrics,
            reference_ids,
            layer_key_mode: key_mode(layer_key_mode)?,
            ip_defrag,
            ports: ports(&udp_ports)?,
            applications: applications(&application_ports)?,
            ..MeterConfig::default()
        };
        let plan = Plan {
            config,
            filter: FileFilter::new(bpf_filter)?,
            rows: output.rows(),
            threads,
        };
        let name = source.path();
        let metering = py.detach(|| FileMetering::open(source, plan));
        let metering = metering.map_err(|error| os_error(error, name.as_ref()))?;
        let sink = match &into {
            None => Sink::Iterator,
            Some(path) => {
                let file = output::open(path).map_err(|error| os_error(error, Some(path)))?;
                Sink::File(file)
            }
        };
        Ok(Self {
            metering: Arc::new(Mutex::new(metering)),
            columns: matches!(output, Output::Columns),
            output: match output {
                Output::Nothing | Output::Columns => None,
                output => Some(OutputThread::start(output, sink)?),
            },
            source: name,
            into,
        })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        if self.columns {
            return Err(PyTypeError::new_err(
                "columns are not written: take flows() or arrow_stream()",
            ));
        }
        let piece = py.detach(|| self.next_piece())?;
        Ok(piece.map(|piece| PyBytes::new(py, &piece)))
    }

    /// Return an iterator over flows. Whatever takes flows takes them from the same pass over the file.
    fn flows(&self) -> FlowIterator {
        FlowIterator::over(Arc::clone(&self.metering))
    }

    /// Return the flows to a consumer of Arrow's PyCapsule interface, up to a damage. Columns are never cast.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        self.arrow_stream(py, false)
    }

    /// Return a capsule with an ArrowArrayStream, whose batches are made when they are asked for. With
    /// `fail_on_damage` it ends with an error where the file is damaged.
    #[pyo3(signature = (fail_on_damage = true))]
    fn arrow_stream<'py>(
        &self,
        py: Python<'py>,
        fail_on_damage: bool,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        flows::arrow_stream(py, Arc::clone(&self.metering), fail_on_damage)
    }

    /// One line saying where and why the file could not be read further, or None.
    #[getter]
    fn damage(&self, py: Python<'_>) -> Option<String> {
        self.with(py, |metering| {
            metering.damage.as_ref().map(Damage::to_string)
        })
    }

    /// The same in parts: byte offset, packets before it, reason.
    #[getter]
    fn damage_place(&self, py: Python<'_>) -> Option<(u64, u64, String)> {
        self.with(py, |metering| {
            let damage = metering.damage.as_ref()?;
            Some((damage.offset, damage.packets, damage.reason.clone()))
        })
    }

    /// Bytes of input read so far.
    #[getter]
    fn bytes_read(&self, py: Python<'_>) -> u64 {
        self.with(py, |metering| metering.bytes_read)
    }

    /// Size of the input, None for a pipe.
    #[getter]
    fn bytes_total(&self, py: Python<'_>) -> Option<u64> {
        self.with(py, |metering| metering.bytes_total)
    }

    /// Counters: packets, bytes, flows, unreadable, truncated, malformed, evicted, streams_refused (connections
    /// whose first bytes found no room), first_ns, last_ns; of packets in
    /// pieces: fragments, reassembled, fragment_errors, fragment_timeouts, fragments_evicted.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (stats, (first_ns, last_ns)) =
            self.with(py, |metering| (metering.stats(), metering.span_ns()));
        let found = PyDict::new(py);
        found.set_item("packets", stats.frames)?;
        found.set_item("bytes", stats.bytes)?;
        found.set_item("flows", stats.flows_started)?;
        found.set_item("unreadable", stats.unreadable)?;
        found.set_item("truncated", stats.truncated)?;
        found.set_item("malformed", stats.malformed)?;
        found.set_item("evicted", stats.evicted)?;
        found.set_item("streams_refused", stats.streams_refused)?;
        let fragments = stats.fragments;
        found.set_item("fragments", fragments.pieces)?;
        found.set_item("reassembled", fragments.whole)?;
        found.set_item("fragment_errors", fragments.errors)?;
        found.set_item("fragment_timeouts", fragments.timeouts)?;
        found.set_item("fragments_evicted", fragments.evicted)?;
        found.set_item("first_ns", first_ns)?;
        found.set_item("last_ns", last_ns)?;
        Ok(found)
    }
}

impl FileMeter {
    /// Ask the metering something, which may have to end a step first: without holding up Python.
    fn with<T: Send>(&self, py: Python<'_>, ask: impl FnOnce(&FileMetering) -> T + Send) -> T {
        py.detach(|| ask(&locked(&self.metering)))
    }

    /// Return the next piece of output, empty when nothing is due yet; None = that was all.
    fn next_piece(&mut self) -> PyResult<Option<Vec<u8>>> {
        let mut metering = locked(&self.metering);
        let unread = |error| os_error(error, self.source.as_ref());
        let Some(output) = &mut self.output else {
            let more = !metering.done();
            if more {
                metering.step().map_err(unread)?;
            }
            return Ok(more.then(Vec::new));
        };
        if metering.done() {
            output.close();
        } else if let Some(batch) = metering.step().map_err(unread)? {
            output.write(batch);
        }
        match output.take() {
            // After the end `take` waits for what is still being written.
            None => Ok((!metering.done() || !output.closed()).then(Vec::new)),
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(WriteError::Arrow(error))) => Err(arrow_error(error)),
            Some(Err(WriteError::Io(error))) => Err(os_error(error, self.into.as_ref())),
        }
    }
}

/// A Python error with its number and file, so that the interpreter finds the class.
fn os_error(error: io::Error, file: Option<&PathBuf>) -> PyErr {
    // EIO where the kernel gave no number.
    let number = error.raw_os_error().unwrap_or(5);
    let text = error.to_string();
    let text = text
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned();
    match file {
        Some(file) => PyOSError::new_err((number, text, file.to_string_lossy().into_owned())),
        None => PyOSError::new_err((number, text)),
    }
}

/// Return the key mode that a capture names.
pub(crate) fn key_mode(name: &str) -> PyResult<LayerKeyMode> {
    match name {
        "" | "L2" => Ok(LayerKeyMode::L2),
        "L3" => Ok(LayerKeyMode::L3),
        other => Err(PyValueError::new_err(format!(
            "layer key mode is L2 or L3, not {other}"
        ))),
    }
}

/// Return the UDP ports of protocols with those of "PORT=NAME" texts.
pub(crate) fn ports(texts: &[String]) -> PyResult<Ports> {
    let mut ports = Ports::default();
    for text in texts {
        ports.add_text(text).map_err(PyValueError::new_err)?;
    }
    Ok(ports)
}

/// Return the names of applications by port of "tcp/PORT=NAME" texts.
pub(crate) fn applications(texts: &[String]) -> PyResult<Applications> {
    let mut names = Applications::default();
    for text in texts {
        names.add_text(text).map_err(PyValueError::new_err)?;
    }
    Ok(names)
}

fn arrow_error(error: arrow_schema::ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Return an Arrow IPC stream without rows: the columns of flow batches.
#[pyfunction]
pub(crate) fn empty_flow_batch(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &FlowBatch::new().into_arrow_ipc())
}

/// Return an Arrow IPC stream without rows: the columns of packet batches.
#[pyfunction]
pub(crate) fn empty_packet_batch(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &PacketBatch::new().into_arrow_ipc())
}

/// Return the flows of an Arrow IPC stream as a JSON list of the objects that the reference's clients know.
///
/// Columns are found by name; missing ones read as 0 or empty. Raises ValueError when the bytes are no stream.
#[pyfunction]
pub(crate) fn flows_to_json<'py>(py: Python<'py>, stream: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let text = py.detach(|| -> Result<String, arrow_schema::ArrowError> {
        let mut text = String::from("[");
        for batch in ipc::read(stream)? {
            if text.len() > 1 && batch.num_rows() > 0 {
                text.push(',');
            }
            wire::write_flows(&batch, ',', &mut text);
        }
        text.push(']');
        Ok(text)
    });
    Ok(PyBytes::new(py, text.map_err(arrow_error)?.as_bytes()))
}

/// Return the flows of the captures named, each as (capture, TID of the node, JSON object) in the order of the stream.
///
/// Raises ValueError when the bytes are no stream.
#[pyfunction]
pub(crate) fn flow_messages<'py>(
    py: Python<'py>,
    stream: &[u8],
    captures: Vec<String>,
) -> PyResult<Vec<(String, String, Bound<'py, PyBytes>)>> {
    let found = py.detach(|| -> Result<Vec<_>, arrow_schema::ArrowError> {
        let mut found = Vec::new();
        for batch in ipc::read(stream)? {
            wire::each_flow(&batch, &captures, |capture, node, object| {
                found.push((capture.to_owned(), node.to_owned(), object));
            });
        }
        Ok(found)
    });
    let found = found.map_err(arrow_error)?.into_iter();
    Ok(found
        .map(|(capture, node, object)| (capture, node, PyBytes::new(py, object.as_bytes())))
        .collect())
}
