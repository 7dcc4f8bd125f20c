//! Sealed columns at the prover: what opens a seal, and fresh commitments to the same cells for every proof.
//!
//! A column is sealed once as `C = Σ cells·G + Σ blinding·G_j + r·W`. A proof shows `C′ = C + Σ b_j·G_j + δ·W` for fresh `b, δ` instead: no cell is
//! committed again, and `C` itself is never opened. See `docs/sealed.md`.

use std::ops::Range;

use ff::{Field, FromUniformBytes, PrimeField};
use group::{Curve, Group, GroupEncoding};
use halo2_proofs::poly::commitment::Blind;
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroize;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::link::RESPONSES;
use zkinfer_verifier::seal::{Record, blinding_rows};
use zkinfer_verifier::sheet::Sheet;
use zkinfer_verifier::small::SmallSums;
use zkinfer_verifier::{BLINDING_ROWS, CheckedSeal, Digest, Parameters, Seal};

use crate::commit::{Column, Context};
use crate::error::ProveError;

/// The secret that a seal's randomness is derived from. Wiped when dropped.
#[derive(Clone, Zeroize, zeroize::ZeroizeOnDrop, serde::Serialize, serde::Deserialize)]
pub struct Seed(pub(crate) [u8; 32]);

impl Seed {
    /// A fresh one.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    fn hash(&self, personal: &[u8; 16], length: usize) -> blake2b_simd::State {
        blake2b_simd::Params::new().hash_length(length).key(&self.0).personal(personal).to_state()
    }

    /// The blinding rows and the blind of a column.
    fn randomness(&self, column: usize) -> [Fp; RESPONSES] {
        std::array::from_fn(|index| {
            let mut state = self.hash(b"zkinfer blinds..", 64);
            state.update(&(column as u64).to_le_bytes()).update(&(index as u64).to_le_bytes());
            Fp::from_uniform_bytes(state.finalize().as_array())
        })
    }

    /// A digest of integers that says nothing without the seed.
    pub(crate) fn digest(&self, tensors: &[Vec<i64>]) -> Digest {
        let mut state = self.hash(b"zkinfer sealed..", 32);
        for tensor in tensors {
            state.update(&(tensor.len() as u64).to_le_bytes());
            tensor.iter().for_each(|integer| {
                state.update(&integer.to_le_bytes());
            });
        }
        let mut digest = Digest([0; 32]);
        digest.0.copy_from_slice(state.finalize().as_bytes());
        digest
    }
}

/// The columns of sealed tensors, ready to be shown in any number of proofs. Wiped when dropped.
pub struct SealedColumns {
    /// The integers, tensor by tensor.
    pub tensors: Vec<Vec<i64>>,
    seal: CheckedSeal,
    /// The commitments `C`.
    points: Vec<EqAffine>,
    /// Per column: its tensor, and which of its elements.
    cells: Vec<(usize, Range<usize>)>,
    /// Per column: blinding rows and blind of the commitment.
    randomness: Vec<[Fp; RESPONSES]>,
}

/// A sealed column as one proof shows it.
pub struct ShownColumn<'a> {
    /// Its cells from the first row on; those after them are zero.
    pub integers: &'a [i64],
    /// Its blinding rows, then the blind of its commitment.
    pub randomness: [Fp; RESPONSES],
    /// Its fresh commitment `C′`.
    pub commitment: EqAffine,
    /// What was added to the sealed column's randomness.
    pub added: [Fp; RESPONSES],
}

impl Drop for SealedColumns {
    fn drop(&mut self) {
        self.tensors.iter_mut().for_each(Zeroize::zeroize);
        // Field elements know no zeroize; `black_box` keeps the writes.
        self.randomness.fill([Fp::ZERO; RESPONSES]);
        std::hint::black_box(&mut self.randomness);
    }
}

/// Where the cells of each column are: its tensor, and which of its elements.
fn cells(sheets: &[&Sheet]) -> Vec<(usize, Range<usize>)> {
    let sheets = sheets.iter().enumerate();
    sheets.flat_map(|(tensor, sheet)| sheet.pieces().map(move |piece| (tensor, piece.elements))).collect()
}

