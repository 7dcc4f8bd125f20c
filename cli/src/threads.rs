//! The threads that share the work: as many as wanted, or as the system grants, down to this one
//! alone.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, available_parallelism};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

use crate::screen::warn;

type Work = Box<dyn FnOnce() + Send>;

/// Starts the threads of the global pool. Left to itself the pool starts when it is first used, and
/// panics if a thread is refused.
pub fn start() {
    let wanted = wanted();
    let mut threads = granted(wanted, |work| Builder::new().spawn(work).map(drop));
    let count = threads.len();
    if count < wanted {
        warn(format_args!("the system grants {count} of {wanted} threads: this takes longer"));
    }
    // A pool exists already only if this was called before.
    let _ = if count == 0 {
        ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()
    } else {
        let refused = || io::Error::from(io::ErrorKind::WouldBlock);
        let hand =
            |work| threads.pop().and_then(|thread| thread.send(work).ok()).ok_or_else(refused);
        ThreadPoolBuilder::new().num_threads(count).spawn_handler(hand).build_global()
    };
}

/// As many as rayon would take.
fn wanted() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS")
        .ok()
        .and_then(|count| count.parse().ok())
        .filter(|&count| count > 0);
    asked.unwrap_or_else(|| available_parallelism().map_or(1, Into::into))
}

/// Threads that wait for their part of a pool: `wanted`, or fewer if `spawn` fails. The pool can be
/// built once, so what it is made of has to be there.
fn granted(
    wanted: usize,
    mut spawn: impl FnMut(Work) -> io::Result<()>,
) -> Vec<Sender<ThreadBuilder>> {
    let mut threads = Vec::new();
    for _ in 0..wanted {
        let (sender, receiver) = channel::<ThreadBuilder>();
        let wait = move || receiver.recv().into_iter().for_each(ThreadBuilder::run);
        if spawn(Box::new(wait)).is_err() {
            break;
        }
        threads.push(sender);
    }
    threads
}
