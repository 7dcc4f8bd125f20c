//! Sums of products that an Add reads are added as they are, and rounded once.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::{Graph, Node, Operator};
use zkinfer_models::quantise::settings::{Bits, Options, Widths};
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model, Quantised};

use crate::quantised::Grids;
use crate::support::{case, close, weights};

/// For each Convolution and Linear, whether it is rounded by itself.
fn rounded(graph: &Graph) -> Vec<bool> {
    let layers = graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Convolution { requantise, .. } | Operator::Linear { requantise, .. } => {
            Some(requantise.is_some())
        }
        _ => None,
    });
    layers.collect()
}

/// A convolution of three channels by `3·3`, and one by `1·1`.
fn block() -> Builder {
    Builder::new(17)
        .batched_input("x", &[3, 5, 5])
        .floats("w1", &[3, 3, 3, 3], &weights(81))
        .floats("w2", &[3, 3, 1, 1], &weights(9))
        .floats("b2", &[3], &[0.4, -0.3, 1.5])
        .node(Op::new("Conv", &["x", "w1"], &["a"]).ints("pads", &[1; 4]))
        .node(Op::new("Relu", &["a"], &["r"]))
        .node(Op::new("Conv", &["r", "w1"], &["c"]).ints("pads", &[1; 4]))
        .node(Op::new("Conv", &["x", "w2", "b2"], &["d"]))
}

#[test]
fn a_convolution_and_what_it_is_added_to() {
    for operator in ["Add", "Sub"] {
        for operands in [["c", "x"], ["x", "c"]] {
            let builder = block().node(Op::new(operator, &operands, &["s"]));
            let builder = builder.node(Op::new("Relu", &["s"], &["y"])).output("y");
            let case = close(builder, 4.0, &["Convolution", "Convolution", "Sum"]);
            assert_eq!(rounded(&case.quantised.graph), [true, false], "{operator} {operands:?}");
            assert_eq!(case.quantised.report.nodes[1].shift, None);
        }
    }
}

#[test]
fn two_convolutions_and_a_constant() {
    let builder = block()
        .floats("k", &[1, 3, 5, 5], &weights(75))
        .node(Op::new("Sum", &["c", "k", "d"], &["s"]))
        .node(Op::new("Sigmoid", &["s"], &["y"]))
        .output("y");
    let operators = ["Convolution", "Convolution", "Convolution", "Constant", "Sum"];
    let case = close(builder, 7.0, &operators);
    assert_eq!(rounded(&case.quantised.graph), [true, false, false]);
}

/// One operand far smaller than the other: its weights keep a few steps all the same.
#[test]
fn a_small_convolution_beside_a_large_one() {
    let small: Vec<f32> = weights(9).iter().map(|weight| weight / 300.0).collect();
    let builder = block()
        .floats("w3", &[3, 3, 1, 1], &small)
        .node(Op::new("Conv", &["x", "w3"], &["e"]))
        .node(Op::new("Add", &["e", "c"], &["y"]))
        .output("y");
    close(builder, 4.0, &["Convolution", "Convolution", "Convolution", "Sum"]);
}

#[test]
fn matrix_products_of_one_position_and_of_several() {
    let of = |rows: i64| {
        Builder::new(17)
            .input("x", &[rows, 6])
            .floats("w", &[6, 6], &weights(36))
            .node(Op::new("MatMul", &["x", "w"], &["m"]))
            .node(Op::new("Add", &["m", "x"], &["y"]))
            .output("y")
    };
    for rows in [1, 4] {
        let found = close(of(rows), 3.0, &["Linear", "Sum"]);
        assert_eq!(rounded(&found.quantised.graph), [false], "{rows}");
    }
    // Behind views that move nothing, and behind some that do.
    let viewed = |order: [i64; 3], features: i64| {
        Builder::new(17)
            .input("x", &[4, 1, 6])
            .input("z", &[1, 24 / features, features])
            .floats("w", &[6, 6], &weights(36))
            .integers("shape", &[1, 24 / features, features])
            .node(Op::new("MatMul", &["x", "w"], &["m"]))
            .node(Op::new("Transpose", &["m"], &["t"]).ints("perm", &order))
            .node(Op::new("Reshape", &["t", "shape"], &["r"]))
            .node(Op::new("Add", &["r", "z"], &["s"]))
            .node(Op::new("Tanh", &["s"], &["y"]))
            .output("y")
    };
    for (order, features, apart) in
        [([1, 0, 2], 6, false), ([1, 0, 2], 4, true), ([2, 1, 0], 6, true)]
    {
        let found = case(viewed(order, features));
        assert!(found.distance() < 5.0, "{}", found.distance());
        assert_eq!(rounded(&found.quantised.graph), [apart], "{order:?} {features}");
    }
}

