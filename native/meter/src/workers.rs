// SPDX-License-Identifier: Apache-2.0
//! Threads that help with work that can be divided. They are started when they are first needed, and sleep when they
//! are not.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads where nobody says how many: beyond, a reader that deals out frames is the slowest.
const MOST: usize = 8;

pub struct Workers {
    /// The caller's counts.
    threads: usize,
    /// None inside = no thread could be started, and the caller does all.
    pool: OnceLock<Option<ThreadPool>>,
}

impl Workers {
    /// For so many threads with the caller's; 0 = one for each processor that this process may use, at most 8.
    pub fn new(threads: usize) -> Self {
        Self {
            threads: thread_count(threads),
            pool: OnceLock::new(),
        }
    }

    /// The caller does all.
    pub fn alone() -> Self {
        Self::new(1)
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Do each piece of work, the first on this thread and the others beside it; return when all are done.
    pub(crate) fn each<T: Send>(
        &self,
        pieces: impl IntoIterator<Item = T>,
        work: impl Fn(T) + Sync,
    ) {
        let mut pieces = pieces.into_iter().peekable();
        let Some(own) = pieces.next() else {
            return;
        };
        let beside = pieces.peek().and_then(|_| self.pool());
        let Some(pool) = beside else {
            work(own);
            pieces.for_each(work);
            return;
        };
        let work = &work;
        pool.in_place_scope(|scope| {
            pieces.for_each(|piece| scope.spawn(move |_| work(piece)));
            work(own);
        });
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let start = || {
            let pool = ThreadPoolBuilder::new()
                .num_threads(self.threads.checked_sub(1).filter(|&helpers| helpers > 0)?)
                .thread_name(|_| "netsonde-shard".to_owned());
            pool.build().ok()
        };
        self.pool.get_or_init(start).as_ref()
    }
}

/// How many threads to use where so many were asked for, 0 = as many as this machine has use for.
pub fn thread_count(asked: usize) -> usize {
    match asked {
        0 => {
            std::thread::available_parallelism().map_or(1, |processors| processors.get().min(MOST))
        }
        asked => asked,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_piece_is_done_once_however_many_threads_there_are() {
        for threads in [1, 2, 5] {
            let workers = Workers::new(threads);
            let mut pieces = [0usize; 9];
            let done = AtomicUsize::new(0);
            workers.each(pieces.iter_mut(), |piece| {
                *piece += 1;
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!((pieces, done.into_inner()), ([1; 9], 9));
        }
    }

    #[test]
    fn without_a_number_there_is_a_thread_for_each_processor_up_to_eight() {
        let threads = thread_count(0);
        assert!((1..=MOST).contains(&threads), "{threads}");
        assert_eq!(thread_count(20), 20);
    }
}
