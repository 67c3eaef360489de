// SPDX-License-Identifier: Apache-2.0
//! NetFlow v9 (RFC 3954): flow sets of templates, of options templates, and of records that one of them describes.

use crate::cursor::Cursor;
use crate::fields::Draft;
use crate::reader::Reading;
use crate::templates::{Field, Template};
use crate::times::Clock;

pub(crate) struct Header {
    clock: Clock,
    sequence: u32,
    pub(crate) domain: u32,
}

impl Header {
    /// Read what follows the version. The count is not believed: sets say their length.
    pub(crate) fn read(cursor: &mut Cursor<'_>, now_ns: i64) -> Option<Self> {
        cursor.u16()?;
        let uptime_ms = Some(cursor.u32()?);
        let clock = Clock {
            received_ns: now_ns,
            exported_ns: Clock::seconds(cursor.u32()?),
            uptime_ms,
        };
        Some(Self {
            clock,
            sequence: cursor.u32()?,
            domain: cursor.u32()?,
        })
    }
}

pub(crate) fn read(
    header: &Header,
    cursor: &mut Cursor<'_>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    reading.stats.lost += reading.exporter.sequence.take(header.sequence, Some(1));
    while !cursor.is_empty() {
        let (id, length) = (cursor.u16()?, usize::from(cursor.u16()?));
        let mut set = cursor.part(length.checked_sub(4)?)?;
        match id {
            0 => templates(&mut set, reading)?,
            1 => options_templates(&mut set, reading)?,
            256.. => {
                records(id, &mut set, &header.clock, reading)?;
            }
            _ => {}
        }
    }
    Some(())
}

fn templates(set: &mut Cursor<'_>, reading: &mut Reading<'_>) -> Option<()> {
    // What is shorter than a header is padding.
    while set.len() >= 4 {
        let (id, count) = (set.u16()?, set.u16()?);
        let template = Template {
            fields: fields(set, count.into())?,
            options: false,
        };
        learn(id, template, reading);
    }
    Some(())
}

fn options_templates(set: &mut Cursor<'_>, reading: &mut Reading<'_>) -> Option<()> {
    while set.len() >= 6 {
        let (id, scopes, options) = (set.u16()?, set.u16()?, set.u16()?);
        // Lengths are in bytes here, four a field.
        let mut found = fields(set, usize::from(scopes / 4))?;
        // Scopes are numbered apart (§6.1): 1 system, 2 interface …; none of them is an element.
        found.iter_mut().for_each(|field| field.id = 0);
        found.extend(fields(set, usize::from(options / 4))?);
        let template = Template {
            fields: found,
            options: true,
        };
        learn(id, template, reading);
    }
    Some(())
}

fn fields(set: &mut Cursor<'_>, count: usize) -> Option<Vec<Field>> {
    // A collected Option ends at the first field that is not there, before memory is taken for the others.
    (0..count)
        .map(|_| {
            Some(Field {
                enterprise: 0,
                id: set.u16()?,
                length: set.u16()?,
            })
        })
        .collect()
}

pub(crate) fn learn(id: u16, template: Template, reading: &mut Reading<'_>) {
    let now_ns = reading.now_ns;
    if id < 256 || !reading.exporter.templates.learn(id, template, now_ns) {
        reading.stats.refused_templates += 1;
    }
}

/// Read the records of a set; returns how many, None when the last one is cut.
pub(crate) fn records(
    id: u16,
    set: &mut Cursor<'_>,
    clock: &Clock,
    reading: &mut Reading<'_>,
) -> Option<Option<u32>> {
    let templates = std::mem::take(&mut reading.exporter.templates);
    let read = match templates.find(id, reading.now_ns) {
        Some(template) => described(template, set, clock, reading).map(Some),
        None => {
            reading.stats.no_template += 1;
            Some(None)
        }
    };
    reading.exporter.templates = templates;
    read
}

fn described(
    template: &Template,
    set: &mut Cursor<'_>,
    clock: &Clock,
    reading: &mut Reading<'_>,
) -> Option<u32> {
    let mut count = 0;
    while template.fits(set) && !set.is_empty() {
        let mut draft = Draft::default();
        template.record(set, |field, bytes| draft.take(field, bytes, clock))?;
        count += 1;
        if template.options {
            reading.exporter.sampling.learn(&draft.sampling);
        } else {
            let rate = reading
                .exporter
                .sampling
                .rate(&draft.sampling, reading.default_rate);
            let record = draft.finish(clock, rate);
            reading.give(record);
        }
    }
    Some(count)
}
