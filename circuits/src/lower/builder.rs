//! Nodes of a description under construction, with what lowering needs to know about each.

use std::collections::HashMap;

use zkinfer_models::integer::graph::Function;
use zkinfer_verifier::circuit::description::{
    self, Bounded, Combine, Contract, Description, Form, FunctionId, Hadamard, Hint, Node, NodeId,
    OneHot, Operator, Product, SliceAt, Source, View, ViewKind,
};
use zkinfer_verifier::circuit::interval::Interval;

/// Grows the node list. Views and zero-point shifts are shared: asking for one that exists returns
/// it.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    functions: Vec<description::Function>,
    /// The numbers of the functions.
    numbers: HashMap<Function, FunctionId>,
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    /// Nodes that others may read too.
    shared: HashMap<Operator, NodeId>,
    /// Name given to new nodes: that of the quantised node being lowered.
    name: String,
}

/// What lowering knows about a node.
#[derive(Clone, Debug)]
struct Facts {
    shape: Vec<usize>,
    /// The integers it can take, where they are known to be few. Tighter than the verifier's
    /// interval after a maximum, so it may choose functions, never justify them.
    range: Option<Interval>,
}

/// The parts of a description that a builder makes.
pub(crate) struct Finished {
    pub(crate) functions: Vec<description::Function>,
    pub(crate) nodes: Vec<Node>,
}

impl Builder {
    /// Names the nodes pushed from now on.
    pub(crate) fn enter(&mut self, name: &str) {
        self.name = name.into();
    }

    /// The name in force, for errors.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// All that was made.
    pub(crate) fn finish(self) -> Finished {
        Finished { functions: self.functions, nodes: self.nodes }
    }

    /// Lends nodes and functions so far to a description, or takes them back from it.
    pub(crate) fn exchange(&mut self, description: &mut Description) {
        std::mem::swap(&mut self.nodes, &mut description.nodes);
        std::mem::swap(&mut self.functions, &mut description.functions);
    }

    /// Shape of a node.
    pub(crate) fn shape(&self, node: NodeId) -> &[usize] {
        &self.facts[node].shape
    }

    /// The integers a node can take, where they are known to be few.
    pub(crate) fn range(&self, node: NodeId) -> Option<Interval> {
        self.facts[node].range
    }

    /// Records what a node can take, where the caller knows better than interval arithmetic.
    pub(crate) fn narrow(&mut self, node: NodeId, range: Interval) {
        self.facts[node].range = Some(range);
    }

    fn push(&mut self, operator: Operator, shape: Vec<usize>, range: Option<Interval>) -> NodeId {
        self.nodes.push(Node { name: self.name.clone(), operator });
        self.facts.push(Facts { shape, range });
        self.nodes.len() - 1
    }

    /// The node with this operator, or a new one.
    fn share(&mut self, operator: Operator, shape: Vec<usize>, range: Option<Interval>) -> NodeId {
        if let Some(&node) = self.shared.get(&operator) {
            return node;
        }
        let node = self.push(operator.clone(), shape, range);
        self.shared.insert(operator, node);
        node
    }

    /// An input.
    pub(crate) fn input(&mut self, index: usize, shape: Vec<usize>, range: Interval) -> NodeId {
        self.push(Operator::Input(index), shape, Some(range))
    }

    /// The public input that a node is, perhaps in another shape.
    pub(crate) fn input_of(&self, node: NodeId) -> Option<usize> {
        match &self.nodes[node].operator {
            Operator::Input(index) => Some(*index),
            Operator::View(View { inputs, kind: ViewKind::Reshape(_) }) => {
                inputs.first().and_then(|&input| self.input_of(input))
            }
            _ => None,
        }
    }

    /// A public input as indices of a table.
    pub(crate) fn one_hot(&mut self, indices: OneHot, shape: Vec<usize>) -> NodeId {
        let range = Interval { minimum: 0, maximum: 1 };
        self.share(Operator::OneHot(indices), shape, Some(range))
    }

    /// The same elements in another shape. A reshape of a reshape reads the original; one to the
    /// same shape is no node at all.
    pub(crate) fn reshape(&mut self, node: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(node) == shape {
            return node;
        }
        if let Operator::View(View { inputs, kind: ViewKind::Reshape(_) }) =
            &self.nodes[node].operator
            && let [original] = inputs[..]
        {
            return self.reshape(original, shape);
        }
        self.view(&[node], ViewKind::Reshape(shape.to_vec()), shape.to_vec())
    }

    /// The same elements in a shape that people see: dimensions of one make no difference.
    pub(crate) fn exposed(&mut self, node: NodeId, shape: &[usize]) -> NodeId {
        let long =
            |shape: &[usize]| shape.iter().copied().filter(|&size| size != 1).collect::<Vec<_>>();
        if long(self.shape(node)) == long(shape) { node } else { self.reshape(node, shape) }
    }

