//! Cutting a quantised graph in segments, each a graph by itself, so that they can be proven apart.
//!
//! What crosses a cut becomes the output of one segment and the input of the next, with the same
//! name, shape and quantisation. Run one after another, the segments compute what the whole
//! computes.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::integer::graph::{Graph, Input, Node, Operator, Output, ValueId};

/// A place where a graph can be cut: one activation crosses it, and no output of the graph lies
/// before it.
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
    /// [`Graph::cuts`] does not list that place, or it does not come after the one before.
    #[error(
        "{graph:?}: cannot be cut after node {node}; its cuts, in ascending order, are listed by \
        Graph::cuts"
    )]
    NotACut {
        /// The graph.
        graph: String,
        /// The node.
        node: usize,
    },
}

impl Graph {
    /// Every place where the graph can be cut, in order. Of a graph that is not valid, none that
    /// would go wrong.
    pub fn cuts(&self) -> Vec<Cut> {
        let inputs = self.inputs.len();
        let activations = self.activations();
        // The node that reads a value last, and those by the node that makes them or reads them
        // last.
        let mut last = vec![0; inputs + self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                match last.get_mut(input).filter(|_| input < inputs + index) {
                    Some(last) => *last = index + 1,
                    None => return Vec::new(),
                }
            }
        }
        let mut ends = vec![Vec::new(); self.nodes.len() + 1];
        last.iter().enumerate().for_each(|(value, &reader)| ends[reader].push(value));
        let first_output =
            self.outputs.iter().map(|output| output.value).min().unwrap_or(usize::MAX);
        let mut crossing: BTreeSet<ValueId> =
            (0..inputs).filter(|&input| last[input] > 0).collect();
        let mut cuts = Vec::new();
        for node in 0..self.nodes.len().saturating_sub(1) {
            ends[node + 1].iter().for_each(|value| _ = crossing.remove(value));
            let result = inputs + node;
            if last[result] > 0 {
                crossing.insert(result);
            }
            if first_output <= result {
                break;
            }
            // An input of the graph that crosses alone leaves nothing to compute before the cut.
            if let (1, Some(&value)) = (crossing.len(), crossing.first())
                && let Some(producer) = value.checked_sub(inputs)
                && activations[value]
            {
                cuts.push(Cut {
                    node,
                    value,
                    elements: self.nodes[producer].shape.iter().product(),
                });
            }
        }
        cuts
    }

    /// For each value, whether it is an activation. A view of a raw accumulator is as wide as the
    /// accumulator.
    fn activations(&self) -> Vec<bool> {
        let mut activations = vec![true; self.inputs.len()];
        for Node { operator, inputs, .. } in &self.nodes {
            activations.push(match operator {
                Operator::Convolution { requantise, .. } | Operator::Linear { requantise, .. } => {
                    requantise.is_some()
                }
                Operator::ArgMax { .. } => false,
                Operator::Reshape
                | Operator::Transpose { .. }
                | Operator::Slice { .. }
                | Operator::Concat { .. } => {
                    // Only a graph that was not validated has a view of nothing or of something
                    // later.
                    let activation = |&source: &ValueId| activations.get(source) == Some(&true);
                    !inputs.is_empty() && inputs.iter().all(activation)
                }
                _ => true,
            });
        }
        activations
    }

    /// The segments between cuts, given by the nodes that they are after, in ascending order.
    /// Segment `i` of `name` is called `name.i`, from 1; without cuts the graph stays as it is.
    ///
    /// # Errors
    /// If one of the nodes is not that of a [`Cut`], or they do not ascend.
    pub fn split(&self, nodes: &[usize]) -> Result<Vec<Self>, SplitError> {
        if nodes.is_empty() {
            return Ok(vec![self.clone()]);
        }
        let places: BTreeMap<usize, Cut> =
            self.cuts().into_iter().map(|cut| (cut.node, cut)).collect();
        let mut cuts = Vec::new();
        for &node in nodes {
            let ascending = cuts.last().is_none_or(|last: &Cut| last.node < node);
            let cut = places.get(&node).copied().filter(|_| ascending);
            cuts.push(cut.ok_or_else(|| SplitError::NotACut { graph: self.name.clone(), node })?);
        }
        let ranges = self.ranges();
        Ok((0..=cuts.len()).map(|index| self.segment(index, &cuts, &ranges)).collect())
    }

    fn segment(&self, index: usize, cuts: &[Cut], ranges: &[(i64, i64)]) -> Self {
        let from = index.checked_sub(1).map(|before| cuts[before]);
        let to = cuts.get(index);
        let first = from.map_or(0, |cut| cut.node + 1);
        let nodes = &self.nodes[first..to.map_or(self.nodes.len(), |cut| cut.node + 1)];
        let inputs = match from {
            None => self.inputs.clone(),
            Some(cut) => {
                let (minimum, maximum) = ranges[cut.value];
                vec![Input {
                    name: self.crossing_name(cut.value),
                    shape: self.shape(cut.value).to_vec(),
                    quantisation: self.quantisation(cut.value),
                    minimum,
                    maximum,
                }]
            }
        };
        // A value is the segment's only input, or one of its own nodes.
        let own = |value: ValueId| match from {
            Some(cut) if value == cut.value => 0,
            _ => value + inputs.len() - self.inputs.len() - first,
        };
        let renumbered = |node: &Node| Node {
            inputs: node.inputs.iter().map(|&v| own(v)).collect(),
            ..node.clone()
        };
        let outputs = match to {
            Some(cut) => {
                vec![Output { name: self.crossing_name(cut.value), value: own(cut.value) }]
            }
            None => self
                .outputs
                .iter()
                .map(|o| Output { name: o.name.clone(), value: own(o.value) })
                .collect(),
        };
        let name = format!("{}.{}", self.name, index + 1);
        let values = first + self.inputs.len()..first + self.inputs.len() + nodes.len();
        let held = |value: ValueId| match from {
            Some(cut) => value == cut.value || values.contains(&value),
            None => value < values.end,
        };
        let parts = self.parts.iter().filter(|&(&value, _)| held(value));
        let parts = parts.map(|(&value, parts)| (own(value), parts.clone())).collect();
        Self { name, nodes: nodes.iter().map(renumbered).collect(), outputs, inputs, parts }
    }

    /// What a value is called on both sides of a cut: after the node that produces it.
    fn crossing_name(&self, value: ValueId) -> String {
        self.nodes[value - self.inputs.len()].name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::graph::{Function, Quantisation, Requantise, Ties};
    use crate::integer::interpreter;
    use crate::quantise::report::{NodeReport, Report};
    use crate::testing::arbitrary::arb_case;
    use ndarray::{ArrayD, IxDyn};
    use proptest::prelude::*;

    const QUANTISATION: Quantisation = Quantisation { scale: 0.1, zero_point: 0 };

    fn node(name: &str, operator: Operator, inputs: &[ValueId], shape: &[usize]) -> Node {
        Node {
            name: name.into(),
            inputs: inputs.to_vec(),
            operator,
            shape: shape.to_vec(),
            quantisation: QUANTISATION,
        }
    }

    fn linear(name: &str, input: ValueId, rows: usize, taps: usize, raw: bool) -> Node {
        let weights = (0..rows * taps).map(|i| i32::from((i * 37 % 200) as i8)).collect();
        let requantise = (!raw).then(|| Requantise {
            shift: 6,
            ties: Ties::Up,
            zero_point: 0,
            function: Function::clamp(-128, 127),
        });
        let operator = Operator::Linear {
            weights,
            bias: vec![3; rows],
            multipliers: vec![1; rows],
            requantise,
        };
        node(name, operator, &[input], &[1, rows])
    }

    /// `nodes` over one input, the last of them put out.
    fn graph(nodes: Vec<Node>) -> Graph {
        let outputs = vec![Output { name: "y".into(), value: nodes.len() }];
        let inputs = vec![Input {
            name: "x".into(),
            shape: vec![1, 3],
            quantisation: QUANTISATION,
            minimum: -128,
            maximum: 127,
        }];
        Graph { name: "net".into(), inputs, nodes, outputs, parts: BTreeMap::new() }
    }

    /// `a → (b → c) + a → d → logits`: value 0 is the input.
    fn residual() -> Graph {
        let requantise = Requantise {
            shift: 0,
            ties: Ties::Up,
            zero_point: 0,
            function: Function::clamp(-128, 127),
        };
        let sum = Operator::Sum { multipliers: vec![1, 1], constant: vec![], requantise };
        graph(vec![
            linear("a", 0, 4, 3, false),
            linear("b", 1, 2, 4, false),
            linear("c", 2, 4, 2, false),
            node("sum", sum, &[1, 3], &[1, 4]),
            linear("d", 4, 5, 4, false),
            linear("logits", 5, 2, 5, true),
        ])
    }

    /// Runs the segments one after another.
    fn run(segments: &[Graph], inputs: &[ArrayD<i64>]) -> Vec<ArrayD<i64>> {
        for pair in segments.windows(2) {
            let [output] = &pair[0].outputs[..] else {
                panic!("{} outputs", pair[0].outputs.len())
            };
            let [input] = &pair[1].inputs[..] else { panic!("{} inputs", pair[1].inputs.len()) };
            assert_eq!(output.name, input.name);
            assert_eq!(pair[0].shape(output.value), input.shape);
            assert_eq!(pair[0].quantisation(output.value), input.quantisation);
        }
        segments
            .iter()
            .fold(inputs.to_vec(), |values, segment| interpreter::run(segment, &values).unwrap())
    }

    fn cut(node: usize, value: ValueId, elements: usize) -> Cut {
        Cut { node, value, elements }
    }

    #[test]
    fn cuts_are_where_one_value_crosses() {
        assert_eq!(residual().cuts(), [cut(0, 1, 4), cut(3, 4, 4), cut(4, 5, 5)]);
        let mut two = residual();
        two.outputs.push(Output { name: "hidden".into(), value: 4 });
        assert_eq!(two.cuts(), [cut(0, 1, 4)], "an output lies before the others");
        let mut late = residual();
        late.inputs.push(late.inputs[0].clone());
        late.nodes.iter_mut().for_each(|node| {
            node.inputs.iter_mut().for_each(|value| *value += usize::from(*value > 0))
        });
        late.outputs[0].value += 1;
        assert_eq!(late.cuts(), [cut(0, 2, 4), cut(3, 5, 4), cut(4, 6, 5)]);
        late.nodes[3].inputs[1] = 1;
        assert_eq!(
            late.cuts(),
            [cut(3, 5, 4), cut(4, 6, 5)],
            "the second input crosses the first cut"
        );
    }

    #[test]
    fn only_int8_crosses() {
        let ends = |raw| {
            let arg_max = Operator::ArgMax { axis: 0, select_last: false, smallest: false };
            graph(vec![
                linear("a", 0, 4, 3, false),
                node("flat", Operator::Reshape, &[1], &[4, 1]),
                node("turned", Operator::Transpose { permutation: vec![1, 0] }, &[2], &[1, 4]),
                linear("logits", 3, 2, 4, raw),
                node("view", Operator::Reshape, &[4], &[2]),
                node("index", arg_max, &[5], &[]),
            ])
        };
        assert_eq!(
            ends(true).cuts(),
            [0, 1, 2].map(|node| cut(node, node + 1, 4)),
            "accumulators do not cross"
        );
        let all = [cut(0, 1, 4), cut(1, 2, 4), cut(2, 3, 4), cut(3, 4, 2), cut(4, 5, 2)];
        assert_eq!(ends(false).cuts(), all);
    }

    #[test]
    fn segments_are_the_pieces_of_the_whole() {
        let graph = residual();
        let input = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![100, -128, 55]).unwrap();
        let whole = interpreter::run(&graph, std::slice::from_ref(&input)).unwrap();
        for cuts in [&[][..], &[0], &[3], &[0, 3], &[0, 3, 4]] {
            let segments = graph.split(cuts).unwrap();
            assert_eq!(segments.len(), cuts.len() + 1);
            assert_eq!(run(&segments, std::slice::from_ref(&input)), whole, "{cuts:?}");
        }
        assert_eq!(graph.split(&[]).unwrap(), std::slice::from_ref(&graph));

        let mut report = Report::new("net");
        report.notes.push("a note".into());
        report.nodes.extend(graph.nodes.iter().map(NodeReport::new));
        let parts = graph.split(&[0, 3]).unwrap().into_iter().map(|segment| {
            let part = report.part(&segment);
            assert_eq!((&part.model, &part.notes), (&segment.name, &report.notes));
            let nodes: Vec<_> = part.nodes.into_iter().map(|entry| entry.name).collect();
            (
                segment.name,
                segment.inputs[0].name.clone(),
                segment.outputs[0].name.clone(),
                nodes.join(" "),
            )
        });
        let expected = [
            ("net.1", "x", "a", "a"),
            ("net.2", "a", "sum", "b c sum"),
            ("net.3", "sum", "y", "d logits"),
        ];
        let expected = expected.map(|(a, b, c, d)| (a.into(), b.into(), c.into(), d.into()));
        assert_eq!(parts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn other_places_are_refused() {
        for (nodes, at) in [
            (&[1][..], 1),
            (&[2], 2),
            (&[5], 5),
            (&[9], 9),
            (&[3, 0], 0),
            (&[0, 0], 0),
            (&[0, 1, 3], 1),
        ] {
            let refusal = SplitError::NotACut { graph: "net".into(), node: at };
            assert_eq!(residual().split(nodes), Err(refusal), "{nodes:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn segments_of_any_graph_compute_what_it_computes((graph, inputs) in arb_case()) {
            let whole = interpreter::run(&graph, &inputs).unwrap();
            let nodes: Vec<usize> = graph.cuts().iter().map(|cut| cut.node).collect();
            for cuts in nodes.chunks(1).chain([&nodes[..]]) {
                prop_assert_eq!(&run(&graph.split(cuts).unwrap(), &inputs), &whole);
            }
        }
    }
}
