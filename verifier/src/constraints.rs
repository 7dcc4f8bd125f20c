//! The polynomial constraints, written once for prover and verifier.
//!
//! At any point of the domain, its extension, or the evaluation point `x`, [`fold`] combines the constraints with powers of `y`:
//!
//! | constraint | formula | degree |
//! |---|---|---|
//! | lookup helper (one per three lookups) | `act·(h·f₁f₂f₃ − (f₁f₂ + f₁f₃ + f₂f₃))` | 5 |
//! | lookup sum step | `act·(φ(ωX) − φ(X) − Σ h) + Σ_s m_s·R_s` | 2 |
//! | lookup sum start, end | `l₀·φ`, `l_u·φ` | 2 |
//! | adjoint sum step | `act·(S(ωX) − S(X) − Σ_c κ_c·a_c − Σ_j π_j·u_j·v_j)` | 4 |
//! | adjoint sum start, end | `l₀·S`, `l_u·(S − gᵀb)` | 2 |
//!
//! `f = β + tag + θ·c₁ + θ²·c₂ + θ³·c₃`. Derivations: `docs/argument/`.

use ff::Field;
use pasta_curves::Fp;

use crate::LOOKUPS_PER_HELPER;
use crate::layout::Lookup;
use crate::tables::compress;

/// Challenges that the constraints mention.
#[derive(Clone, Copy, Debug)]
pub struct Challenges {
    /// Compresses tuples.
    pub theta: Fp,
    /// Shifts compressed tuples.
    pub beta: Fp,
    /// Combines constraints.
    pub y: Fp,
}

/// All columns at one point.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Cells `a_c`.
    pub cells: &'a [Fp],
    /// Multiplicities `m_s`.
    pub multiplicities: &'a [Fp],
    /// Helpers `h`.
    pub helpers: &'a [Fp],
    /// `φ` here and one row on.
    pub lookup_sum: [Fp; 2],
    /// `S` here and one row on.
    pub adjoint_sum: [Fp; 2],
    /// Public `κ_c`.
    pub kappa: &'a [Fp],
    /// Factors `u` and `v`, in turn; also among the cells.
    pub factors: &'a [Fp],
    /// Public `π`, one per pair of factors.
    pub separators: &'a [Fp],
    /// Public tags, one per lookup.
    pub tags: &'a [Fp],
    /// Public `R_s = 1/(β + t_s)`.
    pub inverses: &'a [Fp],
    /// `act`: 1 on rows below `u`.
    pub active: Fp,
    /// `l₀`.
    pub first: Fp,
    /// `l_u`.
    pub boundary: Fp,
}

/// `β +` the compressed tuple of one lookup.
pub fn denominator(lookup: &Lookup, tag: Fp, cells: &[Fp], challenges: Challenges) -> Fp {
    let tuple = cells.get(lookup.columns.clone()).unwrap_or_default();
    challenges.beta + compress(tag, tuple.iter().copied(), challenges.theta)
}

/// The product of up to three denominators, and the sum of the products that leave one out.
pub fn product_and_sum(denominators: impl IntoIterator<Item = Fp>) -> (Fp, Fp) {
    denominators.into_iter().fold((Fp::ONE, Fp::ZERO), |(product, sum), f| (product * f, sum * f + product))
}

