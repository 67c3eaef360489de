// SPDX-License-Identifier: Apache-2.0
//! Interfaces made, brought up and sent through within microseconds: what tests of first packets need, and what
//! neither `ip` nor Python can do fast enough.

pub mod frames;
pub mod links;
pub mod namespace;
pub mod tap;
