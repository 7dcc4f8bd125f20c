//! Rotary positions, as exporters spell them out: one convolution of known weights.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::{Operator, Weights};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{Case, defined};

/// Heads, positions, and the size of a head.
const SHAPE: [usize; 3] = [2, 3, 8];

/// The angle of a pair at a position.
fn angle(position: usize, pair: usize) -> f64 {
    (position + 1) as f64 / 3f64.powi(pair as i32)
}

/// `turned` numbers of each head, in pairs half of these apart or side by side.
fn expected(inputs: &[ArrayD<f32>], turned: usize, neighbours: bool) -> Vec<f64> {
    let x: Vec<f64> = inputs[0].iter().map(|&x| f64::from(x)).collect();
    let mut result = x.clone();
    for (row, (from, to)) in x.chunks(SHAPE[2]).zip(result.chunks_mut(SHAPE[2])).enumerate() {
        for pair in 0..turned / 2 {
            let (sine, cosine) = angle(row % SHAPE[1], pair).sin_cos();
            let [a, b] =
                if neighbours { [2 * pair, 2 * pair + 1] } else { [pair, pair + turned / 2] };
            to[a] = from[a] * cosine - from[b] * sine;
            to[b] = from[a] * sine + from[b] * cosine;
        }
    }
    result
}

/// Tables by position and pair, each pair as often as asked.
fn table(pairs: usize, copies: usize, function: impl Fn(f64) -> f64) -> Vec<f32> {
    let columns =
        |position: usize| (0..copies * pairs).map(move |column| angle(position, column % pairs));
    (0..SHAPE[1]).flat_map(columns).map(|angle| function(angle) as f32).collect()
}

/// Checks that one operator alone computes, all others move elements, and that its weights are
/// known.
fn one_convolution(case: &Case) {
    let views = ["Concat", "Reshape", "Slice", "Transpose"];
    let nodes = case.quantised.graph.nodes.iter();
    let computes = nodes.filter(|node| !views.contains(&node.operator.name())).collect::<Vec<_>>();
    let [node] = computes[..] else { panic!("{:?}", case.operators()) };
    let Operator::Convolution { weights: Weights::Known(weights), .. } = &node.operator else {
        panic!("{node:?}");
    };
    // Heads have them in common.
    assert_eq!(weights.len(), 2 * SHAPE[1] * SHAPE[2]);
}

/// `x·cos + rotate_half(x)·sin`, as Llama has it.
#[test]
fn halves_that_are_negated_and_joined() {
    let builder = Builder::new(13)
        .input("x", &[1, 2, 3, 8])
        .floats("c", &[3, 8], &table(4, 2, f64::cos))
        .floats("s", &[3, 8], &table(4, 2, f64::sin))
        .integers("zero", &[0])
        .integers("half", &[4])
        .integers("end", &[8])
        .integers("axis", &[3])
        .node(Op::new("Mul", &["x", "c"], &["xc"]))
        .node(Op::new("Slice", &["x", "zero", "half", "axis"], &["a"]))
        .node(Op::new("Slice", &["x", "half", "end", "axis"], &["b"]))
        .node(Op::new("Neg", &["b"], &["nb"]))
        .node(Op::new("Concat", &["nb", "a"], &["r"]).int("axis", 3))
        .node(Op::new("Mul", &["r", "s"], &["rs"]))
        .node(Op::new("Add", &["xc", "rs"], &["y"]))
        .output("y");
    let case = defined(builder, 2.5, |inputs| expected(inputs, 8, false));
    one_convolution(&case);
}

/// By ONNX's operator, all of a head or a part of it, both pairings.
#[test]
fn parts_of_heads() {
    for (neighbours, turned) in [(0, 8), (1, 8), (0, 4), (1, 4)] {
        let pairs = turned as usize / 2;
        let op = Op::new("RotaryEmbedding", &["x", "c", "s", "p"], &["y"])
            .int("interleaved", neighbours)
            .int("rotary_embedding_dim", turned);
        let tables = [3, turned / 2];
        let builder = Builder::new(23)
            .input("x", &[1, 2, 3, 8])
            .floats("c", &tables, &table(pairs, 1, f64::cos))
            .floats("s", &tables, &table(pairs, 1, f64::sin))
            .integers("flat", &[0, 1, 2])
            .integers("rows", &[1, 3])
            .node(Op::new("Reshape", &["flat", "rows"], &["p"]))
            .node(op)
            .output("y");
        let case = defined(builder, 2.5, |inputs| expected(inputs, 2 * pairs, neighbours == 1));
        one_convolution(&case);
    }
}

/// Tables that turn nothing are somebody's weights.
#[test]
fn other_tables_stay_weights() {
    let mut cosines = table(4, 2, f64::cos);
    cosines[3] *= 1.1;
    let builder = Builder::new(13)
        .input("x", &[1, 2, 3, 8])
        .floats("c", &[3, 8], &cosines)
        .floats("s", &[3, 8], &table(4, 2, f64::sin))
        .integers("steps", &[-1])
        .integers("first", &[7])
        .integers("last", &[-9])
        .integers("axis", &[3])
        .node(Op::new("Mul", &["x", "c"], &["xc"]))
        .node(Op::new("Slice", &["x", "first", "last", "axis", "steps"], &["r"]))
        .node(Op::new("Mul", &["r", "s"], &["rs"]))
        .node(Op::new("Add", &["xc", "rs"], &["y"]))
        .output("y");
    let case = crate::support::case(builder);
    let mut nodes = case.quantised.graph.nodes.iter();
    let known = |operator: &Operator| {
        matches!(operator, Operator::Convolution { weights: Weights::Known(_), .. })
    };
    assert!(!nodes.any(|node| known(&node.operator)));
}
