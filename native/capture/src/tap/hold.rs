// SPDX-License-Identifier: Apache-2.0
//! What keeps a look-back window open.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::Tap;
use crate::sys::mono_ns;

/// Keeps a look-back window open until a start that was asked for in time has had its turn, however long that takes.
pub struct Hold(Arc<Tap>);

impl Hold {
    /// None when the window is over. The caller holds the lock of the table of taps, so that the tap stays in it.
    pub fn on(tap: &Arc<Tap>) -> Option<Self> {
        let hold = Self(Arc::clone(tap));
        // Counted first, looked at after: whoever finds the window closed later has found this hold too.
        let others = tap.holds.fetch_add(1, Ordering::SeqCst);
        (others > 0 || mono_ns() < tap.birth.window_end_ns).then_some(hold)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::SeqCst);
    }
}
