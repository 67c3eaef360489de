// SPDX-License-Identifier: Apache-2.0
//! Reading and keying of frames: all that needs no flow table.

use netsonde_packet::{parse_here, FrameError, Headers, Ports};

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
    pub(super) ts_ns: i64,
    pub(super) headers: Headers<'a>,
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
    /// What `first` and `inside` do, written so that each segment is moved but once: the compiler copies results of
    /// that size from function to function, which would cost as much as reading them.
    #[inline(always)]
    pub(super) fn dissect<'a>(
        &self,
        frame: Frame<'a>,
        counts: &mut Counts,
        mut out: impl FnMut(Prepared<'a>),
    ) {
        let Some(mut headers) = self.read(&frame, counts) else {
            return;
        };
        let mut outside = 0;
        loop {
            let keyed = FlowKey::of(&headers, self.mode, outside);
            let hash = keyed.key.hash(self.seed);
            out(Prepared {
                ts_ns: frame.ts_ns,
                headers,
                keyed,
                hash,
                outside,
            });
            if !headers.has_inner() {
                return;
            }
            let Some(inner) = self.read_inside(&headers, counts) else {
                return;
            };
            headers = inner;
            outside = key::inside(hash);
        }
    }

    /// Read and key the outermost segment.
    #[inline]
    pub(super) fn first<'a>(&self, frame: Frame<'a>, counts: &mut Counts) -> Option<Prepared<'a>> {
        let headers = self.read(&frame, counts)?;
        Some(self.prepare(headers, frame.ts_ns, 0))
    }

    /// Read and key the segment inside the tunnel that ends `outer`, if there is one that makes a flow.
    #[inline]
    pub(super) fn inside<'a>(
        &self,
        outer: &Prepared<'a>,
        counts: &mut Counts,
    ) -> Option<Prepared<'a>> {
        if !outer.headers.has_inner() {
            return None;
        }
        let headers = self.read_inside(&outer.headers, counts)?;
        Some(self.prepare(headers, outer.ts_ns, key::inside(outer.hash)))
    }

    #[inline(always)]
    fn read<'a>(&self, frame: &Frame<'a>, counts: &mut Counts) -> Option<Headers<'a>> {
        counts.frames = counts.frames.saturating_add(1);
        counts.bytes = counts.bytes.saturating_add(frame.wire_len.into());
        counts.latest_ns = counts.latest_ns.max(frame.ts_ns);
        let headers = parse_here(frame.link_type, frame.data, frame.wire_len, &self.ports);
        if let Some(error) = headers.error {
            counts.error(error);
        }
        if !headers.readable() {
            counts.unreadable += 1;
            return None;
        }
        Some(headers)
    }

    fn read_inside<'a>(&self, outer: &Headers<'a>, counts: &mut Counts) -> Option<Headers<'a>> {
        let headers = outer.inner(&self.ports)?;
        if let Some(error) = headers.error {
            counts.error(error);
        }
        headers.readable().then_some(headers)
    }

    #[inline]
    pub(super) fn prepare<'a>(
        &self,
        headers: Headers<'a>,
        ts_ns: i64,
        outside: u64,
    ) -> Prepared<'a> {
        let keyed = FlowKey::of(&headers, self.mode, outside);
        Prepared {
            ts_ns,
            headers,
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
