//! Indices that are made of others: those that count from the end by themselves are the index, all
//! else is computed.

use zkinfer_models::Model;
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::{Builder, Op};

use super::integers::{tensor, typed};
use crate::support::{weights, whole_case};

/// Keras adds the number of rows to negative indices, by a condition and products.
#[test]
fn an_index_that_counts_from_the_end_by_itself() {
    let builder = typed(DataType::Int32, &[1, 3])
        .floats("table", &[50, 8], &weights(400))
        .floats("zero", &[], &[0.0])
        .integers("rows", &[50])
        .node(Op::new("Cast", &["x"], &["real"]).int("to", 1))
        .node(Op::new("Less", &["real", "zero"], &["negative"]))
        .node(Op::new("Cast", &["negative"], &["back"]).int("to", 6))
        .node(Op::new("Add", &["x", "rows"], &["end"]))
        .node(Op::new("Mul", &["back", "end"], &["one"]))
        .node(Op::new("Not", &["negative"], &["rest"]))
        .node(Op::new("Cast", &["rest"], &["front"]).int("to", 6))
        .node(Op::new("Mul", &["x", "front"], &["other"]))
        .node(Op::new("Add", &["one", "other"], &["index"]))
        .node(Op::new("Gather", &["table", "index"], &["y"]))
        .output("y");
    let case = whole_case(builder, 0, 40);
    assert_eq!(case.operators().last(), Some(&"Lookup"), "{:?}", case.operators());
    assert!(case.operators().iter().all(|&name| name == "Lookup" || name == "Reshape"));
    let input = &case.quantised.graph.inputs[0];
    assert_eq!((input.minimum, input.maximum), (0, 49), "rows that no sample has, too");
    // Half a step of the table, of which samples have some rows.
    assert!(case.distance() <= 0.6, "{}", case.distance());
}

/// What moves an index among the rows, or means other rows of another table, is computed: a table
/// of 4 rows, and one of 6 that counts from its own end.
#[test]
fn an_index_that_is_made_of_another_is_computed() {
    let base = || {
        typed(DataType::Int32, &[1, 4])
            .floats("table", &[4, 2], &weights(8))
            .floats("other", &[6, 2], &weights(12))
            .integers("zero", &[0])
            .integers("two", &[2])
            .integers("rows", &[4])
            .node(Op::new("Less", &["x", "zero"], &["negative"]))
    };
    let wrapped = || {
        base()
            .node(Op::new("Add", &["x", "rows"], &["end"]))
            .node(Op::new("Where", &["negative", "end", "x"], &["index"]))
            .node(Op::new("Gather", &["table", "index"], &["y"]))
    };
    let both = wrapped().node(Op::new("Gather", &["other", "index"], &["z"])).output("z");
    let mirrored = base()
        .node(Op::new("Neg", &["x"], &["positive"]))
        .node(Op::new("Where", &["negative", "positive", "x"], &["index"]))
        .node(Op::new("Gather", &["table", "index"], &["y"]));
    let short = base()
        .node(Op::new("Min", &["x", "two"], &["most"]))
        .node(Op::new("Where", &["negative", "x", "most"], &["index"]))
        .node(Op::new("Gather", &["table", "index"], &["y"]));
    let made = |builder: Builder| {
        let mut model = Model::from_bytes("case.onnx", &builder.output("y").bytes()).unwrap();
        model.declare_range("x", [-3.0, 3.0]).unwrap();
        model.quantise(&model.calibrate_input_range(0.0, 1.0).unwrap())
    };
    let row = |index: i64| (index + 4) % 4;
    let forms: [(Builder, &dyn Fn(i64) -> i64); 3] =
        [(wrapped(), &row), (mirrored, &i64::abs), (short, &|index| row(index.min(2)))];
    for (builder, row) in forms {
        let graph = made(builder).unwrap().graph;
        for sample in [[-3.0, -2.0, -1.0, 0.0], [0.0, 1.0, 2.0, 3.0]] {
            let inputs = graph.quantise_inputs(&[tensor(&[1, 4], &sample)]).unwrap();
            let found = &graph.dequantise_outputs(&interpreter::run(&graph, &inputs).unwrap())[0];
            let rows = sample.iter().map(|&index| row(index as i64) as usize);
            let expected =
                rows.flat_map(|row| [0, 1].map(|at| f64::from(weights(8)[2 * row + at])));
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.005), "{sample:?}");
        }
    }
    let said = made(both).unwrap_err().to_string();
    assert!(said.contains("an index from -3 to 7"), "{said}");
}
