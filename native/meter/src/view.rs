// SPDX-License-Identifier: Apache-2.0
//! Columns of a record batch found by name, whoever wrote it: this meter, or a store that has its own idea of types.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type, UInt8Type};
use arrow_array::{
    Array, BinaryArray, BooleanArray, LargeBinaryArray, LargeStringArray, RecordBatch, StringArray,
};
use arrow_schema::DataType;

/// A column of numbers; a column that is missing or of a strange type reads as 0.
pub(crate) enum Numbers<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    I64(&'a [i64]),
    Flags(&'a BooleanArray),
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
            DataType::Boolean => Self::Flags(column.as_boolean()),
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
            Self::Flags(values) => (row < values.len()).then(|| u64::from(values.value(row))),
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
pub(crate) enum Texts<'a> {
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    Missing,
}

impl<'a> Texts<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Self {
        let Some(column) = batch.column_by_name(name) else {
            return Self::Missing;
        };
        match column.data_type() {
            DataType::Utf8 => Self::Utf8(column.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(column.as_string()),
            DataType::Binary => Self::Binary(column.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(column.as_binary()),
            _ => Self::Missing,
        }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &'a str {
        match self {
            Self::Utf8(array) if valid(*array, row) => array.value(row),
            Self::LargeUtf8(array) if valid(*array, row) => array.value(row),
            Self::Binary(_) | Self::LargeBinary(_) => {
                std::str::from_utf8(self.bytes(row)).unwrap_or_default()
            }
            _ => "",
        }
    }

    pub(crate) fn bytes(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Binary(array) if valid(*array, row) => array.value(row),
            Self::LargeBinary(array) if valid(*array, row) => array.value(row),
            Self::Utf8(_) | Self::LargeUtf8(_) => self.get(row).as_bytes(),
            _ => &[],
        }
    }
}

#[inline]
fn valid(array: &dyn Array, row: usize) -> bool {
    row < array.len() && array.is_valid(row)
}

/// The columns of a batch of raw packets.
pub struct PacketColumns<'a> {
    rows: usize,
    ts_ns: Numbers<'a>,
    wire_len: Numbers<'a>,
    link_type: Numbers<'a>,
    flow_uuid: Numbers<'a>,
    number: Numbers<'a>,
    lookback: Numbers<'a>,
    data: Texts<'a>,
    node_tid: Texts<'a>,
    ifname: Texts<'a>,
    capture_id: Texts<'a>,
    host: Texts<'a>,
}

impl<'a> PacketColumns<'a> {
    pub fn of(batch: &'a RecordBatch) -> Self {
        Self {
            rows: batch.num_rows(),
            ts_ns: Numbers::of(batch, "ts_ns"),
            wire_len: Numbers::of(batch, "wire_len"),
            link_type: Numbers::of(batch, "link_type"),
            flow_uuid: Numbers::of(batch, "flow_uuid"),
            number: Numbers::of(batch, "number"),
            lookback: Numbers::of(batch, "lookback"),
            data: Texts::of(batch, "data"),
            node_tid: Texts::of(batch, "node_tid"),
            ifname: Texts::of(batch, "ifname"),
            capture_id: Texts::of(batch, "capture_id"),
            host: Texts::of(batch, "host"),
        }
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn ts_ns(&self, row: usize) -> i64 {
        self.ts_ns.i64(row)
    }

    pub fn wire_len(&self, row: usize) -> u32 {
        u32::try_from(self.wire_len.u64(row)).unwrap_or(u32::MAX)
    }

    pub fn link_type(&self, row: usize) -> u16 {
        self.link_type.u64(row) as u16
    }

    pub fn flow_uuid(&self, row: usize) -> u64 {
        self.flow_uuid.u64(row)
    }

    pub fn number(&self, row: usize) -> u64 {
        self.number.u64(row)
    }

    pub fn lookback(&self, row: usize) -> bool {
        self.lookback.u64(row) != 0
    }

    pub fn data(&self, row: usize) -> &'a [u8] {
        self.data.bytes(row)
    }

    pub fn node_tid(&self, row: usize) -> &'a str {
        self.node_tid.get(row)
    }

    pub fn ifname(&self, row: usize) -> &'a str {
        self.ifname.get(row)
    }

    pub fn capture_id(&self, row: usize) -> &'a str {
        self.capture_id.get(row)
    }

    pub fn host(&self, row: usize) -> &'a str {
        self.host.get(row)
    }
}
