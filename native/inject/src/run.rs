// SPDX-License-Identifier: Apache-2.0
//! One run: what it is asked for, where it is, and the thread (`worker`) that carries it out.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use netsonde_capture::sys::EventFd;

use crate::ledger::{Ledger, Outcome, Totals};
use crate::pace::Pace;
use crate::probe::Probe;
use crate::worker::Worker;

/// What is sent.
pub enum Source {
    Probe(Box<Probe>),
    /// Whole frames, over and over.
    Frames(Vec<Vec<u8>>),
}

pub struct Plan {
    pub namespace: OwnedFd,
    pub namespace_key: u64,
    pub ifindex: u32,
    /// Packets enter through the interface, as if what hangs on it had sent them; else they go out through it.
    pub inbound: bool,
    pub source: Source,
    pub count: u64,
    pub pace: Pace,
    /// Shortest time between two packets.
    pub least_gap_ns: i64,
    /// How long an answer is waited for.
    pub timeout_ns: i64,
    /// Whose MAC address is asked for first; None = the probe has the address.
    pub next_hop: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Finished,
    Stopped,
    Failed(String),
}

pub(crate) struct Shared {
    pub(crate) ledger: Mutex<Ledger>,
    state: Mutex<State>,
    pub(crate) last_error: Mutex<String>,
    pub(crate) stopping: AtomicBool,
    pub(crate) wake: EventFd,
    pub(crate) news: EventFd,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run under way, or ended; dropping it ends it.
pub struct Run {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where a run is.
pub struct Progress {
    pub state: State,
    pub totals: Totals,
    /// Results since the last time.
    pub outcomes: Vec<Outcome>,
    /// Why the kernel refused the last packet that it refused.
    pub last_error: String,
}

impl Run {
    pub fn start(plan: Plan) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            ledger: Mutex::default(),
            state: Mutex::new(State::Running),
            last_error: Mutex::default(),
            stopping: AtomicBool::new(false),
            wake: EventFd::new()?,
            news: EventFd::new()?,
        });
        let inside = Arc::clone(&shared);
        let thread = Builder::new().name("inject".into()).spawn(move || {
            let ended = match Worker::open(&inside, plan).and_then(Worker::work) {
                Ok(()) if inside.stopping.load(Ordering::Relaxed) => State::Stopped,
                Ok(()) => State::Finished,
                Err(error) => State::Failed(error.to_string()),
            };
            *lock(&inside.state) = ended;
            inside.news.signal();
        })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Descriptor that is readable when `progress` has something new.
    pub fn event_fd(&self) -> i32 {
        self.shared.news.as_raw_fd()
    }

    pub fn progress(&self) -> Progress {
        self.shared.news.clear();
        // The state first: a run that has ended has no further results.
        let state = lock(&self.shared.state).clone();
        let mut ledger = lock(&self.shared.ledger);
        Progress {
            state,
            outcomes: ledger.take(),
            totals: ledger.totals.clone(),
            last_error: lock(&self.shared.last_error).clone(),
        }
    }

    /// Send nothing more, and wait until that is so.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.wake.signal();
        if let Some(thread) = lock(&self.thread).take() {
            drop(thread.join());
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop();
    }
}
