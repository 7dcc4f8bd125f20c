//! Sealed columns at the prover: what opens a seal.
//!
//! A column is sealed once as `C = Σ cells·G + r·W`. A proof opens one combination of these with
//! fresh columns, which mask it: no cell is committed again, and no `C` is ever opened by itself.
//! See `docs/sealed.md`.

use std::ops::Range;
use std::sync::Arc;

use ff::{Field, FromUniformBytes};
use group::{Curve, GroupEncoding};
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};
use zkinfer_verifier::circuit::sheet::Sheet;
use zkinfer_verifier::field::integers::{Integers, Slice};
use zkinfer_verifier::wire::ranges::RangePart;
use zkinfer_verifier::wire::seal::Record;
use zkinfer_verifier::{CheckedSeal, Digest, Parameters, Seal, usable_rows};

use super::tensors::Tensors;
use crate::commit::Committer;
use crate::error::ProveError;

/// The secret that a seal's randomness is derived from, by keyed BLAKE2b: hiding is computational.
/// Wiped when dropped.
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

    /// The blind of a column.
    fn blind(&self, column: usize) -> Fp {
        let mut state = self.hash(b"zkinfer blinds..", 64);
        Fp::from_uniform_bytes(state.update(&(column as u64).to_le_bytes()).finalize().as_array())
    }

    /// A digest of integers that says nothing without the seed.
    pub(crate) fn digest(&self, tensors: &[Integers]) -> Digest {
        // Chunks have digests of their own, so that all cores compute them.
        const CHUNK: usize = 1 << 12;
        let chunk = |integers: Slice<'_>| {
            let bytes: Zeroizing<Vec<u8>> =
                Zeroizing::new(integers.iter().flat_map(i64::to_le_bytes).collect());
            self.hash(b"zkinfer sealed.c", 32).update(&bytes).finalize()
        };
        let mut state = self.hash(b"zkinfer sealed..", 32);
        for tensor in tensors {
            state.update(&(tensor.len() as u64).to_le_bytes());
            let rows: Vec<Slice<'_>> = tensor.as_slice().rows(CHUNK).collect();
            let digests: Vec<_> = rows.into_par_iter().map(chunk).collect();
            digests.iter().for_each(|digest| _ = state.update(digest.as_bytes()));
        }
        let mut digest = Digest([0; 32]);
        digest.0.copy_from_slice(state.finalize().as_bytes());
        digest
    }
}

/// The columns of sealed tensors, ready to be shown in any number of proofs. Wiped when dropped,
/// the integers by their last owner.
pub struct SealedColumns {
    /// The integers, tensor by tensor.
    pub tensors: Tensors,
    /// How many tensors have columns here.
    pub(crate) count: usize,
    seal: CheckedSeal,
    /// Where the elements of every tensor of the record stand.
    sheets: Arc<Vec<Sheet>>,
    /// Which of their columns are here.
    columns: Range<usize>,
    /// Per column: the blind of its commitment.
    blinds: Vec<Fp>,
}

/// A sealed column and what opens it.
#[derive(Clone, Copy)]
pub struct SealedColumn<'a> {
    /// Where its tensor's elements stand.
    pub sheet: &'a Sheet,
    /// Which of the sheet's columns it is.
    pub index: usize,
    /// The tensor's elements.
    pub elements: Slice<'a>,
    /// The blind of its commitment.
    pub blind: Fp,
}

impl SealedColumn<'_> {
    /// Its cells on these rows.
    pub fn cells(&self, rows: Range<usize>) -> Integers {
        let (sheet, index) = (self.sheet, self.index);
        match self.elements {
            Slice::Bytes(elements) => Integers::Bytes(sheet.cells(elements, index, rows).into()),
            Slice::Words(elements) => Integers::Words(sheet.cells(elements, index, rows)),
        }
    }
}

impl Drop for SealedColumns {
    fn drop(&mut self) {
        // Field elements know no zeroize; `black_box` keeps the writes.
        self.blinds.fill(Fp::ZERO);
        std::hint::black_box(&mut self.blinds);
    }
}

/// Columns that are written out at a time to be committed to.
const BATCH: usize = 64;

