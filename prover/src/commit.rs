//! Columns and their commitments.

use std::sync::Arc;

use ff::Field;
use group::Curve;
use halo2_proofs::poly::EvaluationDomain;
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::{Parameters, RESERVED_ROWS, usable_rows};

use crate::integers::Integers;
use crate::msm::{self, Bases, Device, FixedBases, Work};

/// The number of rows, the commitment parameters and the evaluation domain of one proof.
pub struct Committer<'a> {
    /// The generators.
    pub parameters: &'a Parameters,
    /// The domain of `n` rows and one coset of it.
    pub domain: EvaluationDomain<Fp>,
    /// Usable rows `u`.
    pub usable: usize,
    /// Rows `n`.
    pub rows: usize,
    /// The basis of columns.
    pub lagrange: Bases<'a>,
    /// The basis of polynomials, then the generators of inner products and blinds.
    pub opening: Bases<'a>,
    /// The generator of the mask row, then that of blinds.
    masks: FixedBases<2>,
}

/// What a column holds in its usable rows; missing ones are zero.
pub enum Content<'a> {
    /// Small integers.
    Small(&'a [i64]),
    /// Field elements.
    Full(Vec<Fp>),
}

/// A committed column.
pub struct Column<'a> {
    /// Its usable rows.
    pub content: Content<'a>,
    /// The mask row, then what stands behind it; missing rows are zero.
    pub random: Vec<Fp>,
    /// The blind of its commitment.
    pub blind: Fp,
    /// Its commitment.
    pub commitment: EqAffine,
}

/// Values on all rows, with the blind of their commitment.
pub struct BlindedColumn {
    /// One per row.
    pub values: Vec<Fp>,
    /// The blind.
    pub blind: Fp,
}

/// Which rows behind the usable ones are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Random {
    /// The mask row: enough for a column that is opened in a combination only.
    Mask,
    /// All of them, for the first column, which masks the combination.
    All,
}

impl<'a> Committer<'a> {
    /// A committer for parameters that serve provers, on the CPU.
    pub fn new(parameters: &'a Parameters) -> Self {
        let (rows, usable) = (1 << parameters.k(), usable_rows(parameters.k()));
        let mask = parameters.lagrange().get(usable).copied().unwrap_or_default();
        // The quotient has degree below n, so the "extended" domain is one coset of n points.
        let domain = EvaluationDomain::new(2, parameters.k());
        let masks = FixedBases::new([mask, parameters.blinding()]);
        let [lagrange, opening] = Self::bases(parameters, Device::cpu());
        Self { parameters, domain, usable, rows, lagrange, opening, masks }
    }

    /// The same on a device.
    pub fn on(self, device: Arc<Device>) -> Self {
        let [lagrange, opening] = Self::bases(self.parameters, device);
        Self { lagrange, opening, ..self }
    }

    fn bases(parameters: &'a Parameters, device: Arc<Device>) -> [Bases<'a>; 2] {
        let lagrange = Bases::new(device.clone(), parameters.lagrange(), Work::Full);
        [lagrange, Bases::new(device, parameters.opening_basis(), Work::Opening)]
    }

