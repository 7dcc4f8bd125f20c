//! Softmax, LogSoftmax and ArgMax at the end of a classifier.

use zkinfer_models::Model;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{case, close, weights};

fn classifier(opset: i64, last: &[Op]) -> Builder {
    let builder = Builder::new(opset)
        .batched_input("x", &[6])
        .floats("w", &[6, 4], &weights(24))
        .node(Op::new("MatMul", &["x", "w"], &["logits"]));
    last.iter().cloned().fold(builder, Builder::node)
}

#[test]
fn a_trailing_softmax_is_dropped_and_said_so() {
    for operator in ["Softmax", "LogSoftmax"] {
        let last = [Op::new(operator, &["logits"], &["p"]), Op::new("Identity", &["p"], &["y"])];
        let case = close(classifier(13, &last).output("y"), 3.0, &["Linear"]);
        let [_, note] = case.model.notes() else {
            panic!("{:?}", case.model.notes());
        };
        assert!(
            note.starts_with(&format!(
                "\"p_node\" ({operator}) is dropped: the proof is about its input"
            )),
            "{note}"
        );
        assert_eq!(case.quantised.report.notes, case.model.notes());
        assert_eq!(case.quantised.graph.outputs[0].name, "y");
    }
}

#[test]
fn arg_max_is_kept() {
    for (keep, shape) in [(0, vec![1]), (1, vec![1, 1])] {
        let last = [Op::new("ArgMax", &["logits"], &["y"]).int("axis", 1).int("keepdims", keep)];
        let case = case(classifier(13, &last).integer_output("y"));
        assert_eq!(case.operators(), ["Linear", "ArgMax"]);
        assert_eq!(case.integers()[0].shape(), shape);
        let evaluation = case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap();
        assert!(evaluation.agreement.unwrap() >= 0.9, "{evaluation:?}");
    }
}

#[test]
fn arg_max_follows_a_dropped_softmax() {
    let last = [
        Op::new("Softmax", &["logits"], &["p"]).int("axis", -1),
        Op::new("ArgMax", &["p"], &["y"]).int("axis", -1),
    ];
    let case = case(classifier(13, &last).integer_output("y").output("p"));
    assert_eq!(case.operators(), ["Linear", "ArgMax"]);
    assert_eq!(case.quantised.graph.outputs[1].value, 1);
}

#[test]
fn ties_follow_select_last_index() {
    for (last, expected) in [(0, 1), (1, 2)] {
        let builder = Builder::new(13)
            .input("x", &[1, 2])
            .floats("w", &[2, 4], &[0.0; 8])
            .floats("b", &[4], &[0.0, 1.0, 1.0, -1.0])
            .node(Op::new("Gemm", &["x", "w", "b"], &["logits"]))
            .node(
                Op::new("ArgMax", &["logits"], &["y"])
                    .int("axis", 1)
                    .int("select_last_index", last),
            )
            .integer_output("y");
        let case = case(builder);
        assert_eq!(case.integers()[0].iter().copied().collect::<Vec<_>>(), [expected]);
        assert_eq!(case.distance(), 0.0);
    }
}

/// It ends no classifier, so it is not dropped.
#[test]
fn a_softmax_of_constants_is_computed() {
    for operator in ["Softmax", "LogSoftmax"] {
        let builder = Builder::new(13)
            .input("x", &[1, 4])
            .floats("c", &[1, 4], &[0.5, -1.0, 2.0, 0.0])
            .node(Op::new(operator, &["c"], &["p"]))
            .node(Op::new("Add", &["x", "p"], &["y"]))
            .output("y");
        let case = close(builder, 2.0, &["Sum"]);
        assert_eq!(case.model.notes().len(), 0);
    }
}

/// What only moves elements may stand between a softmax and the output.
#[test]
fn a_softmax_before_views_is_dropped() {
    let dropped = |op: Op| {
        let last = [Op::new("Softmax", &["logits"], &["p"]).int("axis", 1), op];
        let builder = classifier(13, &last).integers("shape", &[2, 2]).integers("axes", &[0]);
        let model = Model::from_bytes("m.onnx", &builder.output("y").bytes()).unwrap();
        model.notes().iter().any(|note| note.contains("is dropped"))
    };
    for view in ["Dropout", "Flatten", "Identity", "Transpose"] {
        assert!(dropped(Op::new(view, &["p"], &["y"])), "{view}");
    }
    for (view, operand) in [("Reshape", "shape"), ("Squeeze", "axes"), ("Unsqueeze", "axes")] {
        assert!(dropped(Op::new(view, &["p", operand], &["y"])), "{view}");
    }
    assert!(!dropped(Op::new("Relu", &["p"], &["y"])));
}
