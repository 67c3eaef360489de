// SPDX-License-Identifier: Apache-2.0
//! One run: a socket on the interface, in a thread that sends at the pace and listens for answers.
//!
//! The thread visits the namespace only to make the socket, so a run keeps a namespace alive no longer than its socket
//! is open; whoever sees the namespace go stops the run.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use netsonde_capture::bpf::{dlt, Filter};
use netsonde_capture::netns::{Home, Namespace, Witness};
use netsonde_capture::socket::{attach, hardware, link_type, PacketSocket, Scratch};
use netsonde_capture::sys::{check, mono_ns, now_ns, setsockopt, EventFd};
use netsonde_packet::{LinkType, Ports};

use crate::frame::build;
use crate::inlet::Inlet;
use crate::ledger::{Ledger, Outcome, Totals};
use crate::loopback::{self, Loopback};
use crate::neighbour;
use crate::outlet;
use crate::pace::Pace;
use crate::probe::Probe;
use crate::reply;

const LATE_NS: i64 = 10_000_000;
const BATCH: usize = 256;

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

struct Shared {
    ledger: Mutex<Ledger>,
    state: Mutex<State>,
    last_error: Mutex<String>,
    stopping: AtomicBool,
    wake: EventFd,
    news: EventFd,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// How packets leave.
enum Way {
    Socket,
    Inlet(Inlet),
    Loopback(Loopback),
}

struct Worker<'a> {
    shared: &'a Shared,
    plan: Plan,
    socket: PacketSocket,
    way: Way,
    link: LinkType,
    ports: Ports,
    scratch: Scratch,
}

