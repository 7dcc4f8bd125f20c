//! The integer interpreter: what a quantised graph means.
//!
//! This is the executable specification. A circuit is right if and only if it admits exactly the
//! outputs computed here, so the code favours plainness: 64-bit integers, one function per
//! operator, no approximation. [`Graph::validate`] has shown beforehand that no accumulator reaches
//! 2^62, so nothing here overflows. Only `product` computes in fewer bits, where the largest
//! operands show that the sums fit.

mod arithmetic;
mod elementwise;
mod next;
mod product;
mod rows;

use ndarray::ArrayD;

use crate::integer::graph::{Graph, Node, Operator, ValueId};
use crate::integer::validate::GraphError;
use crate::tensor::{moves, order};

/// A graph or inputs that the interpreter cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterpretError {
    /// The graph itself is unsound.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Too many or too few inputs.
    #[error(
        "{graph:?} has {expected} inputs ({names}), but {found} were given; give one tensor each, \
        in this order"
    )]
    InputCount {
        /// The graph's name.
        graph: String,
        /// The input names, in order.
        names: String,
        /// Inputs that the graph has.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// An input of another shape.
    #[error("input {name:?} has shape {found:?}, expected {expected:?}; reshape it")]
    InputShape {
        /// The input.
        name: String,
        /// The graph's shape.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// An input element out of its declared range.
    #[error(
        "input {name:?} holds {value}, which is outside {minimum}..={maximum}; quantise it with \
        `Graph::quantise_inputs`"
    )]
    InputRange {
        /// The input.
        name: String,
        /// The first element out of range.
        value: i64,
        /// The smallest integer allowed.
        minimum: i64,
        /// The largest integer allowed.
        maximum: i64,
    },
}

/// A graph that has been validated and can be run any number of times.
#[derive(Clone, Copy, Debug)]
pub struct Interpreter<'g> {
    graph: &'g Graph,
}

impl<'g> Interpreter<'g> {
    /// Validates the graph.
    ///
    /// # Errors
    /// If [`Graph::validate`] finds a fault.
    pub fn new(graph: &'g Graph) -> Result<Self, GraphError> {
        graph.validate()?;
        Ok(Self { graph })
    }

    /// Of a graph that has been validated before and not been changed since. With any other,
    /// results may wrap or a run may panic.
    pub fn of_validated(graph: &'g Graph) -> Self {
        Self { graph }
    }

    /// All values, the graph's inputs first, indexed by [`ValueId`].
    ///
    /// # Errors
    /// If the inputs do not fit the graph.
    pub fn run_all(&self, inputs: &[ArrayD<i64>]) -> Result<Vec<ArrayD<i64>>, InterpretError> {
        self.run_replacing(inputs, |_, _| {})
    }

    /// The same; `replace` sees every node's result before others read it, and may put other
    /// integers of its range in its place. So each layer can be compared with another
    /// implementation by itself, whatever the layers before it came to.
    ///
    /// # Errors
    /// If the inputs do not fit the graph.
    pub fn run_replacing(
        &self,
        inputs: &[ArrayD<i64>],
        mut replace: impl FnMut(ValueId, &mut ArrayD<i64>),
    ) -> Result<Vec<ArrayD<i64>>, InterpretError> {
        self.check_inputs(inputs)?;
        let mut values: Vec<ArrayD<i64>> =
            inputs.iter().map(|input| input.as_standard_layout().into_owned()).collect();
        for node in &self.graph.nodes {
            let sources: Vec<&ArrayD<i64>> = node.inputs.iter().map(|&id| &values[id]).collect();
            let mut result = execute(self.graph, node, &sources);
            replace(values.len(), &mut result);
            values.push(result);
        }
        Ok(values)
    }

    /// The graph's outputs, in order.
    ///
    /// # Errors
    /// If the inputs do not fit the graph.
    pub fn run(&self, inputs: &[ArrayD<i64>]) -> Result<Vec<ArrayD<i64>>, InterpretError> {
        self.check_inputs(inputs)?;
        let graph = self.graph;
        // The node that reads a value last; what it has read is forgotten.
        let mut last = vec![0; graph.inputs.len() + graph.nodes.len()];
        for (index, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&input| last[input] = index);
        }
        graph.outputs.iter().for_each(|output| last[output.value] = usize::MAX);
        let mut values: Vec<ArrayD<i64>> =
            inputs.iter().map(|input| input.as_standard_layout().into_owned()).collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            let sources: Vec<&ArrayD<i64>> = node.inputs.iter().map(|&id| &values[id]).collect();
            values.push(execute(graph, node, &sources));
            let read = node.inputs.iter().filter(|&&input| last[input] == index);
            read.for_each(|&input| values[input] = ArrayD::zeros(vec![0]));
        }
        let outputs = graph.outputs.iter();
        Ok(outputs.map(|output| values[output.value].clone()).collect())
    }

    fn check_inputs(&self, inputs: &[ArrayD<i64>]) -> Result<(), InterpretError> {
        if inputs.len() != self.graph.inputs.len() {
            let names: Vec<String> =
                self.graph.inputs.iter().map(|input| format!("{:?}", input.name)).collect();
            return Err(InterpretError::InputCount {
                graph: self.graph.name.clone(),
                names: names.join(", "),
                expected: names.len(),
                found: inputs.len(),
            });
        }
        for (declared, given) in self.graph.inputs.iter().zip(inputs) {
            if given.shape() != declared.shape {
                return Err(InterpretError::InputShape {
                    name: declared.name.clone(),
                    expected: declared.shape.clone(),
                    found: given.shape().to_vec(),
                });
            }
            let (minimum, maximum) = (declared.minimum, declared.maximum);
            if let Some(&value) = given.iter().find(|x| !(minimum..=maximum).contains(*x)) {
                return Err(InterpretError::InputRange {
                    name: declared.name.clone(),
                    value,
                    minimum,
                    maximum,
                });
            }
        }
        Ok(())
    }
}

