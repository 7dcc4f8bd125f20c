//! What sums of points take on a device, to choose one by.

use std::sync::Arc;
use std::time::Instant;

use ff::{Field, PrimeField};
use pasta_curves::Fp;
use rand_core::CryptoRng;
use zkinfer_verifier::Parameters;
use zkinfer_verifier::argument::schedule::AwaitsMask;

use crate::commit::Committer;
use crate::msm::{Device, DeviceError};
use crate::opening::inner_product::open;
use crate::writer::Writer;

/// Columns that are committed to at a time.
pub const COLUMNS: usize = 8;
/// Measurements after the one that warms up; the fastest counts.
const RUNS: usize = 2;

/// Wall seconds of each kind of work, with as many rows as some parameters have.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Timing {
    /// [`COLUMNS`] columns of 8-bit integers.
    pub small: f64,
    /// As many of field elements.
    pub full: f64,
    /// One opening.
    pub opening: f64,
}

/// Measures a device: the time of each kind of work, and how much longer the first of each took
/// together. Fails if the device does.
pub fn measure(
    device: Arc<Device>,
    parameters: &Parameters,
    rng: &mut impl CryptoRng,
) -> Result<(Timing, f64), DeviceError> {
    let committer = Committer::new(parameters).on(device.clone());
    let integers: Vec<i64> = (0..committer.rows as i64).map(|i| i * 37 % 256 - 128).collect();
    let elements = elements(committer.rows, 1);
    let small = fastest(|| _ = committer.lagrange.small(&[integers.as_slice(); COLUMNS]));
    let full = fastest(|| _ = committer.lagrange.full(&[elements.as_slice(); COLUMNS]));
    let opening = fastest(|| {
        let start = AwaitsMask::new(Writer::unbound(), parameters.k());
        // In memory; a challenge of zero would be the only error.
        let _ = open(&committer.opening, start, elements.clone(), Fp::ONE, elements[0], rng);
    });
    let timing = Timing { small: small.0, full: full.0, opening: opening.0 };
    device
        .failure()
        .map_or(Ok((timing, small.1 + full.1 + opening.1)), |failure| Err(failure.clone()))
}

/// Elements of the scalar field with no short ones among them; no secrets.
pub fn elements(count: usize, seed: u64) -> Vec<Fp> {
    let first = Fp::MULTIPLICATIVE_GENERATOR.pow([seed + 1000]);
    std::iter::successors(Some(first), |element| Some(element.square() + Fp::ONE))
        .take(count)
        .collect()
}

/// The time of the fastest run, and how much longer the first took.
fn fastest(mut work: impl FnMut()) -> (f64, f64) {
    let mut time = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    let first = time();
    let fastest = (0..RUNS).map(|_| time()).fold(f64::INFINITY, f64::min);
    (fastest, (first - fastest).max(0.0))
}
