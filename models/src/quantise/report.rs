//! What quantisation decided, for people and for `--json`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::float::range::Range;
use crate::integer::graph::{Graph, Integers, Node, Operator};

/// How a network was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// What the import changed.
    pub notes: Vec<String>,
    /// What was chosen where there was a choice, a line each.
    pub choices: Vec<String>,
    /// What may cost accuracy.
    pub warnings: Vec<String>,
    /// The inputs.
    pub inputs: Vec<InputReport>,
    /// The nodes, in order.
    pub nodes: Vec<NodeReport>,
    /// How well the whole network agrees with the float model, where both were run on samples.
    pub agreement: Option<Agreement>,
}

/// How an input was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputReport {
    /// The ONNX name.
    pub name: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The calibrated range.
    pub range: Range,
    /// Real units per step.
    pub scale: f64,
    /// The integer that stands for zero.
    pub zero_point: i64,
}

/// How a node was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The node.
    pub name: String,
    /// Its operator, of the quantised graph.
    pub operator: String,
    /// Shape of its result.
    pub shape: Vec<usize>,
    /// The range its result was quantised over; none where it keeps its input's quantisation or
    /// stays an accumulator.
    pub range: Option<Range>,
    /// Real units per step of its result.
    pub scale: f64,
    /// The integer that stands for zero in its result.
    pub zero_point: i64,
    /// Fractional bits that its requantisation drops; none if it has no requantisation.
    pub shift: Option<u32>,
    /// The smallest and the largest of its multipliers; none if it has none.
    pub multipliers: Option<(i64, i64)>,
    /// Number of its biases, and of its weights if they are its own.
    pub parameters: usize,
}

impl Report {
    pub(crate) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            notes: Vec::new(),
            choices: Vec::new(),
            warnings: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            agreement: None,
        }
    }

    /// The report of one segment: the entries of its nodes and of those inputs that are the whole
    /// graph's. Notes and warnings do not say which node they are about, so each segment keeps all
    /// of them.
    pub fn part(&self, segment: &Graph) -> Self {
        let names: HashSet<&str> = segment.nodes.iter().map(|node| node.name.as_str()).collect();
        let nodes = self.nodes.iter().filter(|entry| names.contains(entry.name.as_str()));
        let names: HashSet<&str> = segment.inputs.iter().map(|input| input.name.as_str()).collect();
        let inputs = self.inputs.iter().filter(|entry| names.contains(entry.name.as_str()));
        Self {
            model: segment.name.clone(),
            nodes: nodes.cloned().collect(),
            inputs: inputs.cloned().collect(),
            ..self.clone()
        }
    }
}

impl NodeReport {
    pub(crate) fn new(node: &Node) -> Self {
        let (multipliers, parameters): (&[i64], _) = match &node.operator {
            Operator::Convolution { weights, bias, multipliers, .. }
            | Operator::Linear { weights, bias, multipliers, .. } => {
                let own = weights.own().map_or(0, Integers::len);
                (multipliers, own + bias.len())
            }
            Operator::Sum { multipliers, constant, .. } => (multipliers, constant.len()),
            Operator::AveragePool { multipliers, .. } => (multipliers, 0),
            Operator::MatMul { multiplier, .. } => (std::slice::from_ref(multiplier), 0),
            _ => (&[], 0),
        };
        // What a Product, Softmax or Normalise divides by says nothing about its numbers.
        let shift = if multipliers.is_empty() { None } else { node.operator.rescaling() };
        let shift = shift.map(|requantise| requantise.shift);
        let smallest = multipliers.iter().copied().min();
        Self {
            name: node.name.clone(),
            operator: node.operator.name().to_owned(),
            shape: node.shape.clone(),
            range: None,
            scale: node.quantisation.scale,
            zero_point: node.quantisation.zero_point,
            shift,
            multipliers: smallest.zip(multipliers.iter().copied().max()),
            parameters,
        }
    }
}
