// SPDX-License-Identifier: Apache-2.0
//! The beginning of a capture that listens: its socket, and what its thread waits for.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use netsonde_meter::Workers;
use netsonde_packet::LinkType;

use super::{Collector, Datagrams, Inner, Source, SourceKind, Streams, SOCKET, WAKE};
use crate::budget::Budget;
use crate::ebpf::KernelMeter;
use crate::event::Point;
use crate::pi_mutex::PiMutex;
use crate::shared::Shared;
use crate::sink::Sink;
use crate::subscription::{CaptureOptions, Identity, Subscription};
use crate::sys::{mono_ns, Epoll, EventFd};

pub struct ListenRequest {
    pub point: Point,
    pub ifname: String,
    pub node_tid: String,
    pub options: CaptureOptions,
    pub kind: SourceKind,
    /// Port 0 = any free one.
    pub address: SocketAddr,
}

/// Bind the socket of a capture, which `run` reads. The error is a filter's mistake or the system's.
pub fn open(
    shared: &Arc<Shared>,
    request: ListenRequest,
    sinks: Vec<Arc<Sink>>,
) -> Result<Arc<Collector>, String> {
    let ListenRequest {
        point,
        ifname,
        node_tid,
        options,
        kind,
        address,
    } = request;
    let identity = Identity {
        point: point.clone(),
        ifname,
        node_tid,
        host: shared.config.host.clone(),
        link_type: LinkType::Ethernet,
        armed_before_up: false,
    };
    let options = CaptureOptions {
        every_frame: kind == SourceKind::Streams,
        ..options
    };
    let memory = Arc::clone(&shared.kept_memory);
    let subscription =
        Subscription::new(identity, options, memory, sinks, Arc::new(Workers::alone()))?;
    let failed = |error: io::Error| format!("cannot listen on {address}: {error}");
    let (source, address) = bind(kind, address).map_err(failed)?;
    let (epoll, wake) = waits(&source).map_err(failed)?;
    Ok(Arc::new(Collector {
        point,
        address: Some(address),
        bound_ns: mono_ns(),
        inner: PiMutex::new(Inner { subscription }),
        source,
        stopping: AtomicBool::new(false),
        epoll,
        wake,
    }))
}

/// Make a capture of what the kernel counts, which `run` reads. The error is a filter's mistake or the system's.
pub fn counting(
    identity: Identity,
    options: CaptureOptions,
    memory: Arc<Budget>,
    sinks: Vec<Arc<Sink>>,
    kernel: KernelMeter,
) -> Result<Arc<Collector>, String> {
    let options = CaptureOptions {
        every_frame: false,
        ..options
    };
    let point = identity.point.clone();
    let subscription =
        Subscription::new(identity, options, memory, sinks, Arc::new(Workers::alone()))?;
    let source = Source::Kernel(kernel);
    let (epoll, wake) = waits(&source).map_err(|error| error.to_string())?;
    Ok(Arc::new(Collector {
        point,
        address: None,
        bound_ns: mono_ns(),
        inner: PiMutex::new(Inner { subscription }),
        source,
        stopping: AtomicBool::new(false),
        epoll,
        wake,
    }))
}

/// What a collector's thread waits for: its socket, and being woken.
fn waits(source: &Source) -> io::Result<(Epoll, EventFd)> {
    let (epoll, wake) = (Epoll::new()?, EventFd::new()?);
    match source {
        Source::Datagrams(datagrams) => epoll.add(datagrams.socket(), SOCKET)?,
        Source::Streams(streams) => epoll.add(streams.listener(), SOCKET)?,
        Source::Kernel(_) => {}
    }
    epoll.add(&wake, WAKE)?;
    Ok((epoll, wake))
}

fn bind(kind: SourceKind, address: SocketAddr) -> io::Result<(Source, SocketAddr)> {
    if kind == SourceKind::Streams {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        return Ok((Source::Streams(Streams::new(listener)?), address));
    }
    let socket = UdpSocket::bind(address)?;
    let address = socket.local_addr()?;
    Ok((Source::Datagrams(Datagrams::new(socket, kind)?), address))
}
