// SPDX-License-Identifier: Apache-2.0
//! The file that is written.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use netsonde_packet::LinkType;
use netsonde_pcapfile::{PcapngWriter, RawPacket};

use super::{names, Copied};
use crate::sys::check;

/// What is written at once, unless there is nothing more to write.
const WRITE_BYTES: usize = 256 << 10;

pub(super) struct Current {
    pub(super) file: File,
    part: PathBuf,
    pub(super) link_type: LinkType,
    writer: PcapngWriter,
    pending: Vec<u8>,
    /// Bytes of the blocks that every file begins with.
    header: usize,
    /// Packets that are pending.
    waiting: u64,
    bytes: u64,
    pub(super) packets: u64,
    pub(super) began_ns: i64,
}

impl Current {
    /// Begin a file for packets like the first one.
    pub(super) fn create(part: PathBuf, ifname: &str, first: &Copied) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        // Where the file system has no locks, files are written all the same.
        drop(lock(&file));
        let mut writer = PcapngWriter::new("netsonde", "");
        writer.interface(first.link_type.number(), ifname, "");
        let pending = writer.take();
        Ok(Self {
            file,
            part,
            link_type: first.link_type,
            header: pending.len(),
            pending,
            waiting: 0,
            writer,
            bytes: 0,
            packets: 0,
            began_ns: first.ts_ns,
        })
    }

    pub(super) fn put(&mut self, frame: &Copied) {
        let packet = RawPacket {
            ts_ns: frame.ts_ns,
            wire_len: frame.wire_len,
            data: &frame.data,
        };
        self.writer.packet(0, &packet, "");
        let block = self.writer.take();
        self.pending.extend(block);
        self.packets += 1;
        self.waiting += 1;
    }

    /// Bytes written and yet to be written.
    pub(super) fn size(&self) -> u64 {
        self.bytes + self.pending.len() as u64
    }

    pub(super) fn has_much(&self) -> bool {
        self.pending.len() >= WRITE_BYTES
    }

    /// Write what waits. What cannot be written is given up, and added to `lost`: a full disk must not fill memory.
    pub(super) fn flush(&mut self, lost: &mut u64) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if let Err(error) = self.file.write_all(&self.pending) {
            *lost += waiting;
            // Behind half a block nothing can be read, and without its first blocks a file is none.
            self.pending
                .truncate(if self.bytes == 0 { self.header } else { 0 });
            let end = self.bytes;
            let cut = self.file.set_len(end);
            drop(cut.and_then(|()| self.file.seek(SeekFrom::Start(end))));
            return Err(error);
        }
        self.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Give the file its name; returns that and its bytes.
    pub(super) fn complete(self) -> io::Result<(PathBuf, u64)> {
        let complete = names::completed(&self.part);
        fs::rename(&self.part, &complete)?;
        Ok((complete, self.bytes))
    }
}

/// Whether someone is writing the file: it is locked for that long.
pub(super) fn is_written(part: &Path) -> bool {
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(part);
    let busy = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
    opened.is_ok_and(|file| lock(&file).is_err_and(busy))
}

fn lock(file: &File) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }).map(drop)
}
