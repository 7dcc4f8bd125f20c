//! Biases that take up what rounded weights are off by on average: on inputs nobody has seen.

use zkinfer_models::integer::graph::Operator;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Calibration, Dataset, Model, Quantised};

use crate::support::weights;

/// A convolution and a Gemm over what is never negative.
fn network() -> Model {
    let builder = Builder::new(17)
        .batched_input("x", &[4, 6, 6])
        .floats("k", &[8, 4, 3, 3], &weights(288))
        .floats("w", &[5, 288], &weights(1440))
        .node(Op::new("Conv", &["x", "k"], &["c"]).ints("pads", &[1; 4]))
        .node(Op::new("Relu", &["c"], &["r"]))
        .node(Op::new("Flatten", &["r"], &["f"]))
        .node(Op::new("Gemm", &["f", "w"], &["y"]).int("transB", 1))
        .output("y");
    Model::from_bytes("means.onnx", &builder.bytes()).unwrap()
}

fn samples(model: &Model, count: usize, seed: u64, low: f32) -> Dataset {
    let mut random = Random::new(seed);
    let shape = &model.inputs()[0].shape;
    let samples = (0..count).map(|_| vec![random.tensor(shape, low, 1.0)]);
    Dataset::new(samples.collect(), None).unwrap()
}

fn line(quantised: &Quantised) -> Option<&String> {
    quantised.report.choices.iter().find(|line| line.contains("off by on average"))
}

fn biases(quantised: &Quantised) -> Vec<&[i64]> {
    let layers = quantised.graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Convolution { bias, .. } | Operator::Linear { bias, .. } => Some(bias.as_slice()),
        _ => None,
    });
    layers.collect()
}

#[test]
fn inputs_with_a_mean_are_followed_better() {
    let model = network();
    let calibration = model.calibrate(&samples(&model, 64, 1, 0.0)).unwrap();
    let plain = Calibration { means: Default::default(), ..calibration.clone() };
    let [corrected, plain] = [calibration, plain].map(|found| model.quantise(&found).unwrap());
    assert!(line(&corrected).unwrap().contains("biases of 2 layers"));
    assert_eq!(line(&plain), None);
    // Nothing but biases differs, and so no cost.
    let [with, without] = [&corrected, &plain].map(biases);
    assert!(with.iter().zip(&without).all(|(with, without)| with != without));
    let fresh = samples(&model, 64, 2, 0.0);
    let [with, without] = [&corrected, &plain]
        .map(|quantised| model.evaluate(&quantised.graph, &fresh).unwrap().outputs[0].all.error);
    assert!(with < 0.8 * without, "{with} of {without}");
}

/// Means of few samples, and of numbers drawn from a range, say nothing.
#[test]
fn what_is_not_known_moves_no_bias() {
    let model = network();
    let few = model.calibrate(&samples(&model, 15, 1, 0.0)).unwrap();
    let drawn = model.calibrate_input_range(0.0, 1.0).unwrap();
    for calibration in [few, drawn] {
        assert_eq!(line(&model.quantise(&calibration).unwrap()), None);
    }
}

/// Padding is read as zero: the mean of a tap at the border is less than its channel's.
#[test]
fn taps_that_read_padding_count_less() {
    let builder = Builder::new(17)
        .batched_input("x", &[1, 1, 2])
        .floats("k", &[2, 1, 1, 3], &[0.0, 0.1037, 1.0, 1.0, 0.1037, 0.0])
        .node(Op::new("Conv", &["x", "k"], &["y"]).ints("pads", &[0, 1, 0, 1]))
        .output("y");
    let model = Model::from_bytes("taps.onnx", &builder.bytes()).unwrap();
    let ones = Dataset::new(vec![vec![ndarray::ArrayD::ones(vec![1, 1, 1, 2])]; 16], None).unwrap();
    let quantised = model.quantise(&model.calibrate(&ones).unwrap()).unwrap();
    let Operator::Convolution { weights, bias, multipliers, .. } =
        &quantised.graph.nodes[0].operator
    else {
        panic!("{:?}", quantised.graph.nodes[0].operator)
    };
    // The middle tap reads an element always, its neighbours every second time.
    let unit = quantised.graph.nodes[0].quantisation.scale;
    for row in 0..2 {
        let step = unit * multipliers[row] as f64;
        let real = [0.5, 0.1037];
        let rounded = &quantised.graph.weights(weights)[3 * row..][..3];
        let rounded = [rounded[0].max(rounded[2]), rounded[1]];
        let input = 255.0;
        let off = (real[0] - 0.5 * rounded[0] as f64 * step * input)
            + (real[1] - rounded[1] as f64 * step * input);
        let moved = bias[row] as f64 * step;
        assert!((moved - off).abs() <= 0.5 * step * 1.001, "{moved}, {off}, steps of {step}");
    }
}
