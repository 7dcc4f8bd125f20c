//! Scores with a mask: a number that stands for nothing must not set the scale of those that count.

use ndarray::ArrayD;
use zkinfer_models::float::graph::Operator as Float;
use zkinfer_models::integer::graph::Operator;
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model};

use crate::quantised::Grids;
use crate::support::{Case, case, weights};

/// Numbers that exporters mask with.
const MASKS: [f32; 6] = [-1e4, -65_504.0, -1e9, f32::MIN, f32::NEG_INFINITY, -3e7];

/// `scores` `[1, 4, 4]` of `x`, and the lower triangle of what is masked.
fn scores() -> Builder {
    Builder::new(17)
        .input("x", &[1, 4, 4])
        .floats("w", &[4, 4], &weights(16).map(3.0))
        .node(Op::new("MatMul", &["x", "w"], &["scores"]))
}

/// Everything times a factor.
trait Times {
    fn map(self, factor: f32) -> Self;
}

impl Times for Vec<f32> {
    fn map(self, factor: f32) -> Self {
        self.into_iter().map(|x| factor * x).collect()
    }
}

/// The causal mask: `mask` above the diagonal, `other` elsewhere.
fn causal(mask: f32, other: f32) -> Vec<f32> {
    (0..16).map(|index| if index % 4 > index / 4 { mask } else { other }).collect()
}

/// A constant of `[1, 4, 4]` truths.
fn condition(name: &str, numbers: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![1, 4, 4],
        data_type: DataType::Bool as i32,
        raw_data: numbers.iter().map(|&x| u8::from(x != 0.0)).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    }
}

/// A softmax of `masked`, and a layer behind it, since a final softmax would be dropped.
fn attend(builder: Builder) -> Builder {
    builder
        .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
        .floats("values", &[4, 3], &weights(12))
        .node(Op::new("MatMul", &["p", "values"], &["y"]))
        .output("y")
}

/// Steps that the integers are off; a softmax in 8-bit steps takes some by itself.
fn steps(builder: Builder) -> f64 {
    case(attend(builder)).distance()
}

#[test]
fn a_constant_that_is_added() {
    let plain = scores().node(Op::new("Identity", &["scores"], &["masked"]));
    let least = steps(plain);
    for mask in MASKS {
        let builder = scores().floats("mask", &[1, 4, 4], &causal(mask, 0.0)).node(Op::new(
            "Add",
            &["scores", "mask"],
            &["masked"],
        ));
        let found = steps(builder);
        assert!(found <= least + 6.0, "{mask}: {found} steps, {least} without a mask");
    }
}

#[test]
fn a_constant_that_is_chosen() {
    for mask in MASKS {
        let builder = scores()
            .floats("ones", &[1, 4, 4], &causal(1.0, 0.0))
            .floats("zero", &[], &[0.5])
            .node(Op::new("Sigmoid", &["x"], &["positive"]))
            .node(Op::new("Sub", &["ones", "positive"], &["some"]))
            .node(Op::new("Greater", &["some", "zero"], &["chosen"]))
            .floats("mask", &[], &[mask])
            .node(Op::new("Where", &["chosen", "mask", "scores"], &["masked"]));
        let found = steps(builder);
        assert!(found <= 20.0, "{mask}: {found} steps");
    }
}

/// `(1 − m)·mask`, as BERT has it, `m` from an input.
#[test]
fn a_mask_that_is_computed() {
    for mask in [-1e4, -65_504.0, -3e7, -1e9, f32::MIN] {
        let builder = scores()
            .input("m", &[1, 1, 4])
            .floats("least", &[], &[0.0])
            .floats("one", &[], &[1.0])
            .floats("factor", &[], &[mask])
            .node(Op::new("Greater", &["m", "least"], &["kept"]))
            .node(Op::new("Cast", &["kept"], &["real"]).int("to", 1))
            .node(Op::new("Sub", &["one", "real"], &["rest"]))
            .node(Op::new("Mul", &["rest", "factor"], &["mask"]))
            .node(Op::new("Add", &["scores", "mask"], &["masked"]));
        let Case { model, quantised, dataset } = case(attend(builder));
        // A sample that is masked wholly has no answer, and must not spoil those of others.
        let some = |sample: &&Vec<ArrayD<f32>>| {
            sample.iter().any(|x| x.len() == 4 && x.iter().any(|&m| m > 0.0))
        };
        let samples: Vec<_> = dataset.samples().iter().filter(some).cloned().collect();
        assert!(samples.len() < dataset.samples().len(), "one is masked wholly");
        let dataset = Dataset::new(samples, None).unwrap();
        let found = Case { model, quantised, dataset }.distance();
        assert!(found <= 20.0, "{mask}: {found} steps");
    }
}

