//! What the row sum sums: columns as tables of `2^rounds` elements, which halve from round to
//! round, so that all rounds together cost twice the first. A round adds neighbours: its variable
//! is the lowest bit that is left of a row.

use ff::Field;
use halo2_proofs::arithmetic::lagrange_interpolate;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::adjoint::{Adjoint, WeightCotangent};
use zkinfer_verifier::argument::messages::COEFFICIENTS;
use zkinfer_verifier::challenges::LookupChallenges;

use super::fractions::{self, Line, POINTS, extend};
use super::lookups::Lookups;
use super::messages::Message;
use super::weights::{Linear, SheetSum};
use crate::columns::Columns;
use crate::commit::{Column, Committer};
use crate::integers::Integers;

/// Most rows whose terms are added up at a time.
const CHUNK: usize = 32;

/// The columns of the [row sum](zkinfer_verifier::argument::row_sum) as tables.
#[derive(Clone)]
pub struct Summand<'a> {
    /// `f`, one per lookup.
    pub lookups: Vec<Vec<Fp>>,
    /// `h`, one per helper.
    pub helpers: Vec<Vec<Fp>>,
    /// `w`.
    pub weight: Vec<Fp>,
    /// Columns with their public coefficients: first those up to the factors with `κ`, then
    /// multiplicities times `−y^(H+1)` with `R`, at last the sum of helpers with `y^(H+1)·act`.
    pub linear: Vec<Linear>,
    /// Sealed weights.
    pub sheets: Vec<SheetSum<'a>>,
    /// Products of linear columns.
    pub bilinear: Vec<Bilinear>,
    /// Separates helpers.
    pub y: Fp,
    /// Whether the terms of lookups are zero in each row, as they are before the first challenge:
    /// there each helper is the sum of its lookups' reciprocals.
    pub at_rows: bool,
}

/// `π·u·v`.
#[derive(Clone)]
pub struct Bilinear {
    /// `u` and `v`, by their place among the linear columns.
    pub columns: [usize; 2],
    /// `π`.
    pub separator: Vec<Fp>,
}

/// Sums over the even and the odd rows.
#[derive(Clone, Copy, Default)]
struct Halves {
    even: Fp,
    odd: Fp,
    /// Of the differences.
    leading: Fp,
}

