//! Commitments on the CPU, by halo2's multi-exponentiation.

use ff::Field;
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::{LagrangeCoeff, Polynomial};
use pasta_curves::{Eq, EqAffine, Fp};
use zkinfer_verifier::field::integer;

/// Commits to a column of small signed integers with full-size values in its last rows.
///
/// Small non-negative scalars make a cheap multi-exponentiation, negative ones are as large as the field. So every value is raised by
/// `-minimum`, and that multiple of the commitment to the constant 1, which is the first coefficient generator, is taken off again.
pub fn commit_small(
    params: &Params<EqAffine>,
    one: EqAffine,
    mut column: Polynomial<Fp, LagrangeCoeff>,
    minimum: i64,
    blind: Fp,
) -> Eq {
    let lift = integer(minimum.min(0).saturating_neg());
    if bool::from(lift.is_zero()) {
        return params.commit_lagrange(&column, Blind(blind));
    }
    column.iter_mut().for_each(|value| *value += lift);
    params.commit_lagrange(&column, Blind(blind)) - one * lift
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::poly::EvaluationDomain;

    #[test]
    fn lifting_does_not_change_the_commitment() {
        let params = Params::<EqAffine>::new(5);
        let domain = EvaluationDomain::<Fp>::new(5, 5);
        let mut values: Vec<Fp> = (-16..16).map(integer).collect();
        values[31] = Fp::from(7).invert().unwrap();
        let column = domain.lagrange_from_vec(values);
        let plain = params.commit_lagrange(&column, Blind(Fp::from(9)));
        let one = params.get_g()[0];
        assert_eq!(commit_small(&params, one, column, -16, Fp::from(9)), plain);
    }
}