/// Sums over many positions stand features first in a circuit, those of a convolution do not: an
/// Add takes one kind as it is.
#[test]
fn a_convolution_beside_a_matrix_product() {
    let builder = block()
        .floats("w", &[5, 5], &weights(25))
        .node(Op::new("MatMul", &["x", "w"], &["m"]))
        .node(Op::new("Add", &["m", "c"], &["s"]))
        .node(Op::new("Relu", &["s"], &["y"]))
        .output("y");
    let case = close(builder, 6.0, &["Convolution", "Convolution", "Linear", "Sum"]);
    assert_eq!(rounded(&case.quantised.graph), [true, true, false]);
}

/// A gate: `i·g + f·c`, as recurrent cells have it.
#[test]
fn products_are_added_as_they_are() {
    let gated = |end: &str| {
        Builder::new(17)
            .input("i", &[1, 12])
            .input("g", &[1, 12])
            .input("f", &[1, 12])
            .node(Op::new("Tanh", &["g"], &["t"]))
            .node(Op::new("Mul", &["i", "t"], &["a"]))
            .node(Op::new("Mul", &["f", "g"], &["b"]))
            .node(Op::new("Sub", &["a", "b"], &["s"]))
            .node(Op::new(end, &["s"], &["y"]))
            .output("y")
    };
    let case = close(gated("Sigmoid"), 3.0, &["Activation", "Product", "Product", "Sum"]);
    let nodes = &case.quantised.graph.nodes;
    assert!(nodes[1].operator.is_raw() && nodes[2].operator.is_raw());
    // Beside a layer, whose weights are snapped to units as fine.
    let beside = Builder::new(17)
        .input("x", &[1, 6])
        .input("z", &[1, 6])
        .floats("w", &[6, 6], &weights(36))
        .node(Op::new("MatMul", &["x", "w"], &["m"]))
        .node(Op::new("Tanh", &["z"], &["t"]))
        .node(Op::new("Mul", &["x", "t"], &["p"]))
        .node(Op::new("Add", &["m", "p"], &["s"]))
        .node(Op::new("Tanh", &["s"], &["y"]))
        .output("y");
    let case = close(beside, 3.0, &["Linear", "Activation", "Product", "Sum"]);
    assert!(case.quantised.graph.nodes[2].operator.is_raw());
}

