//! Normalisations and softmaxes as exporters spell them out: each is the same integers as the
//! operator that it stands for, and these follow the real numbers within what is derived.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::integer::interpreter;
use zkinfer_models::onnx::Dimensions;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Dataset, Model};

use crate::support::weights;

fn samples(model: &Model, reach: f32) -> Dataset {
    let mut random = Random::new(11);
    let samples = (0..16).map(|_| {
        let inputs = model.inputs().iter();
        inputs.map(|input| random.tensor(&input.shape, -reach, reach)).collect()
    });
    Dataset::new(samples.collect(), None).unwrap()
}

/// The integer graph of a model, names aside.
fn quantised(builder: Builder) -> Graph {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let calibration = model.calibrate(&samples(&model, 3.0)).unwrap();
    let mut graph = model.quantise(&calibration).unwrap().graph;
    graph.nodes.iter_mut().for_each(|node| node.name.clear());
    graph
}

fn operators(graph: &Graph) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.operator.name()).collect()
}

const SHAPE: [i64; 3] = [1, 5, 8];

/// `x` of shape `[1, 5, 8]` and the constants that forms are written with; behind `n` a learned
/// factor and offset and a layer.
fn layer(nodes: Vec<Op>) -> Builder {
    let gamma: Vec<f32> = weights(8).into_iter().map(|w| 1.0 + 0.5 * w).collect();
    let nodes = nodes.into_iter().fold(
        Builder::new(17)
            .input("x", &SHAPE)
            .floats("eps", &[], &[1e-5])
            .floats("two", &[], &[2.0])
            .floats("one", &[], &[1.0])
            .floats("half", &[], &[0.5])
            .floats("minus", &[], &[-0.5])
            .floats("gamma", &[8], &gamma)
            .floats("beta", &[8], &weights(8)),
        Builder::node,
    );
    nodes
        .floats("w", &[8, 4], &weights(32))
        .node(Op::new("MatMul", &["y", "w"], &["z"]))
        .output("z")
}

/// Factor and offset.
fn learned() -> [Op; 2] {
    [Op::new("Mul", &["n", "gamma"], &["scaled"]), Op::new("Add", &["scaled", "beta"], &["y"])]
}

fn mean(of: &str, to: &str) -> Op {
    Op::new("ReduceMean", &[of], &[to]).ints("axes", &[-1])
}

/// Ways to write `n` with the mean taken off.
fn centred() -> Vec<Vec<Op>> {
    let difference = || vec![mean("x", "m"), Op::new("Sub", &["x", "m"], &["d"])];
    let variance = || [mean("s", "v"), Op::new("Add", &["v", "eps"], &["e"])];
    let squares = || Op::new("Pow", &["d", "two"], &["s"]);
    let root = || Op::new("Sqrt", &["e"], &["r"]);
    let with = |squares: Op, rest: Vec<Op>| {
        let all = difference().into_iter().chain([squares]).chain(variance()).chain(rest);
        all.collect::<Vec<_>>()
    };
    let quotient = || Op::new("Div", &["d", "r"], &["n"]);
    let times = || Op::new("Mul", &["d", "i"], &["n"]);
    let again = vec![
        mean("x", "m"),
        Op::new("Sub", &["x", "m"], &["d"]),
        mean("x", "m2"),
        Op::new("Sub", &["x", "m2"], &["d2"]),
        Op::new("Mul", &["d2", "d2"], &["s"]),
        mean("s", "v"),
        Op::new("Add", &["eps", "v"], &["e"]),
        root(),
        quotient(),
    ];
    vec![
        with(squares(), vec![root(), quotient()]),
        with(Op::new("Mul", &["d", "d"], &["s"]), vec![root(), quotient()]),
        with(squares(), vec![root(), Op::new("Reciprocal", &["r"], &["i"]), times()]),
        with(squares(), vec![Op::new("Pow", &["e", "half"], &["r"]), quotient()]),
        with(squares(), vec![Op::new("Pow", &["e", "minus"], &["i"]), times()]),
        with(
            squares(),
            vec![
                root(),
                Op::new("Div", &["one", "r"], &["i"]),
                Op::new("Mul", &["i", "d"], &["n"]),
            ],
        ),
        again,
    ]
}

