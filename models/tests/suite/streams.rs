//! Residual streams of more than 8 bits are not rounded: what one branch has of large numbers costs
//! the others nothing.

use zkinfer_models::integer::graph::{Graph, Node, Operator};
use zkinfer_models::quantise::settings::{Bits, Options, Widths};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{Case, case_with, weights};

/// Sums that normalisations and sums alone read, the last but one but for `also`: two branches, and
/// `large` in one feature of the first row.
fn stream(large: f32, also: bool) -> Builder {
    let mut spike = vec![0.0; 32];
    spike[3] = large;
    let builder = Builder::new(23)
        .input("x", &[1, 4, 8])
        .floats("one", &[8], &[1.0; 8])
        .floats("w0", &[8, 8], &weights(65)[1..])
        .floats("w1", &[8, 8], &weights(64))
        .floats("w2", &[8, 8], &weights(66)[2..])
        .floats("w3", &[8, 5], &weights(40))
        .floats("spike", &[1, 4, 8], &spike)
        .node(Op::new("MatMul", &["x", "w0"], &["e"]))
        .node(Op::new("RMSNormalization", &["e", "one"], &["n1"]))
        .node(Op::new("MatMul", &["n1", "w1"], &["b1"]))
        .node(Op::new("Add", &["e", "b1"], &["s1"]))
        .node(Op::new("RMSNormalization", &["s1", "one"], &["n2"]))
        .node(Op::new("MatMul", &["n2", "w2"], &["b2"]))
        .node(Op::new("Add", &["s1", "spike"], &["s2"]))
        .node(Op::new("Add", &["s2", "b2"], &["s3"]))
        .node(Op::new("RMSNormalization", &["s3", "one"], &["n3"]))
        .node(Op::new("MatMul", &["n3", "w3"], &["y"]));
    if also {
        builder.node(Op::new("Tanh", &["s3"], &["t"])).output("y").output("t")
    } else {
        builder.output("y")
    }
}

fn made(large: f32, also: bool, bits: Bits) -> Case {
    case_with(stream(large, also), &Options { widths: Widths::all(bits), ..Options::default() })
}

/// The Adds: whether each is rounded.
fn rounded(graph: &Graph) -> Vec<bool> {
    let sums = graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Sum { requantise, multipliers, .. } if multipliers.len() > 1 => {
            Some(requantise.is_some())
        }
        _ => None,
    });
    sums.collect()
}

#[test]
fn sums_that_only_normalisations_read_are_not_rounded() {
    let rounded = |also, bits| rounded(&made(1.0, also, bits).quantised.graph);
    assert!(rounded(false, Bits::TWELVE).iter().all(|rounded| !rounded));
    assert!(rounded(false, Bits::EIGHT).iter().all(|rounded| *rounded), "of 8 bits all are");
    assert!(rounded(true, Bits::TWELVE).contains(&true), "what a function reads");
}

/// All that is added has a scale that is a multiple of the unit, so the sum is exact.
#[test]
fn branches_are_multiples_of_the_unit() {
    let graph = made(40.0, false, Bits::TWELVE).quantised.graph;
    assert!(!rounded(&graph).is_empty());
    for Node { operator, inputs, quantisation, .. } in &graph.nodes {
        let Operator::Sum { multipliers, requantise: None, .. } = operator else { continue };
        for (&input, &multiplier) in inputs.iter().zip(multipliers) {
            let units = graph.quantisation(input).scale / quantisation.scale;
            let ratio = multiplier as f64 / units;
            assert!((ratio - 1.0).abs() < 1e-6, "{multiplier} for {units} units");
        }
    }
}
