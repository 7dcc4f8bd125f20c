//! Refusals all at once: also those behind others, each with what helps there.

use zkinfer_models::Model;
use zkinfer_models::onnx::Dimensions;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{refusal, refusals, weights};

/// The operators that are refused, in order.
fn operators(builder: Builder) -> Vec<String> {
    refusals(builder).into_iter().map(|refusal| refusal.operator).collect()
}

fn magic(input: &str, output: &str) -> Op {
    Op::new("Magic", &[input], &[output]).domain("com.example")
}

#[test]
fn one_error_has_a_line_for_each_node_or_kind_of_nodes() {
    let builder = Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .node(magic("x", "e"))
        .node(Op::new("Relu", &["e"], &["r"]))
        .node(Op::new("Softmax", &["x"], &["m"]).int("axis", 7).named(""))
        .node(Op::new("GRU", &["r"], &["f"]))
        .node(Op::new("GRU", &["f", "m"], &["y"]))
        .output("y");
    assert_eq!(
        refusal(builder),
        "\"case.onnx\": cannot import 4 nodes:\n  \
        node \"e_node\" (com.example.Magic): this operator is not supported; if it is a function \
        of the file, `onnx.inliner.inline_local_functions` spells it out\n  \
        node \"Softmax_2\" (Softmax): axis 7 does not exist in a tensor of 4 dimensions\n  \
        2 nodes (GRU: \"f_node\", \"y_node\"): this operator is not supported; recurrent layers of \
        Keras become matrix products if they are made with `unroll=True`"
    );
}

/// What stands behind a refused node is judged by the shapes that the refused one demands, or that
/// the file declares.
#[test]
fn refusals_behind_refusals() {
    let behind = |first: Op| {
        Builder::new(17)
            .input("x", &[1, 4, 8])
            .floats("w", &[8, 8], &weights(64))
            .node(first)
            .node(Op::new("MatMul", &["v", "w"], &["m"]))
            .node(Op::new("Softmax", &["m"], &["s"]).int("axis", 3))
            .node(Op::new("Relu", &["s"], &["y"]))
            .output("y")
    };
    // Demanded: as its operand. The Relu behind is in order.
    let same = Op::new("ReverseSequence", &["x"], &["v"]);
    assert_eq!(operators(behind(same)), ["ReverseSequence", "Softmax"]);
    // Unknown: then what needs no shape to be refused.
    assert_eq!(operators(behind(magic("x", "v"))), ["com.example.Magic"]);
    // Declared.
    assert_eq!(
        operators(behind(magic("x", "v")).declared("v", DataType::Float, &[1, 4, 8])),
        ["com.example.Magic", "Softmax"]
    );
    // A shape that fits nothing behind it is said too.
    let wrong = refusals(behind(magic("x", "v")).declared("v", DataType::Float, &[1, 4, 9]));
    assert!(wrong[1].reason.contains("9] with 8 terms per product"), "{wrong:?}");
}

/// A node that only lacks what a refused one would have made of constants is not at fault.
#[test]
fn what_would_be_a_constant_is_not_missed() {
    let builder = Builder::new(17)
        .input("x", &[1, 8])
        .integers("k", &[2, 4])
        .node(magic("k", "shape"))
        .node(Op::new("Reshape", &["x", "shape"], &["r"]))
        .node(magic("r", "y"))
        .output("y")
        .declared("shape", DataType::Int64, &[2]);
    let nodes: Vec<String> = refusals(builder).into_iter().map(|refusal| refusal.node).collect();
    assert_eq!(nodes, ["shape_node", "y_node"]);
}

/// An input that cannot be used is said once.
#[test]
fn an_input_is_refused_once() {
    let builder = Builder::new(17)
        .typed_input("x", DataType::String, vec![Length::DimValue(4), Length::DimValue(2)])
        .node(Op::new("Identity", &["x"], &["a"]))
        .node(Op::new("Transpose", &["x"], &["b"]).ints("perm", &[1, 1]))
        .node(Op::new("Add", &["a", "b"], &["y"]))
        .output("y");
    let refusals = refusals(builder);
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert!(refusals[0].reason.starts_with("input \"x\": its elements are STRING"));
    assert!(refusals[1].reason.starts_with("attribute `perm` is [1, 1]"));
}

