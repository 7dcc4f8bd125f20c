//! Product, Binary and Select: operators on activations element by element, all of them by lookup.
//!
//! **Product** is the difference of two quarter squares: `a·b = ⌊(a+b)²/4⌋ − ⌊(a−b)²/4⌋` for
//! integers `a` and `b`, since both sums have the same parity and the floors drop the same quarter.
//! Cells: 4 per element (two arguments, two squares), one table for both, then the
//! requantisation's.
//!
//! **Binary** looks `counts[1]·a + b` up: 2 cells per element, and a table of `counts[0]·counts[1]`
//! rows.
//!
//! **Select** is `no + f(yes − no + condition·(2·spread + 1))`, where `f` is zero up to `spread`,
//! which no difference exceeds, and gives the difference back beyond: 2 cells per element.

use zkinfer_models::integer::graph::{BinaryFunction, Function, Node, Requantise};
use zkinfer_verifier::circuit::description::NodeId;
use zkinfer_verifier::circuit::interval::Interval;

use super::{Context, extremum, rescale};
use crate::error::Error;

/// Largest sum or difference whose square is looked up.
const MAX_SUM: i64 = 1 << 18;

pub(super) fn product(
    context: &mut Context<'_>,
    node: &Node,
    multiplier: i64,
    requantise: &Requantise,
) -> Result<NodeId, Error> {
    let overflow = || Error::Overflow { node: node.name.clone() };
    let [left, right] =
        context.operands(node)?.try_into().map_err(|_| context.malformed("it reads two values"))?;
    let size = |context: &Context<'_>, operand: &super::Operand<'_>| -> Result<i64, Error> {
        let Interval { minimum, maximum } = context.range(operand.node)?;
        let ends =
            [minimum, maximum].map(|end| end.saturating_sub(operand.zero_point).saturating_abs());
        Ok(ends[0].max(ends[1]))
    };
    let largest = size(context, &left)?.saturating_add(size(context, &right)?);
    if largest > MAX_SUM {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let square =
        Function { minimum: -largest, values: (-largest..=largest).map(|x| x * x / 4).collect() };
    let mut quarter = |sign: i64| {
        let centre = -(left.zero_point + sign * right.zero_point);
        let sum = context.builder.combine(vec![(left.node, 1), (right.node, sign)], vec![centre]);
        context.builder.requantise(sum, 0, &square)
    };
    let terms = vec![
        (quarter(1), multiplier),
        (quarter(-1), multiplier.checked_neg().ok_or_else(overflow)?),
    ];
    let offset = rescale::offset(requantise).ok_or_else(overflow)?;
    let accumulator = context.builder.combine(terms, vec![offset]);
    Ok(rescale::requantise(context, accumulator, requantise))
}

pub(super) fn binary(
    context: &mut Context<'_>,
    node: &Node,
    function: &BinaryFunction,
) -> Result<NodeId, Error> {
    let [left, right] =
        context.operands(node)?.try_into().map_err(|_| context.malformed("it reads two values"))?;
    // The whole range of the right operand fits between two values of the left one; the table
    // saturates as the function does.
    let (rows, columns) = (context.range(left.node)?, context.range(right.node)?);
    let width = i64::try_from(columns.count()).unwrap_or(i64::MAX);
    if rows.count().saturating_mul(width.into()) > i128::from(MAX_SUM) {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let pairs = (rows.minimum..=rows.maximum)
        .flat_map(|a| (columns.minimum..=columns.maximum).map(move |b| (a, b)));
    let values = pairs.map(|(a, b)| function.apply(a, b)).collect();
    let table = Function { minimum: rows.minimum * width + columns.minimum, values };
    let index = context.builder.combine(vec![(left.node, width), (right.node, 1)], Vec::new());
    Ok(context.builder.requantise(index, 0, &table))
}

pub(super) fn select(context: &mut Context<'_>, node: &Node) -> Result<NodeId, Error> {
    let [condition, yes, no] = context
        .operands(node)?
        .try_into()
        .map_err(|_| context.malformed("it reads three values"))?;
    let range = extremum::range(context, yes.node)?.union(extremum::range(context, no.node)?);
    let spread = range.maximum - range.minimum;
    let step = 2 * spread + 1;
    let zeros = (-spread..=spread).map(|_| 0);
    let function = Function { minimum: -spread, values: zeros.chain(-spread..=spread).collect() };
    let terms = vec![(yes.node, 1), (no.node, -1), (condition.node, step)];
    let difference = context.builder.combine(terms, Vec::new());
    let chosen = context.builder.requantise(difference, 0, &function);
    let result = context.builder.combine(vec![(no.node, 1), (chosen, 1)], Vec::new());
    context.builder.narrow(result, range);
    Ok(result)
}
