// SPDX-License-Identifier: Apache-2.0
//! Batches of raw packets → files for Wireshark, lists for people, objects for clients of the reference.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use netsonde_capture::bpf::{dlt, Filter};
use netsonde_meter::{base64, facts, ipc, PacketColumns};
use netsonde_packet::{describe, LinkType, Ports};
use netsonde_pcapfile::{write_pcap, PcapngWriter, RawPacket};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

fn read(streams: &[Vec<u8>]) -> PyResult<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for stream in streams {
        batches
            .extend(ipc::read(stream).map_err(|error| PyValueError::new_err(error.to_string()))?);
    }
    Ok(batches)
}

/// A packet by its place: batch and row.
struct Place<'a> {
    columns: &'a PacketColumns<'a>,
    row: usize,
}

/// All packets in the order of time; equal times keep the order of arrival.
fn in_time_order<'a>(columns: &'a [PacketColumns<'a>]) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'a>> = columns
        .iter()
        .flat_map(|columns| (0..columns.len()).map(move |row| Place { columns, row }))
        .collect();
    places.sort_by_key(|place| place.columns.ts_ns(place.row));
    places
}

impl<'a> Place<'a> {
    fn raw(&self) -> RawPacket<'a> {
        RawPacket {
            ts_ns: self.columns.ts_ns(self.row),
            wire_len: self.columns.wire_len(self.row),
            data: self.columns.data(self.row),
        }
    }
}

/// Return the packets of Arrow streams as one pcapng file: in the order of time, an interface block per interface,
/// capture and flow of each packet in its comment.
#[pyfunction]
#[pyo3(signature = (batches, comment = ""))]
pub(crate) fn packets_to_pcapng<'py>(
    py: Python<'py>,
    batches: Vec<Vec<u8>>,
    comment: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let file = py.detach(|| -> PyResult<Vec<u8>> {
        let batches = read(&batches)?;
        let columns: Vec<PacketColumns<'_>> = batches.iter().map(PacketColumns::of).collect();
        let mut writer = PcapngWriter::new("netsonde", comment);
        let mut interfaces: HashMap<(&str, &str, &str, u16), u32> = HashMap::new();
        for place in in_time_order(&columns) {
            let (columns, row) = (place.columns, place.row);
            let (host, node, name) = (
                columns.host(row),
                columns.node_tid(row),
                columns.ifname(row),
            );
            let link_type = columns.link_type(row);
            let interface = *interfaces
                .entry((host, node, name, link_type))
                .or_insert_with(|| {
                    writer.interface(link_type, name, &format!("host {host}, node {node}"))
                });
            let note = packet_comment(columns, row);
            writer.packet(interface, &place.raw(), &note);
        }
        Ok(writer.finish())
    })?;
    Ok(PyBytes::new(py, &file))
}

fn packet_comment(columns: &PacketColumns<'_>, row: usize) -> String {
    let mut note = String::new();
    if !columns.capture_id(row).is_empty() {
        note = format!("capture {}", columns.capture_id(row));
    }
    if columns.flow_uuid(row) != 0 {
        let comma = if note.is_empty() { "" } else { ", " };
        note.push_str(&format!("{comma}flow {:x}", columns.flow_uuid(row)));
    }
    if columns.lookback(row) {
        note.push_str(", seen before the capture matched");
    }
    note
}

/// Return the packets as a classic pcap file with one link type (that of the first packet; others are left out).
/// Without packets it is a valid file of Ethernet.
#[pyfunction]
pub(crate) fn packets_to_pcap(
    py: Python<'_>,
    batches: Vec<Vec<u8>>,
) -> PyResult<Bound<'_, PyBytes>> {
    let file = py.detach(|| -> PyResult<Vec<u8>> {
        let batches = read(&batches)?;
        let columns: Vec<PacketColumns<'_>> = batches.iter().map(PacketColumns::of).collect();
        let places = in_time_order(&columns);
        let link_type = places
            .first()
            .map_or(1, |place| place.columns.link_type(place.row));
        let same = places
            .iter()
            .filter(|place| place.columns.link_type(place.row) == link_type);
        Ok(write_pcap(link_type, same.map(Place::raw)))
    })?;
    Ok(PyBytes::new(py, &file))
}

/// Return one dict per packet of an Arrow stream: Number, Time (ns), Source, Destination, Protocol, Info, Length,
/// NodeTID, IfName, Host, CaptureID, FlowUUID, Lookback, Data (base64).
#[pyfunction]
pub(crate) fn describe_packets<'py>(py: Python<'py>, batch: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for batch in read(&[batch.to_vec()])? {
        let columns = PacketColumns::of(&batch);
        for row in 0..columns.len() {
            list.append(described(py, &columns, row)?)?;
        }
    }
    Ok(list)
}

