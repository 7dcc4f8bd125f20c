//! Biases that take up what rounded weights are off by on average: on inputs nobody has seen.

use zkinfer_models::integer::graph::Operator;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Calibration, Dataset, Model, Quantised};

use crate::quantised::Grids;
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

/// How far the biases of a raw layer are from what its rounded weights are off by on average, in
/// their own steps; `means` are those of the terms of a row, `real` its weights.
fn misplaced(
    quantised: &Quantised,
    layer: usize,
    rows: &[(Vec<f64>, Vec<f64>)],
    input: f64,
) -> f64 {
    let graph = &quantised.graph;
    let node = &graph.nodes[layer];
    let (Operator::Convolution { weights, bias, multipliers, .. }
    | Operator::Linear { weights, bias, multipliers, .. }) = &node.operator
    else {
        panic!("{:?}", node.operator)
    };
    let terms = rows[0].0.len();
    let rounded = graph.weights(weights).rows(terms);
    let found = rows.iter().zip(rounded).zip(bias.iter().zip(multipliers));
    let misplaced = found.map(|(((real, means), rounded), (&bias, &multiplier))| {
        // Of the bias and, less the input's scale, of a weight.
        let step = node.quantisation.scale * multiplier as f64;
        let off = real.iter().zip(rounded).zip(means);
        let off =
            off.map(|((real, rounded), mean)| (real - f64::from(rounded) * step / input) * mean);
        let off: f64 = off.sum();
        assert!(off.abs() > step, "{off}, steps of {step}: nothing is seen");
        (bias as f64 - off / step).abs()
    });
    misplaced.fold(0.0, f64::max)
}

/// Numbers whose parts are constant, so that their means are known: `values` by channel.
fn constant(model: &Model, values: &[f32]) -> Dataset {
    let shape = &model.inputs()[0].shape;
    let each = shape.iter().product::<usize>() / values.len();
    let numbers = values.iter().flat_map(|&value| std::iter::repeat_n(value, each)).collect();
    let sample = vec![ndarray::ArrayD::from_shape_vec(shape.clone(), numbers).unwrap()];
    Dataset::new(vec![sample; 16], None).unwrap()
}

/// Padding is read as zero: the mean of a tap at the border is less than its channel's.
#[test]
fn taps_that_read_padding_count_less() {
    let taps = [0.1037f32, 1.0, 0.0, 0.0, 1.0, 0.2541];
    let builder = Builder::new(17)
        .batched_input("x", &[1, 1, 2])
        .floats("k", &[2, 1, 1, 3], &taps)
        .node(Op::new("Conv", &["x", "k"], &["y"]).ints("pads", &[0, 1, 0, 1]))
        .output("y");
    let model = Model::from_bytes("taps.onnx", &builder.bytes()).unwrap();
    let quantised = model.quantise(&model.calibrate(&constant(&model, &[1.0])).unwrap()).unwrap();
    // The middle tap reads an element always, its neighbours every second time.
    let row = |taps: &[f32]| (taps.iter().map(|&x| x.into()).collect(), vec![0.5, 1.0, 0.5]);
    let rows = [row(&taps[..3]), row(&taps[3..])];
    let found = misplaced(&quantised, 0, &rows, 1.0 / 255.0);
    assert!(found <= 0.501, "{found}");
}

/// Each group of channels has means of its own.
#[test]
fn groups_read_their_own_channels() {
    let taps = [0.1037f32, 1.0, 0.2541, 1.0];
    let builder = Builder::new(17)
        .batched_input("x", &[4, 2, 2])
        .floats("k", &[2, 2, 1, 1], &taps)
        .node(Op::new("Conv", &["x", "k"], &["y"]).int("group", 2))
        .output("y");
    let model = Model::from_bytes("groups.onnx", &builder.bytes()).unwrap();
    let means = [0.25, 0.5, 0.75, 1.0];
    let calibration = model.calibrate(&constant(&model, &means)).unwrap();
    let quantised = model.quantise(&calibration).unwrap();
    let row = |at: usize| {
        let of = |numbers: &[f32]| numbers[at..at + 2].iter().map(|&x| x.into()).collect();
        (of(&taps), of(&means))
    };
    let found = misplaced(&quantised, 0, &[row(0), row(2)], 1.0 / 255.0);
    assert!(found <= 0.501, "{found}");
}

