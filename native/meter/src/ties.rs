// SPDX-License-Identifier: Apache-2.0
//! What flows tell of each other, whatever ends they have: leases of addresses, and who has which. Meters that share
//! their frames share this too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::lease::Leases;
use crate::neighbors::Neighbors;

#[derive(Default)]
pub(crate) struct Ties(Mutex<Known>);

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) leases: Leases,
    pub(crate) neighbors: Neighbors,
}

impl Ties {
    /// A panic elsewhere leaves nothing worse than an exchange told in part: go on.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