impl SealedColumns {
    /// Commits to the sheets of a key with randomness from `seed`.
    pub(crate) fn commit(
        parameters: &Parameters,
        sheets: &[&Sheet],
        tensors: Tensors,
        seed: &Seed,
    ) -> Result<Self, ProveError> {
        let (committer, usable) = (Committer::new(parameters), usable_rows(parameters.k()));
        let columns: Vec<(usize, usize)> = sheets
            .iter()
            .enumerate()
            .flat_map(|(tensor, sheet)| (0..sheet.columns.len()).map(move |index| (tensor, index)))
            .collect();
        let mut points = Vec::with_capacity(columns.len());
        for columns in columns.chunks(BATCH) {
            let cells = |&(tensor, index): &(usize, usize)| {
                let (sheet, elements, blind) =
                    (sheets[tensor], tensors[tensor].as_slice(), Fp::ZERO);
                SealedColumn { sheet, index, elements, blind }.cells(0..usable).to_vec()
            };
            let cells: Vec<Zeroizing<Vec<i64>>> =
                columns.par_iter().map(|column| cells(column).into()).collect();
            let cells: Vec<&[i64]> = cells.iter().map(|cells| cells.as_slice()).collect();
            let first = points.len();
            let blinds = (first..).take(cells.len()).map(|column| [Fp::ZERO, seed.blind(column)]);
            points.extend(committer.small_points(&cells, blinds));
        }
        let mut commitments = vec![EqAffine::default(); points.len()];
        Eq::batch_normalize(&points, &mut commitments);
        let record = Record {
            k: parameters.k(),
            usable,
            parameters: parameters.digest(),
            tensors: sheets.iter().map(|sheet| sheet.tensor.clone()).collect(),
            commitments: commitments.iter().map(GroupEncoding::to_bytes).collect(),
        };
        Ok(Self::open(sheets, &record, seed)?.with(tensors))
    }

    /// Opens a record: no commitment is computed, those of the record are taken. The integers are
    /// still missing.
    pub(crate) fn open(
        sheets: &[&Sheet],
        record: &Record,
        seed: &Seed,
    ) -> Result<Self, ProveError> {
        let seal = Seal { record: record.clone(), range_proofs: Vec::new() };
        let seal = seal.trust(record.digest()).map_err(|_| ProveError::OpeningShape)?;
        let columns = 0..sheets.iter().map(|sheet| sheet.columns.len()).sum();
        if seal.points().len() != columns.len() {
            return Err(ProveError::OpeningShape);
        }
        let blinds = columns.clone().into_par_iter().map(|index| seed.blind(index)).collect();
        let all = Arc::new(sheets.iter().copied().cloned().collect());
        let count = sheets.len();
        Ok(Self { tensors: Tensors::default(), count, seal, sheets: all, columns, blinds })
    }

    /// These columns with their integers.
    pub(crate) fn with(mut self, tensors: Tensors) -> Self {
        self.tensors = tensors;
        self
    }

    /// Those of a part of the record.
    pub(crate) fn part(&self, part: &RangePart) -> Self {
        Self {
            tensors: self.tensors.clone(),
            count: part.pieces.len(),
            seal: self.seal.clone(),
            sheets: self.sheets.clone(),
            columns: part.columns.clone(),
            blinds: self.blinds[part.columns.clone()].to_vec(),
        }
    }

    /// What these columns open.
    pub fn seal(&self) -> &CheckedSeal {
        &self.seal
    }

    /// Claims that these columns open another seal. Proofs from them do not verify, which is what
    /// tests of the verifier need.
    pub fn claiming(mut self, seal: CheckedSeal) -> Self {
        self.seal = seal;
        self
    }

    /// The columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = SealedColumn<'_>> {
        let columns = self.sheets.iter().zip(self.tensors.iter()).flat_map(|(sheet, elements)| {
            let elements = elements.as_slice();
            (0..sheet.columns.len()).map(move |index| (sheet, index, elements))
        });
        columns.skip(self.columns.start).zip(&self.blinds).map(
            |((sheet, index, elements), blind)| SealedColumn {
                sheet,
                index,
                elements,
                blind: *blind,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_every_integer_its_place_and_the_seed() {
        let seed = Seed([7; 32]);
        let tensors: Vec<Vec<i64>> = vec![(0..10_000).collect(), vec![], vec![5; 3]];
        let of = |seed: &Seed, tensors: &[Vec<i64>]| seed.digest(&Tensors::from(tensors.to_vec()));
        let digest = of(&seed, &tensors);
        assert_eq!(of(&seed, &tensors.clone()), digest);
        assert_ne!(of(&Seed([8; 32]), &tensors), digest);
        let changed = |change: &dyn Fn(&mut Vec<Vec<i64>>)| {
            let mut tensors = tensors.clone();
            change(&mut tensors);
            of(&seed, &tensors)
        };
        // The ends of the tensor and of the chunks that are digested apart.
        for at in [0, 4095, 4096, 8191, 8192, 9999] {
            assert_ne!(changed(&|tensors| tensors[0][at] ^= 1), digest, "{at}");
        }
        assert_ne!(changed(&|tensors| tensors[0].rotate_left(4096)), digest);
        assert_ne!(changed(&|tensors| tensors[2].push(0)), digest);
        assert_ne!(changed(&|tensors| tensors.swap(1, 2)), digest);
    }
}
