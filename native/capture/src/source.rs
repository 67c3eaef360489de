// SPDX-License-Identifier: Apache-2.0
//! Where a tap's frames come from: a plain socket, a ring, and the change from one to the next without a loss.
//!
//! Resizing in place, or closing and opening, loses thousands of frames at 100,000 frames/s. So the new ring is opened
//! beside the old socket; the old one is then sealed and read to its end, and what the ring has of the same frames is
//! left out. A frame is stamped once, so (time stamp, length) names it in both.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, RawFd};

use crate::frame::RawFrame;
use crate::ring::{Ring, BLOCK_TIMEOUT_MS};
use crate::scratch::Scratch;
use crate::socket::{self, PacketSocket};
use crate::sys::mono_ns;

pub enum Source {
    Plain(PacketSocket),
    Ring(Box<Ring>),
}

impl Source {
    fn drain(
        &mut self,
        scratch: &mut Scratch,
        max: usize,
        sink: impl FnMut(&[RawFrame<'_>]),
    ) -> usize {
        match self {
            Self::Plain(socket) => socket.drain(scratch, max, sink),
            Self::Ring(ring) => ring.drain(max, sink),
        }
    }

    fn grace_ns(&self) -> i64 {
        match self {
            Self::Plain(_) => SOCKET_GRACE_NS,
            Self::Ring(_) => RING_GRACE_NS,
        }
    }

    /// Bytes of the ring; 0 for a plain socket.
    pub fn ring_bytes(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Ring(ring) => ring.bytes(),
        }
    }
}

impl AsRawFd for Source {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Plain(socket) => socket.as_raw_fd(),
            Self::Ring(ring) => ring.as_raw_fd(),
        }
    }
}

/// How long a sealed socket is still read, for frames that other processors were just delivering; a sealed ring also
/// has to hand over the block that was being filled.
const SOCKET_GRACE_NS: i64 = 10_000_000;
const RING_GRACE_NS: i64 = SOCKET_GRACE_NS + 2 * BLOCK_TIMEOUT_MS as i64 * 1_000_000;
/// So long after the old source's last frame no double can come any more.
const DOUBLES_NS: i64 = 1_000_000_000;
/// Frames remembered during a change; beyond, the change is given up rather than the memory.
const SEEN_LIMIT: usize = 1_000_000;

/// Frames of the old source that the new one may have too, and how often each.
#[derive(Default)]
struct Seen {
    frames: HashMap<(i64, u32), u32>,
    last_ns: i64,
}

impl Seen {
    fn add(&mut self, frame: &RawFrame<'_>) {
        *self
            .frames
            .entry((frame.ts_ns, frame.wire_len))
            .or_insert(0) += 1;
        self.last_ns = self.last_ns.max(frame.ts_ns);
    }

