// SPDX-License-Identifier: Apache-2.0
//! When files take turns, and how much of them there may be.

use std::path::PathBuf;

use super::current::Current;

/// 0 = no limit, but for the bytes of all files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    pub directory: PathBuf,
    /// After so many bytes, ns or packets the next file is begun.
    pub rotate_bytes: u64,
    pub rotate_ns: i64,
    pub rotate_packets: u64,
    /// Bytes of all files of this interface, the current one included; at least 1 MiB.
    pub total_bytes: u64,
    /// Bytes of all files in all directories beside this one; 0 = no limit.
    pub all_bytes: u64,
}

const LEAST_TOTAL: u64 = 1 << 20;

impl FileSpec {
    /// With bounds that can be kept.
    pub(super) fn bounded(&self) -> Self {
        let total_bytes = self.total_bytes.max(LEAST_TOTAL);
        Self {
            total_bytes,
            // A file that fills all the room could only be given up as a whole.
            rotate_bytes: bounded(self.rotate_bytes, total_bytes / 4),
            ..self.clone()
        }
    }

    /// Whether a file has had its turn.
    pub(super) fn is_over(&self, file: &Current, now_ns: i64) -> bool {
        let over = |limit: u64, value: u64| limit > 0 && value >= limit;
        let age_ns = now_ns.saturating_sub(file.began_ns);
        over(self.rotate_bytes, file.size())
            || over(self.rotate_packets, file.packets)
            || (self.rotate_ns > 0 && age_ns >= self.rotate_ns)
    }
}

fn bounded(limit: u64, most: u64) -> u64 {
    if limit == 0 {
        most
    } else {
        limit.min(most)
    }
}
