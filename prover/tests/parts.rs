//! Seals of several parts, each with a range proof of its own.

use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_prover::Opening;
use zkinfer_prover::sealing::{self, Sealing};
use zkinfer_verifier::circuit::description::{Quantisation, Scheme};
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor, Sheet};
use zkinfer_verifier::limits::PART_COLUMNS;
use zkinfer_verifier::{Parameters, Rejection, Seal, usable_rows};

const K: u32 = 7;

fn tensor(name: &str, units: usize) -> SealedTensor {
    SealedTensor {
        name: name.into(),
        shape: vec![units, usable_rows(K)],
        minimum: -128,
        maximum: 127,
        quantisation: Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 }),
    }
}

/// One that is cut between its columns, and one that is whole.
fn tensors() -> Vec<SealedTensor> {
    vec![tensor("cut", PART_COLUMNS + 2), tensor("whole", 3)]
}

fn integers() -> Vec<Vec<i64>> {
    let integers = |tensor: &SealedTensor| (0..tensor.elements() as i64).map(|i| i % 256 - 128);
    tensors().iter().map(|tensor| integers(tensor).collect()).collect()
}

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

#[test]
fn every_part_needs_its_own_range_proof() {
    let parameters = Parameters::derive(K).unwrap();
    let (seal, _) = sealing::seal(&parameters, &tensors(), integers(), &mut rng(1)).unwrap();
    assert_eq!(seal.range_proofs.len(), 2);
    assert_eq!(seal.clone().check(&parameters).map(|checked| checked.points().len()), Ok(1029));
    let other = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut seal = seal.clone();
        change(&mut seal.range_proofs);
        seal.check(&parameters).unwrap_err()
    };
    let parts = |got| Rejection::SealParts { expected: 2, got };
    assert_eq!(other(&|proofs| proofs.truncate(1)), parts(1));
    assert_eq!(other(&|proofs| proofs.push(proofs[1].clone())), parts(3));
    for changed in [
        other(&|proofs| proofs.swap(0, 1)),
        other(&|proofs| proofs[1] = proofs[0].clone()),
        other(&|proofs| *proofs[1].last_mut().unwrap() ^= 1),
    ] {
        assert!(matches!(changed, Rejection::SealRange { .. }), "{changed}");
    }
}

/// One integer out of range, in either part, of either tensor.
#[test]
fn no_part_hides_an_integer_out_of_range() {
    let parameters = Parameters::derive(K).unwrap();
    let last = tensors()[0].elements() - 1;
    for (place, index, part) in [(0, 0, 0), (0, last, 1), (1, 5, 1)] {
        let mut integers = integers();
        integers[place][index] = 128;
        let wide = |tensor: SealedTensor| SealedTensor { maximum: 255, ..tensor };
        let wide: Vec<SealedTensor> = tensors().into_iter().map(wide).collect();
        let (_, columns) = sealing::commit(&parameters, &wide, integers, &mut rng(2)).unwrap();
        let mut record = columns.seal().record().clone();
        record.tensors = tensors();
        let prove = |part| {
            sealing::prove_range(&parameters, &record, (&columns, part), false, &mut rng(3))
                .unwrap()
        };
        let range_proofs = record.range_parts().unwrap().iter().map(prove).collect();
        let seal = Seal { record: record.clone(), range_proofs };
        let verdict = seal.check(&parameters).unwrap_err();
        assert!(matches!(verdict, Rejection::SealRange { .. }), "part {part}: {verdict}");
    }
}

#[test]
fn a_seal_is_finished_by_another_run() {
    let parameters = Parameters::derive(K).unwrap();
    let mut first = Sealing::start(&parameters, &tensors(), integers(), &mut rng(4)).unwrap();
    assert_eq!(first.progress(), (0, 2));
    let proof = first.next(&mut rng(5)).unwrap().unwrap().to_vec();
    let opening = || Opening::from_bytes(&first.opening().to_bytes()).unwrap();
    let sheets: Vec<Sheet> = tensors()
        .into_iter()
        .map(|tensor| Sheet::new(Role::Biases, tensor, 0, usable_rows(K)))
        .collect();
    let resume = |integers| {
        Sealing::resume(&parameters, (opening(), vec![proof.clone()]), sheets.iter(), integers)
    };
    let mut second = resume(integers()).unwrap();
    assert_eq!(second.progress(), (1, 2));
    assert!(second.next(&mut rng(6)).unwrap().is_some());
    assert!(second.next(&mut rng(6)).unwrap().is_none());
    let (seal, _) = second.finish();
    assert_eq!(seal.record, *first.opening().record());
    assert_eq!(seal.range_proofs[0], proof);
    assert!(seal.check(&parameters).is_ok());
    // Not with other weights.
    let mut other = integers();
    other[0][7] ^= 1;
    assert!(resume(other).is_err());
}
