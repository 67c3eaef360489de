// SPDX-License-Identifier: Apache-2.0
//! Metering of capture files, and the conversions between Arrow batches and what people and tools read.

use std::fs::File;
use std::io::Cursor;
use std::path::PathBuf;

use netsonde_capture::bpf::{dlt, Filter};
use netsonde_meter::{
    ipc, wire, Applications, FlowBatch, Frame, LayerKeyMode, LinkType, Meter, MeterConfig,
    PacketBatch, Ports,
};
use netsonde_pcapfile::{Damage, ReadError, Reader};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::output::{Output, OutputThread};

/// Packets handled between two returns to Python: often enough for a progress bar and for Ctrl-C.
const PACKETS_PER_STEP: u64 = 100_000;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(FromPyObject)]
enum Source {
    Bytes(Vec<u8>),
    Path(PathBuf),
}

/// Meters one capture file. Iterate over it: each item is a piece of output, perhaps empty, in the order of time.
///
/// `source` is a path or the bytes of a file. `format` is "batches" (Arrow IPC streams, one per item), "arrow"
/// (pieces of one Arrow IPC file), "jsonl", "csv", or "none" (only counters). Damage ends the iteration early; see `damage`.
#[pyclass(module = "netsonde._native")]
pub(crate) struct FileMeter {
    reader: Option<Reader>,
    filter: FileFilter,
    meter: Meter,
    /// None when flows are not wanted.
    output: Option<OutputThread>,
    rows_per_piece: usize,
    phase: Phase,
    damage: Option<Damage>,
    bytes_total: Option<u64>,
    bytes_read: u64,
    first_ns: Option<i64>,
    last_tick_ns: i64,
    /// Packets read at the last tick.
    ticked_at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Closing,
    Done,
}

#[pymethods]
impl FileMeter {
    #[new]
    #[pyo3(signature = (source, *, format = "batches", node_tid = "", capture_id = "", host = "", update_s = 0.0,
                        expire_s = 600.0, max_flows = 2_000_000, mapped = false, tcp_metrics = true, reference_ids = false,
                        layer_key_mode = "L2", ip_defrag = false, bpf_filter = "", udp_ports = Vec::new(),
                        application_ports = Vec::new()))]
    #[allow(clippy::too_many_arguments)] // keyword-only on the Python side
    fn new(
        py: Python<'_>,
        source: Source,
        format: &str,
        node_tid: &str,
        capture_id: &str,
        host: &str,
        update_s: f64,
        expire_s: f64,
        max_flows: usize,
        mapped: bool,
        tcp_metrics: bool,
        reference_ids: bool,
        layer_key_mode: &str,
        ip_defrag: bool,
        bpf_filter: &str,
        udp_ports: Vec<String>,
        application_ports: Vec<String>,
    ) -> PyResult<Self> {
        let output = Output::named(format).ok_or_else(|| {
            PyValueError::new_err(format!(
                "no output format {format:?}: batches, arrow, jsonl, csv or none"
            ))
        })?;
        let meter = Meter::new(MeterConfig {
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
        });
        let filter = FileFilter::new(bpf_filter)?;
        let (reader, bytes_total) = py.detach(|| open(source, mapped))?;
        let (reader, damage) = match reader {
            Ok(reader) => (Some(reader), None),
            Err(ReadError::Damage(damage)) => (None, Some(damage)),
            Err(ReadError::Io(error)) => return Err(PyOSError::new_err(error)),
        };
        Ok(Self {
            reader,
            filter,
            meter,
            rows_per_piece: output.rows_per_piece(),
            output: match output {
                Output::Nothing => None,
                output => Some(OutputThread::start(output)?),
            },
            phase: Phase::Reading,
            damage,
            bytes_total,
            bytes_read: 0,
            first_ns: None,
            last_tick_ns: 0,
            ticked_at: 0,
        })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let piece = if self.phase == Phase::Done {
            py.detach(|| self.rest())?
        } else {
            Some(py.detach(|| self.step())?)
        };
        Ok(piece.map(|piece| PyBytes::new(py, &piece)))
    }

    /// One line saying where and why the file could not be read further, or None.
    #[getter]
    fn damage(&self) -> Option<String> {
        self.damage.as_ref().map(Damage::to_string)
    }

    /// Bytes of input read so far.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Size of the input, None for a pipe.
    #[getter]
    fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// Counters: packets, bytes, flows, unreadable, truncated, malformed, evicted, streams_refused (connections
    /// whose first bytes found no room), first_ns, last_ns; of packets in
    /// pieces: fragments, reassembled, fragment_errors, fragment_timeouts, fragments_evicted.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.meter.stats();
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
        found.set_item("first_ns", self.first_ns.unwrap_or(0))?;
        found.set_item("last_ns", self.meter.latest_ns())?;
        Ok(found)
    }
}

/// A reader, or why there is none, and the size of the input.
type Opened = (Result<Reader, ReadError>, Option<u64>);

