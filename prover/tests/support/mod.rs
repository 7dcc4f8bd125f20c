//! A small circuit with every kind of lane, and an honest witness for it, written by hand.
//!
//! `y = clamp(⌊(W·x + b) / 16⌋, −8, 7)` in the wide form, then `z = max(y, 0)` by the narrow form,
//! and the index of the largest `z`.

#![allow(dead_code, reason = "each test uses a part")]

pub mod everything;

use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, Input, Node, Operator, Output, OutputSource,
    Quantisation, Requantise, Scheme, Visibility, Weights,
};
use zkinfer_verifier::circuit::place::Run;
use zkinfer_verifier::{Parameters, Statement, Value, VerifyingKey};

pub const WEIGHTS: [i8; 12] = [3, -2, 5, 7, -1, -4, 2, 2, 2, 0, 9, -9];
pub const BIAS: [i64; 4] = [8, 24, -40, 8];
const INPUTS: usize = 3;
const OUTPUTS: usize = 4;
const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 0.5, zero_point: 0 });

pub fn description(k: u32) -> Description {
    let node = |name: &str, operator| Node { name: name.into(), operator };
    let requantise = |input, shift, function, form| {
        Operator::Requantise(Requantise { input, shift, function, form })
    };
    let output = |name: &str, source, shape| Output {
        name: name.into(),
        shape,
        source,
        quantisation: READING,
        visibility: Visibility::Public,
    };
    Description {
        name: "hand-made".into(),
        k,
        limb_bits: 4,
        bias_digits: 0,
        functions: vec![Function::clamp(-8, 7), Function::clamp(0, 7)],
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![INPUTS, 1, 1],
            minimum: -128,
            maximum: 127,
            quantisation: READING,
            visibility: Visibility::Public,
        }],
        nodes: vec![
            node("input", Operator::Input(0)),
            node(
                "dense",
                Operator::Contract(Contract {
                    input: 0,
                    rows: OUTPUTS,
                    groups: 1,
                    kernel: [1, 1],
                    strides: [1, 1],
                    pads: [0; 4],
                    dilations: [1, 1],
                    weights: Weights::Public(WEIGHTS.to_vec()),
                    row_factors: vec![1, 2, 1, 1],
                    column_factors: vec![],
                    bias: BIAS.to_vec(),
                }),
            ),
            node("clamp", requantise(1, 4, 0, Form::Wide)),
            node("rectify", requantise(2, 0, 1, Form::Narrow)),
            node("shift", Operator::Combine(Combine { terms: vec![(3, 2)], constant: vec![-1] })),
        ],
        outputs: vec![
            output("y", OutputSource::Node(4), vec![OUTPUTS]),
            output(
                "class",
                OutputSource::ArgMax { input: 3, axis: 0, select_last: false },
                vec![1],
            ),
        ],
    }
}

pub fn key(k: u32) -> VerifyingKey {
    VerifyingKey::new(description(k)).expect("a valid description")
}

pub fn parameters(k: u32) -> Parameters {
    Parameters::derive(k).expect("a supported size")
}

/// Cells and statement of an honest execution.
pub fn witness(key: &VerifyingKey, x: [i64; INPUTS]) -> (Statement, Vec<Vec<i64>>) {
    let layout = key.layout();
    let mut columns = vec![vec![0; layout.usable]; layout.columns()];
    let mut put = |run: &Run, column, values: &[i64]| layout.add(&mut columns, run, column, values);

    let factors = [1, 2, 1, 1];
    let sums: Vec<i64> = (0..OUTPUTS)
        .map(|o| {
            factors[o] * (0..INPUTS).map(|t| i64::from(WEIGHTS[o * INPUTS + t]) * x[t]).sum::<i64>()
                + BIAS[o]
        })
        .collect();
    let quotients: Vec<i64> = sums.iter().map(|z| z >> 4).collect();
    let high: Vec<i64> = quotients.iter().map(|q| (q + 8).div_euclid(16)).collect();
    let clamped: Vec<i64> = quotients.iter().map(|q| (*q).clamp(-8, 7)).collect();
    let cells = layout.nodes[2].as_ref().unwrap();
    put(&cells.limbs[0], 0, &sums.iter().map(|z| z & 15).collect::<Vec<_>>());
    let result = cells.result.as_ref().unwrap();
    put(result, 0, &high);
    put(result, 1, &high.iter().map(|h| h.signum()).collect::<Vec<_>>());
    put(result, 2, &quotients.iter().map(|q| (q + 8).rem_euclid(16)).collect::<Vec<_>>());
    put(result, 3, &clamped);

    let rectified: Vec<i64> = clamped.iter().map(|y| (*y).max(0)).collect();
    let result = layout.nodes[3].as_ref().unwrap().result.as_ref().unwrap();
    put(result, 0, &clamped);
    put(result, 1, &rectified);

    let index = (0..OUTPUTS).rev().max_by_key(|&i| rectified[i]).unwrap();
    let gaps: Vec<i64> =
        (0..OUTPUTS).map(|j| rectified[index] - rectified[j] - i64::from(j < index)).collect();
    for (i, limb) in layout.outputs[1].as_ref().unwrap().limbs.iter().enumerate() {
        put(limb, 0, &gaps.iter().map(|gap| (gap >> (4 * i)) & 15).collect::<Vec<_>>());
    }
    let outputs = vec![rectified.iter().map(|z| 2 * z - 1).collect(), vec![index as i64]];
    (Statement::public(vec![x.to_vec()], outputs), columns)
}

/// The integers of a public value, to change.
pub fn public(value: &mut Value) -> &mut Vec<i64> {
    value.integers_mut().expect("a public tensor")
}