/// The scores are scaled behind the mask.
#[test]
fn a_mask_before_a_constant_factor() {
    let builder = scores()
        .floats("mask", &[1, 4, 4], &causal(-1e9, 0.0))
        .floats("factor", &[], &[0.5])
        .node(Op::new("Add", &["scores", "mask"], &["sum"]))
        .node(Op::new("Mul", &["sum", "factor"], &["masked"]));
    let found = steps(builder);
    assert!(found <= 16.0, "{found} steps");
}

#[test]
fn a_sigmoid_reads_a_mask_as_nothing() {
    let Case { quantised, .. } = case(
        scores()
            .floats("mask", &[1, 4, 4], &causal(-1e9, 0.0))
            .node(Op::new("Add", &["scores", "mask"], &["masked"]))
            .node(Op::new("Sigmoid", &["masked"], &["a"]))
            .node(Op::new("Tanh", &["masked"], &["b"]))
            .node(Op::new("Concat", &["a", "b"], &["y"]).int("axis", 1))
            .output("y"),
    );
    let masked = quantised.report.nodes.iter().find(|node| node.name == "masked_node").unwrap();
    assert!(masked.range.unwrap().minimum > -8.0, "{masked:?}");
}

#[test]
fn infinite_numbers_that_make_a_difference_are_refused() {
    let builder = scores()
        .floats("mask", &[1, 4, 4], &causal(f32::NEG_INFINITY, 0.0))
        .node(Op::new("Add", &["scores", "mask"], &["masked"]))
        .node(Op::new("Abs", &["masked"], &["y"]))
        .output("y");
    let model = Model::from_bytes("m.onnx", &builder.bytes()).unwrap();
    let data = Dataset::new(vec![vec![ArrayD::zeros(vec![1, 4, 4])]], None).unwrap();
    let said = model.calibrate(&data).unwrap_err().to_string();
    assert!(
        said.starts_with("node \"masked_node\" becomes -inf on calibration sample 0"),
        "{said}"
    );
}

/// What is no mask, or not the same for all, is added or chosen like any other number.
#[test]
fn what_no_row_can_be_told_by_is_computed() {
    let heads = |mask: &[f32]| {
        Builder::new(17).input("x", &[2, 4, 4]).floats("mask", &[2, 4, 4], mask).node(Op::new(
            "Add",
            &["x", "mask"],
            &["masked"],
        ))
    };
    // Another mask for each head; a number between masks and scores; nothing that hides.
    let different = [causal(-1e9, 0.0), vec![0.0; 16]].concat();
    let mut between = causal(-1e9, 0.0).repeat(2);
    between[12] = -5000.0;
    between[28] = -5000.0;
    let plain = weights(32);
    for mask in [different, between, plain] {
        let case = case(attend(heads(&mask)));
        assert!(visible(&case).is_empty());
        assert!(case.distance() < 20.0, "{}", case.distance());
    }
    let same = causal(-1e9, 0.0).repeat(2);
    assert_eq!(visible(&case(attend(heads(&same)))).len(), 16);
    // A number that is chosen and hides nothing.
    let chosen = scores()
        .tensor(condition("some", &causal(1.0, 0.0)))
        .floats("seven", &[], &[0.7])
        .node(Op::new("Where", &["some", "seven", "scores"], &["masked"]));
    let case = case(attend(chosen));
    assert!(visible(&case).is_empty());
    assert!(case.distance() < 20.0, "{}", case.distance());
}

/// What each row of a softmax sees, where that is known.
fn visible(case: &Case) -> Vec<bool> {
    let mut nodes = case.quantised.graph.nodes.iter();
    let found = nodes.find_map(|node| match &node.operator {
        Operator::Softmax { visible, .. } => Some(visible.clone()),
        _ => None,
    });
    found.unwrap()
}

/// What the file rounds between a mask and a softmax is rounded, and what it saturates hides no
/// more than the file has it hide.
#[test]
fn masks_behind_a_grid_are_the_files() {
    // Everything that is seen rounds to zero; what is masked saturates at −2, and is seen.
    for scale in [4.0, 1.0 / 64.0] {
        let builder = Builder::new(17)
            .input("x", &[1, 4, 4])
            .floats("mask", &[1, 4, 4], &causal(-1e9, 0.0))
            .grid("s", scale, 0)
            .node(Op::new("Add", &["x", "mask"], &["sum"]))
            .rounded("sum", "masked", "s");
        let found = case(attend(builder));
        assert!(visible(&found).is_empty(), "{scale}");
        assert!(found.distance() < 5.0, "{scale}: {}", found.distance());
    }
}

