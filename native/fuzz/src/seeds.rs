// SPDX-License-Identifier: Apache-2.0
//! What fuzzing begins with: each golden trace (so that a new protocol is fuzzed from the day it has one), the frames of
//! the meter's tests, and a datagram of each exporter.

use std::fs::File;
use std::path::{Path, PathBuf};

use netsonde_meter::{FlowBatch, Frame, LinkType, Meter, MeterConfig};
use netsonde_pcapfile::{write_pcap, PcapngWriter, RawPacket, Reader};

use crate::{datagrams, pieces, samples};

const ETHERNET: u16 = 1;

/// Frames that belong together, of one link type.
struct Trace {
    link_type: u16,
    frames: Vec<Vec<u8>>,
}

/// Return a target's seeds; none for a name that is no target's.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let traces = traces();
    let frames = || traces.iter().flat_map(|trace| &trace.frames);
    match target {
        "frame" => frames().map(|frame| tagged(&[0, 255], frame)).collect(),
        "message" => frames().filter_map(|frame| payload(frame)).collect(),
        "stream" => frames()
            .filter_map(|frame| payload(frame))
            .map(|payload| tagged(&[0, 255], &payload))
            .collect(),
        "conversation" => traces.iter().map(conversation).collect(),
        "file" => traces.iter().flat_map(files).collect(),
        "record" => {
            let datagrams: Vec<_> = datagrams::records()
                .iter()
                .map(|datagram| tagged(&[1], datagram))
                .collect();
            vec![pieces::join(datagrams.iter().map(Vec::as_slice))]
        }
        "sample" => frames()
            .step_by(7)
            .map(|frame| pieces::join([datagrams::sample(frame).as_slice()]))
            .collect(),
        "reply" => (0..7)
            .flat_map(|kind| frames().step_by(5).map(move |frame| tagged(&[kind], frame)))
            .collect(),
        "arrow" => traces.iter().take(3).map(arrow).collect(),
        _ => Vec::new(),
    }
}

fn tagged(tags: &[u8], data: &[u8]) -> Vec<u8> {
    [tags, data].concat()
}

fn payload(frame: &[u8]) -> Option<Vec<u8>> {
    let ports = netsonde_packet::Ports::default();
    let whole = netsonde_packet::parse(LinkType::Ethernet, frame, frame.len() as u32, &ports);
    (!whole.payload.is_empty()).then(|| whole.payload.to_vec())
}

fn conversation(trace: &Trace) -> Vec<u8> {
    let frames: Vec<_> = trace
        .frames
        .iter()
        .map(|frame| tagged(&[1], frame))
        .collect();
    let link_type = if trace.link_type == ETHERNET { 0 } else { 2 };
    tagged(
        &[link_type],
        &pieces::join(frames.iter().map(Vec::as_slice)),
    )
}

fn files(trace: &Trace) -> [Vec<u8>; 2] {
    let packets = || {
        trace.frames.iter().take(4).map(|data| RawPacket {
            ts_ns: 1_700_000_000_000_000_000,
            wire_len: data.len() as u32,
            data,
        })
    };
    let mut writer = PcapngWriter::new("fuzz", "comment");
    let interface = writer.interface(trace.link_type, "eth0", "a description");
    packets().for_each(|packet| writer.packet(interface, &packet, "note"));
    [write_pcap(trace.link_type, packets()), writer.finish()]
}

fn arrow(trace: &Trace) -> Vec<u8> {
    let mut meter = Meter::new(MeterConfig::default());
    for (number, data) in trace.frames.iter().enumerate() {
        meter.frame(Frame {
            ts_ns: number as i64,
            wire_len: data.len() as u32,
            data,
            link_type: LinkType::from_number(trace.link_type),
        });
    }
    let mut batch = FlowBatch::new();
    meter.snapshot(&mut batch);
    batch.into_arrow_ipc()
}

fn traces() -> Vec<Trace> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/flows");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("tests/data/flows can be read")
        .map(|entry| entry.expect("a file of tests/data/flows").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pcap"))
        .collect();
    paths.sort();
    let mut traces: Vec<Trace> = paths.iter().map(|path| read(path)).collect();
    traces.push(Trace {
        link_type: ETHERNET,
        frames: samples::all(),
    });
    traces
}

fn read(path: &Path) -> Trace {
    let file = File::open(path).expect("a trace can be opened");
    let mut reader = Reader::new(file).expect("a trace is a packet file");
    let mut trace = Trace {
        link_type: ETHERNET,
        frames: Vec::new(),
    };
    loop {
        let before = trace.frames.len();
        for packet in reader.next_packets().expect("a trace is not damaged") {
            trace.link_type = packet.link_type;
            trace.frames.push(packet.data.to_vec());
        }
        if trace.frames.len() == before {
            return trace;
        }
    }
}
