//! Products element by element: what they compute, and forged ones, which fail at the end of the
//! adjoint sum.
//!
//! Each forgery is judged by MockProver and by the real prover and verifier.

mod common;

use common::judge;
use common::verdicts::END;
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_verifier::circuit::description::{
    Combine, Description, Hadamard, Input, Node, Operator, Output, OutputSource, Quantisation,
    Scheme, View, ViewKind,
};
use zkinfer_verifier::{VerifyingKey, Visibility};

const K: u32 = 7;
/// Elements: more than a column has room for.
const COUNT: usize = 125;

mod node {
    pub const PRODUCT: usize = 3;
    pub const AGAIN: usize = 5;
}

/// `y = (2·left + 3)∘right`, the same backwards, and the product of both: what is read several
/// times, with a cotangent that has no rank one.
fn products(visibility: Visibility) -> Circuit {
    let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
    let input = |name: &str| Input {
        name: name.into(),
        shape: vec![5, 25],
        minimum: -128,
        maximum: 127,
        quantisation: quantisation.clone(),
        visibility,
    };
    let backwards = ViewKind::Slice { axis: 1, start: 24, step: -1, count: 25 };
    let operators = [
        Operator::Input(0),
        Operator::Input(1),
        Operator::Combine(Combine { terms: vec![(0, 2)], constant: vec![3] }),
        Operator::Hadamard(Hadamard { left: 2, right: 1 }),
        Operator::View(View { inputs: vec![node::PRODUCT], kind: backwards }),
        Operator::Hadamard(Hadamard { left: node::PRODUCT, right: 4 }),
    ];
    let output = |name: &str, node| Output {
        name: name.into(),
        shape: vec![5, 25],
        source: OutputSource::Node(node),
        quantisation: quantisation.clone(),
        visibility: Visibility::Public,
    };
    let description = Description {
        name: "products".into(),
        k: K,
        limb_bits: 4,
        bias_digits: 0,
        functions: vec![],
        inputs: vec![input("left"), input("right")],
        nodes: operators.map(|operator| Node { name: "node".into(), operator }).into(),
        outputs: vec![output("y", node::PRODUCT), output("z", node::AGAIN)],
    };
    Circuit::from(VerifyingKey::new(description).unwrap())
}

fn inputs() -> [Vec<i64>; 2] {
    [41, 67].map(|step| (0..COUNT as i64).map(|i| (i * step + 5) % 256 - 128).collect())
}

/// `y` and `z` from both operands of the first product, and those of the second.
fn results([u, v]: [&[i64]; 2]) -> [Vec<i64>; 3] {
    let y: Vec<i64> = u.iter().zip(v).map(|(u, v)| u * v).collect();
    let moved: Vec<i64> = y.chunks(25).flat_map(|row| row.iter().rev().copied()).collect();
    let z = y.iter().zip(&moved).map(|(a, b)| a * b).collect();
    [y, moved, z]
}

fn honest() -> (Circuit, Witness, [Vec<i64>; 2]) {
    let circuit = products(Visibility::Private);
    let [left, right] = inputs();
    let witness = circuit.witness(&[], &[left.clone(), right.clone()]).unwrap();
    common::accepts(&circuit, &witness);
    (circuit, witness, [left.iter().map(|x| 2 * x + 3).collect(), right])
}

/// The witness with other operands of the first product, and all behind them to match.
fn forged(circuit: &Circuit, witness: &Witness, [u, v]: [&[i64]; 2]) -> Witness {
    let mut forged = witness.clone();
    let [y, moved, z] = results([u, v]);
    let layout = circuit.key().layout();
    for (node, operands) in [(node::PRODUCT, [u, v]), (node::AGAIN, [&y, &moved])] {
        let run = layout.nodes[node].as_ref().unwrap().result.as_ref().unwrap();
        for (offset, operand) in operands.into_iter().enumerate() {
            for piece in layout.pieces(run, offset) {
                let cells = &mut forged.columns[piece.column][piece.rows];
                cells.copy_from_slice(&operand[piece.elements]);
            }
        }
    }
    forged.outputs = vec![y, z];
    forged
}

#[track_caller]
fn rejected(circuit: &Circuit, forged: &Witness) {
    common::verdicts::rejected(circuit, forged, &[END]);
}

