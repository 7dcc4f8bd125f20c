//! Segments as one graph again, which computes what they do one after another.

use std::collections::BTreeMap;

use super::SplitError;
use crate::integer::graph::{Graph, Node, Operator, Output, ValueId, Weights};

impl Graph {
    /// The graph of which these are the segments, in order.
    ///
    /// # Errors
    /// If one of them does not go on from the one before.
    pub fn joined(segments: Vec<Self>) -> Result<Self, SplitError> {
        let mut whole = Self {
            name: segments.first().map(|first| first.name.clone()).unwrap_or_default(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            parts: BTreeMap::new(),
        };
        let mut carried = 0;
        for segment in &segments {
            for input in segment.inputs.iter().skip(carried) {
                if whole.inputs.iter().all(|known| known.name != input.name) {
                    whole.inputs.push(input.clone());
                }
            }
            carried = segment.outputs.len();
        }
        for segment in segments {
            whole.append(segment)?;
        }
        whole.validate()?;
        Ok(whole)
    }

    /// Goes on with a segment, whose first inputs are the outputs so far.
    fn append(&mut self, segment: Self) -> Result<(), SplitError> {
        let Self { name, inputs, nodes, outputs, parts } = segment;
        let mut places: Vec<ValueId> = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let place = match self.outputs.get(index) {
                Some(output) => {
                    let same = output.name == input.name
                        && self.shape(output.value) == input.shape
                        && self.quantisation(output.value) == input.quantisation;
                    same.then_some(output.value)
                }
                None => self.inputs.iter().position(|known| known == input),
            };
            places.push(place.ok_or_else(|| SplitError::NotNext { segment: name.clone() })?);
        }
        if inputs.len() < self.outputs.len() {
            return Err(SplitError::NotNext { segment: name });
        }
        let mut nodes = nodes.into_iter().peekable();
        // What crossed as two digits is there already.
        if let Some(whole) = nodes.peek().and_then(|node| self.whole_of(node)) {
            nodes.next();
            self.nodes.truncate(self.nodes.len() - 2);
            places.iter_mut().take(2).for_each(|digit| *digit = whole);
            places.push(whole);
        }
        let dropped = places.len() - inputs.len();
        let first = self.nodes.len();
        for mut node in nodes {
            if let Some(weights) = node.operator.weights_mut()
                && let Some(owner) = weights.owner()
            {
                *weights = Weights::Of(first + owner - dropped);
            }
            node.inputs.iter_mut().for_each(|value| *value = places[*value]);
            self.nodes.push(node);
            places.push(self.inputs.len() + self.nodes.len() - 1);
        }
        self.outputs =
            outputs.into_iter().map(|o| Output { value: places[o.value], ..o }).collect();
        self.parts.extend(parts.into_iter().map(|(value, parts)| (places[value], parts)));
        Ok(())
    }

    /// The sum whose two digits, the last two nodes, this first node of a segment puts together.
    fn whole_of(&self, node: &Node) -> Option<ValueId> {
        let sum = |node: &Node| match &node.operator {
            Operator::Sum { multipliers, constant, requantise: None } if constant.is_empty() => {
                Some(multipliers.clone())
            }
            _ => None,
        };
        let high = self.inputs.len() + self.nodes.len().checked_sub(2)?;
        let (whole, low) = (*self.nodes[high - self.inputs.len()].inputs.first()?, high + 1);
        let apart = &self.nodes[low - self.inputs.len()];
        let outputs: Vec<ValueId> = self.outputs.iter().map(|output| output.value).collect();
        let digits = outputs == [high, low] && node.inputs == [0, 1];
        let (together, apart_by) = (sum(node)?, sum(apart)?);
        let ([unit, 1], [1, taken]) = (&together[..], &apart_by[..]) else { return None };
        (digits && apart.inputs == [whole, high] && *taken == -unit).then_some(whole)
    }
}
