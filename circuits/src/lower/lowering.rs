//! Lowering in progress: what each value of the graph has become, and what operators ask of it.

use std::collections::BTreeMap;

use zkinfer_models::integer::graph::{Graph, Node, Operator, Quantisation, ValueId, Window};
use zkinfer_verifier::circuit::analysis::Known;
use zkinfer_verifier::circuit::description::{
    self, Description, NodeId, Output, OutputSource, Scheme,
};
use zkinfer_verifier::circuit::interval::Interval;

use super::builder::Builder;
use super::exposure::Exposure;
use crate::error::Error;

/// How often each value is read by nodes.
fn readers(graph: &Graph) -> Vec<usize> {
    let mut readers = vec![0; graph.inputs.len() + graph.nodes.len()];
    graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|&value| readers[value] += 1);
    readers
}

/// How many outputs each value is.
fn outputs(graph: &Graph) -> Vec<usize> {
    let mut outputs = vec![0; graph.inputs.len() + graph.nodes.len()];
    graph.outputs.iter().for_each(|output| outputs[output.value] += 1);
    outputs
}

/// How people read a value, as the verifier spells it: scales that are all the same are one.
pub(super) fn reading(graph: &Graph, value: ValueId) -> Scheme {
    let spelt = |&Quantisation { scale, zero_point }: &Quantisation| description::Quantisation {
        scale,
        zero_point,
    };
    let Some(parts) = graph.parts.get(&value) else {
        return Scheme::PerTensor(spelt(&graph.quantisation(value)));
    };
    match parts.each.as_slice() {
        [first, rest @ ..] if rest.iter().all(|part| part == first) => {
            Scheme::PerTensor(spelt(first))
        }
        each => Scheme::PerAxis { axis: parts.axis, parts: each.iter().map(spelt).collect() },
    }
}

/// What a value of the graph has become.
pub(super) enum Value {
    /// A node with the same elements.
    Node(NodeId),
    /// The index of a maximum, which only an output can be.
    Index(OutputSource),
    /// Sums of a Linear over many positions, features first, as the only Sum that reads them takes
    /// them.
    Turned(NodeId),
    /// A product that only a Softmax reads, which makes it where it needs it.
    Deferred,
}

/// Lowering in progress.
pub(super) struct Lowering<'g> {
    pub(super) graph: &'g Graph,
    /// Whether weights are sealed.
    pub(super) sealed: bool,
    /// For each value, how often it is read by nodes and how many outputs it is.
    pub(super) readers: Vec<usize>,
    pub(super) outputs: Vec<usize>,
    pub(super) builder: Builder,
    pub(super) values: Vec<Value>,
    /// The contractions of each node of the graph that has weights, one a digit.
    pub(super) contractions: BTreeMap<usize, Vec<NodeId>>,
    /// The description without nodes and outputs.
    pub(super) started: Description,
    /// Shapes and intervals of the first nodes, as the verifier will see them.
    known: Known,
}

/// An operand of the node being lowered.
pub(super) struct Operand<'g> {
    pub(super) node: NodeId,
    pub(super) shape: &'g [usize],
    pub(super) zero_point: i64,
}

impl<'g> Lowering<'g> {
    pub(super) fn new(graph: &'g Graph, sealed: bool, started: Description) -> Self {
        Self {
            graph,
            sealed,
            readers: readers(graph),
            outputs: outputs(graph),
            builder: Builder::default(),
            values: Vec::new(),
            contractions: BTreeMap::new(),
            started,
            known: Known::default(),
        }
    }

    /// Keeps the contractions of the node being lowered for others that read its weights.
    pub(super) fn keep(&mut self, contractions: Vec<NodeId>) {
        self.contractions.insert(self.values.len() - self.graph.inputs.len(), contractions);
    }

    /// The verifier's interval of a node.
    pub(super) fn interval(&mut self, node: NodeId) -> Result<Interval, Error> {
        self.builder.exchange(&mut self.started);
        while self.known.nodes.len() <= node {
            self.known.next(&self.started)?;
        }
        self.builder.exchange(&mut self.started);
        Ok(self.known.nodes[node].interval)
    }