impl<'a> Summand<'a> {
    /// The tables of a proof's columns; `κ` and `π` are taken out of `adjoint`.
    pub(crate) fn new(
        key: &'a VerifyingKey,
        committer: &Committer<'_>,
        columns: &'a Columns<'_>,
        cells: Vec<Vec<Fp>>,
        lookups: Lookups,
        (adjoint, weights): (&mut Adjoint, &'a [WeightCotangent]),
        challenges: &LookupChallenges,
    ) -> Self {
        let (layout, integers) = (key.layout(), Integers::new());
        let summed = |columns: &[Column<'_>]| -> Vec<Vec<Fp>> {
            columns.par_iter().map(|column| column.summed(committer, &integers)).collect()
        };
        let extend = |mut column: Vec<Fp>| {
            column.resize(committer.rows, Fp::ZERO);
            column
        };
        let kappa = std::mem::take(&mut adjoint.kappa);
        let (factors, helpers) = (summed(&columns.factors), summed(&columns.helpers));
        let dense = columns.dense.iter().map(|column| {
            let cells = column.cells(0..committer.rows);
            cells.as_slice().iter().map(|cell| integers.get(cell)).collect()
        });
        let values = cells.into_iter().chain(dense).chain(factors);
        let mut linear: Vec<[Vec<Fp>; 2]> =
            values.zip(kappa).map(|(a, kappa)| [a, extend(kappa)]).collect();
        let balance = challenges.balance(helpers.len());
        let mut multiplicities = summed(&columns.multiplicities);
        multiplicities.iter_mut().flatten().for_each(|m| *m *= -balance);
        linear.extend(
            multiplicities
                .into_iter()
                .zip(lookups.inverses)
                .map(|(m, inverses)| [m, extend(inverses)]),
        );
        let mut rest = columns.weights.as_slice();
        let sheets = layout.weight_sheets().zip(weights).map(|(sheet, cotangent)| {
            let (columns, tail) = rest.split_at(sheet.columns.len());
            rest = tail;
            (sheet, cotangent, columns)
        });
        let sheets: Vec<_> = sheets.collect();
        let sheets = sheets.into_par_iter().map(|(sheet, cotangent, columns)| {
            SheetSum::new(committer.rows, sheet, cotangent, columns)
        });
        let sheets = sheets.collect();
        let mut helper_sum = vec![Fp::ZERO; committer.rows];
        for table in &helpers {
            helper_sum.iter_mut().zip(table).for_each(|(sum, helper)| *sum += helper);
        }
        linear.push([helper_sum, extend(vec![balance; layout.usable])]);
        let multiplied: Vec<usize> = layout.multiplied_columns().collect();
        let pairs = multiplied.as_chunks::<2>().0.iter();
        let bilinear = pairs
            .zip(std::mem::take(&mut adjoint.separators))
            .map(|(&columns, separator)| Bilinear { columns, separator: extend(separator) })
            .collect();
        let powers = std::iter::successors(Some(Fp::ONE), |power| Some(*power * *challenges.zeta));
        let weight = extend(powers.take(layout.usable).collect());
        Self {
            lookups: lookups.denominators,
            helpers,
            weight,
            linear,
            sheets,
            bilinear,
            y: *challenges.y,
            at_rows: true,
        }
    }

    /// The sum of the linear and bilinear terms over all rows, which is what it must be iff every
    /// linear equation holds and lookups balance.
    pub fn linear_total(&self) -> Fp {
        let linear =
            self.tables().map(|[values, coefficients]| inner_product(values, coefficients));
        let bilinear = self.bilinear.par_iter().map(|product| {
            let [u, v, separator] = self.multiplied(product);
            u.iter().zip(v).zip(separator).map(|((u, v), separator)| *u * v * separator).sum::<Fp>()
        });
        linear.sum::<Fp>() + bilinear.sum::<Fp>()
    }

    /// What is linear.
    fn tables(&self) -> impl ParallelIterator<Item = &Linear> {
        let sheets = self.sheets.par_iter().flat_map(|sheet| &sheet.tables);
        self.linear.par_iter().chain(sheets)
    }

    /// `u`, `v`, `π` of a product.
    fn multiplied<'s>(&'s self, product: &'s Bilinear) -> [&'s [Fp]; 3] {
        let [u, v] = product.columns.map(|column| self.linear[column][0].as_slice());
        [u, v, &product.separator]
    }

    /// `û` and `v̂` of every product, once all rows are one.
    pub fn multiplied_at(&self) -> Vec<Fp> {
        let pairs = self.bilinear.iter().map(|product| self.multiplied(product));
        pairs.flat_map(|[u, v, _]| [u[0], v[0]]).collect()
    }

    /// The message of the next round, given the total of what is summed.
    pub fn message(&self, total: Fp) -> Message {
        let half = self.weight.len() / 2;
        let chunk = (half / 16).clamp(1, CHUNK);
        let starts: Vec<usize> = (0..half).step_by(chunk).collect();
        let mut evaluations = starts
            .into_par_iter()
            .map(|start| self.lookup_terms(start..half.min(start + chunk)))
            .reduce(|| [Fp::ZERO; COEFFICIENTS], add);
        let Halves { even, odd, leading } = self.linear_halves();
        let bilinear = self.bilinear.par_iter();
        let bilinear = bilinear.map(|product| bilinear_terms(self.multiplied(product)));
        let bilinear = continued(bilinear.reduce(|| [Fp::ZERO; 4], add));
        for (at, (evaluation, bilinear)) in evaluations.iter_mut().zip(bilinear).enumerate() {
            let t = Fp::from(at as u64);
            *evaluation += even + (odd - even - leading + leading * t) * t + bilinear;
        }
        // Both ends add up to the total: one evaluation less.
        evaluations[1] = total - evaluations[0];
        let points: Vec<Fp> = (0..COEFFICIENTS as u64).map(Fp::from).collect();
        let mut message = [Fp::ZERO; COEFFICIENTS];
        message.copy_from_slice(&lagrange_interpolate(&points, &evaluations));
        message
    }

