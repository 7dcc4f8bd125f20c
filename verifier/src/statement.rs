//! The public integers that a proof is about.

use serde::{Deserialize, Serialize};

use crate::description::Quantisation;
use crate::error::Rejection;
use crate::key::VerifyingKey;

/// Public inputs and outputs as integers, row-major, in the key's order.
///
/// Floats and classes that people read are derived from these with [`Quantisation::real`], never stored beside a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// One vector per input.
    pub inputs: Vec<Vec<i64>>,
    /// One vector per output.
    pub outputs: Vec<Vec<i64>>,
}

impl Quantisation {
    /// The real number that `integer` stands for.
    #[allow(clippy::cast_precision_loss, reason = "for reading only")]
    pub fn real(&self, integer: i64) -> f64 {
        self.scale * integer.saturating_sub(self.zero_point) as f64
    }
}

impl Statement {
    /// Whether the tensors have the declared number, lengths and ranges.
    pub fn check(&self, key: &VerifyingKey) -> Result<(), Rejection> {
        let description = key.description();
        let inputs = description.inputs.iter().map(|input| {
            let length = input.shape.iter().product();
            (input.name.as_str(), length, input.minimum, input.maximum)
        });
        check_tensors("input", &self.inputs, inputs)?;
        let outputs = description.outputs.iter().zip(&key.analysis().outputs).map(|(output, facts)| {
            (output.name.as_str(), facts.elements, facts.interval.minimum, facts.interval.maximum)
        });
        check_tensors("output", &self.outputs, outputs)
    }
}

fn check_tensors<'a>(
    kind: &'static str,
    tensors: &[Vec<i64>],
    declared: impl ExactSizeIterator<Item = (&'a str, usize, i64, i64)>,
) -> Result<(), Rejection> {
    if tensors.len() != declared.len() {
        return Err(Rejection::TensorCount { kind, expected: declared.len(), got: tensors.len() });
    }
    for (tensor, (name, length, minimum, maximum)) in tensors.iter().zip(declared) {
        if tensor.len() != length {
            return Err(Rejection::TensorLength { name: name.into(), expected: length, got: tensor.len() });
        }
        if let Some((index, &got)) = tensor.iter().enumerate().find(|&(_, &x)| !(minimum..=maximum).contains(&x)) {
            return Err(Rejection::TensorRange { name: name.into(), index, got, minimum, maximum });
        }
    }
    Ok(())
}
