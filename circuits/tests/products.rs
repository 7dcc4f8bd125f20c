//! Products of two activations: what they compute, and forged ones, which fail at the end of the
//! adjoint sum.

mod common;

use common::judge;
use common::verdicts::{END, rejected};
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_verifier::circuit::description::{
    Description, Form, Function, Input, Node, Operator, Output, OutputSource, Product,
    Quantisation, Requantise, Scheme,
};
use zkinfer_verifier::{VerifyingKey, Visibility};

const K: u32 = 7;

/// `clamp(⌊left·rightᵀ / 2^8⌋)` over two batches, and the product itself through a copy.
fn product(inputs: [Visibility; 2]) -> Description {
    let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
    let node = |name: &str, operator| Node { name: name.into(), operator };
    let input = |name: &str, shape: [usize; 3], visibility| Input {
        name: name.into(),
        shape: shape.to_vec(),
        minimum: -128,
        maximum: 127,
        quantisation: quantisation.clone(),
        visibility,
    };
    let requantise = Requantise { input: 2, shift: 8, function: 0, form: Form::Wide };
    let output = |name: &str, node| Output {
        name: name.into(),
        shape: vec![2, 3, 4],
        source: OutputSource::Node(node),
        quantisation: quantisation.clone(),
        visibility: Visibility::Public,
    };
    Description {
        name: "product".into(),
        k: K,
        limb_bits: 4,
        bias_digits: 0,
        functions: vec![Function::clamp(-128, 127)],
        inputs: vec![input("left", [2, 3, 5], inputs[0]), input("right", [2, 4, 5], inputs[1])],
        nodes: vec![
            node("left", Operator::Input(0)),
            node("right", Operator::Input(1)),
            node("product", Operator::Product(Product { left: 0, right: 1 })),
            node("clamp", Operator::Requantise(requantise)),
            node("again", Operator::Product(Product { left: 0, right: 1 })),
            node("copy", Operator::Copy(4)),
        ],
        outputs: vec![output("clamped", 3), output("whole", 5)],
    }
}

#[test]
fn products_of_activations() {
    let left: Vec<i64> = (0..30).map(|i| (i * 41) % 256 - 128).collect();
    let right: Vec<i64> = (0..40).map(|i| (i * 67 + 5) % 256 - 128).collect();
    let expected: Vec<i64> = (0..24)
        .map(|at| {
            let (batch, row, column) = (at / 12, at / 4 % 3, at % 4);
            (0..5)
                .map(|t| left[(batch * 3 + row) * 5 + t] * right[(batch * 4 + column) * 5 + t])
                .sum()
        })
        .collect();
    for inputs in [[Visibility::Private; 2], [Visibility::Public, Visibility::Private]] {
        let circuit = Circuit::from(VerifyingKey::new(product(inputs)).unwrap());
        let witness = circuit.witness(&[], &[left.clone(), right.clone()]).unwrap();
        assert_eq!(witness.outputs[1], expected);
        assert_eq!(
            witness.outputs[0],
            expected.iter().map(|z| (z >> 8).clamp(-128, 127)).collect::<Vec<_>>()
        );
        common::accepts(&circuit, &witness);
        common::proves(&circuit, witness.clone());
        for column in circuit.key().layout().factor_columns() {
            assert_eq!(judge(&circuit, &witness, |cells| cells[column][4] += Fp::ONE), [END]);
        }
        let mut forged = witness.clone();
        forged.outputs[1][7] += 1;
        rejected(&circuit, &forged, &[END]);
    }

    // Read twice, or by something that spoils its rank-one cotangent: refused.
    let mut twice = product([Visibility::Private; 2]);
    twice.outputs[1].source = OutputSource::Node(4);
    let refusal = VerifyingKey::new(twice).unwrap_err().to_string();
    assert!(refusal.contains("again") && refusal.contains("copy"), "{refusal}");
    let mut unread = product([Visibility::Private; 2]);
    unread.nodes.truncate(5);
    unread.outputs.truncate(1);
    assert!(VerifyingKey::new(unread).unwrap_err().to_string().contains("again"));
    let mut double = product([Visibility::Private; 2]);
    double.nodes.push(Node { name: "left twice".into(), operator: Operator::Input(0) });
    assert!(VerifyingKey::new(double).unwrap_err().to_string().contains("left"));
}

/// Factors of other integers than those of the cells that they stand for: by themselves, and with
/// all that is computed from them.
#[test]
fn factors_of_other_integers_than_their_operands() {
    let description = product([Visibility::Private, Visibility::Public]);
    let circuit = Circuit::from(VerifyingKey::new(description).unwrap());
    let left: Vec<i64> = (0..30).map(|i| (i * 41) % 256 - 128).collect();
    let right: Vec<i64> = (0..40).map(|i| (i * 67 + 5) % 256 - 128).collect();
    let inputs = [left, right];
    let witness = circuit.witness(&[], &inputs).unwrap();
    for (product, node) in [(0, 2), (1, 4)] {
        for (side, element) in [(0, 0), (0, 29), (1, 0), (1, 39)] {
            let mut forged = witness.clone();
            forged.operands[product][side][element] += 1;
            rejected(&circuit, &forged, &[END]);
        }
        for (element, step) in [(0, 1), (17, -40)] {
            let change = |id, values: &mut [i64]| {
                if id == node {
                    values[element] += step;
                }
            };
            let forged = Witness::forged(circuit.key(), &[], &inputs, &change).unwrap();
            assert_ne!(forged.outputs, witness.outputs);
            rejected(&circuit, &forged, &[END]);
        }
    }
}
