//! The quantised network against the float model on the same samples.

pub(crate) mod error;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::agreement::{Distance, Measure, OutputError, Reading};
use crate::data::Dataset;
use crate::float::reference::{Executor, Reference};
use crate::integer::graph::{Graph, Input};
use crate::integer::interpreter::{InterpretError, Interpreter};
use crate::limits;
use crate::parallel::{self, Watch};
pub use error::EvaluateError;

/// Float and int8 side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of samples.
    pub samples: usize,
    /// Who ran the float model.
    pub float_by: Executor,
    /// The output that classes are read from: the first one.
    pub class_output: String,
    /// Share of samples (or positions, where each has a class) whose top class is the label, float;
    /// none without labels.
    pub float_accuracy: Option<f64>,
    /// Share of samples whose top class is the label, int8; none without labels.
    pub int8_accuracy: Option<f64>,
    /// Perplexity of the labels, float and int8, where each token of a sample has one: `e` to the
    /// mean of `−ln` of what a softmax gives it.
    pub perplexity: Option<[f64; 2]>,
    /// Share of samples (or positions) where float and int8 have the same top class; none where the
    /// output is no classes and there are no labels.
    pub agreement: Option<f64>,
    /// What of each input lies outside the range that it is quantised for.
    pub inputs: Vec<InputSaturation>,
    /// The outputs' distances, in the graph's order.
    pub outputs: Vec<OutputError>,
}

/// How much of an input counts as an end of its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSaturation {
    /// The input.
    pub name: String,
    /// Share of its elements that lie outside the range, in all samples.
    pub saturated: f64,
}

/// A network on integers, ready to run.
struct Network<'g> {
    graph: &'g Graph,
    interpreter: Interpreter<'g>,
    ranges: Vec<(i64, i64)>,
}

impl<'g> Network<'g> {
    fn new(graph: &'g Graph) -> Result<Self, EvaluateError> {
        let interpreter = Interpreter::new(graph).map_err(InterpretError::from)?;
        Ok(Self { graph, interpreter, ranges: graph.ranges() })
    }
}

/// Runs the float model on every sample, and one network on integers: each has its turn.
pub(crate) fn evaluate(
    reference: &Reference<'_>,
    graph: &Graph,
    others: &[&Graph],
    dataset: &Dataset,
    watch: &Watch,
) -> Result<Evaluation, EvaluateError> {
    let mut networks = vec![Network::new(graph)?];
    for graph in others {
        networks.push(Network::new(graph)?);
    }
    let of = |sample: usize| &networks[sample % networks.len()];
    let mut distances: Vec<Distance> =
        (0..graph.outputs.len()).map(|output| Distance::new(graph, output)).collect();
    let mut outside = vec![[0usize; 2]; graph.inputs.len()];
    let mut classes = Classes::of(graph, dataset.labels());
    let samples = dataset.samples();
    let both = |sample: usize| {
        let (inputs, Network { graph, interpreter, .. }) = (&samples[sample], of(sample));
        let float = reference.run(inputs);
        let float = float.map_err(|source| EvaluateError::Reference { sample, source })?;
        let float: Vec<_> = float.iter().map(|output| output.mapv(f64::from)).collect();
        let integers = graph.quantise_inputs(inputs);
        let integers = integers.map_err(|source| EvaluateError::Tensor { sample, source })?;
        Ok((sample, float, interpreter.run(&integers)?))
    };
    let compare = |(sample, float, integers): (usize, Vec<ArrayD<f64>>, Vec<ArrayD<i64>>)| {
        let (inputs, Network { graph, ranges, .. }) = (&samples[sample], of(sample));
        for (index, (counts, input)) in outside.iter_mut().zip(inputs).enumerate() {
            let clamped = graph.clamped(index, input);
            counts[0] += clamped.map_or(0, |clamped| clamped.below + clamped.above);
            counts[1] += input.len();
        }
        let int8 = graph.dequantise_outputs(&integers);
        for (index, distance) in distances.iter_mut().enumerate() {
            distance.add(graph, &float[index], &integers[index], &int8[index], ranges);
        }
        classes.add(sample, &float[0], &int8[0])
    };
    parallel::samples(samples.len(), memory(graph), watch, both, compare)?;
    let outputs: Vec<OutputError> = distances.into_iter().map(Distance::finish).collect();
    let saturation = |(input, counts): (&Input, [usize; 2])| InputSaturation {
        name: input.name.clone(),
        saturated: counts[0] as f64 / counts[1].max(1) as f64,
    };
    let share = |count: usize| count as f64 / classes.compared.max(1) as f64;
    let labelled = dataset.labels().is_some();
    let of_classes =
        matches!(outputs[0].measure, Measure::Classes { .. } | Measure::Positions { .. });
    Ok(Evaluation {
        samples: dataset.samples().len(),
        float_by: reference.executor(),
        class_output: graph.outputs[0].name.clone(),
        float_accuracy: labelled.then(|| share(classes.right[0])),
        int8_accuracy: labelled.then(|| share(classes.right[1])),
        perplexity: classes.perplexity(),
        agreement: (labelled || of_classes).then(|| share(classes.same)),
        inputs: graph.inputs.iter().zip(outside).map(saturation).collect(),
        outputs,
    })
}

