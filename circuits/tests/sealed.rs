//! Sealed tensors: forged ones must fail, each by the check named for it. Some forgeries are judged
//! by MockProver (which constraint fails), some by whole proofs (what the verifier says).

mod common;

use common::desk::{Desk, K, rng};
use common::{After, Net, Noise, judge, names, parameters, plans, public};
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Exposure, Witness, compile_with, lower};
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_prover::{ProveError, Prover, sealing};
use zkinfer_verifier::argument::schedule::Sizes;
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor};
use zkinfer_verifier::{Proof, Rejection, Seal, Value, Visibility};

const END: &str = "adjoint sum end";

#[test]
fn one_seal_serves_many_proofs_and_two_seals_share_no_byte_pattern() {
    let desk = Desk::new(&Exposure::default());
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.clone().check(&parameters(K)).unwrap();
    for seed in 10..13 {
        let proof = desk.prove(desk.open(&opening, &desk.model).unwrap(), seed);
        assert_eq!(desk.verify(&checked, &proof), Ok(()));
        assert_eq!(Proof::from_bytes(&proof.to_bytes()).unwrap(), proof);
    }
    let (again, _) = desk.seal(&desk.model, 2);
    assert!(again.record.commitments.iter().all(|point| !seal.record.commitments.contains(point)));
    assert_ne!(again.record.digest(), seal.record.digest());
    let read = Seal::from_bytes(&seal.to_bytes()).unwrap();
    assert_eq!(read, seal);
    // The range proof may be made again; the name stays.
    let other_proof = Seal { range_proofs: again.range_proofs, ..seal.clone() };
    assert_eq!(other_proof.record.digest(), seal.record.digest());
    assert!(matches!(other_proof.check(&parameters(K)), Err(Rejection::SealRange { .. })));
}

#[test]
fn every_element_of_a_sealed_argument_is_checked() {
    let desk = Desk::new(&Exposure::default());
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let proof = desk.prove(desk.open(&opening, &desk.model).unwrap(), 3);
    let parts = Sizes::of(desk.key()).parts().into_iter();
    let names: Vec<_> = parts.flat_map(|(part, count)| std::iter::repeat_n(part, count)).collect();
    assert_eq!(32 * names.len(), proof.argument.len());
    for (element, part) in names.iter().enumerate() {
        let mut forged = proof.clone();
        forged.argument[32 * element] ^= 1;
        assert!(desk.verify(&checked, &forged).is_err(), "{part}, element {element}");
    }
}

#[test]
fn proof_size_is_the_public_one_plus_its_price() {
    let public = Desk::new(&Exposure::public());
    let sealed = Desk::new(&Exposure::default());
    let bytes = |desk: &Desk| Sizes::of(desk.key()).bytes();
    let layout = sealed.key().layout();
    // Lanes and tables may differ, since declared ranges are wider than actual ones: compare what
    // sealing itself adds.
    let lanes = |desk: &Desk| {
        let layout = desk.key().layout();
        layout.fresh_columns() + layout.slots + layout.lookups.len() + 2 * layout.helpers()
    };
    let factors = layout.factor_columns().len();
    assert_eq!(
        bytes(&sealed) - 32 * lanes(&sealed),
        bytes(&public) - 32 * lanes(&public) + 64 * factors
    );
    assert!(layout.sealed_columns().count() > factors, "sealed columns themselves cost no byte");
}

#[test]
fn a_changed_weight_or_bias_is_refused_and_rejected() {
    let desk = Desk::new(&Exposure::default());
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    for (tensor, at) in [(0, 4), (1, 0), (1, 35), (2, 30), (3, 14)] {
        let mut model = desk.model.clone();
        model[tensor][at] ^= 1;
        assert!(matches!(desk.open(&opening, &model), Err(ProveError::OpeningIntegers { .. })));

        // An execution by the other weights, honest in itself, under the name of the sealed ones.
        let witness =
            desk.circuit.witness(&common::integers(&model), &desk.witness.inputs).unwrap();
        let (_, other) = desk.seal(&model, 1);
        let forger = Desk { circuit: desk.circuit.clone(), model: model.clone(), witness };
        let columns = || desk.open(&other, &model).unwrap();
        assert_eq!(
            forger.verify(columns().seal(), &forger.prove(columns(), 3)),
            Ok(()),
            "honest by itself"
        );
        let proof = forger.prove(columns().claiming(checked.clone()), 3);
        assert_eq!(
            forger.verify(&checked, &proof),
            Err(Rejection::Opening),
            "tensor {tensor} element {at}"
        );
    }
}