/// The constraints at `point`, combined with powers of `y`; zero on the domain if all hold.
pub fn fold(lookups: &[Lookup], point: Point<'_>, target: Fp, challenges: Challenges) -> Fp {
    let mut sum = Fp::ZERO;
    let mut add = |constraint: Fp| sum = sum * challenges.y + constraint;

    let groups = lookups.chunks(LOOKUPS_PER_HELPER).zip(point.tags.chunks(LOOKUPS_PER_HELPER));
    for ((group, tags), helper) in groups.zip(point.helpers) {
        let denominators =
            group.iter().zip(tags).map(|(lookup, &tag)| denominator(lookup, tag, point.cells, challenges));
        let (product, sum) = product_and_sum(denominators);
        add(point.active * (*helper * product - sum));
    }

    let [here, next] = point.lookup_sum;
    let helpers: Fp = point.helpers.iter().sum();
    let table: Fp = point.multiplicities.iter().zip(point.inverses).map(|(m, inverse)| *m * inverse).sum();
    add(point.active * (next - here - helpers) + table);
    add(point.first * here);
    add(point.boundary * here);

    let [here, next] = point.adjoint_sum;
    let products: Fp = point.kappa.iter().zip(point.cells).map(|(kappa, cell)| *kappa * cell).sum();
    let pairs = point.factors.as_chunks::<2>().0.iter().zip(point.separators);
    let bilinear: Fp = pairs.map(|([u, v], separator)| *separator * u * v).sum();
    add(point.active * (next - here - products - bilinear));
    add(point.first * here);
    add(point.boundary * (here - target));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns at one row of the domain, for two lookups of one cell each.
    #[derive(Clone)]
    struct Row {
        cells: [Fp; 2],
        helper: Fp,
        multiplicity: Fp,
        inverse: Fp,
        lookup_sum: [Fp; 2],
        adjoint_sum: [Fp; 2],
        kappa: [Fp; 2],
        factors: [Fp; 2],
        separator: Fp,
        /// `act`, `l₀`, `l_u`.
        selectors: [u64; 3],
    }

    const TARGET: u64 = 77;

    impl Row {
        fn fold(&self) -> Fp {
            let lookups = [0..1, 1..2].map(|columns| Lookup { columns, tags: Vec::new() });
            let [active, first, boundary] = self.selectors.map(Fp::from);
            let point = Point {
                cells: &self.cells,
                multiplicities: &[self.multiplicity],
                helpers: &[self.helper],
                lookup_sum: self.lookup_sum,
                adjoint_sum: self.adjoint_sum,
                kappa: &self.kappa,
                factors: &self.factors,
                separators: &[self.separator],
                tags: &[Fp::from(1), Fp::from(2)],
                inverses: &[self.inverse],
                active,
                first,
                boundary,
            };
            let challenges = Challenges { theta: Fp::from(1009), beta: Fp::from(2003), y: Fp::from(3001) };
            fold(&lookups, point, Fp::from(TARGET), challenges)
        }

        /// A row where every constraint holds.
        fn honest(selectors: [u64; 3], lookup_here: Fp, adjoint_here: Fp) -> Self {
            let cells = [Fp::from(5), Fp::from(6)];
            let kappa = [Fp::from(7), Fp::from(8)];
            let inverse = |tag: u64, cell: Fp| (Fp::from(2003 + tag) + Fp::from(1009) * cell).invert().unwrap();
            let helper = inverse(1, cells[0]) + inverse(2, cells[1]);
            // Where `act` vanishes, so do the public table columns.
            let table = if selectors[0] == 1 { Fp::from(11) } else { Fp::ZERO };
            let multiplicity = Fp::from(3);
            let (factors, separator) = ([Fp::from(9), Fp::from(10)], Fp::from(12));
            let bilinear = factors[0] * factors[1] * separator;
            Self {
                cells,
                helper,
                multiplicity,
                inverse: table,
                lookup_sum: [lookup_here, lookup_here + helper - multiplicity * table],
                adjoint_sum: [adjoint_here, adjoint_here + kappa[0] * cells[0] + kappa[1] * cells[1] + bilinear],
                kappa,
                factors,
                separator,
                selectors,
            }
        }
    }

    fn assert_fails(row: &Row, change: impl FnOnce(&mut Row), constraint: &str) {
        assert_eq!(row.fold(), Fp::ZERO, "{constraint}: the honest row");
        let mut forged = row.clone();
        change(&mut forged);
        assert_ne!(forged.fold(), Fp::ZERO, "{constraint}");
    }

    #[test]
    fn each_constraint_catches_what_only_it_sees() {
        let inner = Row::honest([1, 0, 0], Fp::from(40), Fp::from(41));
        assert_fails(
            &inner,
            |row| {
                // The helper is off, and the sum follows it.
                row.helper += Fp::ONE;
                row.lookup_sum[1] += Fp::ONE;
            },
            "lookup helper",
        );
        assert_fails(&inner, |row| row.lookup_sum[1] += Fp::ONE, "lookup sum step");
        assert_fails(&inner, |row| row.multiplicity += Fp::ONE, "lookup sum step, multiplicity");
        assert_fails(&inner, |row| row.adjoint_sum[1] += Fp::ONE, "adjoint sum step");
        assert_fails(&inner, |row| row.kappa[1] += Fp::ONE, "adjoint sum step, cotangent");
        assert_fails(&inner, |row| row.factors[0] += Fp::ONE, "adjoint sum step, left factor");
        assert_fails(&inner, |row| row.factors[1] += Fp::ONE, "adjoint sum step, right factor");
        assert_fails(&inner, |row| row.separator += Fp::ONE, "adjoint sum step, separator");

        let shift = |sum: &mut [Fp; 2]| sum.iter_mut().for_each(|value| *value += Fp::ONE);
        let first = Row::honest([1, 1, 0], Fp::ZERO, Fp::ZERO);
        assert_fails(&first, |row| shift(&mut row.lookup_sum), "lookup sum start");
        assert_fails(&first, |row| shift(&mut row.adjoint_sum), "adjoint sum start");

        let boundary = Row::honest([0, 0, 1], Fp::ZERO, Fp::from(TARGET));
        assert_fails(&boundary, |row| shift(&mut row.lookup_sum), "lookup sum end");
        assert_fails(&boundary, |row| shift(&mut row.adjoint_sum), "adjoint sum end");
    }

    #[test]
    fn random_rows_are_free() {
        let mut row = Row::honest([0, 0, 0], Fp::from(1), Fp::from(2));
        row.cells = [Fp::from(91), Fp::from(92)];
        (row.helper, row.lookup_sum, row.adjoint_sum) = (Fp::from(93), [Fp::from(94); 2], [Fp::from(95); 2]);
        assert_eq!(row.fold(), Fp::ZERO);
    }

    #[test]
    fn errors_in_two_constraints_do_not_cancel() {
        let first = Row::honest([1, 1, 0], Fp::ZERO, Fp::ZERO);
        let mut forged = first.clone();
        forged.lookup_sum.iter_mut().for_each(|value| *value += Fp::ONE);
        forged.adjoint_sum.iter_mut().for_each(|value| *value -= Fp::ONE);
        assert_ne!(forged.fold(), Fp::ZERO);
    }
}
