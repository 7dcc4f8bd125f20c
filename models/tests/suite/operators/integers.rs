//! Integers as inputs and within a network: indices, features, counts, comparisons. What is whole
//! stays whole, exactly.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::Operator;
use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model};

use crate::support::{Case, case, refusal, weights, whole_case};

fn lengths(shape: &[i64]) -> Vec<Length> {
    shape.iter().map(|&length| Length::DimValue(length)).collect()
}

pub(super) fn tensor(shape: &[usize], elements: &[f32]) -> ArrayD<f32> {
    ArrayD::from_shape_vec(shape.to_vec(), elements.to_vec()).unwrap()
}

/// `x` of some element type and shape.
pub(super) fn typed(element: DataType, shape: &[i64]) -> Builder {
    Builder::new(17).typed_input("x", element, lengths(shape))
}

/// The integer network answers as the float one, exactly.
fn exact(case: &Case) {
    assert_eq!(case.distance(), 0.0, "{:?}", case.operators());
}

/// What the network of a case makes of whole numbers.
fn answer(case: &Case, inputs: &[ArrayD<f32>]) -> Vec<f64> {
    let graph = &case.quantised.graph;
    let outputs = interpreter::run(graph, &graph.quantise_inputs(inputs).unwrap()).unwrap();
    graph.dequantise_outputs(&outputs)[0].iter().copied().collect()
}

fn embedding(rows: i64, width: i64) -> Builder {
    typed(DataType::Int64, &[1, 3])
        .floats("table", &[rows, width], &weights((rows * width) as usize))
        .node(Op::new("Gather", &["table", "x"], &["y"]))
        .output("y")
}

#[test]
fn rows_of_a_table_by_an_index() {
    let case = whole_case(embedding(50, 8), 0, 49);
    assert_eq!(case.operators(), ["Lookup"]);
    assert!(case.distance() <= 0.5, "{}", case.distance());
    let input = &case.quantised.graph.inputs[0];
    assert_eq!((input.minimum, input.maximum, input.quantisation.scale), (0, 49, 1.0));
    assert_eq!(case.integers()[0].shape(), [1, 3, 8]);
    assert!(case.model.notes()[0].contains("an index of a table of 50 rows"));
}

/// An input has 16 bits, however long its table is.
#[test]
fn rows_that_no_input_reaches() {
    let case = whole_case(embedding((1 << 16) + 3, 1), 0, 9);
    let notes = case.model.notes();
    assert!(notes[0].contains("one of 0..=65535, the most that 16 bits say"), "{notes:?}");
    assert_eq!(case.quantised.graph.inputs[0].maximum, 65_535);
}

/// The proof is about the index itself, so no other may take its place.
#[test]
fn an_index_outside_the_table_is_refused() {
    let case = whole_case(embedding(50, 8), 0, 49);
    for (outside, shown) in [(50.0, "50"), (-1.0, "-1"), (2.5, "2.5")] {
        let inputs = [tensor(&[1, 3], &[0.0, outside, 1.0])];
        let message = case.quantised.graph.quantise_inputs(&inputs).unwrap_err().to_string();
        assert!(message.contains(&format!("input \"x\" holds {shown}, but it is an index")));
        let dataset = Dataset::new(vec![inputs.to_vec()], None).unwrap();
        let message = case.model.calibrate(&dataset).unwrap_err().to_string();
        assert!(message.contains(&format!("holds {shown} for input \"x\"")), "{message}");
    }
}

