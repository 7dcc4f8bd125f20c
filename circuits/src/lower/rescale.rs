//! The accumulator in front of a requantisation.
//!
//! `q = ⌊(z + 2^(shift−1)) / 2^shift⌋ + zero_point = ⌊(z + zero_point·2^shift + 2^(shift−1)) / 2^shift⌋`: rounding and the zero point are
//! constants of the linear form, so the description's requantisation only has to divide and round down.

use zkinfer_models::quantised::Requantise;
use zkinfer_verifier::description::{Contract, NodeId, Weights};

use super::Context;
use crate::error::Error;

/// Longest shift: the verifier allows 60 bits.
const MAX_SHIFT: u32 = 60;

/// The numbers of a Convolution or Linear: `z = multipliers·(Σ weights·x + bias)`, then perhaps a requantisation.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    pub(super) weights: &'a [i8],
    pub(super) bias: &'a [i32],
    pub(super) multipliers: &'a [i64],
    pub(super) requantise: Option<&'a Requantise>,
}

/// `zero_point·2^shift + 2^(shift−1)`, or `zero_point` where nothing is shifted; none if it leaves 64 bits.
pub(super) fn offset(requantise: &Requantise) -> Option<i64> {
    let shift = requantise.shift;
    if shift > MAX_SHIFT {
        return None;
    }
    let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
    requantise.zero_point.checked_mul(1 << shift)?.checked_add(half)
}

impl Affine<'_> {
    /// The bias of every row at the scale of `z`, the requantisation's constants included.
    fn bias(&self, context: &Context<'_>) -> Result<Vec<i64>, Error> {
        if self.bias.len() != self.multipliers.len() {
            return Err(context.malformed("it has as many biases as multipliers"));
        }
        let overflow = || Error::Overflow { node: context.builder.name() };
        let offset = self.requantise.map_or(Some(0), offset).ok_or_else(overflow)?;
        let rows = self.bias.iter().zip(self.multipliers);
        // Sealed biases stand in the seal, times the multiplier.
        let public = |bias: i32| if context.sealed { 0 } else { i64::from(bias) };
        rows.map(|(&bias, &multiplier)| multiplier.checked_mul(public(bias))?.checked_add(offset))
            .map(|bias| bias.ok_or_else(overflow))
            .collect()
    }

    /// A contraction with these numbers over `input`, whose zero is real zero, and the requantisation directly behind it: the rank-one
    /// cotangent of the division then reaches the contraction as it is.
    ///
    /// `geometry` gives everything but the numbers; `viewed` says that the caller moves the elements of the result. Sealed accumulators that are
    /// not put out as they are get cells of their own, since a product of committed values is read by one equation only.
    pub(super) fn contract(
        self,
        context: &mut Context<'_>,
        geometry: Contract,
        shape: [usize; 3],
        viewed: bool,
    ) -> Result<NodeId, Error> {
        let direct = !viewed && context.only_an_output();
        let contract = Contract {
            weights: if context.sealed { Weights::Sealed } else { Weights::Public(self.weights.to_vec()) },
            row_factors: self.multipliers.to_vec(),
            bias: self.bias(context)?,
            ..geometry
        };
        let accumulator = context.builder.contract(contract, shape);
        Ok(match self.requantise {
            Some(requantise) => context.builder.requantise(accumulator, requantise.shift, &requantise.function),
            None if context.sealed && !direct => context.builder.copy(accumulator),
            None => accumulator,
        })
    }
}
