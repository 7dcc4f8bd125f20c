//! SliceAt and Greedy: rows at a public place, and the next ids of a language model.
//!
//! A **slice** is linear, and its place is public: no cells. What it takes from beyond the end is
//! padding that a view puts there first.
//!
//! **Next ids** that are public are those of an [ArgMax](super::argmax), which the statement's
//! check compares with the answer. Of hidden ones a row of ones and zeros says which logit stands
//! at the id, and no gap between it and another is negative. Cells for each row and id there is:
//! two of the one-hot, two factors, the limbs of a gap.

use zkinfer_models::integer::graph::Node;
use zkinfer_verifier::circuit::description::{
    Choice, Greedy, NodeId, OutputSource, SliceAt, ViewKind, Visibility,
};

use super::lookup::one_hot;
use super::lowering::Lowering;
use super::rows::{bits, spread, sums};
use crate::error::Error;

pub(super) fn slice_at(
    lowering: &mut Lowering<'_>,
    node: &Node,
    axis: usize,
    offset: i64,
) -> Result<NodeId, Error> {
    let operand = lowering.operand(node, 0)?;
    let at = public_input(lowering, node, 1)?;
    let mut shape = operand.shape.to_vec();
    let (Some(&length), Some(&count)) = (shape.get(axis), node.shape.get(axis)) else {
        return Err(lowering.malformed("the axis of its slice does not exist"));
    };
    let mut input = lowering.builder.reshape(operand.node, operand.shape);
    let last = lowering.started.inputs[at].maximum.saturating_add(offset);
    let end = usize::try_from(last).ok().and_then(|last| last.checked_add(count));
    let end = end.ok_or_else(|| lowering.malformed("its slice ends nowhere"))?;
    if end > length {
        let mut after = vec![0; shape.len()];
        after[axis] = end - length;
        shape[axis] = end;
        let before = vec![0; shape.len()];
        let padding = ViewKind::Pad { before, after, value: operand.zero_point };
        input = lowering.builder.view(&[input], padding, shape);
    }
    let slice = SliceAt { input, axis, at, offset, count };
    Ok(lowering.builder.slice_at(slice, node.shape.clone()))
}

pub(super) fn greedy(
    lowering: &mut Lowering<'_>,
    node: &Node,
    hidden: bool,
    padding: i64,
) -> Result<OutputSource, Error> {
    let first = if hidden { 2 } else { 1 };
    let ids = input(lowering, node, first)?;
    let [prompt, answer] = [1, 2].map(|place| public_input(lowering, node, first + place));
    let (prompt, answer) = (prompt?, answer?);
    let operand = lowering.operand(node, 0)?;
    let input = lowering.builder.reshape(operand.node, operand.shape);
    let axis = operand.shape.len().saturating_sub(1);
    let choice = match hidden {
        false => Choice::Shown { input, axis },
        true => Choice::Hidden { difference: largest(lowering, node, input)? },
    };
    Ok(OutputSource::Greedy(Greedy { ids, prompt, answer, padding, choice }))
}

/// Shows that what stands in each row of logits at the id behind it is the largest, and the first
/// of equal ones. Gives what must be zero besides: how many ids there stand less one.
fn largest(lowering: &mut Lowering<'_>, node: &Node, logits: NodeId) -> Result<NodeId, Error> {
    let rows: usize = node.shape.iter().product();
    let columns = lowering.builder.shape(logits).iter().product::<usize>() / rows.max(1);
    let overflow = || Error::Overflow { node: node.name.clone() };
    let length = i64::try_from(columns).map_err(|_| overflow())?;
    let interval = lowering.interval(logits)?;
    let widest = interval.maximum.checked_sub(interval.minimum);
    let widest = widest.and_then(|widest| widest.checked_mul(length)?.checked_add(length - 1));
    let widest = widest.ok_or_else(overflow)?;

    let next = lowering.operand(node, 1)?.node;
    let next = lowering.builder.reshape(next, &[1, 1, rows]);
    let ones = one_hot(lowering, next, 0, [columns, rows]);
    let builder = &mut lowering.builder;
    let ones = builder.reshape(ones, &[columns, rows]);
    let ones = builder.view(&[ones], ViewKind::Transpose(vec![1, 0]), vec![rows, columns]);
    // All of a row are different, in the order of the logits, and the first of equal ones first.
    let logits = builder.reshape(logits, &[rows, columns]);
    let places = (0..rows).flat_map(|_| (0..length).rev()).collect();
    let keys = builder.combine(vec![(logits, length)], places);
    let [left, right] = [ones, keys].map(|node| builder.reshape(node, &[rows, 1, columns]));
    let key = builder.product(left, right, [rows, 1, 1]);
    let key = builder.copy(key);
    let key = spread(lowering, key, [rows, columns]);
    let gaps = lowering.builder.combine(vec![(key, 1), (keys, -1)], Vec::new());
    lowering.builder.check(gaps, bits(widest));
    let found = sums(lowering, ones, [rows, columns]);
    let found = lowering.builder.reshape(found, &[rows]);
    Ok(lowering.builder.combine(vec![(found, 1)], vec![-1]))
}

/// The input of the graph that an operand is.
fn input(lowering: &Lowering<'_>, node: &Node, operand: usize) -> Result<usize, Error> {
    let operand = lowering.operand(node, operand)?;
    let input = lowering.builder.input_of(operand.node);
    input.ok_or_else(|| lowering.malformed("it reads an input of the graph"))
}

/// The same, which every proof shows.
fn public_input(lowering: &Lowering<'_>, node: &Node, operand: usize) -> Result<usize, Error> {
    let input = input(lowering, node, operand)?;
    if lowering.started.inputs[input].visibility == Visibility::Public {
        return Ok(input);
    }
    Err(lowering.malformed("how long prompt and answer are is public"))
}