/// Bytes that a run of both holds at once, about: some values of the largest size, in eight bytes
/// an element.
fn memory(graph: &Graph) -> usize {
    const VALUES: usize = 8;
    let inputs = graph.inputs.iter().map(|input| &input.shape);
    let shapes = inputs.chain(graph.nodes.iter().map(|node| &node.shape));
    let largest = shapes.map(|shape| limits::elements(shape)).max().unwrap_or(0);
    largest.saturating_mul(8 * VALUES)
}

/// The classes of the first output, counted.
struct Classes<'d> {
    output: &'d str,
    reading: Reading,
    labels: Option<&'d [Vec<usize>]>,
    compared: usize,
    same: usize,
    /// What is the label, float and int8.
    right: [usize; 2],
    /// Tokens with a label, and by how much these surprise them.
    surprised: usize,
    surprise: [f64; 2],
}

impl<'d> Classes<'d> {
    fn of(graph: &'d Graph, labels: Option<&'d [Vec<usize>]>) -> Self {
        let output = &graph.outputs[0];
        let reading = Reading::of(graph, output.value);
        Self {
            output: &output.name,
            reading,
            labels,
            compared: 0,
            same: 0,
            right: [0; 2],
            surprised: 0,
            surprise: [0.0; 2],
        }
    }

    fn add(
        &mut self,
        sample: usize,
        float: &ArrayD<f64>,
        int8: &ArrayD<f64>,
    ) -> Result<(), EvaluateError> {
        let outputs = [float, int8];
        let [float, int8] = outputs.map(|output| self.reading.top(output));
        self.compared += float.len();
        self.same += equal(&float, &int8);
        let Some(labels) = self.labels.and_then(|labels| labels.get(sample)) else {
            return Ok(());
        };
        if labels.len() != float.len() {
            return Err(EvaluateError::Labels {
                sample,
                found: labels.len(),
                output: self.output.to_owned(),
                expected: float.len(),
            });
        }
        if let Some(&label) = labels.iter().find(|&&label| label >= self.reading.count) {
            return Err(EvaluateError::Label {
                sample,
                label,
                output: self.output.to_owned(),
                classes: self.reading.count,
            });
        }
        let [one, other] = outputs.map(|output| self.reading.surprises(output, labels));
        if let Some((one, other)) = one.zip(other) {
            self.surprised += one.len();
            self.surprise[0] += one.iter().sum::<f64>();
            self.surprise[1] += other.iter().sum::<f64>();
        }
        self.right[0] += equal(&float, labels);
        self.right[1] += equal(&int8, labels);
        Ok(())
    }
}

impl Classes<'_> {
    fn perplexity(&self) -> Option<[f64; 2]> {
        let mean = |surprise: f64| (surprise / self.surprised as f64).exp();
        (self.surprised > 0).then(|| self.surprise.map(mean))
    }
}

/// How many classes are the same.
fn equal(left: &[usize], right: &[usize]) -> usize {
    left.iter().zip(right).filter(|(left, right)| left == right).count()
}