#[test]
fn every_sealed_column_counts() {
    let desk = Desk::new(&Exposure::default());
    let (seal, opening) = desk.seal(&desk.model, 1);
    let columns = seal.record.commitments.len();
    assert!(columns >= 4, "{columns} columns");
    let proof = desk.prove(desk.open(&opening, &desk.model).unwrap(), 3);
    let (other, _) = desk.seal(&desk.model, 2);
    for column in 0..columns {
        // The same record but for one commitment, which is of the same cells even: the columns
        // opened do not belong to it.
        let mut record = seal.record.clone();
        record.commitments[column] = other.record.commitments[column];
        let digest = record.digest();
        let forged = Seal { record, range_proofs: Vec::new() }.trust(digest).unwrap();
        let mut relabelled = proof.clone();
        relabelled.seal = Some(digest);
        assert_eq!(
            desk.verify(&forged, &relabelled),
            Err(Rejection::Opening),
            "column {column}: another transcript"
        );
        // Made for that record from the start, with everything else right.
        let weights = desk.open(&opening, &desk.model).unwrap();
        let proof = desk.prove(weights.claiming(forged.clone()), 4);
        assert_eq!(desk.verify(&forged, &proof), Err(Rejection::Opening), "column {column}");
    }
}

#[test]
fn another_models_seal() {
    let desk = Desk::new(&Exposure::default());
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let proof = desk.prove(desk.open(&opening, &desk.model).unwrap(), 3);
    let (other, other_opening) = desk.seal(&desk.model, 2);
    let other = other.check(&parameters(K)).unwrap();
    assert!(matches!(desk.verify(&other, &proof), Err(Rejection::OtherSeal { .. })));
    let mut relabelled = proof.clone();
    relabelled.seal = Some(other.digest());
    assert_eq!(
        desk.verify(&other, &relabelled),
        Err(Rejection::Opening),
        "the statement is bound to the model's name"
    );
    assert_eq!(desk.key().verify(&parameters(K), &proof), Err(Rejection::SealMissing));

    // The seal and the opening of a network of another shape.
    let mut net = Net::new("other", &[(&[1, 4], 0)]);
    let y = net.linear(&mut Noise(1), 0, 3, After::Raw);
    let stranger = Desk::of(&net.finish(y), &Exposure::default());
    let (strange, strange_opening) = stranger.seal(&stranger.model, 1);
    let strange = strange.check(&parameters(K)).unwrap();
    assert!(matches!(desk.verify(&strange, &proof), Err(Rejection::SealTensor { .. })));
    assert!(matches!(
        desk.open(&strange_opening, &desk.model),
        Err(ProveError::OpeningTensor { .. })
    ));
    assert!(desk.open(&other_opening, &desk.model).is_ok(), "the same weights under another seal");

    // A public model has no seal.
    let open = Desk::new(&Exposure::public());
    assert_eq!(
        open.verify(&checked, &proof),
        Err(Rejection::OtherKey {
            expected: open.key().digest().to_string(),
            got: desk.key().digest().to_string()
        })
    );
    let mut relabelled = proof;
    relabelled.key = open.key().digest();
    assert_eq!(open.verify(&checked, &relabelled), Err(Rejection::SealUnexpected));
}

#[test]
fn integers_out_of_range_are_not_sealed() {
    let desk = Desk::new(&Exposure::default());
    let parameters = parameters(K);
    for (tensor, value) in [(0, 32), (0, -33), (1, -129), (2, 300), (3, 1 << 40)] {
        let mut model = desk.model.clone();
        model[tensor][1] = value;
        let refusal =
            sealing::seal(&parameters, &desk.tensors(), model.clone(), &mut rng(1)).unwrap_err();
        assert!(
            matches!(refusal, ProveError::SealRange { index: 1, got, .. } if got == value),
            "{refusal}"
        );

        if value > 1 << 10 {
            continue;
        }

        // A forger seals it all the same, declares it wider first, and claims the narrow range
        // afterwards.
        let wide = |tensor: SealedTensor| SealedTensor { minimum: -512, maximum: 511, ..tensor };
        let wide: Vec<SealedTensor> = desk.tensors().into_iter().map(wide).collect();
        let (_, columns) = sealing::commit(&parameters, &wide, model, &mut rng(1)).unwrap();
        let mut record = columns.seal().record().clone();
        record.tensors = desk.tensors();
        let part = &record.range_parts().unwrap()[0];
        let sealed = (&columns, part);
        let range_proof =
            sealing::prove_range(&parameters, &record, sealed, false, &mut rng(2)).unwrap();
        let verdict =
            Seal { record, range_proofs: vec![range_proof] }.check(&parameters).unwrap_err();
        assert!(
            matches!(&verdict, Rejection::SealRange { reason } if **reason == Rejection::Opening),
            "{verdict}"
        );
    }
}

