//! What is said of networks whose integers do not follow their floats.

use zkinfer_models::agreement::{NodeError, OutputError};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model, Quantised};

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
    // As the head of a detector: positions in pixels and probabilities in one output, which comes
    // from something that reads one scale.
    let detector = layer()
        .floats("pixels", &[1], &[300.0])
        .node(Op::new("Mul", &["z", "pixels"], &["boxes"]))
        .node(Op::new("Sigmoid", &["z"], &["scores"]))
        .node(Op::new("Concat", &["boxes", "scores"], &["c"]).int("axis", 1))
        .node(Op::new("Abs", &["c"], &["y"]))
        .output("y");
    let [y] = <[OutputError; 1]>::try_from(outputs(detector)).unwrap();
    assert!(y.all.cosine > 0.999 && y.all.error < 0.05, "the whole hides it: {y:?}");
    let part = y.worst()[0];
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
        .node(Op::new("Abs", &["features"], &["f"]))
        .floats("w", &[2, 1], &[1000.0, 0.000_001])
        .node(Op::new("MatMul", &["f", "w"], &["y"]))
        .output("y");
    let [y] = <[OutputError; 1]>::try_from(outputs(mixed)).unwrap();
    assert!(y.all.cosine < 0.9 || y.all.error > 0.2, "{y:?}");
    assert!(y.doubt().is_some());
}

#[test]
fn a_layer_that_follows_is_not_doubted() {
    for y in outputs(layer().node(Op::new("Relu", &["z"], &["y"])).output("y")) {
        assert_eq!(y.doubt(), None, "{y:?}");
        assert!(y.all.cosine > 0.999 && y.all.spread > 0.0);
    }
}

#[test]
fn the_node_where_the_error_comes_in_is_named_and_what_saturates_is_counted() {
    // What the two elements add up to was small when ranges were measured.
    let model = Builder::new(13)
        .batched_input("x", &[2])
        .floats("w", &[2, 3], &[1.0, 0.5, 2.0, 1.0, 0.5, 2.0])
        .node(Op::new("MatMul", &["x", "w"], &["sum"]))
        .node(Op::new("Relu", &["sum"], &["r"]))
        .floats("v", &[3, 2], &[1.0, -1.0, 0.5, 0.25, -0.5, 1.0])
        .node(Op::new("MatMul", &["r", "v"], &["y"]))
        .output("y");
    let model = Model::from_bytes("case.onnx", &model.bytes()).unwrap();
    let dataset = |pairs: &[[f32; 2]]| {
        let tensor = |pair: &[f32; 2]| vec![ndarray::arr2(&[*pair]).into_dyn()];
        Dataset::new(pairs.iter().map(tensor).collect(), None).unwrap()
    };
    let steps = || (0..32).map(|i| i as f32 / 31.0);
    let tame: Vec<[f32; 2]> = steps().flat_map(|t| [[t, -t / 2.0], [-t / 2.0, t]]).collect();
    let quantised = model.quantise(&model.calibrate(&dataset(&tame)).unwrap()).unwrap();
    let nodes = |pairs: &[[f32; 2]]| {
        let (graph, counterparts) = (&quantised.graph, &quantised.counterparts);
        model.node_errors(graph, counterparts, &dataset(pairs)).unwrap()
    };
    let [sum, y] = <[NodeError; 2]>::try_from(nodes(&tame)).unwrap();
    assert!(sum.saturated < 0.05 && y.saturated == 0.0, "the largest at most: {sum:?}");
    assert!(sum.introduced.error < 0.1 && sum.introduced.error > 0.0, "{sum:?}");

    // Each input is within its range, but not the sum.
    let wild: Vec<[f32; 2]> = steps().map(|t| [t, 0.9]).collect();
    let [sum, y] = <[NodeError; 2]>::try_from(nodes(&wild)).unwrap();
    assert_eq!((sum.name.as_str(), sum.operator.as_str(), sum.elements), ("sum_node", "Gemm", 3));
    assert!(sum.saturated > 0.6 && sum.introduced.error > 0.5, "{sum:?}");
    assert_eq!(y.saturated, 0.0);
    assert!(y.introduced.error < 0.1 && y.accumulated.error > 0.5, "not its fault: {y:?}");
    let evaluation = model.evaluate(&quantised.graph, &dataset(&wild)).unwrap();
    assert_eq!(evaluation.inputs[0].saturated, 0.0);
    let far = model.evaluate(&quantised.graph, &dataset(&[[2.0, 0.0], [0.5, 0.0]])).unwrap();
    assert_eq!((far.inputs[0].name.as_str(), far.inputs[0].saturated), ("x", 0.25));

    // The counterparts of another network do not fit.
    let other = case(layer().node(Op::new("Relu", &["z"], &["y"])).output("y"));
    let refused =
        other.model.node_errors(&quantised.graph, &quantised.counterparts, &other.dataset);
    assert!(refused.unwrap_err().to_string().contains("not made from \"case\""));
}

#[test]
fn nodes_of_a_quantised_file_introduce_nothing() {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/zoo/cnn-8x8");
    let model = Model::load(format!("{zoo}/cnn-8x8.qdq.onnx")).unwrap();
    let data = Dataset::read(format!("{zoo}/calibration.npz"), model.inputs()).unwrap().first(4);
    let Quantised { graph, counterparts, .. } =
        model.quantise(&model.calibrate(&data).unwrap()).unwrap();
    let nodes = model.node_errors(&graph, &counterparts, &data).unwrap();
    assert_eq!(nodes.len(), model.graph().nodes.len());
    for node in nodes {
        assert!(node.introduced.error < 1e-6, "{node:?}");
    }
}
