//! Integers of so many bits, and what is shown with them: a reciprocal that is the only one.
//!
//! Each forgery is judged by MockProver and by the real prover and verifier.

mod common;

use common::verdicts::{END, LIMB, rejected};
use common::{judge, names};
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_verifier::circuit::description::{
    Bounded, Combine, Description, Hint, Input, Node, Operator, Output, OutputSource, Product,
    Quantisation, Scheme, Source,
};
use zkinfer_verifier::{VerifyingKey, Visibility};

const K: u32 = 7;
const LIMB_BITS: u32 = 4;
/// Bits of the numerator, of a reciprocal, of a remainder.
const NUMERATOR: u32 = 20;
const RECIPROCAL: u32 = 21;
const REMAINDER: u32 = 10;

mod node {
    pub const RECIPROCAL: usize = 1;
    pub const LEFT: usize = 4;
    pub const SPARE: usize = 6;
    pub const SHOWN: usize = 7;
}

/// `r = ⌊2^20 / x⌋` for three elements: `2^20 − r·x` and `x − 1 − (2^20 − r·x)` are not negative.
fn reciprocals() -> Circuit {
    let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
    let shape = vec![3, 1, 1];
    let check = |input, bits| Operator::Bounded(Bounded { bits, source: Source::Equal { input } });
    let hint = Source::Hint { input: 0, hint: Hint::Reciprocal { bits: NUMERATOR } };
    let sum = |terms: &[(usize, i64)], constant| {
        Operator::Combine(Combine { terms: terms.to_vec(), constant: vec![constant] })
    };
    let operators = [
        Operator::Input(0),
        Operator::Bounded(Bounded { bits: RECIPROCAL, source: hint }),
        Operator::Product(Product { left: node::RECIPROCAL, right: 0 }),
        sum(&[(2, -1)], 1 << NUMERATOR),
        check(3, REMAINDER),
        sum(&[(0, 1), (node::LEFT, -1)], -1),
        check(5, REMAINDER),
        sum(&[(node::RECIPROCAL, 1), (0, -1)], 0),
    ];
    Circuit::from(
        VerifyingKey::new(Description {
            name: "reciprocals".into(),
            k: K,
            limb_bits: LIMB_BITS,
            bias_digits: 0,
            functions: vec![],
            inputs: vec![Input {
                name: "x".into(),
                shape: shape.clone(),
                minimum: 1,
                maximum: 1000,
                quantisation: quantisation.clone(),
                visibility: Visibility::Private,
            }],
            nodes: operators.map(|operator| Node { name: "r".into(), operator }).into(),
            outputs: vec![Output {
                name: "r - x".into(),
                shape,
                source: OutputSource::Node(node::SHOWN),
                quantisation,
                visibility: Visibility::Public,
            }],
        })
        .unwrap(),
    )
}

/// The cells of an element's limbs.
fn places(circuit: &Circuit, node: usize, element: usize) -> Vec<(usize, usize)> {
    let layout = circuit.key().layout();
    let limbs = &layout.nodes[node].as_ref().unwrap().limbs;
    let place = |run| {
        let piece = layout.pieces(run, 0).next().unwrap();
        (piece.column, piece.rows.start + element)
    };
    limbs.iter().map(place).collect()
}

/// Writes an integer of any size or sign: what its limbs cannot hold is in the highest.
fn write(circuit: &Circuit, witness: &mut Witness, node: usize, element: usize, value: i64) {
    let places = places(circuit, node, element);
    for (index, &(column, row)) in places.iter().enumerate() {
        let shifted = value >> (LIMB_BITS as usize * index);
        let highest = index + 1 == places.len();
        witness.columns[column][row] =
            if highest { shifted } else { shifted & ((1 << LIMB_BITS) - 1) };
    }
}

fn honest(x: &[i64]) -> (Circuit, Witness) {
    let circuit = reciprocals();
    let witness = circuit.witness(&[], &[x.to_vec()]).unwrap();
    common::accepts(&circuit, &witness);
    (circuit, witness)
}

#[test]
fn reciprocals_are_what_they_should_be() {
    for x in [[1, 2, 3], [7, 999, 1000], [512, 1000, 37]] {
        let (circuit, witness) = honest(&x);
        let expected: Vec<i64> = x.iter().map(|x| (1 << NUMERATOR) / x - x).collect();
        assert_eq!(witness.outputs, [expected]);
        common::proves(&circuit, witness);
    }
}

#[test]
fn a_reciprocal_off_by_one_both_ways() {
    let (circuit, witness) = honest(&[7, 300, 512]);
    for element in 0..3 {
        for step in [1, -1] {
            let mut forged = witness.clone();
            let x = forged.inputs[0][element];
            let r = (1 << NUMERATOR) / x + step;
            let left = (1 << NUMERATOR) - r * x;
            write(&circuit, &mut forged, node::RECIPROCAL, element, r);
            forged.operands[0][0][element] = r;
            forged.outputs[0][element] = r - x;
            // With remainders to match, one of them is negative.
            let mut matching = forged.clone();
            write(&circuit, &mut matching, node::LEFT, element, left);
            write(&circuit, &mut matching, node::SPARE, element, x - 1 - left);
            rejected(&circuit, &matching, &[LIMB]);
            // With those of the honest one, they are not what they should be.
            rejected(&circuit, &forged, &[END]);
        }
    }
}

#[test]
fn an_integer_of_one_bit_more() {
    // 1,024 is the smallest that is no remainder: its highest limb is 4, one of four bits but not
    // of the two that are left for it.
    let (circuit, witness) = honest(&[7, 300, 512]);
    let mut forged = witness.clone();
    write(&circuit, &mut forged, node::LEFT, 0, 1 << REMAINDER);
    let caught = names(mock_prove(circuit.key(), &forged));
    assert!(caught.iter().any(|name| name.ends_with(LIMB)), "{caught:?}");
    // One of that width, but not that of the element.
    let &(column, row) = places(&circuit, node::LEFT, 0).last().unwrap();
    let mut forged = witness.clone();
    forged.columns[column][row] += 1;
    rejected(&circuit, &forged, &[END]);
}

#[test]
fn a_limb_that_is_a_fraction() {
    // A quarter more in the highest limb, which counts 256, and 64 less in those below.
    let (circuit, witness) = honest(&[7, 300, 512]);
    let caught = judge(&circuit, &witness, |cells| {
        let places = places(&circuit, node::LEFT, 0);
        let [_, middle, highest] = places[..] else { panic!("{places:?}") };
        cells[highest.0][highest.1] += Fp::from(4).invert().unwrap();
        cells[middle.0][middle.1] -= Fp::from(4);
    });
    assert!(caught.iter().any(|name| name.ends_with(LIMB)), "{caught:?}");
}