    /// Whether the old source had this frame; each of its frames answers once.
    fn had(&mut self, frame: &RawFrame<'_>) -> bool {
        match self.frames.get_mut(&(frame.ts_ns, frame.wire_len)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

enum Change {
    None,
    /// A ring is being opened: remember what is read from here on.
    Opening(Seen),
    /// The ring is bound, the old source sealed at this monotonic time.
    Sealed(Seen, Box<Ring>, i64),
    /// The ring has taken over; doubles are left out.
    Doubles(Seen),
}

/// The present source of a tap, and the one that is to follow it.
pub struct Feed {
    /// None once the interface's namespace was given up.
    source: Option<Source>,
    change: Change,
    /// Drops reported by sources that have been replaced, or have been read since.
    drops: u64,
}

impl Feed {
    pub fn new(socket: PacketSocket) -> Self {
        Self {
            source: Some(Source::Plain(socket)),
            change: Change::None,
            drops: 0,
        }
    }

    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Whether a ring beside the source would stamp each frame as the source does.
    pub fn is_stamped(&self) -> bool {
        match &self.source {
            Some(Source::Plain(socket)) => socket.is_stamped(),
            Some(Source::Ring(_)) => true,
            None => false,
        }
    }

    pub fn is_changing(&self) -> bool {
        !matches!(self.change, Change::None)
    }

    /// Begin to remember frames, before the next ring is opened.
    pub fn expect_ring(&mut self) {
        self.change = Change::Opening(Seen::default());
    }

    /// The ring could not be opened.
    pub fn expect_nothing(&mut self) {
        if matches!(self.change, Change::Opening(_)) {
            self.change = Change::None;
        }
    }

    /// Take the ring that was expected, already bound. It comes back when it is not wanted any more.
    pub fn follow(&mut self, ring: Box<Ring>) -> Option<Box<Ring>> {
        let seen = match (
            std::mem::replace(&mut self.change, Change::None),
            &self.source,
        ) {
            (Change::Opening(seen), Some(source)) if seen.frames.len() < SEEN_LIMIT => {
                if socket::seal(source).is_err() {
                    return Some(ring);
                }
                seen
            }
            _ => return Some(ring),
        };
        self.change = Change::Sealed(seen, ring, mono_ns());
        None
    }

    /// Give up the source; what it had unread is lost.
    pub fn take_sources(&mut self) -> (Option<Source>, Option<Box<Ring>>) {
        let ring = match std::mem::replace(&mut self.change, Change::None) {
            Change::Sealed(_, ring, _) => Some(ring),
            _ => None,
        };
        (self.source.take(), ring)
    }

    /// Frames lost in the kernel since the last call.
    pub fn take_drops(&mut self) -> u64 {
        let now = self.source.as_ref().map_or(0, socket::take_drops);
        now + std::mem::take(&mut self.drops)
    }

    /// Read at most `max` frames, in batches. A source that has been replaced goes to `replaced`, to be closed by the reaper.
    pub fn drain(
        &mut self,
        scratch: &mut Scratch,
        max: usize,
        replaced: &mut Option<Source>,
        mut sink: impl FnMut(&[RawFrame<'_>]),
    ) -> usize {
        let Some(source) = self.source.as_mut() else {
            return 0;
        };
        match &mut self.change {
            Change::None => source.drain(scratch, max, sink),
            Change::Opening(seen) => source.drain(scratch, max, |frames| {
                if seen.frames.len() < SEEN_LIMIT {
                    frames.iter().for_each(|frame| seen.add(frame));
                }
                sink(frames);
            }),
            Change::Sealed(seen, _, since) => {
                let over = mono_ns() - *since > source.grace_ns();
                let count = source.drain(scratch, max, |frames| {
                    frames.iter().for_each(|frame| seen.add(frame));
                    sink(frames);
                });
                if over && count < max {
                    *replaced = self.advance();
                }
                count
            }
            Change::Doubles(seen) => {
                let mut past = false;
                let count = source.drain(scratch, max, |frames| {
                    let last_ns = seen.last_ns;
                    past |= frames
                        .iter()
                        .any(|frame| frame.ts_ns > last_ns + DOUBLES_NS);
                    let is_new = |frame: &&RawFrame<'_>| !seen.had(frame);
                    let new: Vec<_> = frames.iter().filter(is_new).copied().collect();
                    if !new.is_empty() {
                        sink(&new);
                    }
                });
                if past {
                    self.change = Change::None;
                }
                count
            }
        }
    }

    /// Let the ring take the place of the source, which is returned.
    fn advance(&mut self) -> Option<Source> {
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Sealed(seen, ring, _) => {
                self.drops += self.source.as_ref().map_or(0, socket::take_drops);
                self.change = Change::Doubles(seen);
                self.source.replace(Source::Ring(ring))
            }
            other => {
                self.change = other;
                None
            }
        }
    }

    /// Whether a sealed source waits for its end, so that it has to be read without being asked.
    pub fn is_sealed(&self) -> bool {
        matches!(self.change, Change::Sealed(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ts_ns: i64, wire_len: u32) -> RawFrame<'static> {
        RawFrame {
            ts_ns,
            wire_len,
            data: &[],
        }
    }

    #[test]
    fn each_frame_of_the_old_source_hides_one_double() {
        let mut seen = Seen::default();
        [frame(1, 60), frame(1, 60), frame(2, 60)]
            .iter()
            .for_each(|f| seen.add(f));
        let doubles = [
            frame(1, 60),
            frame(1, 60),
            frame(1, 60),
            frame(1, 61),
            frame(3, 60),
        ];
        assert_eq!(
            doubles.map(|f| seen.had(&f)),
            [true, true, false, false, false]
        );
    }
}
