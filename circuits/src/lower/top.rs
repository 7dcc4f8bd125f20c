//! TopK: keys that are all different, put in order by whichever way takes fewer cells.
//!
//! Element `j` of a lane of `n` becomes the key `n·(±x_j) + (n − 1 − j)`: a larger key comes first,
//! and among equal elements the one with the smaller index. What a place puts out, element or
//! index, is a function of its key. Few places are filled one after the other, each by the largest
//! key left, found by a chain of comparisons (see `extremum`) whose losers, `best + x − winner`, go
//! on to the next place; many by `network`.
//! Cells: 2 per comparison, 2 per key that goes on (a lookup that keeps its interval from growing),
//! 2 per result.

use zkinfer_models::integer::graph::{Function, Node};
use zkinfer_models::tensor::order::{can_be_ordered, is_network};
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};
use zkinfer_verifier::circuit::interval::Interval;

use super::extremum::{self, Extremum};
use super::lowering::Lowering;
use super::network;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    axis: usize,
    smallest: bool,
    indices: bool,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let missing = || Error::Malformed { node: node.name.clone(), what: "its axis does not exist" };
    let (&length, &places) =
        operand.shape.get(axis).zip(node.shape.get(axis)).ok_or_else(missing)?;
    if places > length || !can_be_ordered(length, places) {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let input = lowering.builder.reshape(operand.node, operand.shape);
    let elements = lowering.range(input)?;
    let n = i64::try_from(length).unwrap_or(i64::MAX);
    let sign = if smallest { -1 } else { 1 };
    let ends =
        [elements.minimum, elements.maximum].map(|end| end.saturating_mul(sign).saturating_mul(n));
    let range = Interval {
        minimum: ends[0].min(ends[1]),
        maximum: ends[0].max(ends[1]).saturating_add(n - 1),
    };
    if !extremum::has_table(range) {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let result =
        |key: i64| if indices { n - 1 - key.rem_euclid(n) } else { sign * key.div_euclid(n) };
    let read = Function {
        minimum: range.minimum,
        values: (range.minimum..=range.maximum).map(result).collect(),
    };
    let keys = Keys { input, range, factor: sign * n, axis, places, shape: operand.shape };
    Ok(match is_network(length, places) {
        true => keys.by_network(lowering, &read),
        false => keys.one_by_one(lowering, &node.shape, &read),
    })
}

/// What is put in order.
struct Keys<'s> {
    input: NodeId,
    range: Interval,
    factor: i64,
    axis: usize,
    places: usize,
    shape: &'s [usize],
}

impl Keys<'_> {
    /// All keys at once, the dimension they are put in order along behind the others.
    fn by_network(&self, lowering: &mut Lowering<'_>, read: &Function) -> NodeId {
        let last = self.shape.len() - 1;
        let length = self.shape[self.axis];
        let mut order: Vec<usize> = (0..=last).filter(|&axis| axis != self.axis).collect();
        let rows = order.iter().map(|&axis| self.shape[axis]).product();
        order.push(self.axis);
        let moved: Vec<usize> = order.iter().map(|&axis| self.shape[axis]).collect();
        let builder = &mut lowering.builder;
        let mut input = self.input;
        if self.axis != last {
            input = builder.view(&[input], ViewKind::Transpose(order.clone()), moved.clone());
        }
        let input = builder.reshape(input, &[rows, length]);
        let behind: Vec<i64> = (0..length as i64).rev().collect();
        let keys = builder.combine(vec![(input, self.factor)], behind.repeat(rows));
        builder.narrow(keys, self.range);
        let sorted = network::largest(builder, keys, [rows, length], self.places, self.range);
        let result = builder.requantise(sorted, 0, read);
        let kept = [&moved[..last], &[self.places]].concat();
        let result = builder.reshape(result, &kept);
        if self.axis == last {
            return result;
        }
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(from, &to)| back[to] = from);
        let shape = back.iter().map(|&axis| kept[axis]).collect();
        builder.view(&[result], ViewKind::Transpose(back), shape)
    }

    /// One place after the other.
    fn one_by_one(&self, lowering: &mut Lowering<'_>, result: &[usize], read: &Function) -> NodeId {
        let (axis, length, range) = (self.axis, self.shape[self.axis], self.range);
        let mut shape = self.shape.to_vec();
        shape[axis] = 1;
        let mut keys: Vec<NodeId> = (0..length)
            .map(|index| {
                let kind = ViewKind::Slice { axis, start: index, step: 1, count: 1 };
                let element = lowering.builder.view(&[self.input], kind, shape.clone());
                let behind = vec![(length - 1 - index) as i64];
                let key = lowering.builder.combine(vec![(element, self.factor)], behind);
                lowering.builder.narrow(key, range);
                key
            })
            .collect();
        let keep = Function::clamp(range.minimum, range.maximum);
        let mut results = Vec::new();
        for place in 0..self.places {
            let last = place + 1 == self.places;
            let mut best = keys[0];
            let mut losers = Vec::new();
            for &key in &keys[1..] {
                let (winner, rise) =
                    extremum::compare(&mut lowering.builder, best, key, range, Extremum::Largest);
                if !last {
                    // best + key − winner = best − rise
                    let loser = lowering.builder.combine(vec![(best, 1), (rise, -1)], Vec::new());
                    losers.push(lowering.builder.requantise(loser, 0, &keep));
                }
                best = winner;
            }
            results.push(lowering.builder.requantise(best, 0, read));
            keys = losers;
        }
        match results[..] {
            [only] => only,
            _ => lowering.builder.view(&results, ViewKind::Concat(axis), result.to_vec()),
        }
    }
}
