//! Which backend computes what, and the CPU behind it: whatever a backend fails to do, the CPU
//! does.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use super::backend::{About, Backend, DeviceError};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Commitments to columns of small integers.
    Small,
    /// Commitments to columns of field elements.
    Full,
    /// Openings: commitments to polynomials, the inner product argument and its folding.
    Opening,
}

/// Which work a backend does; the CPU does the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Uses {
    /// [`Work::Small`].
    pub small: bool,
    /// [`Work::Full`].
    pub full: bool,
    /// [`Work::Opening`].
    pub opening: bool,
}

impl Uses {
    /// Everything.
    pub const ALL: Self = Self { small: true, full: true, opening: true };
    /// Nothing.
    pub const NONE: Self = Self { small: false, full: false, opening: false };

    /// Whether this work is done.
    pub fn includes(self, work: Work) -> bool {
        match work {
            Work::Small => self.small,
            Work::Full => self.full,
            Work::Opening => self.opening,
        }
    }
}

/// Where sums of points are computed.
pub struct Device {
    backend: Option<(Arc<dyn Backend>, Uses)>,
    /// Why the backend is not used any more.
    failure: OnceLock<DeviceError>,
    on_failure: Box<dyn Fn(&DeviceError) + Send + Sync>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, failure, .. } = self;
        f.debug_struct("Device")
            .field("backend", backend)
            .field("failure", failure)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// The CPU alone.
    pub fn cpu() -> Arc<Self> {
        Arc::new(Self { backend: None, failure: OnceLock::new(), on_failure: Box::new(|_| {}) })
    }

    /// A backend for some work. At its first failure `on_failure` is called, and from then on the
    /// CPU does everything.
    pub fn new(
        backend: Arc<dyn Backend>,
        uses: Uses,
        on_failure: impl Fn(&DeviceError) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let on_failure = Box::new(on_failure);
        Arc::new(Self { backend: Some((backend, uses)), failure: OnceLock::new(), on_failure })
    }

    /// What the backend is, as long as it is used.
    pub fn backend(&self) -> Option<About> {
        let used = self.failure.get().is_none();
        self.backend
            .iter()
            .find(|(_, uses)| used && *uses != Uses::NONE)
            .map(|(backend, _)| backend.about())
    }

    /// Why the backend is not used any more, if it failed.
    pub fn failure(&self) -> Option<&DeviceError> {
        self.failure.get()
    }

    /// Gives the backend up.
    pub fn fail(&self, error: DeviceError) {
        if self.failure.set(error).is_ok() {
            // Its driver may wait for a device that hangs before it lets go of it: nobody is to
            // wait for that.
            self.backend.iter().for_each(|(backend, _)| std::mem::forget(backend.clone()));
            self.failure.get().into_iter().for_each(&self.on_failure);
        }
    }

    /// The backend, if it does this work.
    pub(super) fn backend_for(&self, work: Work) -> Option<&dyn Backend> {
        let used = self.failure.get().is_none();
        self.backend
            .as_ref()
            .filter(|(_, uses)| used && uses.includes(work))
            .map(|(backend, _)| &**backend)
    }

    /// What the backend makes, unless it fails. A driver or library that panics has failed too.
    pub(super) fn attempt<T>(&self, work: impl FnOnce() -> Result<T, DeviceError>) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            let device =
                self.backend.as_ref().map_or_else(String::new, |(backend, _)| backend.about().name);
            Err(DeviceError::Failed { device, reason: "its library panicked".into() })
        });
        result.map_err(|error| self.fail(error)).ok()
    }
}
