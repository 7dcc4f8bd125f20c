//! Biases in the scales of the data, as the first form of onnxruntime's dynamic quantisation has
//! them: divided by the scale of a product, rounded, and added to its integers.

use ndarray::ArrayD;
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::quantised::integers;
use crate::support::{defined, refusal, refusals};

const BIAS: [f32; 3] = [0.7, -1.3, 0.2];

fn taps() -> Vec<i32> {
    (0..54).map(|index| (index * 53) % 250 - 125).collect()
}

fn scales(count: usize) -> &'static [f32] {
    &[0.01, 0.02, 0.004][..count]
}

/// A convolution up to the bias that is counted in its scales, `shaped`.
fn counted(count: usize) -> Builder {
    let dims: &[i64] = if count == 1 { &[] } else { &[3, 1, 1] };
    let flat: &[i64] = if count == 1 { &[] } else { &[3] };
    Builder::new(12)
        .input("x", &[1, 2, 4, 4])
        .tensor(integers("w", DataType::Int8, &[3, 2, 3, 3], &taps()))
        .tensor(integers("w_z", DataType::Int8, &[], &[0]))
        .floats("w_s", dims, scales(count))
        .floats("w_flat", flat, scales(count))
        .floats("b", &[3], &BIAS)
        .integers("to", &[1, -1, 1, 1])
        .node(Op::new("DynamicQuantizeLinear", &["x"], &["q", "s", "z"]))
        .node(Op::new("Mul", &["s", "w_flat"], &["sw"]))
        .node(Op::new("Div", &["b", "sw"], &["steps"]))
        .node(Op::new("Floor", &["steps"], &["whole"]))
        .node(Op::new("Cast", &["whole"], &["integer"]).int("to", 6))
        .node(Op::new("Reshape", &["integer", "to"], &["shaped"]))
        .node(Op::new("ConvInteger", &["q", "w", "z", "w_z"], &["i"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Mul", &["s", "w_s"], &["sw4"]))
}

fn convolution(count: usize) -> Builder {
    counted(count)
        .node(Op::new("Add", &["i", "shaped"], &["sum"]))
        .node(Op::new("Cast", &["sum"], &["real"]).int("to", 1))
        .node(Op::new("Mul", &["real", "sw4"], &["y"]))
}

/// The same in floating point.
fn plain(count: usize) -> Model {
    let scale = |index: usize| scales(count)[if count == 1 { 0 } else { index / 18 }];
    let reals: Vec<f32> =
        taps().iter().enumerate().map(|(index, &tap)| tap as f32 * scale(index)).collect();
    let builder = Builder::new(12)
        .input("x", &[1, 2, 4, 4])
        .floats("w", &[3, 2, 3, 3], &reals)
        .floats("b", &[3], &BIAS)
        .node(Op::new("Conv", &["x", "w", "b"], &["y"]).ints("pads", &[1, 1, 1, 1]))
        .output("y");
    Model::from_bytes("plain.onnx", &builder.bytes()).unwrap()
}

#[test]
fn a_bias_in_the_scales_of_a_product_is_part_of_the_layer() {
    for count in [1, 3] {
        let plain = plain(count);
        let expected = |inputs: &[ArrayD<f32>]| {
            plain.run_own(inputs).unwrap()[0].iter().map(|&x| x.into()).collect()
        };
        let case = defined(convolution(count).output("y"), 2.0, expected);
        assert_eq!(case.operators(), ["Convolution"]);
    }
}

#[test]
fn it_goes_nowhere_else() {
    let first = |builder: Builder| refusals(builder)[0].reason.clone();
    let read = counted(1).node(Op::new("Relu", &["shaped"], &["y"]));
    assert!(first(read.output("y")).starts_with("input 0 is a constant in a scale that the file"));
    let real = counted(1).node(Op::new("Add", &["x", "shaped"], &["y"])).output("y");
    assert!(first(real).contains("something else than the integer product they belong to"));
    // Two readers: what one adds the other would have too.
    let twice = convolution(1).node(Op::new("Mul", &["i", "sw4"], &["again"]));
    assert!(first(twice.output("y").output("again")).contains("something else"));
    let put_out = refusal(convolution(1).output("y").output("steps"));
    assert!(put_out.contains("DynamicQuantizeLinear computes from the data"), "{put_out}");
    // A bias per row of a plane.
    let rows = counted(1)
        .integers("rows", &[1, 3, 1])
        .node(Op::new("Reshape", &["integer", "rows"], &["turned"]))
        .node(Op::new("Add", &["i", "turned"], &["y"]));
    assert!(first(rows.output("y")).contains("something else"));
}
