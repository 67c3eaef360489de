// SPDX-License-Identifier: Apache-2.0
//! Arrow IPC streams in memory.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

/// Return `batch` as a stream of its own. Writing to memory cannot fail.
pub fn write(batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.get_array_memory_size() + 8192);
    let written = StreamWriter::try_new(&mut out, &batch.schema())
        .and_then(|mut writer| writer.write(batch).and_then(|()| writer.finish()));
    debug_assert!(written.is_ok());
    out
}

/// Return the batches of a stream; an error when the bytes are none.
pub fn read(stream: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(stream, None)?.collect()
}
