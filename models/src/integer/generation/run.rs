//! Generating on integers: each new id takes the work of one row.
//!
//! In a causal network what stands at a position never changes again, so only the rows of new ids
//! are computed. What later rows read of earlier ones, keys and values of attention, is kept; all
//! else is forgotten. The integers are those of a run of the whole network.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::ArrayD;

use super::causal::{Depends, depends};
use super::generator::Generator;
use super::rows::{Positions, at_rows};
use crate::integer::graph::{Graph, Node, Operator, ValueId};
use crate::integer::interpreter::{compute, execute};
use crate::tensor::{moves, order};

/// A run that goes on with each new id.
#[derive(Clone, Debug)]
pub struct Run<'g> {
    graph: &'g Graph,
    ids: ValueId,
    depends: Vec<Depends>,
    /// Whether a value has chosen rows only: of these the last one is computed.
    chosen: Vec<bool>,
    /// Values that depend on no id, computed once.
    free: Vec<Option<ArrayD<i64>>>,
    /// What is kept of the rows so far, of values that later rows read.
    kept: BTreeMap<ValueId, ArrayD<i64>>,
    /// How many ids there are.
    length: usize,
}

impl<'g> Generator<'g> {
    /// A run without ids so far; none if some operator of the network needs more of earlier rows
    /// than is kept, as a convolution along them does.
    pub fn run(&self) -> Option<Run<'g>> {
        let graph = self.graph;
        let depends = depends(graph, self.ids, self.axis);
        let mut run = Run {
            graph,
            ids: self.ids,
            chosen: vec![false; graph.inputs.len()],
            free: vec![None; graph.inputs.len()],
            depends,
            kept: BTreeMap::new(),
            length: 0,
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let slice = matches!(node.operator, Operator::SliceAt { .. });
            run.chosen.push(slice || node.inputs.iter().any(|&value| run.chosen[value]));
            let value = graph.inputs.len() + index;
            let free = run.depends[value] == Depends::Free && !run.chosen[value];
            let operands: Option<Vec<_>> =
                node.inputs.iter().map(|&v| run.free[v].as_ref()).collect();
            let known = operands.filter(|_| free).map(|operands| execute(graph, node, &operands));
            if free && known.is_none() {
                return None;
            }
            run.free.push(known);
            if !free && !run.works(node) {
                return None;
            }
            run.keep(node);
        }
        Some(run)
    }
}

