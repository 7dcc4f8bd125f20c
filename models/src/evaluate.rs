//! The quantised network against the float model on the same samples.

use ndarray::{ArrayD, Axis};
use serde::{Deserialize, Serialize};

use crate::agreement::{Distance, OutputError};
use crate::data::Dataset;
use crate::float::reference::{Executor, Reference, ReferenceError};
use crate::integer::graph::{Graph, Operator};
use crate::integer::interpreter::{InterpretError, Interpreter};
use crate::integer::tensors::TensorError;

/// Evaluation failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvaluateError {
    /// The float model failed.
    #[error("sample {sample}: {source}")]
    Reference {
        /// The sample, counted from 0.
        sample: usize,
        /// Why.
        source: ReferenceError,
    },
    /// The sample cannot be quantised.
    #[error("sample {sample}: {source}")]
    Tensor {
        /// The sample, counted from 0.
        sample: usize,
        /// Why.
        source: TensorError,
    },
    /// The quantised graph cannot be run.
    #[error(transparent)]
    Interpret(#[from] InterpretError),
    /// Labels do not go with the output.
    #[error(
        "sample {sample} has {found} labels, but output {output:?} has {expected} classes to \
        compare; check the labels"
    )]
    Labels {
        /// The sample, counted from 0.
        sample: usize,
        /// Its labels.
        found: usize,
        /// The output that classes are read from.
        output: String,
        /// Classes that it says.
        expected: usize,
    },
    /// A label is no class of the model.
    #[error(
        "the label of sample {sample} is {label}, but output {output:?} has classes 0..{classes}; \
        check the labels"
    )]
    Label {
        /// The sample, counted from 0.
        sample: usize,
        /// Its label.
        label: usize,
        /// The output that classes are read from.
        output: String,
        /// Number of its classes.
        classes: usize,
    },
}

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
    /// Share of samples where float and int8 have the same top class.
    pub agreement: f64,
    /// The outputs' distances, in the graph's order.
    pub outputs: Vec<OutputError>,
}

/// Runs both on every sample.
pub(crate) fn evaluate(
    reference: &Reference<'_>,
    graph: &Graph,
    dataset: &Dataset,
) -> Result<Evaluation, EvaluateError> {
    let interpreter = Interpreter::new(graph).map_err(InterpretError::from)?;
    let mut distances: Vec<Distance> = graph.outputs.iter().map(|_| Distance::default()).collect();
    let (mut agree, mut float_right, mut int8_right, mut compared) = (0, 0, 0, 0);
    let classes = Classes::of(graph);
    for (sample, inputs) in dataset.samples().iter().enumerate() {
        let float = reference.run(inputs);
        let float = float.map_err(|source| EvaluateError::Reference { sample, source })?;
        let integers = graph.quantise_inputs(inputs);
        let integers = integers.map_err(|source| EvaluateError::Tensor { sample, source })?;
        let int8 = graph.dequantise_outputs(&interpreter.run(&integers)?);
        for ((distance, float), int8) in distances.iter_mut().zip(&float).zip(&int8) {
            distance.add(float, int8);
        }
        let float_classes = classes.top(&float[0].mapv(f64::from));
        let int8_classes = classes.top(&int8[0]);
        compared += float_classes.len();
        agree += equal(&float_classes, &int8_classes);
        if let Some(labels) = dataset.labels().and_then(|labels| labels.get(sample)) {
            if labels.len() != float_classes.len() {
                return Err(EvaluateError::Labels {
                    sample,
                    found: labels.len(),
                    output: graph.outputs[0].name.clone(),
                    expected: float_classes.len(),
                });
            }
            if let Some(&label) = labels.iter().find(|&&label| label >= classes.count) {
                return Err(EvaluateError::Label {
                    sample,
                    label,
                    output: graph.outputs[0].name.clone(),
                    classes: classes.count,
                });
            }
            float_right += equal(&float_classes, labels);
            int8_right += equal(&int8_classes, labels);
        }
    }
    let samples = dataset.samples().len();
    let share = |count: usize| count as f64 / compared as f64;
    let labelled = dataset.labels().is_some();
    let outputs = graph.outputs.iter().zip(distances);
    Ok(Evaluation {
        samples,
        float_by: reference.executor(),
        class_output: graph.outputs[0].name.clone(),
        float_accuracy: labelled.then(|| share(float_right)),
        int8_accuracy: labelled.then(|| share(int8_right)),
        agreement: share(agree),
        outputs: outputs.map(|(output, distance)| distance.finish(&output.name)).collect(),
    })
}

/// How many classes are the same.
fn equal(left: &[usize], right: &[usize]) -> usize {
    left.iter().zip(right).filter(|(left, right)| left == right).count()
}

/// How classes are read from the first output.
struct Classes {
    count: usize,
    /// The output is the class itself.
    index: bool,
    /// The output has classes along dimension 1, for each position of the others.
    positions: bool,
}

impl Classes {
    fn of(graph: &Graph) -> Self {
        let value = graph.outputs[0].value;
        let node = value.checked_sub(graph.inputs.len());
        let node = node.map(|node| &graph.nodes[node]);
        if let Some((node, &Operator::ArgMax { axis, .. })) =
            node.map(|node| (node, &node.operator))
        {
            return Self {
                count: graph.shape(node.inputs[0])[axis],
                index: true,
                positions: false,
            };
        }
        let shape = graph.shape(value);
        let positions =
            shape.len() > 2 && shape[0] == 1 && shape[2..].iter().any(|&length| length > 1);
        let count = if positions { shape[1] } else { shape.iter().product() };
        Self { count, index: false, positions }
    }

    /// The classes of an output; among equal ones the first.
    fn top(&self, output: &ArrayD<f64>) -> Vec<usize> {
        if self.index {
            return output.iter().map(|&class| class as usize).collect();
        }
        if self.positions {
            return output.lanes(Axis(1)).into_iter().map(|lane| best(lane.iter())).collect();
        }
        vec![best(output.iter())]
    }
}

/// The place of the largest number; of the first, if there are several.
fn best<'a>(scores: impl Iterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, &score) in scores.enumerate() {
        if score > best.1 {
            best = (class, score);
        }
    }
    best.0
}