/// Sums, averages and products that are outputs are put out as they are: they are off by what they
/// read, and by no step of 8 bits.
#[test]
fn sums_averages_and_products_are_put_out_as_they_are() {
    let operands = || {
        Builder::new(17).batched_input("x", &[2, 3, 4]).batched_input("z", &[2, 3, 4]).floats(
            "far",
            &[1, 2, 3, 4],
            &[1000.0; 24],
        )
    };
    let pool = |name: &str| {
        let pool = Op::new("AveragePool", &["x"], &["s"]).ints("kernel_shape", &[2, 2]);
        let pool = if name == "cut" { pool.ints("pads", &[1, 1, 1, 1]) } else { pool };
        operands().node(pool)
    };
    let of = |operator, second| operands().node(Op::new(operator, &["x", second], &["s"]));
    for (builder, steps) in [
        (of("Add", "z"), 0.51),
        (of("Sub", "z"), 0.51),
        // Far from zero 8 bits would leave steps of four.
        (of("Add", "far"), 0.002),
        (of("Mul", "z"), 1.01),
        (pool("cut"), 0.51),
        (pool("whole"), 0.8),
        (operands().node(Op::new("GlobalAveragePool", &["x"], &["s"])), 0.8),
    ] {
        let plain = case(builder.clone().output("s"));
        let last = plain.quantised.graph.nodes.last().unwrap();
        assert!(last.operator.is_raw(), "{last:?}");
        assert!(plain.distance() <= steps, "{} of {steps}: {last:?}", plain.distance());
        // Through views, and where only an ArgMax looks.
        let turned = builder
            .clone()
            .node(Op::new("Transpose", &["s"], &["t"]).ints("perm", &[0, 3, 2, 1]))
            .node(Op::new("ArgMax", &["s"], &["most"]).int("axis", 1))
            .output("t")
            .output("most");
        let raw = |case: &crate::support::Case| {
            case.quantised.graph.nodes.iter().any(|node| node.operator.is_raw())
        };
        assert!(raw(&case(turned)));
        // Not what a function reads.
        let read = builder.node(Op::new("Relu", &["s"], &["y"])).output("s").output("y");
        assert!(!raw(&case(read)));
    }
}

/// Parts of a Concat are brought to one scale, and whoever does that reads 8 bits: a sum, average
/// or
/// product that it joins with others is rounded, but a layer's sums may be put out through it.
#[test]
fn what_a_concat_joins_is_rounded_unless_it_is_a_layer() {
    let joined = |operator, second| {
        Builder::new(17)
            .batched_input("x", &[2, 3, 4])
            .batched_input("z", &[2, 3, 4])
            .floats("k", &[2, 2, 1, 1], &weights(4))
            .node(Op::new(operator, &["x", second], &["s"]))
            .node(Op::new("Concat", &["s", "z"], &["y"]).int("axis", 1))
            .output("y")
    };
    let raw = |case: &crate::support::Case| {
        let mut nodes = case.quantised.graph.nodes.iter();
        nodes.any(|node| node.operator.is_raw())
    };
    for operator in ["Add", "Sub", "Mul"] {
        let case = case(joined(operator, "z"));
        assert!(!raw(&case), "{operator}");
        assert!(case.distance() < 1.6, "{operator}: {}", case.distance());
    }
    let layer = case(joined("Conv", "k"));
    assert!(raw(&layer));
    assert!(layer.distance() < 1.6, "{}", layer.distance());
}

/// Layers are put out through a Concat where scales by index can be told at every output, and
/// through an ArgMax that is one; anywhere else they are rounded.
#[test]
fn what_cannot_be_told_at_an_output_is_rounded() {
    let layers = || {
        Builder::new(17)
            .batched_input("x", &[2, 4, 4])
            .floats("k", &[2, 2, 1, 1], &weights(4))
            .floats("l", &[2, 2, 1, 1], &weights(4).iter().map(|w| 9.0 * w).collect::<Vec<_>>())
            .integers("mixed", &[1, 16, 4])
            .integers("flat", &[1, 4, 16])
            .integers("turned", &[1, 8, 8])
            .node(Op::new("Conv", &["x", "k"], &["a"]))
            .node(Op::new("Conv", &["x", "l"], &["b"]))
            .node(Op::new("Concat", &["a", "b"], &["c"]).int("axis", 1))
    };
    let pool = Op::new("MaxPool", &["c"], &["y"]).ints("kernel_shape", &[2, 2]);
    let turned = [
        Op::new("Transpose", &["c"], &["t"]).ints("perm", &[0, 2, 1, 3]),
        Op::new("Reshape", &["t", "turned"], &["y"]),
    ];
    let flat = [Op::new("Reshape", &["c", "flat"], &["y"])];
    for (nodes, raw) in [(&[pool][..], false), (&turned, false), (&flat, true)] {
        let builder = nodes.iter().cloned().fold(layers(), Builder::node).output("y");
        let case = case(builder);
        let rounded = rounded(&case.quantised.graph);
        assert_eq!(rounded.iter().filter(|&&rounded| rounded).count(), if raw { 0 } else { 2 });
        assert!(case.distance() < 3.0, "{}", case.distance());
    }
    // An index that something is computed from is one of integers of 8 bits.
    let index = |used: bool| {
        let builder = Builder::new(17)
            .input("x", &[1, 6])
            .floats("w", &[6, 6], &weights(36))
            .floats("half", &[], &[0.5])
            .node(Op::new("MatMul", &["x", "w"], &["m"]))
            .node(Op::new("ArgMax", &["m"], &["best"]).int("axis", 1));
        if !used {
            return case(builder.output("best"));
        }
        let real = builder.node(Op::new("Cast", &["best"], &["real"]).int("to", 1));
        case(real.node(Op::new("Mul", &["real", "half"], &["y"])).output("y"))
    };
    assert_eq!(rounded(&index(false).quantised.graph), [false]);
    assert!(rounded(&index(true).quantised.graph)[0]);
}