impl Run<'_> {
    /// Whether rows of a node can be computed from rows of what it reads, and what is kept.
    fn works(&self, node: &Node) -> bool {
        let merged = |value: &ValueId| matches!(self.depends[*value], Depends::Merged { .. });
        let line =
            |value: &ValueId| merged(value) || matches!(self.depends[*value], Depends::Rows(_));
        let lines = node.inputs.iter().all(|value| line(value) || self.free[*value].is_some());
        let squares = node.inputs.iter().all(|value| !line(value));
        // Of values that depend on no id, rows are taken where they are a dimension.
        if node.inputs.iter().any(merged) && !node.inputs.iter().all(merged) {
            return false;
        }
        match &node.operator {
            Operator::Convolution { .. } if node.inputs.iter().all(merged) => true,
            Operator::Convolution { .. }
            | Operator::AveragePool { .. }
            | Operator::MaxPool { .. } => false,
            Operator::Sum { .. }
            | Operator::Product { .. }
            | Operator::Binary(_)
            | Operator::Max
            | Operator::Min
            | Operator::Select
            | Operator::Concat { .. } => lines || squares,
            Operator::Slice { .. } | Operator::Pad { .. } => lines,
            _ => true,
        }
    }

    /// Remembers to keep what a node will read of earlier rows.
    fn keep(&mut self, node: &Node) {
        let Operator::MatMul { .. } = node.operator else { return };
        let right = node.inputs[1];
        if let Depends::Rows(axis) = self.depends[right]
            && self.reads_earlier(node)
        {
            let mut shape = self.graph.shape(right).to_vec();
            shape[axis] = 0;
            self.kept.insert(right, ArrayD::zeros(shape));
        }
    }

    /// Goes on with more ids, at least one and together no more than the network reads, each of
    /// which it knows; gives the likeliest next one.
    pub fn next(&mut self, ids: &[i64]) -> i64 {
        let (graph, rows) = (self.graph, self.length..self.length + ids.len());
        self.length = rows.end;
        let mut values: Vec<Option<ArrayD<i64>>> = vec![None; graph.inputs.len()];
        let mut shape = graph.inputs[self.ids].shape.clone();
        if let Depends::Rows(axis) = self.depends[self.ids] {
            shape[axis] = ids.len();
        }
        values[self.ids] = Some(moves::from_elements(&shape, ids.to_vec()));
        for (index, node) in graph.nodes.iter().enumerate() {
            let value = graph.inputs.len() + index;
            if let Operator::Greedy { .. } = node.operator {
                return self.likeliest(node, &values);
            }
            let computed = match self.free[value] {
                Some(_) => None,
                None => Some(self.part(value, node, &values, &rows)),
            };
            if let (Some(part), Some(kept), Depends::Rows(axis)) =
                (&computed, self.kept.get_mut(&value), self.depends[value])
            {
                *kept = moves::concat(&[kept, part], axis);
            }
            values.push(computed);
        }
        unreachable!("the last node of a network that generates is the next ids")
    }

    /// The index of the largest logit of the only row.
    fn likeliest(&self, node: &Node, values: &[Option<ArrayD<i64>>]) -> i64 {
        let Some(logits) = &values[node.inputs[0]] else { unreachable!("logits depend on ids") };
        let last = logits.ndim() - 1;
        let best = order::arg_max(logits, last, false, false, &logits.shape()[..last]);
        best.first().copied().unwrap_or(0)
    }

    /// Which indices of which dimensions of a value are there while rows are computed.
    fn ranges(&self, value: ValueId, rows: &Range<usize>) -> Vec<Positions> {
        let new = if self.chosen[value] { 0..1 } else { rows.clone() };
        match self.depends[value] {
            Depends::Rows(row) => vec![Positions::rows(row, new)],
            Depends::Merged { axis, length, inner } => {
                vec![Positions { axis, range: new, merged: Some([length, inner]) }]
            }
            Depends::Pair { row, column } | Depends::Lower { row, column } => {
                vec![Positions::rows(row, new), Positions::rows(column, 0..rows.end)]
            }
            Depends::Free | Depends::Behind(_) => Vec::new(),
        }
    }

    /// The new rows of a node's value; of one with chosen rows the last.
    fn part(
        &self,
        value: ValueId,
        node: &Node,
        values: &[Option<ArrayD<i64>>],
        rows: &Range<usize>,
    ) -> ArrayD<i64> {
        if let Operator::SliceAt { axis, .. } = node.operator {
            let read = node.inputs[0];
            // Of a value that depends on no id there are all rows.
            let (tensor, last) = match (&values[read], &self.free[read]) {
                (Some(part), _) => (part, part.shape()[axis] - 1),
                (None, Some(all)) => (all, rows.end - 1),
                (None, None) => unreachable!("what is read is computed before"),
            };
            return moves::slice(tensor, axis, last, 1, 1);
        }
        let ranges = self.ranges(value, rows);
        let mut shape = node.shape.clone();
        for chosen in &ranges {
            shape[chosen.axis] = chosen.length(shape[chosen.axis]);
        }
        let operator = restricted(self.graph, &node.operator, &node.shape, &ranges);
        let operands = (0..node.inputs.len()).map(|at| self.operand(node, at, values, &ranges));
        let operands: Vec<Cow<'_, ArrayD<i64>>> = operands.collect();
        let operands: Vec<&ArrayD<i64>> = operands.iter().map(AsRef::as_ref).collect();
        compute(self.graph, &operator, &node.inputs, &shape, &operands)
    }

    /// What a node reads to compute these ranges of its value.
    fn operand<'a>(
        &'a self,
        node: &Node,
        at: usize,
        values: &'a [Option<ArrayD<i64>>],
        ranges: &[Positions],
    ) -> Cow<'a, ArrayD<i64>> {
        let value = node.inputs[at];
        let matrices = matches!(node.operator, Operator::MatMul { .. });
        if matrices
            && at == 1
            && let Some(kept) = self.kept.get(&value)
            && self.reads_earlier(node)
        {
            return Cow::Borrowed(kept);
        }
        match (&values[value], &self.free[value]) {
            (Some(part), _) => Cow::Borrowed(part),
            (None, Some(all)) => {
                // Of factors of a product only the dimensions that both have.
                let shared = if matrices { all.ndim().saturating_sub(2) } else { all.ndim() };
                let taken = ranges.iter().filter(|chosen| chosen.axis < shared);
                taken.fold(Cow::Borrowed(all), |part, Positions { axis, range, .. }| {
                    Cow::Owned(moves::slice(&part, *axis, range.start, 1, range.len()))
                })
            }
            (None, None) => unreachable!("what is read is computed before"),
        }
    }

    /// Whether a product reads all rows of its second factor so far, and not the new ones alone.
    fn reads_earlier(&self, node: &Node) -> bool {
        let (left, right) = (node.inputs[0], node.inputs[1]);
        let Some(row) = node.shape.len().checked_sub(2) else { return false };
        match self.depends[right] {
            Depends::Rows(axis) => axis == row || (axis == row + 1 && self.free[left].is_none()),
            _ => false,
        }
    }
}

