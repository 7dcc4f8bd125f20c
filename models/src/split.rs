//! Cutting a quantised graph in segments, each a graph by itself, so that they can be proven apart.
//!
//! What crosses a cut becomes an output of one segment and an input of the next, with the same name, shape and quantisation.

use thiserror::Error;

use crate::quantised::{Graph, Input, Node, Operator, Output, ValueId};
use crate::report::Report;

/// A place where a graph can be cut: one int8 value crosses it, and no output of the graph lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The cut is after this node.
    pub node: usize,
    /// The only value that crosses.
    pub value: ValueId,
    /// Its elements.
    pub elements: usize,
}

/// Why a graph was not split.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// More than one value crosses there, or one that is no int8 activation.
    #[error("{graph}: cannot be cut after node {node}; its cuts are listed by Graph::cuts")]
    NotACut {
        /// The graph.
        graph: String,
        /// The node.
        node: usize,
    },
}

impl Graph {
    /// Every place where the graph can be cut, in order.
    pub fn cuts(&self) -> Vec<Cut> {
        (0..self.nodes.len().saturating_sub(1)).filter_map(|node| self.cut(node)).collect()
    }

    /// The cut after a node, if there is one.
    fn cut(&self, node: usize) -> Option<Cut> {
        let inputs = self.inputs.len();
        let before = |value: ValueId| value < inputs + node + 1;
        if self.outputs.iter().any(|output| before(output.value)) {
            return None;
        }
        let mut crossing = self.nodes.get(node + 1..)?.iter().flat_map(|later| &later.inputs).filter(|&&v| before(v));
        let value = *crossing.next()?;
        if crossing.any(|&other| other != value) {
            return None;
        }
        let producer = self.nodes.get(value.checked_sub(inputs)?)?;
        let int8 = !matches!(
            producer.operator,
            Operator::Convolution { requantise: None, .. }
                | Operator::Linear { requantise: None, .. }
                | Operator::ArgMax { .. }
        );
        int8.then(|| Cut { node, value, elements: producer.shape.iter().product() })
    }

    /// The segments between these cuts, given by the nodes that they are after, in ascending order. Segment `i` of `name` is called `name.i`,
    /// from 1; without cuts the graph stays as it is.
    pub fn split(&self, nodes: &[usize]) -> Result<Vec<Self>, SplitError> {
        if nodes.is_empty() {
            return Ok(vec![self.clone()]);
        }
        let mut cuts = Vec::new();
        for &node in nodes {
            let ascending = cuts.last().is_none_or(|last: &Cut| last.node < node);
            let cut = self.cut(node).filter(|_| ascending);
            cuts.push(cut.ok_or_else(|| SplitError::NotACut { graph: self.name.clone(), node })?);
        }
        Ok((0..=cuts.len()).map(|index| self.segment(index, &cuts)).collect())
    }

    fn segment(&self, index: usize, cuts: &[Cut]) -> Self {
        let from = index.checked_sub(1).map(|before| cuts[before]);
        let to = cuts.get(index);
        let first = from.map_or(0, |cut| cut.node + 1);
        let nodes = &self.nodes[first..to.map_or(self.nodes.len(), |cut| cut.node + 1)];
        let inputs = match from {
            None => self.inputs.clone(),
            Some(cut) => vec![Input {
                name: self.crossing_name(cut.value),
                shape: self.shape(cut.value).to_vec(),
                quantisation: self.quantisation(cut.value),
            }],
        };
        // A value is the segment's only input, or one of its own nodes.
        let own = |value: ValueId| match from {
            Some(cut) if value == cut.value => 0,
            _ => value + inputs.len() - self.inputs.len() - first,
        };
        let renumbered = |node: &Node| Node { inputs: node.inputs.iter().map(|&v| own(v)).collect(), ..node.clone() };
        let outputs = match to {
            Some(cut) => vec![Output { name: self.crossing_name(cut.value), value: own(cut.value) }],
            None => self.outputs.iter().map(|o| Output { name: o.name.clone(), value: own(o.value) }).collect(),
        };
        let name = format!("{}.{}", self.name, index + 1);
        Self { name, nodes: nodes.iter().map(renumbered).collect(), outputs, inputs }
    }

