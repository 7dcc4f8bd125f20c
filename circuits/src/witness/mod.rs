//! The witness: every cell of a description, computed from integer inputs and the model's sealed
//! integers.
//!
//! | file | computes |
//! |---|---|
//! | `contraction` | convolutions and matrix products |
//! | `bounded` | quotients without remainder, hints, and their limbs |
//! | `cells` | remainder limbs, quotients, gaps, and where they stand |
//!
//! It knows no network: and whatever satisfies the verifier's check of a description can be
//! evaluated. The key's intervals guarantee that every value fits 62 bits; sums wrap on the way
//! there, which changes no result.

mod bounded;
mod cells;
mod contraction;

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::description::{
    Choice, Combine, Contract, Greedy, NodeId, OneHot, Operator, Output, OutputSource, SliceAt,
    Source, View, ViewKind, Visibility,
};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::circuit::view::gather;
use zkinfer_verifier::field::integers::{Integers, Slice};

use crate::error::InputError;
use crate::sealed::{join, sealed_contractions};

/// The integers of everything in one run: what a proof shows, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// All inputs, whatever is shown of them.
    pub inputs: Vec<Vec<i64>>,
    /// All outputs, whatever is shown of them.
    pub outputs: Vec<Vec<i64>>,
    /// Columns of cells that the prover commits to, `usable` rows each; rows that no operator owns
    /// are zero.
    pub columns: Vec<Vec<i64>>,
    /// The integers that each bilinear node multiplies, in node order; right ones that are sealed
    /// weights are left out.
    pub operands: Vec<[Vec<i64>; 2]>,
    /// The sealed tensors in the order of the key's sheets: inputs, outputs, then those of the
    /// model.
    pub sealed: Vec<Integers>,
}

impl Witness {
    /// Evaluates a key's circuit. `model` are the sealed tensors of the model, `inputs` one
    /// row-major tensor per declared input.
    pub fn new(
        key: &VerifyingKey,
        model: &[Integers],
        inputs: &[Vec<i64>],
    ) -> Result<Self, InputError> {
        Self::forged(key, model, inputs, &|_, _| ())
    }

    /// What a prover has who cheats: `change` is given each node that is looked up in a table (a
    /// hint, a quotient, a requantisation) with its honest results, and each product of committed
    /// values with its left operand; everything behind is computed from what it leaves. Tests see
    /// by this what catches whom.
    pub fn forged(
        key: &VerifyingKey,
        model: &[Integers],
        inputs: &[Vec<i64>],
        change: &dyn Fn(NodeId, &mut [i64]),
    ) -> Result<Self, InputError> {
        check(key, inputs)?;
        let expected = key.layout().model_sheets().map(|sheet| sheet.tensor.elements());
        if !expected.eq(model.iter().map(Integers::len)) {
            return Err(InputError::Weights);
        }
        let layout = key.layout();
        let columns = vec![vec![0; layout.usable]; layout.fresh_columns()];
        let (values, operands, last) = (Vec::new(), Vec::new(), last_readers(key));
        let mut evaluation =
            Evaluation { key, model, inputs, values, operands, columns, last, change };
        evaluation.nodes();
        let outputs = evaluation.outputs();
        let (columns, operands) = (evaluation.columns, evaluation.operands);
        let tensor = |role| match role {
            Role::Input(index) => inputs[index].clone(),
            Role::Output(index) => outputs[index].clone(),
            Role::Biases | Role::Weights(_) => Vec::new(),
        };
        let own = layout
            .sheets
            .iter()
            .take(layout.sheets.len() - model.len())
            .map(|sheet| tensor(sheet.role).into());
        let sealed = own.chain(model.iter().cloned()).collect();
        Ok(Self { inputs: inputs.to_vec(), outputs, columns, operands, sealed })
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
        if let Some((index, &got)) =
            values.iter().enumerate().find(|&(_, &x)| x < minimum || x > maximum)
        {
            return Err(InputError::Range { name, index, got, minimum, maximum });
        }
    }
    Ok(())
}

/// Whether each element of an input is each of `count` indices from `first` on.
fn one_hot(indices: &[i64], first: i64, count: usize) -> Vec<i64> {
    let places = first..first + count as i64;
    places.flat_map(|place| indices.iter().map(move |&index| i64::from(index == place))).collect()
}

