// SPDX-License-Identifier: Apache-2.0
//! Reading and keying of frames: all that needs no flow table.

use netsonde_packet::{FrameError, Headers, Ports};

use super::Frame;
use crate::config::{LayerKeyMode, MeterConfig};
use crate::key::{self, FlowKey, Keyed};

/// Reads and keys frames for the meters that have its seed, on any thread.
#[derive(Clone)]
pub(crate) struct Dissector {
    ports: Ports,
    mode: LayerKeyMode,
    /// That of the meter's table.
    seed: u64,
}

/// What was seen of frames, whatever flow they belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) unreadable: u64,
    pub(super) truncated: u64,
    pub(super) malformed: u64,
    pub(super) latest_ns: i64,
}

/// A segment read and keyed, on its way to its flow.
pub(super) struct Prepared<'a> {
    pub(super) headers: Headers<'a>,
    pub(super) seal: Seal,
}

/// When a segment was seen, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Seal {
    pub(super) ts_ns: i64,
    pub(super) keyed: Keyed,
    pub(super) hash: u64,
    /// What its key was told of the segment around it.
    pub(super) outside: u64,
}

impl Dissector {
    pub(super) fn new(config: &MeterConfig, seed: u64) -> Self {
        Self {
            ports: config.ports.clone(),
            mode: config.layer_key_mode,
            seed,
        }
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Read and key a frame, and what is in its tunnels.
    ///
    /// What `first` and `inside` do, written so that each segment is copied but once, and not at once: to load what was
    /// stored in smaller parts a moment ago, a processor waits until it has left its pipeline.
    #[inline(always)]
    pub(super) fn dissect<'a>(
        &self,
        frame: Frame<'a>,
        counts: &mut Counts,
        mut out: impl FnMut(&Headers<'a>, Seal),
    ) {
        let mut headers = Headers::unread(frame.data, frame.wire_len);
        if !self.read(&mut headers, &frame, counts) {
            return;
        }
        let mut outside = 0;
        loop {
            let seal = self.seal(&headers, frame.ts_ns, outside);
            out(&headers, seal);
            if !headers.has_inner() || !self.read_inside(&mut headers, counts) {
                return;
            }
            outside = key::inside(seal.hash);
        }
    }

    /// Read and key the outermost segment.
    #[inline]
    pub(super) fn first<'a>(&self, frame: Frame<'a>, counts: &mut Counts) -> Option<Prepared<'a>> {
        let mut headers = Headers::unread(frame.data, frame.wire_len);
        let readable = self.read(&mut headers, &frame, counts);
        readable.then(|| self.prepare(headers, frame.ts_ns, 0))
    }

    /// Read and key the segment inside the tunnel that ends `outer`, if there is one that makes a flow.
    #[inline]
    pub(super) fn inside<'a>(
        &self,
        outer: &Prepared<'a>,
        counts: &mut Counts,
    ) -> Option<Prepared<'a>> {
        let mut headers = outer.headers;
        let readable = headers.has_inner() && self.read_inside(&mut headers, counts);
        let Seal { ts_ns, hash, .. } = outer.seal;
        readable.then(|| self.prepare(headers, ts_ns, key::inside(hash)))
    }

    /// Read a frame; false = it makes no flow.
    #[inline(always)]
    fn read(&self, headers: &mut Headers<'_>, frame: &Frame<'_>, counts: &mut Counts) -> bool {
        counts.frames = counts.frames.saturating_add(1);
        counts.bytes = counts.bytes.saturating_add(frame.wire_len.into());
        counts.latest_ns = counts.latest_ns.max(frame.ts_ns);
        headers.read(frame.link_type, &self.ports);
        if let Some(error) = headers.error {
            counts.error(error);
        }
        let readable = headers.readable();
        counts.unreadable += u64::from(!readable);
        readable
    }

    /// Read what is inside a tunnel, in the place of its header; false = it makes no flow.
    fn read_inside(&self, headers: &mut Headers<'_>, counts: &mut Counts) -> bool {
        if !headers.enter_tunnel(&self.ports) {
            return false;
        }
        if let Some(error) = headers.error {
            counts.error(error);
        }
        headers.readable()
    }

    #[inline]
    pub(super) fn prepare<'a>(
        &self,
        headers: Headers<'a>,
        ts_ns: i64,
        outside: u64,
    ) -> Prepared<'a> {
        let seal = self.seal(&headers, ts_ns, outside);
        Prepared { headers, seal }
    }

    #[inline(always)]
    fn seal(&self, headers: &Headers<'_>, ts_ns: i64, outside: u64) -> Seal {
        let keyed = FlowKey::of(headers, self.mode, outside);
        Seal {
            ts_ns,
            keyed,
            hash: keyed.key.hash(self.seed),
            outside,
        }
    }
}

impl Counts {
    #[cold]
    pub(super) fn error(&mut self, error: FrameError) {
        match error {
            FrameError::Truncated { .. } => self.truncated += 1,
            FrameError::Malformed { .. } => self.malformed += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.frames = self.frames.saturating_add(other.frames);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.unreadable += other.unreadable;
        self.truncated += other.truncated;
        self.malformed += other.malformed;
        self.latest_ns = self.latest_ns.max(other.latest_ns);
    }
}
