// SPDX-License-Identifier: Apache-2.0
//! What is read out of one capture: present flows, kept packets, counters.

use std::collections::HashMap;

use netsonde_meter::{FlowBatch, MeterStats, PacketBatch, PacketRow};

use super::{Identity, Subscription};
use crate::frame::{RawFrame, Tag};
use crate::sink::SinkStats;

/// Which kept packets to read; None = no restriction.
#[derive(Clone, Debug)]
pub struct PacketQuery {
    pub capture_id: String,
    pub node_tids: Option<Vec<String>>,
    pub flow_uuids: Option<Vec<u64>>,
    /// Only packets whose number on their interface is greater; -1 = from the first.
    pub after: i64,
    /// By TID: only packets seen at this Unix time in ns or later.
    pub since_ns: HashMap<String, i64>,
    pub limit: usize,
}

impl Subscription {
    pub fn snapshot(&self, out: &mut FlowBatch) {
        self.meter.snapshot(out);
    }

    pub fn meter_stats(&self) -> MeterStats {
        self.meter.stats()
    }

    pub fn sinks(&self) -> Vec<SinkStats> {
        self.sinks.iter().map(|sink| sink.stats()).collect()
    }

    pub fn refused(&self) -> u64 {
        self.kept.refused
    }

    /// Kept packets with a number greater than `after`, of these flows if given; `limit` counts down. Returns bytes.
    pub fn packets(&self, wanted: &PacketQuery, limit: &mut usize, out: &mut PacketBatch) -> usize {
        let mut bytes = 0;
        let flows = wanted.flow_uuids.as_deref();
        let since = wanted.since_ns.get(&self.identity.node_tid);
        let fits = |(frame, tag): &(RawFrame<'_>, Tag)| {
            since.is_none_or(|ns| frame.ts_ns >= *ns)
                && tag.number as i64 > wanted.after
                && flows.is_none_or(|f| f.contains(&tag.flow_uuid))
        };
        for (frame, tag) in self.kept.iter().filter(fits).take(*limit) {
            *limit -= 1;
            bytes += frame.data.len();
            out.push(row(&self.identity, frame, tag));
        }
        bytes
    }

    /// First packets kept since the last call. Returns bytes.
    pub fn take_first(&mut self, out: &mut PacketBatch) -> usize {
        let (identity, mut bytes) = (&self.identity, 0);
        self.kept.take_first(|frame, tag| {
            bytes += frame.data.len();
            out.push(row(identity, frame, tag));
        });
        bytes
    }
}

fn row<'a>(identity: &'a Identity, frame: RawFrame<'a>, tag: Tag) -> PacketRow<'a> {
    PacketRow {
        ts_ns: frame.ts_ns,
        wire_len: frame.wire_len,
        data: frame.data,
        link_type: identity.link_type.number(),
        node_tid: &identity.node_tid,
        ifname: &identity.ifname,
        capture_id: &identity.point.capture_id,
        host: &identity.host,
        flow_uuid: tag.flow_uuid,
        number: tag.number,
        lookback: tag.lookback,
    }
}
