//! One segment of a graph: what comes in, its own nodes, what goes out.
//!
//! A sum `s` that was not rounded has more bits than an activation, so it crosses as two digits,
//! `s = 2^low·h + l`: the segment before takes it apart, and the one behind puts it together
//! again. For soundness only the equation counts, which both sides prove: whatever `h` is, `l` is
//! what is left.

use std::collections::BTreeMap;

use crate::integer::graph::{
    Function, Graph, Input, Node, Operator, Output, Quantisation, Requantise, Ties, ValueId,
    Weights,
};

/// Bits of a sum, sign included, that may cross a cut: each digit is looked up in a table of its
/// own, of 2^14 rows then.
const MAX_BITS: u32 = 28;

/// How a sum is taken apart.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// Bits of the lower digit.
    low: u32,
    /// What the higher digit can be.
    high: (i64, i64),
}

impl Digits {
    /// What each digit is called, reads and can be: the higher one first.
    fn parts(self, name: &str, of: Quantisation) -> [(String, Quantisation, (i64, i64)); 2] {
        let half = 1 << (self.low - 1);
        let high = Quantisation { scale: of.scale * f64::from(1u32 << self.low), zero_point: 0 };
        let part = |which, quantisation, range| (format!("{name} {which}"), quantisation, range);
        [part("high", high, self.high), part("low", of, (-half, half - 1))]
    }
}

impl Graph {
    /// The digits of a sum that was not rounded, if it is one and they are short enough.
    pub(super) fn digits(&self, value: ValueId, ranges: &[(i64, i64)]) -> Option<Digits> {
        let node = &self.nodes[value.checked_sub(self.inputs.len())?];
        let sum = matches!(node.operator, Operator::Sum { requantise: None, .. });
        if !sum || node.quantisation.zero_point != 0 || self.parts.contains_key(&value) {
            return None;
        }
        let (minimum, maximum) = ranges[value];
        let bits = |x: i64| i64::BITS + 1 - (if x < 0 { !x } else { x }).leading_zeros();
        let bits = bits(minimum).max(bits(maximum));
        let low = (bits / 2).max(1);
        let rounded = |x: i64| x.checked_add(1 << (low - 1)).map(|x| x >> low);
        let high = (rounded(minimum)?, rounded(maximum)?);
        (bits <= MAX_BITS).then_some(Digits { low, high })
    }

    /// Segment `number`, from what crosses one cut to what crosses another, of these values.
    pub(super) fn segment(
        &self,
        number: usize,
        [from, to]: [Option<ValueId>; 2],
        values: &[bool],
        ranges: &[(i64, i64)],
    ) -> Self {
        let own = (0..values.len()).filter(|&value| values[value] && from != Some(value));
        let (read, nodes): (Vec<ValueId>, Vec<ValueId>) =
            own.partition(|&value| value < self.inputs.len());
        let mut segment = Self {
            name: format!("{}.{number}", self.name),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            parts: BTreeMap::new(),
        };
        if let Some(from) = from {
            segment.inputs = self.crossing(from, ranges);
        }
        let given = segment.inputs.len();
        segment.inputs.extend(read.iter().map(|&input| self.inputs[input].clone()));
        // Where each value is from now on.
        let mut places: BTreeMap<ValueId, ValueId> = read.into_iter().zip(given..).collect();
        if let Some(from) = from {
            let place = match self.digits(from, ranges) {
                Some(digits) => segment.put_together(self.node_of(from), digits),
                None => 0,
            };
            places.insert(from, place);
        }
        let first = segment.inputs.len();
        let before = segment.nodes.len();
        for &value in &nodes {
            let node = self.node_of(value);
            let inputs = node.inputs.iter().map(|value| places[value]).collect();
            segment.nodes.push(Node { inputs, ..node.clone() });
            places.insert(value, first + segment.nodes.len() - 1);
        }
        let owners = nodes.iter().map(|value| value - self.inputs.len()).zip(before..).collect();
        self.hand_over(&mut segment.nodes, owners);
        let parts = self.parts.iter();
        let parts = parts.filter_map(|(value, parts)| Some((*places.get(value)?, parts.clone())));
        segment.parts = parts.collect();
        match to {
            Some(to) => segment.goes_on(self.node_of(to), places[&to], self.digits(to, ranges)),
            None => {
                let outputs = self.outputs.iter();
                let outputs = outputs.map(|o| Output { value: places[&o.value], ..o.clone() });
                segment.outputs = outputs.collect();
            }
        }
        segment
    }

    /// What crosses as a segment reads it, called after the node that produces it.
    fn crossing(&self, value: ValueId, ranges: &[(i64, i64)]) -> Vec<Input> {
        let node = self.node_of(value);
        let input = |(name, quantisation, (minimum, maximum))| Input {
            name,
            shape: node.shape.clone(),
            quantisation,
            minimum,
            maximum,
        };
        match self.digits(value, ranges) {
            Some(digits) => digits.parts(&node.name, node.quantisation).map(input).to_vec(),
            None => vec![input((node.name.clone(), node.quantisation, ranges[value]))],
        }
    }

    /// The sum whose digits are the first two inputs; gives its value.
    fn put_together(&mut self, sum: &Node, digits: Digits) -> ValueId {
        self.sum(sum.name.clone(), sum, &[(0, 1 << digits.low), (1, 1)], None)
    }

    /// Puts a value out, as it is or as digits.
    fn goes_on(&mut self, node: &Node, value: ValueId, digits: Option<Digits>) {
        let Some(digits) = digits else {
            return self.outputs.push(Output { name: node.name.clone(), value });
        };
        let [(name, quantisation, (minimum, maximum)), (rest, ..)] =
            digits.parts(&node.name, node.quantisation);
        let requantise = Requantise {
            shift: digits.low,
            ties: Ties::Up,
            zero_point: 0,
            function: Function::clamp(minimum, maximum),
        };
        let whole = Node { quantisation, ..node.clone() };
        let high = self.sum(name.clone(), &whole, &[(value, 1)], Some(requantise));
        let low = self.sum(rest.clone(), node, &[(value, 1), (high, -(1 << digits.low))], None);
        let outputs = [(name, high), (rest, low)];
        self.outputs.extend(outputs.map(|(name, value)| Output { name, value }));
    }

    /// One more node: a sum of the shape and with the quantisation of another.
    fn sum(
        &mut self,
        name: String,
        like: &Node,
        terms: &[(ValueId, i64)],
        requantise: Option<Requantise>,
    ) -> ValueId {
        let (inputs, multipliers) = terms.iter().copied().unzip();
        let operator = Operator::Sum { multipliers, constant: Vec::new(), requantise };
        let Node { shape, quantisation, .. } = like.clone();
        self.nodes.push(Node { name, inputs, operator, shape, quantisation });
        self.inputs.len() + self.nodes.len() - 1
    }

    /// Weights whose owner is in the segment are that one's still; of those who read the weights of
    /// a layer elsewhere, the first one has them from now on. `owners` says where nodes are.
    fn hand_over(&self, segment: &mut [Node], mut owners: BTreeMap<usize, usize>) {
        for (index, node) in segment.iter_mut().enumerate() {
            let Some(weights) = node.operator.weights_mut() else { continue };
            let Some(owner) = weights.owner() else { continue };
            *weights = match owners.get(&owner) {
                Some(&node) => Weights::Of(node),
                None => {
                    owners.insert(owner, index);
                    Weights::Own(self.weights(weights).clone())
                }
            };
        }
    }

    fn node_of(&self, value: ValueId) -> &Node {
        &self.nodes[value - self.inputs.len()]
    }
}
