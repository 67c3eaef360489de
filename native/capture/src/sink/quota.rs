// SPDX-License-Identifier: Apache-2.0
//! The bound of all files that an agent's captures have written: interfaces come and go with their containers, and each
//! has a bound of its own, so that only one over all of them keeps the disk from filling.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{remove, EXTENSION, PART};

struct Found {
    /// Unix ns at which the file begins, as digits.
    began: String,
    path: PathBuf,
    bytes: u64,
    complete: bool,
}

/// Give up the oldest complete files of all captures' directories in `folder` while they have more than `most` bytes.
/// Nothing but files of our names is counted or touched, and no link is followed.
pub(super) fn keep_within(folder: &Path, most: u64) -> io::Result<()> {
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

/// When a file of this name begins, and whether it is complete; None for a name that we do not give.
fn ours(name: &str) -> Option<(&str, bool)> {
    let whole = name.strip_suffix(PART);
    let stem = whole.unwrap_or(name).strip_suffix(EXTENSION)?;
    let (before, number) = stem.rsplit_once('-')?;
    let (_, began) = before.rsplit_once('-')?;
    let digits = |text: &str, least: usize| {
        text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    (digits(number, 6) && digits(began, 20)).then_some((began, whole.is_none()))
}
