// SPDX-License-Identifier: Apache-2.0
//! NetFlow v5: records of one fixed form, IPv4 only. Source: Cisco, "NetFlow Export Datagram Format", tables B-3, B-4.

use netsonde_packet::Network;

use crate::cursor::Cursor;
use crate::reader::Reading;
use crate::record::{Counts, FlowRecord};
use crate::sampling::Told;
use crate::times::Clock;

const RECORD: usize = 48;

pub(crate) struct Header {
    count: u16,
    clock: Clock,
    sequence: u32,
    engine: u16,
    /// One packet in so many; 0 = not told.
    rate: u16,
}

impl Header {
    /// Read what follows the version.
    pub(crate) fn read(cursor: &mut Cursor<'_>, now_ns: i64) -> Option<Self> {
        let count = cursor.u16()?;
        let uptime_ms = Some(cursor.u32()?);
        let (seconds, nanoseconds) = (cursor.u32()?, cursor.u32()?);
        let clock = Clock {
            received_ns: now_ns,
            exported_ns: Clock::seconds(seconds) + i64::from(nanoseconds.min(999_999_999)),
            uptime_ms,
        };
        Some(Self {
            count,
            clock,
            sequence: cursor.u32()?,
            engine: cursor.u16()?,
            // Two bits of mode above.
            rate: cursor.u16()? & 0x3fff,
        })
    }

    pub(crate) fn domain(&self) -> u32 {
        self.engine.into()
    }
}

pub(crate) fn read(
    header: &Header,
    cursor: &mut Cursor<'_>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    let sequence = &mut reading.exporter.sequence;
    reading.stats.lost += sequence.take(header.sequence, Some(header.count.into()));
    let told = Told {
        rate: Some(header.rate.into()),
        ..Told::default()
    };
    let rate = reading.exporter.sampling.rate(&told, reading.default_rate);
    for _ in 0..header.count {
        let mut fields = cursor.part(RECORD)?;
        let record = record(&mut fields, &header.clock, rate);
        reading.give(record);
    }
    Some(())
}

fn record(fields: &mut Cursor<'_>, clock: &Clock, rate: u32) -> Option<FlowRecord> {
    let network = Network::V4 {
        source: fields.array()?,
        destination: fields.array()?,
    };
    // Next hop, input and output interface.
    fields.bytes(8)?;
    let (packets, octets) = (fields.u32()?, fields.u32()?);
    let (first, last) = (fields.u32()?, fields.u32()?);
    let ports = (fields.u16()?, fields.u16()?);
    fields.u8()?;
    let (tcp_flags, ip_protocol) = (fields.u8()?, fields.u8()?);
    let (start_ns, end_ns) = clock.believed(Some(clock.uptime(first)), Some(clock.uptime(last)));
    let [kind, code] = ports.1.to_be_bytes();
    let counts = Counts {
        packets: packets.into(),
        octets: octets.into(),
    };
    Some(FlowRecord {
        network,
        ip_protocol,
        ports,
        icmp: if ip_protocol == 1 {
            (kind, code)
        } else {
            (0, 0)
        },
        tcp_flags,
        start_ns,
        end_ns,
        forward: counts.scaled(rate),
        ..FlowRecord::default()
    })
}