/// Validates the graph and computes its outputs. To run many inputs, keep an [`Interpreter`].
///
/// # Errors
/// If the graph is unsound or the inputs do not fit it.
pub fn run(graph: &Graph, inputs: &[ArrayD<i64>]) -> Result<Vec<ArrayD<i64>>, InterpretError> {
    Interpreter::new(graph)?.run(inputs)
}

/// Validates the graph and computes all its values, indexed by [`ValueId`].
///
/// # Errors
/// If the graph is unsound or the inputs do not fit it.
pub fn run_all(graph: &Graph, inputs: &[ArrayD<i64>]) -> Result<Vec<ArrayD<i64>>, InterpretError> {
    Interpreter::new(graph)?.run_all(inputs)
}

/// One node of a validated graph.
pub(crate) fn execute(graph: &Graph, node: &Node, inputs: &[&ArrayD<i64>]) -> ArrayD<i64> {
    compute(graph, &node.operator, &node.inputs, &node.shape, inputs)
}

/// An operator of a validated graph on values of it, or on parts of them, with a result of `shape`.
pub(crate) fn compute(
    graph: &Graph,
    operator: &Operator,
    read: &[ValueId],
    shape: &[usize],
    inputs: &[&ArrayD<i64>],
) -> ArrayD<i64> {
    let zero_point = |value: ValueId| graph.quantisation(value).zero_point;
    // A constant reads nothing, all others read at least one value.
    let none = ArrayD::zeros(vec![0]);
    let zero = read.first().map_or(0, |&input| zero_point(input));
    let input = *inputs.first().unwrap_or(&&none);
    match operator {
        Operator::Convolution { window, groups, weights, bias, multipliers, requantise } => {
            let weights = graph.weights(weights);
            let z = arithmetic::convolution(input, zero, window, *groups, weights, bias, shape);
            let z = arithmetic::per_channel(z, 1, multipliers);
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::Linear { weights, bias, multipliers, requantise } => {
            let z = arithmetic::linear(input, zero, graph.weights(weights), bias, shape);
            let z = arithmetic::per_channel(z, shape.len() - 1, multipliers);
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::Sum { multipliers, constant, requantise } => {
            let zeros: Vec<i64> = read.iter().map(|&id| zero_point(id)).collect();
            let z = arithmetic::sum(inputs, &zeros, multipliers, constant);
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::AveragePool { window, multipliers, requantise } => {
            let z = arithmetic::average(input, zero, window, multipliers, shape);
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::MaxPool { window } => arithmetic::maximum(input, window, shape),
        Operator::Activation(function) => input.mapv(|x| function.apply(x)),
        Operator::Product { multiplier, requantise } => {
            let zeros = [zero, zero_point(read[1])];
            let z = elementwise::zip(input, inputs[1], |a, b| {
                multiplier * (a - zeros[0]) * (b - zeros[1])
            });
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::MatMul { multiplier, requantise } => {
            let zeros = [zero, zero_point(read[1])];
            let z = arithmetic::mat_mul([input, inputs[1]], zeros, *multiplier);
            arithmetic::requantise(z, requantise.as_ref())
        }
        Operator::Binary(function) => {
            elementwise::zip(input, inputs[1], |a, b| function.apply(a, b))
        }
        Operator::Max => elementwise::reduce(inputs, i64::max),
        Operator::Min => elementwise::reduce(inputs, i64::min),
        Operator::Select => elementwise::select(input, inputs[1], inputs[2]),
        Operator::Constant(values) => moves::from_elements(shape, values.clone()),
        Operator::Reshape => moves::reshape(input, shape),
        Operator::Transpose { permutation } => moves::transpose(input, permutation),
        Operator::Slice { axis, start, step } => {
            moves::slice(input, *axis, *start, *step, shape[*axis])
        }
        Operator::Pad { before, after, value } => moves::pad(input, before, after, *value),
        Operator::Concat { axis } => moves::concat(inputs, *axis),
        Operator::ArgMax { axis, select_last, smallest } => {
            order::arg_max(input, *axis, *select_last, *smallest, shape)
        }
        Operator::TopK { axis, smallest, indices } => {
            order::top(input, *axis, *smallest, *indices, shape)
        }
        Operator::SliceAt { axis, offset } => {
            let n = inputs[1].first().copied().unwrap_or(0) + offset;
            moves::slice_from(input, *axis, n as usize, shape[*axis], zero)
        }
        Operator::Greedy { hidden, .. } => next::greedy(inputs, *hidden, shape),
        Operator::Lookup { minimum, values } => {
            elementwise::look_up(input, *minimum, values, shape)
        }
        Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise } => {
            let scores = input.mapv(|x| x >> shift);
            let row = rows::Softmax { exponentials, reciprocal_bits: *reciprocal_bits };
            let z = row.of(&scores, visible);
            arithmetic::requantise(z, Some(requantise))
        }
        Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits, requantise } => {
            let zero = if *centred { 0 } else { zero };
            let row = rows::Normalise {
                centred: *centred,
                multiplier: *multiplier,
                epsilon: *epsilon,
                reciprocal_bits: *reciprocal_bits,
            };
            arithmetic::requantise(row.of(&input.mapv(|x| x - zero)), Some(requantise))
        }
    }
}