fn described<'py>(
    py: Python<'py>,
    columns: &PacketColumns<'_>,
    row: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let data = columns.data(row);
    let description = describe(
        LinkType::from_number(columns.link_type(row)),
        data,
        &Ports::default(),
    );
    let packet = PyDict::new(py);
    packet.set_item("Number", columns.number(row))?;
    packet.set_item("Time", columns.ts_ns(row))?;
    packet.set_item("Source", description.source)?;
    packet.set_item("Destination", description.destination)?;
    packet.set_item("Protocol", description.protocol)?;
    packet.set_item("Info", description.info)?;
    packet.set_item("Length", columns.wire_len(row))?;
    packet.set_item("NodeTID", columns.node_tid(row))?;
    packet.set_item("IfName", columns.ifname(row))?;
    packet.set_item("Host", columns.host(row))?;
    packet.set_item("CaptureID", columns.capture_id(row))?;
    packet.set_item("FlowUUID", flow_name(columns.flow_uuid(row)))?;
    packet.set_item("Lookback", columns.lookback(row))?;
    packet.set_item("Data", base64(data))?;
    Ok(packet)
}

fn flow_name(uuid: u64) -> String {
    if uuid == 0 {
        String::new()
    } else {
        format!("{uuid:x}")
    }
}

/// Return what the packets of some captures say, one JSON object a line; see `facts`.
#[pyfunction]
pub(crate) fn packet_facts<'py>(
    py: Python<'py>,
    batch: &[u8],
    captures: Vec<String>,
) -> PyResult<Bound<'py, PyBytes>> {
    let lines = py.detach(|| -> PyResult<String> {
        let mut lines = String::new();
        for batch in ipc::read(batch).map_err(|error| PyValueError::new_err(error.to_string()))? {
            let columns = PacketColumns::of(&batch);
            let wanted = |capture: &str| captures.iter().any(|known| known == capture);
            facts::write(&columns, wanted, &mut lines);
        }
        Ok(lines)
    })?;
    Ok(PyBytes::new(py, lines.as_bytes()))
}

/// Return the packets of an Arrow stream as the query step RawPackets gives them: flow UUID → list of Timestamp (ms),
/// Index (from 1 in each flow), Data (base64), LinkType.
#[pyfunction]
pub(crate) fn packets_to_wire<'py>(py: Python<'py>, batch: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    let mut lists: HashMap<u64, Bound<'py, PyList>> = HashMap::new();
    for batch in read(&[batch.to_vec()])? {
        let columns = PacketColumns::of(&batch);
        for row in 0..columns.len() {
            let uuid = columns.flow_uuid(row);
            let list = match lists.get(&uuid) {
                Some(list) => list,
                None => {
                    let list = PyList::empty(py);
                    found.set_item(flow_name(uuid), &list)?;
                    lists.entry(uuid).or_insert(list)
                }
            };
            let packet = PyDict::new(py);
            packet.set_item("Timestamp", columns.ts_ns(row).div_euclid(1_000_000))?;
            packet.set_item("Index", list.len() + 1)?;
            packet.set_item("Data", base64(columns.data(row)))?;
            packet.set_item(
                "LinkType",
                wire_link_type(columns.link_type(row), columns.data(row)),
            )?;
            list.append(packet)?;
        }
    }
    Ok(found)
}

/// The reference knows Ethernet, IPv4 and IPv6; "raw" says which of the latter in its first nibble.
fn wire_link_type(link_type: u16, data: &[u8]) -> u16 {
    match (
        LinkType::from_number(link_type),
        data.first().map(|byte| byte >> 4),
    ) {
        (LinkType::Raw, Some(6)) => 229,
        (LinkType::Raw, _) => 228,
        _ => link_type,
    }
}

/// Return the rows of an Arrow stream of packets that a filter in tcpdump's language matches; ValueError carries
/// libpcap's words.
#[pyfunction]
pub(crate) fn match_bpf(py: Python<'_>, batch: &[u8], text: &str) -> PyResult<Vec<usize>> {
    py.detach(|| {
        let mut filters: HashMap<u16, Filter> = HashMap::new();
        let mut found = Vec::new();
        let mut first = 0;
        for batch in ipc::read(batch).map_err(|error| PyValueError::new_err(error.to_string()))? {
            let columns = PacketColumns::of(&batch);
            for row in 0..columns.len() {
                let link = columns.link_type(row);
                let filter = match filters.get(&link) {
                    Some(filter) => filter,
                    None => {
                        let compiled = Filter::compile(text, dlt(LinkType::from_number(link)))
                            .map_err(PyValueError::new_err)?;
                        filters.entry(link).or_insert(compiled)
                    }
                };
                if filter.matches(columns.data(row), columns.wire_len(row)) {
                    found.push(first + row);
                }
            }
            first += columns.len();
        }
        Ok(found)
    })
}
