// SPDX-License-Identifier: Apache-2.0
//! Batches of flow reports → bytes of the format that was asked for.

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::ArrowError;
use netsonde_meter::{csv, ipc, wire, FlowBatch};

pub(crate) enum Output {
    /// Each batch an Arrow IPC stream of its own: what travels on the bus.
    Batches,
    /// One Arrow IPC file.
    Arrow(Box<FileWriter<Vec<u8>>>),
    Jsonl,
    Csv {
        header_written: bool,
    },
}

impl Output {
    pub(crate) fn named(format: &str) -> Option<Self> {
        Some(match format {
            "batches" => Self::Batches,
            "arrow" => Self::Arrow(Box::new(
                FileWriter::try_new(Vec::new(), &FlowBatch::schema()).ok()?,
            )),
            "jsonl" => Self::Jsonl,
            "csv" => Self::Csv {
                header_written: false,
            },
            _ => return None,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Batches => Ok(ipc::write(batch)),
            Self::Arrow(writer) => {
                writer.write(batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Self::Jsonl => {
                let mut text = String::with_capacity(batch.num_rows() * 900);
                wire::write_flows(batch, '\n', &mut text);
                if batch.num_rows() > 0 {
                    text.push('\n');
                }
                Ok(text.into_bytes())
            }
            Self::Csv { header_written } => {
                let mut text = String::with_capacity(batch.num_rows() * 600);
                if !std::mem::replace(header_written, true) {
                    csv::write_header(&batch.schema(), &mut text);
                }
                csv::write_rows(batch, &mut text);
                Ok(text.into_bytes())
            }
        }
    }

    /// Return what ends the output: the footer of an Arrow file.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Arrow(writer) => {
                writer.finish()?;
                Ok(std::mem::take(writer.get_mut()))
            }
            _ => Ok(Vec::new()),
        }
    }
}
