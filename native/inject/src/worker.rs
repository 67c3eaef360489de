// SPDX-License-Identifier: Apache-2.0
//! The thread of a run: a socket on the interface, through which it sends at the pace and listens for answers.
//!
//! It visits the namespace only to make the socket, so a run keeps a namespace alive no longer than its socket is open;
//! whoever sees the namespace go stops the run.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use netsonde_capture::bpf::{dlt, Filter};
use netsonde_capture::netns::{Home, Namespace, Witness};
use netsonde_capture::scratch::Scratch;
use netsonde_capture::socket::{attach, hardware, link_type, PacketSocket};
use netsonde_capture::sys::{check, mono_ns, now_ns, setsockopt};
use netsonde_packet::{LinkType, Ports};

use crate::frame::build;
use crate::inlet::Inlet;
use crate::loopback::{self, Loopback};
use crate::neighbour;
use crate::outlet;
use crate::reply;
use crate::run::{lock, Plan, Shared, Source};

const LATE_NS: i64 = 10_000_000;
const BATCH: usize = 256;

/// How packets leave.
enum Way {
    Socket,
    Inlet(Inlet),
    Loopback(Loopback),
}

pub(crate) struct Worker<'a> {
    shared: &'a Shared,
    plan: Plan,
    socket: PacketSocket,
    way: Way,
    link: LinkType,
    ports: Ports,
    scratch: Scratch,
}

impl<'a> Worker<'a> {
    pub(crate) fn open(shared: &'a Shared, mut plan: Plan) -> io::Result<Self> {
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

    pub(crate) fn work(mut self) -> io::Result<()> {
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
            self.socket.drain(&mut self.scratch, BATCH, |frames| {
                let mut answers = frames
                    .iter()
                    .filter_map(|frame| neighbour::answer(hop, ports, frame.data));
                found = found.or_else(|| answers.next());
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
        self.socket.drain(&mut self.scratch, BATCH, |frames| {
            for frame in frames {
                if let Some(seen) = reply::read(probe, ports, link, frame.data, frame.wire_len) {
                    lock(&shared.ledger).answered(seen, frame.ts_ns);
                    is_news = true;
                }
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
