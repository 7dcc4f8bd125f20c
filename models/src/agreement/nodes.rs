//! Where the error comes in: each node of the float graph, run on what its operands' integers stand
//! for, beside the integers that came of it.

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::deviation::{Sums, share};
use super::saturation::saturated;
use crate::data::Dataset;
use crate::evaluate::error::EvaluateError;
use crate::float;
use crate::float::execute::Execution;
use crate::float::graph::Operator;
use crate::integer::graph::Graph;
use crate::integer::interpreter::{InterpretError, Interpreter};
use crate::quantise::counterparts::Counterparts;

/// What a node of the float graph costs in agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeError {
    /// The node.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// Elements of its result.
    pub elements: usize,
    /// Share of the integers that stand at an end of their range, while what the node makes of its
    /// operands lies beyond it.
    pub saturated: f64,
    /// Standard deviation of the result in the float model; its size, where that is constant.
    pub spread: f64,
    /// What comes in here: against the node's operator on what the operands' integers stand for.
    pub introduced: NodeLoss,
    /// What there is of it by then: against the float model's numbers.
    pub accumulated: NodeLoss,
}

/// An error in units of the spread of a node's result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeLoss {
    /// The root mean square.
    pub error: f64,
    /// The largest.
    pub largest: f64,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    introduced: Sums,
    accumulated: Sums,
    saturated: usize,
}

/// Runs both on every sample; one entry for each node of the float graph, in order.
pub(crate) fn node_errors(
    float: &float::graph::Graph,
    graph: &Graph,
    counterparts: &Counterparts,
    dataset: &Dataset,
) -> Result<Vec<NodeError>, EvaluateError> {
    if !counterparts.fit(float, graph) {
        return Err(EvaluateError::OtherModel { model: float.name.clone() });
    }
    let interpreter = Interpreter::new(graph).map_err(InterpretError::from)?;
    let (execution, ranges) = (Execution::new(float), graph.ranges());
    let mut tallies = vec![Tally::default(); float.nodes.len()];
    for (sample, inputs) in dataset.samples().iter().enumerate() {
        let integers = graph.quantise_inputs(inputs);
        let integers = integers.map_err(|source| EvaluateError::Tensor { sample, source })?;
        let integers = interpreter.run_all(&integers)?;
        let mut meant: Vec<ArrayD<f64>> = (0..float.inputs.len())
            .map(|value| counterparts.dequantise(graph, value, &integers))
            .collect();
        execution.run(inputs, |index, _, expected| {
            let (node, value) = (&float.nodes[index], float.inputs.len() + index);
            let operands: Vec<&ArrayD<f64>> =
                node.inputs.iter().map(|&input| &meant[input]).collect();
            let (argument, here) = execution.step(index, &operands);
            let found = counterparts.dequantise(graph, value, &integers);
            let tally = &mut tallies[index];
            // Where no reader can tell numbers apart, saturating loses nothing.
            let matters = |x: f64| counterparts.clamp(value, x);
            let pairs = here.iter().zip(expected).zip(&found);
            for ((&here, &expected), &found) in pairs {
                let [here, expected, found] = [here, expected, found].map(matters);
                if here.is_finite() && expected.is_finite() {
                    tally.introduced.add(here, found);
                    tally.accumulated.add(expected, found);
                }
            }
            // A softmax has nothing that bounds it; a file's own grid clamps too.
            let argument = match node.operator {
                Operator::Softmax { .. } => here.clone(),
                _ => argument,
            };
            let unbounded = argument
                .mapv(|x| matters(node.fused.as_ref().map_or(x, |activation| activation.apply(x))));
            let place = counterparts.of(value);
            tally.saturated +=
                saturated(graph, &ranges, place, &integers[place], &found, &unbounded);
            meant.push(found);
        });
    }
    Ok(float.nodes.iter().zip(tallies).map(|(node, tally)| finish(node, &tally)).collect())
}

fn finish(node: &float::graph::Node, tally: &Tally) -> NodeError {
    let all = tally.accumulated.whole();
    let loss = |sums: &Sums| NodeLoss {
        error: share(sums.typical(), all.spread),
        largest: share(sums.largest(), all.spread),
    };
    NodeError {
        name: node.name.clone(),
        operator: node.operator.name().to_owned(),
        elements: node.shape.iter().product(),
        saturated: tally.saturated as f64 / all.count.max(1) as f64,
        spread: all.spread,
        introduced: loss(&tally.introduced),
        accumulated: loss(&tally.accumulated),
    }
}
