// SPDX-License-Identifier: Apache-2.0
//! A mutating fuzzer for everything that reads bytes from outside: `fuzz [SECONDS] [SEED]`.
//!
//! Starts from valid frames and files, breaks them in the ways that broke other sniffers, and fails (exit status 101)
//! with the input in hex when anything panics. Runs on stable Rust; a seed makes a run repeatable.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

#[path = "../tests/samples/mod.rs"]
mod samples;

#[path = "datagrams/mod.rs"]
mod datagrams;

use std::io::Cursor;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use netsonde_meter::{csv, wire, FlowBatch, Frame, LinkType, Meter, MeterConfig};
use netsonde_packet::{
    describe, dhcpv4, dhcpv6, dns, identify, parse, quic, quoted, told, Identity, Ports,
};
use netsonde_pcapfile::{write_pcap, PcapngWriter, RawPacket, Reader};

const LINK_TYPES: [u16; 9] = [0, 1, 101, 108, 113, 228, 229, 276, 147];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let seconds = arguments.next().and_then(Result::ok).unwrap_or(60);
    let clock = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(1, |now| now.as_nanos() as u64);
    let seed = arguments.next().and_then(Result::ok).unwrap_or(clock);
    println!("fuzzing the parsers for {seconds} s, seed {seed}");
    let rounds = run(Duration::from_secs(seconds), Random(seed | 1));
    println!("{rounds} hostile inputs, no panic");
}

fn run(time: Duration, mut random: Random) -> u64 {
    let mut frames = samples::all();
    // Every golden trace is a seed: a new protocol is fuzzed from the day it has one.
    let traces = samples::traces();
    assert!(!traces.is_empty(), "tests/data/flows has no traces");
    frames.extend(traces.into_iter().map(|(_, frame)| frame));
    let files = files(&frames);
    let datagrams = datagrams::seeds(&frames[0]);
    let mut readers = datagrams::Readers::new();
    let (mut meter, mut told) = (new_meter(), told_meter());
    let begin = Instant::now();
    let mut rounds = 0u64;
    while begin.elapsed() < time {
        for _ in 0..256 {
            rounds += 1;
            let frame = random.mutate(&frames);
            let link_type = LinkType::from_number(if random.below(4) == 0 {
                random.pick(&LINK_TYPES)
            } else {
                1
            });
            check(&frame, || {
                one_frame(&mut meter, link_type, &frame, rounds as i64 * 1_000_000)
            });
            let datagram = random.mutate(&datagrams);
            check(&datagram, || readers.read(&datagram, &mut told));
        }
        let file = random.mutate(&files);
        check(&file, || one_file(&file));
        if rounds % (1 << 16) == 0 {
            check(&[], || reports(&mut meter));
            check(&[], || reports(&mut told));
            (meter, told) = (new_meter(), told_meter());
        }
    }
    rounds
}

fn new_meter() -> Meter {
    Meter::new(MeterConfig {
        max_flows: 1000,
        ip_defrag: true,
        ..MeterConfig::default()
    })
}

/// A meter of what others saw.
fn told_meter() -> Meter {
    Meter::new(MeterConfig {
        max_flows: 1000,
        every_frame: false,
        exports: true,
        ..MeterConfig::default()
    })
}

fn check(input: &[u8], mut work: impl FnMut()) {
    if catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("this input panics: {hex}");
        std::process::exit(101);
    }
}

fn one_frame(meter: &mut Meter, link_type: LinkType, data: &[u8], ts_ns: i64) {
    let wire_len = data.len() as u32;
    let flow = meter.frame(Frame {
        ts_ns,
        wire_len,
        data,
        link_type,
    });
    meter.kept(flow);
    let _ = describe(link_type, data, &Ports::default());
    let _ = dns::sections(data);
    let _ = dhcpv4::dhcpv4(data);
    let _ = dhcpv6::dhcpv6(data);
    applications(data);
}

/// What is behind the headers that can be read, as the beginning of a stream and as a message of any protocol.
fn applications(data: &[u8]) {
    let wire_len = data.len() as u32;
    let headers = parse(LinkType::Ethernet, data, wire_len, &Ports::default());
    let (source, destination) = headers.transport.ports().unwrap_or_default();
    for ports in [(source, destination), (40000, 53), (40000, 6653)] {
        if let Identity::Known(application) = identify(headers.payload, ports) {
            let _ = application.told(headers.payload, true);
        }
    }
    for told in headers.layers.as_slice().iter().copied().filter_map(told) {
        let _ = told(headers.payload);
        let _ = told(data);
    }
    quic::hello_pieces(headers.payload, |_, piece| {
        let _ = quic::client_hello(piece);
    });
    let _ = quoted(&headers, &Ports::default());
}

fn reports(meter: &mut Meter) {
    let mut batch = FlowBatch::new();
    meter.tick(i64::MAX / 2);
    meter.snapshot(&mut batch);
    meter.close(i64::MAX / 2);
    meter.take_reports(&mut batch);
    let batch = batch.into_record_batch();
    let mut text = String::new();
    wire::write_flows(&batch, '\n', &mut text);
    csv::write_rows(&batch, &mut text);
}

fn one_file(file: &[u8]) {
    let Ok(mut reader) = Reader::new(Cursor::new(file.to_vec())) else {
        return;
    };
    let mut meter = new_meter();
    while let Ok(packets) = reader.next_packets() {
        if packets.len() == 0 {
            break;
        }
        meter.frames(packets.map(|packet| Frame {
            ts_ns: packet.ts_ns,
            wire_len: packet.wire_len,
            data: packet.data,
            link_type: LinkType::from_number(packet.link_type),
        }));
    }
}

fn files(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let packets = || {
        frames.iter().map(|data| RawPacket {
            ts_ns: 1_700_000_000_000_000_000,
            wire_len: data.len() as u32,
            data,
        })
    };
    let mut writer = PcapngWriter::new("fuzz", "comment");
    let interface = writer.interface(1, "eth0", "a description");
    packets().for_each(|packet| writer.packet(interface, &packet, "note"));
    vec![write_pcap(1, packets()), writer.finish()]
}

/// xorshift64*: no dependency, repeatable.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    fn pick(&mut self, values: &[u16]) -> u16 {
        values[self.below(values.len())]
    }

    fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.mutate_once(&mut data, seeds);
        }
        data
    }

    fn mutate_once(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const ABSURD: [u8; 6] = [0, 1, 0x7f, 0x80, 0xc0, 0xff];
        let at = self.below(data.len());
        match self.below(6) {
            0 => data.truncate(at),
            1 if !data.is_empty() => data[at] ^= 1 << self.below(8),
            2 if !data.is_empty() => data[at] = ABSURD[self.below(ABSURD.len())],
            3 if data.len() >= 2 => {
                let at = at.min(data.len() - 2);
                let value = self.next() as u16;
                data[at..at + 2].copy_from_slice(&value.to_be_bytes());
            }
            4 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                data.truncate(at);
                data.extend(&other[from..]);
            }
            _ => {
                let byte = self.next() as u8;
                data.insert(at.min(data.len()), byte);
            }
        }
    }
}