/// An operator for some indices of some dimensions of its result.
fn restricted<'a>(
    graph: &Graph,
    operator: &'a Operator,
    shape: &[usize],
    ranges: &[Positions],
) -> Cow<'a, Operator> {
    let mut other = match operator {
        Operator::Convolution { .. } => operator.clone(),
        Operator::Sum { constant, .. } if !constant.is_empty() => operator.clone(),
        Operator::Softmax { visible, .. } if !visible.is_empty() => operator.clone(),
        _ => return Cow::Borrowed(operator),
    };
    match &mut other {
        // Channels by themselves, of which these.
        Operator::Convolution { groups, weights, bias, multipliers, .. } => {
            let all = graph.weights(weights).to_vec();
            let taps = all.len() / *groups;
            let channels: Vec<Positions> =
                ranges.iter().map(|chosen| Positions { axis: 0, ..chosen.clone() }).collect();
            *weights = within(&all, &[*groups, taps], 0, &channels).into();
            *bias = within(bias, &[*groups], 0, &channels);
            *multipliers = within(multipliers, &[*groups], 0, &channels);
            *groups = multipliers.len();
        }
        Operator::Sum { constant, .. } => *constant = within(constant, shape, 0, ranges),
        // Of the last two dimensions alone.
        Operator::Softmax { visible, .. } => {
            *visible = within(visible, shape, shape.len() - 2, ranges);
        }
        _ => {}
    }
    Cow::Owned(other)
}

/// Some indices of some dimensions, of numbers for those from `first` on.
fn within<T: Copy>(numbers: &[T], shape: &[usize], first: usize, ranges: &[Positions]) -> Vec<T> {
    let mut shape = shape[first..].to_vec();
    let mut numbers = numbers.to_vec();
    for chosen in ranges {
        let Some(axis) = chosen.axis.checked_sub(first) else { continue };
        let chosen = Positions { axis, ..chosen.clone() };
        numbers = at_rows(&numbers, &shape, &chosen);
        shape[axis] = chosen.length(shape[axis]);
    }
    numbers
}
