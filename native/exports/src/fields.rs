// SPDX-License-Identifier: Apache-2.0
//! Fields of NetFlow v9 and IPFIX → a record. Both number them alike (RFC 3954 §8, IANA's registry of IPFIX elements).

use netsonde_packet::{Ethernet, Network};

use crate::cursor::unsigned;
use crate::record::{Counts, FlowRecord};
use crate::sampling::Told;
use crate::templates::Field;
use crate::times::Clock;

/// Enterprise of the elements of the reverse direction (RFC 5103 §6.1).
const REVERSE: u32 = 29305;

/// A record while its fields come, in whatever order.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    record: FlowRecord,
    source_v4: Option<[u8; 4]>,
    destination_v4: Option<[u8; 4]>,
    source_v6: Option<[u8; 16]>,
    destination_v6: Option<[u8; 16]>,
    source_mac: Option<[u8; 6]>,
    destination_mac: Option<[u8; 6]>,
    /// Octets of whole frames; believed before those of IP.
    frames: Option<u64>,
    start: Option<i64>,
    end: Option<i64>,
    /// Unix ms at which the exporter started, if the record itself tells.
    boot_ms: Option<u64>,
    started_ms: Option<u32>,
    ended_ms: Option<u32>,
    pub(crate) sampling: Told,
}

impl Draft {
    pub(crate) fn take(&mut self, field: &Field, bytes: &[u8], clock: &Clock) {
        match field.enterprise {
            0 => self.element(field.id, bytes, clock),
            REVERSE => count(&mut self.record.reverse, field.id, bytes),
            _ => {}
        }
    }

    fn element(&mut self, id: u16, bytes: &[u8], clock: &Clock) {
        let record = &mut self.record;
        match id {
            8 => self.source_v4 = bytes.try_into().ok(),
            12 => self.destination_v4 = bytes.try_into().ok(),
            27 => self.source_v6 = bytes.try_into().ok(),
            28 => self.destination_v6 = bytes.try_into().ok(),
            // The frame as it came in comes before what it was sent on as (57, 81).
            56 => self.source_mac = bytes.try_into().ok(),
            80 => self.destination_mac = bytes.try_into().ok(),
            57 if self.destination_mac.is_none() => self.destination_mac = bytes.try_into().ok(),
            81 if self.source_mac.is_none() => self.source_mac = bytes.try_into().ok(),
            // 313–318: sections of packets (PSAMP), and what else is longer than a number.
            _ => {
                let Some(value) = unsigned(bytes) else {
                    return;
                };
                match id {
                    1 | 2 | 85 | 86 | 231 | 298 => count(&mut record.forward, id, bytes),
                    232 => record.reverse.octets = value,
                    299 => record.reverse.packets = value,
                    352 => self.frames = Some(value),
                    4 => record.ip_protocol = value as u8,
                    6 => record.tcp_flags = value as u8,
                    7 => record.ports.0 = value as u16,
                    11 => record.ports.1 = value as u16,
                    32 | 139 => record.icmp = ((value >> 8) as u8, value as u8),
                    176 | 178 => record.icmp.0 = value as u8,
                    177 | 179 => record.icmp.1 = value as u8,
                    58 | 243 => record.vlan = value as u16 & 0xfff,
                    256 => record.ether_type = value as u16,
                    _ => self.time_or_sampling(id, value, bytes, clock),
                }
            }
        }
    }

    fn time_or_sampling(&mut self, id: u16, value: u64, bytes: &[u8], clock: &Clock) {
        match id {
            21 => self.ended_ms = Some(value as u32),
            22 => self.started_ms = Some(value as u32),
            160 => self.boot_ms = Some(value),
            150 => self.start = Some(Clock::seconds(value as u32)),
            151 => self.end = Some(Clock::seconds(value as u32)),
            152 => self.start = Some(Clock::milliseconds(value)),
            153 => self.end = Some(Clock::milliseconds(value)),
            154 | 156 => self.start = Some(Clock::ntp(value)),
            155 | 157 => self.end = Some(Clock::ntp(value)),
            158 => self.start = Some(clock.before(value as u32)),
            159 => self.end = Some(clock.before(value as u32)),
            34 | 50 => self.sampling.rate = Some(value as u32),
            48 | 302 => self.sampling.sampler = Some(value),
            305 => self.sampling.interval = Some(value as u32),
            306 => self.sampling.space = Some(value as u32),
            311 => self.sampling.rate = probability(bytes),
            _ => {}
        }
    }

    /// The record, its counts multiplied by `rate`; None when it names no ends.
    pub(crate) fn finish(mut self, clock: &Clock, rate: u32) -> Option<FlowRecord> {
        self.record.network = match (
            self.source_v4,
            self.destination_v4,
            self.source_v6,
            self.destination_v6,
        ) {
            (None, None, Some(source), Some(destination)) => Network::V6 {
                source,
                destination,
            },
            // Templates of some exporters have both families, one of them zero.
            (Some([0, 0, 0, 0]), Some([0, 0, 0, 0]), Some(source), Some(destination)) => {
                Network::V6 {
                    source,
                    destination,
                }
            }
            (Some(source), Some(destination), ..) => Network::V4 {
                source,
                destination,
            },
            _ => Network::None,
        };
        let macs = self.source_mac.zip(self.destination_mac);
        self.record.link = macs.map(|(source, destination)| Ethernet::new(source, destination));
        self.icmp_in_port();
        if let Some(octets) = self.frames {
            self.record.forward.octets = octets;
        }
        let record = &mut self.record;
        (record.forward, record.reverse) =
            (record.forward.scaled(rate), record.reverse.scaled(rate));
        let at = |ms: u32| match self.boot_ms {
            Some(boot_ms) => Clock::milliseconds(boot_ms.saturating_add(ms.into())),
            None => clock.uptime(ms),
        };
        let start = self.start.or(self.started_ms.map(at));
        let end = self.end.or(self.ended_ms.map(at));
        (record.start_ns, record.end_ns) = clock.believed(start, end);
        self.record.has_ends().then_some(self.record)
    }

    /// Exporters without a field for it put type and code where the destination port stands.
    fn icmp_in_port(&mut self) {
        let record = &mut self.record;
        if matches!(record.ip_protocol, 1 | 58) && record.icmp == (0, 0) {
            let [kind, code] = record.ports.1.to_be_bytes();
            record.icmp = (kind, code);
        }
    }
}

fn count(counts: &mut Counts, id: u16, bytes: &[u8]) {
    let Some(value) = unsigned(bytes) else {
        return;
    };
    match id {
        1 | 231 => counts.octets = value,
        2 | 298 => counts.packets = value,
        // Totals since the flow began are the best that there is where no deltas are told.
        85 if counts.octets == 0 => counts.octets = value,
        86 if counts.packets == 0 => counts.packets = value,
        _ => {}
    }
}

/// A probability as a rate; None when it is none.
fn probability(bytes: &[u8]) -> Option<u32> {
    let share = match bytes.len() {
        8 => f64::from_be_bytes(bytes.try_into().ok()?),
        4 => f64::from(f32::from_be_bytes(bytes.try_into().ok()?)),
        _ => return None,
    };
    (share > 0.0 && share <= 1.0).then(|| (1.0 / share).round() as u32)
}
