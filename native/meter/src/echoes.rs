// SPDX-License-Identifier: Apache-2.0
//! Round trips by the timestamps of TCP (RFC 7323), where numbers tell none: of acknowledgements, which nobody
//! acknowledges, and of repeated segments, of which a number does not say which copy arrived (RFC 6298 §3).

use netsonde_packet::Tcp;

/// Segments with payload that the other side has sent before acknowledgements are timed: shorter connections keep no
/// memory for it.
pub(crate) const BULK: u32 = 32;
/// A sample counts if it is at most a quarter too long.
const DOUBT: i64 = 4;

/// What is awaited of the stamps of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Echoes {
    /// The latest stamp of this side, of which a further segment is not the first.
    latest: u32,
    /// The stamp whose echo is awaited, and when it passed; 0 = none.
    stamp: u32,
    passed_ns: i64,
    /// When the other side last sent payload with an older echo; 0 = never since.
    older_ns: i64,
    /// The stamp of a repeated segment whose acknowledgement is awaited, and which may have to be told from its
    /// first copy's.
    copy: Option<u32>,
}

impl Echoes {
    /// This side acknowledges without sending anything itself.
    pub(crate) fn acknowledges(&mut self, stamp: u32, ts_ns: i64) {
        if self.passed_ns == 0 && is_newer(stamp, self.latest) {
            (self.stamp, self.passed_ns, self.older_ns) = (stamp, ts_ns, 0);
        }
        self.latest = stamp;
    }

    /// The other side sends payload, and with it the latest stamp that it knew; return how long that took.
    ///
    /// A sender that has nothing to say echoes late. What it said before, with an older echo, shows how late at most:
    /// a sample is taken where that leaves little doubt.
    pub(crate) fn echoed(&mut self, echo: u32, ts_ns: i64) -> Option<i64> {
        if self.passed_ns == 0 {
            return None;
        }
        if is_newer(self.stamp, echo) {
            self.older_ns = ts_ns;
            return None;
        }
        let took_ns = ts_ns - std::mem::take(&mut self.passed_ns);
        let is_sure = self.older_ns != 0 && (ts_ns - self.older_ns) * DOUBT <= took_ns;
        is_sure.then_some(took_ns)
    }

    /// A segment is repeated. False = without a stamp nobody will know which copy is acknowledged.
    pub(crate) fn repeats(&mut self, tcp: &Tcp) -> bool {
        self.copy = tcp.is_stamped.then_some(tcp.stamp);
        tcp.is_stamped
    }

    /// Whether an acknowledgement is that of what was timed, and not of an earlier copy.
    pub(crate) fn is_of_copy(&mut self, tcp: &Tcp) -> bool {
        match self.copy.take() {
            None => true,
            Some(stamp) => tcp.is_stamped && !is_newer(stamp, tcp.echo),
        }
    }
}

/// Stamps wrap as sequence numbers do.
fn is_newer(stamp: u32, than: u32) -> bool {
    stamp.wrapping_sub(than) as i32 > 0
}
