//! `e^(x − max) / Σ e^(x − max)`, maximum and sum over rows.

use super::found::{Rows, plain};
use super::group::{is_spread, less, nothing, origin, reduced, rows, views};
use crate::float::activation::{Activation, Plain};
use crate::float::graph::{Graph, Operator};
use crate::integer::graph::ValueId;

/// Longer rows do not fit the sums of a circuit.
const LONGEST: usize = 2048;

const RECIPROCAL: Activation = Activation::Power { factor: 1.0, offset: 0.0, exponent: -1.0 };

/// The softmax that divides `powers` by `total`, or multiplies them by its inverse.
pub(super) fn find(graph: &Graph, powers: ValueId, total: ValueId, inverse: bool) -> Option<Rows> {
    let is_inverse =
        |node: &crate::float::graph::Node| node.operator == Operator::Activation(RECIPROCAL);
    let mut pooled = origin(graph, total);
    if inverse {
        let node = plain(graph, pooled).filter(|node| is_inverse(node))?;
        pooled = origin(graph, *node.inputs.first()?);
    }
    let sum =
        reduced(graph, pooled).filter(|sum| sum.divisor == Some(1) && sum.length <= LONGEST)?;
    let node = plain(graph, powers)?;
    if node.operator != Operator::Activation(Activation::Plain(Plain::Exp)) {
        return None;
    }
    let in_row = rows(graph, &sum, powers)?;
    let spread = match inverse {
        true => is_spread(graph, total, &sum, &in_row, &is_inverse),
        false => is_spread(graph, total, &sum, &in_row, &nothing),
    };
    if !spread {
        return None;
    }
    let source = less(graph, *node.inputs.first()?, &in_row, |row| row.divisor.is_none())?;
    let path = views(graph, &sum, powers, &in_row)?;
    Some(Rows { source, views: path, operator: Operator::Softmax { visible: Vec::new() } })
}
