//! From a model built in Rust to a comparison of its int8 and its float outputs.

use ndarray::ArrayD;
use zkinfer_models::integer::interpreter;
use zkinfer_models::model::Error;
use zkinfer_models::onnx::{ImportError, Refusal};
use zkinfer_models::quantise::settings::Options;
use zkinfer_models::testing::onnx::Builder;
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Dataset, Model, Quantised};

/// Samples that a case is calibrated and compared on.
const SAMPLES: usize = 24;

pub struct Case {
    pub model: Model,
    pub quantised: Quantised,
    pub dataset: Dataset,
}

/// Imports, calibrates with random inputs in −1..1, quantises, and checks that the graph survives
/// serialisation.
pub fn case(builder: Builder) -> Case {
    case_with(builder, &Options::default())
}

/// The same with other options.
pub fn case_with(builder: Builder, options: &Options) -> Case {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(7);
    let samples = (0..SAMPLES).map(|_| {
        let inputs = model.inputs().iter();
        inputs.map(|input| random.tensor(&input.shape, -1.0, 1.0)).collect()
    });
    let samples = samples.collect();
    case_of(model, samples, options)
}

/// The same with whole numbers, from `low` to `high`.
pub fn whole_case(builder: Builder, low: i64, high: i64) -> Case {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(8);
    let samples = (0..SAMPLES).map(|_| {
        let inputs = model.inputs().iter();
        let tensor = |input: &zkinfer_models::integer::signature::Input| {
            random.tensor(&input.shape, low as f32 - 0.49, high as f32 + 0.49).mapv(f32::round)
        };
        inputs.map(tensor).collect()
    });
    let samples = samples.collect();
    case_of(model, samples, &Options::default())
}

/// Calibrates and quantises a model.
fn case_of(model: Model, samples: Vec<Vec<ArrayD<f32>>>, options: &Options) -> Case {
    let dataset = Dataset::new(samples, None).unwrap();
    let calibration = model.calibrate(&dataset).unwrap();
    let quantised = model.quantise_with(&calibration, options).unwrap();
    let bytes = postcard::to_stdvec(&quantised.graph).unwrap();
    assert_eq!(
        postcard::from_bytes::<zkinfer_models::integer::graph::Graph>(&bytes).unwrap(),
        quantised.graph
    );
    assert!(serde_json::to_string(&quantised.report).unwrap().contains("case"));
    Case { model, quantised, dataset }
}

impl Case {
    /// The largest distance between int8 and float outputs, in 255ths of the range that the float
    /// output takes (zero included).
    pub fn distance(&self) -> f64 {
        let graph = &self.quantised.graph;
        let mut largest = vec![0.0f64; graph.outputs.len()];
        let mut range = vec![(0.0f64, 0.0f64); graph.outputs.len()];
        for inputs in self.dataset.samples() {
            let float = self.model.run(inputs).unwrap();
            same(&float, &self.model.run_own(inputs).unwrap());
            let integers = graph.quantise_inputs(inputs).unwrap();
            let outputs = interpreter::run(graph, &integers).unwrap();
            let int8 = graph.dequantise_outputs(&outputs);
            for (index, (float, int8)) in float.iter().zip(&int8).enumerate() {
                assert_eq!(float.shape(), int8.shape(), "output {index}");
                for (&float, &int8) in float.iter().zip(int8) {
                    let float = f64::from(float);
                    largest[index] = largest[index].max((float - int8).abs());
                    range[index] = (range[index].0.min(float), range[index].1.max(float));
                }
            }
        }
        let steps =
            largest.iter().zip(range).map(|(largest, (low, high))| largest / (high - low) * 255.0);
        steps.fold(0.0, f64::max)
    }

    /// The outputs of the first sample as integers.
    pub fn integers(&self) -> Vec<ArrayD<i64>> {
        let graph = &self.quantised.graph;
        let integers = graph.quantise_inputs(&self.dataset.samples()[0]).unwrap();
        interpreter::run(graph, &integers).unwrap()
    }

    /// Names of the quantised operators, in order.
    pub fn operators(&self) -> Vec<&'static str> {
        let nodes = self.quantised.graph.nodes.iter();
        nodes.map(|node| node.operator.name()).collect()
    }
}

/// Checks that our own float execution is tract's, up to what 24 bits of a number make of sums.
fn same(tract: &[ArrayD<f32>], own: &[ArrayD<f32>]) {
    for (tract, own) in tract.iter().zip(own) {
        assert_eq!(tract.shape(), own.shape());
        let largest = tract.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
        for (&tract, &own) in tract.iter().zip(own) {
            assert!((tract - own).abs() <= 1e-5 * largest, "tract {tract}, our own {own}");
        }
    }
}

/// Checks that int8 is within `steps` (255ths of the float output's range) of float, and that the
/// operators are as expected.
pub fn close(builder: Builder, steps: f64, operators: &[&str]) -> Case {
    let case = case(builder);
    assert_eq!(case.operators(), operators);
    let distance = case.distance();
    assert!(distance <= steps, "{distance} steps, at most {steps} expected");
    case
}

/// Checks float and int8 outputs against what the operators are defined to be: `expected` gives the
/// first output of a sample, row by row. The float network follows it, int8 is within `steps`
/// (255ths of its range, zero included).
pub fn defined(
    builder: Builder,
    steps: f64,
    expected: impl Fn(&[ArrayD<f32>]) -> Vec<f64>,
) -> Case {
    let case = case(builder);
    let graph = &case.quantised.graph;
    let (mut largest, mut low, mut high) = (0.0f64, 0.0f64, 0.0f64);
    for inputs in case.dataset.samples() {
        let expected = expected(inputs);
        let float = case.model.run_own(inputs).unwrap();
        let integers = graph.quantise_inputs(inputs).unwrap();
        let int8 = graph.dequantise_outputs(&interpreter::run(graph, &integers).unwrap());
        assert_eq!((float[0].len(), int8[0].len()), (expected.len(), expected.len()));
        for ((&float, &int8), expected) in float[0].iter().zip(&int8[0]).zip(expected) {
            assert!(
                (f64::from(float) - expected).abs() <= 1e-4 * expected.abs().max(1.0),
                "float {float}, by definition {expected}"
            );
            largest = largest.max((int8 - expected).abs());
            (low, high) = (low.min(expected), high.max(expected));
        }
    }
    let distance = largest / (high - low) * 255.0;
    assert!(distance <= steps, "{distance} steps, at most {steps} expected");
    case
}

/// Weights for tests: random in −1..1, seeded by their number.
pub fn weights(count: usize) -> Vec<f32> {
    Random::new(count as u64).reals(count, -1.0, 1.0)
}

/// The message of an import that must fail.
pub fn refusal(builder: Builder) -> String {
    Model::from_bytes("case.onnx", &builder.bytes()).unwrap_err().to_string()
}

/// The nodes that an import must refuse.
pub fn refusals(builder: Builder) -> Vec<Refusal> {
    match Model::from_bytes("case.onnx", &builder.bytes()) {
        Err(Error::Import(ImportError::Unsupported { refusals, .. })) => refusals.0,
        other => panic!("{other:?}"),
    }
}
