// SPDX-License-Identifier: Apache-2.0
//! The few system calls that the standard library does not wrap: socket options, epoll, eventfd, clocks, limits.

use std::io;
use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_void, socklen_t};

/// Turn the kernel's -1 into the error it stands for.
pub fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

pub fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller passes a descriptor that a system call has just returned and nobody else holds.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub fn setsockopt<T>(fd: &impl AsRawFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast::<c_void>(),
            size_of::<T>() as socklen_t,
        )
    };
    check(result).map(drop)
}

/// Read a socket option of plain old data.
pub fn getsockopt<T: Copy>(fd: &impl AsRawFd, level: c_int, name: c_int) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as socklen_t;
    // SAFETY: pointer and length describe `value`; the kernel writes at most `length` bytes.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast::<c_void>(),
            &mut length,
        )
    };
    check(result)?;
    // SAFETY: zeroed, then overwritten by the kernel; T is plain old data (all callers use C structs or integers).
    Ok(unsafe { value.assume_init() })
}

fn clock_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec; these clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Unix time in ns: the clock of the kernel's frame stamps.
pub fn now_ns() -> i64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// Monotonic time in ns, for durations.
pub fn mono_ns() -> i64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Processor time of the calling thread in ns, the kernel's work for it included.
pub fn thread_ns() -> i64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Raise the soft and, where allowed, the hard limit of open descriptors; returns what was got.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid rlimit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    let before = limit;
    limit.rlim_cur = limit.rlim_cur.max(wanted);
    limit.rlim_max = limit.rlim_max.max(wanted);
    // SAFETY: as above; without CAP_SYS_RESOURCE the call fails and the soft limit is raised as far as it goes.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } == 0 {
        return limit.rlim_cur;
    }
    limit = libc::rlimit {
        rlim_cur: before.rlim_max.min(wanted).max(before.rlim_cur),
        ..before
    };
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    limit.rlim_cur
}

/// Make room in the table of descriptors for numbers below `count`, and give it back at once.
///
/// A table grows by doubling, and in a process with threads each time waits for an RCU grace period (expand_fdtable,
/// fs/file.c): 12 ms in which a socket for a new interface would not be made. Eight bytes a descriptor.
pub fn reserve_descriptors(count: RawFd) -> io::Result<()> {
    let any = EventFd::new()?;
    // SAFETY: no pointers.
    let highest = check(unsafe { libc::fcntl(any.as_raw_fd(), libc::F_DUPFD_CLOEXEC, count - 1) })?;
    drop(own(highest));
    Ok(())
}

/// A counter that other threads, and Python's event loop, can wait on.
pub struct EventFd(OwnedFd);

impl EventFd {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        Ok(Self(own(fd)))
    }

    pub fn signal(&self) {
        let one = 1u64;
        // SAFETY: writes the 8 bytes of `one`. EAGAIN means that it is readable already.
        unsafe { libc::write(self.0.as_raw_fd(), std::ptr::from_ref(&one).cast(), 8) };
    }

    pub fn clear(&self) {
        let mut count = 0u64;
        // SAFETY: reads 8 bytes into `count`. EAGAIN means that nothing was signalled.
        unsafe { libc::read(self.0.as_raw_fd(), std::ptr::from_mut(&mut count).cast(), 8) };
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

pub struct Epoll(OwnedFd);

/// What epoll_wait fills: (token, events).
pub struct Ready(Vec<libc::epoll_event>);

impl Ready {
    pub fn new(capacity: usize) -> Self {
        Self(vec![libc::epoll_event { events: 0, u64: 0 }; capacity])
    }
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self(own(fd)))
    }

    /// Level-triggered reading; `token` comes back from `wait`.
    pub fn add(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token,
        };
        // SAFETY: `event` is valid during the call.
        let result = unsafe {
            libc::epoll_ctl(
                self.0.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &mut event,
            )
        };
        check(result).map(drop)
    }

    /// Forget a descriptor; one that is not there is no mistake.
    pub fn remove(&self, fd: &impl AsRawFd) {
        let nothing = std::ptr::null_mut();
        // SAFETY: since Linux 2.6.9 EPOLL_CTL_DEL ignores the event pointer.
        unsafe {
            libc::epoll_ctl(
                self.0.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd.as_raw_fd(),
                nothing,
            )
        };
    }

    /// Wait at most `timeout_ms` (-1 = for ever) and return the tokens that are ready.
    pub fn wait<'a>(
        &self,
        ready: &'a mut Ready,
        timeout_ms: i32,
    ) -> impl Iterator<Item = u64> + 'a {
        // SAFETY: pointer and capacity describe the vector's initialised elements.
        let count = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                ready.0.as_mut_ptr(),
                ready.0.len() as c_int,
                timeout_ms,
            )
        };
        ready.0[..count.max(0) as usize]
            .iter()
            .map(|event| event.u64)
    }
}

/// Duplicate a descriptor that Python owns, so that it may close its own.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: not -1; borrowed during this call only. A closed descriptor gives EBADF.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// Inode of an open file: the key of a network namespace.
pub fn inode(fd: &impl AsRawFd) -> io::Result<u64> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `stat` is large enough for what fstat writes.
    check(unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) })?;
    // SAFETY: fstat succeeded.
    Ok(unsafe { stat.assume_init() }.st_ino)
}
