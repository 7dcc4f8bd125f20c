//! MatMul: a product of committed values, matrix by matrix, with real zero taken off both.
//!
//! One equation reads it, through the sum that rescales it: that of its requantisation, of an
//! output, or of a copy where the accumulator is read otherwise. Cells: those of the
//! requantisation, or one per element of a copy; and two factors for each term of each batch.

use zkinfer_models::integer::graph::{Node, Requantise, Ties};
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};

use super::lowering::Lowering;
use super::rescale;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    multiplier: i64,
    requantise: Option<&Requantise>,
) -> Result<NodeId, Error> {
    let (left, right) = (lowering.operand(node, 0)?, lowering.operand(node, 1)?);
    let ([batches @ .., rows, terms], [.., columns]) = (left.shape, right.shape) else {
        return Err(lowering.malformed("it multiplies matrices"));
    };
    let (count, rows, terms, columns) = (batches.iter().product(), *rows, *terms, *columns);
    let several = batches.iter().filter(|&&length| length != 1).count() > 1;
    let direct = lowering.only_an_output() && !several;
    let offset = requantise.map_or(Some(0), rescale::offset);
    let offset = offset.ok_or_else(|| Error::Overflow { node: node.name.clone() })?;
    let builder = &mut lowering.builder;
    let left = builder.centred(left.node, left.zero_point);
    let left = builder.reshape(left, &[count, rows, terms]);
    let right = builder.centred(right.node, right.zero_point);
    let right = builder.reshape(right, &[count, terms, columns]);
    let swap = ViewKind::Transpose(vec![0, 2, 1]);
    let right = builder.view(&[right], swap, vec![count, columns, terms]);
    let product = builder.product(left, right, [count, rows, columns]);
    let accumulator = match (multiplier, requantise) {
        (1, None) => product,
        _ => builder.combine(vec![(product, multiplier)], vec![offset]),
    };
    let twice = requantise.is_some_and(|to| to.ties != Ties::Up && to.shift > 0);
    let read_otherwise = if requantise.is_some() { twice } else { !direct };
    let accumulator = if read_otherwise { builder.copy(accumulator) } else { accumulator };
    Ok(match requantise {
        Some(rescaling) => rescale::requantise(lowering, accumulator, rescaling),
        None => accumulator,
    })
}