#[test]
fn products_of_elements() {
    let [left, right] = inputs();
    let u: Vec<i64> = left.iter().map(|x| 2 * x + 3).collect();
    let [y, _, z] = results([&u, &right]);
    for visibility in [Visibility::Private, Visibility::Public] {
        let circuit = products(visibility);
        let witness = circuit.witness(&[], &[left.clone(), right.clone()]).unwrap();
        assert_eq!(witness.outputs, [y.clone(), z.clone()]);
        common::accepts(&circuit, &witness);
        common::proves(&circuit, witness);
    }
}

#[test]
fn operands_are_two_cells_an_element_and_in_no_lookup() {
    let (circuit, ..) = honest();
    let layout = circuit.key().layout();
    let columns: Vec<usize> = layout.multiplied_columns().collect();
    // Two products of 125 elements, 250 positions in columns of 122 rows.
    assert_eq!((columns.len(), layout.usable), (2 * 3, 122));
    assert!(layout.factor_columns().is_empty());
    let looked_up = |column: &usize| layout.lookups.iter().any(|l| l.columns.contains(column));
    assert!(!columns.iter().any(looked_up));
}

#[test]
fn an_operand_that_is_not_what_it_stands_for() {
    let (circuit, witness, [u, v]) = honest();
    assert_eq!(forged(&circuit, &witness, [&u, &v]), witness);
    // The first element, the last one in the first column, one in the second.
    for element in [0, 121, 124] {
        for step in [1, -7] {
            let mut other = u.clone();
            other[element] += step;
            rejected(&circuit, &forged(&circuit, &witness, [&other, &v]));
            let mut other = v.clone();
            other[element] += step;
            rejected(&circuit, &forged(&circuit, &witness, [&u, &other]));
        }
    }
}

#[test]
fn operands_that_keep_their_product() {
    let (circuit, witness, [u, v]) = honest();
    let swapped = |element: usize| {
        let (mut left, mut right) = (u.clone(), v.clone());
        (left[element], right[element]) = (v[element], u[element]);
        assert_ne!(left, u);
        forged(&circuit, &witness, [&left, &right])
    };
    for element in [0, 60, 124] {
        let forged = swapped(element);
        assert_eq!(forged.outputs, witness.outputs);
        rejected(&circuit, &forged);
    }
    // All of them, and both with the other sign.
    let all = forged(&circuit, &witness, [&v, &u]);
    assert_eq!(all.outputs, witness.outputs);
    rejected(&circuit, &all);
    let negative = |list: &[i64]| list.iter().map(|x| -x).collect::<Vec<_>>();
    rejected(&circuit, &forged(&circuit, &witness, [&negative(&u), &negative(&v)]));
    // Twice one, half of the other, which no integer is.
    let run = circuit.key().layout().nodes[node::PRODUCT].as_ref().unwrap().result.clone();
    let [left, right] = [0, 1].map(|offset| {
        let piece = circuit.key().layout().pieces(run.as_ref().unwrap(), offset).next().unwrap();
        (piece.column, piece.rows.start + 7)
    });
    let half = Fp::from(2).invert().unwrap();
    let caught = judge(&circuit, &witness, |cells| {
        cells[left.0][left.1] *= Fp::from(2);
        cells[right.0][right.1] *= half;
    });
    assert_eq!(caught, [END]);
}

#[test]
fn a_result_that_is_not_the_product() {
    let (circuit, witness, _) = honest();
    for output in 0..2 {
        for element in [0, 124] {
            let mut forged = witness.clone();
            forged.outputs[output][element] += 1;
            rejected(&circuit, &forged);
        }
    }
    // Errors of two elements that cancel in their sum.
    let mut forged = witness.clone();
    forged.outputs[1][3] += 1;
    forged.outputs[1][4] -= 1;
    rejected(&circuit, &forged);
    // Another product, with what reads it to match: seen by what the second one's operands are.
    let mut forged = witness.clone();
    let run = circuit.key().layout().nodes[node::AGAIN].as_ref().unwrap().result.clone();
    let piece = circuit.key().layout().pieces(run.as_ref().unwrap(), 0).next().unwrap();
    forged.columns[piece.column][piece.rows.start] += 1;
    forged.outputs[1][0] += witness.outputs[0][24];
    rejected(&circuit, &forged);
}
