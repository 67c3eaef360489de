// SPDX-License-Identifier: Apache-2.0
//! Batches of flow reports → bytes of the format that was asked for.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::{iter, thread};

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
    /// Flows are given as columns in memory.
    Columns,
    Csv {
        header_written: bool,
    },
}

impl Output {
    /// Rows that make a piece, None = no flows: text is written in pieces that stay in the cache.
    pub(crate) fn rows(&self) -> Option<usize> {
        match self {
            Self::Batches | Self::Columns => Some(8192),
            // What a batch takes is used again for the next one, if it is small enough for malloc to keep.
            Self::Arrow(_) => Some(2048),
            Self::Jsonl | Self::Csv { .. } => Some(1024),
            Self::Nothing => None,
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
            "columns" => Self::Columns,
            "csv" => Self::Csv {
                header_written: false,
            },
            _ => return None,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Nothing | Self::Columns => Ok(Vec::new()),
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

    /// Take back a piece that nobody needs any more: the next one is written to its memory.
    fn recycle(&mut self, mut piece: Vec<u8>) {
        if let Self::Arrow(writer) = self {
            piece.clear();
            *writer.get_mut() = piece;
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

/// Open a file to write to. What is in it stays until its thread empties it: the kernel takes some time for each page.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false).open(path)
}

/// Batches handed over and not yet written; more would only take memory.
const WAITING: usize = 2;

/// Where pieces go.
pub(crate) enum Sink {
    /// To whoever iterates.
    Iterator,
    File(File),
}

pub(crate) enum WriteError {
    Arrow(ArrowError),
    Io(io::Error),
}

type Piece = Result<Vec<u8>, WriteError>;

/// An output that writes on a thread of its own, while the next batch is being made.
pub(crate) struct OutputThread {
    batches: Option<SyncSender<RecordBatch>>,
    /// Never locked, only owned: the mutex makes the whole shareable, as Python objects must be.
    pieces: Mutex<Receiver<Piece>>,
}

impl OutputThread {
    pub(crate) fn start(mut output: Output, mut sink: Sink) -> io::Result<Self> {
        let (batches, incoming) = sync_channel::<RecordBatch>(WAITING);
        let (outgoing, pieces) = channel();
        thread::Builder::new()
            .name("flow-writer".to_owned())
            .spawn(move || {
                if let Err(error) = sink.empty() {
                    let _ = outgoing.send(Err(WriteError::Io(error)));
                    return;
                }
                let ending = || None;
                for batch in incoming.iter().map(Some).chain(iter::once_with(ending)) {
                    let piece = match &batch {
                        Some(batch) => output.write(batch),
                        None => output.finish(),
                    };
                    let piece = sink.take(piece, &mut output);
                    let failed = piece.is_err();
                    // Nobody listens when the iteration was given up.
                    if outgoing.send(piece).is_err() || failed {
                        return;
                    }
                }
            })?;
        Ok(Self {
            batches: Some(batches),
            pieces: Mutex::new(pieces),
        })
    }

    pub(crate) fn write(&mut self, batch: RecordBatch) {
        if let Some(batches) = &self.batches {
            // The thread ends before its input only after an error, which `take` gives.
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

    pub(crate) fn closed(&self) -> bool {
        self.batches.is_none()
    }
}

impl Sink {
    /// Before anything is written.
    fn empty(&self) -> io::Result<()> {
        match self {
            Self::File(file) if file.metadata()?.is_file() => file.set_len(0),
            Self::File(_) | Self::Iterator => Ok(()),
        }
    }

    /// Pass a piece on, or write it and leave nothing of it.
    fn take(&mut self, piece: Result<Vec<u8>, ArrowError>, output: &mut Output) -> Piece {
        let piece = piece.map_err(WriteError::Arrow)?;
        match self {
            Self::Iterator => Ok(piece),
            Self::File(file) => {
                file.write_all(&piece).map_err(WriteError::Io)?;
                output.recycle(piece);
                Ok(Vec::new())
            }
        }
    }
}