    /// A view whose result has `shape`.
    pub(crate) fn view(&mut self, inputs: &[NodeId], kind: ViewKind, shape: Vec<usize>) -> NodeId {
        let padding = match &kind {
            ViewKind::Pad { value, .. } => Some(Interval { minimum: *value, maximum: *value }),
            _ => None,
        };
        let ranges = inputs.iter().map(|&input| self.range(input));
        let range = ranges.chain(padding.map(Some)).reduce(|a, b| Some(a?.union(b?))).flatten();
        self.share(Operator::View(View { inputs: inputs.to_vec(), kind }), shape, range)
    }

    /// Rows from the one that a public input says; the result has `shape`.
    pub(crate) fn slice_at(&mut self, slice: SliceAt, shape: Vec<usize>) -> NodeId {
        let range = self.range(slice.input);
        self.share(Operator::SliceAt(slice), shape, range)
    }

    /// `x − zero_point`, so that zero padding stands for real zero.
    pub(crate) fn centred(&mut self, node: NodeId, zero_point: i64) -> NodeId {
        if zero_point == 0 {
            return node;
        }
        let shape = self.shape(node).to_vec();
        let combine = Combine { terms: vec![(node, 1)], constant: vec![zero_point.wrapping_neg()] };
        self.share(Operator::Combine(combine), shape, None)
    }

    /// `Σ factor·x + constant` over nodes of the first one's shape; never shared, since its
    /// requantisation may rescale it.
    pub(crate) fn combine(&mut self, terms: Vec<(NodeId, i64)>, constant: Vec<i64>) -> NodeId {
        let shape = terms.first().map(|&(node, _)| self.shape(node).to_vec()).unwrap_or_default();
        self.push(Operator::Combine(Combine { terms, constant }), shape, None)
    }

    /// A contraction whose result has `shape`; never shared, for the same reason.
    pub(crate) fn contract(&mut self, contract: Contract, shape: [usize; 3]) -> NodeId {
        self.push(Operator::Contract(contract), shape.to_vec(), None)
    }

    /// `left·rightᵀ` of two stacks of matrices, whose result has `shape`; never shared, since one
    /// equation may read it and no other.
    pub(crate) fn product(&mut self, left: NodeId, right: NodeId, shape: [usize; 3]) -> NodeId {
        self.push(Operator::Product(Product { left, right }), shape.to_vec(), None)
    }

    /// `left·right`, element by element, of nodes of one shape. Shared: its operands have cells of
    /// their own, and anything may read it.
    pub(crate) fn hadamard(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let shape = self.shape(left).to_vec();
        self.share(Operator::Hadamard(Hadamard { left, right }), shape, None)
    }

    /// The same elements in cells of their own.
    pub(crate) fn copy(&mut self, node: NodeId) -> NodeId {
        let shape = self.shape(node).to_vec();
        self.push(Operator::Copy(node), shape, None)
    }

    /// The same elements, which are so shown to be integers of so many bits.
    pub(crate) fn check(&mut self, input: NodeId, bits: u32) -> NodeId {
        let shape = self.shape(input).to_vec();
        self.bounded(Source::Equal { input }, bits, shape)
    }

    /// Integers of so many bits that the prover chooses, looking at a node.
    pub(crate) fn hint(&mut self, input: NodeId, hint: Hint, bits: u32) -> NodeId {
        let mut shape = self.shape(input).to_vec();
        if let (Hint::Maximum { .. }, Some(last)) = (hint, shape.last_mut()) {
            *last = 1;
        }
        self.bounded(Source::Hint { input, hint }, bits, shape)
    }

    fn bounded(&mut self, source: Source, bits: u32, shape: Vec<usize>) -> NodeId {
        let maximum = (1i64 << bits.min(62)) - 1;
        let range = Interval { minimum: 0, maximum };
        self.push(Operator::Bounded(Bounded { bits, source }), shape, Some(range))
    }

    /// `function(⌊x / 2^shift⌋)`.
    pub(crate) fn requantise(&mut self, input: NodeId, shift: u32, function: &Function) -> NodeId {
        self.divide(input, shift, function, Form::Narrow)
    }

    /// `⌊x / 2^shift⌋`, of which the caller has shown that it is among the values of a function
    /// that changes nothing, whatever intervals say.
    pub(crate) fn plain(&mut self, input: NodeId, shift: u32, function: &Function) -> NodeId {
        self.divide(input, shift, function, Form::Plain)
    }

    /// The number of a function, which is added if it is new.
    fn number(&mut self, function: &Function) -> FunctionId {
        if let Some(&number) = self.numbers.get(function) {
            return number;
        }
        let Function { minimum, values } = function.clone();
        self.functions.push(description::Function { minimum, values });
        self.numbers.insert(function.clone(), self.functions.len() - 1);
        self.functions.len() - 1
    }

    fn divide(&mut self, input: NodeId, shift: u32, function: &Function, form: Form) -> NodeId {
        let (minimum, maximum) = (function.values.iter().min(), function.values.iter().max());
        let range = minimum.zip(maximum).map(|(&minimum, &maximum)| Interval { minimum, maximum });
        let function = self.number(function);
        let requantise = description::Requantise { input, shift, function, form };
        self.push(Operator::Requantise(requantise), self.shape(input).to_vec(), range)
    }
}