/// What a layer without a bias may read: numbers, or zeros that stand for nothing.
#[test]
fn zeros_that_stand_for_nothing_stay_zeros() {
    let bias = |nodes: &[Op], given: bool| {
        let start = Builder::new(17)
            .input("x", &[4, 6])
            .input("z", &[4, 6])
            .floats("one", &[1], &[1.0])
            .floats("gamma", &[6], &weights(6))
            .floats("none", &[4, 6], &[[0.0, 1.0, 2.0].repeat(8)].concat())
            .floats("v", &[5, 6], &weights(30))
            .floats("b", &[5], &[0.5; 5]);
        let builder = nodes.iter().cloned().fold(start, Builder::node);
        let inputs = if given { &["r", "v", "b"][..] } else { &["r", "v"] };
        let builder = builder.node(Op::new("Gemm", inputs, &["y"]).int("transB", 1)).output("y");
        let model = Model::from_bytes("zeros.onnx", &builder.bytes()).unwrap();
        let mut random = Random::new(3);
        let mut sample = || {
            let inputs = model.inputs().iter();
            inputs.map(|input| random.tensor(&input.shape, 0.1, 1.0)).collect()
        };
        let data = Dataset::new((0..32).map(|_| sample()).collect(), None).unwrap();
        let quantised = model.quantise(&model.calibrate(&data).unwrap()).unwrap();
        let last = biases(&quantised).pop().unwrap().to_vec();
        last.iter().any(|&bias| bias != 0)
    };
    let op = |name: &str, inputs: &[&str], result: &str| Op::new(name, inputs, &[result]);
    let sums = [op("Add", &["x", "z"], "s"), op("Tanh", &["s"], "r")];
    let functions = [op("Tanh", &["x"], "t"), op("Exp", &["t"], "r")];
    let norm = [op("LayerNormalization", &["x", "gamma"], "r")];
    for nodes in [&sums[..], &functions, &norm] {
        assert!(bias(nodes, false), "{nodes:?}");
    }
    let softmax = [op("Softmax", &["x"], "r")];
    let chosen = [op("Greater", &["x", "z"], "c"), op("Where", &["c", "x", "none"], "r")];
    let product = [op("Mul", &["x", "z"], "r")];
    let factors = [op("Tanh", &["x"], "t"), op("Mul", &["t", "gamma"], "r")];
    for nodes in [&softmax[..], &chosen, &product, &factors] {
        assert!(!bias(nodes, false), "{nodes:?}");
    }
    assert!(bias(&softmax, true), "a bias is there anyway");
}

/// Inputs with scales by index stand for other numbers at each index: such layers keep their
/// biases.
#[test]
fn layers_of_scales_by_index_keep_their_biases() {
    let builder = Builder::new(17)
        .batched_input("x", &[3])
        .floats("w", &[4, 3], &[[1000.0, 1.037, 0.001].repeat(4)].concat())
        .node(Op::new("Gemm", &["x", "w"], &["y"]).int("transB", 1))
        .output("y");
    let model = Model::from_bytes("index.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(4);
    let mut sample = || {
        let mut x = random.tensor(&[1, 3], 0.0, 1.0);
        x.iter_mut().zip([0.001, 1.0, 1000.0]).for_each(|(x, size)| *x *= size);
        vec![x]
    };
    let data = Dataset::new((0..64).map(|_| sample()).collect(), None).unwrap();
    let quantised = model.quantise(&model.calibrate(&data).unwrap()).unwrap();
    let choices = &quantised.report.choices;
    assert!(choices.iter().any(|line| line.contains("a scale for each")), "{choices:?}");
    assert_eq!(line(&quantised), None);
    let error = model.evaluate(&quantised.graph, &data).unwrap().outputs[0].all.error;
    assert!(error < 0.02, "{error}");
}

/// Between grids of a file a layer is as exact as the file asks.
#[test]
fn layers_between_grids_are_the_files() {
    let builder = Builder::new(17)
        .batched_input("x", &[4])
        .floats("w", &[4, 3], &weights(12))
        .grid("x", 1.0 / 200.0, -100)
        .grid("y", 1.0 / 40.0, 3)
        .rounded("x", "xr", "x")
        .node(Op::new("MatMul", &["xr", "w"], &["m"]))
        .rounded("m", "y", "y")
        .output("y");
    let model = Model::from_bytes("grids.onnx", &builder.bytes()).unwrap();
    let quantised =
        model.quantise(&model.calibrate(&samples(&model, 32, 1, 0.0)).unwrap()).unwrap();
    assert_eq!(line(&quantised), None);
    assert_eq!(biases(&quantised), [[0; 3]]);
}

/// A bias at the end of what a circuit holds is not moved beyond it.
#[test]
fn biases_stay_within_their_limit() {
    // Weights that are all rounded the same way, and so move the bias by thousands of steps.
    let mut weights = vec![0.1037f32; 64];
    weights[0] = 1.0;
    let quantised = |bias: f32| {
        let builder = Builder::new(17)
            .batched_input("x", &[64])
            .floats("w", &[1, 64], &weights)
            .floats("b", &[1], &[bias])
            .node(Op::new("Gemm", &["x", "w", "b"], &["y"]).int("transB", 1))
            .output("y");
        let model = Model::from_bytes("limit.onnx", &builder.bytes()).unwrap();
        let calibration = model.calibrate(&constant(&model, &[1.0])).unwrap();
        model.quantise(&calibration).unwrap()
    };
    let multiplier = |quantised: &Quantised| match &quantised.graph.nodes[0].operator {
        Operator::Linear { multipliers, .. } => multipliers[0],
        operator => panic!("{operator:?}"),
    };
    for sign in [1.0, -1.0] {
        // The largest bias that needs no larger multiplier.
        let least = multiplier(&quantised(sign));
        let (mut low, mut high) = (1.0f32, 1e9f32);
        while high / low > 1.000_001 {
            let middle = (low * high).sqrt();
            match multiplier(&quantised(sign * middle)) == least {
                true => low = middle,
                false => high = middle,
            }
        }
        let found = quantised(sign * low);
        let bias = biases(&found)[0][0];
        let most = i64::from(i32::MAX);
        assert!((most - 20_000..=most + 4).contains(&bias.abs()), "{bias}");
    }
}
