//! Weights that several nodes read: the same integers for all of them, stored once, whatever the
//! scales of what they read and make.

use zkinfer_models::integer::graph::{Graph, Integers, Operator};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{Case, case, weights};

/// For each Convolution and Linear of such a name, the node whose weights it has: itself or
/// another.
fn owners_of(graph: &Graph, named: impl Fn(&str) -> bool) -> Vec<usize> {
    let nodes = graph.nodes.iter().enumerate().filter(|(_, node)| named(&node.name));
    let layers = nodes.filter_map(|(index, node)| match &node.operator {
        Operator::Convolution { weights, .. } | Operator::Linear { weights, .. } => {
            Some(weights.owner().unwrap_or(index))
        }
        _ => None,
    });
    layers.collect()
}

fn owners(graph: &Graph) -> Vec<usize> {
    owners_of(graph, |_| true)
}

/// How many weights are kept.
fn kept(graph: &Graph) -> usize {
    let layers = graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Convolution { weights, .. } | Operator::Linear { weights, .. } => weights.own(),
        _ => None,
    });
    layers.map(Integers::len).sum()
}

/// The lines of the report about weights that several layers read.
fn said(case: &Case) -> Vec<&str> {
    let lines = case.quantised.report.choices.iter();
    lines.map(String::as_str).filter(|line| line.contains("kept once")).collect()
}

const HIDDEN: usize = 6;

/// `h = tanh(relu(x_t)·W + h·U + b)` over eight steps, the inputs of which grow by a factor from
/// one to the next.
fn unrolled(growth: f32) -> Builder {
    let steps = 8;
    let size = HIDDEN as i64;
    let mut builder = Builder::new(17)
        .floats("w", &[4, size], &weights(24))
        .floats("u", &[size, size], &weights(36))
        .floats("b", &[size], &weights(6));
    for step in 0..steps {
        let [x, f, g, r, m, h, n, s, b] =
            ["x", "f", "g", "r", "m", "h", "n", "s", "b"].map(|name| format!("{name}{step}"));
        let before = format!("h{}", step - 1);
        builder = builder
            .input(&x, &[1, 4])
            .floats(&f, &[], &[2.0 * growth.powi(step)])
            .node(Op::new("Mul", &[&x, &f], &[&g]))
            .node(Op::new("Relu", &[&g], &[&r]))
            .node(Op::new("MatMul", &[&r, "w"], &[&m]));
        let sum = if step == 0 {
            m
        } else {
            builder = builder.node(Op::new("MatMul", &[&before, "u"], &[&n])).node(Op::new(
                "Add",
                &[&m, &n],
                &[&s],
            ));
            s
        };
        let biased = format!("{b}/biased");
        builder = builder.node(Op::new("Add", &[&sum, "b"], &[&biased])).node(Op::new(
            "Tanh",
            &[&biased],
            &[&h],
        ));
    }
    builder.output("h7")
}

#[test]
fn a_recurrent_network_keeps_each_weight_once() {
    // Steps alike, then ones of which the last reads integers worth fifty times the first's.
    for growth in [1.0, 1.75] {
        let case = case(unrolled(growth));
        // All but the factors of the inputs.
        let graph = &case.quantised.graph;
        let mut found = owners_of(graph, |name| name.starts_with(['m', 'n']));
        assert_eq!(found.len(), 15, "{growth}");
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 2, "{growth}: {:?}", case.quantised.report.choices);
        // Of the inputs' factors there is one, if they are the same, or one for each.
        assert_eq!(kept(graph), 24 + 36 + if growth > 1.0 { 8 } else { 1 });
        let said = said(&case);
        let about = |layer: &str| {
            let mut lines = said.iter().filter(|line| line.starts_with(&format!("{layer:?}")));
            lines.next().copied().unwrap_or_else(|| panic!("{layer} of {said:?}"))
        };
        let [inputs, states] = ["m0_node", "n1_node"].map(about);
        assert!(inputs.contains("its 24 weights are read by 8 layers"), "{inputs}");
        assert!(states.contains("its 36 weights are read by 7 layers"), "{states}");
        // The first step is no sum, and so divided by other bits than the others. States are
        // between −1 and 1 at every step: theirs are one scale, and no multiplier is rounded.
        assert!(inputs.contains("7 of them with multipliers that are rounded"), "{inputs}");
        assert!(!states.contains("rounded"), "{states}");
        // With weights of their own the steps alike are off by 4.8.
        let distance = case.distance();
        assert!(distance < if growth > 1.0 { 20.0 } else { 6.0 }, "{growth}: {distance}");
    }
}