/// Negative indices count from the end, where a range allows them; ranges are within the table.
#[test]
fn indices_have_the_range_that_is_declared() {
    let model = || Model::from_bytes("case.onnx", &embedding(50, 2).bytes()).unwrap();
    let quantised = |ends: [f32; 2]| {
        let mut model = model();
        model.declare_range("x", ends).unwrap();
        model.quantise(&model.calibrate_input_range(0.0, 1.0).unwrap())
    };
    let graph = quantised([-50.0, -1.0]).unwrap().graph;
    let inputs = graph.quantise_inputs(&[tensor(&[1, 3], &[-50.0, -1.0, -49.0])]).unwrap();
    let found = &graph.dequantise_outputs(&interpreter::run(&graph, &inputs).unwrap())[0];
    let table = weights(100);
    let expected = [table[0], table[1], table[98], table[99], table[2], table[3]];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - f64::from(b)).abs() < 0.005));
    let few = quantised([3.0, 5.0]).unwrap().graph;
    let Operator::Lookup { minimum: 3, values } = &few.nodes[0].operator else {
        panic!("{:?}", few.nodes);
    };
    assert_eq!(values.len(), 6, "rows that no index reaches are left out");
    let message = quantised([0.0, 50.0]).unwrap_err().to_string();
    assert!(message.contains("a table of 50 rows by an index from 0 to 50"), "{message}");
}

