//! Files of many small things: chains, copies, tables, names, inputs.

use super::*;

/// Copies of a value are joined in lists that stay short, however many there are.
#[test]
fn copies_are_joined_in_two_steps() {
    for (copies, longest) in [(256, 256), (257, 17), (65_536, 256), (1 << 20, 1024)] {
        let op = Op::new("Expand", &["x", "s"], &["y"]);
        let model =
            Model::from_bytes("m.onnx", &single(&[1, 2], op).integers("s", &[copies, 2]).bytes())
                .unwrap();
        let graph = model.graph();
        assert_eq!(graph.shape(graph.outputs[0].value), [copies as usize, 2]);
        let lists = graph.nodes.iter().map(|node| node.inputs.len());
        assert_eq!(lists.max(), Some(longest), "{copies} copies");
    }
    let op = Op::new("Expand", &["x", "s"], &["y"]);
    let model = Model::from_bytes("m.onnx", &single(&[1, 2], op).integers("s", &[1000, 2]).bytes())
        .unwrap();
    let x = ndarray::ArrayD::from_shape_vec(vec![1, 2], vec![3.0, -5.0]).unwrap();
    let copied = &model.run(&[x]).unwrap()[0];
    assert!(copied.rows().into_iter().all(|row| row.to_vec() == [3.0, -5.0]));
}

/// Chains of twenty thousand nodes, of every kind that passes fold, skip or walk along.
#[test]
fn long_chains_are_imported_and_quantised() {
    const LENGTH: usize = 20_000;
    let name = |step: usize| if step == LENGTH { "y".to_owned() } else { format!("v{step}") };
    let chain = |op: &dyn Fn(usize, &str, &str) -> Op| {
        let mut builder = Builder::new(17).input("v0", &[1, 2]).floats("one", &[1], &[1.0]).floats(
            "s",
            &[],
            &[0.5],
        );
        builder = builder.integers("flat", &[2]).integers("row", &[1, 2]).tensor(TensorProto {
            name: "z".into(),
            data_type: DataType::Int8 as i32,
            int32_data: vec![0],
            ..TensorProto::default()
        });
        for step in 0..LENGTH {
            builder = builder.node(op(step, &name(step), &name(step + 1)));
        }
        Model::from_bytes("m.onnx", &builder.output("y").bytes()).unwrap()
    };
    let nodes = |model: &Model| {
        let quantised =
            model.quantise(&model.calibrate_input_range(0.0, 1.0).unwrap()).unwrap().graph;
        (quantised.nodes.len(), quantised.cuts(|_| true).len())
    };
    let relu = chain(&|_, from, to| Op::new("Relu", &[from], &[to]));
    assert_eq!(nodes(&relu), (LENGTH, LENGTH - 1));
    let identity = chain(&|_, from, to| Op::new("Identity", &[from], &[to]));
    assert_eq!(nodes(&identity), (0, 0));
    let reshape =
        chain(&|step, from, to| Op::new("Reshape", &[from, ["flat", "row"][step % 2]], &[to]));
    assert_eq!(nodes(&reshape), (LENGTH, LENGTH - 1));
    // Constants merge into one, and what follows an accumulator into it.
    let add = chain(&|_, from, to| Op::new("Add", &[from, "one"], &[to]));
    assert_eq!(nodes(&add), (1, 0));
    let mixed = chain(&|step, from, to| match step % 4 {
        0 => Op::new("Add", &[from, from], &[to]),
        1 => Op::new("Reshape", &[from, "flat"], &[to]),
        2 => Op::new("Relu", &[from], &[to]),
        _ => Op::new("Reshape", &[from, "row"], &[to]),
    });
    assert!(mixed.calibrate_input_range(0.0, 1e-30).is_err(), "2^5000 is not finite");
    assert_eq!(mixed.graph().nodes.len(), LENGTH / 4 * 3);
    let grids = chain(&|step, from, to| match step % 4 {
        0 => Op::new("QuantizeLinear", &[from, "s", "z"], &[to]),
        1 => Op::new("Reshape", &[from, "flat"], &[to]),
        2 => Op::new("DequantizeLinear", &[from, "s", "z"], &[to]),
        _ => Op::new("Reshape", &[from, "row"], &[to]),
    });
    assert_eq!(nodes(&grids).0, LENGTH);
}

/// A function of two numbers is a table of half a megabyte, and a node that asks for one has forty
/// bytes.
#[test]
fn tables_add_up() {
    let quotients = |count: usize| {
        let mut builder = Builder::new(17).input("v0", &[1, 1]).input("x", &[1, 1]);
        for step in 0..count {
            builder = builder.node(Op::new(
                "Div",
                &[&format!("v{step}"), "x"],
                &[&format!("v{}", step + 1)],
            ));
        }
        builder.output(&format!("v{count}"))
    };
    assert!(Model::from_bytes("m.onnx", &quotients(1024).bytes()).is_ok());
    let expected = "node \"v1025_node\" (Div) makes the network too large: with its table those of \
        the network have 67174400 entries";
    refused(quotients(1025), 60_000, &[expected]);
    // So is the rounding to a grid of 16 bits.
    let mut builder =
        Builder::new(21).input("v0", &[1, 2]).floats("s", &[], &[0.5]).tensor(TensorProto {
            name: "z".into(),
            data_type: DataType::Uint16 as i32,
            int32_data: vec![0],
            ..TensorProto::default()
        });
    for step in 0..1100 {
        let [from, square, grid, to] = [("v", step), ("a", step), ("q", step), ("v", step + 1)]
            .map(|(name, i)| format!("{name}{i}"));
        builder = builder
            .node(Op::new("Add", &[&from, &from], &[&square]))
            .node(Op::new("QuantizeLinear", &[&square, "s", "z"], &[&grid]))
            .node(Op::new("DequantizeLinear", &[&grid, "s", "z"], &[&to]));
    }
    refused(builder.output("v1100"), 200_000, &["with its table those of the network have 67"]);
}

