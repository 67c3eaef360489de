// SPDX-License-Identifier: Apache-2.0
//! Floods a veth pair at full speed, one round for each line of standard input; prints `{"frames": n, "wall_ns": t,
//! "processor_ns": t}` per round. The pair is deleted at the end of the input.
//!
//! ```text
//! veth_flood NAME MILLISECONDS
//! ```

use std::io::{self, BufRead, Write};

use netsonde_testkit::frames::{now_ns, numbered, processor_ns, Sender};
use netsonde_testkit::links::{ifindex, Links};

const BATCH: u32 = 256;

struct Round {
    frames: u64,
    wall_ns: i64,
    processor_ns: i64,
}

fn flood(sender: &Sender, duration_ns: i64) -> io::Result<Round> {
    let (start, start_processor) = (now_ns(), processor_ns());
    let mut frames = 0u64;
    while now_ns() - start < duration_ns {
        for _ in 0..BATCH {
            sender.send(&numbered(0, frames as u32))?;
            frames += 1;
        }
    }
    Ok(Round {
        frames,
        wall_ns: now_ns() - start,
        processor_ns: processor_ns() - start_processor,
    })
}

fn rounds(links: &Links, name: &str, duration_ns: i64) -> io::Result<()> {
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
        } = flood(&sender, duration_ns)?;
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
    let [_, name, milliseconds] = arguments.as_slice() else {
        return Err(io::Error::other("usage: veth_flood NAME MILLISECONDS"));
    };
    let duration_ms: i64 = milliseconds.parse().map_err(io::Error::other)?;
    let links = Links::open()?;
    let result = rounds(&links, name, duration_ms * 1_000_000);
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
