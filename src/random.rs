//! Randomness, without which a proof would not hide anything.

use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};

use crate::error::Error;

/// A generator seeded by the operating system.
pub fn rng() -> Result<StdRng, Error> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| Error::Randomness(error.to_string()))
}
