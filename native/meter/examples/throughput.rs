// SPDX-License-Identifier: Apache-2.0
//! Packets per second of one core, from memory: `cargo run --release -p netsonde-meter --example throughput`.
//!
//! Small TCP segments of 1, 1,000 and 100,000 connections, both directions, in a fixed mixture; then the same in VXLAN,
//! where each packet counts for two flows. They lie in memory one behind the other, as in a ring or a file. Processor
//! time of the thread, so that other programs disturb little. At last small TCP segments between 1,000 pairs of hosts, by
//! one thread and by as many as the machine has processors: by the clock, turn about.

#![allow(clippy::print_stdout)] // a program for people

use std::sync::Arc;
use std::time::Instant;

use netsonde_meter::{Frame, LinkType, Meter, MeterConfig, Sharded, Workers};

const PACKETS: usize = 2_000_000;
const BATCH: usize = 64;
/// As many as a reader of files deals out at once.
const LARGE_BATCH: usize = 2048;

fn main() {
    for flows in [1u32, 1000, 100_000] {
        let frames = tcp_frames(flows);
        run(&format!("TCP, {flows} flows"), &frames, flows);
    }
    for flows in [1u32, 1000, 100_000] {
        let frames: Vec<Vec<u8>> = tcp_frames(flows).iter().map(in_vxlan).collect();
        run(
            &format!("VXLAN+TCP, {flows} flows inside"),
            &frames,
            flows + 1,
        );
    }
    beside();
}

/// How much faster all processors are than one.
fn beside() {
    let frames = tcp_frames(1000);
    let memory: Vec<u8> = (0..PACKETS)
        .flat_map(|at| frames[at.wrapping_mul(2_654_435_761) % frames.len()])
        .collect();
    let all = Workers::new(0).threads();
    let mut best = [f64::MAX; 2];
    for _ in 0..5 {
        for (best, threads) in best.iter_mut().zip([1, all]) {
            *best = best.min(seconds(&memory, frames[0].len(), threads));
        }
    }
    let rates = best.map(|seconds| PACKETS as f64 / seconds / 1e6);
    println!(
        "{all} threads: {:.2} times the rate of 1 ({:.1} and {:.1} M packets/s)",
        rates[1] / rates[0],
        rates[1],
        rates[0]
    );
}

fn seconds(memory: &[u8], length: usize, threads: usize) -> f64 {
    let mut meter = Sharded::new(MeterConfig::default(), Arc::new(Workers::new(threads)));
    let mut found = Vec::new();
    let begin = Instant::now();
    for (number, batch) in memory.chunks(LARGE_BATCH * length).enumerate() {
        let frames: Vec<_> = batch
            .chunks_exact(length)
            .enumerate()
            .map(|(place, data)| Frame {
                ts_ns: (number * LARGE_BATCH + place) as i64 * 1000,
                wire_len: data.len() as u32,
                data,
                link_type: LinkType::Ethernet,
            })
            .collect();
        meter.frames_beside(&frames, &mut found);
    }
    begin.elapsed().as_secs_f64()
}

fn run(what: &str, frames: &[impl AsRef<[u8]>], flows: u32) {
    let mixture =
        (0..PACKETS).map(|at| frames[at.wrapping_mul(2_654_435_761) % frames.len()].as_ref());
    let length = frames[0].as_ref().len();
    let memory: Vec<u8> = mixture.flatten().copied().collect();
    let mut best = f64::MAX;
    for _ in 0..3 {
        let mut meter = Meter::new(MeterConfig::default());
        let begin = processor_time();
        for (number, batch) in memory.chunks(BATCH * length).enumerate() {
            meter.frames(
                batch
                    .chunks_exact(length)
                    .enumerate()
                    .map(|(place, data)| Frame {
                        ts_ns: (number * BATCH + place) as i64 * 1000,
                        wire_len: data.len() as u32,
                        data,
                        link_type: LinkType::Ethernet,
                    }),
            );
        }
        best = best.min(processor_time() - begin);
        assert_eq!(meter.stats().flows as u32, flows);
    }
    println!("{what}: {:.1} M packets/s", PACKETS as f64 / best / 1e6);
}

/// Seconds that this thread has run, from /proc: the nanoseconds of its schedule.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
    ns.unwrap_or(0) as f64 / 1e9
}

/// The frame in a VXLAN of VNI 10 between two hosts, the source port a hash as senders make it.
fn in_vxlan(frame: &[u8; 66]) -> Vec<u8> {
    let hash = frame[26..38]
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_mul(31) ^ byte);
    let mut packet = vec![2, 1, 0, 0, 0, 2, 2, 1, 0, 0, 0, 1, 8, 0];
    packet.extend([
        0x45, 0, 0, 102, 0, 0, 0x40, 0, 64, 17, 0, 0, 172, 16, 0, 1, 172, 16, 0, 2,
    ]);
    packet.extend([0xc0, hash, 0x12, 0xb5, 0, 82, 0, 0]);
    packet.extend([8, 0, 0, 0, 0, 0, 10, 0]);
    packet.extend(frame);
    packet
}

/// A segment of each direction of each connection.
fn tcp_frames(flows: u32) -> Vec<[u8; 66]> {
    let mut frames = Vec::new();
    for flow in 0..flows {
        let client = [10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8];
        frames.push(segment(client, [192, 168, 0, 1], [0x9c, 0x40], [0, 80]));
        frames.push(segment([192, 168, 0, 1], client, [0, 80], [0x9c, 0x40]));
    }
    frames
}

fn segment(
    source: [u8; 4],
    destination: [u8; 4],
    source_port: [u8; 2],
    destination_port: [u8; 2],
) -> [u8; 66] {
    let mut frame = [0u8; 66];
    frame[..6].copy_from_slice(&[
        2,
        0,
        destination[0],
        destination[1],
        destination[2],
        destination[3],
    ]);
    frame[6..12].copy_from_slice(&[2, 0, source[0], source[1], source[2], source[3]]);
    frame[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 52, 0, 0, 0x40, 0, 64, 6]);
    frame[26..30].copy_from_slice(&source);
    frame[30..34].copy_from_slice(&destination);
    frame[34..36].copy_from_slice(&source_port);
    frame[36..38].copy_from_slice(&destination_port);
    frame[46] = 0x80;
    frame[47] = 0x10;
    frame[48] = 0xff;
    frame
}
