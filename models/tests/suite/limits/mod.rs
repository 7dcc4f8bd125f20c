//! Files of a few bytes that ask for a great deal: each is refused from its shapes, by the node
//! that asks and with what to do.

mod long;

use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{refusal, weights};

const ADVICE: &str = "give it smaller inputs (`--shape` and `--dim` set what the file \
    leaves open), or cut the file in pieces (`onnx.utils.extract_model`) and prove each by itself";

/// The file has at most so many bytes, and the refusal says all of these.
#[track_caller]
fn refused(builder: Builder, bytes: usize, parts: &[&str]) {
    let size = builder.clone().bytes().len();
    assert!(size <= bytes, "{size} bytes");
    let message = refusal(builder);
    for part in parts {
        assert!(message.contains(part), "{part}\nnot in {message}");
    }
}

/// One node over `x`.
fn single(shape: &[i64], op: Op) -> Builder {
    Builder::new(17).input("x", shape).node(op).output("y")
}

/// A constant of any shape and number: a few bytes.
fn constant_of_shape(builder: Builder, name: &str, shape: &[i64], number: f32) -> Builder {
    let (list, value) = (
        format!("{name}_shape"),
        zkinfer_models::testing::onnx::float_tensor("v", &[1], &[number]),
    );
    builder
        .integers(&list, shape)
        .node(Op::new("ConstantOfShape", &[&list], &[name]).tensor("value", value))
}

#[test]
fn one_node_over_the_largest_input() {
    let relu = single(&[1, 1 << 28], Op::new("Relu", &["x"], &["y"]));
    refused(
        relu,
        200,
        &[
            "node \"y_node\" (Relu) makes the network too large: its shape [1, 268435456] makes \
            at least 268435456 elements of a circuit, \
             what is before it 268435456, and a circuit has at most 268435456 in all; ",
            ADVICE,
        ],
    );
    let input = single(&[1, 1 << 29], Op::new("Relu", &["x"], &["y"]));
    refused(
        input,
        200,
        &[
            "input \"x\": its shape [1, 536870912] has 536870912 elements, and a circuit at most \
            268435456 in all",
            ADVICE,
        ],
    );
    let rank = single(&[1; 9], Op::new("Relu", &["x"], &["y"]));
    refused(rank, 200, &["input \"x\": its shape has 9 dimensions, expected at most 8"]);
}

