//! Many samples at once, on all cores, in bounded memory; and telling people how far it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Memory that runs side by side may take together, in bytes.
const MEMORY: usize = 4 << 30;

/// Told how many samples of how many are done.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Fn(usize, usize) + Send + Sync>>);

impl Watch {
    /// Tells this function, from any thread.
    pub fn new(tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    fn tell(&self, done: usize, of: usize) {
        if let Some(tell) = &self.0 {
            tell(done, of);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

/// The results of `run` on `count` samples, in order; `fold` takes one after another, and the first
/// error ends it. At most as many run at once as fit the memory, if each takes `bytes`.
pub(crate) fn samples<T: Send, E: Send>(
    count: usize,
    bytes: usize,
    watch: &Watch,
    run: impl Fn(usize) -> Result<T, E> + Sync,
    mut fold: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let most = (MEMORY / bytes.max(1)).clamp(1, rayon::current_num_threads().max(1));
    let done = AtomicUsize::new(0);
    for first in (0..count).step_by(most) {
        let results: Vec<Result<T, E>> = (first..count.min(first + most))
            .into_par_iter()
            .map(|sample| {
                let result = run(sample);
                watch.tell(done.fetch_add(1, Ordering::Relaxed) + 1, count);
                result
            })
            .collect();
        results.into_iter().try_for_each(|result| fold(result?))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn results_come_in_order_and_everybody_is_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let watch = Watch::new(move |done, of| hears.lock().unwrap().push((done, of)));
        let mut results = Vec::new();
        let fold = |result| {
            results.push(result);
            Ok::<_, usize>(())
        };
        samples(7, 1, &watch, |sample| Ok(10 * sample), fold).unwrap();
        assert_eq!(results, [0, 10, 20, 30, 40, 50, 60]);
        let mut told = told.lock().unwrap().clone();
        told.sort_unstable();
        assert_eq!(told, (1..=7).map(|done| (done, 7)).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_counts() {
        let fails = |sample| if sample % 3 == 2 { Err(sample) } else { Ok(sample) };
        assert_eq!(samples(9, 1, &Watch::default(), fails, |_| Ok(())), Err(2));
        let full = |sample| if sample == 1 { Err(7) } else { Ok(()) };
        assert_eq!(samples(9, 1, &Watch::default(), Ok, full), Err(7));
    }

    /// What does not fit side by side runs one after another.
    #[test]
    fn memory_is_bounded() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let run = |_| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(2));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        pool.install(|| samples(16, MEMORY / 2, &Watch::default(), run, |()| Ok(()))).unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 2);
        pool.install(|| samples(4, MEMORY + 1, &Watch::default(), run, |()| Ok(()))).unwrap();
    }
}
