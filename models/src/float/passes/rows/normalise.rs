//! `d/√(mean d² + ε)`, the mean over rows; `d` is a value, or one less its mean.

use super::chain::{Power, chain, is_step};
use super::found::{Rows, plain};
use super::group::{Reduced, is_spread, less, origin, reduced, rows, views};
use crate::float::activation::Activation;
use crate::float::graph::{Graph, Operator};
use crate::integer::graph::ValueId;

/// Longer rows of 8 bits do not fit the sums of a circuit.
const LONGEST: usize = 16_384;

const SQUARE: Activation = Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 };

/// The normalisation that multiplies `value` by `factor`, or divides it.
pub(super) fn find(graph: &Graph, value: ValueId, factor: ValueId, divides: bool) -> Option<Rows> {
    let (power, pooled) = chain(graph, factor)?;
    let squares = reduced(graph, pooled).filter(|squares| squares.length <= LONGEST)?;
    let (operator, found) = scale(power, &squares, divides)?;
    let squared = origin(graph, squares.flat);
    let base = match plain(graph, squared)? {
        node if node.operator == Operator::Activation(SQUARE) => *node.inputs.first()?,
        node if node.operator == Operator::Product && node.inputs[0] == node.inputs[1] => {
            node.inputs[0]
        }
        _ => return None,
    };
    let in_row = rows(graph, &squares, squared)?;
    if !is_spread(graph, factor, &squares, &in_row, &is_step) {
        return None;
    }
    // What is normalised and what is squared are both the value, or both less its mean.
    let less_mean =
        |value| less(graph, value, &in_row, |row: &Reduced| row.divisor == Some(row.length));
    let (source, centred) = match (less_mean(value), less_mean(base)) {
        (Some(source), Some(other)) if source == other => (source, true),
        _ if value == base => (value, false),
        _ => return None,
    };
    let path = views(graph, &squares, squared, &in_row)?;
    let operator = Operator::Normalise { centred, epsilon: found, factor: operator };
    Some(Rows { source, views: path, operator })
}

/// `g·(a·v + b)^−½` of a sum or mean of squares `v` as `factor` and `epsilon` of `factor/√(mean +
/// epsilon)`.
fn scale(power: Power, squares: &Reduced, divides: bool) -> Option<(f64, f64)> {
    let power = if divides { power.inverse() } else { power };
    let Power { factor, offset, exponent, gain } = power;
    let factor = factor * squares.length as f64 / squares.divisor? as f64;
    let sound = exponent == -0.5 && factor > 0.0 && offset >= 0.0 && gain > 0.0;
    let (gain, epsilon) = (gain / factor.sqrt(), offset / factor);
    (sound && gain.is_normal() && epsilon.is_finite()).then_some((gain, epsilon))
}
