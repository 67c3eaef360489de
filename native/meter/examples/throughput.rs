// SPDX-License-Identifier: Apache-2.0
//! Packets per second of one core, from memory: `cargo run --release -p netsonde-meter --example throughput`.
//!
//! Small TCP segments of 1, 1,000 and 100,000 connections, both directions, in a fixed mixture.

#![allow(clippy::print_stdout)] // a program for people

use std::time::Instant;

use netsonde_meter::{Frame, LinkType, Meter, MeterConfig};

const PACKETS: usize = 2_000_000;

fn main() {
    for flows in [1u32, 1000, 100_000] {
        let frames = tcp_frames(flows);
        let mut best = f64::MAX;
        for _ in 0..3 {
            let mut meter = Meter::new(MeterConfig::default());
            let begin = Instant::now();
            for batch in (0..PACKETS).step_by(64) {
                meter.frames((batch..batch + 64).map(|at| Frame {
                    ts_ns: at as i64 * 1000,
                    wire_len: 66,
                    data: &frames[at.wrapping_mul(2_654_435_761) % frames.len()],
                    link_type: LinkType::Ethernet,
                }));
            }
            best = best.min(begin.elapsed().as_secs_f64());
            assert_eq!(meter.stats().flows as u32, flows);
        }
        println!(
            "{flows} flows: {:.1} M packets/s",
            PACKETS as f64 / best / 1e6
        );
    }
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
    frame
}