#[test]
fn factors_off_by_one_entry() {
    let desk = Desk::new(&Exposure::default());
    let factors = desk.key().layout().factor_columns();
    assert_eq!(judge(&desk.circuit, &desk.witness, |_| {}), [""; 0]);
    for column in factors {
        for row in [0, 17, 38] {
            assert_eq!(
                judge(&desk.circuit, &desk.witness, |cells| cells[column][row] += Fp::ONE),
                [END],
                "column {column}, row {row}"
            );
        }
    }
    // The same for a whole proof: the prover multiplies an activation that is off by one.
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let parameters = parameters(K);
    let weights = desk.open(&opening, &desk.model).unwrap();
    let prover = Prover::new(desk.key(), &parameters).weights(weights).self_check(false);
    let mut claim = desk.claim(Vec::new());
    claim.operands[1][0][2] += 1;
    assert!(matches!(prover.prove_assignment(claim.clone(), rng(3)), Err(ProveError::Linear)));
    let proof = prover.check_witness(false).prove_assignment(claim, rng(3)).unwrap();
    assert_eq!(desk.verify(&checked, &proof), Err(Rejection::Opening));
}

#[test]
fn factors_that_keep_their_product() {
    // u·v stays the same where u is doubled and v halved: only the equations that bind each of them
    // notice.
    let desk = Desk::new(&Exposure::default());
    let first = desk.key().layout().factor_columns().start;
    let half = Fp::from(2).invert().unwrap();
    let caught = judge(&desk.circuit, &desk.witness, |cells| {
        cells[first][3] = cells[first][3].double();
        cells[first + 1][3] *= half;
    });
    assert_eq!(caught, [END]);
}

#[test]
fn the_bilinear_claim_shifted_between_two_operators() {
    // Two requantisations err by +1 and −1. With one separator for both products the sum would not
    // change.
    let mut net = Net::new("two", &[(&[1, 4], 0)]);
    let [a, b] = [1, 2]
        .map(|seed| net.linear(&mut Noise(seed), 0, 2, After::Int8 { shift: 8, zero_point: 0 }));
    net.output(a);
    let desk = Desk::of(&net.finish(b), &Exposure::default());
    let layout = desk.key().layout();
    let limbs: Vec<_> =
        layout.nodes.iter().flatten().filter_map(|cells| cells.limbs.first()).collect();
    assert_eq!(limbs.len(), 2);
    let place = |index: usize| {
        let piece = layout.pieces(limbs[index], 0).next().unwrap();
        (piece.column, piece.rows.start)
    };
    let mut witness = desk.witness.clone();
    let shift = |witness: &mut Witness, (column, row): (usize, usize), by: i64| {
        let cell = &mut witness.columns[column][row];
        let by = if (0..16).contains(&(*cell + by)) { by } else { -by };
        *cell += by;
        by
    };
    let by = shift(&mut witness, place(0), 1);
    let back = shift(&mut witness, place(1), -by);
    assert_eq!(back, -by, "the remainders leave room for the forgery");
    assert_eq!(names(mock_prove(desk.key(), &witness)), [END]);

    // And the factors of one operator in the place of the other's.
    let runs: Vec<_> = layout
        .nodes
        .iter()
        .flatten()
        .filter_map(|cells| cells.result.as_ref())
        .filter(|run| run.lane == zkinfer_verifier::circuit::place::Lane::Factors)
        .collect();
    let rows: Vec<_> = runs.iter().map(|run| layout.pieces(run, 1).next().unwrap()).collect();
    let caught = judge(&desk.circuit, &desk.witness, |cells| {
        for (a, b) in rows[0].rows.clone().zip(rows[1].rows.clone()) {
            let (first, second) = (cells[rows[0].column][a], cells[rows[1].column][b]);
            (cells[rows[0].column][a], cells[rows[1].column][b]) = (second, first);
        }
    });
    assert_eq!(caught, [END]);
}

#[test]
fn private_and_sealed_inputs_are_range_checked_where_they_are_used() {
    for visibility in [Visibility::Private, Visibility::Sealed] {
        let exposure = Exposure { inputs: vec![visibility], ..Exposure::public() };
        let desk = Desk::new(&exposure);
        let layout = desk.key().layout();
        let run = layout.nodes[0].as_ref().unwrap().result.as_ref().unwrap();
        let piece = layout.pieces(run, 0).next().unwrap();
        let (column, row) = (piece.column, piece.rows.start);
        // What was sealed, if something was: an element in the first row of its column.
        let sealed = layout.sheet(Role::Input(0)).map(|sheet| sheet.columns.start);
        let caught = judge(&desk.circuit, &desk.witness, |cells| {
            cells[column][row] = Fp::from(128);
            sealed.iter().for_each(|sealed| cells[*sealed][0] = Fp::from(128));
        });
        assert!(caught.iter().any(|check| check.ends_with("limb")), "{visibility}: {caught:?}");
        let caught = judge(&desk.circuit, &desk.witness, |cells| cells[column][row] += Fp::ONE);
        assert_eq!(caught, [END], "{visibility}: in range, but not what was computed on");
        if let Some(sealed) = sealed {
            let caught = judge(&desk.circuit, &desk.witness, |cells| cells[sealed][0] += Fp::ONE);
            assert_eq!(caught, [END], "computed on, but not what was sealed");
        }
    }
}

