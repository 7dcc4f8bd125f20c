//! Whole proofs of a hand-made circuit: they verify, and nothing in them can be changed.

mod support;

use rand::SeedableRng;
use rand::rngs::StdRng;
use support::{key, parameters, public, witness};
use zkinfer_prover::{ProveError, Prover};
use zkinfer_verifier::argument::schedule::Sizes;
use zkinfer_verifier::circuit::description::Weights;
use zkinfer_verifier::{Proof, Rejection, VerifyingKey};

const K: u32 = 7;
const INPUTS: [[i64; 3]; 5] =
    [[1, -2, 3], [-128, -128, -128], [127, 127, 127], [127, -128, 127], [0, 0, 0]];

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn prove(key: &VerifyingKey, x: [i64; 3], seed: u64) -> Proof {
    let (statement, columns) = witness(key, x);
    Prover::new(key, &parameters(K))
        .prove(statement, &columns, rng(seed))
        .expect("an honest witness")
}

#[test]
fn honest_proofs_verify_at_extreme_inputs_too() {
    let key = key(K);
    for (seed, x) in (0..).zip(INPUTS) {
        let proof = prove(&key, x, seed);
        assert_eq!(key.verify(&parameters(K), &proof), Ok(()));
        assert_eq!(proof.argument.len(), Sizes::of(&key).bytes());
    }
}

#[test]
fn proofs_do_not_depend_on_the_number_of_threads() {
    let key = key(K);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| prove(&key, INPUTS[0], 3))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn every_element_of_the_argument_is_checked() {
    let (key, parameters) = (key(K), parameters(K));
    let proof = prove(&key, INPUTS[0], 4);
    let parts = Sizes::of(&key).parts();
    assert_eq!(parts.iter().map(|(_, count)| count).sum::<usize>() * 32, proof.argument.len());
    let names = parts.iter().flat_map(|(name, count)| std::iter::repeat_n(name, *count));
    for (element, name) in names.enumerate() {
        for offset in [0, 15, 31] {
            let mut forged = proof.clone();
            forged.argument[32 * element + offset] ^= 1;
            assert!(
                key.verify(&parameters, &forged).is_err(),
                "{name}: element {element}, byte {offset}"
            );
        }
        // A canonical element of the right kind, but another one.
        let mut forged = proof.clone();
        let other = if element == 0 { 1 } else { element - 1 };
        let (from, to) = (32 * other, 32 * element);
        forged.argument.copy_within(from..from + 32, to);
        assert!(
            key.verify(&parameters, &forged).is_err(),
            "{name}: element {element} replaced by its neighbour"
        );
    }
}

#[test]
fn other_statements_keys_lengths_and_parameters_are_rejected() {
    let (key, parameters) = (key(K), parameters(K));
    let proof = prove(&key, INPUTS[0], 5);
    let reject = |change: &dyn Fn(&mut Proof)| {
        let mut forged = proof.clone();
        change(&mut forged);
        key.verify(&parameters, &forged).expect_err("a forged proof")
    };
    for element in 0..3 {
        assert_eq!(
            reject(&|p| public(&mut p.statement.inputs[0])[element] += 1),
            Rejection::Opening
        );
    }
    for element in 0..4 {
        assert_eq!(
            reject(&|p| public(&mut p.statement.outputs[0])[element] += 2),
            Rejection::Opening
        );
    }
    assert_eq!(reject(&|p| public(&mut p.statement.outputs[1])[0] = 1), Rejection::Opening);
    assert!(matches!(
        reject(&|p| public(&mut p.statement.inputs[0])[1] = 128),
        Rejection::TensorRange { index: 1, got: 128, .. }
    ));
    assert!(matches!(
        reject(&|p| public(&mut p.statement.outputs[1])[0] = 4),
        Rejection::TensorRange { .. }
    ));
    assert!(matches!(
        reject(&|p| public(&mut p.statement.inputs[0]).push(0)),
        Rejection::TensorLength { .. }
    ));
    assert!(matches!(reject(&|p| p.statement.outputs.truncate(1)), Rejection::TensorCount { .. }));
    assert!(matches!(reject(&|p| p.argument.push(0)), Rejection::ProofLength { .. }));
    assert!(matches!(reject(&|p| p.argument.truncate(64)), Rejection::ProofLength { .. }));
    assert!(matches!(reject(&|p| p.argument.clear()), Rejection::ProofLength { .. }));
    assert!(matches!(reject(&|p| p.key.0[0] ^= 1), Rejection::OtherKey { .. }));

    let mut description = key.description().clone();
    if let zkinfer_verifier::circuit::description::Operator::Contract(contract) =
        &mut description.nodes[1].operator
    {
        let Weights::Public(weights) = &mut contract.weights else { unreachable!() };
        weights[0] += 1;
    }
    let other = VerifyingKey::new(description).unwrap();
    assert!(matches!(other.verify(&parameters, &proof), Err(Rejection::OtherKey { .. })));
    let mut relabelled = proof.clone();
    relabelled.key = other.digest();
    assert_eq!(other.verify(&parameters, &relabelled), Err(Rejection::Opening));
    let larger = support::parameters(K + 1);
    assert_eq!(
        key.verify(&larger, &proof),
        Err(Rejection::OtherParameters { expected: K, got: K + 1 })
    );
}