#[test]
fn layer_normalisations_are_one_operator() {
    let fused = Op::new("LayerNormalization", &["x", "gamma", "beta"], &["y"])
        .int("axis", -1)
        .float("epsilon", 1e-5);
    let fused = quantised(layer(vec![fused]));
    assert_eq!(operators(&fused), ["Normalise", "Linear"]);
    let Operator::Normalise { centred: true, epsilon, multiplier, .. } = fused.nodes[0].operator
    else {
        panic!("{:?}", fused.nodes[0].operator);
    };
    let steps = multiplier as f64 / fused.inputs[0].quantisation.scale;
    assert_eq!(epsilon, (steps * steps * 512.0 * f64::from(1e-5f32)).round() as i64);
    for (form, nodes) in centred().into_iter().enumerate() {
        let spelled = quantised(layer(nodes.into_iter().chain(learned()).collect()));
        assert_eq!(spelled, fused, "form {form}");
    }
}

/// A mean is spread over a long row in blocks, of which the last is cut off.
#[test]
fn so_are_those_of_long_rows() {
    let length = 300;
    let builder = Builder::new(17)
        .input("x", &[1, 2, length])
        .floats("gamma", &[length], &vec![1.5; length as usize])
        .node(Op::new("LayerNormalization", &["x", "gamma"], &["y"]).int("axis", -1))
        .output("y");
    assert_eq!(operators(&quantised(builder))[0], "Normalise");
    // The largest score and the sum of a softmax too.
    let builder = Builder::new(17)
        .input("x", &[1, 2, length])
        .input("z", &[1, 2, length])
        .node(Op::new("Softmax", &["x"], &["p"]).int("axis", -1))
        .node(Op::new("Mul", &["p", "z"], &["y"]))
        .output("y");
    assert_eq!(operators(&quantised(builder))[0], "Softmax");
}

#[test]
fn root_mean_squares_are_one_operator() {
    let fused =
        Op::new("SimplifiedLayerNormalization", &["x", "gamma"], &["y"]).float("epsilon", 1e-5);
    let fused = quantised(layer(vec![fused]));
    assert_eq!(operators(&fused), ["Normalise", "Linear"]);
    let Operator::Normalise { centred: false, .. } = fused.nodes[0].operator else {
        panic!("{:?}", fused.nodes[0].operator);
    };
    let inverse = |last: Op| {
        vec![
            Op::new("Pow", &["x", "two"], &["s"]),
            mean("s", "v"),
            Op::new("Add", &["v", "eps"], &["e"]),
            Op::new("Sqrt", &["e"], &["r"]),
            last,
            Op::new("Mul", &["gamma", "n"], &["y"]),
        ]
    };
    let quotient = inverse(Op::new("Div", &["x", "r"], &["n"]));
    assert_eq!(quantised(layer(quotient)), fused);
    let mut product = inverse(Op::new("Reciprocal", &["r"], &["i"]));
    product.insert(5, Op::new("Mul", &["x", "i"], &["n"]));
    assert_eq!(quantised(layer(product)), fused);
}

