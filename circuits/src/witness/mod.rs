//! The witness: every cell of a description, computed from public integer inputs.
//!
//! | file | computes |
//! |---|---|
//! | `contraction` | convolutions and matrix products |
//! | `cells` | remainder limbs, quotients, gaps, and where they stand |
//!
//! A function of the key alone: it knows no network, and whatever satisfies the verifier's check of a description can be evaluated.
//! The key's intervals guarantee that every value fits 62 bits; sums wrap on the way there, which changes no result.

mod cells;
mod contraction;

use zkinfer_verifier::description::{Combine, Operator, Output, OutputSource, View, ViewKind};
use zkinfer_verifier::view::gather;
use zkinfer_verifier::{Statement, VerifyingKey};

use crate::error::InputError;

/// A statement with the cells that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The public inputs and the outputs they lead to.
    pub statement: Statement,
    /// Columns of cells, `usable` rows each; rows that no operator owns are zero.
    pub columns: Vec<Vec<i64>>,
}

impl Witness {
    /// Evaluates a key's circuit. `inputs` has one row-major tensor per declared input.
    pub fn new(key: &VerifyingKey, inputs: &[Vec<i64>]) -> Result<Self, InputError> {
        check(key, inputs)?;
        let layout = key.layout();
        let columns = vec![vec![0; layout.usable]; layout.columns()];
        let mut evaluation = Evaluation { key, inputs, values: Vec::new(), columns, last: last_readers(key) };
        evaluation.nodes();
        let outputs = evaluation.outputs();
        Ok(Self { statement: Statement { inputs: inputs.to_vec(), outputs }, columns: evaluation.columns })
    }
}

/// Whether tensors have the declared number, lengths and ranges.
fn check(key: &VerifyingKey, inputs: &[Vec<i64>]) -> Result<(), InputError> {
    let declared = &key.description().inputs;
    if inputs.len() != declared.len() {
        return Err(InputError::Count { expected: declared.len(), got: inputs.len() });
    }
    for (values, input) in inputs.iter().zip(declared) {
        let (name, shape) = (input.name.clone(), input.shape.clone());
        let expected = shape.iter().product();
        if values.len() != expected {
            return Err(InputError::Length { name, shape, expected, got: values.len() });
        }
        let (minimum, maximum) = (input.minimum, input.maximum);
        if let Some((index, &got)) = values.iter().enumerate().find(|&(_, &x)| x < minimum || x > maximum) {
            return Err(InputError::Range { name, index, got, minimum, maximum });
        }
    }
    Ok(())
}

/// Per node, the last node that reads it; `usize::MAX` for nodes that outputs read.
fn last_readers(key: &VerifyingKey) -> Vec<usize> {
    let description = key.description();
    let mut last = vec![0; description.nodes.len()];
    for (id, node) in description.nodes.iter().enumerate() {
        for &read in operands(&node.operator) {
            last[read] = id;
        }
    }
    for Output { source, .. } in &description.outputs {
        let (OutputSource::Node(read) | OutputSource::ArgMax { input: read, .. }) = source;
        last[*read] = usize::MAX;
    }
    last
}

/// The nodes that an operator reads.
fn operands(operator: &Operator) -> Box<dyn Iterator<Item = &usize> + '_> {
    match operator {
        Operator::Input(_) => Box::new(std::iter::empty()),
        Operator::Contract(contract) => Box::new(std::iter::once(&contract.input)),
        Operator::Combine(combine) => Box::new(combine.terms.iter().map(|(node, _)| node)),
        Operator::View(view) => Box::new(view.inputs.iter()),
        Operator::Requantise(requantise) => Box::new(std::iter::once(&requantise.input)),
    }
}

/// The forward pass in progress.
struct Evaluation<'a> {
    key: &'a VerifyingKey,
    inputs: &'a [Vec<i64>],
    /// Per node so far; empty once its last reader is done.
    values: Vec<Vec<i64>>,
    columns: Vec<Vec<i64>>,
    last: Vec<usize>,
}

impl Evaluation<'_> {
    fn nodes(&mut self) {
        let key = self.key;
        for (id, node) in key.description().nodes.iter().enumerate() {
            let values = match &node.operator {
                Operator::Input(index) => self.inputs[*index].clone(),
                Operator::Contract(contract) => {
                    let facts = |node: usize| &key.analysis().nodes[node];
                    contraction::evaluate(contract, facts(contract.input), facts(id), &self.values[contract.input])
                }
                Operator::Combine(combine) => self.combine(combine),
                Operator::View(view) => self.view(id, view),
                Operator::Requantise(requantise) => {
                    let input = &self.values[requantise.input];
                    cells::requantise(key, id, requantise, input, &mut self.columns)
                }
            };
            self.values.push(values);
            for &read in operands(&node.operator) {
                if self.last[read] == id {
                    self.values[read] = Vec::new();
                }
            }
        }
    }

    fn combine(&self, combine: &Combine) -> Vec<i64> {
        let mut sum = match combine.constant.as_slice() {
            [] => vec![0; self.values[combine.terms[0].0].len()],
            [constant] => vec![*constant; self.values[combine.terms[0].0].len()],
            constants => constants.to_vec(),
        };
        for &(term, factor) in &combine.terms {
            for (sum, &x) in sum.iter_mut().zip(&self.values[term]) {
                *sum = sum.wrapping_add(x.wrapping_mul(factor));
            }
        }
        sum
    }

    fn view(&self, id: usize, view: &View) -> Vec<i64> {
        let nodes = &self.key.analysis().nodes;
        if let (ViewKind::Reshape(_), [input]) = (&view.kind, &view.inputs[..]) {
            return self.values[*input].clone();
        }
        let inputs: Vec<(&[usize], &[i64])> =
            view.inputs.iter().map(|&input| (nodes[input].shape.as_slice(), self.values[input].as_slice())).collect();
        let padding = match &view.kind {
            ViewKind::Pad { value, .. } => *value,
            _ => 0,
        };
        gather(&view.kind, &inputs, &nodes[id].shape, padding)
    }

    fn outputs(&mut self) -> Vec<Vec<i64>> {
        let key = self.key;
        let outputs = key.description().outputs.iter().enumerate();
        let value = |(index, output): (usize, &Output)| match &output.source {
            OutputSource::Node(node) => self.values[*node].clone(),
            OutputSource::ArgMax { input, axis, select_last } => {
                let comparison = cells::Comparison {
                    values: &self.values[*input],
                    shape: &key.analysis().nodes[*input].shape,
                    axis: *axis,
                    select_last: *select_last,
                };
                cells::arg_max(key, index, comparison, &mut self.columns)
            }
        };
        outputs.map(value).collect()
    }
}