/// `x·W` three times, each put behind the one before, the last one put out.
fn powers(scale: f32) -> Builder {
    let matrix: Vec<f32> = weights(64).iter().map(|weight| scale * weight).collect();
    Builder::new(17)
        .input("x", &[1, 8])
        .floats("w", &[8, 8], &matrix)
        .node(Op::new("MatMul", &["x", "w"], &["a"]))
        .node(Op::new("Relu", &["a"], &["r"]))
        .node(Op::new("MatMul", &["r", "w"], &["b"]))
        .node(Op::new("Relu", &["b"], &["s"]))
        .node(Op::new("MatMul", &["s", "w"], &["y"]))
        .output("y")
}

#[test]
fn readers_on_other_scales_have_multipliers_of_more_bits() {
    // Values five times as large after each layer: no range could cover two of them.
    for scale in [3.0, 0.02] {
        let case = case(powers(scale));
        let graph = &case.quantised.graph;
        assert_eq!(owners(graph), [0, 0, 0], "{scale}");
        let distance = case.distance();
        assert!(distance < 4.0, "{scale}: {distance}");
        // The last one puts out sums as they are: they are worth what they are worth.
        let Operator::Linear { multipliers: first, .. } = &graph.nodes[0].operator else {
            panic!("{:?}", graph.nodes[0].operator)
        };
        let Operator::Linear { multipliers, requantise: None, .. } = &graph.nodes[2].operator
        else {
            panic!("{:?}", graph.nodes[2].operator)
        };
        assert_eq!(multipliers, first);
    }
}

/// One kernel over maps of two sizes, as heads of detectors have it.
#[test]
fn one_kernel_over_two_maps() {
    let builder = Builder::new(17)
        .batched_input("x", &[3, 12, 12])
        .floats("w", &[3, 3, 3, 3], &weights(81))
        .floats("b1", &[3], &[0.5, -0.25, 0.0])
        .floats("b2", &[3], &[-1.5, 0.75, 0.125])
        .node(
            Op::new("AveragePool", &["x"], &["p"])
                .ints("kernel_shape", &[3, 3])
                .ints("strides", &[3, 3]),
        )
        .node(Op::new("Conv", &["x", "w", "b1"], &["a"]).ints("pads", &[1; 4]))
        .node(Op::new("Conv", &["p", "w", "b2"], &["b"]).ints("strides", &[2, 2]))
        .node(Op::new("Sigmoid", &["a"], &["y"]))
        .node(Op::new("Sigmoid", &["b"], &["z"]))
        .output("y")
        .output("z");
    let case = case(builder);
    let owners = owners(&case.quantised.graph);
    assert_eq!(owners.len(), 2);
    assert_eq!(owners[0], owners[1], "{:?}", case.quantised.report.choices);
    let distance = case.distance();
    assert!(distance < 4.0, "{distance}");
}

/// Layers that are another's multiple, or its transpose, have weights of their own; so has one that
/// comes to the same integers, since a seal would show it.
#[test]
fn only_the_same_real_weights_are_shared() {
    let matrix = weights(16);
    let twice: Vec<f32> = matrix.iter().map(|weight| 2.0 * weight).collect();
    let of = |second: &[f32], transposed: i64| {
        let builder = Builder::new(17)
            .input("x", &[1, 4])
            .floats("w", &[4, 4], &matrix)
            .floats("v", &[4, 4], second)
            .node(Op::new("Gemm", &["x", "w"], &["a"]))
            .node(Op::new("Gemm", &["x", "v"], &["b"]).int("transB", transposed));
        case(builder.output("a").output("b"))
    };
    let integers = |case: &Case, node: usize| match &case.quantised.graph.nodes[node].operator {
        Operator::Linear { weights, .. } => case.quantised.graph.weights(weights).to_vec(),
        operator => panic!("{operator:?}"),
    };
    let same = of(&matrix, 0);
    assert_eq!(owners(&same.quantised.graph), [0, 0]);
    let multiple = of(&twice, 0);
    assert_eq!(owners(&multiple.quantised.graph), [0, 1]);
    assert_eq!(integers(&multiple, 0), integers(&multiple, 1));
    assert_eq!(owners(&of(&matrix, 1).quantised.graph), [0, 1]);
    assert!(said(&multiple).is_empty());
}

/// A number for each channel is all multiplier: with many positions, more bits of it would cost
/// more than the weights.
#[test]
fn what_does_not_pay_is_not_shared() {
    let builder = Builder::new(17)
        .batched_input("x", &[2, 16, 16])
        .floats("k", &[1, 2, 1, 1], &[0.3, -4.0])
        .node(Op::new("Mul", &["x", "k"], &["a"]))
        .node(Op::new("Sigmoid", &["a"], &["b"]))
        .node(Op::new("Mul", &["b", "k"], &["c"]))
        .node(Op::new("Sigmoid", &["c"], &["d"]))
        .node(Op::new("Mul", &["d", "k"], &["e"]))
        .node(Op::new("Exp", &["e"], &["y"]))
        .output("y");
    let case = case(builder);
    let rounded = said(&case).iter().any(|line| line.contains("rounded"));
    assert!(!rounded, "{:?}", case.quantised.report.choices);
}
