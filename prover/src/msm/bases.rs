//! Bases that sums are computed over, wherever they are: on a backend as long as it works, and
//! always on the CPU.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use pasta_curves::{Eq, EqAffine, Fp};

use super::backend::{DeviceError, Resident};
use super::device::{Device, Work};
use super::fold::fold_all_but;
use super::{full, small};

/// Folded bases so few that the CPU goes on with them: a device would only wait.
const FEW: usize = 1 << 9;
/// Rounds to fold at a time on the CPU: the fastest from 2^7 to 2^12 generators; above, 3 is as
/// fast.
const ROUNDS: usize = 2;
/// Rounds to fold at a time on a device, which takes as long for any number of them.
const DEVICE_ROUNDS: usize = 4;

/// Bases of sums.
pub struct Bases<'a> {
    device: Arc<Device>,
    /// What sums over them that are not of small integers belong to.
    work: Work,
    /// Before the folding that only the device has done.
    points: Cow<'a, [EqAffine]>,
    /// Its factors, and how many bases stay as they are.
    folding: (Vec<Fp>, usize),
    /// On the device, from the first sum on that it is to compute; none if it could not load them
    /// or is not to have them.
    resident: OnceLock<Option<Box<dyn Resident + 'a>>>,
    /// The bases, if they had to be folded on the CPU after all.
    folded: OnceLock<Vec<EqAffine>>,
}

impl<'a> Bases<'a> {
    /// Bases for some work besides columns of small integers.
    pub fn new(device: Arc<Device>, points: impl Into<Cow<'a, [EqAffine]>>, work: Work) -> Self {
        let (resident, folded) = (OnceLock::new(), OnceLock::new());
        Self { device, work, points: points.into(), folding: (Vec::new(), 0), resident, folded }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let (factors, fixed) = &self.folding;
        ((self.points.len() - fixed) >> factors.len()) + fixed
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bases, on the CPU.
    pub fn points(&self) -> &[EqAffine] {
        let (factors, fixed) = &self.folding;
        if factors.is_empty() {
            return &self.points;
        }
        self.folded.get_or_init(|| {
            factors.chunks(ROUNDS).fold(self.points.to_vec(), |points, factors| {
                fold_all_but(&points, factors, *fixed)
            })
        })
    }

    /// For every column of small integers `Σ_i column[i]·bases[i]`.
    pub fn small(&self, columns: &[&[i64]]) -> Vec<Eq> {
        let sums = self.on_device(Work::Small, |resident| resident.small(columns));
        sums.unwrap_or_else(|| small(self.points(), columns))
    }

    /// The same for columns of field elements.
    pub fn full(&self, columns: &[&[Fp]]) -> Vec<Eq> {
        let sums = self.on_device(self.work, |resident| resident.full(columns));
        sums.unwrap_or_else(|| full(self.points(), columns))
    }

    /// After how many rounds of an inner product argument to fold.
    pub fn rounds(&self) -> usize {
        let resident = self.device.backend_for(self.work).is_some()
            && !matches!(self.resident.get(), Some(None));
        if resident { DEVICE_ROUNDS } else { ROUNDS }
    }

    /// The bases after rounds of folding with these factors; the last `fixed` ones stay as they
    /// are.
    pub fn fold(&self, factors: &[Fp], fixed: usize) -> Self {
        let resident = self.on_device(self.work, |resident| resident.fold(factors, fixed));
        let Some(resident) = resident else {
            return self.on_cpu(fold_all_but(self.points(), factors, fixed));
        };
        let folding = ([&self.folding.0, factors].concat(), fixed);
        let bases =
            Self { folding, ..Self::new(self.device.clone(), self.points.clone(), self.work) };
        if bases.len() - fixed <= FEW
            && let Some(points) = self.device.attempt(|| resident.points())
        {
            return self.on_cpu(points);
        }
        // A fresh cell takes it.
        let _ = bases.resident.set(Some(resident));
        bases
    }

    /// Bases that only the CPU computes with.
    fn on_cpu(&self, points: Vec<EqAffine>) -> Self {
        let bases = Self::new(self.device.clone(), points, self.work);
        let _ = bases.resident.set(None);
        bases
    }

    /// What the device computes, if it does such work and does not fail.
    fn on_device<T>(
        &self,
        work: Work,
        compute: impl FnOnce(&dyn Resident) -> Result<T, DeviceError>,
    ) -> Option<T> {
        let backend = self.device.backend_for(work)?;
        let resident =
            self.resident.get_or_init(|| self.device.attempt(|| backend.load(self.points.clone())));
        let resident = resident.as_ref()?;
        self.device.attempt(|| compute(&**resident))
    }
}