    /// Folds all tables by the round's challenge.
    pub fn fold(&mut self, challenge: Fp) {
        self.at_rows = false;
        let all = self.lookups.iter_mut().chain(&mut self.helpers).chain([&mut self.weight]);
        let separators = self.bilinear.iter_mut().map(|product| &mut product.separator);
        let sheets = self.sheets.iter_mut().flat_map(|sheet| &mut sheet.tables);
        let all = all.chain(self.linear.iter_mut().chain(sheets).flatten()).chain(separators);
        all.collect::<Vec<_>>().into_par_iter().for_each(|table| {
            let half = table.len() / 2;
            for row in 0..half {
                let [even, odd] = [table[2 * row], table[2 * row + 1]];
                table[row] = even + challenge * (odd - even);
            }
            table.truncate(half);
        });
        self.sheets.iter_mut().for_each(|sheet| sheet.answered(challenge));
    }

    /// The terms of lookups at `0, 1, 2, …`, summed over these pairs of rows.
    fn lookup_terms(&self, pairs: std::ops::Range<usize>) -> Message {
        let mut sums = [Fp::ZERO; COEFFICIENTS];
        let line = |table: &Vec<Fp>, pair: usize| -> Line {
            let [even, odd] = [table[2 * pair], table[2 * pair + 1]];
            [even, odd - even]
        };
        let [mut lookups, mut helpers] = [Vec::new(), Vec::new()];
        for pair in pairs {
            for (lines, tables) in [(&mut lookups, &self.lookups), (&mut helpers, &self.helpers)] {
                lines.clear();
                lines.extend(tables.iter().map(|table| line(table, pair)));
            }
            // At the rows themselves the terms are zero, as long as these are the circuit's.
            let first = if self.at_rows { 2 } else { 0 };
            let mut terms = [Fp::ZERO; COEFFICIENTS];
            terms[..POINTS].copy_from_slice(&fractions::terms(&lookups, &helpers, self.y, first));
            extend(&mut terms, POINTS);
            let [mut weight, step] = line(&self.weight, pair);
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += weight * term;
                weight += step;
            }
        }
        sums
    }

    fn linear_halves(&self) -> Halves {
        let columns = self.tables().map(|[values, coefficients]| {
            let pairs = pairs(values).zip(pairs(coefficients));
            pairs.fold(Halves::default(), |sums, ([a, b], [c, d])| Halves {
                even: sums.even + *a * c,
                odd: sums.odd + *b * d,
                leading: sums.leading + (*b - a) * (*d - c),
            })
        });
        columns.reduce(Halves::default, |a, b| Halves {
            even: a.even + b.even,
            odd: a.odd + b.odd,
            leading: a.leading + b.leading,
        })
    }
}

/// Rows with the next.
fn pairs(table: &[Fp]) -> std::slice::Iter<'_, [Fp; 2]> {
    table.as_chunks().0.iter()
}

/// `Σ u·v·π` at `0, 1, 2, 3`, which say all of a polynomial of degree 3.
fn bilinear_terms([u, v, separator]: [&[Fp]; 3]) -> [Fp; 4] {
    let mut sums = [Fp::ZERO; 4];
    for ((u, v), separator) in pairs(u).zip(pairs(v)).zip(pairs(separator)) {
        let mut values = [u[0], v[0], separator[0]];
        let steps = [u, v, separator].map(|[even, odd]| *odd - even);
        for sum in &mut sums {
            let [u, v, separator] = values;
            *sum += u * v * separator;
            values.iter_mut().zip(steps).for_each(|(value, step)| *value += step);
        }
    }
    sums
}

