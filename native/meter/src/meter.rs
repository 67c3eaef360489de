// SPDX-License-Identifier: Apache-2.0
//! The meter: one per captured interface and capture.

use netsonde_packet::LinkType;

use crate::batch::FlowBatch;
use crate::config::MeterConfig;

/// One frame as captured; VLAN tags that the kernel stripped are back in `data`.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub ts_ns: i64,
    /// Length on the wire; `data` may be shorter.
    pub wire_len: u32,
    pub data: &'a [u8],
    pub link_type: LinkType,
}

/// Where a frame was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRef {
    /// Id of the flow; 0 when the frame had neither a link nor a network layer.
    pub uuid: u64,
    /// Position of the frame in its flow, from 1.
    pub number: u64,
    pub(crate) index: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterStats {
    pub frames: u64,
    pub bytes: u64,
    /// Frames of which nothing could be read.
    pub unreadable: u64,
    /// Frames cut by the snaplen before their last header.
    pub truncated: u64,
    pub malformed: u64,
    /// Flows in the table now.
    pub flows: u64,
    pub flows_started: u64,
    pub flows_ended: u64,
    /// Flows ended because the table was full.
    pub evicted: u64,
}

pub struct Meter {
    config: MeterConfig,
    stats: MeterStats,
}

impl Meter {
    pub fn new(config: MeterConfig) -> Self {
        Self {
            config,
            stats: MeterStats::default(),
        }
    }

    /// Count one frame.
    pub fn frame(&mut self, frame: Frame<'_>) -> FlowRef {
        self.stats.frames += 1;
        self.stats.bytes += u64::from(frame.wire_len);
        FlowRef {
            uuid: 0,
            number: 0,
            index: u32::MAX,
        }
    }

    /// Note that the raw packet of `flow` was kept.
    pub fn kept(&mut self, _flow: FlowRef) {}

    /// Prepare what is due at `now_ns`: updates of changed flows, ends of idle and closed ones. Call about once a second.
    pub fn tick(&mut self, _now_ns: i64) {}

    /// Append to `out` what is due: starts since the last call, and what `tick`, `close` and evictions prepared.
    pub fn take_reports(&mut self, _out: &mut FlowBatch) {}

    /// Append the present state of every flow to `out`; changes nothing.
    pub fn snapshot(&self, _out: &mut FlowBatch) {}

    /// End every flow.
    pub fn close(&mut self, _now_ns: i64) {}

    pub fn stats(&self) -> MeterStats {
        self.stats
    }

    pub fn config(&self) -> &MeterConfig {
        &self.config
    }
}