#[test]
fn operators_that_grow() {
    let list =
        |name: &'static str, numbers: &[i64], op: Op| single(&[1, 4], op).integers(name, numbers);
    let too_many = |shape: &str| format!("shape {shape} has");
    let expand = list("s", &[1 << 13, 1 << 14, 4], Op::new("Expand", &["x", "s"], &["y"]));
    refused(
        expand,
        200,
        &[
            "node \"y_node\" (Expand): ",
            &too_many("[8192, 16384, 4]"),
            "536870912 elements",
            ADVICE,
        ],
    );
    let pad = list("p", &[1 << 13, 1 << 14, 1 << 13, 1 << 14], Op::new("Pad", &["x", "p"], &["y"]));
    refused(
        pad,
        200,
        &["node \"y_node\" (Pad): ", "shape [16385, 32772] has 536969220 elements", ADVICE],
    );
    let edge = Op::new("Pad", &["x", "p"], &["y"]).string("mode", "edge");
    refused(
        list("p", &[1 << 13, 1 << 14, 1 << 13, 1 << 14], edge),
        200,
        &["node \"y_node\" (Pad): ", "has 536969220 elements", ADVICE],
    );
    // Small enough by itself, but not beside what is there: that is asked before it is put
    // together.
    let beside = Op::new("Pad", &["x", "p"], &["y"]).string("mode", "edge");
    let beside = single(&[1, 1 << 27], beside).integers("p", &[0, 1 << 26, 0, 1 << 26]);
    refused(
        beside,
        200,
        &[
            "(Pad): its shape [1, 268435456] has 268435456 elements, what is before it 134217728, \
            and a circuit",
            ADVICE,
        ],
    );
    let tile = list("r", &[1 << 13, 1 << 13], Op::new("Tile", &["x", "r"], &["y"]));
    refused(tile, 200, &["node \"y_node\" (Tile): ", "[8192, 32768]", ADVICE]);
    let resize = Op::new("Resize", &["x", "", "", "s"], &["y"]);
    refused(
        list("s", &[1_000, 1_000_000], resize),
        200,
        &["node \"y_node\" (Resize): ", "[1000, 1000000]", ADVICE],
    );
    let linear = single(
        &[1, 1, 40_000],
        Op::new("Resize", &["x", "", "", "s"], &["y"]).string("mode", "linear"),
    );
    let linear = linear.integers("s", &[1, 1, 1_000_000]);
    refused(
        linear,
        200,
        &["node \"y_node\" (Resize): the matrix that it is: ", "40000000000 elements"],
    );
    let split = Op::new("Split", &["x", "l"], &["y", "z", "w"]).int("axis", 1);
    let split = list("l", &[i64::MAX, i64::MAX, 6], split).output("z").output("w");
    refused(
        split,
        250,
        &["node \"y_node\" (Split): parts [9223372036854775807, 9223372036854775807, 6] of a \
            dimension of 4"],
    );
    let transposed = single(
        &[1, 1, 3000],
        Op::new("ConvTranspose", &["x", "w"], &["y"]).ints("strides", &[1 << 20]),
    );
    refused(
        transposed.floats("w", &[1, 1, 2], &[1.0, 1.0]),
        250,
        &["node \"y_node\" (ConvTranspose): ", "1048576]", ADVICE],
    );
    // Both operands are small, their sum is not.
    let sum = Builder::new(17).input("x", &[1, 1 << 14]).input("z", &[1 << 14, 1]);
    let sum = sum.node(Op::new("Add", &["x", "z"], &["y"])).output("y");
    refused(sum, 200, &["node \"y_node\" (Add): ", "[16384, 16384]", ADVICE]);
    let product =
        constant_of_shape(Builder::new(17).input("x", &[1 << 14, 1]), "w", &[1, 1 << 14], 1.0);
    let product = product
        .floats("b", &[1], &[1.0])
        .node(Op::new("Gemm", &["x", "w", "b"], &["y"]))
        .output("y");
    refused(product, 300, &["node \"y_node\" (Gemm): ", "[16384, 16384]", ADVICE]);
    let gathered =
        constant_of_shape(Builder::new(17).input("x", &[1, 64]), "f", &[1 << 12, 1 << 12], 1.0);
    let gathered = gathered.node(Op::new("Cast", &["f"], &["i"]).int("to", DataType::Int64 as i64));
    let gathered = gathered.node(Op::new("Gather", &["x", "i"], &["y"]).int("axis", 0)).output("y");
    refused(gathered, 300, &["(Gather): "]);
}

