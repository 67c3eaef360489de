// SPDX-License-Identifier: Apache-2.0
//! What is run over hostile bytes: one function a target, each panics when something does not hold.
//!
//! `bin/` gives each to libFuzzer (`tools/fuzz`, or `cargo fuzz run --fuzz-dir native/fuzz --features libfuzzer NAME`);
//! `tests/corpus.rs` runs them over `corpus/NAME/`, which holds what libFuzzer found worth keeping and every input that
//! once broke something. What an input means is told by its target; `pieces` splits one into several.

#![forbid(unsafe_code)]

mod arrow;
mod conversation;
mod datagrams;
mod file;
mod frame;
mod message;
mod pieces;
mod record;
mod reply;
mod sample;
#[path = "../../meter/tests/samples/mod.rs"]
mod samples;
pub mod seeds;
mod stream;

/// One thing to be run over bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Of its program and of its folder in `corpus/`.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 9] = [
    Target {
        name: "frame",
        run: frame::run,
    },
    Target {
        name: "message",
        run: message::run,
    },
    Target {
        name: "stream",
        run: stream::run,
    },
    Target {
        name: "conversation",
        run: conversation::run,
    },
    Target {
        name: "file",
        run: file::run,
    },
    Target {
        name: "record",
        run: record::run,
    },
    Target {
        name: "sample",
        run: sample::run,
    },
    Target {
        name: "reply",
        run: reply::run,
    },
    Target {
        name: "arrow",
        run: arrow::run,
    },
];

/// Run one target over `data`; panics when there is none of that name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a name out of TARGETS").run)(data);
}
