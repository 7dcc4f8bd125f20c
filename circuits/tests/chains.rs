//! Chains of proofs: what one seals the next goes on with, or the chain breaks.

mod common;

use common::desk::{Desk, K, rng};
use common::{After, Net, Noise, parameters};
use zkinfer_circuits::Exposure;
use zkinfer_prover::{Opening, ProveError, Prover, sealing};
use zkinfer_verifier::chain::{Segment, verify_chain};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{Proof, Rejection, Value, Visibility};

#[test]
fn chains_hold_and_break() {
    // y = f(x), z = f(y): the same square layer twice.
    let mut net = Net::new("square", &[(&[1, 6], 0)]);
    let y = net.linear(&mut Noise(4), 0, 6, After::Int8 { shift: 12, zero_point: 0 });
    let mut graph = net.finish(y);
    graph.outputs[0].name = "x0".into();
    let sealed = vec![Visibility::Sealed];
    let exposure = Exposure { inputs: sealed.clone(), outputs: sealed, ..Exposure::default() };
    let mut first = Desk::of(&graph, &exposure);
    let mut second = Desk::of(&graph, &exposure);
    let input = vec![10, -20, 30, -40, 50, -60];
    first.witness = first
        .circuit
        .witness(&common::integers(&first.model), std::slice::from_ref(&input))
        .unwrap();
    second.witness =
        second.circuit.witness(&common::integers(&second.model), &first.witness.outputs).unwrap();

    let (seal, model_opening) = first.seal(&first.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let tensor = first.key().layout().sheet(Role::Input(0)).unwrap().tensor.clone();
    let (input_seal, input_opening) =
        sealing::seal(&parameters(K), &[tensor], vec![input], &mut rng(2)).unwrap();
    input_seal.check(&parameters(K)).unwrap();
    let (a, between) = first.link(&model_opening, &input_opening, 5);
    let (b, _) = second.link(&model_opening, &between, 7);
    let parameters = parameters(K);
    let chain = |proofs: &[&Proof]| {
        let segment = |proof| Segment { key: first.key(), seal: Some(&checked), proof };
        let segments: Vec<Segment<'_>> = proofs.iter().copied().map(segment).collect();
        verify_chain(&parameters, &segments)
    };
    assert_eq!(chain(&[&a, &b]), Ok(()));
    let broken = |proofs: &[&Proof], at: usize| {
        let verdict = chain(proofs).unwrap_err();
        assert!(matches!(verdict, Rejection::Chain { first, .. } if first == at), "{verdict}");
    };
    broken(&[&b, &a], 1);
    broken(&[&a, &a], 1);
    broken(&[&a, &b, &b], 2);
    // The same tensor sealed afresh is the same for nobody who cannot open both.
    let (same, _) = first.link(&model_opening, &input_opening, 11);
    broken(&[&same, &b], 1);
    // A proof of the chain that does not hold by itself: its statement names another tensor.
    let mut forged = b.clone();
    forged.statement.inputs[0] = a.statement.inputs[0].clone();
    assert_eq!(chain(&[&a, &forged]), Err(Rejection::Opening));

    // Sealed on one side only.
    let open_input = Desk::of(&graph, &Exposure { inputs: vec![], ..exposure });
    let key = open_input.key();
    assert_ne!(key.digest(), first.key().digest());
    assert!(matches!(
        key.verify_sealed(&parameters, Some(&checked), &b),
        Err(Rejection::OtherKey { .. })
    ));
}

#[test]
fn openings_are_of_one_tensor() {
    let exposure = Exposure { inputs: vec![Visibility::Sealed], ..Exposure::public() };
    let desk = Desk::new(&exposure);
    let layout = desk.key().layout();
    let sheet = layout.sheet(Role::Input(0)).unwrap();
    let integers = desk.witness.sealed[0].to_vec();
    let parameters = parameters(K);
    let (_, opening) = sealing::seal(
        &parameters,
        std::slice::from_ref(&sheet.tensor),
        vec![integers.clone()],
        &mut rng(1),
    )
    .unwrap();
    let read = Opening::from_bytes(&opening.to_bytes()).unwrap();
    let columns = read.open(&parameters, std::iter::once(sheet), read.tensors().to_vec()).unwrap();
    let mut claim = desk.claim(vec![&columns]);
    let prover = Prover::new(desk.key(), &parameters);
    let proof = prover.prove_assignment(claim.clone(), rng(2)).unwrap();
    assert_eq!(desk.key().verify(&parameters, &proof), Ok(()));

    let mut other = integers;
    other[0] ^= 1;
    assert!(matches!(
        read.open(&parameters, std::iter::once(sheet), vec![other]),
        Err(ProveError::OpeningIntegers { .. })
    ));
    // The statement names commitments that the columns do not open.
    let tensors = std::slice::from_ref(&sheet.tensor);
    let (again, _) =
        sealing::commit(&parameters, tensors, desk.witness.sealed[..1].to_vec(), &mut rng(9))
            .unwrap();
    claim.statement.inputs[0] = Value::Sealed(again.record().commitments.clone());
    let prover = prover.self_check(false);
    let proof = prover.prove_assignment(claim.clone(), rng(2)).unwrap();
    assert_eq!(desk.key().verify(&parameters, &proof), Err(Rejection::Opening));
    claim.statement.inputs[0] = Value::Sealed(vec![[0; 32]; sheet.columns.len()]);
    let identity = Rejection::Encoding { part: "commitments of the statement" };
    let refused = prover.prove_assignment(claim.clone(), rng(2)).unwrap_err();
    assert!(matches!(refused, ProveError::Statement(refusal) if refusal == identity));
    let proof = prover.check_witness(false).prove_assignment(claim, rng(2)).unwrap();
    assert_eq!(desk.key().verify(&parameters, &proof), Err(identity));
    assert_eq!(format!("{opening:?}").matches("seed").count(), 0);
}
