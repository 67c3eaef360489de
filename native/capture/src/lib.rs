// SPDX-License-Identifier: Apache-2.0
//! Live packets on Linux: the link watcher and its look-back taps, packet sockets and rings, filters, kept packets.
//!
//! `core` lists the parts and the threads.

mod births;
pub mod bpf;
mod budget;
pub mod collector;
pub mod control;
pub mod core;
pub mod ebpf;
mod entrance;
pub mod event;
mod frame;
pub mod kept;
mod lookback;
mod metering;
pub mod netns;
mod opener;
mod pi_mutex;
mod pool;
mod present;
mod reading;
mod reaper;
mod refill;
mod ring;
mod rtnl;
mod sched;
pub mod scratch;
pub mod shared;
pub mod sink;
pub mod socket;
mod source;
pub mod status;
pub mod subscription;
pub mod sys;
mod tap;
mod watcher;
