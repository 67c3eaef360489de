// SPDX-License-Identifier: Apache-2.0
//! Scheduling classes of the threads on which it depends whether a first packet is seen.

/// What a thread got, as the status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// SCHED_FIFO at this priority.
    Fifo(i32),
    /// Ordinary scheduling at this nice value.
    Nice(i32),
}

impl std::fmt::Display for Class {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fifo(priority) => write!(out, "fifo {priority}"),
            Self::Nice(nice) => write!(out, "nice {nice}"),
        }
    }
}

/// Priority of the link watcher: above every reader, so that a flood never delays a bind.
pub const WATCHER: i32 = 50;
/// Priority of the look-back reader.
pub const LOOKBACK: i32 = 49;

/// Priority of the thread that fills the pools.
pub const REFILL: i32 = 48;

/// Give the calling thread SCHED_FIFO `priority`, else nice −20, else leave it; returns what it has now.
pub fn raise(priority: i32, realtime: bool) -> Class {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: `parameters` is valid; 0 names the calling thread.
    // Reset-on-fork keeps a child process from inheriting the class.
    let class = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: as above.
    if realtime && unsafe { libc::sched_setscheduler(0, class, &parameters) } == 0 {
        return Class::Fifo(priority);
    }
    for nice in [-20, -10, 0] {
        // SAFETY: no pointers; on Linux PRIO_PROCESS with 0 sets the calling thread only.
        if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } == 0 {
            return Class::Nice(nice);
        }
    }
    Class::Nice(0)
}

/// Keep the calling thread on the `index`th of the processors that it may use.
pub fn pin(index: usize) {
    let size = std::mem::size_of::<libc::cpu_set_t>();
    // SAFETY: all zeroes is an empty set.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: pointer and size describe `allowed`; 0 names the calling thread.
    if unsafe { libc::sched_getaffinity(0, size, &mut allowed) } != 0 {
        return;
    }
    // SAFETY: every index is below CPU_SETSIZE.
    let usable = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &allowed) };
    let Some(cpu) = (0..libc::CPU_SETSIZE as usize).filter(usable).nth(index) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut one);
        libc::sched_setaffinity(0, size, &one);
    }
}

/// Make the calling thread an ordinary one, whatever its creator was.
pub fn ordinary() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: `parameters` is valid; 0 names the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &parameters) };
}
