//! What judge, prover and verifier say to a forged witness.

use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_prover::{Assignment, ProveError, Prover, SealedColumns, sealing};
use zkinfer_verifier::circuit::description::Description;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::field::integers::Integers;
use zkinfer_verifier::{Parameters, Rejection, VerifyingKey};

use super::{names, parameters};

pub const END: &str = "adjoint sum end";
pub const LIMB: &str = "limb";
pub const PAIR: &str = "pair (quotient, result)";

/// What is sealed of a witness: inputs and outputs, each by itself, as other proofs would use it;
/// the tensors of the model.
pub fn sealed(
    key: &VerifyingKey,
    parameters: &Parameters,
    witness: &Witness,
) -> (Vec<SealedColumns>, Option<SealedColumns>) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut seal = |tensors: &[_], integers: Vec<Integers>| {
        sealing::commit(parameters, tensors, integers, &mut rng).unwrap().1
    };
    let mut own = Vec::new();
    for (sheet, integers) in key.layout().sheets.iter().zip(&witness.sealed) {
        if matches!(sheet.role, Role::Input(_) | Role::Output(_)) {
            own.push(seal(std::slice::from_ref(&sheet.tensor), vec![integers.clone()]));
        }
    }
    let model = key.has_sealed_weights().then(|| {
        let tensors: Vec<_> =
            key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect();
        seal(&tensors, witness.sealed[own.len()..].to_vec())
    });
    (own, model)
}

/// The checks of the judge that catch a witness, each once, lookups without their number. Demands
/// that the prover refuses the witness by the same kind of check, and that a proof which is made
/// of it all the same does not verify.
#[track_caller]
pub fn caught(circuit: &Circuit, forged: &Witness) -> Vec<String> {
    let key = circuit.key();
    let caught = names(mock_prove(key, forged));
    let plain = |name: &String| name.rsplit(": ").next().unwrap_or(name).to_owned();
    let mut caught: Vec<String> = caught.iter().map(plain).collect();
    caught.sort();
    caught.dedup();
    let parameters = parameters(key.description().k);
    let (own, model) = sealed(key, &parameters, forged);
    let seal = model.as_ref().map(|model| model.seal().clone());
    let mut prover = Prover::new(key, &parameters);
    if let Some(model) = model {
        prover = prover.weights(model);
    }
    let claim = || {
        let (tensors, operands) =
            ([forged.inputs.as_slice(), &forged.outputs], forged.operands.clone());
        Assignment::new(key, tensors, &forged.columns, operands, own.iter().collect())
    };
    let mut prover = prover.self_check(false);
    match prover.prove_assignment(claim(), StdRng::seed_from_u64(1)) {
        Err(ProveError::Lookup { .. }) => assert!(caught.iter().any(|name| name != END)),
        Err(ProveError::Linear) => assert_eq!(caught, [END]),
        other => panic!("{other:?}"),
    }
    prover = prover.check_witness(false);
    let proof = prover.prove_assignment(claim(), StdRng::seed_from_u64(1)).unwrap();
    let verdict = key.verify_sealed(&parameters, seal.as_ref(), &proof);
    assert_eq!(verdict, Err(Rejection::Opening));
    caught
}

/// Demands that exactly these checks of the judge fail, and that prover and verifier reject.
#[track_caller]
pub fn rejected(circuit: &Circuit, forged: &Witness, expected: &[&str]) {
    assert_eq!(caught(circuit, forged), expected);
}

/// The honest witness of another network whose cells stand where those of this one do: whatever
/// the two have in common holds.
pub fn impostor(
    circuit: &Circuit,
    other: Description,
    model: &[Vec<i64>],
    inputs: &[Vec<i64>],
) -> Witness {
    let other = VerifyingKey::new(other).unwrap();
    let places = |key: &VerifyingKey| -> Vec<_> {
        let nodes = key.layout().nodes.iter().flatten();
        let runs = nodes.flat_map(|cells| cells.limbs.iter().chain(&cells.result));
        let column = |run| key.layout().pieces(run, 0).collect::<Vec<_>>();
        runs.flat_map(column).collect()
    };
    assert_eq!(places(&other), places(circuit.key()));
    assert_ne!(other.digest(), circuit.key().digest(), "another network");
    Witness::new(&other, &super::integers(model), inputs).unwrap()
}