/// A polynomial of degree 3 at `0, 1, 2, …`, from its first values: by differences, the third of
/// which is the same everywhere.
fn continued([a, b, c, d]: [Fp; 4]) -> Message {
    let [first, next, last] = [b - a, c - b, d - c];
    let mut differences = [a, first, next - first, last - next.double() + first];
    std::array::from_fn(|_| {
        let value = differences[0];
        (0..3).for_each(|order| differences[order] += differences[order + 1]);
        value
    })
}

fn add<const N: usize>(mut sum: [Fp; N], terms: [Fp; N]) -> [Fp; N] {
    sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    sum
}

fn inner_product(a: &[Fp], b: &[Fp]) -> Fp {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::eval_polynomial;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const ROWS: usize = 128;

    fn summand(lookups: usize) -> Summand<'static> {
        let mut rng = StdRng::seed_from_u64(lookups as u64);
        let mut column = || -> Vec<Fp> { (0..ROWS).map(|_| Fp::random(&mut rng)).collect() };
        Summand {
            lookups: (0..lookups).map(|_| column()).collect(),
            helpers: (0..lookups.div_ceil(8)).map(|_| column()).collect(),
            weight: column(),
            linear: (0..3).map(|_| [column(), column()]).collect(),
            sheets: Vec::new(),
            bilinear: [[0, 1], [2, 2]]
                .map(|columns| Bilinear { columns, separator: column() })
                .into(),
            y: Fp::from(1009),
            at_rows: false,
        }
    }

    /// The sum over all rows, term by term.
    fn plain(summand: &Summand<'_>) -> Fp {
        let row = |row: usize| {
            let at =
                |columns: &[Vec<Fp>]| columns.iter().map(|column| column[row]).collect::<Vec<Fp>>();
            let (lookups, helpers) = (at(&summand.lookups), at(&summand.helpers));
            let mut power = Fp::ONE;
            let mut sum = Fp::ZERO;
            for (group, helper) in lookups.chunks(8).zip(helpers) {
                power *= summand.y;
                let product: Fp = group.iter().product();
                let others = |left: &Fp| product * left.invert().unwrap();
                sum += power * (helper * product - group.iter().map(others).sum::<Fp>());
            }
            let linear: Fp = summand.linear.iter().map(|[a, b]| a[row] * b[row]).sum();
            let value = |column: usize| summand.linear[column][0][row];
            let product = |Bilinear { columns: [u, v], separator }: &Bilinear| {
                value(*u) * value(*v) * separator[row]
            };
            let bilinear: Fp = summand.bilinear.iter().map(product).sum();
            summand.weight[row] * sum + linear + bilinear
        };
        (0..summand.weight.len()).map(row).sum()
    }

    #[test]
    fn messages_and_folding_are_those_of_the_definition() {
        for lookups in [0, 1, 7, 8, 9, 24] {
            let mut summand = summand(lookups);
            let mut total = plain(&summand);
            while summand.weight.len() > 1 {
                let message = summand.message(total);
                for t in 0..COEFFICIENTS as u64 + 2 {
                    let mut halves = summand.clone();
                    halves.fold(Fp::from(t));
                    assert_eq!(
                        eval_polynomial(&message, Fp::from(t)),
                        plain(&halves),
                        "{lookups} lookups at {t}"
                    );
                }
                let challenge = Fp::from(77).square() + Fp::from(summand.weight.len() as u64);
                total = eval_polynomial(&message, challenge);
                summand.fold(challenge);
            }
            assert_eq!(plain(&summand), total);
        }
    }
}
