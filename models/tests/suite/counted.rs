//! Biases in the scales of the data, as the first form of onnxruntime's dynamic quantisation has
//! them: divided by the scale of a product, rounded, and added to its integers.

use ndarray::ArrayD;
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::quantised::integers;
use crate::support::{defined, refusal, refusals, weights};

const BIAS: [f32; 3] = [0.7, -1.3, 0.2];

fn taps() -> Vec<i32> {
    (0..54).map(|index| (index * 53) % 250 - 125).collect()
}

fn scales(count: usize) -> &'static [f32] {
    &[0.01, 0.02, 0.004][..count]
}

/// A convolution up to the bias that is counted in its scales, `shaped`.
fn counted(count: usize) -> Builder {
    counted_over(count, [4, 4])
}

/// The same over a plane of another size.
fn counted_over(count: usize, [height, width]: [i64; 2]) -> Builder {
    let dims: &[i64] = if count == 1 { &[] } else { &[3, 1, 1] };
    let flat: &[i64] = if count == 1 { &[] } else { &[3] };
    Builder::new(12)
        .input("x", &[1, 2, height, width])
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
    scaled(counted(count), ["i", "shaped"], "sw4")
}

/// The sum of an integer product and a bias, multiplied by scales: `y`.
fn scaled(builder: Builder, sum: [&str; 2], scales: &str) -> Builder {
    builder
        .node(Op::new("Add", &sum, &["sum"]))
        .node(Op::new("Cast", &["sum"], &["real"]).int("to", 1))
        .node(Op::new("Mul", &["real", scales], &["y"]))
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
    // The result of another layer, whose sums count nothing.
    let other = counted(1)
        .floats("k", &[3, 2, 3, 3], &weights(54))
        .node(Op::new("Conv", &["x", "k"], &["c"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Add", &["c", "shaped"], &["y"]));
    assert!(first(other.output("y")).contains("something else"));
    // The scales of other data.
    let scales = counted(1)
        .input("x2", &[1, 2, 4, 4])
        .node(Op::new("DynamicQuantizeLinear", &["x2"], &["q2", "s2", "z2"]))
        .node(Op::new("ConvInteger", &["q2", "w", "z2", "w_z"], &["i2"]).ints("pads", &[1; 4]))
        .node(Op::new("Mul", &["s2", "w_s"], &["sw2"]));
    let scales = scaled(scales, ["i2", "shaped"], "sw2");
    assert!(first(scales.output("y")).contains("something else"));
    // A bias per row of a plane, which has as many rows as channels.
    let rows = counted_over(1, [3, 5]).integers("rows", &[1, 3, 1]).node(Op::new(
        "Reshape",
        &["integer", "rows"],
        &["turned"],
    ));
    let refused = first(scaled(rows, ["i", "turned"], "sw4").output("y"));
    assert!(refused.contains("it adds a constant in scales"), "{refused}");
    // What is scaled afterwards cannot be put out before.
    for name in ["i", "sum", "real"] {
        let message = refusal(convolution(1).output("y").output(name));
        assert!(message.contains("quantis"), "{name}: {message}");
    }
}
