// SPDX-License-Identifier: Apache-2.0
//! A mutex with priority inheritance: whoever holds it runs at the priority of the highest waiter.
//!
//! The standard mutex does not inherit. With it, an ordinary thread preempted by a busy machine while it holds a
//! tap would stop the SCHED_FIFO watcher for as long as that machine is busy.
//!
//! Whoever holds one that matters to such a thread must not wait for anything else either: what it waits for does not
//! inherit. That goes for the system's allocator too, so memory is found before the lock is taken.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

pub struct PiMutex<T> {
    /// Boxed: POSIX forbids to move a mutex.
    raw: Box<UnsafeCell<libc::pthread_mutex_t>>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through the lock, so sharing the mutex needs no more than T: Send.
unsafe impl<T: Send> Sync for PiMutex<T> {}
// SAFETY: a pthread mutex that is not locked may be used from any thread; guards are not Send.
unsafe impl<T: Send> Send for PiMutex<T> {}

pub struct Guard<'a, T> {
    mutex: &'a PiMutex<T>,
    /// A guard must be dropped by the thread that locked.
    not_send: std::marker::PhantomData<*mut ()>,
}

impl<T> PiMutex<T> {
    pub fn new(value: T) -> Self {
        let raw = Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        // SAFETY: attributes are initialised before use and destroyed after; `raw` is not yet shared. Where the
        // protocol is not supported the calls fail and a plain mutex remains.
        unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr());
            libc::pthread_mutexattr_setprotocol(
                attributes.as_mut_ptr(),
                libc::PTHREAD_PRIO_INHERIT,
            );
            libc::pthread_mutex_init(raw.get(), attributes.as_ptr());
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
        }
        Self {
            raw,
            value: UnsafeCell::new(value),
        }
    }

    pub fn lock(&self) -> Guard<'_, T> {
        // SAFETY: initialised in `new`, destroyed only in `drop`.
        unsafe { libc::pthread_mutex_lock(self.raw.get()) };
        Guard {
            mutex: self,
            not_send: std::marker::PhantomData,
        }
    }
}

impl<T: Default> Default for PiMutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for PiMutex<T> {
    fn drop(&mut self) {
        // SAFETY: no guard can exist, it would borrow self.
        unsafe { libc::pthread_mutex_destroy(self.raw.get()) };
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock, and is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: locked by this guard, in this thread.
        unsafe { libc::pthread_mutex_unlock(self.mutex.raw.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn counts_of_many_threads_add_up() {
        let counter = Arc::new(PiMutex::new(0u32));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || (0..10_000).for_each(|_| *counter.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
        assert_eq!(*counter.lock(), 40_000);
    }
}
