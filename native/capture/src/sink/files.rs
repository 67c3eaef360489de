// SPDX-License-Identifier: Apache-2.0
//! Packets written to pcapng files that take turns. A file gets its name when it is complete; on disk there is never
//! more than the bound, the oldest files going first.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use netsonde_pcapfile::{PcapngWriter, RawPacket};

use super::{Copied, Outlet};

const LINK_TYPE_ETHERNET: u16 = 1;
/// What is written at once, unless there is nothing more to write.
const WRITE_BYTES: usize = 256 << 10;
const PART: &str = ".part";
const EXTENSION: &str = ".pcapng";

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
}

const LEAST_TOTAL: u64 = 1 << 20;

pub(super) struct Files {
    spec: FileSpec,
    ifname: String,
    /// Beginning of the names of this interface's files.
    prefix: String,
    /// Complete files and their sizes, oldest first.
    complete: VecDeque<(PathBuf, u64)>,
    current: Option<Current>,
    number: u64,
}

struct Current {
    file: File,
    part: PathBuf,
    writer: PcapngWriter,
    pending: Vec<u8>,
    bytes: u64,
    packets: u64,
    began_ns: i64,
}

impl Files {
    pub(super) fn open(spec: &FileSpec, ifname: &str, ifindex: u32) -> io::Result<Self> {
        let spec = FileSpec {
            total_bytes: spec.total_bytes.max(LEAST_TOTAL),
            // A file that fills all the room could only be given up as a whole.
            rotate_bytes: bounded(spec.rotate_bytes, spec.total_bytes.max(LEAST_TOTAL) / 4),
            ..spec.clone()
        };
        fs::create_dir_all(&spec.directory)?;
        let mut files = Self {
            prefix: format!("{}-{ifindex}-", plain(ifname)),
            ifname: ifname.to_owned(),
            spec,
            complete: VecDeque::new(),
            current: None,
            number: 0,
        };
        files.take_over()?;
        Ok(files)
    }

    /// Count what a former run left here, and give unfinished files their names: they are whole up to their last block.
    fn take_over(&mut self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.spec.directory)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !name.starts_with(&self.prefix) {
                continue;
            }
            match name.strip_suffix(PART) {
                Some(complete) => {
                    let complete = self.spec.directory.join(complete);
                    fs::rename(&path, &complete)?;
                    found.push(complete);
                }
                None if name.ends_with(EXTENSION) => found.push(path),
                None => {}
            }
        }
        found.sort();
        for path in found {
            let size = fs::metadata(&path)?.len();
            self.complete.push_back((path, size));
        }
        Ok(())
    }

    fn current(&mut self, ts_ns: i64) -> io::Result<&mut Current> {
        if self.current.is_none() {
            self.current = Some(self.begin(ts_ns)?);
        }
        self.current
            .as_mut()
            .ok_or_else(|| io::Error::other("no file"))
    }

    fn begin(&mut self, ts_ns: i64) -> io::Result<Current> {
        // Names sort by time; the number tells files of one instant apart.
        let name = format!(
            "{}{:020}-{:06}{EXTENSION}",
            self.prefix,
            ts_ns.max(0),
            self.number
        );
        self.number += 1;
        let part = self.spec.directory.join(name + PART);
        let file = File::options().write(true).create_new(true).open(&part)?;
        let mut writer = PcapngWriter::new("netsonde", "");
        writer.interface(LINK_TYPE_ETHERNET, &self.ifname, "");
        Ok(Current {
            file,
            part,
            pending: writer.take(),
            writer,
            bytes: 0,
            packets: 0,
            began_ns: ts_ns,
        })
    }

    fn is_due(&self, now_ns: i64) -> bool {
        let Some(current) = &self.current else {
            return false;
        };
        let over = |limit: u64, value: u64| limit > 0 && value >= limit;
        let age_ns = now_ns.saturating_sub(current.began_ns);
        over(self.spec.rotate_bytes, current.size())
            || over(self.spec.rotate_packets, current.packets)
            || (self.spec.rotate_ns > 0 && age_ns >= self.spec.rotate_ns)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        current.flush()?;
        let complete = PathBuf::from(current.part.to_string_lossy().trim_end_matches(PART));
        fs::rename(&current.part, &complete)?;
        self.complete.push_back((complete, current.bytes));
        self.make_room()
    }

    /// Give up the oldest files while there is more than the bound, a file's worth for the next one included.
    fn make_room(&mut self) -> io::Result<()> {
        let mut total: u64 = self.complete.iter().map(|(_, size)| size).sum();
        while total + self.spec.rotate_bytes > self.spec.total_bytes {
            let Some((oldest, size)) = self.complete.pop_front() else {
                break;
            };
            remove(&oldest)?;
            total -= size;
        }
        Ok(())
    }
}

