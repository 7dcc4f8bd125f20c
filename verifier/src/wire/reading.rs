//! What people read from a statement: real numbers and a class, computed from the integers that the
//! proof binds.

use crate::circuit::description::{OutputSource, Scheme, Visibility};
use crate::circuit::key::VerifyingKey;
use crate::wire::statement::{Statement, Value};

/// A tensor in real numbers, as far as its visibility shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Name in the model.
    pub name: String,
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
    /// What the statement shows of it.
    pub visibility: Visibility,
    /// The integers of the statement; none unless it is public.
    pub integers: Vec<i64>,
    /// What they stand for.
    pub values: Vec<f64>,
    /// For an output of one index (ArgMax) that index, for one of several scores the index of the
    /// largest (the first, if equal).
    pub class: Option<usize>,
}

impl Statement {
    /// The inputs in real numbers. The statement must be one that [`Statement::check`] accepts.
    pub fn read_inputs(&self, key: &VerifyingKey) -> Vec<Reading> {
        let inputs = key.description().inputs.iter().zip(&self.inputs);
        inputs
            .map(|(input, value)| read(&input.name, &input.shape, value, &input.quantisation))
            .collect()
    }

    /// The outputs in real numbers, with the class that each says.
    pub fn read_outputs(&self, key: &VerifyingKey) -> Vec<Reading> {
        let outputs = key.description().outputs.iter().zip(&self.outputs);
        outputs
            .map(|(output, value)| {
                let reading = read(&output.name, &output.shape, value, &output.quantisation);
                let class = match (&output.source, value.integers()) {
                    (OutputSource::ArgMax { .. }, [index]) => usize::try_from(*index).ok(),
                    (OutputSource::ArgMax { .. } | OutputSource::Greedy(_), _) | (_, [] | [_]) => {
                        None
                    }
                    (OutputSource::Node(_), _) => largest(&reading, &output.quantisation),
                };
                Reading { class, ..reading }
            })
            .collect()
    }
}

impl Scheme {
    /// What the integers of a tensor stand for, in row-major order.
    pub fn real(&self, shape: &[usize], integers: &[i64]) -> Vec<f64> {
        match self {
            Self::PerTensor(quantisation) => {
                integers.iter().map(|&integer| quantisation.real(integer)).collect()
            }
            Self::PerAxis { axis, parts } => {
                let inner = shape.iter().skip(axis.saturating_add(1)).product::<usize>().max(1);
                let by_element = parts.iter().flat_map(|part| core::iter::repeat_n(part, inner));
                let pairs = integers.iter().zip(by_element.cycle());
                pairs.map(|(&integer, part)| part.real(integer)).collect()
            }
        }
    }
}

fn read(name: &str, shape: &[usize], value: &Value, quantisation: &Scheme) -> Reading {
    let integers = value.integers().to_vec();
    let values = quantisation.real(shape, &integers);
    Reading {
        name: name.into(),
        shape: shape.to_vec(),
        visibility: value.visibility(),
        integers,
        values,
        class: None,
    }
}

/// Index of the largest element of a tensor with one dimension longer than 1.
fn largest(reading: &Reading, quantisation: &Scheme) -> Option<usize> {
    if reading.shape.iter().filter(|&&size| size > 1).count() != 1 {
        return None;
    }
    match quantisation {
        // Integers are exact where real numbers may round to equal ones.
        Scheme::PerTensor(_) => {
            let scores = reading.integers.iter().enumerate();
            scores.rev().max_by_key(|(_, score)| **score).map(|(index, _)| index)
        }
        Scheme::PerAxis { .. } => {
            let scores = reading.values.iter().enumerate();
            scores.rev().max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index)
        }
    }
}