/// Another mean, another row, another value squared.
#[test]
fn what_looks_like_one_is_not() {
    let all = |of: &str, to: &str| Op::new("ReduceMean", &[of], &[to]).ints("axes", &[1, 2]);
    let rows = |of: &str, to: &str| Op::new("ReduceMean", &[of], &[to]).ints("axes", &[1]);
    let form = |means: [Op; 2], squared: &str, scaled: &str| {
        let [first, second] = means;
        vec![
            first,
            Op::new("Sub", &["x", "m"], &["d"]),
            Op::new("Pow", &[squared, "two"], &["s"]),
            second,
            Op::new("Add", &["v", "eps"], &["e"]),
            Op::new("Sqrt", &["e"], &["r"]),
            Op::new("Div", &[scaled, "r"], &["y"]),
        ]
    };
    let normalises = |nodes: Vec<Op>| {
        let graph = quantised(layer(nodes));
        let found = graph.nodes.iter().find_map(|node| match node.operator {
            Operator::Normalise { centred, .. } => Some(centred),
            _ => None,
        });
        (found, operators(&graph).contains(&"Sum"))
    };
    // What is less another mean is a value like any other, whose root mean square is taken.
    for nodes in [
        form([all("x", "m"), mean("s", "v")], "d", "d"),
        form([mean("x", "m"), all("s", "v")], "d", "d"),
        form([rows("x", "m"), mean("s", "v")], "d", "d"),
    ] {
        assert_eq!(normalises(nodes), (Some(false), true));
    }
    for nodes in [
        form([mean("x", "m"), mean("s", "v")], "x", "d"),
        form([mean("x", "m"), mean("s", "v")], "d", "x"),
    ] {
        assert_eq!(normalises(nodes).0, None);
    }
    // Over rows of another dimension it is one between views.
    let graph = quantised(layer(form([rows("x", "m"), rows("s", "v")], "d", "d")));
    assert_eq!(operators(&graph).iter().filter(|&&name| name == "Normalise").count(), 1);
}

/// Scores of queries and keys `[1, 2, 4, 8]`, half of them; `p` is read by a layer.
fn attention(nodes: Vec<Op>, mask: f32) -> Builder {
    let masked: Vec<f32> = (0..16).map(|at| if at % 4 > at / 4 { mask } else { 0.0 }).collect();
    let scores = Builder::new(17)
        .input("q", &[1, 2, 4, 8])
        .input("k", &[1, 2, 8, 4])
        .floats("half", &[], &[0.5])
        .floats("mask", &[1, 1, 4, 4], &masked)
        .floats("w", &[4, 3], &weights(12))
        .node(Op::new("MatMul", &["q", "k"], &["product"]))
        .node(Op::new("Mul", &["product", "half"], &["scores"]));
    nodes
        .into_iter()
        .fold(scores, Builder::node)
        .node(Op::new("MatMul", &["p", "w"], &["y"]))
        .output("y")
}

/// Softmax of `of` in other operators.
fn spelled(of: &str) -> Vec<Op> {
    vec![
        Op::new("ReduceMax", &[of], &["largest"]).ints("axes", &[-1]),
        Op::new("Sub", &[of, "largest"], &["below"]),
        Op::new("Exp", &["below"], &["powers"]),
        Op::new("ReduceSum", &["powers", "last"], &["total"]),
        Op::new("Div", &["powers", "total"], &["p"]),
    ]
}

#[test]
fn softmaxes_are_one_operator_and_read_sums() {
    let fused = attention(vec![Op::new("Softmax", &["scores"], &["p"]).int("axis", -1)], 0.0);
    let fused = quantised(fused);
    assert_eq!(operators(&fused), ["MatMul", "Softmax", "Linear"]);
    assert!(matches!(fused.nodes[0].operator, Operator::MatMul { requantise: None, .. }));
    let written = attention(spelled("scores"), 0.0).integers("last", &[-1]);
    assert_eq!(quantised(written), fused);
}

#[test]
fn known_masks_say_what_a_row_sees() {
    let causal: Vec<bool> = (0..16).map(|at| at % 4 <= at / 4).collect();
    for mask in [-1e4, -65_504.0, -1e9, f32::MIN, f32::NEG_INFINITY] {
        let nodes = vec![
            Op::new("Add", &["scores", "mask"], &["masked"]),
            Op::new("Softmax", &["masked"], &["p"]).int("axis", -1),
        ];
        let graph = quantised(attention(nodes, mask));
        assert_eq!(operators(&graph), ["MatMul", "Softmax", "Linear"], "{mask}");
        let Operator::Softmax { visible, .. } = &graph.nodes[1].operator else { unreachable!() };
        assert_eq!(visible, &causal);
    }
    // What hides nothing is added.
    let nodes = vec![
        Op::new("Add", &["scores", "mask"], &["masked"]),
        Op::new("Softmax", &["masked"], &["p"]).int("axis", -1),
    ];
    let graph = quantised(attention(nodes, -5.0));
    assert_eq!(operators(&graph), ["MatMul", "Sum", "Softmax", "Linear"]);
}

