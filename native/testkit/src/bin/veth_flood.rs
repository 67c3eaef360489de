// SPDX-License-Identifier: Apache-2.0
//! Floods a veth pair at full speed, or at a pace, one round for each line of standard input; prints `{"frames": n, "wall_ns": t,
//! "processor_ns": t}` per round. The pair is deleted at the end of the input.
//!
//! ```text
//! veth_flood NAME MILLISECONDS [FRAMES_PER_SECOND CONNECTIONS]
//! ```
//! With a pace (0 = none) frames are TCP segments of so many connections, else numbered frames of no protocol.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use netsonde_testkit::frames::{now_ns, numbered, processor_ns, segment, Sender};
use netsonde_testkit::links::{ifindex, Links};

const BATCH: u32 = 256;
/// At a pace: smaller, so that the pace is even.
const SMALL_BATCH: u32 = 16;
const PAUSE: Duration = Duration::from_micros(100);

struct Round {
    frames: u64,
    wall_ns: i64,
    processor_ns: i64,
}

/// What is sent, and how fast.
struct Plan {
    duration_ns: i64,
    /// 0 = as fast as possible.
    per_second: u64,
    /// 0 = frames of no protocol.
    connections: u32,
}

fn flood(sender: &Sender, plan: &Plan) -> io::Result<Round> {
    let (start, start_processor) = (now_ns(), processor_ns());
    let mut frames = 0u64;
    loop {
        let elapsed = now_ns() - start;
        if elapsed >= plan.duration_ns {
            break;
        }
        if u128::from(frames) * 1_000_000_000
            > u128::from(elapsed.unsigned_abs()) * u128::from(plan.per_second)
            && plan.per_second > 0
        {
            std::thread::sleep(PAUSE);
            continue;
        }
        for _ in 0..if plan.per_second > 0 {
            SMALL_BATCH
        } else {
            BATCH
        } {
            let number = frames as u32;
            match plan.connections {
                0 => sender.send(&numbered(0, number))?,
                connections => sender.send(&segment(number, connections))?,
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

fn rounds(links: &Links, name: &str, plan: &Plan) -> io::Result<()> {
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
        } = flood(&sender, plan)?;
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
    let (name, milliseconds, per_second, connections) = match arguments.as_slice() {
        [_, name, milliseconds] => (name, milliseconds, "0", "0"),
        [_, name, milliseconds, per_second, connections] => (
            name,
            milliseconds,
            per_second.as_str(),
            connections.as_str(),
        ),
        _ => {
            return Err(io::Error::other(
                "usage: veth_flood NAME MILLISECONDS [FRAMES_PER_SECOND CONNECTIONS]",
            ))
        }
    };
    let duration_ms: i64 = milliseconds.parse().map_err(io::Error::other)?;
    let plan = Plan {
        duration_ns: duration_ms * 1_000_000,
        per_second: per_second.parse().map_err(io::Error::other)?,
        connections: connections.parse().map_err(io::Error::other)?,
    };
    let links = Links::open()?;
    let result = rounds(&links, name, &plan);
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