    /// The node's operand `index`.
    pub(super) fn operand(&self, node: &Node, index: usize) -> Result<Operand<'g>, Error> {
        let malformed = || Error::Malformed {
            node: node.name.clone(),
            what: "it reads fewer values than its operator",
        };
        let value = *node.inputs.get(index).ok_or_else(malformed)?;
        self.value(&node.name, value)
    }

    /// The node's only operand.
    pub(super) fn only_operand(&self, node: &Node) -> Result<Operand<'g>, Error> {
        if node.inputs.len() > 1 {
            return Err(self.malformed("it reads more values than its operator"));
        }
        self.operand(node, 0)
    }

    /// All operands of a node, in its shape.
    pub(super) fn operands(&mut self, node: &Node) -> Result<Vec<Operand<'g>>, Error> {
        let mut operands = Vec::new();
        for index in 0..node.inputs.len() {
            let mut operand = self.operand(node, index)?;
            if operand.shape != node.shape {
                return Err(self.malformed("its operands have its shape"));
            }
            operand.node = self.builder.reshape(operand.node, &node.shape);
            operands.push(operand);
        }
        Ok(operands)
    }

    /// The integers that an operand can take.
    pub(super) fn range(&self, operand: NodeId) -> Result<Interval, Error> {
        self.builder.range(operand).ok_or_else(|| self.malformed("it reads an accumulator"))
    }

    /// Whether the value being lowered is one output of the graph and nothing else.
    pub(super) fn only_an_output(&self) -> bool {
        let value = self.values.len();
        self.readers[value] == 0 && self.outputs[value] == 1
    }

    /// Whether the value being lowered is one output of the graph and nothing else, and a node of
    /// that shape is shown as it stands.
    pub(super) fn is_put_out(&mut self, node: NodeId, shape: &[usize]) -> bool {
        self.only_an_output() && self.builder.exposed(node, shape) == node
    }

    /// Whether one equation reads the value being lowered: that of the only output that it is, or
    /// that of the only Sum that adds it up as it stands.
    pub(super) fn read_once(&self) -> bool {
        let value = self.values.len();
        let turned =
            |sum: &Node| sum.inputs.iter().any(|&value| self.is_turned(self.source(value)));
        let stands = |sum: &Node| self.is_turned(value) || !turned(sum);
        self.only_an_output() || self.sum(value).is_some_and(stands)
    }

    /// The only node that reads a value, in whatever shape, if it is a Sum.
    fn sum(&self, value: ValueId) -> Option<&'g Node> {
        let mut value = value;
        loop {
            let alone = self.readers[value] == 1 && self.outputs[value] == 0;
            let mut nodes = self.graph.nodes.iter().enumerate();
            let (index, reader) = nodes.find(|(_, node)| alone && node.inputs.contains(&value))?;
            match reader.operator {
                Operator::Sum { .. } => return Some(reader),
                Operator::Reshape => value = self.graph.inputs.len() + index,
                _ => return None,
            }
        }
    }

    /// A value before it was put in another shape.
    fn source(&self, value: ValueId) -> ValueId {
        let mut value = value;
        while let Some(node) = value.checked_sub(self.graph.inputs.len())
            && let Node { operator: Operator::Reshape, inputs, .. } = &self.graph.nodes[node]
        {
            value = inputs[0];
        }
        value
    }

    /// Whether a value is sums of a Linear over many positions that a Sum adds up features first.
    pub(super) fn is_turned(&self, value: ValueId) -> bool {
        let producer = value.checked_sub(self.graph.inputs.len());
        let Some(node) = producer.and_then(|producer| self.graph.nodes.get(producer)) else {
            return false;
        };
        let Operator::Linear { bias, requantise: None, .. } = &node.operator else { return false };
        let features = |sum: &Node| sum.shape.last() == Some(&bias.len());
        node.shape.iter().product::<usize>() > bias.len() && self.sum(value).is_some_and(features)
    }

    /// What stands for a value features first.
    pub(super) fn turned(&self, value: ValueId) -> Option<NodeId> {
        match self.values.get(value) {
            Some(&Value::Turned(node)) => Some(node),
            _ => None,
        }
    }

    /// Whether the node's operand `index` is an accumulator of a layer that was not requantised.
    pub(super) fn is_accumulator(&self, node: &Node, index: usize) -> bool {
        let source = node.inputs.get(index).map(|&value| self.source(value));
        let producer = source.and_then(|value| value.checked_sub(self.graph.inputs.len()));
        producer.and_then(|producer| self.graph.nodes.get(producer)).is_some_and(|producer| {
            matches!(
                producer.operator,
                Operator::Convolution { requantise: None, .. }
                    | Operator::Linear { requantise: None, .. }
            )
        })
    }

    /// Whether the value being lowered is a product that is not requantised and that a Softmax
    /// reads, and nothing else.
    pub(super) fn is_deferred(&self) -> bool {
        let value = self.values.len();
        let read = || self.graph.nodes.iter().find(|node| node.inputs.contains(&value));
        self.readers[value] == 1
            && self.outputs[value] == 0
            && read().is_some_and(|node| self.deferred(node).is_some())
    }

    /// The product that a Softmax makes for itself.
    pub(super) fn deferred(&self, softmax: &Node) -> Option<&'g Node> {
        let Operator::Softmax { .. } = softmax.operator else { return None };
        let &value = softmax.inputs.first()?;
        let node = self.graph.nodes.get(value.checked_sub(self.graph.inputs.len())?)?;
        let Operator::MatMul { requantise: None, .. } = node.operator else { return None };
        (self.readers[value] == 1 && self.outputs[value] == 0).then_some(node)
    }

    pub(super) fn value(&self, reader: &str, value: ValueId) -> Result<Operand<'g>, Error> {
        match self.values.get(value) {
            None => Err(Error::ForwardReference { node: reader.into(), value }),
            Some(Value::Index(_)) => Err(Error::ReadsIndex { node: reader.into() }),
            Some(Value::Deferred | Value::Turned(_)) => {
                Err(self.malformed("it reads what another node alone reads"))
            }
            Some(&Value::Node(node)) => {
                let zero_point = self.graph.quantisation(value).zero_point;
                Ok(Operand { node, shape: self.graph.shape(value), zero_point })
            }
        }
    }

    /// An error about the node being lowered.
    pub(super) fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { node: self.builder.name(), what }
    }

    /// `[1, C, H, W]` or `[1, C, L]` without the batch, with a height.
    pub(super) fn planes(&self, shape: &[usize]) -> Result<[usize; 3], Error> {
        match *shape {
            [1, channels, height, width] => Ok([channels, height, width]),
            [1, channels, width] => Ok([channels, 1, width]),
            _ => Err(self.malformed(
                "a window slides over one batch of channels with one or two dimensions",
            )),
        }
    }

    /// The operand and result of a window as planes, after checking that the one gives the other.
    pub(super) fn slide(
        &self,
        window: &Window,
        input: &[usize],
        output: &[usize],
    ) -> Result<[[usize; 3]; 2], Error> {
        let planes = [self.planes(input)?, self.planes(output)?];
        let [[_, height, width], [_, out_height, out_width]] = planes;
        if window.output([height, width]) == Some([out_height, out_width]) {
            return Ok(planes);
        }
        Err(self.malformed("its window over its input does not give its shape"))
    }

    pub(super) fn outputs(&mut self, exposure: &Exposure) -> Result<Vec<Output>, Error> {
        let output = |(index, output): (usize, &zkinfer_models::integer::graph::Output)| {
            let shape = self.graph.shape(output.value);
            let source = match self.values.get(output.value) {
                None | Some(Value::Deferred | Value::Turned(_)) => {
                    return Err(Error::ForwardReference {
                        node: output.name.clone(),
                        value: output.value,
                    });
                }
                Some(Value::Node(node)) => OutputSource::Node(self.builder.exposed(*node, shape)),
                Some(Value::Index(source)) => source.clone(),
            };
            Ok(Output {
                name: output.name.clone(),
                shape: shape.to_vec(),
                source,
                quantisation: reading(self.graph, output.value),
                visibility: exposure.output(index),
            })
        };
        self.graph.outputs.iter().enumerate().map(output).collect()
    }
}