/// Results of one operator over rows of wild ranges, against real numbers.
fn errors(builder: Builder, reach: f32) -> (f64, Graph) {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let dataset = samples(&model, reach);
    let graph = model.quantise(&model.calibrate(&dataset).unwrap()).unwrap().graph;
    let mut largest = 0.0f64;
    for inputs in dataset.samples() {
        let integers = graph.quantise_inputs(inputs).unwrap();
        // The real network over the numbers that the integers stand for.
        let given: Vec<ArrayD<f32>> = integers
            .iter()
            .zip(&graph.inputs)
            .map(|(x, input)| x.mapv(|x| input.quantisation.dequantise(x) as f32))
            .collect();
        let real = model.run_own(&given).unwrap();
        let found = graph.dequantise_outputs(&interpreter::run(&graph, &integers).unwrap());
        for (real, found) in real[0].iter().zip(&found[0]) {
            largest = largest.max((f64::from(*real) - found).abs());
        }
    }
    (largest, graph)
}

#[test]
fn softmaxes_are_within_their_bound() {
    for reach in [0.01, 0.3, 2.0, 20.0, 300.0] {
        let softmax = |name: &str| {
            Builder::new(17)
                .input("q", &[1, 2, 6, 8])
                .input("k", &[1, 2, 8, 40])
                .node(Op::new("MatMul", &["q", "k"], &["s"]))
                .node(Op::new("Softmax", &["s"], &[name]).int("axis", -1))
        };
        // A sum with zero is no view, so the softmax is not dropped.
        let builder = softmax("p").node(Op::new("Abs", &["p"], &["y"])).output("y");
        let (error, graph) = errors(builder, reach);
        assert_eq!(operators(&graph)[..2], ["MatMul", "Softmax"]);
        // Half a step, one at the end of the range, a quarter from the scores, the reciprocal; and
        // half of what is read again.
        assert!(error <= 2.0 / 256.0, "{reach}: {error}");
    }
}

#[test]
fn normalisations_are_within_their_bound() {
    for (reach, epsilon) in [(0.01, 1e-5), (0.3, 1e-12), (2.0, 1e-5), (20.0, 1e-5), (300.0, 1e-3)] {
        for name in ["LayerNormalization", "SimplifiedLayerNormalization"] {
            let op = Op::new(name, &["x", "ones"], &["y"]).int("axis", -1);
            let builder = Builder::new(17)
                .input("x", &[1, 6, 48])
                .floats("ones", &[48], &[1.0; 48])
                .node(op.float("epsilon", epsilon))
                .output("y");
            let (error, graph) = errors(builder, reach);
            assert_eq!(operators(&graph), ["Normalise"]);
            let scale = graph.nodes[0].quantisation.scale;
            // Half a step and what root and reciprocal cost: a 2^11th of the largest.
            let bound = scale * (0.5 + 256.0 / 2048.0);
            assert!(error <= bound, "{name} {reach}: {error} {bound}");
        }
    }
}

/// A softmax at the end is dropped, or kept if that is said.
#[test]
fn a_final_softmax_is_kept_on_request() {
    let builder = || {
        Builder::new(17)
            .input("x", &[1, 5])
            .node(Op::new("Softmax", &["x"], &["y"]).int("axis", -1))
            .output("y")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, builder().bytes()).unwrap();
    let load = |keep_softmax: bool| {
        Model::load_with(&path, &Dimensions { keep_softmax, ..Dimensions::default() }).unwrap()
    };
    assert_eq!((load(false).graph().nodes.len(), load(false).notes().len()), (0, 1));
    let model = load(true);
    assert!(model.notes().is_empty(), "{:?}", model.notes());
    let calibration = model.calibrate(&samples(&model, 3.0)).unwrap();
    assert_eq!(operators(&model.quantise(&calibration).unwrap().graph), ["Softmax"]);
}
