//! The opening is halo2's: what this prover writes, halo2's verifier and this one accept, and a
//! wrong value neither.

use ff::Field;
use group::Curve;
use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::poly::EvaluationDomain;
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::multiopen::{VerifierQuery, verify_proof};
use halo2_proofs::transcript::{Blake2bRead, Challenge255};
use pasta_curves::{EqAffine, Fp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_prover::commit::Committer;
use zkinfer_prover::opening::multi_point::{BlindedPolynomial, open};
use zkinfer_prover::writer::Writer;
use zkinfer_verifier::argument::opening::{Claim, MultiOpening};
use zkinfer_verifier::argument::reader::Reader;
use zkinfer_verifier::argument::schedule::AwaitsOpeningQuotient;
use zkinfer_verifier::{Parameters, Rejection};

const K: u32 = 8;

#[test]
fn opening_is_halo2s() {
    let (parameters, stock) = (Parameters::derive(K).unwrap(), Params::<EqAffine>::new(K));
    let committer = Committer::new(&parameters);
    let mut rng = StdRng::seed_from_u64(1);
    let polynomials: [Vec<Fp>; 4] =
        std::array::from_fn(|_| (0..1 << K).map(|_| Fp::random(&mut rng)).collect());
    let blinds: [Fp; 4] = std::array::from_fn(|_| Fp::random(&mut rng));
    let commitments: Vec<EqAffine> = polynomials
        .iter()
        .zip(blinds)
        .map(|(polynomial, blind)| {
            let commitment = committer.commit_rows(&committer.opening, polynomial, blind);
            let coefficients = EvaluationDomain::<Fp>::new(2, K).coeff_from_vec(polynomial.clone());
            assert_eq!(commitment, stock.commit(&coefficients, Blind(blind)).to_affine());
            commitment
        })
        .collect();
    let x = Fp::random(&mut rng);
    let points = [x, x * committer.domain.get_omega()];

    let (combiners, start) = AwaitsOpeningQuotient::start(Writer::unbound(), K);
    let blinded = |index: usize| BlindedPolynomial {
        coefficients: &polynomials[index],
        blind: blinds[index],
    };
    let here = [blinded(0), blinded(1), blinded(2)];
    let both = blinded(3);
    let writer = open(&committer, start, combiners, &here, &both, points, &mut rng).unwrap();
    let bytes = writer.finish();
    let read = |bytes: &[u8]| {
        let (combiners, start) = AwaitsOpeningQuotient::start(Reader::unbound(bytes), K);
        MultiOpening::read(combiners, start)
    };

    let value = |index: usize, point: Fp| eval_polynomial(&polynomials[index], point);
    for error in [Fp::ZERO, Fp::ONE] {
        for wrong in 0..5 {
            let error = |at: usize| if at == wrong { error } else { Fp::ZERO };
            let values: [Fp; 3] = std::array::from_fn(|index| value(index, x) + error(index));
            let both = [value(3, points[0]) + error(3), value(3, points[1]) + error(4)];

            let mut transcript =
                Blake2bRead::<_, EqAffine, Challenge255<EqAffine>>::init(bytes.as_slice());
            let queries = (0..3)
                .map(|index| VerifierQuery::new_commitment(&commitments[index], x, values[index]));
            let sum = points
                .iter()
                .zip(both)
                .map(|(point, v)| VerifierQuery::new_commitment(&commitments[3], *point, v));
            let queries: Vec<_> = queries.chain(sum).collect();
            let guard = verify_proof(&stock, &mut transcript, queries, stock.empty_msm()).unwrap();
            let halo2 = guard.use_challenges().eval();

            let claim = |index: usize| Claim {
                terms: vec![(Fp::ONE, commitments[index])],
                values: [values[index]],
            };
            let sum = Claim { terms: vec![(Fp::ONE, commitments[3])], values: both };
            let equation = read(&bytes)
                .unwrap()
                .equation(&parameters, &[claim(0), claim(1), claim(2)], &sum, points)
                .unwrap();
            assert_eq!(
                (halo2, equation.holds()),
                (error(wrong).is_zero().into(), error(wrong).is_zero().into())
            );
        }
    }

    // Cut short, it is an error and no panic.
    for length in (0..bytes.len()).step_by(32) {
        let verdict = read(&bytes[..length]).map(|_| ());
        assert!(matches!(verdict, Err(Rejection::Encoding { .. })), "{length}");
    }
}
