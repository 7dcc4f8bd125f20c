//! From an ONNX file to a verified proof, through every crate: branches, several inputs and
//! outputs, degenerate networks, extreme inputs.

use ndarray::ArrayD;
use zkinfer::models::testing::onnx::{Builder, Op};
use zkinfer::models::testing::random::Random;
use zkinfer::{Circuit, Compile, Exposure, Model, Objective, Parameters, Reading, verify};

/// Imports, calibrates on inputs in −1..1 and compiles.
fn compile(builder: Builder, exposure: &Exposure, objective: Objective) -> Circuit {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).expect("a supported model");
    let calibration = model.calibrate_input_range(-1.0, 1.0).expect("ranges");
    model
        .quantise(&calibration)
        .expect("int8")
        .compile_with(exposure, objective)
        .expect("a circuit")
}

/// Proves and verifies all of `inputs`; what is verified must be what the interpreter computes.
fn prove(circuit: &Circuit) -> Vec<Vec<Reading>> {
    let parameters = Parameters::derive(circuit.key().description().k).expect("a supported size");
    let sealed =
        circuit.key().has_sealed_weights().then(|| circuit.seal(&parameters).expect("a seal"));
    let (seal, opening) = sealed.unzip();
    let seal = seal.map(|seal| seal.check(&parameters).expect("weights in range"));
    let session = circuit.session(&parameters, opening.as_ref()).expect("the model's own opening");
    let answer = |inputs: Vec<ArrayD<f32>>| {
        let proof = session.prove(&inputs).expect("every input is provable");
        let outputs =
            verify(circuit.key(), &parameters, seal.as_ref(), &proof).expect("a valid proof");
        assert_eq!(outputs, circuit.run(&inputs).expect("the integer network"));
        outputs
    };
    inputs(circuit).into_iter().map(answer).collect()
}

/// Inputs far beyond the calibrated range, at its ends, and inside.
fn inputs(circuit: &Circuit) -> Vec<Vec<ArrayD<f32>>> {
    let mut random = Random::new(3);
    let mut fill = |low: f32, high: f32| {
        let inputs = circuit.graph().inputs.iter();
        inputs.map(|input| random.tensor(&input.shape, low, high)).collect::<Vec<_>>()
    };
    vec![fill(-1.0, 1.0), fill(-1e6, 1e6), fill(1e6, 1e6 + 1.0), fill(-1e6 - 1.0, -1e6)]
}

fn weights(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 % 23) as f32 - 11.0) / 20.0).collect()
}

/// Two inputs, a residual branch, pools of both kinds, a table activation, a concatenation, scores
/// and their ArgMax.
fn branches() -> Builder {
    Builder::new(13)
        .input("image", &[1, 2, 6, 6])
        .input("extra", &[1, 3])
        .floats("w1", &[4, 2, 3, 3], &weights(72))
        .floats("b1", &[4], &weights(4))
        .floats("w2", &[4, 1, 3, 3], &weights(36))
        .floats("w3", &[5, 11], &weights(55))
        .node(Op::new("Conv", &["image", "w1", "b1"], &["c1"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Relu", &["c1"], &["r1"]))
        .node(Op::new("Conv", &["r1", "w2"], &["c2"]).ints("pads", &[1, 1, 1, 1]).int("group", 4))
        .node(Op::new("Add", &["r1", "c2"], &["sum"]))
        .node(Op::new("Sigmoid", &["sum"], &["gate"]))
        .node(
            Op::new("MaxPool", &["gate"], &["most"])
                .ints("kernel_shape", &[3, 3])
                .ints("strides", &[3, 3]),
        )
        .node(
            Op::new("AveragePool", &["sum"], &["mean"])
                .ints("kernel_shape", &[3, 3])
                .ints("strides", &[3, 3]),
        )
        .node(Op::new("GlobalAveragePool", &["most"], &["global"]))
        .node(Op::new("GlobalAveragePool", &["mean"], &["mean1"]))
        .node(Op::new("Flatten", &["global"], &["f1"]))
        .node(Op::new("Flatten", &["mean1"], &["f2"]))
        .node(Op::new("Concat", &["f1", "f2", "extra"], &["all"]).int("axis", 1))
        .node(Op::new("Gemm", &["all", "w3"], &["scores"]).int("transB", 1))
        .node(Op::new("ArgMax", &["scores"], &["class"]).int("axis", 1).int("keepdims", 0))
        .output("scores")
        .integer_output("class")
}

#[test]
fn branches_inputs_and_outputs_under_every_objective() {
    let objectives = [Objective::Prover, Objective::Verifier, Objective::Size];
    let sealed = objectives.map(|objective| (Exposure::default(), objective));
    for (exposure, objective) in sealed.into_iter().chain([(Exposure::public(), Objective::Prover)])
    {
        let circuit = compile(branches(), &exposure, objective);
        for outputs in prove(&circuit) {
            let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            assert_eq!(names, ["scores", "class"]);
            assert_eq!(
                outputs[0].class, outputs[1].class,
                "the proven ArgMax is the largest score"
            );
        }
    }
}

#[test]
fn networks_without_weights_or_cells() {
    let flatten = Builder::new(13)
        .input("x", &[1, 2, 3])
        .node(Op::new("Flatten", &["x"], &["y"]))
        .output("y");
    let identity =
        Builder::new(13).input("x", &[1, 4]).node(Op::new("Identity", &["x"], &["y"])).output("y");
    let rectify =
        Builder::new(13).input("x", &[1, 4]).node(Op::new("Relu", &["x"], &["y"])).output("y");
    let linear = Builder::new(13)
        .input("x", &[1, 4])
        .floats("w", &[4, 2], &weights(8))
        .node(Op::new("MatMul", &["x", "w"], &["y"]))
        .output("y");
    for builder in [flatten, identity, rectify, linear] {
        for exposure in [Exposure::default(), Exposure::public()] {
            prove(&compile(builder.clone(), &exposure, Objective::Prover));
        }
    }
}

#[test]
fn a_compiled_network_survives_its_file() {
    let circuit = compile(branches(), &Exposure::default(), Objective::Prover);
    let bytes = circuit.to_bytes();
    let read = Circuit::from_bytes(&bytes).expect("a .zkc file");
    assert_eq!(read.key().digest(), circuit.key().digest());
    assert_eq!(read.graph(), circuit.graph());
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Circuit::from_bytes(&damaged).is_err(), "byte {at}");
    }
}
