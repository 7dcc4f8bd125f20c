//! halo2's inner product argument, proven faster: the verifier's side is
//! `halo2_proofs::poly::commitment::verify_proof`.
//!
//! The relation and the messages are those of the Halo paper (<https://eprint.iacr.org/2019/1021>,
//! section 3) as halo2 spells them. What is different is that the generators are not folded in
//! every round. After `j` rounds with challenges `u`, generator `i` of the `m` that are left is
//!
//! ```text
//! G'_i = Σ_b s_b·G_(b·m + i) ,   s = (1, u_1) ⊗ … ⊗ (1, u_j) ,
//! ```
//!
//! so a message `Σ c_i·G'_i` over half of them is one over half of the original generators with
//! scalars `s_b·c_i`. That costs a multi-exponentiation of the original size, little for a few
//! rounds beside a folding: [`fold`](crate::msm::fold()) folds several rounds in less time than one
//! after the other.

use ff::Field;
use group::Curve;
use halo2_proofs::arithmetic::{compute_inner_product, eval_polynomial};
use pasta_curves::arithmetic::CurveExt;
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use zkinfer_verifier::argument::schedule::AwaitsMask;
use zkinfer_verifier::challenges::U;

use crate::error::ProveError;
use crate::msm::{Bases, full, tensor};
use crate::writer::Writer;

/// So few generators are not folded any more.
const LAST: usize = 16;

/// Generators behind those of coefficients: `U`, of inner products, and `W`, of blinds.
pub const EXTRA: usize = 2;

/// Opens the commitment to a polynomial with this blind at `x`. The bases are as many generators as
/// it has coefficients, two at least, then `U` and `W`.
pub fn open(
    bases: &Bases<'_>,
    start: AwaitsMask<Writer>,
    polynomial: Vec<Fp>,
    blind: Fp,
    x: Fp,
    rng: &mut impl CryptoRng,
) -> Result<Writer, ProveError> {
    let mask = mask(x, rng);
    let mask_blind = Fp::random(&mut *rng);
    let points = bases.points();
    let few = [points[0], points[1], points[points.len() - 1]];
    let commitment = full(&few, &[&[mask[0], mask[1], mask_blind]])[0].to_affine();
    let (_, (xi, z), next) = start.mask(commitment)?;

    let mut coefficients = polynomial;
    coefficients.iter_mut().zip(mask).for_each(|(coefficient, mask)| *coefficient += mask * *xi);
    let value = eval_polynomial(&coefficients, x);
    coefficients[0] -= value;
    let powers = std::iter::successors(Some(Fp::ONE), |power| Some(*power * x));
    let mut product = Folding {
        powers: powers.take(coefficients.len()).collect(),
        coefficients,
        blind: mask_blind * *xi + blind,
        sides: [Fp::ZERO; 2],
        generators: Generators { original: bases, folded: None, challenges: Vec::new() },
    };
    let (rounds, next) = next.rounds(|challenge| {
        product.fold(challenge)?;
        product.sides = [Fp::random(&mut *rng), Fp::random(&mut *rng)];
        Ok(product.sides(*z))
    })?;
    product.fold(rounds.last().map(|(_, challenge)| *challenge))?;
    let (_, writer) = next.scalars(&[product.coefficients[0], product.blind])?;
    Ok(writer)
}

/// Both vectors of the inner product with some rounds of folding done.
struct Folding<'b, 'a> {
    coefficients: Vec<Fp>,
    powers: Vec<Fp>,
    /// Of the commitment to the coefficients.
    blind: Fp,
    /// Of `L` and `R` of the round before.
    sides: [Fp; 2],
    generators: Generators<'b, 'a>,
}

impl Folding<'_, '_> {
    /// `L` and `R`.
    fn sides(&self, z: Fp) -> [EqAffine; 2] {
        let half = self.coefficients.len() / 2;
        let (low, high) = self.coefficients.split_at(half);
        let (powers_low, powers_high) = self.powers.split_at(half);
        let zeros = vec![Fp::ZERO; half];
        let [left, right] = self.sides;
        self.generators.combine([
            ([high, &zeros].concat(), compute_inner_product(high, powers_low) * z, left),
            ([&zeros, low].concat(), compute_inner_product(low, powers_high) * z, right),
        ])
    }