/// Where the file says how a sum or its parts are rounded, nothing is added before that.
#[test]
fn grids_of_the_file_are_kept() {
    let given = |nodes: &[Op], output: &str| {
        let builder = Builder::new(17)
            .batched_input("x", &[2, 4, 4])
            .batched_input("z", &[2, 4, 4])
            .floats("k", &[2, 2, 1, 1], &weights(4))
            .grid("x", 1.0 / 64.0, 0)
            .grid("y", 1.0 / 16.0, 5)
            .rounded("x", "xr", "x")
            .rounded("z", "zr", "x")
            .node(Op::new("Conv", &["xr", "k"], &["c"]));
        let builder = nodes.iter().cloned().fold(builder, Builder::node);
        case(builder.rounded(output, "y", "y").output("y"))
    };
    let add = given(&[Op::new("Add", &["c", "zr"], &["s"])], "s");
    let joined = given(&[Op::new("Concat", &["c", "zr"], &["s"]).int("axis", 1)], "s");
    for case in [add, joined] {
        assert!(rounded(&case.quantised.graph)[0], "{:?}", case.operators());
        let data = case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap();
        // Rounded twice: to a grid measured, and to the file's.
        assert!(data.outputs[0].all.largest <= 1.01 / 16.0, "{:?}", data.outputs[0].all.largest);
    }
}

#[test]
fn what_somebody_else_reads_is_rounded() {
    let added = || block().node(Op::new("Add", &["c", "x"], &["y"]));
    let put_out = case(added().output("y").output("c"));
    assert_eq!(rounded(&put_out.quantised.graph), [true, true]);
    let read = added().node(Op::new("Tanh", &["c"], &["z"])).output("y").output("z");
    assert_eq!(rounded(&case(read).quantised.graph), [true, true]);
    let twice = block().node(Op::new("Add", &["c", "c"], &["y"])).output("y");
    assert_eq!(rounded(&case(twice).quantised.graph), [true, true]);
    let active = block()
        .node(Op::new("Relu", &["c"], &["e"]))
        .node(Op::new("Add", &["e", "x"], &["y"]))
        .output("y");
    assert_eq!(rounded(&case(active).quantised.graph), [true, true]);
}

/// Whole numbers that only now and then are large, and never together.
fn seldom_large(builder: Builder, largest: f32) -> Quantised {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let shapes: Vec<_> = model.inputs().iter().map(|input| input.shape.clone()).collect();
    let samples = (0..shapes.len() * 4).map(|sample| {
        let tensor = |(index, shape): (usize, &Vec<usize>)| {
            let mut tensor = ArrayD::from_elem(shape.clone(), 1.0);
            if sample % shapes.len() == index {
                tensor.as_slice_mut().unwrap()[sample / shapes.len()] = largest;
            }
            tensor
        };
        shapes.iter().enumerate().map(tensor).collect()
    });
    let data = Dataset::new(samples.collect(), None).unwrap();
    model.quantise(&model.calibrate(&data).unwrap()).unwrap()
}

