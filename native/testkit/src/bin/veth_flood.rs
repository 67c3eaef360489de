// SPDX-License-Identifier: Apache-2.0
//! Floods a veth pair at full speed, or at a pace, one round for each line of standard input; prints `{"frames": n, "wall_ns": t,
//! "processor_ns": t}` per round. The pair is deleted at the end of the input.
//!
//! ```text
//! veth_flood NAME MILLISECONDS [FLOWS [FRAMES_PER_SECOND]]
//! ```
//!
//! With FLOWS, frames are UDP datagrams of 64 bytes of as many flows in turn; without, numbered frames of no protocol.
//! FRAMES_PER_SECOND of 0 is full speed.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use netsonde_testkit::frames::{now_ns, numbered, processor_ns, Sender};
use netsonde_testkit::links::{ifindex, Links};

const BATCH: u32 = 256;
/// At a pace: smaller, so that it is even.
const SMALL_BATCH: u32 = 16;
const PAUSE: Duration = Duration::from_micros(100);

/// How long is sent, and how fast.
struct Plan {
    duration_ns: i64,
    /// 0 = at full speed.
    per_second: u64,
}

impl Plan {
    /// Whether the next frames are not due yet, `elapsed_ns` after the first.
    fn is_ahead(&self, frames: u64, elapsed_ns: i64) -> bool {
        let due = u128::from(elapsed_ns.unsigned_abs()) * u128::from(self.per_second);
        self.per_second > 0 && u128::from(frames) * 1_000_000_000 > due
    }

    fn batch(&self) -> u32 {
        if self.per_second > 0 {
            SMALL_BATCH
        } else {
            BATCH
        }
    }
}

struct Round {
    frames: u64,
    wall_ns: i64,
    processor_ns: i64,
}

/// UDP from 10.0.0.1 to 10.0.0.2, 64 bytes, a source address for each 32,768 flows and a port for each of those.
fn datagram(flow: u32) -> Vec<u8> {
    let port = (1024 + flow % 32_768) as u16;
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend([10, 0, (flow / 32_768) as u8, 1, 10, 0, 0, 2]);
    frame.extend(port.to_be_bytes());
    frame.extend([0, 9, 0, 30, 0, 0]);
    frame.resize(64, 0);
    frame
}

fn flood(sender: &Sender, plan: &Plan, datagrams: &[Vec<u8>]) -> io::Result<Round> {
    let (start, start_processor) = (now_ns(), processor_ns());
    let mut frames = 0u64;
    while now_ns() - start < plan.duration_ns {
        if plan.is_ahead(frames, now_ns() - start) {
            std::thread::sleep(PAUSE);
            continue;
        }
        for _ in 0..plan.batch() {
            match datagrams.get(frames as usize % datagrams.len().max(1)) {
                Some(datagram) => sender.send(datagram)?,
                None => sender.send(&numbered(0, frames as u32))?,
            }
            frames += 1;
        }
    }
    Ok(Round {
        frames,
        wall_ns: now_ns() - start,
        processor_ns: processor_ns() - start_processor,
    })
}

fn rounds(links: &Links, name: &str, plan: &Plan, flows: u32) -> io::Result<()> {
    let datagrams: Vec<Vec<u8>> = (0..flows).map(datagram).collect();
    let peer = format!("z{name}");
    links.add_veth(name, &peer, false)?;
    let sending = ifindex(&peer)?;
    links.up(ifindex(name)?)?;
    links.up(sending)?;
    let sender = Sender::open(sending)?;
    for line in io::stdin().lock().lines() {
        line?;
        let Round {
            frames,
            wall_ns,
            processor_ns,
        } = flood(&sender, plan, &datagrams)?;
        let mut output = io::stdout().lock();
        writeln!(
            output,
            r#"{{"frames": {frames}, "wall_ns": {wall_ns}, "processor_ns": {processor_ns}}}"#
        )?;
        output.flush()?;
    }
    Ok(())
}

fn run() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (name, milliseconds, flows, per_second) = match arguments.as_slice() {
        [_, name, milliseconds] => (name, milliseconds, "0", "0"),
        [_, name, milliseconds, flows] => (name, milliseconds, flows.as_str(), "0"),
        [_, name, milliseconds, flows, pace] => (name, milliseconds, flows.as_str(), pace.as_str()),
        _ => {
            return Err(io::Error::other(
                "usage: veth_flood NAME MILLISECONDS [FLOWS [FRAMES_PER_SECOND]]",
            ))
        }
    };
    let duration_ms: i64 = milliseconds.parse().map_err(io::Error::other)?;
    let plan = Plan {
        duration_ns: duration_ms * 1_000_000,
        per_second: per_second.parse().map_err(io::Error::other)?,
    };
    let links = Links::open()?;
    let result = rounds(
        &links,
        name,
        &plan,
        flows.parse().map_err(io::Error::other)?,
    );
    drop(links.delete(name));
    result
}

fn main() -> std::process::ExitCode {
    if let Err(error) = run() {
        drop(writeln!(io::stderr(), "veth_flood: {error}"));
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}