#[test]
fn ranges_that_no_input_can_have_are_refused() {
    let refused = |builder: Builder, name: &str, ends: [f32; 2], expected: &str| {
        let mut model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
        let message = model.declare_range(name, ends).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let cast = |element| {
        typed(element, &[2]).node(Op::new("Cast", &["x"], &["y"]).int("to", 1)).output("y")
    };
    refused(cast(DataType::Int64), "z", [0.0, 1.0], "its inputs are \"x\"");
    refused(cast(DataType::Int64), "x", [1.0, 0.0], "the first not above the second");
    refused(cast(DataType::Int64), "x", [0.0, f32::INFINITY], "two finite numbers");
    refused(cast(DataType::Int64), "x", [0.0, 1.5], "its elements are integers");
    refused(cast(DataType::Uint8), "x", [0.0, 256.0], "holds 0..=255 only");
    refused(cast(DataType::Uint64), "x", [-1.0, 1.0], "its element type holds 0..=");
    refused(cast(DataType::Float), "x", [1.0, 1.0], "the first number below the second");
}

/// Without a table, integers have the range that calibration sees.
#[test]
fn features_that_are_integers() {
    let features = |element| {
        typed(element, &[1, 10])
            .floats("w", &[10, 4], &weights(40))
            .node(Op::new("Cast", &["x"], &["f"]).int("to", 1))
            .node(Op::new("Gemm", &["f", "w"], &["y"]))
            .output("y")
    };
    for element in [DataType::Int32, DataType::Int64, DataType::Uint32, DataType::Uint64] {
        let case = whole_case(features(element), 0, 99);
        assert_eq!(case.operators(), ["Linear"]);
        let input = &case.quantised.graph.inputs[0];
        assert_eq!((input.minimum, input.quantisation.scale), (0, 1.0));
        assert!((90..=99).contains(&input.maximum), "{input:?}");
        assert!(case.distance() < 1.0, "{}", case.distance());
        let notes = &case.quantised.report.notes;
        assert!(notes[0].contains("holds integers and is quantised for 0..="), "{notes:?}");
    }
    let wide = whole_case(features(DataType::Int64), 0, 1_000_000);
    assert!(wide.quantised.graph.inputs[0].quantisation.scale > 3000.0);
    let notes = &wide.quantised.report.notes;
    assert!(notes[0].contains("too many to be kept one by one"), "{notes:?}");
    assert!(wide.distance() < 3.0, "{}", wide.distance());
}

/// A range of 16 bits, whatever calibration saw of it.
#[test]
fn features_of_a_declared_range() {
    let builder = typed(DataType::Int64, &[1, 2])
        .node(Op::new("Cast", &["x"], &["y"]).int("to", 1))
        .output("y");
    let mut model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    model.declare_range("x", [-1000.0, 30_000.0]).unwrap();
    let seen = Dataset::new(vec![vec![tensor(&[1, 2], &[3.0, 4.0])]], None).unwrap();
    let graph = model.quantise(&model.calibrate(&seen).unwrap()).unwrap().graph;
    let inputs = graph.quantise_inputs(&[tensor(&[1, 2], &[-1000.0, 29_999.0])]).unwrap();
    assert_eq!(graph.dequantise_outputs(&inputs)[0].as_slice().unwrap(), [-1000.0, 29_999.0]);
    // A float input: its range rather than what calibration saw.
    let builder =
        Builder::new(17).input("x", &[2]).node(Op::new("Relu", &["x"], &["y"])).output("y");
    let mut model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    model.declare_range("x", [-1.0, 254.0]).unwrap();
    let seen = Dataset::new(vec![vec![tensor(&[2], &[0.0, 1.0])]], None).unwrap();
    let graph = model.quantise(&model.calibrate(&seen).unwrap()).unwrap().graph;
    assert_eq!(graph.inputs[0].quantisation.scale, 1.0);
}

#[test]
fn arithmetic_on_integers_is_exact() {
    let number = |builder: Builder, name: &str, value: i64| builder.integers(name, &[value]);
    let two = |operator: &str| {
        let builder = typed(DataType::Int64, &[6]);
        let builder = number(number(builder, "c", 7), "d", -3);
        builder
            .node(Op::new(operator, &["x", "c"], &["z"]))
            .node(Op::new("Mul", &["z", "d"], &["y"]))
            .output("y")
    };
    for operator in ["Add", "Sub", "Mul", "Div", "Mod"] {
        exact(&whole_case(two(operator), 0, 300));
    }
    let pair = |operator: &str| {
        typed(DataType::Int32, &[6])
            .typed_input("z", DataType::Int32, lengths(&[6]))
            .node(Op::new(operator, &["x", "z"], &["y"]))
            .output("y")
    };
    for operator in ["Add", "Sub", "Mul", "Max", "Min"] {
        exact(&whole_case(pair(operator), -90, 90));
    }
    for operator in ["Equal", "Less", "GreaterOrEqual"] {
        let case = whole_case(pair(operator), -20_000, 20_000);
        assert_eq!(case.operators(), ["Sum"], "by the difference");
        exact(&case);
        let ends = [tensor(&[6], &[5.0; 6]), tensor(&[6], &[4.0, 5.0, 6.0, 4.0, 5.0, 6.0])];
        let expected = match operator {
            "Equal" => [0.0, 1.0, 0.0],
            "Less" => [0.0, 0.0, 1.0],
            _ => [1.0, 1.0, 0.0],
        };
        assert_eq!(answer(&case, &ends), [expected, expected].concat());
    }
}

/// How many elements are above zero, and which share that is.
#[test]
fn counts_are_exact() {
    let builder = Builder::new(17)
        .input("x", &[1, 300])
        .floats("zero", &[1], &[0.0])
        .node(Op::new("Greater", &["x", "zero"], &["above"]))
        .node(Op::new("Cast", &["above"], &["ones"]).int("to", 1))
        .integers("axes", &[1])
        .node(Op::new("ReduceSum", &["ones", "axes"], &["y"]))
        .output("y");
    let case = case(builder);
    let graph = &case.quantised.graph;
    assert_eq!(graph.nodes.last().unwrap().quantisation.scale, 1.0);
    let counted: Vec<f32> = (0..300).map(|i| if i < 211 { 0.9 } else { -0.9 }).collect();
    assert_eq!(answer(&case, &[tensor(&[1, 300], &counted)]), [211.0]);
    assert_eq!(answer(&case, &[tensor(&[1, 300], &[0.9; 300])]), [300.0], "beyond what was seen");
}

#[test]
fn the_index_of_the_largest_within_a_network() {
    let labelled = |last: i64, smallest: bool| {
        let operator = if smallest { "ArgMin" } else { "ArgMax" };
        Builder::new(17)
            .input("x", &[1, 5])
            .node(
                Op::new(operator, &["x"], &["i"])
                    .int("axis", 1)
                    .int("keepdims", 0)
                    .int("select_last_index", last),
            )
            .integers("labels", &[400, -7, 20, 30_000, 5])
            .node(Op::new("Gather", &["labels", "i"], &["y"]))
            .integer_output("y")
    };
    let found = |last, smallest, x: &[f32]| {
        let case = case(labelled(last, smallest));
        assert!(
            case.operators().ends_with(&["TopK", "Reshape", "Lookup", "Reshape"])
                || case.operators().contains(&"Activation"),
            "{:?}",
            case.operators()
        );
        answer(&case, &[tensor(&[1, 5], x)])[0]
    };
    let x = [0.1, 0.9, -0.8, 0.9, -0.8];
    assert_eq!(found(0, false, &x), -7.0);
    assert_eq!(found(1, false, &x), 30_000.0);
    assert_eq!(found(0, true, &x), 20.0);
    assert_eq!(found(1, true, &x), 5.0);
    // What only names it another way stays the output that it was.
    let cast = Builder::new(17)
        .input("x", &[1, 5])
        .node(Op::new("ArgMax", &["x"], &["i"]).int("axis", 1).int("keepdims", 0))
        .node(Op::new("Cast", &["i"], &["y"]).int("to", 1))
        .output("y");
    let case = case(cast);
    assert_eq!(case.operators(), ["ArgMax"]);
    assert_eq!(answer(&case, &[tensor(&[1, 5], &x)]), [1.0]);
}

#[test]
fn tables_along_any_dimension() {
    let table: Vec<f32> = (0..24).map(|x| x as f32).collect();
    let gather = |axis: i64| {
        typed(DataType::Int64, &[2])
            .floats("t", &[2, 3, 4], &table)
            .node(Op::new("Gather", &["t", "x"], &["y"]).int("axis", axis))
            .output("y")
    };
    for (axis, length) in [(0, 2), (1, 3), (2, 4)] {
        let case = whole_case(gather(axis), 0, length - 1);
        let at = |index: [usize; 3]| (index[0] * 12 + index[1] * 4 + index[2]) as f64;
        let mut expected = Vec::new();
        let chosen = [length as usize - 1, 0];
        let mut shape = [2, 3, 4];
        shape[axis as usize] = 2;
        for place in 0..shape.iter().product() {
            let mut index =
                [place / (shape[1] * shape[2]), place / shape[2] % shape[1], place % shape[2]];
            index[axis as usize] = chosen[index[axis as usize]];
            expected.push(at(index));
        }
        let found = answer(&case, &[tensor(&[2], &chosen.map(|x| x as f32))]);
        assert_eq!(found, expected, "axis {axis}");
        assert_eq!(case.integers()[0].shape(), shape);
    }
    let tuples = typed(DataType::Int64, &[2, 1])
        .floats("t", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        .node(Op::new("GatherND", &["t", "x"], &["y"]))
        .output("y");
    let found = answer(&whole_case(tuples, 0, 2), &[tensor(&[2, 1], &[2.0, 0.0])]);
    assert_eq!(found, [5.0, 6.0, 1.0, 2.0]);
    let elements = typed(DataType::Int64, &[2])
        .floats("t", &[3], &[1.0, 2.0, 3.0])
        .node(Op::new("GatherElements", &["t", "x"], &["y"]))
        .output("y");
    let found = answer(&whole_case(elements, 0, 2), &[tensor(&[2], &[2.0, 1.0])]);
    assert_eq!(found, [3.0, 2.0]);
    // A single row, as RoBERTa's token types are.
    let row = typed(DataType::Int64, &[1, 2])
        .floats("t", &[1, 3], &[1.0, 2.0, 3.0])
        .node(Op::new("GatherElements", &["t", "x"], &["y"]).int("axis", 1))
        .output("y");
    let case = whole_case(row, 0, 2);
    assert_eq!(answer(&case, &[tensor(&[1, 2], &[2.0, 1.0])]), [3.0, 2.0]);
    assert_eq!(case.integers()[0].shape(), [1, 2]);
}

#[test]
fn one_hot_vectors() {
    let one_hot = |axis: i64, values: &[f32]| {
        typed(DataType::Int64, &[3])
            .integers("depth", &[4])
            .floats("v", &[2], values)
            .node(Op::new("OneHot", &["x", "depth", "v"], &["y"]).int("axis", axis))
            .output("y")
    };
    let x = [tensor(&[3], &[2.0, -1.0, 7.0])];
    let case = whole_case(one_hot(-1, &[0.0, 1.0]), -8, 8);
    let expected = [[0., 0., 1., 0.], [0., 0., 0., 1.], [0.; 4]];
    assert_eq!(answer(&case, &x), expected.concat());
    exact(&case);
    let case = whole_case(one_hot(0, &[2.0, 5.0]), -8, 8);
    let expected = [[2., 2., 2.], [2.; 3], [5., 2., 2.], [2., 5., 2.]];
    assert_eq!(answer(&case, &x), expected.concat());
    exact(&case);
}

/// Quantised to 8 bits, 1 is a little less than 1, and what is beyond 4 bits differs between
/// runtimes.
#[test]
fn what_would_be_another_integer_is_refused() {
    let one_hot = Builder::new(17)
        .input("x", &[3])
        .integers("depth", &[4])
        .floats("v", &[2], &[0.0, 1.0])
        .node(Op::new("OneHot", &["x", "depth", "v"], &["y"]))
        .output("y");
    let message = refusal(one_hot);
    assert!(message.contains("its indices are floating point numbers"), "{message}");
    for (to, name) in [(DataType::Int4, "INT4"), (DataType::Uint4, "UINT4")] {
        let cast = Op::new("Cast", &["x"], &["y"]).int("to", to as i64);
        let message = refusal(Builder::new(21).input("x", &[3]).node(cast).output("y"));
        assert!(
            message.contains(&format!("a cast to {name} of numbers that may lie")),
            "{message}"
        );
    }
}

#[test]
fn conditions_and_casts_both_ways() {
    let builder = Builder::new(17)
        .typed_input("x", DataType::Bool, lengths(&[4]))
        .node(Op::new("Cast", &["x"], &["i"]).int("to", DataType::Int64 as i64))
        .integers("c", &[3])
        .node(Op::new("Mul", &["i", "c"], &["m"]))
        .node(Op::new("Cast", &["m"], &["y"]).int("to", 1))
        .output("y");
    let case = whole_case(builder, 0, 1);
    exact(&case);
    assert_eq!(answer(&case, &[tensor(&[4], &[1.0, 0.0, 1.0, 1.0])]), [3.0, 0.0, 3.0, 3.0]);
    // Fractions are dropped, and what is left is exact.
    let builder = Builder::new(17)
        .input("x", &[4])
        .floats("ten", &[1], &[10.0])
        .node(Op::new("Mul", &["x", "ten"], &["m"]))
        .node(Op::new("Cast", &["m"], &["i"]).int("to", DataType::Int64 as i64))
        .integers("three", &[3])
        .node(Op::new("Equal", &["i", "three"], &["y"]))
        .output("y");
    let found = answer(&crate::support::case(builder), &[tensor(&[4], &[0.35, -0.35, 0.44, 0.25])]);
    assert_eq!(found, [1.0, 0.0, 0.0, 0.0]);
}

/// Rows of computed data by a computed index, in one-hot rows that multiply it: what is chosen
/// stays what it is.
#[test]
fn computed_data_at_computed_indices() {
    let builder = |data: &[i64], index: &[i64], operator: Op| {
        typed(DataType::Float, data)
            .typed_input("i", DataType::Int64, lengths(index))
            .node(operator)
            .output("y")
    };
    // A sample of each input: 1, 2, 3, … and these indices. What is put out is not rounded again.
    let chosen = |builder: Builder, count: usize, index: &[f32], last: i64| {
        let mut model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
        model.declare_range("i", [-last as f32 - 1.0, last as f32]).unwrap();
        let shapes: Vec<Vec<usize>> = model.inputs().iter().map(|i| i.shape.clone()).collect();
        let data = (1..=count).map(|x| x as f32).collect::<Vec<_>>();
        let sample = vec![tensor(&shapes[0], &data), tensor(&shapes[1], index)];
        let dataset = Dataset::new(vec![sample.clone()], None).unwrap();
        let quantised = model.quantise(&model.calibrate(&dataset).unwrap()).unwrap();
        let case = Case { model, quantised, dataset };
        let step = case.quantised.graph.inputs[0].quantisation.scale;
        answer(&case, &sample).iter().map(|x| (x / step * step).round() as i64).collect::<Vec<_>>()
    };
    let gather = |axis: i64| Op::new("Gather", &["x", "i"], &["y"]).int("axis", axis);
    let rows = builder(&[3, 2], &[2, 2], gather(0));
    assert_eq!(chosen(rows, 6, &[2.0, 0.0, -1.0, 1.0], 2), [5, 6, 1, 2, 5, 6, 3, 4]);
    let columns = builder(&[2, 3], &[2], gather(1));
    assert_eq!(chosen(columns, 6, &[2.0, 0.0], 2), [3, 1, 6, 4]);
    let elements = |axis: i64| Op::new("GatherElements", &["x", "i"], &["y"]).int("axis", axis);
    let each = builder(&[2, 3], &[1, 3], elements(0));
    assert_eq!(chosen(each, 6, &[1.0, 0.0, 1.0], 1), [4, 2, 6]);
    let each = builder(&[2, 3], &[2, 2], elements(1));
    assert_eq!(chosen(each, 6, &[2.0, 0.0, 1.0, -3.0], 2), [3, 1, 5, 4]);
    let gather = Op::new("GatherND", &["x", "i"], &["y"]).int("batch_dims", 1);
    let blocks = builder(&[2, 2, 2], &[2, 1, 1], gather);
    assert_eq!(chosen(blocks, 8, &[1.0, 0.0], 1), [3, 4, 5, 6]);
}

/// The end of a detector: the best rows, what class each is of, and which boxes go with them. An
/// index that is repeated for every column of a box is one index.
#[test]
fn the_best_of_many_boxes() {
    let number = |builder: Builder, name: &str, value: i64| builder.integers(name, &[value]);
    let builder = number(typed(DataType::Float, &[1, 12]), "classes", 3);
    let builder = number(builder, "k", 2)
        .typed_input("boxes", DataType::Float, lengths(&[1, 4, 4]))
        .integers("column", &[1, 2, 1])
        .integers("copies", &[1, 1, 4])
        .node(Op::new("TopK", &["x", "k"], &["best", "at"]))
        .node(Op::new("Div", &["at", "classes"], &["row"]))
        .node(Op::new("Mod", &["at", "classes"], &["class"]))
        .node(Op::new("Reshape", &["row", "column"], &["rows"]))
        .node(Op::new("Tile", &["rows", "copies"], &["all"]))
        .node(Op::new("GatherElements", &["boxes", "all"], &["y"]).int("axis", 1))
        .output("y")
        .output("class");
    let case = case(builder);
    let products: Vec<_> =
        case.quantised.graph.nodes.iter().filter(|n| n.operator.name() == "MatMul").collect();
    assert_eq!((products.len(), products[0].shape.as_slice()), (1, &[2, 4][..]), "one product");
    let mut scores = [0.0; 12];
    (scores[7], scores[2]) = (0.9, 0.5);
    let boxes: Vec<f32> = (0..16).map(|x| x as f32 / 16.0).collect();
    let inputs = [tensor(&[1, 12], &scores), tensor(&[1, 4, 4], &boxes)];
    let found = answer(&case, &inputs);
    let expected = (8..12).chain(0..4).map(|x| f64::from(x) / 16.0);
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1.0 / 255.0), "{found:?}");
    let graph = &case.quantised.graph;
    let outputs = interpreter::run(graph, &graph.quantise_inputs(&inputs).unwrap()).unwrap();
    assert_eq!(
        graph.dequantise_outputs(&outputs)[1].iter().copied().collect::<Vec<_>>(),
        [1.0, 2.0]
    );
}
