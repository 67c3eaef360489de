// SPDX-License-Identifier: Apache-2.0
//! Column builders for record batches, and the macro that makes a batch and its row from one list.
//!
//! Columns are plain (no dictionaries, no nulls): ClickHouse takes the streams unopened.

use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;

pub trait Column: Default {
    type Value<'a>: Copy + Default;
    fn push(&mut self, value: Self::Value<'_>);
    /// Move the values of `other` behind those here.
    fn append(&mut self, other: &mut Self);
    /// Make room for so many values more.
    fn reserve(&mut self, rows: usize);
    fn data_type() -> DataType;
    fn finish(self) -> ArrayRef;
}

pub struct Number<T: ArrowPrimitiveType>(Vec<T::Native>);

impl<T: ArrowPrimitiveType> Default for Number<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: ArrowPrimitiveType> Column for Number<T> {
    type Value<'a> = T::Native;

    fn push(&mut self, value: T::Native) {
        self.0.push(value);
    }

    fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    fn reserve(&mut self, rows: usize) {
        self.0.reserve(rows);
    }

    fn data_type() -> DataType {
        T::DATA_TYPE
    }

    fn finish(self) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(self.0), None))
    }
}

pub type U8 = Number<arrow_array::types::UInt8Type>;
pub type U16 = Number<arrow_array::types::UInt16Type>;
pub type U32 = Number<arrow_array::types::UInt32Type>;
pub type U64 = Number<arrow_array::types::UInt64Type>;
pub type I64 = Number<arrow_array::types::Int64Type>;

#[derive(Default)]
pub struct Flag(Vec<bool>);

impl Column for Flag {
    type Value<'a> = bool;

    fn push(&mut self, value: bool) {
        self.0.push(value);
    }

    fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    fn reserve(&mut self, rows: usize) {
        self.0.reserve(rows);
    }

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn finish(self) -> ArrayRef {
        Arc::new(BooleanArray::new(BooleanBuffer::from(self.0), None))
    }
}

/// Values of varying length, one behind the other; a batch stays far below the 2 GiB that offsets can reach.
#[derive(Default)]
struct Bytes {
    lengths: Vec<usize>,
    data: Vec<u8>,
}

impl Bytes {
    fn push(&mut self, value: &[u8]) {
        self.lengths.push(value.len());
        self.data.extend_from_slice(value);
    }

    fn append(&mut self, other: &mut Self) {
        self.lengths.append(&mut other.lengths);
        self.data.append(&mut other.data);
    }

    fn reserve(&mut self, rows: usize) {
        self.lengths.reserve(rows);
    }

    fn offsets(&self) -> OffsetBuffer<i32> {
        OffsetBuffer::from_lengths(self.lengths.iter().copied())
    }
}

#[derive(Default)]
pub struct Text(Bytes);

impl Column for Text {
    type Value<'a> = &'a str;

    fn push(&mut self, value: &str) {
        self.0.push(value.as_bytes());
    }

    fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    fn reserve(&mut self, rows: usize) {
        self.0.reserve(rows);
    }

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn finish(self) -> ArrayRef {
        Arc::new(StringArray::new(self.0.offsets(), self.0.data.into(), None))
    }
}

#[derive(Default)]
pub struct Blob(Bytes);

impl Column for Blob {
    type Value<'a> = &'a [u8];

    fn push(&mut self, value: &[u8]) {
        self.0.push(value);
    }

    fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    fn reserve(&mut self, rows: usize) {
        self.0.reserve(rows);
    }

    fn data_type() -> DataType {
        DataType::Binary
    }

    fn finish(self) -> ArrayRef {
        Arc::new(BinaryArray::new(self.0.offsets(), self.0.data.into(), None))
    }
}

/// Define `$batch` (columns) and `$row` (one value per column) from one list of names and types.
macro_rules! record_batch {
    ($(#[$batch_doc:meta])* $batch:ident, $(#[$row_doc:meta])* $row:ident {
        $($(#[$doc:meta])* $name:ident: $column:ident,)*
    }) => {
        $(#[$batch_doc])*
        #[derive(Default)]
        pub struct $batch {
            rows: usize,
            $($name: $crate::columns::$column,)*
        }

        $(#[$row_doc])*
        #[derive(Clone, Copy, Default)]
        pub struct $row<'a> {
            $($(#[$doc])* pub $name: <$crate::columns::$column as $crate::columns::Column>::Value<'a>,)*
        }

        impl $batch {
            pub fn new() -> Self {
                Self::default()
            }

            pub fn len(&self) -> usize {
                self.rows
            }

            pub fn is_empty(&self) -> bool {
                self.rows == 0
            }

            pub fn push(&mut self, row: $row<'_>) {
                use $crate::columns::Column as _;
                self.rows += 1;
                $(self.$name.push(row.$name);)*
            }

            /// Move the rows of `other` behind those here.
            pub fn append(&mut self, other: &mut Self) {
                use $crate::columns::Column as _;
                self.rows += std::mem::take(&mut other.rows);
                $(self.$name.append(&mut other.$name);)*
            }

            /// Make room for so many rows more.
            pub fn reserve(&mut self, rows: usize) {
                use $crate::columns::Column as _;
                $(self.$name.reserve(rows);)*
            }

            pub fn schema() -> std::sync::Arc<arrow_schema::Schema> {
                use $crate::columns::Column as _;
                std::sync::Arc::new(arrow_schema::Schema::new(vec![
                    $(arrow_schema::Field::new(
                        stringify!($name), $crate::columns::$column::data_type(), false,
                    ),)*
                ]))
            }

            pub fn into_record_batch(self) -> arrow_array::RecordBatch {
                use $crate::columns::Column as _;
                let columns = vec![$(self.$name.finish(),)*];
                match arrow_array::RecordBatch::try_new(Self::schema(), columns) {
                    Ok(batch) => batch,
                    // Unreachable: push() lengthens every column and schema() names the same types.
                    Err(_) => arrow_array::RecordBatch::new_empty(Self::schema()),
                }
            }

            /// Return the rows as one complete Arrow IPC stream.
            pub fn into_arrow_ipc(self) -> Vec<u8> {
                $crate::ipc::write(&self.into_record_batch())
            }
        }
    };
}
pub(crate) use record_batch;