    /// Commits to columns of small integers with random masks and blinds, the first one as `first`
    /// says.
    ///
    /// Randomness is drawn in order before any thread starts, so the result does not depend on
    /// their number.
    pub fn commit_small<'c>(
        &self,
        columns: impl IntoIterator<Item = &'c [i64]>,
        first: Random,
        rng: &mut impl CryptoRng,
    ) -> Vec<Column<'c>> {
        let columns: Vec<&[i64]> = columns.into_iter().collect();
        let mut random: Vec<(Vec<Fp>, Fp)> =
            columns.iter().map(|_| (vec![Fp::random(&mut *rng)], Fp::random(&mut *rng))).collect();
        let mut points =
            self.small_points(&columns, random.iter().map(|(mask, blind)| [mask[0], *blind]));
        if let (Random::All, Some((rows, _)), Some(point)) =
            (first, random.first_mut(), points.first_mut())
        {
            let more: Vec<Fp> = (1..RESERVED_ROWS).map(|_| Fp::random(&mut *rng)).collect();
            *point += msm::full(&self.parameters.lagrange()[self.usable + 1..], &[&more])[0];
            rows.extend(more);
        }
        let columns = columns.into_iter().map(Content::Small).zip(random);
        finish(columns.map(|(content, (random, blind))| (content, random, blind)), &points)
    }

    /// Commitments to columns of small integers with these mask rows and blinds.
    pub(crate) fn small_points(
        &self,
        columns: &[&[i64]],
        masks: impl Iterator<Item = [Fp; 2]>,
    ) -> Vec<Eq> {
        let points = self.lagrange.small(columns).into_par_iter();
        let masks: Vec<[Fp; 2]> = masks.collect();
        points.zip(&masks).map(|(point, masks)| point + self.masks.combine(masks)).collect()
    }

    /// Commits to columns of field elements with random masks and blinds.
    pub fn commit_full(
        &self,
        columns: Vec<Vec<Fp>>,
        rng: &mut impl CryptoRng,
    ) -> Vec<Column<'static>> {
        let mut columns: Vec<(Vec<Fp>, Fp)> = columns
            .into_iter()
            .map(|mut column| {
                column.resize(self.usable, Fp::ZERO);
                column.push(Fp::random(&mut *rng));
                (column, Fp::random(&mut *rng))
            })
            .collect();
        let values: Vec<&[Fp]> = columns.iter().map(|(column, _)| column.as_slice()).collect();
        let points =
            self.blinded(self.lagrange.full(&values), columns.iter().map(|(_, blind)| *blind));
        let columns = columns.drain(..).map(|(mut column, blind)| {
            let random = column.split_off(self.usable);
            (Content::Full(column), random, blind)
        });
        finish(columns, &points)
    }

    /// Commits to values on all rows, or to coefficients, with a blind.
    pub fn commit_rows(&self, bases: &Bases<'_>, values: &[Fp], blind: Fp) -> EqAffine {
        self.blinded(bases.full(&[values]), std::iter::once(blind))[0].to_affine()
    }

    /// The same over bases that are too few for a device.
    pub fn commit_few(&self, bases: &[EqAffine], values: &[Fp], blind: Fp) -> EqAffine {
        self.blinded(msm::full(bases, &[values]), std::iter::once(blind))[0].to_affine()
    }

    fn blinded(&self, mut points: Vec<Eq>, blinds: impl Iterator<Item = Fp>) -> Vec<Eq> {
        points
            .iter_mut()
            .zip(blinds)
            .for_each(|(point, blind)| *point += self.masks.combine(&[Fp::ZERO, blind]));
        points
    }
}

/// Columns with their commitments as affine points.
fn finish<'c>(
    columns: impl Iterator<Item = (Content<'c>, Vec<Fp>, Fp)>,
    points: &[Eq],
) -> Vec<Column<'c>> {
    let mut affine = vec![EqAffine::default(); points.len()];
    Eq::batch_normalize(points, &mut affine);
    let columns = columns.zip(affine);
    columns
        .map(|((content, random, blind), commitment)| Column { content, random, blind, commitment })
        .collect()
}

impl Column<'_> {
    /// Its values on the rows before the boundary row, and zero from there on: what the row sum
    /// sees of it.
    pub fn summed(&self, committer: &Committer<'_>, integers: &Integers) -> Vec<Fp> {
        let mut values = Vec::with_capacity(committer.rows);
        match &self.content {
            Content::Small(cells) => values.extend(cells.iter().map(|&cell| integers.get(cell))),
            Content::Full(elements) => values.extend(elements),
        }
        values.resize(committer.usable, Fp::ZERO);
        values.extend(self.random.first());
        values.resize(committer.rows, Fp::ZERO);
        values
    }
}