impl<'a> Worker<'a> {
    fn open(shared: &'a Shared, mut plan: Plan) -> io::Result<Self> {
        let home = Home::open()?;
        let file = plan.namespace.try_clone()?;
        let namespace = Namespace::new(plan.namespace_key, file, 0, Witness::Caller);
        let socket = namespace.within(&home, PacketSocket::open)?;
        if !plan.inbound {
            // Our own packets are no answers; kernels before 4.20 refuse, and then they are read and dismissed.
            drop(setsockopt(
                &socket,
                libc::SOL_PACKET,
                libc::PACKET_IGNORE_OUTGOING,
                &1i32,
            ));
        }
        socket.bind(plan.ifindex)?;
        let hardware = hardware(&socket)?;
        let link = link_type(hardware);
        if let LinkType::Other(_) = link {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "packets can be sent through Ethernet and IP interfaces only",
            ));
        }
        if link != LinkType::Ethernet {
            if plan.inbound {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "packets can enter through Ethernet interfaces only",
                ));
            }
            plan.next_hop = None;
        }
        let wanted = match &plan.source {
            Source::Probe(probe) => reply::wanted(probe.kind),
            Source::Frames(_) => "less 1",
        };
        if let Ok(filter) = Filter::compile(wanted, dlt(link)) {
            attach(&socket, &filter.kernel_program())?;
        }
        if let Source::Probe(probe) = &plan.source {
            lock(&shared.ledger).tells_others = reply::is_heard_by_all(probe);
        }
        let way = Self::way(&mut plan, home, namespace, hardware)?;
        Ok(Self {
            shared,
            plan,
            socket,
            way,
            link,
            ports: Ports::default(),
            scratch: Scratch::default(),
        })
    }

    fn way(plan: &mut Plan, home: Home, namespace: Namespace, hardware: u16) -> io::Result<Way> {
        if plan.inbound {
            return Ok(Way::Inlet(Inlet::open(home, namespace, plan.ifindex)?));
        }
        let Source::Probe(probe) = &mut plan.source else {
            return Ok(Way::Socket);
        };
        let Some(target) = loopback::target_of(probe, hardware) else {
            return Ok(Way::Socket);
        };
        probe.vlan_tci = None;
        let opened = namespace.within(&home, || Loopback::open(target))?;
        Ok(Way::Loopback(opened))
    }

    fn work(mut self) -> io::Result<()> {
        self.resolve()?;
        let start_ns = mono_ns();
        let mut next_ns = start_ns;
        let mut index = 0;
        while !self.is_stopping() {
            if index < self.plan.count {
                let now_ns = mono_ns();
                if now_ns >= next_ns {
                    self.send(index, now_ns - next_ns)?;
                    index += 1;
                    let due = start_ns.saturating_add(self.plan.pace.due(index));
                    next_ns = due.max(now_ns.saturating_add(self.plan.least_gap_ns));
                }
            }
            if index >= self.plan.count && lock(&self.shared.ledger).oldest_ns().is_none() {
                break;
            }
            let until = if index < self.plan.count {
                next_ns
            } else {
                i64::MAX
            };
            self.listen(until)?;
        }
        lock(&self.shared.ledger).expire(i64::MAX);
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Ask for the next hop's MAC address, if the plan does not know it.
    fn resolve(&mut self) -> io::Result<()> {
        let (Some(hop), Source::Probe(probe)) = (self.plan.next_hop, &self.plan.source) else {
            return Ok(());
        };
        let question = neighbour::question(probe, hop)?;
        for _ in 0..neighbour::TRIES {
            self.transmit(&question)?;
            if let Some(mac) = self.hear_neighbour(hop, mono_ns() + neighbour::WAIT_NS)? {
                if let Source::Probe(probe) = &mut self.plan.source {
                    probe.target_mac = mac;
                }
                return Ok(());
            }
            if self.is_stopping() {
                return Ok(());
            }
        }
        let how = if hop.is_ipv4() {
            "ARP"
        } else {
            "neighbour discovery"
        };
        Err(io::Error::new(
            io::ErrorKind::HostUnreachable,
            format!("nobody answers {how} for {hop} on the interface"),
        ))
    }

    fn hear_neighbour(&mut self, hop: IpAddr, until_ns: i64) -> io::Result<Option<[u8; 6]>> {
        let mut found = None;
        while found.is_none() && mono_ns() < until_ns && !self.is_stopping() {
            self.wait(until_ns)?;
            let ports = &self.ports;
            self.socket.drain(&mut self.scratch, BATCH, |frame| {
                found = found.or_else(|| neighbour::answer(hop, ports, frame.data));
            });
        }
        Ok(found)
    }

    fn send(&self, index: u64, late_ns: i64) -> io::Result<()> {
        let built;
        let (frame, key) = match &self.plan.source {
            Source::Probe(probe) => {
                built = build(probe, index);
                (built.as_slice(), Some(reply::key_of(probe, index)))
            }
            Source::Frames(frames) => {
                let frame = frames.get((index % frames.len().max(1) as u64) as usize);
                (frame.map_or(&[][..], Vec::as_slice), None)
            }
        };
        let sent_ns = now_ns();
        let result = self.transmit(frame);
        let mut ledger = lock(&self.shared.ledger);
        ledger.totals.late += u64::from(late_ns > LATE_NS);
        match result {
            Ok(()) => {
                ledger.sent(frame.len());
                if let Some(key) = key {
                    ledger.expect(index, key, sent_ns);
                }
            }
            Err(error) if outlet::is_final(&error) => return Err(error),
            Err(error) => {
                ledger.totals.failed += 1;
                *lock(&self.shared.last_error) = error.to_string();
            }
        }
        drop(ledger);
        self.shared.news.signal();
        Ok(())
    }

    fn transmit(&self, frame: &[u8]) -> io::Result<()> {
        match &self.way {
            Way::Inlet(inlet) => inlet.enter(frame),
            Way::Loopback(loopback) => loopback.send(frame),
            Way::Socket => outlet::send(&self.socket, self.plan.ifindex, frame, self.link),
        }
    }

    /// Take answers until `until_ns` or until one has come; give up what waited too long.
    fn listen(&mut self, until_ns: i64) -> io::Result<()> {
        let timeout_ns = self.plan.timeout_ns;
        let oldest_ns = lock(&self.shared.ledger).oldest_ns();
        let expiry = oldest_ns.map_or(i64::MAX, |sent_ns| {
            mono_ns() + (sent_ns + timeout_ns + 1 - now_ns()).max(0)
        });
        self.wait(until_ns.min(expiry))?;
        let Source::Probe(probe) = &self.plan.source else {
            // Nothing answers; but an error that waits on the socket would wake us for ever.
            self.socket.drain(&mut self.scratch, BATCH, |_| {});
            return Ok(());
        };
        let (ports, link, shared) = (&self.ports, self.link, self.shared);
        let mut is_news = false;
        self.socket.drain(&mut self.scratch, BATCH, |frame| {
            if let Some(seen) = reply::read(probe, ports, link, frame.data, frame.wire_len) {
                lock(&shared.ledger).answered(seen, frame.ts_ns);
                is_news = true;
            }
        });
        let mut ledger = lock(&shared.ledger);
        let lost = ledger.totals.lost;
        ledger.expire(now_ns() - timeout_ns);
        if is_news || ledger.totals.lost > lost {
            shared.news.signal();
        }
        Ok(())
    }

    /// Wait until something came, somebody stops the run, or the monotonic time is there.
    fn wait(&self, until_ns: i64) -> io::Result<()> {
        const LONGEST_NS: i64 = 1_000_000_000;
        let left = (until_ns.saturating_sub(mono_ns())).clamp(0, LONGEST_NS);
        let limit = libc::timespec {
            tv_sec: left / 1_000_000_000,
            tv_nsec: left % 1_000_000_000,
        };
        let mut waited =
            [self.socket.as_raw_fd(), self.shared.wake.as_raw_fd()].map(|fd| libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            });
        // SAFETY: the array and the limit are valid during the call; no signal mask is given.
        let result = unsafe {
            libc::ppoll(
                waited.as_mut_ptr(),
                waited.len() as libc::nfds_t,
                &limit,
                std::ptr::null(),
            )
        };
        match check(result) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}