/// A known condition hides where it holds, or where it does not; one number is all that it takes.
#[test]
fn a_known_condition_hides_on_either_side() {
    let seen = causal(0.0, 1.0);
    for (condition_of, order) in [
        (causal(1.0, 0.0), ["hidden", "none", "scores"]),
        (seen.clone(), ["hidden", "scores", "none"]),
    ] {
        let builder = scores()
            .tensor(condition("hidden", &condition_of))
            .floats("none", &[], &[-1e9])
            .node(Op::new("Where", &order, &["masked"]));
        let found = case(attend(builder));
        let expected: Vec<bool> = seen.iter().map(|&x| x == 1.0).collect();
        assert_eq!(visible(&found), expected, "{order:?} {:?}", found.operators());
        assert!(found.distance() < 20.0, "{order:?}: {}", found.distance());
    }
}

/// A query that sees no key: its softmax is no number, and a choice puts zero there.
#[test]
fn rows_that_see_nothing() {
    let seen = |query: usize, key: usize| query != 1 && (query == 2 || key <= query);
    let known = |unseen: fn(usize) -> bool| -> Vec<f32> {
        let hides = |at: usize| unseen(at / 4) || !seen(at / 4, at % 4);
        (0..16).map(|at| if hides(at) { f32::NEG_INFINITY } else { 0.0 }).collect()
    };
    let builder = |mask: &[f32]| {
        scores()
            .floats("mask", &[4, 4], mask)
            .floats("none", &[], &[f32::NEG_INFINITY])
            .floats("zero", &[], &[0.0])
            .floats("values", &[4, 3], &weights(12))
            .node(Op::new("Add", &["scores", "mask"], &["masked"]))
            .node(Op::new("Softmax", &["masked"], &["p"]).int("axis", -1))
            .node(Op::new("ReduceMax", &["mask"], &["best"]).ints("axes", &[-1]))
            .node(Op::new("Equal", &["best", "none"], &["blind"]))
            .node(Op::new("Where", &["blind", "zero", "p"], &["weights"]))
            .node(Op::new("MatMul", &["weights", "values"], &["y"]))
            .output("y")
    };
    let unmasked = steps(scores().node(Op::new("Identity", &["scores"], &["masked"])));
    for unseen in [|_: usize| false, |query: usize| query == 0, |query: usize| query < 3] {
        let case = case(builder(&known(unseen)));
        let graph = &case.quantised.graph;
        for inputs in case.dataset.samples() {
            let real = &case.model.run_own(inputs).unwrap()[0];
            let integers = graph.quantise_inputs(inputs).unwrap();
            let found = graph.dequantise_outputs(&interpreter::run(graph, &integers).unwrap());
            for (at, (&real, &found)) in real.iter().zip(&found[0]).enumerate() {
                let blind = unseen(at / 3) || at / 3 == 1;
                assert!(!blind || (real == 0.0 && found == 0.0), "{at}: {real}, {found}");
                let error = (f64::from(real) - found).abs() / 2.0 * 255.0;
                assert!(error <= unmasked + 6.0, "{at}: {real}, {found}");
            }
        }
    }
    // Where nothing is put in its place, there is no such number.
    let builder = scores().floats("mask", &[4, 4], &known(|_| false)).node(Op::new(
        "Add",
        &["scores", "mask"],
        &["masked"],
    ));
    let model = Model::from_bytes("m.onnx", &attend(builder).bytes()).unwrap();
    let known =
        model.graph().nodes.iter().any(
            |node| matches!(&node.operator, Float::Softmax { visible } if !visible.is_empty()),
        );
    assert!(!known, "a row of -inf alone is no row without a mask");
    let data = Dataset::new(vec![vec![ArrayD::zeros(vec![1, 4, 4])]], None).unwrap();
    let said = model.calibrate(&data).unwrap_err().to_string();
    assert!(said.contains("becomes NaN on calibration sample 0"), "{said}");
}

/// A row that a finite number takes the place of wholly sees all of its keys alike, a number that
/// is chosen is not added, and scores that are taken away from a mask are not the scores.
#[test]
fn scores_that_are_not_seen_as_they_are() {
    let choice = |numbers: &[f32], [yes, no]: [&str; 2]| {
        let mut some = causal(-1e9, 0.0);
        some[4..8].fill(0.7);
        scores()
            .tensor(condition("hidden", numbers))
            .floats("none", &[], &[-1e9])
            .floats("some", &[1, 4, 4], &some)
            .floats("half", &[1, 4, 2], &[-1e9; 8])
            .floats("v", &[4, 2], &weights(8))
            .node(Op::new("MatMul", &["x", "v"], &["other"]))
            .node(Op::new("Concat", &["half", "other"], &["joined"]).int("axis", 2))
            .node(Op::new("Where", &["hidden", yes, no], &["masked"]))
    };
    let mut hidden = causal(1.0, 0.0);
    hidden[4..8].fill(1.0);
    let taken = scores().floats("mask", &[1, 4, 4], &causal(-1e9, 0.0)).node(Op::new(
        "Sub",
        &["mask", "scores"],
        &["masked"],
    ));
    for builder in [
        choice(&hidden, ["none", "scores"]),
        choice(&hidden, ["some", "scores"]),
        choice(&causal(1.0, 0.0), ["joined", "scores"]),
        taken,
    ] {
        let found = steps(builder);
        assert!(found <= 20.0, "{found} steps");
    }
}