/// A detector: the boxes that are left depend on the data, so the file is cut before that, and the
/// message has the names.
#[test]
fn the_cut_before_what_depends_on_the_data() {
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .floats("w", &[4, 4], &weights(16))
        .floats("limit", &[1], &[0.5])
        .integers("one", &[1, 1, 4])
        .node(Op::new("MatMul", &["x", "w"], &["flat"]))
        .node(Op::new("Reshape", &["flat", "one"], &["boxes"]))
        .node(Op::new("Sigmoid", &["boxes"], &["scores"]))
        .node(Op::new("Relu", &["x"], &["other"]))
        .node(Op::new("NonMaxSuppression", &["boxes", "scores", "", "limit"], &["picked"]))
        .node(Op::new("Gather", &["flat", "picked"], &["y"]))
        .node(Op::new("NonZero", &["y"], &["z"]))
        .output("z")
        .output("other");
    let refusals = refusals(builder);
    let told: Vec<(&str, &str)> = refusals
        .iter()
        .map(|refusal| (refusal.node.as_str(), refusal.advice.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "picked_node",
                "end the network before it and do the rest outside the proof: \
                `onnx.utils.extract_model(\"case.onnx\", \"cut.onnx\", [\"x\"], [\"other\", \
                \"boxes\", \"scores\", \"flat\"])`"
            ),
            ("z_node", "the same cut leaves it out"),
        ]
    );
    assert!(refusals[0].reason.starts_with("how many elements it puts out depends on the data"));
}

#[test]
fn opsets_out_of_range() {
    for opset in [0, 29] {
        let builder = |operator: &str| {
            Builder::new(opset).input("x", &[1]).node(Op::new(operator, &["x"], &["y"])).output("y")
        };
        let expected = format!(
            "\"case.onnx\" uses ONNX opset {opset}, supported are 1 to 28; export the model again \
            with `opset_version=28` or lower"
        );
        assert_eq!(refusal(builder("Relu")), expected);
        let both = refusal(builder("Unheard"));
        assert_eq!(
            both,
            format!(
                "{expected}; besides, it is not possible to import node \"y_node\" (Unheard): \
                this operator is not supported"
            )
        );
    }
}

/// A file of other domains alone names no version of ONNX's own operators, and needs none.
#[test]
fn no_opset_is_missed_where_no_operator_is_of_it() {
    let builder = |domain: &str| {
        Builder::of_domain("ai.onnx.ml", 1)
            .input("x", &[1, 4])
            .node(Op::new("TreeEnsembleRegressor", &["x"], &["y"]).domain(domain))
            .output("y")
    };
    let message = refusal(builder("ai.onnx.ml"));
    assert!(
        message.starts_with(
            "\"case.onnx\": cannot import node \"y_node\" (ai.onnx.ml.TreeEnsembleRegressor): this \
            operator is not supported; decision trees"
        ),
        "{message}"
    );
    assert!(refusal(builder("")).contains(
        "it has operators of ONNX (TreeEnsembleRegressor), but names no version of them"
    ));
}

/// A dimension that was named on the command line is known, though its input is refused.
#[test]
fn dimensions_of_refused_inputs_are_known() {
    let shape = vec![Length::DimParam("batch".into()), Length::DimValue(2)];
    let builder = Builder::new(13)
        .typed_input("x", DataType::String, shape)
        .node(Op::new("Identity", &["x"], &["y"]))
        .output("y");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, builder.bytes()).unwrap();
    let lengths = [("batch".to_owned(), 3)].into();
    let dimensions = Dimensions { lengths, ..Dimensions::default() };
    let message = Model::load_with(&path, &dimensions).unwrap_err().to_string();
    assert!(message.contains("its elements are STRING"), "{message}");
}

#[test]
fn an_input_that_nothing_reads_is_dropped_with_a_note() {
    let builder = Builder::new(13)
        .input("ratio", &[1])
        .input("x", &[1, 4])
        .node(Op::new("Dropout", &["x", "ratio"], &["d"]))
        .node(Op::new("Relu", &["d"], &["y"]))
        .output("y");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let names: Vec<&str> = model.inputs().iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["x"]);
    assert_eq!(model.notes(), ["input \"ratio\" is dropped: no output depends on it"]);
    let result = model.run(&[ndarray::ArrayD::from_elem(vec![1, 4], -1.0)]).unwrap();
    assert_eq!(result[0], ndarray::ArrayD::<f32>::zeros(vec![1, 4]));
}