/// Per node, the last node that reads it; `usize::MAX` for nodes that outputs read.
fn last_readers(key: &VerifyingKey) -> Vec<usize> {
    let description = key.description();
    let mut last = vec![0; description.nodes.len()];
    for (id, node) in description.nodes.iter().enumerate() {
        let reads = node.operator.operands().chain(node.operator.hinted());
        reads.for_each(|read| last[read] = id);
    }
    for Output { source, .. } in &description.outputs {
        last[source.node()] = usize::MAX;
    }
    last
}

/// The forward pass in progress.
struct Evaluation<'a> {
    key: &'a VerifyingKey,
    /// The sealed tensors of the model.
    model: &'a [Integers],
    inputs: &'a [Vec<i64>],
    /// Per node so far; empty once its last reader is done.
    values: Vec<Vec<i64>>,
    /// Per bilinear node so far.
    operands: Vec<[Vec<i64>; 2]>,
    columns: Vec<Vec<i64>>,
    last: Vec<usize>,
    change: &'a dyn Fn(NodeId, &mut [i64]),
}

impl Evaluation<'_> {
    fn nodes(&mut self) {
        let key = self.key;
        for (id, node) in key.description().nodes.iter().enumerate() {
            let values = match &node.operator {
                Operator::Input(index) => self.input(id, *index),
                Operator::Contract(contract) => self.contract(id, contract),
                Operator::Product(product) => {
                    let [mut left, right] =
                        [product.left, product.right].map(|node| self.values[node].clone());
                    (self.change)(id, &mut left);
                    let shape = &key.analysis().nodes[product.left].shape;
                    let values = contraction::product(&left, &right, shape[0], shape[2]);
                    self.operands.push([left, right]);
                    values
                }
                Operator::Copy(input) => {
                    let values = self.values[*input].clone();
                    self.place(id, 0, &values);
                    values
                }
                Operator::Hadamard(product) => {
                    let operands = [product.left, product.right].map(|node| &self.values[node]);
                    let [mut left, right] = operands.map(|operand| operand.clone());
                    (self.change)(id, &mut left);
                    self.place(id, 0, &left);
                    self.place(id, 1, &right);
                    left.iter().zip(&right).map(|(left, right)| left.wrapping_mul(*right)).collect()
                }
                Operator::Combine(combine) => self.combine(combine),
                Operator::View(view) => self.view(id, view),
                Operator::SliceAt(slice) => self.slice_at(id, slice),
                Operator::Requantise(requantise) => {
                    let input = &self.values[requantise.input];
                    let mut results = cells::results(key, requantise, input);
                    (self.change)(id, &mut results);
                    cells::requantise(key, id, requantise, input, &results, &mut self.columns);
                    results
                }
                Operator::OneHot(OneHot { input, first, count }) => {
                    one_hot(&self.inputs[*input], *first, *count)
                }
                Operator::Bounded(bounded) => {
                    let (Source::Equal { input } | Source::Hint { input, .. }) = bounded.source;
                    let row = key.analysis().nodes[input].shape.last().copied().unwrap_or(1);
                    let mut values = bounded::values(bounded, &self.values[input], row);
                    (self.change)(id, &mut values);
                    bounded::place(key, id, bounded, &values, &mut self.columns);
                    values
                }
            };
            self.values.push(values);
            for read in node.operator.operands().chain(node.operator.hinted()) {
                if self.last[read] == id {
                    self.values[read] = Vec::new();
                }
            }
        }
    }

    /// A contraction that reads a table at public indices takes an entry of each row.
    fn entries(
        &self,
        contract: &Contract,
        &OneHot { input, first, count }: &OneHot,
        weights: Slice<'_>,
        biases: &[i64],
    ) -> Vec<i64> {
        let rows = contract.row_factors.iter().zip(&contract.bias);
        let row = |(row, (factor, constant)): (usize, (&i64, &i64))| {
            let bias = biases.get(row).copied().unwrap_or(0);
            let entry = |index: &i64| {
                let place = row * count + (index - first) as usize;
                let weight = match weights {
                    Slice::Bytes(weights) => weights[place].into(),
                    Slice::Words(weights) => weights[place],
                };
                factor * (weight + bias) + constant
            };
            self.inputs[input].iter().map(entry).collect::<Vec<i64>>()
        };
        rows.enumerate().flat_map(row).collect()
    }

    fn input(&mut self, id: usize, index: usize) -> Vec<i64> {
        let values = self.inputs[index].clone();
        if self.key.description().inputs[index].visibility != Visibility::Public {
            self.place(id, 0, &values);
        }
        values
    }

    /// Writes to column `offset` of a node's only run of cells.
    fn place(&mut self, id: usize, offset: usize, values: &[i64]) {
        let layout = self.key.layout();
        if let Some(run) = layout.nodes[id].as_ref().and_then(|cells| cells.result.as_ref()) {
            layout.add(&mut self.columns, run, offset, values);
        }
    }

    fn contract(&mut self, id: usize, contract: &Contract) -> Vec<i64> {
        let facts = |node: usize| &self.key.analysis().nodes[node];
        let rows = |node: usize| facts(node).matrix().0;
        let (input, output) = (facts(contract.input), facts(id));
        let x = &self.values[contract.input];
        let table = self.key.description().table(contract);
        match self.key.description().public_weights(contract) {
            Some(weights) => {
                let weights = Slice::Bytes(weights);
                match table {
                    Some(indices) => self.entries(contract, indices, weights, &[]),
                    None => contraction::evaluate(contract, weights, &[], input, output, x),
                }
            }
            None => {
                let first: usize =
                    sealed_contractions(self.key).take_while(|&other| other < id).map(rows).sum();
                let digits = self.key.description().bias_digits as usize;
                let these = first * digits..(first + contract.rows) * digits;
                let these = self.model[0].as_slice().get(these).into_iter().flat_map(Slice::iter);
                let these: Vec<i64> = these.collect();
                let biases: Vec<i64> = these.chunks(digits).map(join).collect();
                let role = Role::Weights(self.key.description().owner(id));
                let mut sheets = self.key.layout().model_sheets();
                let weights = sheets.position(|sheet| sheet.role == role);
                let weights = self.model[weights.expect("sealed weights have a sheet")].as_slice();
                if self.key.description().is_bilinear(id) {
                    self.operands.push([x.clone(), Vec::new()]);
                }
                if let Some(indices) = table {
                    return self.entries(contract, indices, weights, &biases);
                }
                contraction::evaluate(contract, weights, &biases, input, output, x)
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
        let inputs: Vec<(&[usize], &[i64])> = view
            .inputs
            .iter()
            .map(|&input| (nodes[input].shape.as_slice(), self.values[input].as_slice()))
            .collect();
        let padding = match &view.kind {
            ViewKind::Pad { value, .. } => *value,
            _ => 0,
        };
        gather(&view.kind, &inputs, &nodes[id].shape, padding)
    }

    fn slice_at(&self, id: usize, slice: &SliceAt) -> Vec<i64> {
        let nodes = &self.key.analysis().nodes;
        let start = slice.start(self.inputs[slice.at][0]);
        let kind = ViewKind::Slice { axis: slice.axis, start, step: 1, count: slice.count };
        let input = (nodes[slice.input].shape.as_slice(), self.values[slice.input].as_slice());
        gather(&kind, &[input], &nodes[id].shape, 0)
    }

    fn outputs(&mut self) -> Vec<Vec<i64>> {
        let key = self.key;
        let outputs = key.description().outputs.iter().enumerate();
        let value = |(index, output): (usize, &Output)| match &output.source {
            OutputSource::Node(node)
            | OutputSource::Greedy(Greedy {
                choice: Choice::Hidden { difference: node }, ..
            }) => self.values[*node].clone(),
            OutputSource::ArgMax { input, axis, .. }
            | OutputSource::Greedy(Greedy { choice: Choice::Shown { input, axis }, .. }) => {
                let comparison = cells::Comparison {
                    values: &self.values[*input],
                    facts: &key.analysis().nodes[*input],
                    axis: *axis,
                    select_last: output.source.arg_max().is_some_and(|of| of.select_last),
                };
                cells::arg_max(key, index, comparison, &mut self.columns)
            }
        };
        outputs.map(value).collect()
    }
}
