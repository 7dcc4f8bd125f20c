//! Forged witnesses against whole proofs, for ways to be unsound that only the real argument can
//! show: rows at the edge, tables longer than the circuit, tuples of another table.
//! (`circuits/tests/` judges the constraints themselves.)

mod support;

use rand::SeedableRng;
use rand::rngs::StdRng;
use support::{parameters, witness};
use zkinfer_prover::{ProveError, Prover};
use zkinfer_verifier::circuit::description::{
    Description, Form, Function, Input, Node, Operator, Output, OutputSource, Quantisation,
    Requantise, Scheme, Visibility,
};
use zkinfer_verifier::{Rejection, Statement, VerifyingKey};

/// `y = clamp(x, −2, 2)` over exactly as many elements as a column of `2^k` rows has usable rows,
/// for `x` between `±bound`.
fn full_column(k: u32, bound: i64) -> VerifyingKey {
    let elements = zkinfer_verifier::usable_rows(k);
    let (quantisation, visibility) =
        (Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 }), Visibility::Public);
    let requantise = Requantise { input: 0, shift: 0, function: 0, form: Form::Narrow };
    let node = |name: &str, operator| Node { name: name.into(), operator };
    let key = VerifyingKey::new(Description {
        name: "full".into(),
        k,
        limb_bits: 1,
        bias_digits: 0,
        functions: vec![Function::clamp(-2, 2)],
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![elements],
            minimum: -bound,
            maximum: bound,
            quantisation: quantisation.clone(),
            visibility,
        }],
        nodes: vec![node("x", Operator::Input(0)), node("clamp", Operator::Requantise(requantise))],
        outputs: vec![Output {
            name: "y".into(),
            shape: vec![elements],
            source: OutputSource::Node(1),
            quantisation: quantisation.clone(),
            visibility,
        }],
    });
    let key = key.expect("a valid description");
    assert_eq!((key.layout().columns(), key.layout().usable), (2, elements));
    key
}

fn verdicts(
    key: &VerifyingKey,
    statement: &Statement,
    columns: &[Vec<i64>],
) -> (ProveError, Result<(), Rejection>) {
    let parameters = parameters(key.description().k);
    let prover = || Prover::new(key, &parameters).self_check(false);
    let rng = || StdRng::seed_from_u64(1);
    let refusal = prover().prove(statement.clone(), columns, rng()).expect_err("a false witness");
    let proof = prover()
        .check_witness(false)
        .prove(statement.clone(), columns, rng())
        .expect("an unchecked proof");
    (refusal, key.verify(&parameters, &proof))
}

#[test]
fn the_last_usable_row_counts() {
    let key = full_column(7, 4);
    let elements = key.layout().usable;
    let x: Vec<i64> = (0..elements as i64).map(|i| i % 9 - 4).collect();
    let y: Vec<i64> = x.iter().map(|x| (*x).clamp(-2, 2)).collect();
    let statement = Statement::public(vec![x.clone()], vec![y.clone()]);
    let columns = vec![x, y];
    let parameters = parameters(7);
    let proof =
        Prover::new(&key, &parameters).prove(statement.clone(), &columns, StdRng::seed_from_u64(2));
    assert_eq!(key.verify(&parameters, &proof.expect("an honest witness")), Ok(()));
    for row in [0, elements - 2, elements - 1] {
        // A tuple of the table, but not the input's: only the adjoint sum can tell.
        let mut forged = columns.clone();
        let other = if columns[0][row] == 0 { 1 } else { 0 };
        (forged[0][row], forged[1][row]) = (other, other);
        let (refusal, verdict) = verdicts(&key, &statement, &forged);
        assert!(matches!(refusal, ProveError::Linear), "row {row}: {refusal}");
        assert_eq!(verdict, Err(Rejection::Opening), "row {row}");
        // Right for the linear map, but in no table: only the lookup sum can tell.
        let mut forged = columns.clone();
        forged[1][row] += 1;
        let (refusal, verdict) = verdicts(&key, &statement, &forged);
        assert!(
            matches!(refusal, ProveError::Lookup { row: at, .. } if at == row),
            "row {row}: {refusal}"
        );
        assert_eq!(verdict, Err(Rejection::Opening), "row {row}");
    }
}

#[test]
fn tables_longer_than_the_circuit_fill_several_slots() {
    let key = full_column(7, 300);
    let usable = key.layout().usable;
    assert!(key.tables().rows() > 4 * usable);
    assert_eq!(key.layout().slots, key.tables().rows().div_ceil(usable));
    let parameters = parameters(7);
    let x: Vec<i64> = (0..usable as i64).map(|i| (i * 5) % 601 - 300).collect();
    let y: Vec<i64> = x.iter().map(|x| (*x).clamp(-2, 2)).collect();
    let statement = Statement::public(vec![x.clone()], vec![y.clone()]);
    let proof = Prover::new(&key, &parameters).prove(statement, &[x, y], StdRng::seed_from_u64(3));
    assert_eq!(key.verify(&parameters, &proof.expect("an honest witness")), Ok(()));
}

#[test]
fn a_row_of_one_table_does_not_answer_another_lookup() {
    let key = support::key(7);
    let (statement, mut columns) = witness(&key, [1, -2, 3]);
    // (−3, 0) is a row of the rectifier's table. As a limb, −3 must be refused, though the tuple
    // (−3, 0, 0) stands in the concatenation.
    let rectifier = key.layout().nodes[3].as_ref().unwrap().result.as_ref().unwrap().tags()[0];
    assert!(key.tables().find(rectifier, [-3, 0, 0]).is_some());
    let limb = &key.layout().nodes[2].as_ref().unwrap().limbs[0];
    let cell = key.layout().pieces(limb, 0).next().unwrap();
    columns[cell.column][cell.rows.start] = -3;
    let (refusal, verdict) = verdicts(&key, &statement, &columns);
    assert!(matches!(refusal, ProveError::Lookup { tag, tuple: [-3, 0, 0],
            .. } if tag == key.tables().limb_tag(4)));
    assert_eq!(verdict, Err(Rejection::Opening));
}

#[test]
fn a_remainder_of_its_divisor_is_refused() {
    // z = 16·q + r with r = 16 and q one less would divide differently: the limb table ends at 15.
    let key = support::key(7);
    let (statement, mut columns) = witness(&key, [1, -2, 3]);
    let cells = key.layout().nodes[2].as_ref().unwrap();
    let place = |run, column| key.layout().pieces(run, column).next().unwrap();
    let (limb, low) = (place(&cells.limbs[0], 0), place(cells.result.as_ref().unwrap(), 2));
    columns[limb.column][limb.rows.start] += 16;
    columns[low.column][low.rows.start] -= 1;
    let (refusal, verdict) = verdicts(&key, &statement, &columns);
    assert!(
        matches!(refusal, ProveError::Lookup { tag, .. } if tag == key.tables().limb_tag(4)),
        "{refusal}"
    );
    assert_eq!(verdict, Err(Rejection::Opening));
}
