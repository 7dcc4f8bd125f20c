//! The integers that a model's seal commits to: biases as digits, then the weights of every contraction.

use zkinfer_models::quantised::{Graph, Operator};
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::analysis::{DIGIT_BASE, MAX_BIAS_DIGITS, SEALED_DIGIT, sealed_bias};
use zkinfer_verifier::description::{Operator as Lowered, Weights};

use crate::error::Error;

/// Digits that a bias usually has: 18 bits, two more than a product of weight and activation.
const USUAL_DIGITS: u32 = 3;

/// Name, weights and biases of every operator that has them, in order.
fn parameters(graph: &Graph) -> impl Iterator<Item = (&str, &[i8], &[i32])> {
    graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Convolution { weights, bias, .. } | Operator::Linear { weights, bias, .. } => {
            Some((node.name.as_str(), weights.as_slice(), bias.as_slice()))
        }
        _ => None,
    })
}

/// Digits for the biases of a graph: the usual number, more only if one does not fit (which the key then shows).
pub(crate) fn bias_digits(graph: &Graph) -> Result<u32, Error> {
    let mut digits = if parameters(graph).next().is_some() { USUAL_DIGITS } else { 0 };
    for (node, _, biases) in parameters(graph) {
        let fits = |digits: u32| {
            let range = sealed_bias(digits);
            biases.iter().all(|&bias| (range.minimum..=range.maximum).contains(&bias.into()))
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

/// The tensors that the model's seal commits to, in the order of the key's sheets; none if the weights are public.
pub fn model_tensors(graph: &Graph, key: &VerifyingKey) -> Vec<Vec<i64>> {
    if !key.has_sealed_weights() {
        return Vec::new();
    }
    let digits = key.description().bias_digits;
    let biases = parameters(graph).flat_map(|(_, _, biases)| biases);
    let weights = parameters(graph).map(|(_, weights, _)| weights.iter().map(|&weight| weight.into()).collect());
    std::iter::once(biases.flat_map(|&bias| split(bias.into(), digits)).collect()).chain(weights).collect()
}

/// `Σ digit_i·64^i = value`, each digit between −32 and 31.
fn split(mut value: i64, digits: u32) -> Vec<i64> {
    (0..digits)
        .map(|_| {
            let digit = (value - SEALED_DIGIT.minimum).rem_euclid(DIGIT_BASE) + SEALED_DIGIT.minimum;
            value = (value - digit) / DIGIT_BASE;
            digit
        })
        .collect()
}

/// The inverse of [`split`].
pub(crate) fn join(digits: &[i64]) -> i64 {
    digits.iter().rev().fold(0, |sum, digit| sum * DIGIT_BASE + digit)
}

/// The sealed contractions of a key: their nodes.
pub(crate) fn sealed_contractions(key: &VerifyingKey) -> impl Iterator<Item = usize> + '_ {
    key.description().nodes.iter().enumerate().filter_map(|(id, node)| {
        matches!(&node.operator, Lowered::Contract(contract) if contract.weights == Weights::Sealed).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_small_and_add_up() {
        for value in [0, 1, -1, 31, 32, -32, -33, 128_991, -133_152, i64::from(i32::MAX), i64::from(i32::MIN)] {
            let digits = split(value, MAX_BIAS_DIGITS);
            assert_eq!(join(&digits), value);
            assert!(digits.iter().all(|digit| (-32..=31).contains(digit)));
        }
        let range = sealed_bias(3);
        assert_eq!((range.minimum, range.maximum), (-133_152, 128_991));
        assert_eq!([range.minimum, range.maximum].map(|value| join(&split(value, 3))), [range.minimum, range.maximum]);
    }
}
