//! Every network of the zoo, float and as onnxruntime quantised it, on inputs that nobody trained
//! it for: proving never fails for an input in the declared range, however it saturates.
//!
//! A witness fails only if an output is not the interpreter's, or a tuple of cells is in no table;
//! both are checked here for every case. What is left of proving then does not depend on the input.
//! One case per small network is proven for real.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use zkinfer::models::Dataset;
use zkinfer::models::testing::random::Random;
use zkinfer::prover::row_sum::lookups::count;
use zkinfer::{Circuit, Compile, Exposure, Model, Objective, Parameters, verify};

fn zoo(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/zoo").join(name).join(file)
}

fn circuit(name: &str, file: &str) -> Circuit {
    let model = Model::load(zoo(name, file)).expect("a supported model");
    let calibration =
        Dataset::read(zoo(name, "calibration.npz"), model.inputs()).expect("data").first(8);
    let quantised =
        model.quantise(&model.calibrate(&calibration).expect("ranges")).expect("integers");
    quantised.compile_with(&Exposure::public(), Objective::Prover).expect("a circuit")
}

/// A way to fill a tensor.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    /// The same number everywhere.
    Level(f32),
    /// Two numbers in turn, so many of one after another: single pixels, lines, halves.
    Stripes(usize, f32, f32),
    /// One element unlike all others.
    Spike(usize, f32, f32),
    /// Anything between two numbers.
    Noise(u64, f32, f32),
    /// The ends of the range at random: what pushes sums furthest, whatever the signs of the
    /// weights.
    Coins(u64),
}

/// Numbers far beyond every range saturate to its ends.
const FAR: f32 = 1e9;

impl Pattern {
    fn fill(self, shape: &[usize]) -> ArrayD<f32> {
        let count: usize = shape.iter().product();
        let element: Box<dyn FnMut(usize) -> f32> = match self {
            Self::Level(level) => Box::new(move |_| level),
            Self::Stripes(width, a, b) => {
                Box::new(move |index| if index / width % 2 == 0 { a } else { b })
            }
            Self::Spike(place, a, b) => {
                Box::new(move |index| if index == place % count { a } else { b })
            }
            Self::Noise(seed, low, high) => {
                let mut random = Random::new(seed);
                Box::new(move |_| random.real(low, high))
            }
            Self::Coins(seed) => {
                let mut random = Random::new(seed);
                Box::new(move |_| if random.real(0.0, 1.0) < 0.5 { -FAR } else { FAR })
            }
        };
        ArrayD::from_shape_vec(shape, (0..count).map(element).collect())
            .expect("as many as the shape has")
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let end = || prop_oneof![Just(-FAR), Just(FAR), Just(0.0f32), -2.0f32..2.0];
    prop_oneof![
        end().prop_map(Pattern::Level),
        (1usize..40, end(), end()).prop_map(|(width, a, b)| Pattern::Stripes(width, a, b)),
        (any::<usize>(), end(), end()).prop_map(|(place, a, b)| Pattern::Spike(place, a, b)),
        (any::<u64>(), -3.0f32..0.0, 0.5f32..3.0)
            .prop_map(|(seed, low, high)| Pattern::Noise(seed, low, high)),
        any::<u64>().prop_map(Pattern::Coins),
    ]
}

/// The network's answer to a pattern can be proven.
fn provable(circuit: &Circuit, pattern: Pattern) {
    let inputs: Vec<_> =
        circuit.graph().inputs.iter().map(|input| pattern.fill(&input.shape)).collect();
    let witness = circuit.witness(&inputs).unwrap_or_else(|error| panic!("{pattern:?}: {error}"));
    let found = count(circuit.key(), &witness.columns).verdict;
    found.unwrap_or_else(|error| panic!("{pattern:?}: {error}"));
}

fn check(name: &str, cases: u32) {
    for file in [format!("{name}.onnx"), format!("{name}.qdq.onnx")] {
        let circuit = circuit(name, &file);
        [Pattern::Level(-FAR), Pattern::Level(FAR), Pattern::Stripes(1, FAR, -FAR)]
            .into_iter()
            .for_each(|pattern| provable(&circuit, pattern));
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::with_cases(cases), rng);
        let result = runner.run(&pattern(), |pattern| {
            provable(&circuit, pattern);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

/// The same, and one extreme case from file to verdict.
fn check_and_prove(name: &str, cases: u32) {
    check(name, cases);
    let circuit = circuit(name, &format!("{name}.qdq.onnx"));
    let parameters = Parameters::derive(circuit.key().description().k).expect("a supported size");
    let inputs: Vec<_> =
        circuit.graph().inputs.iter().map(|input| Pattern::Coins(7).fill(&input.shape)).collect();
    let session = circuit.session(&parameters, None).expect("public weights");
    let proof = session.prove(&inputs).expect("every input is provable");
    verify(circuit.key(), &parameters, None, &proof).expect("a valid proof");
}

#[test]
fn small_mlp() {
    check_and_prove("mlp-64-32-16-10", 256);
}

#[test]
fn small_cnn() {
    check_and_prove("cnn-8x8", 256);
}

#[test]
fn lenet5() {
    check_and_prove("lenet5", 128);
}

#[test]
fn large_mlp() {
    check("mlp-784-512-256-10", 64);
}

#[test]
fn two_inputs() {
    check_and_prove("twins", 128);
}

#[test]
fn residual_network() {
    check("resnet8-32", 24);
}

#[test]
fn depthwise_network() {
    check("mobilenetv2-32", 24);
}

#[test]
fn segmenter() {
    check("unet-32", 24);
}
