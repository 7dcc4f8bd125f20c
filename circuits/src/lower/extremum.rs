//! Max and Min: `max(m, x) = x + clamp(m − x, 0, spread)` and `min(m, x) = x + clamp(m − x,
//! −spread, 0)`, with `spread` the length of the elements' range, which no difference exceeds. 2
//! cells (difference and rise) and one lookup per comparison.

use zkinfer_models::integer::graph::{Function, Node};
use zkinfer_verifier::circuit::description::NodeId;
use zkinfer_verifier::circuit::interval::Interval;

use super::builder::Builder;
use super::lowering::Lowering;
use crate::error::Error;

/// Longest range of which extremes are taken: a table has up to three times as many rows.
const MAX_SPREAD: i64 = 1 << 18;

/// Which of two elements is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extremum {
    Largest,
    Smallest,
}

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    which: Extremum,
) -> Result<NodeId, Error> {
    let operands = lowering.operands(node)?;
    let mut all: Option<Interval> = None;
    for operand in &operands {
        let range = range(lowering, operand.node)?;
        all = Some(all.map_or(range, |all| all.union(range)));
    }
    let none = lowering.malformed("it reads nothing");
    let Some(range) = all else { return Err(none) };
    let nodes = operands.into_iter().map(|operand| operand.node);
    nodes.reduce(|best, x| compare(&mut lowering.builder, best, x, range, which).0).ok_or(none)
}

/// The integers that a node can take, if comparing them is not too long a table.
pub(super) fn range(lowering: &Lowering<'_>, node: NodeId) -> Result<Interval, Error> {
    let wide = || Error::WideMaximum { node: lowering.builder.name() };
    let range = lowering.builder.range(node).ok_or_else(wide)?;
    if has_table(range) { Ok(range) } else { Err(wide()) }
}

/// Whether differences of such integers have a table.
pub(super) fn has_table(range: Interval) -> bool {
    spread(range) <= MAX_SPREAD
}

fn spread(range: Interval) -> i64 {
    range.maximum.saturating_sub(range.minimum)
}

/// The larger (or smaller) of `best` and `x`, element by element, and `winner − x`. Both are in
/// `range`.
pub(super) fn compare(
    builder: &mut Builder,
    best: NodeId,
    x: NodeId,
    range: Interval,
    which: Extremum,
) -> (NodeId, NodeId) {
    let spread = spread(range);
    let function = match which {
        Extremum::Largest => Function::clamp(0, spread),
        Extremum::Smallest => Function::clamp(-spread, 0),
    };
    let difference = builder.combine(vec![(best, 1), (x, -1)], Vec::new());
    let rise = builder.requantise(difference, 0, &function);
    let winner = builder.combine(vec![(x, 1), (rise, 1)], Vec::new());
    builder.narrow(winner, range);
    (winner, rise)
}
