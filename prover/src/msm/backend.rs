//! What computes sums of many points: the interface that the CPU and GPUs implement.

use std::borrow::Cow;
use std::fmt;

use pasta_curves::{Eq, EqAffine, Fp};

use super::fold::fold_all_but;
use super::{full, small};

/// A device that computes sums of points. Results are the same points on every one.
pub trait Backend: fmt::Debug + Send + Sync {
    /// What it is.
    fn about(&self) -> About;

    /// Makes bases resident: uploads them if need be, once for all sums over them.
    fn load<'a>(&self, bases: Cow<'a, [EqAffine]>) -> Result<Box<dyn Resident + 'a>, DeviceError>;
}

/// Bases on a device.
pub trait Resident: Send + Sync {
    /// For every column `Σ_i column[i]·bases[i]`, over as many bases as the column is long. Made
    /// for integers of few bits.
    fn small(&self, columns: &[&[i64]]) -> Result<Vec<Eq>, DeviceError>;

    /// The same for elements of the scalar field.
    fn full(&self, columns: &[&[Fp]]) -> Result<Vec<Eq>, DeviceError>;

    /// The bases after rounds of folding with these factors ([`super::fold`]); the last `fixed`
    /// bases stay as they are, behind the folded ones.
    fn fold(&self, factors: &[Fp], fixed: usize) -> Result<Box<dyn Resident>, DeviceError>;

    /// The bases.
    fn points(&self) -> Result<Vec<EqAffine>, DeviceError>;
}

/// What a backend says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// The device's name.
    pub name: String,
    /// What drives it: an API and a driver with its version.
    pub driver: String,
    /// What kind of device it is.
    pub kind: String,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.kind, self.driver)
    }
}

/// What a GPU has of what kernels care about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Capabilities {
    /// Features that kernels make use of, as wgpu calls them.
    pub features: Vec<&'static str>,
    /// The limbs that products are computed with, which depends on the features.
    pub limbs: String,
    /// The largest buffer, in bytes.
    pub largest_buffer: u64,
    /// The most of a buffer that a kernel can bind, in bytes.
    pub largest_binding: u64,
    /// Buffers that a kernel can bind.
    pub bindings: u32,
    /// Most workgroups along an axis.
    pub workgroups: u32,
}

/// Why a device did not do what it was asked to. Whatever the reason, the CPU can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device of the kind asked for.
    #[error("no GPU was found: {0}")]
    Missing(String),
    /// It lacks something that the kernels need.
    #[error("{device} cannot be used: {reason}")]
    Unfit {
        /// The device.
        device: String,
        /// What it lacks.
        reason: String,
    },
    /// It was lost, ran out of memory or reported an error.
    #[error("{device} failed: {reason}")]
    Failed {
        /// The device.
        device: String,
        /// What it or its driver reported.
        reason: String,
    },
    /// It took too long.
    #[error("{device} did not answer within {seconds} s")]
    Timeout {
        /// The device.
        device: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The work does not fit its buffers.
    #[error("{device} holds too little for sums over {points} points")]
    TooLarge {
        /// The device.
        device: String,
        /// Points of a column.
        points: usize,
    },
}

/// The processor that this runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu;

struct CpuBases<'a>(Cow<'a, [EqAffine]>);

impl Backend for Cpu {
    fn about(&self) -> About {
        let threads = rayon::current_num_threads();
        About { name: "CPU".into(), driver: format!("{threads} threads"), kind: "processor".into() }
    }

    fn load<'a>(&self, bases: Cow<'a, [EqAffine]>) -> Result<Box<dyn Resident + 'a>, DeviceError> {
        Ok(Box::new(CpuBases(bases)))
    }
}

impl Resident for CpuBases<'_> {
    fn small(&self, columns: &[&[i64]]) -> Result<Vec<Eq>, DeviceError> {
        Ok(small(&self.0, columns))
    }

    fn full(&self, columns: &[&[Fp]]) -> Result<Vec<Eq>, DeviceError> {
        Ok(full(&self.0, columns))
    }

    fn fold(&self, factors: &[Fp], fixed: usize) -> Result<Box<dyn Resident>, DeviceError> {
        Ok(Box::new(CpuBases(fold_all_but(&self.0, factors, fixed).into())))
    }

    fn points(&self) -> Result<Vec<EqAffine>, DeviceError> {
        Ok(self.0.to_vec())
    }
}
