//! From where on a GPU is faster: measured once per GPU, number of threads and size, kept in the
//! cache.
//!
//! A proof is never to take longer for having looked for a GPU. So what was measured is read before
//! any driver is loaded, and a GPU is only opened where it saves more than opening it takes.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use zkinfer_prover::measure::{COLUMNS, Timing, measure};
use zkinfer_prover::msm::gpu::{Gpu, adapters};
use zkinfer_prover::msm::{About, Device, DeviceError, Uses};
use zkinfer_verifier::Parameters;

use crate::cache::Cache;
use crate::circuit::Circuit;
use crate::random::rng;

/// The file in the cache.
pub const FILE: &str = "devices.json";
/// A GPU has to be this much faster, as measurements vary.
const MARGIN: f64 = 0.9;

/// Columns that a proof commits to.
#[derive(Clone, Copy, Debug)]
pub struct ColumnCounts {
    /// Of small integers.
    pub small: usize,
    /// Of field elements.
    pub full: usize,
}

impl ColumnCounts {
    fn of(circuit: &Circuit) -> Self {
        let layout = circuit.key().layout();
        let full = layout.factor_columns().len() + layout.helpers();
        Self { small: layout.fresh_columns() + layout.slots, full }
    }
}

/// What was measured on this machine.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Records {
    records: Vec<Comparison>,
}

/// One GPU beside the CPU at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Comparison {
    k: u32,
    threads: usize,
    /// None if there was no GPU, or none that worked.
    gpu: Option<Measured>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Measured {
    about: About,
    /// Seconds to find and open it and to have its kernels ready.
    start: f64,
    cpu: Timing,
    gpu: Timing,
}

impl Measured {
    /// What the GPU should do for a proof with these columns: what it is faster at, if that saves
    /// more than opening it takes.
    fn uses(&self, columns: ColumnCounts) -> Uses {
        let (cpu, gpu) = (&self.cpu, &self.gpu);
        let saves = |cpu: f64, gpu: f64, count: f64| {
            if gpu < MARGIN * cpu { (cpu - gpu) * count } else { 0.0 }
        };
        let batches = |columns: usize| columns as f64 / COLUMNS as f64;
        let small = saves(cpu.small, gpu.small, batches(columns.small));
        let full = saves(cpu.full, gpu.full, batches(columns.full));
        let opening = saves(cpu.opening, gpu.opening, 1.0);
        if MARGIN * (small + full + opening) <= self.start {
            return Uses::NONE;
        }
        Uses { small: small > 0.0, full: full > 0.0, opening: opening > 0.0 }
    }
}

