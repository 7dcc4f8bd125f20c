//! Activations of 12 and 16 bits, proven: what is verified is what the interpreter computes, at the
//! ends of their ranges and beyond, and MockProver sees a false one.

use ndarray::ArrayD;
use zkinfer::circuits::judge::mock_prove;
use zkinfer::models::integer::graph::Operator as GraphOperator;
use zkinfer::models::quantise::settings::{Bits, Options, Widths};
use zkinfer::models::testing::onnx::{Builder, Op};
use zkinfer::models::testing::random::Random;
use zkinfer::{Circuit, Compile, Exposure, Model, Objective, Parameters, verify};

fn weights(count: usize) -> Vec<f32> {
    Random::new(count as u64).reals(count, -0.5, 0.5)
}

/// A convolution, sums, a product, tables, both pools, a Max, and a function of two values.
fn network() -> Builder {
    Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .floats("w", &[2, 2, 3, 3], &weights(36))
        .floats("v", &[3, 8], &weights(24))
        .node(Op::new("Conv", &["x", "w"], &["c"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Relu", &["c"], &["r"]))
        .node(Op::new("Add", &["r", "x"], &["sum"]))
        .node(Op::new("Sigmoid", &["sum"], &["gate"]))
        .node(Op::new("Mul", &["gate", "x"], &["product"]))
        .node(Op::new("Max", &["product", "r"], &["most"]))
        .node(
            Op::new("MaxPool", &["most"], &["top"])
                .ints("kernel_shape", &[2, 2])
                .ints("strides", &[2, 2]),
        )
        .node(Op::new("Flatten", &["top"], &["flat"]))
        .node(Op::new("Gemm", &["flat", "v"], &["hidden"]).int("transB", 1))
        .node(Op::new("Tanh", &["hidden"], &["y"]))
        .output("y")
}

/// Of 16 bits, what MockProver takes a second for: no table but those of the functions.
fn small() -> Builder {
    Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .floats("w", &[2, 2, 3, 3], &weights(36))
        .node(Op::new("Conv", &["x", "w"], &["c"]))
        .node(Op::new("Sigmoid", &["c"], &["y"]))
        .output("y")
}

/// A residual stream, which is not rounded, and what it ends in.
fn stream() -> Builder {
    Builder::new(23)
        .input("x", &[1, 2, 8])
        .floats("one", &[8], &[1.0; 8])
        .floats("w", &[8, 8], &weights(64))
        .floats("v", &[8, 8], &weights(65)[1..])
        .node(Op::new("RMSNormalization", &["x", "one"], &["n1"]))
        .node(Op::new("MatMul", &["n1", "w"], &["b1"]))
        .node(Op::new("Add", &["x", "b1"], &["s1"]))
        .node(Op::new("RMSNormalization", &["s1", "one"], &["n2"]))
        .node(Op::new("MatMul", &["n2", "v"], &["b2"]))
        .node(Op::new("Add", &["s1", "b2"], &["s2"]))
        .node(Op::new("RMSNormalization", &["s2", "one"], &["n3"]))
        .node(Op::new("MatMul", &["n3", "w"], &["y"]))
        .output("y")
}

fn compile(builder: Builder, bits: Bits, exposure: &Exposure) -> Circuit {
    let options = Options { widths: Widths::all(bits), ..Options::default() };
    compile_with(builder, &options, exposure)
}

fn compile_with(builder: Builder, options: &Options, exposure: &Exposure) -> Circuit {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).expect("a supported model");
    let calibration = model.calibrate_input_range(-1.0, 1.0).expect("ranges");
    let quantised = model.quantise_with(&calibration, options).expect("integers");
    quantised.compile_with(exposure, Objective::Prover).expect("a circuit")
}

fn inputs() -> Vec<Vec<ArrayD<f32>>> {
    let mut random = Random::new(3);
    let mut fill = |low: f32, high: f32| vec![random.tensor(&[1, 2, 4, 4], low, high)];
    vec![fill(-1.0, 1.0), fill(-1e6, 1e6), fill(1e6, 1e6 + 1.0)]
}

#[test]
fn proofs_verify_and_say_what_the_interpreter_does() {
    for (bits, exposure) in
        [(Bits::SIXTEEN, Exposure::default()), (Bits::TWELVE, Exposure::public())]
    {
        let circuit = compile(network(), bits, &exposure);
        let parameters = Parameters::derive(circuit.key().description().k).expect("a size");
        let sealed = circuit.key().has_sealed_weights();
        let sealed = sealed.then(|| circuit.seal(&parameters).expect("a seal"));
        let (seal, opening) = sealed.unzip();
        let seal = seal.map(|seal| seal.check(&parameters).expect("weights in range"));
        let session = circuit.session(&parameters, opening.as_ref()).expect("its own opening");
        for inputs in inputs() {
            let proof = session.prove(&inputs).expect("every input is provable");
            let outputs = verify(circuit.key(), &parameters, seal.as_ref(), &proof);
            assert_eq!(outputs.expect("a valid proof"), circuit.run(&inputs).expect("integers"));
        }
    }
}

/// Sums that are not rounded, and weights of two digits, sealed and public.
#[test]
fn streams_and_weights_of_two_digits() {
    let all = Widths::all(Bits::TWELVE);
    let options = Options { widths: all.clone(), weights: all, ..Options::default() };
    let mut random = Random::new(4);
    let samples = [1.0, 1e6].map(|reach| vec![random.tensor(&[1, 2, 8], -reach, reach)]);
    for exposure in [Exposure::default(), Exposure::public()] {
        let circuit = compile_with(stream(), &options, &exposure);
        let sums =
            circuit.graph().nodes.iter().filter(|node| {
                matches!(node.operator, GraphOperator::Sum { requantise: None, .. })
            });
        assert_eq!(sums.count(), 2);
        let parameters = Parameters::derive(circuit.key().description().k).expect("a size");
        let sealed = circuit.key().has_sealed_weights();
        let sealed = sealed.then(|| circuit.seal(&parameters).expect("a seal"));
        let (seal, opening) = sealed.unzip();
        let seal = seal.map(|seal| seal.check(&parameters).expect("weights in range"));
        let session = circuit.session(&parameters, opening.as_ref()).expect("its own opening");
        for inputs in &samples {
            let proof = session.prove(inputs).expect("every input is provable");
            let outputs = verify(circuit.key(), &parameters, seal.as_ref(), &proof);
            assert_eq!(outputs.expect("a valid proof"), circuit.run(inputs).expect("integers"));
            let mut witness = circuit.witness(inputs).expect("a witness");
            mock_prove(circuit.key(), &witness).expect("an honest witness");
            witness.outputs[0][1] -= 1;
            assert!(mock_prove(circuit.key(), &witness).is_err(), "a false output");
        }
    }
}

#[test]
fn mock_prover_accepts_them_and_refuses_a_false_one() {
    for (builder, bits) in [(network(), Bits::TWELVE), (small(), Bits::SIXTEEN)] {
        let circuit = compile(builder, bits, &Exposure::public());
        for inputs in inputs().into_iter().skip(1) {
            let mut witness = circuit.witness(&inputs).expect("a witness");
            mock_prove(circuit.key(), &witness).expect("an honest witness");
            witness.outputs[0][1] -= 1;
            assert!(mock_prove(circuit.key(), &witness).is_err(), "a false output");
        }
    }
}