#[test]
fn the_statement_says_what_the_key_says() {
    let desk = Desk::new(&Exposure { inputs: vec![Visibility::Private], ..Exposure::default() });
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let proof = desk.prove(desk.open(&opening, &desk.model).unwrap(), 3);
    assert_eq!(desk.verify(&checked, &proof), Ok(()));
    let reject = |change: &dyn Fn(&mut Proof)| {
        let mut forged = proof.clone();
        change(&mut forged);
        desk.verify(&checked, &forged).unwrap_err()
    };
    let public_input = reject(&|proof| proof.statement.inputs[0] = Value::Public(vec![0; 32]));
    assert!(
        matches!(public_input, Rejection::Visibility { expected: Visibility::Private, .. }),
        "{public_input}"
    );
    for value in [Value::Private, Value::Sealed(vec![[0; 32]])] {
        let hidden = reject(&|proof| proof.statement.outputs[0] = value.clone());
        assert!(
            matches!(hidden, Rejection::Visibility { expected: Visibility::Public, .. }),
            "{hidden}"
        );
    }
    assert_eq!(
        reject(&|proof| public(&mut proof.statement.outputs[0])[0] += 1),
        Rejection::Opening
    );
}

#[test]
fn nothing_stays_constant_over_many_proofs_of_one_witness() {
    // 64 proofs of one statement by one model: a byte that never changes would say something about
    // what is hidden.
    let desk = Desk::new(&Exposure { inputs: vec![Visibility::Private], ..Exposure::default() });
    let (_, opening) = desk.seal(&desk.model, 1);
    let parameters = parameters(K);
    let weights = desk.open(&opening, &desk.model).unwrap();
    let prover = Prover::new(desk.key(), &parameters).weights(weights).self_check(false);
    let proofs: Vec<Vec<u8>> = (0..64)
        .map(|seed| {
            prover.prove_assignment(desk.claim(Vec::new()), rng(100 + seed)).unwrap().argument
        })
        .collect();
    for at in 0..proofs[0].len() {
        let values: std::collections::BTreeSet<u8> = proofs.iter().map(|proof| proof[at]).collect();
        // The top byte of an element holds six bits of it, one sign bit for points: still at least
        // a handful of values.
        let least = if at % 32 == 31 { 8 } else { 32 };
        assert!(values.len() >= least, "byte {at} takes {} values over 64 proofs", values.len());
    }
}

/// A file quantised to 16 bits: its multipliers leave room for any weights and biases of as many
/// digits, since a verifier knows no more of sealed ones.
#[test]
fn sealed_weights_of_files_of_sixteen_bits_have_room() {
    let integers = |name: &str, element: DataType, shape: &[i64], values: Vec<i32>| TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: element as i32,
        int32_data: values,
        ..TensorProto::default()
    };
    // One large weight, so that the others are small beside what their digit could be.
    let weights = (0..64).map(|index| if index == 0 { 127 } else { index % 3 - 1 }).collect();
    let builder = Builder::new(21)
        .input("x", &[1, 16])
        .floats("s", &[], &[0.000_12])
        .floats("w_s", &[], &[0.01])
        .floats("y_s", &[], &[0.000_031])
        .tensor(integers("z", DataType::Int16, &[], vec![1388]))
        .tensor(integers("w", DataType::Int8, &[16, 4], weights))
        .node(Op::new("QuantizeLinear", &["x", "s", "z"], &["xq"]))
        .node(Op::new("DequantizeLinear", &["xq", "s", "z"], &["xr"]))
        .node(Op::new("DequantizeLinear", &["w", "w_s"], &["wr"]))
        .node(Op::new("MatMul", &["xr", "wr"], &["m"]))
        .node(Op::new("QuantizeLinear", &["m", "y_s", "z"], &["yq"]))
        .node(Op::new("DequantizeLinear", &["yq", "y_s", "z"], &["y"]))
        .output("y");
    let model = Model::from_bytes("m.onnx", &builder.bytes()).unwrap();
    let calibration = model.calibrate_input_range(0.0, 1.0).unwrap();
    let graph = model.quantise(&calibration).unwrap().graph;
    let sealed = Exposure { weights: Visibility::Sealed, ..Exposure::default() };
    compile_with(lower::lower(&graph, &sealed).unwrap(), &plans(&graph)[1]).unwrap();
}
