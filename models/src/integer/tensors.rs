//! Between real tensors and the integers of a quantised graph.

use std::borrow::Cow;

use ndarray::ArrayD;

use super::graph::{Graph, Quantisation, ValueId};
use super::signature::{self, describe};
use crate::tensor::moves::from_elements;

/// Inputs that cannot be quantised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TensorError {
    /// The inputs do not fit the graph.
    #[error("{graph:?} expects {expected}, but shapes {found:?} were given")]
    Inputs {
        /// The graph's name.
        graph: String,
        /// Its inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// An element is no real number.
    #[error("input {input:?} holds {value}, expected finite numbers")]
    NotFinite {
        /// The input.
        input: String,
        /// The first such element.
        value: f32,
    },
    /// An index that no table has.
    #[error(
        "input {input:?} holds {value}, but it is an index of a table: expected whole numbers of \
        {minimum}..={maximum}; give it one of these, or compile with another `--input-range \
        NAME=LOW,HIGH` if the table has more"
    )]
    Index {
        /// The input.
        input: String,
        /// The first such element.
        value: f32,
        /// The smallest index.
        minimum: i64,
        /// The largest index.
        maximum: i64,
    },
}

/// Elements of an input beyond the real numbers that its integers stand for: they count as the
/// nearest end.
#[derive(Clone, Debug, PartialEq)]
pub struct Clamped {
    /// The input.
    pub input: String,
    /// How many elements are below the range.
    pub below: usize,
    /// How many are above it.
    pub above: usize,
    /// Elements of the input.
    pub elements: usize,
    /// Where ranges differ along a dimension: the dimension, and the index that is farthest out.
    /// The ends are those of its elements.
    pub part: Option<(usize, usize)>,
    /// What its smallest and largest integer stand for.
    pub range: [f64; 2],
    /// The smallest and the largest element given.
    pub given: [f64; 2],
}

impl std::fmt::Display for Clamped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([low, high], [least, most]) = (self.range, self.given);
        let (outside, all) = (self.below + self.above, self.elements);
        write!(f, "input {:?}: {outside} of {all} elements lie outside ", self.input)?;
        if let Some((axis, index)) = self.part {
            write!(f, "the ranges of their indices along dimension {axis}, as at {index} ")?;
        }
        write!(
            f,
            "{low:.4}..={high:.4}, for which the network is quantised, and count as its ends \
            (they go from {least:.4} to {most:.4}); calibrate with data like this"
        )
    }
}

/// What each element's integer stands for.
pub struct Meaning<'a> {
    /// By the index along a dimension, or one for all.
    pub each: Cow<'a, [Quantisation]>,
    /// Elements in a row that have the same index.
    pub inner: usize,
}

impl Meaning<'_> {
    /// The index of an element along the dimension.
    pub fn part(&self, element: usize) -> usize {
        element / self.inner % self.each.len()
    }

    /// Scale and zero point of an element, counted in row-major order.
    pub fn of(&self, element: usize) -> Quantisation {
        self.each[self.part(element)]
    }
}

impl Graph {
    /// The elements of a tensor for the input `index` that [`Self::quantise_input`] moves to an end
    /// of the range; none if all lie within it, half a step apart.
    ///
    /// # Panics
    /// If the graph has no such input.
    pub fn clamped(&self, index: usize, given: &ArrayD<f32>) -> Option<Clamped> {
        let input = &self.inputs[index];
        let meaning = self.meaning(index);
        let (mut below, mut above) = (0, 0);
        let mut ends = vec![[f64::INFINITY, f64::NEG_INFINITY]; meaning.each.len()];
        for (element, x) in given.iter().map(|&x| f64::from(x)).enumerate() {
            let part = meaning.part(element);
            let integer = meaning.each[part].quantise(x, i64::MIN, i64::MAX);
            below += usize::from(integer < input.minimum);
            above += usize::from(integer > input.maximum);
            ends[part] = [ends[part][0].min(x), ends[part][1].max(x)];
        }
        let range = |part: usize| {
            [input.minimum, input.maximum].map(|end| meaning.each[part].dequantise(end))
        };
        // How far an index goes out, in units of its range.
        let excess = |part: &usize| {
            let ([low, high], [least, most]) = (range(*part), ends[*part]);
            (low - least).max(most - high) / (high - low).max(f64::MIN_POSITIVE)
        };
        let worst = (0..ends.len()).max_by(|a, b| excess(a).total_cmp(&excess(b)))?;
        (below + above > 0).then(|| Clamped {
            input: input.name.clone(),
            below,
            above,
            elements: given.len(),
            part: self.parts.get(&index).map(|parts| (parts.axis, worst)),
            range: range(worst),
            given: ends[worst],
        })
    }