impl SealedColumns {
    /// Commits to the sheets of a key with randomness from `seed`.
    pub(crate) fn commit(
        parameters: &Parameters,
        sheets: &[&Sheet],
        tensors: Vec<Vec<i64>>,
        seed: &Seed,
    ) -> Result<Self, ProveError> {
        let context = Context::of(parameters);
        let points: Vec<Eq> = cells(sheets)
            .into_par_iter()
            .enumerate()
            .map(|(index, (tensor, elements))| context.commit_with(&tensors[tensor][elements], &seed.randomness(index)))
            .collect();
        let mut commitments = vec![EqAffine::default(); points.len()];
        Eq::batch_normalize(&points, &mut commitments);
        let record = Record {
            k: parameters.k(),
            blinding_rows: blinding_rows(),
            parameters: parameters.digest(),
            tensors: sheets.iter().map(|sheet| sheet.tensor.clone()).collect(),
            commitments: commitments.iter().map(GroupEncoding::to_bytes).collect(),
        };
        Self::open(sheets, tensors, &record, seed)
    }

    /// Opens a record: no commitment is computed, those of the record are taken.
    pub(crate) fn open(
        sheets: &[&Sheet],
        tensors: Vec<Vec<i64>>,
        record: &Record,
        seed: &Seed,
    ) -> Result<Self, ProveError> {
        let seal = Seal { record: record.clone(), range_proof: Vec::new() };
        let seal = seal.trust(record.digest()).map_err(|_| ProveError::OpeningShape)?;
        let cells = cells(sheets);
        if seal.points().len() != cells.len() {
            return Err(ProveError::OpeningShape);
        }
        let randomness = (0..cells.len()).map(|index| seed.randomness(index)).collect();
        let points = seal.points().to_vec();
        Ok(Self { tensors, seal, points, cells, randomness })
    }

    /// What these columns open.
    pub fn seal(&self) -> &CheckedSeal {
        &self.seal
    }

    /// Claims that these columns open another seal. Proofs from them do not verify, which is what tests of the verifier need.
    pub fn claiming(self, seal: CheckedSeal) -> Self {
        let points = seal.points().to_vec();
        self.showing(points, seal)
    }

    /// The same, with commitments of one's own behind what is shown.
    pub fn showing(mut self, points: Vec<EqAffine>, seal: CheckedSeal) -> Self {
        (self.seal, self.points) = (seal, points);
        self
    }

    /// Columns, and a record to match, whose last one carries these integers in its blinding rows, where nothing may count them. For tests.
    pub fn blinding(mut self, parameters: &Parameters, rows: [i64; BLINDING_ROWS]) -> Result<Self, ProveError> {
        let mut added = [Fp::ZERO; RESPONSES];
        added.iter_mut().zip(rows).for_each(|(added, row)| *added = integer(row));
        let (Some(last), Some(point)) = (self.randomness.last_mut(), self.points.last_mut()) else { return Ok(self) };
        last.iter_mut().zip(added).for_each(|(random, added)| *random += added);
        let shifts = Shifts::new(parameters);
        *point = (shifts.point(&added) + *point).to_affine();
        let mut record = self.seal.record().clone();
        record.commitments = self.points.iter().map(GroupEncoding::to_bytes).collect();
        let digest = record.digest();
        let seal = Seal { record, range_proof: Vec::new() }.trust(digest);
        self.seal = seal.map_err(|_| ProveError::OpeningShape)?;
        Ok(self)
    }

    /// The columns under fresh commitments.
    pub(crate) fn rerandomise(&self, shifts: &Shifts, rng: &mut impl CryptoRng) -> Vec<ShownColumn<'_>> {
        let added: Vec<[Fp; RESPONSES]> =
            self.cells.iter().map(|_| std::array::from_fn(|_| Fp::random(&mut *rng))).collect();
        let points = added.par_iter().zip(&self.points).map(|(added, sealed)| shifts.point(added) + sealed);
        let points: Vec<Eq> = points.collect();
        let mut commitments = vec![EqAffine::default(); points.len()];
        Eq::batch_normalize(&points, &mut commitments);
        let columns = self.cells.iter().zip(&self.randomness).zip(added).zip(commitments);
        columns
            .map(|((((tensor, elements), randomness), added), commitment)| ShownColumn {
                integers: &self.tensors[*tensor][elements.clone()],
                randomness: std::array::from_fn(|index| randomness[index] + added[index]),
                commitment,
                added,
            })
            .collect()
    }
}

