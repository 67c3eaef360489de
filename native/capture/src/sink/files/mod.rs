// SPDX-License-Identifier: Apache-2.0
//! Packets written to pcapng files that take turns. A file gets its name when it is complete; on disk there is never
//! more than the bound, the oldest files going first. Others' traffic is for their owner alone: no one else may read.

mod complete;
mod current;
mod names;
mod quota;
mod spec;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;

use super::{Copied, Outlet};
use crate::event::Point;

use complete::Complete;
use current::Current;
use quota::Quota;

pub use spec::FileSpec;

pub(super) struct Files {
    spec: FileSpec,
    ifname: String,
    /// Beginning of the names of this interface's files.
    prefix: String,
    complete: Complete,
    current: Option<Current>,
    number: u64,
    /// Packets that were taken and could not be written.
    lost: u64,
    quota: Quota,
}

impl Files {
    pub(super) fn open(spec: &FileSpec, ifname: &str, point: &Point) -> io::Result<Self> {
        let spec = spec.bounded();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&spec.directory)?;
        let prefix = names::prefix(ifname, point);
        let mut files = Self {
            complete: Complete::take_over(&spec.directory, &prefix)?,
            quota: Quota::new(&spec),
            prefix,
            ifname: ifname.to_owned(),
            spec,
            current: None,
            number: 0,
            lost: 0,
        };
        files.make_room()?;
        Ok(files)
    }

    fn current(&mut self, frame: &Copied) -> io::Result<&mut Current> {
        let other = |current: &Current| current.link_type != frame.link_type;
        if self.current.as_ref().is_some_and(other) {
            self.rotate()?;
        }
        if self.current.is_none() {
            self.current = Some(self.begin(frame)?);
        }
        self.current
            .as_mut()
            .ok_or_else(|| io::Error::other("no file"))
    }

    fn begin(&mut self, first: &Copied) -> io::Result<Current> {
        if self.complete.lacks {
            self.complete = Complete::take_over(&self.spec.directory, &self.prefix)?;
            self.make_room()?;
        }
        let name = names::part(&self.prefix, first.ts_ns, self.number);
        self.number += 1;
        Current::create(self.spec.directory.join(name), &self.ifname, first)
    }

    fn is_due(&self, now_ns: i64) -> bool {
        let is_over = |current| self.spec.is_over(current, now_ns);
        self.current.as_ref().is_some_and(is_over)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.current {
            Some(current) => current.flush(&mut self.lost),
            None => Ok(()),
        }
    }

    /// Write what is much, and begin another file when that is due.
    fn write_out(&mut self, now_ns: i64) -> io::Result<()> {
        if self.current.as_ref().is_some_and(Current::has_much) {
            self.flush()?;
        }
        if self.is_due(now_ns) {
            self.rotate()?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let written = current.flush(&mut self.lost);
        self.complete.push(current.complete()?);
        self.quota.add();
        self.make_room()?;
        written
    }

    /// Keep the bound, a file's worth for the next one included.
    fn make_room(&mut self) -> io::Result<()> {
        let most = self.spec.total_bytes.saturating_sub(self.spec.rotate_bytes);
        self.complete.keep_within(most)
    }
}

impl Outlet for Files {
    fn frame(&mut self, frame: &Copied) -> io::Result<u64> {
        self.current(frame)?.put(frame);
        let done = self.write_out(frame.ts_ns);
        if done.is_err() {
            // This one is refused by the error.
            self.lost = self.lost.saturating_sub(1);
        }
        done.map(|()| 1)
    }

    fn idle(&mut self, now_ns: i64) -> io::Result<()> {
        if self.is_due(now_ns) {
            self.rotate()?;
        }
        self.flush()?;
        self.quota.keep()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.rotate()
    }

    fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};

    use netsonde_packet::LinkType;

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
                all_bytes: 0,
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
            link_type: LinkType::Ethernet,
            data: vec![7; length],
        }
    }

    fn open(spec: &FileSpec) -> Files {
        open_in(spec, 1)
    }

    fn open_in(spec: &FileSpec, netns: u64) -> Files {
        let point = Point {
            capture_id: "c".to_owned(),
            netns,
            ifindex: 3,
        };
        Files::open(spec, "eth0.1/..", &point).expect("the directory can be written")
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
            ["eth0_1___-1-3-00000000000000000005-000000.pcapng.part"]
        );
        assert!(files.frame(&frame(6, 60)).is_ok() && files.frame(&frame(7, 60)).is_ok());
        assert!(files.finish().is_ok());
        assert_eq!(
            scratch.names(),
            [
                "eth0_1___-1-3-00000000000000000005-000000.pcapng",
                "eth0_1___-1-3-00000000000000000007-000001.pcapng"
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
        assert!(scratch.names()[0].ends_with(".pcapng"));
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
        drop(killed);
        let mut files = open(&scratch.spec());
        assert_eq!(
            scratch.names(),
            ["eth0_1___-1-3-00000000000000000005-000000.pcapng"]
        );
        assert!(files.complete.keep_within(0).is_ok() && scratch.names().is_empty());
    }

    #[test]
    fn a_sink_that_ends_while_the_next_begins_names_its_file_and_leaves_it_counted() {
        let scratch = Scratch::new();
        let mut former = open(&scratch.spec());
        assert!(former.frame(&frame(5, 60)).is_ok() && former.idle(5).is_ok());
        let mut next = open(&scratch.spec());
        assert!(scratch.names()[0].ends_with(".part"));
        assert!(former.frame(&frame(6, 60)).is_ok() && former.finish().is_ok());
        assert!(next.frame(&frame(7, 60)).is_ok() && next.finish().is_ok());
        assert_eq!(scratch.names().len(), 2);
        assert!(next.complete.keep_within(0).is_ok());
        assert!(scratch.names().is_empty());
    }

    #[test]
    fn an_interface_of_the_same_name_and_number_elsewhere_has_files_of_its_own() {
        let scratch = Scratch::new();
        let (mut here, mut there) = (open_in(&scratch.spec(), 1), open_in(&scratch.spec(), 2));
        assert!(here.frame(&frame(5, 60)).is_ok() && there.frame(&frame(5, 60)).is_ok());
        drop(open_in(&scratch.spec(), 2));
        assert!(here.finish().is_ok());
        assert_eq!(scratch.names().len(), 2);
    }

    #[test]
    fn packets_of_an_ip_interface_are_told_as_such() {
        let scratch = Scratch::new();
        let mut files = open(&scratch.spec());
        let bare = |ts_ns| Copied {
            link_type: LinkType::Raw,
            ..frame(ts_ns, 60)
        };
        assert!(files.frame(&bare(5)).is_ok() && files.frame(&frame(6, 60)).is_ok());
        assert!(files.finish().is_ok());
        let link_type = |name: &String| {
            let file = File::open(scratch.0.join(name)).expect("it is complete");
            let mut reader = netsonde_pcapfile::Reader::new(file).expect("it is readable");
            let mut packets = reader.next_packets().expect("it is whole");
            packets.next().map(|packet| packet.link_type)
        };
        let found: Vec<_> = scratch.names().iter().map(link_type).collect();
        assert_eq!(found, [Some(101), Some(1)]);
    }

    #[test]
    fn no_one_else_may_read_what_was_captured() {
        let scratch = Scratch::new();
        let mut files = open(&scratch.spec());
        assert!(files.frame(&frame(5, 60)).is_ok() && files.finish().is_ok());
        let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
        let file = scratch.0.join(&scratch.names()[0]);
        assert_eq!((mode(&scratch.0), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn the_disk_bound_holds_over_what_killed_runs_left() {
        let scratch = Scratch::new();
        for run in 0..3 {
            let mut killed = open(&scratch.spec());
            for number in 0..1500 {
                assert!(killed.frame(&frame(run * 10_000 + number, 1000)).is_ok());
            }
            assert!(killed.idle(0).is_ok());
            drop(killed);
            assert!(scratch.bytes() <= 1 << 20, "{}", scratch.bytes());
        }
    }

    #[test]
    fn all_captures_together_keep_a_bound_and_only_our_files_are_given_up() {
        let scratch = Scratch::new();
        let in_folder = |folder: &str| FileSpec {
            directory: scratch.0.join(folder),
            rotate_packets: 1,
            all_bytes: 3000,
            ..scratch.spec()
        };
        for (folder, netns, began) in [("a", 1, 100), ("b", 2, 50), ("c", 3, 200)] {
            let mut files = open_in(&in_folder(folder), netns);
            assert!(files.frame(&frame(began, 1000)).is_ok() && files.finish().is_ok());
        }
        let other = scratch.0.join("a/holiday.pcapng");
        fs::write(&other, [0; 5000]).expect("it can be written");
        std::os::unix::fs::symlink("/", scratch.0.join("link")).expect("it can be linked");
        let mut files = open_in(&in_folder("d"), 4);
        assert!(files.idle(0).is_ok());
        let left = |folder: &str| fs::read_dir(scratch.0.join(folder)).map_or(0, Iterator::count);
        assert_eq!((left("a"), left("b"), left("c")), (2, 0, 1));
        assert!(other.exists());
    }

    #[test]
    fn a_full_disk_costs_what_waited_counted_and_not_the_file() {
        let scratch = Scratch::new();
        let mut files = open(&scratch.spec());
        assert!(files.frame(&frame(5, 60)).is_ok() && files.frame(&frame(6, 60)).is_ok());
        let full = File::options().write(true).open("/dev/full");
        let put = |files: &mut Files, file: File| {
            let current = files.current.as_mut().expect("one is open");
            std::mem::replace(&mut current.file, file)
        };
        let real = put(&mut files, full.expect("Linux has it"));
        assert!(files.idle(6).is_err());
        assert_eq!(files.take_lost(), 2);
        put(&mut files, real);
        assert!(files.frame(&frame(7, 60)).is_ok() && files.finish().is_ok());
        let file = File::open(scratch.0.join(&scratch.names()[0])).expect("it is complete");
        let mut reader = netsonde_pcapfile::Reader::new(file).expect("it is readable");
        let read = reader.next_packets().expect("it is whole");
        assert_eq!(read.map(|packet| packet.ts_ns).collect::<Vec<_>>(), [7]);
    }
}
