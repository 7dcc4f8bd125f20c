//! IsNaN behind a softmax, as torch guards rows that a mask hides wholly.

use ndarray::ArrayD;
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{case, defined, weights};

const ROWS: usize = 4;

fn boolean(name: &str, elements: [u8; 16]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![1, ROWS as i64, ROWS as i64],
        data_type: DataType::Bool as i32,
        raw_data: elements.to_vec().into(),
        ..TensorProto::default()
    }
}

/// `scaled_dot_product_attention` of `x` with itself, masked by `mask`.
fn attention(builder: Builder) -> Builder {
    builder
        .input("x", &[1, ROWS as i64, 8])
        .floats("zero", &[], &[0.0])
        .floats("none", &[], &[f32::NEG_INFINITY])
        .floats("half", &[], &[0.5])
        .node(Op::new("Where", &["mask", "zero", "none"], &["added"]))
        .node(Op::new("Mul", &["x", "half"], &["q"]))
        .node(Op::new("Transpose", &["x"], &["k"]).ints("perm", &[0, 2, 1]))
        .node(Op::new("MatMul", &["q", "k"], &["scores"]))
        .node(Op::new("Add", &["scores", "added"], &["masked"]))
        .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
        .node(Op::new("IsNaN", &["p"], &["blind"]))
        .node(Op::new("Where", &["blind", "zero", "p"], &["safe"]))
        .node(Op::new("MatMul", &["safe", "x"], &["y"]))
        .output("y")
}

fn attended(x: &ArrayD<f32>, sees: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let x = |row: usize, column: usize| f64::from(x[[0, row, column]]);
    let mut result = Vec::new();
    for row in 0..ROWS {
        let power = |key: usize| -> f64 {
            let dot: f64 = (0..8).map(|i| x(row, i) * x(key, i)).sum();
            if sees(row, key) { (dot / 2.0).exp() } else { 0.0 }
        };
        let powers: Vec<f64> = (0..ROWS).map(power).collect();
        let total: f64 = powers.iter().sum();
        let mean = |i: usize| (0..ROWS).map(|key| powers[key] * x(key, i)).sum::<f64>();
        result.extend((0..8).map(|i| if total > 0.0 { mean(i) / total } else { 0.0 }));
    }
    result
}

#[test]
fn rows_of_a_known_mask() {
    let causal: [u8; 16] = std::array::from_fn(|at| u8::from(at % ROWS <= at / ROWS));
    let builder = attention(Builder::new(18).tensor(boolean("mask", causal)));
    let case = defined(builder, 5.0, |inputs| attended(&inputs[0], |row, key| key <= row));
    // Every row sees something: nothing is left of the question.
    assert!(!case.operators().contains(&"Select"), "{:?}", case.operators());
    assert!(case.model.notes().is_empty(), "{:?}", case.model.notes());
    // The second row sees nothing: zeros.
    let mut blind = causal;
    blind[ROWS..2 * ROWS].fill(0);
    let builder = attention(Builder::new(18).tensor(boolean("mask", blind)));
    let case =
        defined(builder, 5.0, |inputs| attended(&inputs[0], |row, key| row != 1 && key <= row));
    let zeros = case.quantised.graph.dequantise_outputs(&case.integers());
    assert!((0..8).all(|i| zeros[0][[0, 1, i]] == 0.0), "{:?}", zeros[0]);
}

/// A mask behind views, chosen by a known condition, and hidden by two masks together.
#[test]
fn masks_are_followed_through_what_moves_them() {
    let builder = |first: &[f32; 4]| {
        let none = f32::NEG_INFINITY;
        Builder::new(18)
            .input("x", &[1, 2, 4])
            .floats("first", &[1, 4], first)
            .floats("second", &[1, 2, 4], &[none, none, 0.0, 0.0, none, 0.0, 0.0, 0.0])
            .floats("zero", &[], &[0.0])
            .integers("twice", &[1, 2, 4])
            .floats("w", &[4, 3], &weights(12))
            .node(Op::new("Add", &["x", "second"], &["once"]))
            .node(Op::new("Transpose", &["once"], &["turned"]).ints("perm", &[0, 2, 1]))
            .node(Op::new("Transpose", &["turned"], &["back"]).ints("perm", &[0, 2, 1]))
            .node(Op::new("Add", &["back", "first"], &["masked"]))
            .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
            .node(Op::new("IsNaN", &["p"], &["blind"]))
            .node(Op::new("Where", &["blind", "zero", "p"], &["safe"]))
            .node(Op::new("MatMul", &["safe", "w"], &["y"]))
            .output("y")
    };
    let none = f32::NEG_INFINITY;
    assert!(!case(builder(&[0.0, 0.0, none, 0.0])).operators().contains(&"Select"));
    let case = case(builder(&[0.0, 0.0, none, none]));
    assert!(case.operators().contains(&"Select"));
    let found = case.quantised.graph.dequantise_outputs(&case.integers());
    assert!((0..3).all(|i| found[0][[0, 0, i]] == 0.0 && found[0][[0, 1, i]] != 0.0));
}