#[test]
fn constants_that_grow() {
    let with = |constant: Builder| constant.node(Op::new("Add", &["x", "c"], &["y"])).output("y");
    let x = || Builder::new(17).input("x", &[1, 1]);
    let mut doubled = x().floats("c0", &[1, 1], &[1.0]);
    for step in 0..40 {
        let (from, to) = (
            format!("c{step}"),
            if step == 39 { "c".to_owned() } else { format!("c{}", step + 1) },
        );
        doubled = doubled.node(Op::new("Concat", &[&from, &from], &[&to]).int("axis", 1));
    }
    refused(
        with(doubled),
        2500,
        &[
            "node \"c25_node\" (Concat): its shape [1, 33554432]: its constants: 33554432 elements \
            more",
            "16 times what the file holds",
        ],
    );
    refused(
        with(constant_of_shape(x(), "c", &[1 << 20, 1 << 20], 1.0)),
        200,
        &["node \"c_node\" (ConstantOfShape): ", "[1048576, 1048576]"],
    );
    let range = x().integers("a", &[0]).integers("b", &[1 << 40]).integers("d", &[1]);
    refused(
        with(range.node(Op::new("Range", &["a", "b", "d"], &["c"]))),
        250,
        &["node \"c_node\" (Range): ", "[1099511627776]"],
    );
    let expand = x().floats("a", &[1], &[1.0]).integers("s", &[1 << 20, 1 << 20]);
    refused(
        with(expand.node(Op::new("Expand", &["a", "s"], &["c"]))),
        250,
        &["node \"c_node\" (Expand): ", "[1048576, 1048576]"],
    );
    let tile = x().floats("a", &[1, 1], &[1.0]).integers("r", &[1 << 16, 1 << 16]);
    refused(
        with(tile.node(Op::new("Tile", &["a", "r"], &["c"]))),
        250,
        &["node \"c_node\" (Tile): ", "[65536, 65536]"],
    );
    let sum = x().floats("a", &[1], &[1.0]);
    let sum =
        constant_of_shape(constant_of_shape(sum, "p", &[1, 1 << 20], 1.0), "q", &[1 << 20, 1], 1.0);
    refused(
        with(sum.node(Op::new("Mul", &["p", "q"], &["c"]))),
        350,
        &["node \"c_node\" (Mul): ", "[1048576, 1048576]"],
    );
    let places = constant_of_shape(x().integers("z", &[0]), "f", &[1 << 20], 0.0);
    let places = places.node(Op::new("Cast", &["f"], &["i"]).int("to", DataType::Int64 as i64));
    let rows = constant_of_shape(places, "t", &[1, 1 << 20], 1.0);
    refused(
        with(rows.node(Op::new("Gather", &["t", "i"], &["c"]).int("axis", 0))),
        400,
        &["node \"c_node\" (Gather): "],
    );
}

/// Constants within the limits, but computed with again and again: what an import reads and makes
/// has an end.
#[test]
fn constants_that_are_chained() {
    for operator in ["Neg", "Transpose", "ReduceMax"] {
        let mut chain =
            constant_of_shape(Builder::new(17).input("x", &[1, 1]), "c0", &[1 << 10, 1 << 10], 1.0);
        for step in 0..200 {
            let (from, to) = (format!("c{step}"), format!("c{}", step + 1));
            let (from, to) = if operator == "ReduceMax" {
                ("c0", to.as_str())
            } else {
                (from.as_str(), to.as_str())
            };
            chain = chain.node(Op::new(operator, &[from], &[to]));
        }
        let all: Vec<String> = (0..=200).map(|step| format!("c{step}")).collect();
        let all: Vec<&str> = std::iter::once("x").chain(all.iter().map(String::as_str)).collect();
        let builder = chain.node(Op::new("Sum", &all, &["y"])).output("y");
        let message = refusal(builder);
        assert!(
            message.contains(
                "all constants together may be 134217728 and 16 times what the file holds"
            ),
            "{message}"
        );
        // Once is enough: what comes behind has no room either.
        assert_eq!(message.matches("its constants: ").count(), 1, "{message}");
    }
}

