// SPDX-License-Identifier: Apache-2.0
//! A capture file → batches of flow reports, step by step and without Python.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use netsonde_meter::{thread_count, FlowBatch, MeterConfig, MeterStats, Sharded, Workers};
use netsonde_pcapfile::{Damage, ReadError, Reader};
use pyo3::prelude::*;

use crate::filter::FileFilter;
use crate::reading::{End, Load, Reading};

/// Packets handled in one step: often enough for a progress bar and for Ctrl-C.
const PACKETS_PER_STEP: u64 = 100_000;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(FromPyObject)]
pub(crate) enum Source {
    Bytes(Vec<u8>),
    Path(PathBuf),
}

impl Source {
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Bytes(_) => None,
            Self::Path(path) => Some(path.clone()),
        }
    }
}

/// How a file is metered, besides the meter's own settings.
pub(crate) struct Plan {
    pub(crate) config: MeterConfig,
    pub(crate) filter: FileFilter,
    /// Reports that make a batch; None = no flows are wanted, only counters.
    pub(crate) rows: Option<usize>,
    /// Threads that count, beside the one that reads; 0 = as many as this machine has use for.
    pub(crate) threads: usize,
}

/// Meters one capture file.
pub(crate) struct FileMetering {
    reading: Option<Reading>,
    meter: Sharded,
    rows: Option<usize>,
    /// Threads that count.
    counting: usize,
    phase: Phase,
    pub(crate) damage: Option<Damage>,
    pub(crate) bytes_total: Option<u64>,
    pub(crate) bytes_read: u64,
    first_ns: Option<i64>,
    last_tick_ns: i64,
    /// Packets since the last tick.
    since_tick: u64,
    /// Reports of flows that ended with the file.
    ready: VecDeque<RecordBatch>,
    /// Some reports were given.
    given: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Closing,
    Done,
}

impl FileMetering {
    /// Open a source. What is no capture file is damage; only what cannot be read at all is an error.
    pub(crate) fn open(source: Source, plan: Plan) -> io::Result<Self> {
        let (reader, bytes_total) = open(source)?;
        let config = MeterConfig {
            ordered: true,
            ..plan.config
        };
        let counting = counting(plan.threads);
        let meter = Sharded::new(config, Arc::new(Workers::new(counting)));
        let (reading, damage) = match reader {
            Ok(reader) => {
                let started = Reading::start(reader, plan.filter, meter.dealer())?;
                (Some(started), None)
            }
            Err(ReadError::Damage(damage)) => (None, Some(damage)),
            Err(ReadError::Io(error)) => return Err(error),
        };
        Ok(Self {
            reading,
            meter,
            rows: plan.rows,
            counting,
            phase: Phase::Reading,
            damage,
            bytes_total,
            bytes_read: 0,
            first_ns: None,
            last_tick_ns: 0,
            since_tick: 0,
            ready: VecDeque::new(),
            given: false,
        })
    }

    /// Tell whether the file was metered to its end, or to its damage.
    pub(crate) fn done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(crate) fn stats(&self) -> MeterStats {
        self.meter.stats()
    }

    /// Times of the first and of the latest packet; 0 = there was none.
    pub(crate) fn span_ns(&self) -> (i64, i64) {
        (self.first_ns.unwrap_or(0), self.meter.latest_ns())
    }

    /// Go on for a while. Return the reports that are due; the last batch may be the first, and empty.
    pub(crate) fn step(&mut self) -> io::Result<Option<RecordBatch>> {
        let Some(rows) = self.rows else {
            // Who wants no flows need not wait for their last reports.
            if self.phase == Phase::Reading {
                self.read_some(usize::MAX)?;
            } else {
                self.phase = Phase::Done;
            }
            return Ok(None);
        };
        if self.phase == Phase::Reading {
            self.read_some(rows)?;
            if self.meter.pending_reports() < rows {
                return Ok(None);
            }
        }
        let batch = self.next_batch(rows);
        self.given |= batch.is_some();
        Ok(batch)
    }

    /// Return reports that are ready, else those of the next flows that end with the file.
    fn next_batch(&mut self, rows: usize) -> Option<RecordBatch> {
        if self.meter.pending_reports() > 0 {
            return Some(self.meter.take_ordered());
        }
        if self.ready.is_empty() {
            let latest_ns = self.meter.latest_ns();
            self.ready = self.meter.close_batches(latest_ns, rows).into();
        }
        if self.ready.is_empty() {
            self.phase = Phase::Done;
        }
        // An output without flows still says what its columns are.
        let missing = !self.given;
        let columns = || missing.then(|| FlowBatch::new().into_record_batch());
        self.ready.pop_front().or_else(columns)
    }

    fn read_some(&mut self, rows: usize) -> io::Result<()> {
        let mut left = PACKETS_PER_STEP;
        while left > 0 && self.meter.pending_reports() < rows {
            let Some(reading) = &mut self.reading else {
                self.phase = Phase::Closing;
                return Ok(());
            };
            let mut load = reading.next()?;
            left = left.saturating_sub(load.packets);
            self.count(&load);
            match (load.end.take(), &mut self.reading) {
                (Some(end), _) => self.end(end)?,
                (None, Some(reading)) => reading.recycle(load),
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, load: &Load) {
        self.meter.dealt(&load.dealt);
        self.first_ns = self.first_ns.or(load.first_ns);
        self.bytes_read = load.offset;
        self.since_tick += load.packets;
        if load.packets > 0 {
            self.tick(load.latest_ns);
        }
    }

    /// In the time of the file; seldom enough that walking the table never outweighs the packets.
    fn tick(&mut self, latest_ns: i64) {
        let due = latest_ns - self.last_tick_ns >= SECOND_NS;
        if due && self.since_tick > 1024 + (self.meter.flows() >> 2) as u64 {
            self.last_tick_ns = latest_ns;
            self.since_tick = 0;
            self.meter.tick(latest_ns);
        }
    }

    fn end(&mut self, end: End) -> io::Result<()> {
        self.reading = None;
        // The processor of the thread that read has nothing to do any more.
        let helpers = Workers::new(self.counting + 1);
        self.meter.be_helped_by(Arc::new(helpers));
        match end {
            End::Clean => {}
            End::Damage(damage) => self.damage = Some(damage),
            End::Io(error) => return Err(error),
        }
        Ok(())
    }
}

/// How many threads count where so many are asked for: one processor is for the thread that reads.
fn counting(asked: usize) -> usize {
    match asked {
        0 => thread_count(0).saturating_sub(1).max(1),
        asked => asked,
    }
}

/// A reader, or why there is none, and the size of the input.
type Opened = (Result<Reader, ReadError>, Option<u64>);

fn open(source: Source) -> io::Result<Opened> {
    match source {
        Source::Bytes(bytes) => {
            let length = bytes.len() as u64;
            Ok((Reader::new(Cursor::new(bytes)), Some(length)))
        }
        Source::Path(path) => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let length = metadata.is_file().then_some(metadata.len());
            Ok((Reader::new(file), length))
        }
    }
}
