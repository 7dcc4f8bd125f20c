//! What benches share: the zoo's networks, compiled; points.

#![allow(dead_code, reason = "each bench uses a part")]

use std::path::PathBuf;

use ff::Field;
use ndarray::ArrayD;
use pasta_curves::group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fp};
use rand::rngs::StdRng;
use zkinfer::models::Dataset;
use zkinfer::{Cache, Circuit, Compile, Exposure, Model, Objective, Parameters};

/// Networks of the zoo, smallest first.
pub const NETWORKS: [&str; 4] = ["mlp-64-32-16-10", "cnn-8x8", "lenet5", "mlp-784-512-256-10"];

/// A compiled network with parameters and an input.
pub struct Network {
    /// Its float model.
    pub model: Model,
    /// Its circuit.
    pub circuit: Circuit,
    /// The commitment parameters for its circuit.
    pub parameters: Parameters,
    /// A digit.
    pub input: Vec<ArrayD<f32>>,
}

fn file(network: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/zoo").join(network).join(name)
}

/// Imports and calibrates a network.
pub fn load(network: &str) -> (Model, Dataset) {
    let model =
        Model::load(file(network, &format!("{network}.onnx"))).expect("a network of the zoo");
    let data = Dataset::read(file(network, "calibration.npz"), model.inputs())
        .expect("its calibration data");
    (model, data)
}

/// Compiles a network with public or sealed weights.
pub fn network(name: &str, exposure: &Exposure) -> Network {
    let (model, data) = load(name);
    let calibration = model.calibrate(&data).expect("calibration");
    let circuit = model
        .quantise(&calibration)
        .expect("int8")
        .compile_with(exposure, Objective::Prover)
        .expect("a circuit");
    let cache = Cache::user().expect("a cache directory");
    let (parameters, _) = cache.load(circuit.key().description().k, || {}).expect("parameters");
    let input = circuit.read_inputs(file(name, "sample.npy")).expect("its sample");
    Network { model, circuit, parameters, input }
}

/// Points that nothing is known about, without the time that halo2's parameters take: an arithmetic
/// progression of multiples.
pub fn points(count: usize, rng: &mut StdRng) -> Vec<EqAffine> {
    let mut point = Eq::generator() * Fp::random(&mut *rng);
    let step = Eq::generator() * Fp::random(&mut *rng);
    let points = std::iter::repeat_with(|| {
        point += step;
        point
    });
    let mut affine = vec![EqAffine::default(); count];
    Eq::batch_normalize(&points.take(count).collect::<Vec<Eq>>(), &mut affine);
    affine
}