impl Current {
    fn size(&self) -> u64 {
        self.bytes + self.pending.len() as u64
    }

    fn flush(&mut self) -> io::Result<()> {
        // What could not be written is given up: a full disk must not fill memory.
        let pending = std::mem::take(&mut self.pending);
        self.file.write_all(&pending)?;
        self.bytes += pending.len() as u64;
        Ok(())
    }
}

impl Outlet for Files {
    fn frame(&mut self, frame: &Copied) -> io::Result<u64> {
        let current = self.current(frame.ts_ns)?;
        let packet = RawPacket {
            ts_ns: frame.ts_ns,
            wire_len: frame.wire_len,
            data: &frame.data,
        };
        current.writer.packet(0, &packet, "");
        let block = current.writer.take();
        current.pending.extend(block);
        current.packets += 1;
        if current.pending.len() >= WRITE_BYTES {
            current.flush()?;
        }
        if self.is_due(frame.ts_ns) {
            self.rotate()?;
        }
        Ok(1)
    }

    fn idle(&mut self, now_ns: i64) -> io::Result<()> {
        if self.is_due(now_ns) {
            return self.rotate();
        }
        match &mut self.current {
            Some(current) => current.flush(),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.rotate()
    }
}

fn bounded(limit: u64, most: u64) -> u64 {
    if limit == 0 {
        most
    } else {
        limit.min(most)
    }
}

/// A name without what means something in paths.
fn plain(name: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(keep).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A directory of its own for each test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("netsonde-files-{}-{number}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn spec(&self) -> FileSpec {
            FileSpec {
                directory: self.0.clone(),
                rotate_bytes: 0,
                rotate_ns: 0,
                rotate_packets: 0,
                total_bytes: 1 << 20,
            }
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("the directory is there");
            let mut names: Vec<_> = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }

        fn bytes(&self) -> u64 {
            let size = |name: &String| fs::metadata(self.0.join(name)).map_or(0, |data| data.len());
            self.names().iter().map(size).sum()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn frame(ts_ns: i64, length: usize) -> Copied {
        Copied {
            ts_ns,
            wire_len: length as u32,
            data: vec![7; length],
        }
    }

    fn open(spec: &FileSpec) -> Files {
        Files::open(spec, "eth0.1/..", 3).expect("the directory can be written")
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_complete() {
        let scratch = Scratch::new();
        let spec = FileSpec {
            rotate_packets: 2,
            ..scratch.spec()
        };
        let mut files = open(&spec);
        assert_eq!(files.frame(&frame(5, 60)).ok(), Some(1));
        assert!(files.idle(5).is_ok());
        assert_eq!(
            scratch.names(),
            ["eth0_1___-3-00000000000000000005-000000.pcapng.part"]
        );
        assert!(files.frame(&frame(6, 60)).is_ok() && files.frame(&frame(7, 60)).is_ok());
        assert!(files.finish().is_ok());
        assert_eq!(
            scratch.names(),
            [
                "eth0_1___-3-00000000000000000005-000000.pcapng",
                "eth0_1___-3-00000000000000000007-000001.pcapng"
            ]
        );
    }

    #[test]
    fn files_take_turns_by_time_without_packets() {
        let scratch = Scratch::new();
        let spec = FileSpec {
            rotate_ns: 1000,
            ..scratch.spec()
        };
        let mut files = open(&spec);
        assert!(files.frame(&frame(5, 60)).is_ok() && files.idle(1005).is_ok());
        assert!(scratch.names()[0].ends_with(EXTENSION));
    }

    #[test]
    fn the_disk_bound_holds_and_the_oldest_go_first() {
        let scratch = Scratch::new();
        let mut files = open(&scratch.spec());
        for number in 0..4000 {
            assert!(files.frame(&frame(number, 1000)).is_ok());
            assert!(number % 500 != 0 || scratch.bytes() <= 1 << 20);
        }
        assert!(files.finish().is_ok() && scratch.bytes() <= 1 << 20);
        let last = scratch.names().pop().unwrap_or_default();
        assert!(last > scratch.names()[0] && !last.contains("-000000."));
    }

    #[test]
    fn what_a_killed_run_left_is_named_counted_and_given_up_in_turn() {
        let scratch = Scratch::new();
        let mut killed = open(&scratch.spec());
        assert!(killed.frame(&frame(5, 60)).is_ok() && killed.idle(5).is_ok());
        std::mem::forget(killed);
        let files = open(&scratch.spec());
        assert_eq!(
            scratch.names(),
            ["eth0_1___-3-00000000000000000005-000000.pcapng"]
        );
        assert_eq!(files.complete.len(), 1);
    }
}
