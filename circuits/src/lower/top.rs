//! TopK: selection by exchange on keys that are all different.
//!
//! Element `j` of a lane of `n` becomes the key `n·(±x_j) + (n − 1 − j)`: a larger key comes first,
//! and among equal elements the one with the smaller index. Each place of the result is the largest
//! key left, found by a chain of comparisons (see `extremum`) whose losers, `best + x − winner`, go
//! on to the next place. What the place puts out, element or index, is a function of its key.
//! Cells: 2 per comparison, 2 per loser (a lookup that keeps its interval from growing), 2 per
//! result.

use zkinfer_models::integer::graph::{Function, Node};
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};
use zkinfer_verifier::circuit::interval::Interval;

use super::extremum::{self, Extremum};
use super::lowering::Lowering;
use crate::error::Error;

/// Most comparisons per lane.
const MAX_COMPARISONS: usize = 1 << 14;

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
    if length.saturating_mul(places) > MAX_COMPARISONS || places > length {
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
    let mut shape = operand.shape.to_vec();
    shape[axis] = 1;
    let mut keys: Vec<NodeId> = (0..length)
        .map(|index| {
            let kind = ViewKind::Slice { axis, start: index, step: 1, count: 1 };
            let element = lowering.builder.view(&[input], kind, shape.clone());
            let key =
                lowering.builder.combine(vec![(element, sign * n)], vec![n - 1 - index as i64]);
            lowering.builder.narrow(key, range);
            key
        })
        .collect();
    extremum::range(lowering, keys[0])?;
    let keep = Function::clamp(range.minimum, range.maximum);
    let result =
        |key: i64| if indices { n - 1 - key.rem_euclid(n) } else { sign * key.div_euclid(n) };
    let read = Function {
        minimum: range.minimum,
        values: (range.minimum..=range.maximum).map(result).collect(),
    };
    let mut results = Vec::new();
    for place in 0..places {
        let last = place + 1 == places;
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
        results.push(lowering.builder.requantise(best, 0, &read));
        keys = losers;
    }
    Ok(match results[..] {
        [only] => only,
        _ => lowering.builder.view(&results, ViewKind::Concat(axis), node.shape.clone()),
    })
}
