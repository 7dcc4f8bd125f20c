//! Small integers as field elements.

use pasta_curves::Fp;
use zkinfer_verifier::field::integer;

/// Small integers as field elements, by table: a third of what converting each costs.
pub struct Integers {
    values: Vec<Fp>,
}

impl Integers {
    /// Largest magnitude in the table.
    const LIMIT: i64 = 1 << 10;

    /// The table.
    pub fn new() -> Self {
        Self { values: (-Self::LIMIT..=Self::LIMIT).map(integer).collect() }
    }

    /// An integer as a field element.
    pub fn get(&self, value: i64) -> Fp {
        let at = value.checked_add(Self::LIMIT).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.values.get(at).copied()).unwrap_or_else(|| integer(value))
    }
}

impl Default for Integers {
    fn default() -> Self {
        Self::new()
    }
}