#[test]
fn a_false_witness_is_refused_and_its_proof_rejected() {
    let (key, parameters) = (key(K), parameters(K));
    let (statement, columns) = witness(&key, INPUTS[0]);
    let forge = |change: &dyn Fn(&mut Vec<Vec<i64>>)| {
        let mut columns = columns.clone();
        change(&mut columns);
        let prover = Prover::new(&key, &parameters).self_check(false);
        let refusal =
            prover.prove(statement.clone(), &columns, rng(6)).expect_err("a false witness");
        let proof = Prover::new(&key, &parameters)
            .self_check(false)
            .check_witness(false)
            .prove(statement.clone(), &columns, rng(7))
            .expect("an unchecked proof");
        assert_eq!(key.verify(&parameters, &proof), Err(Rejection::Opening));
        refusal
    };
    let layout = key.layout();
    for column in 0..layout.columns() {
        let refusal = forge(&|columns| columns[column][0] += 1);
        assert!(
            matches!(refusal, ProveError::Lookup { .. } | ProveError::Linear),
            "column {column}: {refusal}"
        );
        // Rows no operator uses admit only zeros.
        let refusal = forge(&|columns| columns[column][layout.usable - 1] = 1);
        assert!(matches!(refusal, ProveError::Lookup { tag: 0, .. }), "column {column}: {refusal}");
    }
}

#[test]
fn files_reject_every_flipped_byte() {
    let (key, parameters) = (key(K), parameters(K));
    let proof = prove(&key, INPUTS[0], 8);
    let (key_file, proof_file) = (key.to_bytes(), proof.to_bytes());
    assert_eq!(Proof::from_bytes(&proof_file).unwrap(), proof);
    assert_eq!(VerifyingKey::from_bytes(&key_file).unwrap().digest(), key.digest());
    for at in 0..proof_file.len() {
        let mut bytes = proof_file.clone();
        bytes[at] ^= 0x40;
        assert!(Proof::from_bytes(&bytes).is_err(), "proof byte {at}");
    }
    for at in 0..key_file.len() {
        let mut bytes = key_file.clone();
        bytes[at] ^= 0x40;
        assert!(VerifyingKey::from_bytes(&bytes).is_err(), "key byte {at}");
    }
    for bytes in [
        &proof_file[..proof_file.len() - 1],
        &proof_file[..20],
        &[],
        &[proof_file.as_slice(), &[0]].concat(),
    ] {
        assert!(Proof::from_bytes(bytes).is_err());
    }
    // The checksum is no defence against forgers: recomputed, the change still shows.
    for at in (10..proof_file.len() - 32).step_by(7) {
        let mut bytes = proof_file.clone();
        bytes[at] ^= 1;
        let body = bytes.len() - 32;
        let checksum = zkinfer_verifier::Digest::of(b"zkinfer checksum", &bytes[..body]);
        bytes[body..].copy_from_slice(&checksum.0);
        let verdict = Proof::from_bytes(&bytes).map(|proof| key.verify(&parameters, &proof));
        assert!(!matches!(verdict, Ok(Ok(()))), "proof byte {at}");
    }
}

#[test]
fn equal_and_opposite_errors_in_two_equations_do_not_cancel() {
    // Each equation has its own power of τ; with a shared one these two errors would sum to zero.
    let (key, parameters) = (key(K), parameters(K));
    let (mut statement, mut columns) = witness(&key, INPUTS[0]);
    let limb = &key.layout().nodes[2].as_ref().unwrap().limbs[0];
    let cell = key.layout().pieces(limb, 0).next().unwrap();
    let remainder = &mut columns[cell.column][cell.rows.start];
    assert!((1..16).contains(remainder), "the remainder leaves room for the forgery");
    *remainder -= 1; // z − Σ limbs − 16·q = +1 in row 0 of the requantisation
    public(&mut statement.outputs[0])[0] += 1; // y − public = −1 in row 0 of the output
    let prover = Prover::new(&key, &parameters).self_check(false);
    let refusal = prover.prove(statement.clone(), &columns, rng(9)).expect_err("a false witness");
    assert!(matches!(refusal, ProveError::Linear), "{refusal}");
    let unchecked = Prover::new(&key, &parameters).self_check(false).check_witness(false);
    let proof = unchecked.prove(statement, &columns, rng(9)).expect("an unchecked proof");
    assert_eq!(key.verify(&parameters, &proof), Err(Rejection::Opening));
}

#[test]
fn parameters_for_verifying_verify_and_nothing_else() {
    let (key, parameters) = (key(K), parameters(K));
    let proof = prove(&key, INPUTS[0], 8);
    let light =
        zkinfer_verifier::Parameters::read_for_verifying(K, &parameters.to_bytes()).unwrap();
    assert_eq!((light.digest(), light.for_proving()), (parameters.digest(), false));
    assert_eq!(key.verify(&light, &proof), Ok(()));
    let mut forged = proof;
    public(&mut forged.statement.outputs[0])[0] += 2;
    assert_eq!(key.verify(&light, &forged), Err(Rejection::Opening));
    let (statement, columns) = witness(&key, INPUTS[0]);
    let refusal = Prover::new(&key, &light).prove(statement, &columns, rng(9));
    assert!(matches!(refusal, Err(ProveError::VerifyingParameters)));
}
