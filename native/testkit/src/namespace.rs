// SPDX-License-Identifier: Apache-2.0
//! Named network namespaces, made as `ip netns add` makes them.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// A namespace under /run/netns, removed when dropped.
pub struct Namespace {
    path: PathBuf,
    pub file: File,
    home: File,
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl Namespace {
    /// Make it, name it, and come back.
    pub fn new(name: &str) -> io::Result<Self> {
        fs::create_dir_all("/run/netns")?;
        let path = PathBuf::from("/run/netns").join(name);
        let home = File::open("/proc/thread-self/ns/net")?;
        File::create_new(&path)?;
        // SAFETY: no pointers; changes the calling thread only.
        check(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
        let mounted = bind_mount("/proc/thread-self/ns/net", &path);
        // SAFETY: `home` is an open namespace file.
        check(unsafe { libc::setns(home.as_raw_fd(), libc::CLONE_NEWNET) })?;
        mounted?;
        let file = File::open(&path)?;
        Ok(Self { path, file, home })
    }

    /// Run `work` inside, in this thread.
    pub fn within<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        // SAFETY: open namespace files.
        check(unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) })?;
        let result = work();
        // SAFETY: as above.
        check(unsafe { libc::setns(self.home.as_raw_fd(), libc::CLONE_NEWNET) })?;
        result
    }
}

fn bind_mount(from: &str, to: &std::path::Path) -> io::Result<()> {
    let from = CString::new(from)?;
    let to = CString::new(to.to_string_lossy().as_bytes())?;
    let nothing = std::ptr::null();
    // SAFETY: both paths end in zero; a bind mount takes no type and no data.
    check(unsafe {
        libc::mount(
            from.as_ptr(),
            to.as_ptr(),
            nothing,
            libc::MS_BIND,
            nothing.cast(),
        )
    })
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Ok(path) = CString::new(self.path.to_string_lossy().as_bytes()) {
            // SAFETY: the path ends in zero.
            unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        }
        drop(fs::remove_file(&self.path));
    }
}
