//! The accumulator in front of a requantisation.
//!
//! `q = ⌊(z + 2^(shift−1)) / 2^shift⌋ + zero_point = ⌊(z + zero_point·2^shift + 2^(shift−1)) /
//! 2^shift⌋`: rounding and the zero point are constants of the linear form, so the description's
//! requantisation only has to divide and round down.
//!
//! **Ties to even** take two divisions: `down` rounds halves down, `up` rounds them up, and they
//! differ only at a half. So `down + up` is `2q` elsewhere and `2q + 1` at a half, and a function
//! of the sum picks the even neighbour. Cells: those of two divisions, and 2 for the sum.
//!
//! **Weights of more than 8 bits** are two or three digits base 256, each with a contraction of its
//! own; their sum is the accumulator.

use std::sync::Arc;

use zkinfer_models::integer::graph::{self, Function, Integers, Requantise, Ties};
use zkinfer_models::integer::integers::BASE;
use zkinfer_verifier::circuit::description::{Contract, NodeId, Weights};

use super::lowering::Lowering;
use crate::error::Error;

/// Longest shift: the verifier allows 60 bits.
const MAX_SHIFT: u32 = 60;

/// The rows of a Convolution or Linear.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    Own(&'a Integers),
    /// Its own, which are no secret.
    Known(&'a Integers),
    /// Those of the operator at this node of the graph.
    Of(usize),
}

impl<'a> Rows<'a> {
    pub(super) fn of(weights: &'a graph::Weights) -> Self {
        match weights {
            graph::Weights::Own(weights) => Self::Own(weights),
            graph::Weights::Known(weights) => Self::Known(weights),
            graph::Weights::Of(node) => Self::Of(*node),
        }
    }

    /// Whether a seal has them.
    fn are_sealed(self, lowering: &Lowering<'_>) -> bool {
        lowering.sealed && !matches!(self, Self::Known(_))
    }

    /// The weights of a contraction for each digit.
    fn contractions(self, lowering: &Lowering<'_>) -> Vec<Weights> {
        let sealed = self.are_sealed(lowering);
        let own = |digits: &Arc<Vec<i8>>| {
            if sealed { Weights::Sealed } else { Weights::Public(digits.to_vec()) }
        };
        let of = |&node| if sealed { Weights::SealedOf(node) } else { Weights::PublicOf(node) };
        match self {
            Self::Own(weights) | Self::Known(weights) => weights.digits().map(own).collect(),
            // Whoever has weights of its own comes first.
            Self::Of(node) => lowering.contractions[&node].iter().map(of).collect(),
        }
    }
}

/// The numbers of a Convolution or Linear: `z = multipliers·(Σ weights·x + bias)`, then perhaps a
/// requantisation.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    pub(super) weights: Rows<'a>,
    pub(super) bias: &'a [i64],
    pub(super) multipliers: &'a [i64],
    pub(super) requantise: Option<&'a Requantise>,
}

/// What the linear form adds so that dividing rounds (halves down, if they go to even) and the zero
/// point is in: `zero_point·2^shift + 2^(shift−1)`, or `zero_point` where nothing is shifted; none
/// if it leaves 64 bits.
pub(super) fn offset(requantise: &Requantise) -> Option<i64> {
    let shift = requantise.shift;
    if shift > MAX_SHIFT {
        return None;
    }
    let half = match requantise.ties {
        _ if shift == 0 => 0,
        Ties::Up => 1i64 << (shift - 1),
        Ties::Even { slack } => (1i64 << (shift - 1)).checked_sub(slack)?.checked_sub(1)?,
    };
    requantise.zero_point.checked_mul(1 << shift)?.checked_add(half)
}

/// The requantisation of an accumulator that has [`offset`] in it and that nothing else reads.
pub(super) fn requantise(
    lowering: &mut Lowering<'_>,
    accumulator: NodeId,
    requantise: &Requantise,
) -> NodeId {
    let Requantise { shift, ties, zero_point, ref function } = *requantise;
    let slack = match ties {
        Ties::Even { slack } if shift > 0 => slack,
        _ => return lowering.builder.requantise(accumulator, shift, function),
    };
    let builder = &mut lowering.builder;
    // One step more on either side than the function tells apart.
    let (first, last) = (function.minimum - 1, function.minimum + function.values.len() as i64);
    let clamp = Function::clamp(first, last);
    let mut divide = |constant: i64| {
        let copy = builder.combine(vec![(accumulator, 1)], vec![constant]);
        builder.requantise(copy, shift, &clamp)
    };
    let (down, up) = (divide(0), divide(2 * slack + 1));
    let nearest = |sum: i64| {
        let below = sum.div_euclid(2);
        let odd = (below - zero_point).rem_euclid(2) == 1;
        function.apply(if sum.rem_euclid(2) == 1 && odd { below + 1 } else { below })
    };
    let values = (2 * first..=2 * last).map(nearest).collect();
    let sum = builder.combine(vec![(down, 1), (up, 1)], Vec::new());
    builder.requantise(sum, 0, &Function { minimum: 2 * first, values })
}

