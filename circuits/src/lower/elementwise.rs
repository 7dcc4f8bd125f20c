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

use super::lowering::Lowering;
use super::{extremum, rescale};
use crate::error::Error;

/// Largest sum or difference whose square is looked up.
const MAX_SUM: i64 = 1 << 18;

pub(super) fn product(
    lowering: &mut Lowering<'_>,
    node: &Node,
    multiplier: i64,
    requantise: &Requantise,
) -> Result<NodeId, Error> {
    let overflow = || Error::Overflow { node: node.name.clone() };
    let [left, right] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads two values"))?;
    let size =
        |lowering: &Lowering<'_>, operand: &super::lowering::Operand<'_>| -> Result<i64, Error> {
            let Interval { minimum, maximum } = lowering.range(operand.node)?;
            let ends = [minimum, maximum]
                .map(|end| end.saturating_sub(operand.zero_point).saturating_abs());
            Ok(ends[0].max(ends[1]))
        };
    let largest = size(lowering, &left)?.saturating_add(size(lowering, &right)?);
    if largest > MAX_SUM {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let square =
        Function { minimum: -largest, values: (-largest..=largest).map(|x| x * x / 4).collect() };
    let mut quarter = |sign: i64| {
        let centre = -(left.zero_point + sign * right.zero_point);
        let sum = lowering.builder.combine(vec![(left.node, 1), (right.node, sign)], vec![centre]);
        lowering.builder.requantise(sum, 0, &square)
    };
    let terms = vec![
        (quarter(1), multiplier),
        (quarter(-1), multiplier.checked_neg().ok_or_else(overflow)?),
    ];
    let offset = rescale::offset(requantise).ok_or_else(overflow)?;
    let accumulator = lowering.builder.combine(terms, vec![offset]);
    Ok(rescale::requantise(lowering, accumulator, requantise))
}

pub(super) fn binary(
    lowering: &mut Lowering<'_>,
    node: &Node,
    function: &BinaryFunction,
) -> Result<NodeId, Error> {
    let [left, right] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads two values"))?;
    // The whole range of the right operand fits between two values of the left one; the table
    // saturates as the function does.
    let (rows, columns) = (lowering.range(left.node)?, lowering.range(right.node)?);
    let width = i64::try_from(columns.count()).unwrap_or(i64::MAX);
    if rows.count().saturating_mul(width.into()) > i128::from(MAX_SUM) {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let pairs = (rows.minimum..=rows.maximum)
        .flat_map(|a| (columns.minimum..=columns.maximum).map(move |b| (a, b)));
    let values = pairs.map(|(a, b)| function.apply(a, b)).collect();
    let table = Function { minimum: rows.minimum * width + columns.minimum, values };
    let index = lowering.builder.combine(vec![(left.node, width), (right.node, 1)], Vec::new());
    Ok(lowering.builder.requantise(index, 0, &table))
}

pub(super) fn select(lowering: &mut Lowering<'_>, node: &Node) -> Result<NodeId, Error> {
    let [condition, yes, no] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads three values"))?;
    let range = extremum::range(lowering, yes.node)?.union(extremum::range(lowering, no.node)?);
    let spread = range.maximum - range.minimum;
    let step = 2 * spread + 1;
    let zeros = (-spread..=spread).map(|_| 0);
    let function = Function { minimum: -spread, values: zeros.chain(-spread..=spread).collect() };
    let terms = vec![(yes.node, 1), (no.node, -1), (condition.node, step)];
    let difference = lowering.builder.combine(terms, Vec::new());
    let chosen = lowering.builder.requantise(difference, 0, &function);
    let result = lowering.builder.combine(vec![(no.node, 1), (chosen, 1)], Vec::new());
    lowering.builder.narrow(result, range);
    Ok(result)
}
