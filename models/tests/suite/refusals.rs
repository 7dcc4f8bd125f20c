//! What is refused, and in which words.

use zkinfer_models::Model;
use zkinfer_models::integer::signature::Grid;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{refusal, weights};

fn load(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let message = Model::load(&path).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message.replace(&folder.path().display().to_string(), "")
}

fn relu() -> Builder {
    Builder::new(13).input("x", &[1, 4]).node(Op::new("Relu", &["x"], &["y"])).output("y")
}

/// The refusal of one node over `x`, without the file's name.
fn reason(opset: i64, input: &[i64], op: Op) -> String {
    let message = refusal(Builder::new(opset).input("x", input).node(op).output("y"));
    message.strip_prefix("\"case.onnx\": cannot import ").unwrap_or(&message).to_owned()
}

#[test]
fn a_file_of_another_format_is_told_from_a_broken_one() {
    let files: [(&[u8], &str); 8] = [
        (b"zkinf.zc\x05", "zkinfer's own files"),
        (b"PK\x03\x04\x14", "torch.onnx.export"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x1c\0\0\0TFL3", "--tflite"),
        (b"GGUF\x03", "no graph"),
        (b"\x93NUMPY\x01", "numpy"),
        (b"\x40\0\0\0\0\0\0\0{\"w\"", "safetensors"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ];
    for (bytes, said) in files {
        let message = Model::from_bytes("/m.onnx", bytes).unwrap_err().to_string();
        assert!(message.starts_with("\"/m.onnx\" is not ONNX: it is "), "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn files_that_are_no_models() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Model::load(folder.path()).unwrap_err().to_string();
    assert!(directory.ends_with("is a directory; name the .onnx file itself"), "{directory}");
    let missing = Model::load(folder.path().join("none.onnx")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read") && missing.contains("No such file"), "{missing}");
    assert_eq!(load("m.onnx", b""), "\"/m.onnx\" is empty; export or copy the model again");
    for junk in [&b"hello"[..], &[0xff; 64]] {
        let message = load("m.onnx", junk);
        assert!(message.starts_with("\"/m.onnx\" is not a complete ONNX model ("), "{message}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = Builder::new(13)
        .input("x", &[1, 4])
        .floats("w", &[4, 2], &weights(8))
        .node(Op::new("MatMul", &["x", "w"], &["y"]))
        .output("y")
        .bytes();
    for length in 0..bytes.len() {
        assert!(Model::from_bytes("m.onnx", &bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Model::from_bytes("m.onnx", &bytes).is_ok());
}

#[test]
fn flipped_bytes_do_not_panic() {
    let bytes = Builder::new(13)
        .input("x", &[1, 1, 4, 4])
        .floats("w", &[2, 1, 3, 3], &weights(18))
        .node(Op::new("Conv", &["x", "w"], &["c"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("MaxPool", &["c"], &["y"]).ints("kernel_shape", &[2, 2]))
        .output("y")
        .bytes();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x41;
        let _ = Model::from_bytes("m.onnx", &changed);
    }
}

/// The same for quantised files, in both forms and with most operators of networks.
#[test]
fn flipped_bytes_of_quantised_files_do_not_panic() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo");
    for file in [
        "twins/twins.qdq.onnx",
        "recorded/twins.qop-u8.onnx",
        "cnn-8x8/cnn-8x8.qdq.onnx",
        "unet-32/unet-32.onnx",
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        for position in (0..bytes.len()).step_by((bytes.len() / 600).max(1)) {
            let mut changed = bytes.clone();
            changed[position] ^= 0x41;
            let _ = Model::from_bytes("m.onnx", &changed);
        }
    }
}

#[test]
fn inputs_of_other_types() {
    let builder = |element| {
        Builder::new(13)
            .typed_input("x", element, vec![Length::DimValue(1), Length::DimValue(4)])
            .node(Op::new("Relu", &["x"], &["y"]))
            .output("y")
    };
    for (element, name) in [(DataType::String, "STRING"), (DataType::Complex64, "COMPLEX64")] {
        let expected = format!(
            "\"case.onnx\": cannot import node \"y_node\" (Relu): input \"x\": its elements are \
            {name}, expected floating point numbers, integers or booleans; convert the model and \
            export it again"
        );
        assert_eq!(refusal(builder(element)), expected);
    }
    for element in [DataType::Double, DataType::Float16] {
        assert!(
            Model::from_bytes("case.onnx", &builder(element).bytes()).unwrap().inputs()[0]
                .grid
                .is_none()
        );
    }
    let bytes = Model::from_bytes("case.onnx", &builder(DataType::Uint8).bytes()).unwrap();
    assert_eq!(bytes.inputs()[0].grid, Some(Grid::integers(0, 255)));
}

#[test]
fn models_that_contradict_themselves() {
    let undefined =
        Builder::new(13).input("x", &[1]).node(Op::new("Add", &["x", "q"], &["y"])).output("y");
    assert_eq!(
        refusal(undefined),
        "\"case.onnx\" is not a valid ONNX model: node \"y_node\" reads \"q\", which nothing \
        before it defines; check it with `onnx.checker.check_model`"
    );
    let no_output =
        Builder::new(13).input("x", &[1]).node(Op::new("Relu", &["x"], &["y"])).output("z");
    assert!(refusal(no_output).contains("nothing defines output \"z\""));
    let wrong_size = Builder::new(13)
        .input("x", &[1, 4])
        .floats("w", &[4, 2], &weights(7))
        .node(Op::new("MatMul", &["x", "w"], &["y"]))
        .output("y");
    assert!(
        refusal(wrong_size).contains("initialiser \"w\": 7 elements for shape [4, 2], expected 8")
    );
    let no_input = Builder::new(13)
        .floats("c", &[1], &[1.0])
        .node(Op::new("Relu", &["c"], &["y"]))
        .output("y");
    assert!(refusal(no_input).contains("inputs: there is none for its nodes (Relu)"));
}

#[test]
fn constants_that_are_not_finite() {
    let builder = Builder::new(13)
        .input("x", &[1, 1])
        .floats("w", &[1, 1], &[f32::NAN])
        .node(Op::new("MatMul", &["x", "w"], &["y"]))
        .output("y");
    assert!(refusal(builder).contains("node \"y_node\" (MatMul): weights: it holds NaN"));
}

#[test]
fn refused_attributes_and_operands() {
    let pool = |operator: &str| Op::new(operator, &["x"], &["y"]).ints("kernel_shape", &[2, 2]);
    let cases = [
        (
            reason(13, &[1, 4], pool("MaxPool")),
            "its input has shape [1, 4], expected one to three dimensions behind batch and \
                channels",
        ),
        (
            reason(13, &[1, 1, 4, 4], pool("MaxPool").ints("pads", &[2, 0, 0, 0])),
            "one of its windows lies entirely on padding",
        ),
        (
            reason(13, &[1, 1, 4, 4], pool("MaxPool").ints("strides", &[0, 1])),
            "attribute `strides` is [0, 1], expected 2 numbers from 1 to 268435456",
        ),
        (
            reason(13, &[1, 1, 4, 4], pool("AveragePool").int("ceiling", 1)),
            "attribute \"ceiling\" is not supported",
        ),
        (
            reason(13, &[1, 1, 4, 4], pool("AveragePool").ints("ceil_mode", &[1])),
            "attribute `ceil_mode` is INTS, expected INT",
        ),
        (
            reason(13, &[1, 1, 1, 1], pool("MaxPool")),
            "its window (kernel [2, 2], dilations [1, 1], pads [0, 0, 0, 0]) does not fit an input \
            of [1, 1]",
        ),
        (
            reason(13, &[1, 4], Op::new("Relu", &["x"], &["y"]).domain("ai.onnx.ml")),
            "this operator is not supported",
        ),
        (
            reason(
                9,
                &[1, 4],
                Op::new("Pad", &["x"], &["y"]).ints("pads", &[0, 1, 0, 0]).float("value", f32::NAN),
            ),
            "attribute `value` is not a number",
        ),
        (
            reason(
                9,
                &[1, 4],
                Op::new("Pad", &["x"], &["y"]).string("mode", "mirror").ints("pads", &[0, 0, 0, 0]),
            ),
            "attribute `mode` is \"mirror\"",
        ),
        (
            reason(9, &[1, 4], Op::new("Pad", &["x"], &["y"]).ints("pads", &[0, -2, 0, -2])),
            "its pads [0, -2, 0, -2] leave nothing of dimension 1 of [1, 4]",
        ),
        (
            reason(9, &[1, 4], Op::new("Clip", &["x"], &["y"]).float("min", f32::INFINITY)),
            "its bounds inf and inf leave nothing between them",
        ),
        (
            reason(13, &[1, 4], Op::new("Clip", &["x"], &["y"]).float("min", 0.0)),
            "since opset 11 its bounds are inputs, not attributes",
        ),
        (
            reason(
                9,
                &[1, 4],
                Op::new("Slice", &["x"], &["y"])
                    .ints("starts", &[4])
                    .ints("ends", &[9])
                    .ints("axes", &[1]),
            ),
            "\"case.onnx\": output \"y\": it is a constant (made by Slice), so there is nothing to \
            prove; remove it",
        ),
        (
            reason(13, &[1, 4], Op::new("Transpose", &["x"], &["y"]).ints("perm", &[0, 0])),
            "attribute `perm` is [0, 0], expected a permutation of 2 dimensions",
        ),
        (
            reason(13, &[1, 4], Op::new("Reshape", &["x", "x"], &["y"])),
            "input 1 (\"x\") is computed, expected a constant; export with fixed shapes (without \
            `dynamic_axes` or `dynamic_shapes`; tf2onnx: `--inputs x:0[1,3,224,224]`) and fold \
            what is constant with `onnxsim`",
        ),
        (
            reason(13, &[1, 4], Op::new("Concat", &["x", "x"], &["y"])),
            "attribute `axis` is missing",
        ),
        (
            reason(13, &[1, 4], Op::new("Squeeze", &["x"], &["y"]).ints("axes", &[1])),
            "dimension 1 of [1, 4] is not 1 and cannot be dropped",
        ),
        (
            reason(13, &[1, 4], Op::new("Softmax", &["x"], &["y"]).int("axis", 5)),
            "axis 5 does not exist in a tensor of 2 dimensions",
        ),
    ];
    for (index, (found, expected)) in cases.iter().enumerate() {
        let found = found.split_once("): ").map_or(found.as_str(), |(_, reason)| reason);
        assert_eq!(found, *expected, "case {index}");
    }
}

#[test]
fn a_second_output_that_is_read() {
    let builder = Builder::new(13)
        .input("x", &[1, 1, 4, 4])
        .node(Op::new("MaxPool", &["x"], &["p", "indices"]).ints("kernel_shape", &[2, 2]))
        .output("p")
        .output("indices");
    assert!(
        refusal(builder)
            .contains("node \"p_node\" (MaxPool): its output \"indices\" is not supported")
    );
}

/// Classical models are refused with what can be proven in their place.
#[test]
fn classical_models_are_told_what_to_export() {
    for (operator, helps) in [
        ("LinearRegressor", "one `torch.nn.Linear` with the model's `coef_`"),
        ("SVMClassifier", "with a linear kernel it is one `torch.nn.Linear`"),
        ("Scaler", "scale the data before the proof"),
        ("TreeEnsembleRegressor", "a linear model or a small neural network can"),
    ] {
        let node = Op::new(operator, &["x"], &["y"]).domain("ai.onnx.ml");
        let said = refusal(Builder::new(13).input("x", &[1, 4]).node(node).output("y"));
        assert!(said.contains(helps), "{said}");
    }
}

#[test]
fn what_no_output_needs_is_not_looked_at() {
    let model =
        Model::from_bytes("case.onnx", &relu().node(Op::new("Elu", &["x"], &["unused"])).bytes());
    assert_eq!(model.unwrap().graph().nodes.len(), 1);
}

#[test]
fn wrong_inputs_to_the_float_model() {
    let model = Model::from_bytes("case.onnx", &relu().bytes()).unwrap();
    let message = model.run(&[ndarray::ArrayD::zeros(vec![4])]).unwrap_err().to_string();
    assert_eq!(message, "\"case\" expects \"x\" [1, 4], but shapes [[4]] were given");
}
