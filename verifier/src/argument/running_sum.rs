//! The one polynomial constraint that is left: `Σ_row E[row]·A[row] + Σ_row μ[row]·M[row] = value`.
//!
//! | constraint | formula |
//! |---|---|
//! | running sum step | `act·(S(ωX) − S(X)) − E·A − μ·M` |
//! | running sum start, end | `l₀·S`, `l_b·(S − value)` |
//!
//! `act` is 1 on the rows before the boundary row `b`; `E` and `μ`, which the verifier knows, are
//! zero from there on. So each product has degree below `2n`, and their quotient by `Xⁿ − 1` below
//! `n`: one polynomial, which one coset of the domain determines. Derivation:
//! `docs/argument/row-sum.md`.

use pasta_curves::Fp;

/// The columns at one point.
#[derive(Clone, Copy, Debug)]
pub struct ColumnsAt {
    /// `S` here and one row on.
    pub sum: [Fp; 2],
    /// The combination of columns, `A`.
    pub combination: Fp,
    /// The messages, `M`.
    pub messages: Fp,
    /// `E`.
    pub weight: Fp,
    /// `μ`.
    pub message_weight: Fp,
    /// `act`: 1 on rows below the boundary row.
    pub active: Fp,
    /// `l₀`.
    pub first: Fp,
    /// `l_b`.
    pub boundary: Fp,
}

/// The constraints at a point, combined with powers of `separator`; zero on the domain if all hold.
pub fn constraints(point: &ColumnsAt, value: Fp, separator: Fp) -> Fp {
    let [here, next] = point.sum;
    let step = point.active * (next - here)
        - point.weight * point.combination
        - point.message_weight * point.messages;
    let (start, end) = (point.first * here, point.boundary * (here - value));
    step + separator * (start + separator * end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constraint_catches_what_only_it_sees() {
        let row = |selectors: [u64; 3], here: Fp| {
            let [active, first, boundary] = selectors.map(Fp::from);
            let [weight, message_weight] =
                if selectors[0] == 1 { [5, 6] } else { [0, 0] }.map(Fp::from);
            let [combination, messages] = [7, 8].map(Fp::from);
            let next = here + weight * combination + message_weight * messages;
            ColumnsAt {
                sum: [here, next],
                combination,
                messages,
                weight,
                message_weight,
                active,
                first,
                boundary,
            }
        };
        let value = Fp::from(77);
        let fold = |point: &ColumnsAt| constraints(point, value, Fp::from(1009));
        let fails = |point: &ColumnsAt, change: fn(&mut ColumnsAt), name: &str| {
            assert_eq!(fold(point), Fp::zero(), "{name}: the honest row");
            let mut forged = *point;
            change(&mut forged);
            assert_ne!(fold(&forged), Fp::zero(), "{name}");
        };
        let inner = row([1, 0, 0], Fp::from(40));
        fails(&inner, |row| row.sum[1] += Fp::one(), "step");
        fails(&inner, |row| row.combination += Fp::one(), "step, combination");
        fails(&inner, |row| row.messages += Fp::one(), "step, messages");
        fails(&inner, |row| row.weight += Fp::one(), "step, weight");
        fails(&inner, |row| row.message_weight += Fp::one(), "step, weight of messages");
        let shift = |row: &mut ColumnsAt| row.sum.iter_mut().for_each(|sum| *sum += Fp::one());
        fails(&row([1, 1, 0], Fp::zero()), shift, "start");
        fails(&row([0, 0, 1], value), shift, "end");
    }
}