    /// Answers a challenge, if there was one.
    fn fold(&mut self, challenge: Option<U>) -> Result<(), ProveError> {
        let Some(challenge) = challenge else { return Ok(()) };
        let inverse = Option::<Fp>::from(challenge.invert());
        let inverse = inverse.ok_or(ProveError::DegenerateChallenge)?;
        let halve = |vector: &[Fp], factor: Fp| {
            let (low, high) = vector.split_at(vector.len() / 2);
            fold_scalars(low, high, factor)
        };
        self.coefficients = halve(&self.coefficients, inverse);
        self.powers = halve(&self.powers, *challenge);
        self.generators.fold(*challenge);
        let [left, right] = self.sides;
        self.blind += left * inverse + right * *challenge;
        Ok(())
    }
}

/// A random multiple of `X − x`: it has a root at `x` and hides the folded coefficient that is
/// revealed at the end.
///
/// halo2 takes a random polynomial of full degree. One coefficient needs one random number: the
/// last challenge `u` weights `(−x, 1)` with `u⁻¹ − x`, which is not zero, and all else that the
/// argument sends is masked by blinds of its own.
fn mask(x: Fp, rng: &mut impl CryptoRng) -> [Fp; 2] {
    let random = Fp::random(rng);
    [-(random * x), random]
}

/// `low + factor·high`.
fn fold_scalars(low: &[Fp], high: &[Fp], factor: Fp) -> Vec<Fp> {
    low.iter().zip(high).map(|(low, high)| *low + *high * factor).collect()
}

/// Generators with some rounds of folding to be done, then `U` and `W`.
struct Generators<'b, 'a> {
    original: &'b Bases<'a>,
    /// What the rounds that are done made of them.
    folded: Option<Bases<'a>>,
    challenges: Vec<Fp>,
}

impl<'a> Generators<'_, 'a> {
    fn bases(&self) -> &Bases<'a> {
        self.folded.as_ref().unwrap_or(self.original)
    }

    /// Sums over folded generators, `U` and `W`.
    fn combine<const N: usize>(&self, terms: [(Vec<Fp>, Fp, Fp); N]) -> [EqAffine; N] {
        let factors = tensor(&self.challenges);
        let expanded = terms.map(|(coefficients, product, blinding)| {
            let unfolded =
                factors.iter().flat_map(|factor| coefficients.iter().map(move |c| *c * factor));
            unfolded.chain([product, blinding]).collect::<Vec<Fp>>()
        });
        let sums = self.bases().full(&expanded.each_ref().map(|scalars| &scalars[..]));
        std::array::from_fn(|i| sums[i].to_affine())
    }

    /// One round of folding, done now or later.
    fn fold(&mut self, challenge: Fp) {
        self.challenges.push(challenge);
        if self.challenges.len() >= self.bases().rounds() && self.bases().len() > LAST + EXTRA {
            self.folded = Some(self.bases().fold(&self.challenges, EXTRA));
            self.challenges.clear();
        }
    }
}

