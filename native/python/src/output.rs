// SPDX-License-Identifier: Apache-2.0
//! Batches of flow reports → bytes of the format that was asked for.

use std::sync::mpsc::{channel, sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

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
    /// Flows are not written at all.
    Nothing,
    Csv {
        header_written: bool,
    },
}

impl Output {
    /// Rows that make a piece: text is written in pieces that stay in the cache.
    pub(crate) fn rows_per_piece(&self) -> usize {
        match self {
            Self::Batches | Self::Arrow(_) | Self::Nothing => 8192,
            Self::Jsonl | Self::Csv { .. } => 1024,
        }
    }

    pub(crate) fn named(format: &str) -> Option<Self> {
        Some(match format {
            "batches" => Self::Batches,
            "arrow" => Self::Arrow(Box::new(
                FileWriter::try_new(Vec::new(), &FlowBatch::schema()).ok()?,
            )),
            "jsonl" => Self::Jsonl,
            "none" => Self::Nothing,
            "csv" => Self::Csv {
                header_written: false,
            },
            _ => return None,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Nothing => Ok(Vec::new()),
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

/// Batches handed over and not yet written; more would only take memory.
const WAITING: usize = 2;

type Piece = Result<Vec<u8>, ArrowError>;

/// An output that writes on a thread of its own, while the next batch is being made.
pub(crate) struct OutputThread {
    batches: Option<SyncSender<RecordBatch>>,
    /// Never locked, only owned: the mutex makes the whole shareable, as Python objects must be.
    pieces: Mutex<Receiver<Piece>>,
}

impl OutputThread {
    pub(crate) fn start(mut output: Output) -> std::io::Result<Self> {
        let (batches, incoming) = sync_channel::<RecordBatch>(WAITING);
        let (outgoing, pieces) = channel();
        thread::Builder::new()
            .name("flow-writer".to_owned())
            .spawn(move || {
                for batch in incoming {
                    if outgoing.send(output.write(&batch)).is_err() {
                        return;
                    }
                }
                // Nobody listens when the iteration was given up.
                let _ = outgoing.send(output.finish());
            })?;
        Ok(Self {
            batches: Some(batches),
            pieces: Mutex::new(pieces),
        })
    }

    pub(crate) fn write(&mut self, batch: RecordBatch) {
        if let Some(batches) = &self.batches {
            // The thread ends only after its input: it cannot be gone.
            let _ = batches.send(batch);
        }
    }

    /// Return the next piece that is written, each as it was made: two Arrow streams in one are read as the first.
    /// None = nothing yet; after `close` it waits, and None is the end.
    pub(crate) fn take(&mut self) -> Option<Piece> {
        let pieces = self
            .pieces
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if self.batches.is_none() {
            pieces.recv().ok()
        } else {
            pieces.try_recv().ok()
        }
    }

    pub(crate) fn close(&mut self) {
        self.batches = None;
    }
}
