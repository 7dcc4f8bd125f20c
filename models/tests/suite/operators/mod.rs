//! Every operator, from a file built here to int8 outputs beside tract's.
//!
//! The bounds are in 255ths of the output's range. Moving operators cost what quantising the input
//! costs: half a step, or more where a view shows only part of the range. A requantised result adds
//! half a step of its own and the rounding of weights: two to four steps in all at these sizes. A
//! raw accumulator has no step of its own and is judged alike.

mod activations;
mod constants;
mod elementwise;
mod endings;
mod functions;
mod fused;
mod indexed;
mod indices;
mod integers;
mod linear;
mod maps;
mod onnxruntime;
mod pooling;
mod repeated;
mod spelled;
mod views;
mod volumes;

use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::weights;

fn conv(op: Op, weight_shape: &[i64], input: &[i64]) -> Builder {
    let count = weight_shape.iter().product::<i64>() as usize;
    Builder::new(13)
        .batched_input("x", input)
        .floats("w", weight_shape, &weights(count))
        .floats("b", &weight_shape[..1], &weights(weight_shape[0] as usize))
        .node(op)
}

fn conv_op() -> Op {
    Op::new("Conv", &["x", "w", "b"], &["y"])
}

/// One operator over `x`.
fn unary(opset: i64, input: &[i64], op: Op) -> Builder {
    Builder::new(opset).input("x", input).node(op).output("y")
}
