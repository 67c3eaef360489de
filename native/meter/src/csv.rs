// SPDX-License-Identifier: Apache-2.0
//! Reports as CSV (RFC 4180): all columns under their own names.

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::json::{push_hex, push_integer};
use crate::view::{Numbers, Texts};

enum Cells<'a> {
    Number(Numbers<'a>),
    /// Ids are written in hex, as everywhere else.
    Id(Numbers<'a>),
    Text(Texts<'a>),
}

/// Append the line of names.
pub fn write_header(schema: &Schema, out: &mut String) {
    for (index, field) in schema.fields().iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(field.name());
    }
    out.push_str("\r\n");
}

/// Append one line per row.
pub fn write_rows(batch: &RecordBatch, out: &mut String) {
    let schema = batch.schema();
    let columns: Vec<Cells<'_>> = schema
        .fields()
        .iter()
        .map(|field| cells(batch, field.name()))
        .collect();
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            column.write(row, out);
        }
        out.push_str("\r\n");
    }
}

fn cells<'a>(batch: &'a RecordBatch, name: &str) -> Cells<'a> {
    match Numbers::of(batch, name) {
        Numbers::Missing => Cells::Text(Texts::of(batch, name)),
        numbers
            if matches!(
                name,
                "uuid" | "parent_uuid" | "tracking_id" | "l3_tracking_id"
            ) =>
        {
            Cells::Id(numbers)
        }
        numbers => Cells::Number(numbers),
    }
}

impl Cells<'_> {
    fn write(&self, row: usize, out: &mut String) {
        match self {
            Self::Number(numbers) if numbers.signed() => push_integer(numbers.i64(row).into(), out),
            Self::Number(numbers) => push_integer(numbers.u64(row).into(), out),
            Self::Id(numbers) => push_hex(numbers.u64(row), out),
            Self::Text(texts) => push_text(texts.get(row), out),
        }
    }
}

fn push_text(text: &str, out: &mut String) {
    if text
        .bytes()
        .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
    {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}
