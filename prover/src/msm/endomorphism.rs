//! Scalars of 255 bits as two of 127.
//!
//! Vesta has the endomorphism `φ(x, y) = (ζ·x, y)`, which multiplies by a cube root of unity `λ` of
//! the scalar field. With a short basis `v = (a, b)`, `w = (c, d)` of the lattice of all `(i, j)`
//! with `i + j·λ = 0`, the vector `(k, 0)` less the lattice point next to it is short and still
//! means `k`: `k = k₁ + k₂·λ`, and `k·P = k₁·P + k₂·φ(P)`. This is the method of Gallant, Lambert
//! and Vanstone ("Faster point multiplication on elliptic curves with efficient endomorphisms",
//! CRYPTO 2001); the basis and the factors that replace the divisions in rounding are constants of
//! `pasta_curves`.

use ff::PrimeField;
use pasta_curves::glv::GlvParams;
use pasta_curves::{Eq, Fp};

/// `k₁` and `k₂`, both below `2^127` in magnitude.
pub(super) fn split(scalar: &Fp) -> [i128; 2] {
    let bytes = scalar.to_repr();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.as_chunks().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    let low = u128::from(limbs[0]) | u128::from(limbs[1]) << 64;
    let (first, second) = (multiple(&limbs, &Eq::G1), multiple(&limbs, &Eq::G2));
    // Both differences fit into an i128, so what overflows on the way does not matter.
    let k_1 =
        low.wrapping_sub(first.wrapping_mul(Eq::V1A)).wrapping_sub(second.wrapping_mul(Eq::V2A));
    let k_2 = first.wrapping_mul(Eq::V1B_NEG).wrapping_sub(second.wrapping_mul(Eq::V2B));
    [k_1 as i128, k_2 as i128]
}

/// `scalar·factor/2^384`, rounded: how often a vector of the basis is in the lattice point.
fn multiple(scalar: &[u64; 4], factor: &[u64; 5]) -> u128 {
    let mut product = [0; 9];
    for (i, &a) in scalar.iter().enumerate() {
        let mut carry = 0;
        for (j, &b) in factor.iter().enumerate() {
            (product[i + j], carry) = a.carrying_mul_add(b, product[i + j], carry);
        }
        product[i + 5] = carry;
    }
    (u128::from(product[6]) | u128::from(product[7]) << 64) + u128::from(product[5] >> 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::{Field, WithSmallOrderMulGroup};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn field(integer: i128) -> Fp {
        let magnitude = Fp::from_u128(integer.unsigned_abs());
        if integer < 0 { -magnitude } else { magnitude }
    }

    #[test]
    fn halves_mean_the_scalar_and_are_short() {
        let mut rng = StdRng::seed_from_u64(1);
        let special =
            [Fp::ZERO, Fp::ONE, -Fp::ONE, Fp::ZETA, -Fp::ZETA, Fp::from(2).invert().unwrap()];
        let random: Vec<Fp> = (0..10_000).map(|_| Fp::random(&mut rng)).collect();
        for scalar in special.iter().chain(&random) {
            let [k_1, k_2] = split(scalar);
            assert_eq!(field(k_1) + field(k_2) * Fp::ZETA, *scalar);
            assert!(k_1 != i128::MIN && k_2 != i128::MIN);
        }
    }
}
