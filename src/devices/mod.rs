//! Which device computes the sums of points in a proof. Proofs are the same bytes for the same
//! randomness, whichever it is.

#[cfg(feature = "gpu")]
mod crossover;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
pub use zkinfer_prover::msm::{About, Backend, Capabilities, Cpu, Device, DeviceError, Uses};
use zkinfer_verifier::Parameters;

use crate::cache::Cache;
use crate::circuit::Circuit;
use crate::error::Error;

/// What the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The CPU.
    Cpu,
    /// The first GPU, for everything that it can do. Where there is none, the CPU.
    Gpu,
    /// A GPU for what it does faster, measured once per device and size; see `docs/gpu.md`.
    #[default]
    Auto,
}

/// The device for proofs of a circuit.
///
/// `measuring` is called if [`Preference::Auto`] has to measure first. `on_failure` is called at
/// most once: when a GPU that was asked for cannot be had, or when it fails later. From then on the
/// CPU does all the work.
///
/// # Errors
/// If a GPU is asked for that this build cannot drive: it lacks the feature `gpu`.
#[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
pub fn choose(
    preference: Preference,
    circuit: &Circuit,
    parameters: &Parameters,
    cache: &Cache,
    measuring: impl FnOnce(),
    on_failure: impl Fn(&DeviceError) + Send + Sync + 'static,
) -> Result<Arc<Device>, Error> {
    match preference {
        Preference::Cpu => Ok(Device::cpu()),
        #[cfg(feature = "gpu")]
        Preference::Gpu => Ok(match open_first() {
            Ok(gpu) => Device::new(Arc::new(gpu), Uses::ALL, on_failure),
            Err(error) => {
                on_failure(&error);
                Device::cpu()
            }
        }),
        #[cfg(feature = "gpu")]
        Preference::Auto => {
            Ok(crossover::choose(circuit, parameters, cache, measuring, on_failure))
        }
        #[cfg(not(feature = "gpu"))]
        Preference::Gpu => {
            Err(DeviceError::Missing("this build drives none; build with --features gpu".into())
                .into())
        }
        #[cfg(not(feature = "gpu"))]
        Preference::Auto => Ok(Device::cpu()),
    }
}

/// A device with what it can do.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// What it is.
    pub about: About,
    /// Features and limits of a GPU.
    pub capabilities: Option<Capabilities>,
    /// What was measured; none if that failed.
    pub speed: Option<Speed>,
    /// Why it cannot be used.
    pub error: Option<String>,
}

/// What a device was measured to do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Speed {
    /// Products of field elements a second, of a GPU.
    pub products: Option<f64>,
    /// Points a second, each times a field element, in sums over [`SUMMED`] columns of [`POINTS`].
    pub terms: f64,
}

/// Columns of the sums that [`list`] measures.
pub const SUMMED: usize = 8;
/// Their rows.
pub const POINTS: usize = 1 << 12;

/// Every device, the CPU first and then GPUs in the order of preference.
pub fn list() -> Vec<Listed> {
    let speed = terms_per_second(&Cpu).ok().map(|terms| Speed { products: None, terms });
    #[cfg_attr(not(feature = "gpu"), allow(unused_mut))]
    let mut found = vec![Listed { about: Cpu.about(), capabilities: None, speed, error: None }];
    #[cfg(feature = "gpu")]
    for adapter in zkinfer_prover::msm::gpu::adapters() {
        let speed = adapter.open().and_then(|gpu| {
            Ok(Speed { products: Some(gpu.products_per_second()?), terms: terms_per_second(&gpu)? })
        });
        found.push(Listed {
            about: adapter.about().clone(),
            capabilities: Some(adapter.capabilities()),
            error: speed.as_ref().err().map(ToString::to_string),
            speed: speed.ok(),
        });
    }
    found
}

fn terms_per_second(backend: &dyn Backend) -> Result<f64, DeviceError> {
    let bases = zkinfer_verifier::parameters::generators::coefficient_basis(POINTS);
    let columns: Vec<Vec<_>> = (0..SUMMED)
        .map(|column| zkinfer_prover::measure::elements(POINTS, column as u64))
        .collect();
    let columns: Vec<&[_]> = columns.iter().map(Vec::as_slice).collect();
    let bases = backend.load(bases.into())?;
    let mut fastest = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        bases.full(&columns)?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok((SUMMED * POINTS) as f64 / fastest)
}

/// Forgets what was measured for [`Preference::Auto`], which then measures again: after a GPU or
/// its driver changed.
#[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
pub fn forget(cache: &Cache) {
    #[cfg(feature = "gpu")]
    crossover::forget(cache);
}

/// The first GPU, opened.
#[cfg(feature = "gpu")]
fn open_first() -> Result<Arc<zkinfer_prover::msm::gpu::Gpu>, DeviceError> {
    let missing =
        || DeviceError::Missing("wgpu lists no adapter (is its driver installed?)".into());
    zkinfer_prover::msm::gpu::adapters().first().ok_or_else(missing)?.open()
}