impl ShownColumn<'_> {
    /// The column with all its values and coefficients.
    pub(crate) fn expand(&self, context: &Context<'_>) -> Column {
        let values = context.domain.lagrange_from_vec(context.small_column(self.integers, &self.randomness));
        Column {
            polynomial: context.domain.lagrange_to_coeff(values.clone()),
            values,
            blind: Blind(self.randomness[BLINDING_ROWS]),
            commitment: self.commitment,
        }
    }
}

/// `Σ weights_c·column_c` on all rows: every weight times a small integer, and nothing transformed.
pub(crate) fn combine<'a>(rows: usize, terms: impl Iterator<Item = (&'a ShownColumn<'a>, Fp)>) -> Vec<Fp> {
    let first = rows - BLINDING_ROWS;
    let mut sums = SmallSums::new(first);
    let mut random = [Fp::ZERO; BLINDING_ROWS];
    for (column, weight) in terms {
        sums.add(column.integers, weight);
        random.iter_mut().zip(&column.randomness).for_each(|(sum, row)| *sum += weight * row);
    }
    let mut values = sums.finish();
    values.extend(random);
    values
}

/// Bits of a window of the tables below.
const WINDOW: usize = 4;

/// The generators of blinding rows and blind, with tables for multiplying them.
pub struct Shifts {
    /// Per generator and window, its multiples `1..=15` by the window's place.
    tables: Vec<Vec<[EqAffine; 15]>>,
}

impl Shifts {
    /// Tables for the generators of some parameters.
    pub fn new(parameters: &Parameters) -> Self {
        let table = |generator: &EqAffine| {
            let mut base = Eq::from(*generator);
            let windows = Fp::NUM_BITS.div_ceil(WINDOW as u32) as usize;
            let mut points = Vec::with_capacity(windows * 15);
            for _ in 0..windows {
                let multiples = std::iter::successors(Some(base), |point| Some(point + base));
                points.extend(multiples.take(15));
                base = (0..WINDOW).fold(base, |point, _| point.double());
            }
            let mut affine = vec![EqAffine::default(); points.len()];
            Eq::batch_normalize(&points, &mut affine);
            affine.as_chunks::<15>().0.to_vec()
        };
        Self { tables: parameters.shifts().par_iter().map(table).collect() }
    }

    /// `Σ_j scalars_j·G_j + scalars_last·W`.
    pub(crate) fn point(&self, scalars: &[Fp; RESPONSES]) -> Eq {
        let mut sum = Eq::identity();
        for (table, scalar) in self.tables.iter().zip(scalars) {
            let bytes = scalar.to_repr();
            let digits = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
            for (multiples, digit) in table.iter().zip(digits) {
                if digit > 0 {
                    sum += multiples[digit as usize - 1];
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_give_the_combination_of_the_generators() {
        let parameters = Parameters::derive(7).expect("a supported size");
        let context = Context::of(&parameters);
        let shifts = Shifts::new(&parameters);
        let scalars = [Fp::ONE, -Fp::ONE, Fp::ZERO, Fp::from(0x1234_5678_9abc_def0), -Fp::from(77).square()];
        // What halo2 commits to with these values in the blinding rows and this blind.
        let column = context.domain.lagrange_from_vec(context.small_column(&[], &scalars));
        assert_eq!(shifts.point(&scalars), context.params.commit_lagrange(&column, Blind(scalars[BLINDING_ROWS])));
        let verifying = Parameters::read_for_verifying(7, &parameters.to_bytes()).expect("the same bytes");
        assert_eq!(verifying.shifts(), parameters.shifts());
    }
}
