//! The lookups' columns: multiplicities, denominators `f`, helpers `h`.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::argument::tables::inverses;
use zkinfer_verifier::challenges::{Beta, Theta};
use zkinfer_verifier::circuit::place::Lookup;
use zkinfer_verifier::{LOOKUPS_PER_HELPER, VerifyingKey};

use crate::commit::Committer;
use crate::error::ProveError;

/// What is looked up.
pub struct Counted {
    /// How often each row of the table slots is.
    pub counts: Vec<Vec<i64>>,
    /// For each lookup and row, the row of the concatenated tables, or [`NOWHERE`].
    places: Vec<Vec<u32>>,
    /// The first tuple that is in no table.
    pub verdict: Result<(), ProveError>,
}

/// The place of a tuple that is in no table.
const NOWHERE: u32 = u32::MAX;

/// Finds each row that is looked up.
pub fn count(key: &VerifyingKey, columns: &[Vec<i64>]) -> Counted {
    let layout = key.layout();
    let mut counts = vec![vec![0i64; layout.usable]; layout.slots];
    let mut verdict = Ok(());
    let mut places = Vec::with_capacity(layout.lookups.len());
    for (index, lookup) in layout.lookups.iter().enumerate() {
        let found = row_tags(lookup, layout.usable).into_iter().enumerate().map(|(row, tag)| {
            let mut tuple = [0; 3];
            tuple
                .iter_mut()
                .zip(&columns[lookup.columns.clone()])
                .for_each(|(cell, column)| *cell = column[row]);
            let Some(at) = key.tables().find(tag, tuple) else {
                if verdict.is_ok() {
                    verdict = Err(ProveError::Lookup { lookup: index, row, tag, tuple });
                }
                return NOWHERE;
            };
            counts[at / layout.usable][at % layout.usable] += 1;
            u32::try_from(at).unwrap_or(NOWHERE)
        });
        places.push(found.collect());
    }
    Counted { counts, places, verdict }
}

/// The tag of every usable row.
fn row_tags(lookup: &Lookup, usable: usize) -> Vec<usize> {
    let mut tags = vec![0; usable];
    for (rows, tag) in &lookup.tags {
        tags[rows.clone()].fill(*tag);
    }
    tags
}

/// The lookups of one proof by row, after `θ` and `β` are drawn.
pub struct Lookups {
    /// The denominators `f` of every lookup in all rows.
    pub denominators: Vec<Vec<Fp>>,
    /// The public columns `R_s`.
    pub inverses: Vec<Vec<Fp>>,
    /// Helpers, one column per group of lookups: `Σ 1/f` in every usable row.
    pub helpers: Vec<Vec<Fp>>,
}

impl Lookups {
    /// From the columns as the row sum sees them. A tuple of a table has the denominator and the
    /// reciprocal that the table's columns have: only what is in no table is computed by itself.
    pub fn new(
        key: &VerifyingKey,
        committer: &Committer<'_>,
        counted: &Counted,
        cells: &[Vec<Fp>],
        theta: Theta,
        beta: Beta,
    ) -> Result<Self, ProveError> {
        let (lookups, usable) = (&key.layout().lookups, key.layout().usable);
        let slots = key.table_denominators(theta, beta);
        let known = slots.concat();
        let slots = inverses(slots).ok_or(ProveError::DegenerateChallenge)?;
        let reciprocals = slots.concat();
        let denominator = |lookup: &Lookup, row: usize, tag: usize| {
            let cells = cells[lookup.columns.clone()].iter().rev();
            let tuple = cells.fold(Fp::ZERO, |sum, column| (sum + column[row]) * *theta);
            *beta + Fp::from(tag as u64) + tuple
        };
        let denominators = |(lookup, places): (&Lookup, &Vec<u32>)| {
            let tags = row_tags(lookup, usable);
            let rows = places.iter().zip(tags).enumerate();
            let found = rows.map(|(row, (&place, tag))| {
                let known = known.get(place as usize).copied();
                known.unwrap_or_else(|| denominator(lookup, row, tag))
            });
            found.chain((usable..committer.rows).map(|row| denominator(lookup, row, 0))).collect()
        };
        let pairs = lookups.par_iter().zip(&counted.places);
        let denominators: Vec<Vec<Fp>> = pairs.map(denominators).collect();
        let groups = counted.places.par_chunks(LOOKUPS_PER_HELPER);
        let groups = groups.zip(denominators.par_chunks(LOOKUPS_PER_HELPER));
        let helpers = groups.map(|(places, denominators)| {
            let mut sums = vec![Fp::ZERO; usable];
            for (places, denominators) in places.iter().zip(denominators) {
                for ((sum, &place), f) in sums.iter_mut().zip(places).zip(denominators) {
                    let known = reciprocals.get(place as usize).copied();
                    *sum += match known {
                        Some(reciprocal) => reciprocal,
                        None => Option::from(f.invert()).ok_or(ProveError::DegenerateChallenge)?,
                    };
                }
            }
            Ok(sums)
        });
        let helpers = helpers.collect::<Result<Vec<_>, ProveError>>()?;
        Ok(Self { denominators, inverses: slots, helpers })
    }
}