    /// Names and shapes of the inputs, as [`Dataset::read`](crate::data::Dataset::read) takes them.
    pub fn signature(&self) -> Vec<signature::Input> {
        let inputs = self.inputs.iter();
        inputs
            .map(|input| signature::Input {
                name: input.name.clone(),
                shape: input.shape.clone(),
                grid: None,
            })
            .collect()
    }

    /// Real inputs as the integers that the graph computes with, [rounded half to even and
    /// saturated](crate::integer::graph::Quantisation::quantise).
    ///
    /// # Errors
    /// If there are too many or too few, of another shape, or an element is NaN or infinite.
    pub fn quantise_inputs(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<i64>>, TensorError> {
        let fits = inputs.len() == self.inputs.len()
            && inputs.iter().zip(&self.inputs).all(|(given, input)| given.shape() == input.shape);
        if !fits {
            return Err(TensorError::Inputs {
                graph: self.name.clone(),
                expected: describe(&self.signature()),
                found: inputs.iter().map(|input| input.shape().to_vec()).collect(),
            });
        }
        inputs.iter().enumerate().map(|(index, given)| self.quantise_input(index, given)).collect()
    }

    /// The integers that a tensor for the input `index` stands for.
    ///
    /// # Panics
    /// If the graph has no such input.
    pub fn quantise_input(
        &self,
        index: usize,
        given: &ArrayD<f32>,
    ) -> Result<ArrayD<i64>, TensorError> {
        let input = &self.inputs[index];
        if given.shape() != input.shape {
            return Err(TensorError::Inputs {
                graph: self.name.clone(),
                expected: describe(&self.signature()),
                found: vec![given.shape().to_vec()],
            });
        }
        let known = |x: &f32| {
            let integer = input.quantisation.quantise((*x).into(), i64::MIN, i64::MAX);
            (input.minimum..=input.maximum).contains(&integer)
                && input.quantisation.dequantise(integer) == f64::from(*x)
        };
        if self.index_inputs()[index]
            && let Some(&value) = given.iter().find(|x| x.is_finite() && !known(x))
        {
            let (minimum, maximum) = (input.minimum, input.maximum);
            return Err(TensorError::Index { input: input.name.clone(), value, minimum, maximum });
        }
        match given.iter().find(|x| !x.is_finite()) {
            None => {
                let meaning = self.meaning(index);
                let integers = given.iter().enumerate().map(|(element, &x)| {
                    meaning.of(element).quantise(x.into(), input.minimum, input.maximum)
                });
                Ok(from_elements(&input.shape, integers.collect()))
            }
            Some(&value) => Err(TensorError::NotFinite { input: input.name.clone(), value }),
        }
    }

    /// The real numbers that the integers of a value stand for.
    ///
    /// # Panics
    /// If the graph has no such value.
    pub fn dequantise(&self, value: ValueId, tensor: &ArrayD<i64>) -> ArrayD<f64> {
        let meaning = self.meaning(value);
        let elements = tensor.iter().enumerate();
        let reals =
            elements.map(|(element, &integer)| meaning.of(element).dequantise(integer)).collect();
        from_elements(tensor.shape(), reals)
    }

    /// What the integers of a value stand for.
    ///
    /// # Panics
    /// If the graph has no such value.
    pub fn meaning(&self, value: ValueId) -> Meaning<'_> {
        match self.parts.get(&value) {
            Some(parts) => {
                let inner = self.shape(value)[parts.axis + 1..].iter().product();
                Meaning { each: Cow::Borrowed(&parts.each), inner }
            }
            None => Meaning { each: Cow::Owned(vec![self.quantisation(value)]), inner: 1 },
        }
    }

    /// The real outputs that integer ones stand for, in the graph's order.
    pub fn dequantise_outputs(&self, outputs: &[ArrayD<i64>]) -> Vec<ArrayD<f64>> {
        let pairs = self.outputs.iter().zip(outputs);
        pairs.map(|(output, tensor)| self.dequantise(output.value, tensor)).collect()
    }
}
