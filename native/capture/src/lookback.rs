// SPDX-License-Identifier: Apache-2.0
//! The look-back reader: empties the sockets of new interfaces into their buffers, just under the watcher's priority.

use std::sync::Arc;
use std::time::Duration;

use crate::births::BIRTHS;
use crate::sched;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::sys::Ready;

/// Frames taken from one tap before the next has its turn.
const TURN: usize = 1024;
/// Rest between two rounds: keeps a stream of single frames from costing a wake-up each, and leaves the machine to
/// others. A socket holds some 5,000 frames meanwhile.
const REST: Duration = Duration::from_millis(4);
const WAIT_MS: i32 = 200;

pub fn run(shared: &Arc<Shared>) {
    shared.got_class(
        "lookback",
        sched::raise(sched::LOOKBACK, shared.config.realtime),
    );
    let mut scratch = Scratch::default();
    let mut ready = Ready::new(256);
    while !shared.is_closing() {
        let ids: Vec<u64> = shared.lookback_epoll.wait(&mut ready, WAIT_MS).collect();
        if ids.contains(&BIRTHS) {
            shared.births.wake.clear();
            shared.enter_news();
        }
        if ids == [BIRTHS] {
            continue;
        }
        for id in &ids {
            let Some(tap) = shared.tap(*id) else { continue };
            if tap.reader().is_none() {
                tap.drain(&mut scratch, TURN, &shared.events, &mut None);
            }
        }
        if !ids.is_empty() {
            std::thread::sleep(REST);
        }
    }
}