    /// What a value is called on both sides of a cut: after the node that produces it.
    fn crossing_name(&self, value: ValueId) -> String {
        self.nodes[value - self.inputs.len()].name.clone()
    }
}

impl Report {
    /// The report of one segment: the entries of its nodes and inputs.
    pub fn part(&self, segment: &Graph) -> Self {
        let nodes = self.nodes.iter().filter(|entry| segment.nodes.iter().any(|node| node.name == entry.name));
        let inputs = self.inputs.iter().filter(|entry| segment.inputs.iter().any(|input| input.name == entry.name));
        Self {
            model: segment.name.clone(),
            nodes: nodes.cloned().collect(),
            inputs: inputs.cloned().collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter;
    use crate::quantised::{Function, Quantisation, Requantise};
    use ndarray::{ArrayD, IxDyn};

    const QUANTISATION: Quantisation = Quantisation { scale: 0.1, zero_point: 0 };

    fn node(name: &str, operator: Operator, inputs: &[ValueId], shape: &[usize]) -> Node {
        Node { name: name.into(), inputs: inputs.to_vec(), operator, shape: shape.to_vec(), quantisation: QUANTISATION }
    }

    fn linear(name: &str, input: ValueId, rows: usize, taps: usize, raw: bool) -> Node {
        let weights = (0..rows * taps).map(|i| (i * 37 % 200) as i8).collect();
        let requantise = (!raw).then(|| Requantise { shift: 6, zero_point: 0, function: Function::clamp(-128, 127) });
        let operator = Operator::Linear { weights, bias: vec![3; rows], multipliers: vec![1; rows], requantise };
        node(name, operator, &[input], &[1, rows])
    }

    /// `a → (b → c) + a → d → logits`: value 0 is the input.
    fn residual() -> Graph {
        let sum = Operator::Sum {
            multipliers: vec![1, 1],
            constant: vec![],
            requantise: Requantise { shift: 0, zero_point: 0, function: Function::clamp(-128, 127) },
        };
        Graph {
            name: "net".into(),
            inputs: vec![Input { name: "x".into(), shape: vec![1, 3], quantisation: QUANTISATION }],
            nodes: vec![
                linear("a", 0, 4, 3, false),
                linear("b", 1, 2, 4, false),
                linear("c", 2, 4, 2, false),
                node("sum", sum, &[1, 3], &[1, 4]),
                linear("d", 4, 5, 4, false),
                linear("logits", 5, 2, 5, true),
            ],
            outputs: vec![Output { name: "y".into(), value: 6 }],
        }
    }

    #[test]
    fn cuts_are_where_one_value_crosses() {
        let cut = |node, value, elements| Cut { node, value, elements };
        assert_eq!(residual().cuts(), [cut(0, 1, 4), cut(3, 4, 4), cut(4, 5, 5)]);
        let mut two = residual();
        two.outputs.push(Output { name: "hidden".into(), value: 4 });
        assert_eq!(two.cuts(), [cut(0, 1, 4)], "an output lies before the others");
    }

    #[test]
    fn segments_one_after_another_are_the_whole() {
        let graph = residual();
        let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![100, -128, 55]).unwrap();
        let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
        for cuts in [&[][..], &[0], &[3], &[0, 3], &[0, 3, 4]] {
            let segments = graph.split(cuts).unwrap();
            assert_eq!(segments.len(), cuts.len() + 1);
            let mut values = vec![input.clone()];
            for pair in segments.windows(2) {
                assert_eq!(pair[0].outputs[0].name, pair[1].inputs[0].name);
            }
            for segment in &segments {
                values = interpreter::run(segment, &values).unwrap();
            }
            assert_eq!(values, whole, "{cuts:?}");
        }
        assert_eq!(graph.split(&[0, 3]).unwrap()[1].name, "net.2");
    }

    #[test]
    fn other_places_are_refused() {
        for nodes in [&[1][..], &[2], &[5], &[9], &[3, 0], &[0, 0]] {
            assert!(matches!(residual().split(nodes), Err(SplitError::NotACut { .. })), "{nodes:?}");
        }
    }
}