impl Records {
    /// Those of the cache; none if there is no such file, or it is of another version.
    fn read(cache: &Cache) -> Self {
        cache.read(FILE).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn find(&self, k: u32) -> Option<&Comparison> {
        let threads = rayon::current_num_threads();
        self.records.iter().find(|record| record.k == k && record.threads == threads)
    }

    /// Replaces a record. A cache that cannot be written costs time, not the result.
    fn keep(mut self, cache: &Cache, record: Comparison) {
        self.records.retain(|other| (other.k, other.threads) != (record.k, record.threads));
        self.records.push(record);
        let _ = serde_json::to_vec_pretty(&self).map(|bytes| cache.write(FILE, &bytes));
    }
}

/// Forgets all records.
pub fn forget(cache: &Cache) {
    if cache.read(FILE).is_some() {
        let _ = serde_json::to_vec(&Records::default()).map(|bytes| cache.write(FILE, &bytes));
    }
}

/// The device for a circuit. Measures if nothing is known yet.
pub fn choose(
    circuit: &Circuit,
    parameters: &Parameters,
    cache: &Cache,
    measuring: impl FnOnce(),
    on_failure: impl Fn(&DeviceError) + Send + Sync + 'static,
) -> Arc<Device> {
    let (k, columns) = (parameters.k(), ColumnCounts::of(circuit));
    let records = Records::read(cache);
    let known = match records.find(k) {
        Some(Comparison { gpu: None, .. }) => return Device::cpu(),
        Some(Comparison { gpu: Some(measured), .. }) if measured.uses(columns) == Uses::NONE => {
            return Device::cpu();
        }
        Some(Comparison { gpu: Some(measured), .. }) => Some(measured.clone()),
        None => None,
    };
    let adapters = adapters();
    let adapter = adapters.first();
    let opened = adapter.and_then(|adapter| adapter.open().ok());
    let same = known.filter(|known| adapter.is_some_and(|adapter| *adapter.about() == known.about));
    let measured = match (same, &opened) {
        (Some(known), Some(_)) => Some(known),
        (None, Some(gpu)) => {
            measuring();
            measured(gpu, parameters)
        }
        (_, None) => None,
    };
    let uses = measured.as_ref().map_or(Uses::NONE, |measured| measured.uses(columns));
    records.keep(cache, Comparison { k, threads: rayon::current_num_threads(), gpu: measured });
    match opened {
        Some(gpu) if uses != Uses::NONE => Device::new(Arc::new(gpu), uses, on_failure),
        _ => Device::cpu(),
    }
}

/// Measures a GPU beside the CPU; none if it fails.
fn measured(gpu: &Arc<Gpu>, parameters: &Parameters) -> Option<Measured> {
    let rng = &mut rng().ok()?;
    let device = |gpu: &Arc<Gpu>| Device::new(Arc::new(gpu.clone()), Uses::ALL, |_| {});
    let (cpu, _) = measure(Device::cpu(), parameters, rng).ok()?;
    let (timing, _) = measure(device(gpu), parameters, rng).ok()?;
    let mut measured = Measured { about: gpu.about().clone(), start: 0.0, cpu, gpu: timing };
    if measured.uses(ColumnCounts { small: COLUMNS, full: COLUMNS }) != Uses::NONE {
        // The first time, drivers compile the kernels and keep them: the second time shows what
        // every process from now on has to wait for.
        let start = Instant::now();
        let again = adapters().first()?.open().ok()?;
        let opening = start.elapsed().as_secs_f64();
        let (timing, more) = measure(device(&again), parameters, rng).ok()?;
        (measured.start, measured.gpu) = (opening + more, timing);
    }
    Some(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(start: f64, gpu: Timing) -> Measured {
        let about = About { name: "a".into(), driver: "b".into(), kind: "c".into() };
        Measured { about, start, cpu: Timing { small: 0.1, full: 0.8, opening: 1.0 }, gpu }
    }

    #[test]
    fn a_gpu_does_what_it_is_faster_at_if_that_pays_for_opening_it() {
        let columns = ColumnCounts { small: 80, full: 8 };
        let fast = Timing { small: 0.01, full: 0.08, opening: 0.1 };
        assert_eq!(measured(0.5, fast).uses(columns), Uses::ALL);
        assert_eq!(
            measured(3.0, fast).uses(columns),
            Uses::NONE,
            "it saves 0.9 + 0.72 + 0.9 seconds"
        );
        let no_full = Uses { full: false, ..Uses::ALL };
        assert_eq!(
            measured(0.5, fast).uses(ColumnCounts { small: 8, full: 0 }),
            no_full,
            "nothing to do is nothing saved"
        );
        let mixed = Timing { small: 0.095, full: 0.1, opening: 2.0 };
        assert_eq!(
            measured(0.1, mixed).uses(columns),
            Uses { small: false, full: true, opening: false }
        );
        let slow = Timing { small: 1.0, full: 1.0, opening: 1.1 };
        assert_eq!(measured(0.0, slow).uses(columns), Uses::NONE);
    }

    #[test]
    fn records_are_kept_per_size_and_number_of_threads() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("new"));
        assert_eq!(Records::read(&cache), Records::default());
        let threads = rayon::current_num_threads();
        let fast = Timing { small: 0.25, full: 0.5, opening: 0.125 };
        Records::read(&cache).keep(&cache, Comparison { k: 9, threads, gpu: None });
        Records::read(&cache).keep(&cache, Comparison { k: 10, threads: threads + 1, gpu: None });
        Records::read(&cache)
            .keep(&cache, Comparison { k: 9, threads, gpu: Some(measured(1.0, fast)) });
        let records = Records::read(&cache);
        assert_eq!(records.records.len(), 2);
        assert_eq!(records.find(9).unwrap().gpu, Some(measured(1.0, fast)));
        assert_eq!(records.find(10), None);
        cache.write(FILE, b"{").unwrap();
        assert_eq!(Records::read(&cache), Records::default());
    }
}