/// Scores that a known condition chooses, and parts of larger masks: what hides a row is known.
#[test]
fn masks_that_choose_scores_and_slices_of_masks() {
    let none = f32::NEG_INFINITY;
    let safe = |builder: Builder| {
        builder
            .floats("w", &[4, 3], &weights(12))
            .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
            .node(Op::new("IsNaN", &["p"], &["blind"]))
            .node(Op::new("Where", &["blind", "zero", "p"], &["safe"]))
            .node(Op::new("MatMul", &["safe", "w"], &["y"]))
            .output("y")
    };
    let start = || {
        Builder::new(18)
            .input("x", &[1, 4, 4])
            .floats("zero", &[], &[0.0])
            .floats("none", &[], &[none])
            .floats("half", &[], &[0.5])
    };
    let mut sees = [1u8; 16];
    sees[4..8].fill(0);
    let chosen = start().tensor(boolean("sees", sees)).node(Op::new(
        "Where",
        &["sees", "x", "none"],
        &["masked"],
    ));
    // Rows of scores are hidden, and the part that is looked at has one of them.
    let mut hides = [0.0; 24];
    hides[12..16].fill(none);
    let sliced = start()
        .input("z", &[1, 6, 4])
        .floats("hides", &[1, 6, 4], &hides)
        .integers("from", &[2])
        .integers("to", &[6])
        .integers("axis", &[1])
        .node(Op::new("Add", &["z", "hides"], &["all"]))
        .node(Op::new("Slice", &["all", "from", "to", "axis"], &["some"]))
        .node(Op::new("Add", &["some", "x"], &["masked"]));
    for builder in [chosen, sliced] {
        let case = case(safe(builder));
        assert!(case.model.notes().is_empty(), "{:?}", case.model.notes());
        let found = case.quantised.graph.dequantise_outputs(&case.integers());
        for row in 0..4 {
            let zeros = (0..3).all(|column| found[0][[0, row, column]] == 0.0);
            assert_eq!(zeros, row == 1, "{row}: {:?}", found[0]);
        }
    }
    // Paths that part and meet again are followed once.
    let mut builder = start().node(Op::new("Identity", &["x"], &["v0"]));
    for step in 0..64 {
        let [before, first, second, after] =
            [format!("v{step}"), format!("a{step}"), format!("b{step}"), format!("v{}", step + 1)];
        builder = builder
            .node(Op::new("Transpose", &[&before], &[&first]).ints("perm", &[0, 2, 1]))
            .node(Op::new("Transpose", &[&first], &[&second]).ints("perm", &[0, 2, 1]))
            .node(Op::new("Add", &[&before, &second], &[&after]));
    }
    let builder = safe(builder.node(Op::new("Add", &["v64", "half"], &["masked"])));
    assert!(Model::from_bytes("m.onnx", &builder.bytes()).is_ok());
}

/// What hides a row depends on the inputs: it is said that no such row is told from others.
#[test]
fn a_computed_mask_is_said() {
    let shape = [1, 1, ROWS as i64].map(Length::DimValue).to_vec();
    let builder = attention(Builder::new(18).typed_input("mask", DataType::Bool, shape));
    let model = Model::from_bytes("m.onnx", &builder.bytes()).unwrap();
    let notes = model.notes();
    assert!(notes.len() == 1 && notes[0].starts_with("\"blind_node\" (IsNaN)"), "{notes:?}");
}

/// Numbers that are computed are finite, but where a known mask makes them infinite.
#[test]
fn what_is_infinite() {
    let mask: [f32; 4] = [0.0, f32::NEG_INFINITY, 1.0, 0.0];
    let network = |attribute: &str| {
        let infinite = Op::new("IsInf", &["masked"], &["infinite"]);
        let infinite = if attribute.is_empty() { infinite } else { infinite.int(attribute, 0) };
        Builder::new(20)
            .input("x", &[1, 4])
            .floats("mask", &[1, 4], &mask)
            .floats("one", &[], &[1.0])
            .node(Op::new("Add", &["x", "mask"], &["masked"]))
            .node(infinite)
            .node(Op::new("Where", &["infinite", "one", "x"], &["y"]))
            .output("y")
    };
    let expected = |hidden: bool| {
        move |inputs: &[ArrayD<f32>]| -> Vec<f64> {
            let x = inputs[0].iter().enumerate();
            x.map(|(at, &x)| if at == 1 && hidden { 1.0 } else { x.into() }).collect()
        }
    };
    defined(network(""), 2.0, expected(true));
    defined(network("detect_positive"), 2.0, expected(true));
    defined(network("detect_negative"), 2.0, expected(false));
    let chosen = network("")
        .input("m", &[1, 4])
        .floats("zero", &[], &[0.0])
        .floats("none", &[], &[f32::NEG_INFINITY])
        .node(Op::new("Greater", &["m", "zero"], &["kept"]))
        .node(Op::new("Where", &["kept", "zero", "none"], &["some"]))
        .node(Op::new("IsInf", &["some"], &["which"]))
        .node(Op::new("Where", &["which", "one", "m"], &["z"]))
        .output("z");
    let said = crate::support::refusal(chosen);
    assert!(said.contains("depends on the inputs; mask with a finite number"), "{said}");
}
