//! MatMul: a product of committed values, matrix by matrix, with real zero taken off both.
//!
//! One equation reads it, through the sum that rescales it: that of its requantisation, of an
//! output, or of a copy where the accumulator is read otherwise. Cells: those of the
//! requantisation, or one per element of a copy; and two factors for each term of each batch.

use zkinfer_models::integer::graph::{Node, Operator, Requantise, Ties};
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};

use super::builder::Builder;
use super::lowering::Lowering;
use super::rescale;
use crate::error::Error;

/// The matrices of a MatMul.
pub(super) struct Factors {
    /// `[batches, rows, terms]`, its zero real zero.
    pub(super) left: NodeId,
    /// `[batches, columns, terms]`, its zero real zero.
    pub(super) right: NodeId,
    multiplier: i64,
}

impl Factors {
    /// Those of a node.
    pub(super) fn of(lowering: &mut Lowering<'_>, node: &Node) -> Result<Self, Error> {
        let Operator::MatMul { multiplier, .. } = node.operator else {
            return Err(lowering.malformed("it reads no product"));
        };
        let (left, right) = (lowering.operand(node, 0)?, lowering.operand(node, 1)?);
        let ([batches @ .., rows, terms], [.., columns]) = (left.shape, right.shape) else {
            return Err(lowering.malformed("it multiplies matrices"));
        };
        let (count, rows, terms, columns) = (batches.iter().product(), *rows, *terms, *columns);
        let builder = &mut lowering.builder;
        let left = builder.centred(left.node, left.zero_point);
        let left = builder.reshape(left, &[count, rows, terms]);
        let right = builder.centred(right.node, right.zero_point);
        let right = builder.reshape(right, &[count, terms, columns]);
        let swap = ViewKind::Transpose(vec![0, 2, 1]);
        let right = builder.view(&[right], swap, vec![count, columns, terms]);
        Ok(Self { left, right, multiplier })
    }

    /// The product of these, or of some of their rows, as an accumulator without a constant.
    pub(super) fn product(&self, builder: &mut Builder, left: NodeId, right: NodeId) -> NodeId {
        let (rows, columns) = (builder.shape(left).to_vec(), builder.shape(right).to_vec());
        let product = builder.product(left, right, [rows[0], rows[1], columns[1]]);
        match self.multiplier {
            1 => product,
            multiplier => builder.combine(vec![(product, multiplier)], vec![0]),
        }
    }
}

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    requantise: Option<&Requantise>,
) -> Result<NodeId, Error> {
    let several = node.shape.iter().rev().skip(2).filter(|&&length| length != 1).count() > 1;
    let direct = lowering.only_an_output() && !several;
    let factors = Factors::of(lowering, node)?;
    let builder = &mut lowering.builder;
    let accumulator = match requantise {
        None => factors.product(builder, factors.left, factors.right),
        Some(requantise) => {
            let offset = rescale::offset(requantise);
            let offset = offset.ok_or_else(|| Error::Overflow { node: node.name.clone() })?;
            let (rows, columns) = (builder.shape(factors.left), builder.shape(factors.right));
            let shape = [rows[0], rows[1], columns[1]];
            let product = builder.product(factors.left, factors.right, shape);
            builder.combine(vec![(product, factors.multiplier)], vec![offset])
        }
    };
    let twice = requantise.is_some_and(|to| to.ties != Ties::Up && to.shift > 0);
    let read_otherwise = if requantise.is_some() { twice } else { !direct };
    let accumulator = if read_otherwise { builder.copy(accumulator) } else { accumulator };
    Ok(match requantise {
        Some(rescaling) => rescale::requantise(lowering, accumulator, rescaling),
        None => accumulator,
    })
}
