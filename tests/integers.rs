//! Integers from an ONNX file to a verified proof: tables by index, labels after an ArgMax.

use ndarray::ArrayD;
use zkinfer::models::testing::onnx::messages::DataType;
use zkinfer::models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer::models::testing::onnx::{Builder, Op};
use zkinfer::{
    Circuit, Compile, Exposure, Model, Objective, Parameters, Reading, Visibility, verify,
};

fn compile(builder: Builder, exposure: &Exposure) -> Circuit {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).expect("a supported model");
    let calibration = model.calibrate_input_range(-1.0, 1.0).expect("ranges");
    let quantised = model.quantise(&calibration).expect("integers");
    quantised.compile_with(exposure, Objective::Prover).expect("a circuit")
}

/// Proves and verifies an answer, which must be the interpreter's.
fn prove(circuit: &Circuit, inputs: &[ArrayD<f32>]) -> Vec<Reading> {
    let parameters = Parameters::derive(circuit.key().description().k).expect("a supported size");
    let sealed =
        circuit.key().has_sealed_weights().then(|| circuit.seal(&parameters).expect("a seal"));
    let (seal, opening) = sealed.unzip();
    let seal = seal.map(|seal| seal.check(&parameters).expect("weights in range"));
    let session = circuit.session(&parameters, opening.as_ref()).expect("the model's own opening");
    let proof = session.prove(inputs).expect("a proof");
    let outputs = verify(circuit.key(), &parameters, seal.as_ref(), &proof).expect("a valid proof");
    assert_eq!(outputs, circuit.run(inputs).expect("the integer network"));
    outputs
}

fn tensor(shape: &[usize], elements: &[f32]) -> ArrayD<f32> {
    ArrayD::from_shape_vec(shape.to_vec(), elements.to_vec()).expect("as many elements")
}

/// Users and items, and how well they match: the product of their rows, summed up.
fn recommendation(rows: usize, width: usize) -> (Builder, impl Fn(usize, usize) -> f64) {
    let table = |seed: usize| -> Vec<f32> {
        (0..rows * width).map(|i| ((i * seed) % 23) as f32 / 11.0 - 1.0).collect()
    };
    let (users, items) = (table(37), table(41));
    let shape = [rows as i64, width as i64];
    let builder = Builder::new(17)
        .typed_input("user", DataType::Int64, vec![Length::DimValue(1)])
        .typed_input("item", DataType::Int32, vec![Length::DimValue(1)])
        .floats("users", &shape, &users)
        .floats("items", &shape, &items)
        .integers("axes", &[1])
        .node(Op::new("Gather", &["users", "user"], &["u"]))
        .node(Op::new("Gather", &["items", "item"], &["i"]))
        .node(Op::new("Mul", &["u", "i"], &["m"]))
        .node(Op::new("ReduceSum", &["m", "axes"], &["y"]))
        .output("y");
    let score = move |user: usize, item: usize| {
        let row = |table: &[f32], index: usize| table[index * width..][..width].to_vec();
        let pairs = row(&users, user).into_iter().zip(row(&items, item));
        pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
    };
    (builder, score)
}

#[test]
fn tables_by_index_public_and_sealed() {
    let private =
        Exposure { inputs: vec![Visibility::Private, Visibility::Public], ..Exposure::default() };
    for exposure in [Exposure::default(), Exposure::public(), private] {
        let (builder, score) = recommendation(50, 8);
        let circuit = compile(builder, &exposure);
        for (user, item) in [(0, 49), (17, 3)] {
            let inputs = [tensor(&[1], &[user as f32]), tensor(&[1], &[item as f32])];
            let found = prove(&circuit, &inputs)[0].values[0];
            let expected = score(user, item);
            assert!((found - expected).abs() < 0.15, "{found} for {expected}");
        }
        // No proof is about an index that the table does not have.
        let parameters = Parameters::derive(circuit.key().description().k).expect("parameters");
        let opening = circuit
            .key()
            .has_sealed_weights()
            .then(|| circuit.seal(&parameters).expect("a seal").1);
        let session = circuit.session(&parameters, opening.as_ref()).expect("a session");
        let outside = [tensor(&[1], &[50.0]), tensor(&[1], &[0.0])];
        let message = session.prove(&outside).expect_err("no such row").to_string();
        assert!(message.contains("it is an index of a table"), "{message}");
    }
}

#[test]
fn labels_after_an_arg_max() {
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .floats("w", &[4, 5], &(0..20).map(|i| (i * 7 % 11) as f32 - 5.0).collect::<Vec<_>>())
        .integers("labels", &[100, 2000, 30_000, -4, 5])
        .node(Op::new("MatMul", &["x", "w"], &["scores"]))
        .node(Op::new("ArgMax", &["scores"], &["index"]).int("axis", 1).int("keepdims", 0))
        .node(Op::new("Gather", &["labels", "index"], &["label"]))
        .integer_output("label");
    for exposure in [Exposure::default(), Exposure::public()] {
        let circuit = compile(builder.clone(), &exposure);
        // Columns of the weights: the largest entry of row 0 is its third, of row 1 its second.
        let rows: Vec<Vec<i64>> =
            (0..4).map(|r| (0..5).map(|c| (r * 5 + c) * 7 % 11 - 5).collect()).collect();
        for (place, row) in rows.iter().enumerate() {
            let best = (0..5).max_by_key(|&c| (row[c], std::cmp::Reverse(c))).expect("five");
            let mut x = [0.0; 4];
            x[place] = 1.0;
            let label = prove(&circuit, &[tensor(&[1, 4], &x)])[0].values[0];
            assert_eq!(label, [100.0, 2000.0, 30_000.0, -4.0, 5.0][best]);
        }
    }
}
