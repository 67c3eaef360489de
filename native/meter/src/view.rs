// SPDX-License-Identifier: Apache-2.0
//! Columns of a record batch found by name, whoever wrote it: this meter, or a store that has its own idea of types.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type, UInt8Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// A column of numbers; a column that is missing or of a strange type reads as 0.
pub(crate) enum Numbers<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    I64(&'a [i64]),
    Missing,
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Self {
        let Some(column) = batch.column_by_name(name) else {
            return Self::Missing;
        };
        match column.data_type() {
            DataType::UInt8 => Self::U8(column.as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => Self::U16(column.as_primitive::<UInt16Type>().values()),
            DataType::UInt32 => Self::U32(column.as_primitive::<UInt32Type>().values()),
            DataType::UInt64 => Self::U64(column.as_primitive::<UInt64Type>().values()),
            DataType::Int64 => Self::I64(column.as_primitive::<Int64Type>().values()),
            _ => Self::Missing,
        }
    }

    pub(crate) fn u64(&self, row: usize) -> u64 {
        match self {
            Self::U8(values) => values.get(row).copied().map(u64::from),
            Self::U16(values) => values.get(row).copied().map(u64::from),
            Self::U32(values) => values.get(row).copied().map(u64::from),
            Self::U64(values) => values.get(row).copied(),
            Self::I64(values) => values.get(row).map(|&value| value as u64),
            Self::Missing => None,
        }
        .unwrap_or(0)
    }

    pub(crate) fn i64(&self, row: usize) -> i64 {
        self.u64(row) as i64
    }

    pub(crate) fn signed(&self) -> bool {
        matches!(self, Self::I64(_))
    }
}

/// A column of text or bytes; what is missing, null or no UTF-8 reads as empty.
pub(crate) struct Texts<'a>(Option<&'a ArrayRef>);

impl<'a> Texts<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Self {
        Self(batch.column_by_name(name))
    }

    pub(crate) fn get(&self, row: usize) -> &'a str {
        std::str::from_utf8(self.bytes(row)).unwrap_or_default()
    }

    pub(crate) fn bytes(&self, row: usize) -> &'a [u8] {
        let Some(column) = self
            .0
            .filter(|column| row < column.len() && !column.is_null(row))
        else {
            return &[];
        };
        match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row).as_bytes(),
            DataType::LargeUtf8 => column.as_string::<i64>().value(row).as_bytes(),
            DataType::Binary => column.as_binary::<i32>().value(row),
            DataType::LargeBinary => column.as_binary::<i64>().value(row),
            _ => &[],
        }
    }
}
