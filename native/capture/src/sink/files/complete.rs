// SPDX-License-Identifier: Apache-2.0
//! The complete files of one interface, of this run and of those before it, and their bound.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::current::is_written;
use super::names;

/// Files of one interface: small ones fill a disk by their number.
const MOST_FILES: usize = 10_000;

#[derive(Default)]
pub(super) struct Complete {
    /// Files and their sizes, oldest first.
    files: VecDeque<(PathBuf, u64)>,
    /// One more was being written by someone else, and is not among them.
    pub(super) lacks: bool,
}

impl Complete {
    /// Find what a former run left here, and give unfinished files their names: they are whole up to their last block.
    /// A sink that ends while this one begins still writes its own, and gives it its name itself.
    pub(super) fn take_over(directory: &Path, prefix: &str) -> io::Result<Self> {
        let mut found = Vec::new();
        let mut lacks = false;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let ours = name.filter(|name| name.starts_with(prefix));
            match ours.and_then(names::ours) {
                Some((_, true)) => found.push(path),
                Some((_, false)) if is_written(&path) => lacks = true,
                Some((_, false)) => {
                    let complete = names::completed(&path);
                    fs::rename(&path, &complete)?;
                    found.push(complete);
                }
                None => {}
            }
        }
        found.sort();
        let sized = |path: PathBuf| {
            // Of a link, the link itself.
            let size = fs::symlink_metadata(&path)?.len();
            Ok((path, size))
        };
        let files = found.into_iter().map(sized).collect::<io::Result<_>>()?;
        Ok(Self { files, lacks })
    }

    pub(super) fn push(&mut self, file: (PathBuf, u64)) {
        self.files.push_back(file);
    }

    /// Give up the oldest files while they have more bytes than that, or are too many.
    pub(super) fn keep_within(&mut self, most: u64) -> io::Result<()> {
        let mut total: u64 = self.files.iter().map(|(_, size)| size).sum();
        while total > most || self.files.len() > MOST_FILES {
            let Some((oldest, size)) = self.files.pop_front() else {
                break;
            };
            remove(&oldest)?;
            total -= size;
        }
        Ok(())
    }
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_bounded_by_their_number() {
        let mut complete = Complete::default();
        for number in 0..MOST_FILES + 5 {
            complete.push((PathBuf::from(format!("/nonexistent/{number}")), 1));
        }
        assert!(complete.keep_within(u64::MAX).is_ok());
        assert_eq!(complete.files.len(), MOST_FILES);
    }
}
