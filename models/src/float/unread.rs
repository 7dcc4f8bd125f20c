//! Elements that nothing reads although they are computed: those that every reader's Where puts
//! another in the place of. A quotient that is guarded against a zero may be anything there.
//!
//! What is no number stays none through sums and products. So it is harmless wherever it is handed
//! on, to the last of them that a Where discards; not where an operator makes a number of it.

use std::collections::{BTreeMap, HashMap};

use ndarray::ArrayD;

use super::graph::{Graph, Operator};
use crate::integer::graph::ValueId;

/// What odd nodes computed in a sample: before their fused activations, and after.
pub(super) type Odd = BTreeMap<usize, (ArrayD<f64>, ArrayD<f64>)>;

/// Whether a number is made of what a node has that is none, or it is put out. `unread` elements do
/// not count.
pub(super) fn counts(
    graph: &Graph,
    index: usize,
    odd: &Odd,
    readers: &[usize],
    unread: Option<&Vec<bool>>,
) -> bool {
    let Some((argument, result)) = odd.get(&index) else {
        return false;
    };
    let skipped = |place: usize| unread.is_some_and(|unread| unread[place]);
    // Whether some element that is none before is one after.
    let made = |before: &ArrayD<f64>, after: Option<&ArrayD<f64>>| {
        let after: Vec<bool> = after.map_or_else(
            || vec![false; before.len()],
            |after| after.iter().map(|x| x.is_nan()).collect(),
        );
        let pairs = before.iter().zip(after).enumerate();
        let mut made = pairs.filter(|&(place, (x, none))| x.is_nan() && !none && !skipped(place));
        made.next().is_some()
    };
    if made(argument, Some(result)) {
        return true;
    }
    let value = graph.result(index);
    if !result.iter().enumerate().any(|(place, x)| x.is_nan() && !skipped(place)) {
        return false;
    }
    graph.is_output(value)
        || readers.iter().any(|&reader| {
            let node = &graph.nodes[reader];
            match &node.operator {
                Operator::Select => node.inputs[0] == value,
                Operator::Activation(_) | Operator::Binary(_) => {
                    made(result, odd.get(&reader).map(|(argument, _)| argument))
                }
                Operator::Add { .. }
                | Operator::AveragePool { .. }
                | Operator::BatchNormalization { .. }
                | Operator::Concat { .. }
                | Operator::Conv { .. }
                | Operator::Gemm { .. }
                | Operator::Interpolate { .. }
                | Operator::MatMul { .. }
                | Operator::Pad { .. }
                | Operator::Product
                | Operator::Reshape
                | Operator::Slice { .. }
                | Operator::Transpose { .. } => false,
                _ => true,
            }
        })
}

/// For each of the nodes `odd`, which of its elements nothing reads, row by row. `conditions` are
/// the values that Where chooses by.
pub(super) fn unread(
    graph: &Graph,
    odd: impl DoubleEndedIterator<Item = usize>,
    consumers: &[Vec<usize>],
    conditions: &HashMap<ValueId, ArrayD<f64>>,
) -> BTreeMap<usize, Vec<bool>> {
    let mut unread: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for index in odd.rev() {
        let value = graph.result(index);
        let count = graph.nodes[index].shape.iter().product();
        let mut mask = vec![!graph.is_output(value); count];
        for &reader in &consumers[value] {
            let node = &graph.nodes[reader];
            // What nobody reads of the reader, where its elements stand as those of the node do.
            let beyond = unread.get(&reader);
            let passed = |place: usize| beyond.is_some_and(|beyond| beyond[place]);
            match &node.operator {
                Operator::Select if node.inputs[0] != value => {
                    let Some(condition) = conditions.get(&node.inputs[0]) else {
                        return BTreeMap::new();
                    };
                    // As one of its branches, or as both.
                    let chosen = [node.inputs[2] == value, node.inputs[1] == value];
                    for ((place, mask), &truth) in mask.iter_mut().enumerate().zip(condition) {
                        *mask &= !chosen[usize::from(truth != 0.0)] || passed(place);
                    }
                }
                Operator::Activation(_)
                | Operator::Add { .. }
                | Operator::BatchNormalization { .. }
                | Operator::Binary(_)
                | Operator::Product
                | Operator::Reshape => {
                    mask.iter_mut().enumerate().for_each(|(place, mask)| *mask &= passed(place));
                }
                _ => mask.fill(false),
            }
        }
        unread.insert(index, mask);
    }
    unread
}
