// SPDX-License-Identifier: Apache-2.0
//! Why a file could not be read to its end.

use std::fmt;

/// Where a file stops making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset in the file where the damaged record begins.
    pub offset: u64,
    /// Packets delivered before it.
    pub packets: u64,
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "damaged at byte {}, after {} packets: {}",
            self.offset, self.packets, self.reason
        )
    }
}

#[derive(Debug)]
pub enum ReadError {
    Io(std::io::Error),
    Damage(Damage),
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Damage(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}