/// halo2's `U` and `W`, from the string that its parameters are derived from.
pub fn extra_generators() -> [EqAffine; 2] {
    let hash = Eq::hash_to_curve("Halo2-Parameters");
    [hash(&[2]), hash(&[1])].map(|point| point.to_affine())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msm::{Device, Work};
    use halo2_proofs::arithmetic::best_multiexp;
    use halo2_proofs::poly::EvaluationDomain;
    use halo2_proofs::poly::commitment::{Blind, Params, verify_proof};
    use halo2_proofs::transcript::{
        Blake2bRead, Blake2bWrite, Challenge255, Transcript as _, TranscriptWrite,
    };
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    type Transcript = Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>;

    fn draw(transcript: &mut Transcript) -> Fp {
        *transcript.squeeze_challenge_scalar::<()>()
    }

    /// The argument as the paper has it: generators are folded in every round.
    fn open_plainly(
        g: &[EqAffine],
        [product, blinding]: [EqAffine; EXTRA],
        transcript: &mut Transcript,
        polynomial: &[Fp],
        blind: Fp,
        x: Fp,
        rng: &mut impl CryptoRng,
    ) {
        let mut g = g.to_vec();
        let commit = |scalars: &[Fp], g: &[EqAffine], of_product: Fp, of_blinding: Fp| {
            let scalars = [scalars, &[of_product, of_blinding]].concat();
            best_multiexp(&scalars, &[g, &[product, blinding]].concat()).to_affine()
        };
        let mut mask = mask(x, rng).to_vec();
        mask.resize(polynomial.len(), Fp::ZERO);
        assert_eq!(eval_polynomial(&mask, x), Fp::ZERO);
        let mask_blind = Fp::random(&mut *rng);
        transcript.write_point(commit(&mask, &g, Fp::ZERO, mask_blind)).unwrap();
        let (xi, z) = (draw(transcript), draw(transcript));
        let mut coefficients: Vec<Fp> =
            mask.iter().zip(polynomial).map(|(mask, p)| *mask * xi + p).collect();
        let value = eval_polynomial(&coefficients, x);
        coefficients[0] -= value;
        let mut blind = mask_blind * xi + blind;
        let mut powers: Vec<Fp> = (0..polynomial.len() as u64).map(|i| x.pow([i])).collect();
        while g.len() > 1 {
            let half = g.len() / 2;
            let [left_blind, right_blind] = [Fp::random(&mut *rng), Fp::random(&mut *rng)];
            let left = compute_inner_product(&coefficients[half..], &powers[..half]) * z;
            let right = compute_inner_product(&coefficients[..half], &powers[half..]) * z;
            transcript
                .write_point(commit(&coefficients[half..], &g[..half], left, left_blind))
                .unwrap();
            transcript
                .write_point(commit(&coefficients[..half], &g[half..], right, right_blind))
                .unwrap();
            let challenge = draw(transcript);
            let inverse = challenge.invert().unwrap();
            for i in 0..half {
                coefficients[i] = coefficients[i] + coefficients[i + half] * inverse;
                powers[i] = powers[i] + powers[i + half] * challenge;
                g[i] = (g[i] + g[i + half] * challenge).to_affine();
            }
            coefficients.truncate(half);
            powers.truncate(half);
            g.truncate(half);
            blind += left_blind * inverse + right_blind * challenge;
        }
        transcript.write_scalar(coefficients[0]).unwrap();
        transcript.write_scalar(blind).unwrap();
    }

    #[test]
    fn bytes_are_the_plain_ones_and_halo2_accepts_them() {
        let extra = extra_generators();
        for k in 1..=9 {
            let (params, domain) = (Params::<EqAffine>::new(k), EvaluationDomain::<Fp>::new(1, k));
            let g = params.get_g();
            let points = [&g[..], &extra].concat();
            let bases = Bases::new(Device::cpu(), &points, Work::Opening);
            let mut rng = StdRng::seed_from_u64(k.into());
            let polynomial: Vec<Fp> = g.iter().map(|_| Fp::random(&mut rng)).collect();
            let (blind, x) = (Fp::random(&mut rng), Fp::random(&mut rng));

            let rng = || StdRng::seed_from_u64(100);
            let mut plain = Transcript::init(Vec::new());
            open_plainly(&g, extra, &mut plain, &polynomial, blind, x, &mut rng());
            let start = AwaitsMask::new(Writer::unbound(), k);
            let fast = open(&bases, start, polynomial.clone(), blind, x, &mut rng()).unwrap();
            let (plain, fast) = (plain.finalize(), fast.finish());
            assert_eq!(plain, fast);

            let commitment =
                params.commit(&domain.coeff_from_vec(polynomial.clone()), Blind(blind)).to_affine();
            let accepts = |value: Fp| {
                let mut msm = params.empty_msm();
                msm.append_term(Fp::ONE, commitment);
                let mut transcript = Blake2bRead::<_, _, Challenge255<_>>::init(&fast[..]);
                verify_proof(&params, msm, &mut transcript, x, value)
                    .is_ok_and(|guard| guard.use_challenges().eval())
            };
            let value = eval_polynomial(&polynomial, x);
            assert!(accepts(value) && !accepts(value + Fp::ONE));
        }
    }
}