fn open(source: Source, mapped: bool) -> PyResult<Opened> {
    match source {
        Source::Bytes(bytes) => {
            let length = bytes.len() as u64;
            Ok((Reader::new(Cursor::new(bytes)), Some(length)))
        }
        Source::Path(path) => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let length = metadata.is_file().then_some(metadata.len());
            // An empty file cannot be mapped.
            let reader = match length {
                Some(1..) if mapped => Reader::map(&file),
                _ => Reader::new(file),
            };
            Ok((reader, length))
        }
    }
}

impl FileMeter {
    fn step(&mut self) -> PyResult<Vec<u8>> {
        match self.phase {
            Phase::Reading => self.read_some()?,
            // Who wants no flows need not wait for their last reports.
            _ if self.output.is_none() => self.phase = Phase::Done,
            Phase::Closing | Phase::Done => {
                if self
                    .meter
                    .close_some(self.meter.latest_ns(), self.rows_per_piece)
                {
                    self.phase = Phase::Done;
                }
            }
        }
        let due =
            self.meter.pending_reports() >= self.rows_per_piece || self.phase != Phase::Reading;
        let mut batch = FlowBatch::new();
        if due {
            self.meter.take_reports(&mut batch);
        }
        let Some(output) = &mut self.output else {
            return Ok(Vec::new());
        };
        // An output without flows still says what its columns are.
        if !batch.is_empty() || self.phase == Phase::Done {
            output.write(batch.into_record_batch());
        }
        if self.phase == Phase::Done {
            output.close();
        }
        output
            .take()
            .unwrap_or_else(|| Ok(Vec::new()))
            .map_err(arrow_error)
    }

    /// Return a piece that was still being written when the file ended; None = that was all.
    fn rest(&mut self) -> PyResult<Option<Vec<u8>>> {
        let piece = self.output.as_mut().and_then(OutputThread::take);
        piece.transpose().map_err(arrow_error)
    }

    fn read_some(&mut self) -> PyResult<()> {
        let Some(reader) = &mut self.reader else {
            self.phase = Phase::Closing;
            return Ok(());
        };
        let enough = reader.packets() + PACKETS_PER_STEP;
        while reader.packets() < enough {
            let mut latest_ns = None;
            match reader.next_packets() {
                Ok(packets) => {
                    let frames = packets.map(|packet| {
                        latest_ns = Some(packet.ts_ns);
                        self.first_ns.get_or_insert(packet.ts_ns);
                        Frame {
                            ts_ns: packet.ts_ns,
                            wire_len: packet.wire_len,
                            data: packet.data,
                            link_type: LinkType::from_number(packet.link_type),
                        }
                    });
                    if self.filter.is_none() {
                        self.meter.frames(frames);
                    } else {
                        let wanted: Vec<Frame<'_>> =
                            frames.filter(|frame| self.filter.matches(frame)).collect();
                        self.meter.frames(wanted.into_iter());
                    }
                }
                Err(ReadError::Damage(damage)) => self.damage = Some(damage),
                Err(ReadError::Io(error)) => return Err(PyOSError::new_err(error)),
            }
            let Some(latest_ns) = latest_ns else {
                self.phase = Phase::Closing;
                break;
            };
            // In the time of the file; seldom enough that walking the table never outweighs the packets.
            let since_tick = reader.packets() - self.ticked_at;
            if latest_ns - self.last_tick_ns >= SECOND_NS
                && since_tick > 1024 + u64::from(self.meter.slots() >> 4)
            {
                self.last_tick_ns = latest_ns;
                self.ticked_at = reader.packets();
                self.meter.tick(latest_ns);
                if self.meter.pending_reports() >= self.rows_per_piece {
                    break;
                }
            }
        }
        self.bytes_read = reader.offset();
        Ok(())
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

/// A filter for the packets of a file, which may be of several link types: compiled for each when it turns up.
struct FileFilter {
    text: String,
    compiled: Vec<(LinkType, Option<Filter>)>,
}

impl FileFilter {
    /// The error is libpcap's, for Ethernet.
    fn new(text: &str) -> PyResult<Self> {
        let text = text.trim().to_owned();
        let mut compiled = Vec::new();
        if !text.is_empty() {
            let filter = Filter::compile(&text, dlt(LinkType::Ethernet));
            let filter = filter.map_err(PyValueError::new_err)?;
            compiled.push((LinkType::Ethernet, Some(filter)));
        }
        Ok(Self { text, compiled })
    }

    fn is_none(&self) -> bool {
        self.text.is_empty()
    }

    /// A link type for which the filter makes no sense has no packet that matches.
    fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let known = |(link_type, _): &&(LinkType, _)| *link_type == frame.link_type;
        if self.compiled.iter().find(known).is_none() {
            let filter = Filter::compile(&self.text, dlt(frame.link_type)).ok();
            self.compiled.push((frame.link_type, filter));
        }
        let found = self.compiled.iter().find(known);
        let filter = found.and_then(|(_, filter)| filter.as_ref());
        filter.is_some_and(|filter| filter.matches(frame.data, frame.wire_len))
    }
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