#[test]
fn work_out_of_proportion() {
    // A kernel of 2^24 weights at 2^24 places.
    let conv = constant_of_shape(
        Builder::new(17).input("x", &[1, 1, 4000, 4000]),
        "w",
        &[1, 1, 3999, 3999],
        1.0,
    );
    let conv = conv.node(Op::new("Conv", &["x", "w"], &["y"]).ints("pads", &[1999; 4])).output("y");
    refused(
        conv,
        300,
        &[
            "node \"y_node\" (Conv): its result of shape [1, 1, 4000, 4000] takes 255872016000000 \
            multiplications",
            ADVICE,
        ],
    );
    let pool = |operator: &str| {
        let kernel = Op::new(operator, &["x"], &["y"])
            .ints("kernel_shape", &[3999; 2])
            .ints("pads", &[1999; 4]);
        single(&[1, 1, 4000, 4000], kernel)
    };
    for operator in ["MaxPool", "AveragePool"] {
        refused(
            pool(operator),
            250,
            &[&format!("node \"y_node\" ({operator}): "), "multiplications", ADVICE],
        );
    }
    // A window far longer than the line that it slides over.
    let long = Op::new("AveragePool", &["x"], &["y"])
        .ints("kernel_shape", &[1 << 23])
        .ints("pads", &[1 << 23, 1 << 23]);
    let model =
        Model::from_bytes("m.onnx", &single(&[1, 1, 1], long.int("count_include_pad", 1)).bytes());
    assert_eq!(model.unwrap().graph().shape(1), [1, 1, (1 << 23) + 2]);
    // The same layer for each of many batches.
    let batches = constant_of_shape(
        Builder::new(17).input("x", &[512, 1, 32, 32]),
        "w",
        &[1 << 10, 1, 32, 32],
        1.0,
    );
    let batches = batches.node(Op::new("Conv", &["x", "w"], &["y"])).output("y");
    refused(batches, 300, &["node \"y_node\" (Conv): its constants: "]);
    let nodes = single(&[1 << 17, 1, 1, 1], Op::new("Conv", &["x", "w"], &["y"])).floats(
        "w",
        &[1, 1, 1, 1],
        &[1.0],
    );
    refused(
        nodes,
        250,
        &["node \"y_node\" (Conv): the network becomes more than 65536 operators", ADVICE],
    );
}

/// A real network at a resolution that no circuit has room for. It used to be calibrated first.
#[test]
fn a_network_at_a_large_resolution() {
    let network = |size: i64| {
        Builder::new(17)
            .input("x", &[1, 3, size, size])
            .floats("k", &[64, 3, 3, 3], &weights(64 * 27))
            .floats("l", &[64, 64, 3, 3], &weights(64 * 64 * 9))
            .node(Op::new("Conv", &["x", "k"], &["a"]).ints("pads", &[1; 4]))
            .node(Op::new("Relu", &["a"], &["r"]))
            .node(Op::new("Conv", &["r", "l"], &["b"]).ints("pads", &[1; 4]))
            .node(Op::new("Relu", &["b"], &["c"]))
            .node(Op::new("GlobalAveragePool", &["c"], &["y"]))
            .output("y")
    };
    let message = refusal(network(1024));
    for part in
        ["node \"b_node\" (Conv)", "[1, 64, 1024, 1024]", "at most 268435456 in all", ADVICE]
    {
        assert!(message.contains(part), "{message}");
    }
    // Convolutions, what they are rounded to, and what is read again with zero subtracted: six
    // tensors, of which five are too many here.
    let message = refusal(network(896));
    assert!(
        message.contains(
            "node \"y_node\" (AveragePool) makes the network too large: it reads 51380224 elements"
        ),
        "{message}"
    );
    assert!(Model::from_bytes("m.onnx", &network(512).bytes()).is_ok());
}

/// Nothing is read of a tensor whose shape says too much, or of too many of them.
#[test]
fn stored_constants() {
    let tensor = |name: &str, dims: &[i64]| TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        ..TensorProto::default()
    };
    let builder = |tensor| single(&[1, 1], Op::new("Add", &["x", "c"], &["y"])).tensor(tensor);
    refused(
        builder(tensor("c", &[1 << 29])),
        200,
        &["initialiser \"c\": its shape [536870912] has 536870912 elements"],
    );
    refused(builder(tensor("c", &[0, i64::MAX])), 200, &["initialiser \"c\": its shape"]);
    refused(
        builder(tensor("c", &[1; 9])),
        200,
        &["initialiser \"c\": its shape has 9 dimensions, expected at most 8"],
    );
}
