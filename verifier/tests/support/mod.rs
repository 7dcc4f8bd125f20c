//! A small valid description.

#![allow(dead_code, reason = "each test uses a part")]

use zkinfer_verifier::description::{
    Combine, Contract, Description, Form, Function, Input, Node, Operator, Output, OutputSource, Quantisation,
    Requantise, View, ViewKind, Visibility, Weights,
};

pub const READING: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

pub fn contract() -> Contract {
    Contract {
        input: 0,
        rows: 2,
        groups: 1,
        kernel: [2, 2],
        strides: [1, 1],
        pads: [0, 0, 1, 1],
        dilations: [1, 1],
        weights: Weights::Public(vec![1; 8]),
        row_factors: vec![3; 2],
        column_factors: vec![],
        bias: vec![0; 2],
    }
}

/// `[1, 3, 3] → contraction → requantisation`, with a view and a sum that nothing reads.
pub fn valid() -> Description {
    let node = |name: &str, operator| Node { name: name.into(), operator };
    Description {
        name: "valid".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 0,
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![1, 3, 3],
            minimum: -8,
            maximum: 7,
            quantisation: READING,
            visibility: Visibility::Public,
        }],
        nodes: vec![
            node("input", Operator::Input(0)),
            node("conv", Operator::Contract(contract())),
            node(
                "requantise",
                Operator::Requantise(Requantise {
                    input: 1,
                    limbs: 1,
                    function: Function::clamp(-4, 3),
                    form: Form::Wide,
                }),
            ),
            node("view", Operator::View(View { inputs: vec![2], kind: ViewKind::Reshape(vec![18]) })),
            node("sum", Operator::Combine(Combine { terms: vec![(3, 2)], constant: vec![] })),
        ],
        outputs: vec![Output {
            name: "y".into(),
            shape: vec![2, 9],
            source: OutputSource::Node(2),
            quantisation: READING,
            visibility: Visibility::Public,
        }],
    }
}