/// The best of some, and what is around it: an index compares, so that −∞ is any number below the
/// others, and a row of ones chooses nothing of what is infinite elsewhere.
#[test]
fn the_best_that_is_not_masked() {
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .floats("none", &[], &[f32::NEG_INFINITY])
        .floats("zero", &[], &[0.0])
        .floats("allowed", &[4], &[1.0, 1.0, 1.0, -1.0])
        .integers("around", &[0, 1, 2])
        .integers("sides", &[0, 1, 0, 1])
        .node(Op::new("Greater", &["allowed", "zero"], &["mask"]))
        .node(Op::new("Where", &["mask", "x", "none"], &["masked"]))
        .node(Op::new("ArgMax", &["masked"], &["best"]).int("axis", 1))
        .node(Op::new("Add", &["best", "around"], &["near"]))
        .node(Op::new("Pad", &["masked", "sides", "none"], &["wide"]))
        .node(Op::new("GatherElements", &["wide", "near"], &["chosen"]).int("axis", 1))
        .node(Op::new("Exp", &["chosen"], &["y"]))
        .output("y");
    let case = case(builder);
    let graph = &case.quantised.graph;
    let x = ArrayD::from_shape_vec(vec![1, 4], vec![-0.5, -0.2, -0.9, 0.9]).unwrap();
    let outputs = interpreter::run(graph, &graph.quantise_inputs(&[x]).unwrap()).unwrap();
    let found = &graph.dequantise_outputs(&outputs)[0];
    let expected = [-0.5, -0.2, -0.9].map(f64::exp);
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 0.02, "{found}, expected {expected}");
    }
}

/// Two masks of the lowest number, one known and one chosen: together they are beyond single
/// precision, and hide what each of them hides.
#[test]
fn the_lowest_number_twice() {
    let builder = scores()
        .input("m", &[1, 1, 4])
        .floats("least", &[], &[0.0])
        .floats("zero", &[], &[0.0])
        .floats("lowest", &[], &[f32::MIN])
        .floats("causal", &[1, 4, 4], &causal(f32::MIN, 0.0))
        .node(Op::new("Greater", &["m", "least"], &["kept"]))
        .node(Op::new("Where", &["kept", "zero", "lowest"], &["padding"]))
        .node(Op::new("Add", &["causal", "padding"], &["mask"]))
        .node(Op::new("Add", &["scores", "mask"], &["masked"]));
    let Case { model, quantised, dataset } = case(attend(builder));
    // The first query sees the first key alone.
    let first = |sample: &&Vec<ArrayD<f32>>| {
        sample.iter().any(|x| x.len() == 4 && x.iter().next().is_some_and(|&m| m > 0.0))
    };
    let samples: Vec<_> = dataset.samples().iter().filter(first).cloned().collect();
    let hidden = samples.iter().flatten().filter(|x| x.len() == 4 && x.iter().any(|&m| m <= 0.0));
    assert!(hidden.count() > 0, "some key is hidden");
    let dataset = Dataset::new(samples, None).unwrap();
    let found = Case { model, quantised, dataset }.distance();
    assert!(found <= 20.0, "{found} steps");
}

/// A query that every key is hidden from sees them all, since one number more changes no softmax;
/// what is hidden from the others costs nothing.
#[test]
fn a_row_that_is_hidden_wholly() {
    let add = || Op::new("Add", &["scores", "mask"], &["masked"]);
    let [mut mask, mut shown] = [causal(-1e4, 0.0), causal(-1e4, 0.0)];
    mask[..4].fill(-1e4);
    shown[..4].fill(0.0);
    let case = case(attend(scores().floats("mask", &[1, 4, 4], &mask).node(add())));
    let softmax = case.quantised.graph.nodes.iter().find_map(|node| match &node.operator {
        Operator::Softmax { visible, .. } => Some(visible),
        _ => None,
    });
    let rows: Vec<usize> =
        softmax.unwrap().chunks(4).map(|row| row.iter().filter(|&&sees| sees).count()).collect();
    assert_eq!(rows, [4, 2, 3, 4]);
    let other = attend(scores().floats("mask", &[1, 4, 4], &shown).node(add()));
    let other = Model::from_bytes("m.onnx", &other.bytes()).unwrap();
    for sample in case.dataset.samples() {
        let [one, other] = [&case.model, &other].map(|model| model.run_own(sample).unwrap());
        assert!(one[0].iter().zip(&other[0]).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