/// A quotient of few is looked up as it is, one of many is divided: what counts is what operands
/// can make of it, not what samples did.
#[test]
fn whole_numbers_are_divided_where_they_can_be_many() {
    let inputs = |count: usize| {
        let length = |&length: &i64| Length::DimValue(length);
        (0..count).fold(Builder::new(17), |builder, index| {
            let shape = [1, 1, 2, 2].iter().map(length).collect();
            builder.typed_input(["a", "b", "c"][index], DataType::Int32, shape)
        })
    };
    let ended = |builder: Builder, largest: f32| {
        let pool = Op::new("MaxPool", &["real"], &["y"]).ints("kernel_shape", &[1, 1]);
        let builder = builder.node(Op::new("Cast", &["s"], &["real"]).int("to", 1));
        let graph = seldom_large(builder.node(pool).output("y"), largest).graph;
        let shift = |node: &Node| match &node.operator {
            Operator::Sum { requantise, .. }
            | Operator::Product { requantise, .. }
            | Operator::AveragePool { requantise, .. } => requantise.as_ref().map(|r| r.shift),
            _ => None,
        };
        graph.nodes.iter().find_map(shift).unwrap()
    };
    let sum = |count: usize| {
        let names = ["a", "b", "c"];
        inputs(count).node(Op::new("Sum", &names[..count], &["s"]))
    };
    let product = || inputs(2).node(Op::new("Mul", &["a", "b"], &["s"]));
    let total =
        || inputs(1).integers("axes", &[2, 3]).node(Op::new("ReduceSum", &["a", "axes"], &["s"]));
    for (builder, largest, divided) in [
        (sum(2), 60_000.0, false),
        (sum(3), 60_000.0, true),
        (product(), 300.0, false),
        (product(), 900.0, true),
        (total(), 300.0, false),
        (total(), 60_000.0, true),
    ] {
        assert_eq!(ended(builder, largest) > 0, divided, "{largest}");
    }
}

/// The same of a product that is added as it is, by a sum that has the product's units: a count of
/// up to 255 makes more of 12 bits than one by one will do.
#[test]
fn sums_of_products_in_their_own_units_are_divided() {
    let builder = Builder::new(17)
        .typed_input("c", DataType::Int32, [1, 1, 2, 2].map(Length::DimValue).to_vec())
        .input("x", &[1, 1, 2, 2])
        .input("z", &[1, 1, 2, 2])
        .node(Op::new("Cast", &["c"], &["real"]).int("to", 1))
        .node(Op::new("Mul", &["real", "x"], &["p"]))
        .node(Op::new("Add", &["p", "z"], &["s"]))
        .node(Op::new("MaxPool", &["s"], &["y"]).ints("kernel_shape", &[1, 1]))
        .output("y");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let tensor = |numbers: [f32; 4]| ArrayD::from_shape_vec(vec![1, 1, 2, 2], numbers.to_vec());
    let sample = |numbers: [[f32; 4]; 3]| numbers.map(|numbers| tensor(numbers).unwrap()).to_vec();
    let samples = vec![
        sample([[0.0; 4], [1.0, -1.0, 0.5, 0.0], [1.0, -1.0, 0.0, 0.5]]),
        sample([[255.0; 4], [0.0; 4], [0.25; 4]]),
    ];
    let calibration = model.calibrate(&Dataset::new(samples, None).unwrap()).unwrap();
    let options = Options { widths: Widths::all(Bits::TWELVE), ..Options::default() };
    let graph = model.quantise_with(&calibration, &options).unwrap().graph;
    let shift = graph.nodes.iter().find_map(|node| match &node.operator {
        Operator::Sum { requantise, .. } => requantise.as_ref().map(|r| r.shift),
        _ => None,
    });
    let product = graph.nodes.iter().find(|node| node.operator.name() == "Product").unwrap();
    assert!(product.operator.is_raw());
    assert!(shift.unwrap() > 0);
}
