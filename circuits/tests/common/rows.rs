//! Softmax, Normalise and what stands around them in attention.

use zkinfer_models::integer::graph::{Function, Operator, Requantise, Ties, ValueId, mark};

use super::Net;

fn requantise(shift: u32, zero_point: i64) -> Requantise {
    Requantise { shift, ties: Ties::Up, zero_point, function: Function::clamp(-128, 127) }
}

/// A softmax of rows of `columns`: exponentials of 10 bits, results in 256ths from −128 on.
pub fn softmax(columns: usize, shift: u32, visible: Vec<bool>) -> Operator {
    let mark = mark(columns);
    let exponential = |distance: i64| {
        mark * (1024.0 * (-0.07 * distance as f64).exp()).round() as i64 + i64::from(distance == 0)
    };
    let bits = 64 - (1024 * mark).leading_zeros() + 12;
    Operator::Softmax {
        shift,
        exponentials: (0..100).map(exponential).collect(),
        reciprocal_bits: bits,
        visible,
        requantise: requantise(bits - 8, -128),
    }
}

pub fn normalise(centred: bool) -> Operator {
    Operator::Normalise {
        centred,
        multiplier: 3,
        epsilon: 5000,
        reciprocal_bits: 24,
        requantise: requantise(18, 3),
    }
}

/// A product of matrices that is not requantised.
pub fn matmul(net: &mut Net, [left, right]: [ValueId; 2], shape: &[usize]) -> ValueId {
    net.node(Operator::MatMul { multiplier: 1, requantise: None }, &[left, right], shape, 0)
}
