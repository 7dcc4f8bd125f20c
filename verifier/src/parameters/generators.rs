//! Generators with no trapdoor: a fixed string, hashed to the curve. They are halo2's
//! (`Params::new`), so that its verifier accepts what they commit to.

use group::{Curve, Group};
use halo2_proofs::arithmetic::parallelize;
use pasta_curves::arithmetic::CurveExt;
use pasta_curves::{Eq, EqAffine};

/// The string that halo2 hashes with each message.
const DOMAIN: &str = "Halo2-Parameters";

/// The first `count` generators of the coefficient basis: `G_i` commits to `X^i`. Fewer are a
/// prefix of more. On all threads that halo2 has.
pub fn coefficient_basis(count: usize) -> Vec<EqAffine> {
    let mut generators = vec![EqAffine::default(); count];
    // Splitting nothing among threads would panic.
    if count == 0 {
        return generators;
    }
    parallelize(&mut generators, |generators, start| {
        let hash = Eq::hash_to_curve(DOMAIN);
        let mut points = vec![Eq::identity(); generators.len()];
        for (index, point) in (start..).zip(&mut points) {
            let [a, b, c, d, ..] = index.to_le_bytes();
            *point = hash(&[0, a, b, c, d]);
        }
        Eq::batch_normalize_vartime(&points, generators);
    });
    generators
}

/// The generator `W` of blinds.
pub fn blinding() -> EqAffine {
    Eq::hash_to_curve(DOMAIN)(&[1]).to_affine()
}

/// The generator `U` of the inner product in openings.
pub fn inner_product() -> EqAffine {
    Eq::hash_to_curve(DOMAIN)(&[2]).to_affine()
}
