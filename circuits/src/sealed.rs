//! The integers that a model's seal commits to: biases as digits, then all weights, each once.

use std::borrow::Cow;

use rayon::prelude::*;
use zkinfer_models::integer::graph::{Graph, Integers, Operator};
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::sealed::{DIGIT_BASE, SEALED_DIGIT, sealed_bias};
use zkinfer_verifier::field::integers::Integers as Sealed;
use zkinfer_verifier::limits::MAX_BIAS_DIGITS;

use crate::error::Error;

/// Digits that a bias usually has: 18 bits, two more than a product of weight and activation.
const USUAL_DIGITS: u32 = 3;

/// What a seal holds of an operator.
struct Parameters<'a> {
    node: &'a str,
    weights: &'a Integers,
    /// Whether the weights are another operator's, and so in the seal with that one.
    shared: bool,
    bias: Cow<'a, [i64]>,
}

/// Those of every operator that has them, in order.
fn parameters(graph: &Graph) -> impl Iterator<Item = Parameters<'_>> {
    graph.nodes.iter().filter_map(|node| {
        let (weights, shared, bias) = match &node.operator {
            Operator::Convolution { weights, bias, .. }
            | Operator::Linear { weights, bias, .. }
                if !weights.are_known() =>
            {
                let shared = weights.owner().is_some();
                (graph.weights(weights), shared, Cow::Borrowed(bias.as_slice()))
            }
            Operator::Lookup { values, .. } => {
                let rows = node.shape.last().copied().unwrap_or(1);
                (values, false, Cow::Owned(vec![0; rows]))
            }
            _ => return None,
        };
        Some(Parameters { node: &node.name, weights, shared, bias })
    })
}

/// Digits for the biases of a graph: the usual number, more only if one does not fit (which the key
/// then shows).
pub(crate) fn bias_digits(graph: &Graph) -> Result<u32, Error> {
    let mut digits = if parameters(graph).next().is_some() { USUAL_DIGITS } else { 0 };
    for Parameters { node, bias: biases, .. } in parameters(graph) {
        let fits = |digits: u32| {
            let range = sealed_bias(digits);
            biases.iter().all(|bias| (range.minimum..=range.maximum).contains(bias))
        };
        while !fits(digits) {
            digits += 1;
            if digits > MAX_BIAS_DIGITS {
                return Err(Error::Overflow { node: node.into() });
            }
        }
    }
    Ok(digits)
}

/// The tensors that the model's seal commits to, in the order of the key's sheets; none if the
/// weights are public.
///
/// # Errors
/// If a bias of the graph needs more digits than the key has: then they do not belong together.
pub fn model_tensors(graph: &Graph, key: &VerifyingKey) -> Result<Vec<Sealed>, Error> {
    if !key.has_sealed_weights() {
        return Ok(Vec::new());
    }
    let digits = key.description().bias_digits;
    let contractions: Vec<_> = parameters(graph).collect();
    let contraction = |Parameters { node, weights, shared, bias }: &Parameters<'_>| {
        let mut weights: Vec<Sealed> = weights.digits().cloned().map(Sealed::Bytes).collect();
        // The bias stands with the lowest digit.
        let bias =
            bias.iter().copied().chain(std::iter::repeat_n(0, bias.len() * (weights.len() - 1)));
        let too_few = |bias| Error::TooFewDigits { node: (*node).into(), bias, digits };
        let split = |bias| split(bias, digits).ok_or_else(|| too_few(bias));
        let biases = bias.map(split).collect::<Result<Vec<_>, _>>()?.concat();
        if *shared {
            weights.clear();
        }
        Ok((biases, weights))
    };
    let (biases, weights): (Vec<Vec<i8>>, Vec<_>) = contractions
        .par_iter()
        .map(contraction)
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter()
        .unzip();
    let biases = Sealed::Bytes(biases.concat().into());
    Ok(std::iter::once(biases).chain(weights.into_iter().flatten()).collect())
}

/// `Σ digit_i·64^i = value`, each digit between −32 and 31; none if there are too few digits.
fn split(value: i64, digits: u32) -> Option<Vec<i8>> {
    let range = sealed_bias(digits);
    let mut rest = Some(value).filter(|value| (range.minimum..=range.maximum).contains(value))?;
    let digits = (0..digits).map(|_| {
        let digit = (rest - SEALED_DIGIT.minimum).rem_euclid(DIGIT_BASE) + SEALED_DIGIT.minimum;
        rest = (rest - digit) / DIGIT_BASE;
        digit as i8
    });
    Some(digits.collect())
}

/// The inverse of [`split`].
pub(crate) fn join(digits: &[i64]) -> i64 {
    digits.iter().rev().fold(0, |sum, digit| sum * DIGIT_BASE + digit)
}

/// The sealed contractions of a key: their nodes.
pub(crate) fn sealed_contractions(key: &VerifyingKey) -> impl Iterator<Item = usize> + '_ {
    key.description()
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(id, node)| node.operator.has_sealed_weights().then_some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_small_and_add_up() {
        for value in [
            0,
            1,
            -1,
            31,
            32,
            -32,
            -33,
            128_991,
            -133_152,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
        ] {
            let digits = split(value, MAX_BIAS_DIGITS).unwrap();
            let wide: Vec<i64> = digits.iter().map(|&digit| digit.into()).collect();
            assert_eq!(join(&wide), value);
            assert!(digits.iter().all(|digit| (-32..=31).contains(digit)));
        }
        let range = sealed_bias(3);
        assert_eq!((range.minimum, range.maximum), (-133_152, 128_991));
        let ends = [range.minimum, range.maximum];
        assert_eq!(
            ends.map(|value| {
                join(&split(value, 3).unwrap().into_iter().map(i64::from).collect::<Vec<_>>())
            }),
            ends
        );
        assert_eq!(
            [split(range.minimum - 1, 3), split(range.maximum + 1, 3), split(i64::MIN, 6)],
            [None, None, None]
        );
    }
}
