// SPDX-License-Identifier: Apache-2.0
//! Probes: packets built, sent through an interface at a pace, and matched with their replies.
//!
//! `probe` says what is sent and `frame` builds it, `reply` recognises answers, `ledger` keeps account, `pace` says
//! when, `neighbour` resolves a MAC address; `run` does it all on a socket, in a thread. Two ways are not the socket's:
//! `inlet` lets packets in through an interface, `loopback` reaches 127.0.0.1.

mod application;
mod checksum;
pub mod frame;
mod inlet;
pub mod ledger;
mod loopback;
mod neighbour;
mod outlet;
pub mod pace;
pub mod probe;
pub mod recorded;
pub mod reply;
pub mod run;
mod worker;

pub use checksum::is_intact;
