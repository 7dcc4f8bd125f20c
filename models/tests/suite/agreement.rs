//! What is said of networks whose integers do not follow their floats.

use zkinfer_models::agreement::OutputError;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{case, weights};

fn outputs(builder: Builder) -> Vec<OutputError> {
    let case = case(builder);
    case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap().outputs
}

fn layer() -> Builder {
    Builder::new(13).batched_input("x", &[6]).floats("w", &[6, 4], &weights(24)).node(Op::new(
        "MatMul",
        &["x", "w"],
        &["z"],
    ))
}

#[test]
fn scores_beside_boxes_of_one_scale_are_doubted() {
    // As the head of a detector: positions in pixels and probabilities in one output.
    let detector = layer()
        .floats("pixels", &[1], &[300.0])
        .node(Op::new("Mul", &["z", "pixels"], &["boxes"]))
        .node(Op::new("Sigmoid", &["z"], &["scores"]))
        .node(Op::new("Concat", &["boxes", "scores"], &["y"]).int("axis", 1))
        .output("y");
    let [y] = <[OutputError; 1]>::try_from(outputs(detector)).unwrap();
    assert!(y.cosine > 0.999 && y.relative() < 0.01, "the whole hides it: {y:?}");
    let part = y.worst.as_ref().unwrap();
    assert!(part.axis == 1 && part.index >= 4, "a score: {part:?}");
    let said = y.doubt().expect("a doubt").to_string();
    assert!(said.starts_with("output \"y\" differs from the float model by"), "{said}");
    assert!(said.contains("along dimension 1 by"), "{said}");
}

#[test]
fn columns_of_other_sizes_under_one_scale_are_doubted() {
    // What matters comes in thousandths, beside a column of thousands that has no weight.
    let mixed = Builder::new(13)
        .batched_input("x", &[2])
        .floats("sizes", &[1, 2], &[0.001, 1000.0])
        .node(Op::new("Mul", &["x", "sizes"], &["features"]))
        .node(Op::new("Identity", &["features"], &["f"]))
        .floats("w", &[2, 1], &[1000.0, 0.000_001])
        .node(Op::new("MatMul", &["f", "w"], &["y"]))
        .output("y");
    let [y] = <[OutputError; 1]>::try_from(outputs(mixed)).unwrap();
    assert!(y.cosine < 0.9 || y.relative() > 0.05, "{y:?}");
    assert!(y.doubt().is_some());
}

#[test]
fn a_layer_that_follows_is_not_doubted() {
    for y in outputs(layer().node(Op::new("Relu", &["z"], &["y"])).output("y")) {
        assert_eq!(y.doubt(), None, "{y:?}");
        assert!(y.cosine > 0.999 && y.spread > 0.0);
    }
}