/// The same, where quotients are known to be in a range, zero point included.
pub(super) fn requantise_within(
    lowering: &mut Lowering<'_>,
    accumulator: NodeId,
    rescaling: &Requantise,
    [least, most]: [i64; 2],
) -> NodeId {
    let Requantise { shift, ref function, .. } = *rescaling;
    let unchanged = [least, most].iter().all(|&end| function.apply(end) == end)
        && (function.minimum..).zip(&function.values).all(|(x, &y)| x == y);
    match unchanged {
        true => lowering.builder.plain(accumulator, shift, function),
        false => requantise(lowering, accumulator, rescaling),
    }
}

/// Whether halves go to even, which takes two divisions of the same accumulator.
pub(super) fn divides_twice(requantise: &Requantise) -> bool {
    requantise.ties != Ties::Up && requantise.shift > 0
}

impl Affine<'_> {
    /// The bias of every row at the scale of `z`, the requantisation's constants included.
    fn bias(&self, lowering: &Lowering<'_>) -> Result<Vec<i64>, Error> {
        if self.bias.len() != self.multipliers.len() {
            return Err(lowering.malformed("it has as many biases as multipliers"));
        }
        let overflow = || Error::Overflow { node: lowering.builder.name() };
        let offset = self.requantise.map_or(Some(0), offset).ok_or_else(overflow)?;
        let rows = self.bias.iter().zip(self.multipliers);
        // Sealed biases stand in the seal, times the multiplier.
        let sealed = self.weights.are_sealed(lowering);
        let public = |bias: i64| if sealed { 0 } else { bias };
        rows.map(|(&bias, &multiplier)| multiplier.checked_mul(public(bias))?.checked_add(offset))
            .map(|bias| bias.ok_or_else(overflow))
            .collect()
    }

    /// A contraction with these numbers over `input`, whose zero is real zero, and the
    /// requantisation directly behind it: the rank-one cotangent of the division then reaches the
    /// contraction as it is.
    ///
    /// `geometry` gives everything but the numbers; `viewed` says that the caller moves the
    /// elements of the result. Sealed accumulators that are not put out as they are get cells of
    /// their own, since a product of committed values is read by one equation only.
    pub(super) fn contract(
        self,
        lowering: &mut Lowering<'_>,
        geometry: Contract,
        shape: [usize; 3],
        viewed: bool,
    ) -> Result<NodeId, Error> {
        let direct = !viewed && lowering.read_once();
        let sealed = self.weights.are_sealed(lowering);
        let digits = self.weights.contractions(lowering);
        let several = digits.len() > 1;
        let mut parts = Vec::new();
        let mut unit = 1;
        for (place, weights) in digits.into_iter().enumerate() {
            let overflow = || Error::Overflow { node: lowering.builder.name() };
            let factors = self
                .multipliers
                .iter()
                .map(|&multiplier| multiplier.checked_mul(unit).ok_or_else(overflow));
            let contract = Contract {
                weights,
                row_factors: factors.collect::<Result<_, _>>()?,
                bias: if place == 0 { self.bias(lowering)? } else { vec![0; self.bias.len()] },
                ..geometry.clone()
            };
            parts.push((lowering.builder.contract(contract, shape), 1));
            unit *= BASE;
        }
        lowering.keep(parts.iter().map(|&(part, _)| part).collect());
        let accumulator =
            if several { lowering.builder.combine(parts, Vec::new()) } else { parts[0].0 };
        let accumulator = match self.requantise {
            // Read by more than one equation.
            Some(requantise) if sealed && divides_twice(requantise) => {
                lowering.builder.copy(accumulator)
            }
            None if sealed && (!direct || several) => lowering.builder.copy(accumulator),
            _ => accumulator,
        };
        Ok(match self.requantise {
            Some(rescaling) => requantise(lowering, accumulator, rescaling),
            None => accumulator,
        })
    }
}
