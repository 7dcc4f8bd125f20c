//! Tensors that are read by index: proven and verified, public and sealed, whole and in segments.

use ndarray::ArrayD;
use zkinfer::models::testing::onnx::{Builder, Op};
use zkinfer::models::testing::random::Random;
use zkinfer::models::{Dataset, Quantised};
use zkinfer::verifier::chain::{Segment, verify_chain};
use zkinfer::verifier::circuit::description::Scheme;
use zkinfer::{
    Circuit, Compile, Exposure, Model, Objective, Parameters, Source, Visibility, compile_segments,
    verify,
};

/// What the columns of the input range up to.
const SIZES: [f32; 4] = [0.002, 900.0, 1.0, 30.0];

/// What the channels of the first layer range up to.
const CHANNELS: [f32; 3] = [0.01, 1.0, 50.0];

/// Columns and channels of different sizes, and boxes beside scores.
fn quantised() -> (Model, Quantised, Vec<ArrayD<f32>>) {
    let mut random = Random::new(5);
    let mut first = random.reals(4 * 12, -1.0, 1.0);
    let mut second = random.reals(144, -1.0, 1.0);
    let sizes = |at: usize| CHANNELS[at % 12 % 3] / SIZES[at / 12];
    first.iter_mut().enumerate().for_each(|(at, w)| *w *= sizes(at));
    second.iter_mut().enumerate().for_each(|(at, w)| *w /= CHANNELS[at / 12 % 3]);
    let (third, fourth) = (random.reals(48, -100.0, 100.0), random.reals(36, -1.0, 1.0));
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .floats("w1", &[4, 12], &first)
        .floats("w2", &[12, 12], &second)
        .floats("w3", &[12, 4], &third)
        .floats("w4", &[12, 3], &fourth)
        .node(Op::new("MatMul", &["x", "w1"], &["a"]))
        .node(Op::new("Relu", &["a"], &["b"]))
        .node(Op::new("MatMul", &["b", "w2"], &["c"]))
        .node(Op::new("Relu", &["c"], &["d"]))
        .node(Op::new("MatMul", &["d", "w3"], &["boxes"]))
        .node(Op::new("MatMul", &["d", "w4"], &["z"]))
        .node(Op::new("Sigmoid", &["z"], &["scores"]))
        .node(Op::new("Concat", &["boxes", "scores"], &["y"]).int("axis", 1))
        .output("y");
    let model = Model::from_bytes("parts.onnx", &builder.bytes()).expect("a model");
    let samples = (0..48).map(|_| {
        let unit = random.reals(4, -1.0, 1.0).into_iter().zip(SIZES);
        let elements = unit.map(|(x, size)| x * size).collect();
        vec![ArrayD::from_shape_vec(vec![1, 4], elements).expect("four columns")]
    });
    let data = Dataset::new(samples.collect(), None).expect("samples");
    let sample = data.samples()[3].clone();
    let quantised = model.quantise(&model.calibrate(&data).expect("ranges")).expect("int8");
    (model, quantised, sample)
}

/// That numbers are the float model's, each column within a few of its own 255 steps.
fn close(values: &[f64], float: &ArrayD<f32>) {
    assert_eq!(values.len(), float.len());
    for (column, (value, float)) in values.iter().zip(float).enumerate() {
        let spread = if column < 4 { 400.0 } else { 1.0 };
        let error = (value - f64::from(*float)).abs();
        assert!(error < 0.03 * spread, "column {column}: {value} for {float}");
    }
}

#[test]
fn what_is_verified_is_read_by_index() {
    let (model, quantised, sample) = quantised();
    let float = model.run(&sample).expect("floats");
    for weights in [Visibility::Public, Visibility::Sealed] {
        let exposure = Exposure { weights, ..Exposure::public() };
        let circuit =
            quantised.clone().compile_with(&exposure, Objective::Prover).expect("a circuit");
        let circuit = Circuit::from_bytes(&circuit.to_bytes()).expect("what was written");
        let description = circuit.key().description();
        for scheme in [&description.inputs[0].quantisation, &description.outputs[0].quantisation] {
            assert!(matches!(scheme, Scheme::PerAxis { axis: 1, .. }), "{scheme:?}");
        }
        let parameters = Parameters::derive(description.k).expect("a supported size");
        let sealed = (weights == Visibility::Sealed).then(|| circuit.seal(&parameters).unwrap());
        let (seal, opening) = sealed.unzip();
        let seal = seal.map(|seal| seal.check(&parameters).expect("weights in range"));
        let session = circuit.session(&parameters, opening.as_ref()).expect("a session");
        let proof = session.prove(&sample).expect("a proof");
        let outputs = verify(circuit.key(), &parameters, seal.as_ref(), &proof).expect("verified");
        close(&outputs[0].values, &float[0]);
        let inputs = proof.statement.read_inputs(circuit.key());
        for ((value, given), size) in inputs[0].values.iter().zip(&sample[0]).zip(SIZES) {
            assert!((value - f64::from(*given)).abs() < 0.01 * f64::from(size), "{value} {given}");
        }
        assert_eq!(outputs[0].class.map(|class| outputs[0].values[class]), {
            outputs[0].values.iter().copied().max_by(f64::total_cmp)
        });
    }
}

/// What crosses a cut goes out and comes in under the same scales.
#[test]
fn segments_read_what_crosses_by_index() {
    let (model, quantised, sample) = quantised();
    let float = model.run(&sample).expect("floats");
    let circuits =
        compile_segments(&quantised, &Exposure::default(), Objective::Prover, 3).expect("three");
    let crosses = &circuits[0].key().description().outputs[0];
    assert_eq!(crosses.visibility, Visibility::Sealed);
    assert!(matches!(crosses.quantisation, Scheme::PerAxis { axis: 1, .. }), "{crosses:?}");
    let parameters = Parameters::derive(circuits[0].key().description().k).expect("a size");
    let (mut proofs, mut seals) = (Vec::new(), Vec::new());
    let mut between = None;
    for circuit in &circuits {
        let (seal, opening) = circuit.seal(&parameters).expect("a seal");
        seals.push(seal.check(&parameters).expect("weights in range"));
        let session = circuit.session(&parameters, Some(&opening)).expect("a session");
        let source = between.as_ref().map_or(Source::Tensor(&sample[0]), Source::Opening);
        let inference = session.infer(&[source]).expect("a proof");
        between = inference.openings.into_iter().next().map(|(_, opening)| opening);
        proofs.push(inference.proof);
    }
    let segments: Vec<Segment<'_>> = circuits
        .iter()
        .zip(&seals)
        .zip(&proofs)
        .map(|((circuit, seal), proof)| Segment { key: circuit.key(), seal: Some(seal), proof })
        .collect();
    verify_chain(&parameters, &segments).expect("one chain");
    let outputs = proofs[2].statement.read_outputs(circuits[2].key());
    close(&outputs[0].values, &float[0]);
}
