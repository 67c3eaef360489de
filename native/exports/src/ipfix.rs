// SPDX-License-Identifier: Apache-2.0
//! IPFIX (RFC 7011): like NetFlow v9, with elements of enterprises, fields of variable length, withdrawals.

use crate::cursor::Cursor;
use crate::netflow9::{learn, records};
use crate::reader::Reading;
use crate::templates::{Field, Template};
use crate::times::Clock;

const HEADER: usize = 16;
const TEMPLATES: u16 = 2;
const OPTIONS_TEMPLATES: u16 = 3;

pub(crate) struct Header {
    clock: Clock,
    sequence: u32,
    pub(crate) domain: u32,
    /// Bytes behind the header.
    pub(crate) body: usize,
}

impl Header {
    /// Read what follows the version.
    pub(crate) fn read(cursor: &mut Cursor<'_>, now_ns: i64) -> Option<Self> {
        let body = usize::from(cursor.u16()?).checked_sub(HEADER)?;
        let clock = Clock {
            received_ns: now_ns,
            exported_ns: Clock::seconds(cursor.u32()?),
            uptime_ms: None,
        };
        Some(Self {
            clock,
            sequence: cursor.u32()?,
            domain: cursor.u32()?,
            body,
        })
    }
}

pub(crate) fn read(
    header: &Header,
    cursor: &mut Cursor<'_>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    let mut counted = Some(0u32);
    let read = sets(header, cursor, reading, &mut counted);
    // The number counts records (§3.1): those of an unknown template cannot be counted, nor what a cut hides.
    let step = read.and(counted);
    reading.stats.lost += reading.exporter.sequence.take(header.sequence, step);
    read
}

fn sets(
    header: &Header,
    cursor: &mut Cursor<'_>,
    reading: &mut Reading<'_>,
    counted: &mut Option<u32>,
) -> Option<()> {
    while !cursor.is_empty() {
        let (id, length) = (cursor.u16()?, usize::from(cursor.u16()?));
        let mut set = cursor.part(length.checked_sub(4)?)?;
        match id {
            TEMPLATES | OPTIONS_TEMPLATES => templates(id == OPTIONS_TEMPLATES, &mut set, reading)?,
            256.. => {
                let count = records(id, &mut set, &header.clock, reading)?;
                *counted = counted.zip(count).map(|(sum, more)| sum.wrapping_add(more));
            }
            _ => {}
        }
    }
    Some(())
}

fn templates(options: bool, set: &mut Cursor<'_>, reading: &mut Reading<'_>) -> Option<()> {
    while set.len() >= 4 {
        let (id, count) = (set.u16()?, set.u16()?);
        if count == 0 {
            withdraw(id, options, reading);
            continue;
        }
        if options {
            // How many of the fields are scopes: they are elements here, and read as such.
            set.u16()?;
        }
        let fields = (0..count).map(|_| field(set)).collect::<Option<_>>()?;
        learn(id, Template { fields, options }, reading);
    }
    Some(())
}

fn withdraw(id: u16, options: bool, reading: &mut Reading<'_>) {
    let templates = &mut reading.exporter.templates;
    match id {
        TEMPLATES | OPTIONS_TEMPLATES => templates.forget_all(options),
        _ => templates.forget(id),
    }
}

fn field(set: &mut Cursor<'_>) -> Option<Field> {
    let (id, length) = (set.u16()?, set.u16()?);
    let enterprise = if id & 0x8000 == 0 { 0 } else { set.u32()? };
    Some(Field {
        enterprise,
        id: id & 0x7fff,
        length,
    })
}
