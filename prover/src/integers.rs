//! Columns of small integers as what they are: no integer is turned into a field element that is
//! multiplied first.

use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::field::small::SmallSums;

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

/// `Σ coefficient·integers` on `rows` rows: every integer times a field element, and nothing
/// transformed.
pub fn combine(rows: usize, terms: &[(&[i64], Fp)]) -> Vec<Fp> {
    const CHUNK: usize = 256;
    let starts: Vec<usize> = (0..rows).step_by(CHUNK).collect();
    let chunk = |start: usize| {
        let mut sums = SmallSums::new(CHUNK.min(rows - start));
        for (integers, coefficient) in terms {
            if let Some(integers) = integers.get(start..integers.len().min(start + CHUNK)) {
                sums.add(integers, *coefficient);
            }
        }
        sums.finish()
    };
    starts.into_par_iter().map(chunk).collect::<Vec<_>>().concat()
}
