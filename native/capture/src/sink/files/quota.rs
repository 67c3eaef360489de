// SPDX-License-Identifier: Apache-2.0
//! The bound of all files that an agent's captures have written: interfaces come and go with their containers, and each
//! has a bound of its own, so that only one over all of them keeps the disk from filling.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::complete::remove;
use super::names::ours;
use super::FileSpec;

/// Looks at the files of all captures are that far apart at least.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Quota {
    /// Of all captures' directories.
    folder: Option<PathBuf>,
    /// Bytes; 0 = no limit.
    most: u64,
    /// Whether files were completed since the last look, and when that was.
    has_more: bool,
    looked: Option<Instant>,
}

impl Quota {
    pub(super) fn new(spec: &FileSpec) -> Self {
        Self {
            folder: spec.directory.parent().map(Path::to_path_buf),
            most: spec.all_bytes,
            has_more: true,
            looked: None,
        }
    }

    /// A file was completed.
    pub(super) fn add(&mut self) {
        self.has_more = true;
    }

    /// Keep the bound, now and then.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        let is_soon = self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        if self.most == 0 || !self.has_more || is_soon {
            return Ok(());
        }
        (self.has_more, self.looked) = (false, Some(Instant::now()));
        keep_within(folder, self.most)
    }
}

struct Found {
    /// Unix ns at which the file begins, as digits.
    began: String,
    path: PathBuf,
    bytes: u64,
    complete: bool,
}

/// Give up the oldest complete files of all captures' directories in `folder` while they have more than `most` bytes.
/// Nothing but files of our names is counted or touched, and no link is followed.
fn keep_within(folder: &Path, most: u64) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), &mut found);
        }
    }
    let mut total: u64 = found.iter().map(|file| file.bytes).sum();
    found.retain(|file| file.complete);
    found.sort_by(|a, b| a.began.cmp(&b.began));
    for file in found {
        if total <= most {
            break;
        }
        remove(&file.path)?;
        total -= file.bytes;
    }
    Ok(())
}

/// A directory or file that goes away meanwhile is none any more.
fn collect(directory: &Path, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((began, complete)) = name.to_str().and_then(ours) else {
            continue;
        };
        // Of a link, the link itself.
        if let Ok(about) = entry.metadata() {
            if about.is_file() {
                found.push(Found {
                    began: began.to_owned(),
                    path: entry.path(),
                    bytes: about.len(),
                    complete,
                });
            }
        }
    }
}