/// Branches inside of branches are decoded one inside the other, on the stack.
#[test]
fn messages_are_nested_to_a_depth() {
    let field = |tag: u8, body: &[u8]| {
        let mut bytes = vec![tag << 3 | 2];
        let mut length = body.len();
        while length > 127 {
            bytes.push(length as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
        [&bytes, body].concat()
    };
    let nested = |depth: usize| {
        // A graph has nodes, a node attributes, and an attribute a graph.
        let graph = (0..depth).fold(Vec::new(), |graph, _| field(1, &field(5, &field(6, &graph))));
        let model = [field(7, &graph), field(8, &[0x10, 17])].concat();
        Model::from_bytes("m.onnx", &model).unwrap_err().to_string()
    };
    assert!(nested(30).contains("inputs: there is none"), "{}", nested(30));
    assert!(nested(1000).contains("recursion limit reached"), "{}", nested(1000));
}

/// Names are repeated in every piece that a node becomes.
#[test]
fn long_names_are_shortened() {
    let name = "n".repeat(1 << 20);
    let op = Op::new("Conv", &["x", "w"], &["y"]).named(&name);
    let model = Builder::new(17)
        .input("x", &[50, 1, 1, 1])
        .floats("w", &[1, 1, 1, 1], &[2.0])
        .node(op)
        .output("y");
    let model = Model::from_bytes("m.onnx", &model.bytes()).unwrap();
    assert!(model.graph().nodes.len() > 100);
    assert!(
        model
            .graph()
            .nodes
            .iter()
            .all(|node| node.name.starts_with("nnn") && node.name.len() < 300)
    );
}

/// Views that read one value twice after a softmax: a path for each choice of an input would be
/// 2^60 paths.
#[test]
fn paths_to_the_outputs_are_walked_once() {
    let mut builder =
        Builder::new(17).input("x", &[1, 4]).node(Op::new("Softmax", &["x"], &["v0"]));
    for step in 0..60 {
        let (from, to) = (format!("v{step}"), format!("v{}", step + 1));
        builder = builder.node(Op::new("Flatten", &[&from, &from], &[&to]));
    }
    let model = Model::from_bytes("m.onnx", &builder.output("v60").bytes()).unwrap();
    assert!(model.notes()[0].contains("is dropped"));
}

#[test]
fn inputs_and_outputs_are_counted() {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|i| format!("x{i}")).collect();
        let builder =
            names.iter().fold(Builder::new(17), |builder, name| builder.input(name, &[1]));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        builder.node(Op::new("Sum", &names, &["y"])).output("y")
    };
    assert!(Model::from_bytes("m.onnx", &many(4096).bytes()).is_ok());
    refused(many(4097), 200_000, &["inputs: there are 4097, expected at most 4096"]);
    let outputs = (0..4096)
        .fold(single(&[1, 1], Op::new("Relu", &["x"], &["y"])), |builder, _| builder.output("y"));
    refused(outputs, 100_000, &["outputs: there are 4097, expected at most 4096"]);
}

/// What a file subtracts from its integers has 16 bits at most, so that differences fit where they
/// are kept.
#[test]
fn zero_points_of_more_than_16_bits() {
    let builder = |zero: i32| {
        let zero = TensorProto {
            name: "z".into(),
            data_type: DataType::Int32 as i32,
            int32_data: vec![zero],
            ..TensorProto::default()
        };
        let weights = TensorProto {
            name: "w".into(),
            dims: vec![2, 2],
            data_type: DataType::Int8 as i32,
            int32_data: vec![1, 2, 3, 4],
            ..TensorProto::default()
        };
        let builder = Builder::new(17).input("x", &[1, 2]).tensor(zero).tensor(weights).floats(
            "s",
            &[],
            &[0.5],
        );
        let builder = builder.node(Op::new("DequantizeLinear", &["w", "s", "z"], &["d"]));
        builder.node(Op::new("MatMul", &["x", "d"], &["y"])).output("y")
    };
    assert!(Model::from_bytes("m.onnx", &builder(65_535).bytes()).is_ok());
    for zero in [65_536, -32_769, i32::MIN] {
        let problem = format!(
            "node \"d_node\" (DequantizeLinear): its zero point {zero} has more than 16 bits"
        );
        assert!(refusal(builder(zero)).contains(&problem));
    }
}
