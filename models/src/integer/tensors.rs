//! Between real tensors and the integers of a quantised graph.

use ndarray::ArrayD;

use super::graph::{Graph, ValueId};
use super::signature::{self, describe};

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
}

impl Graph {
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
        match given.iter().find(|x| !x.is_finite()) {
            None => {
                Ok(given
                    .mapv(|x| input.quantisation.quantise(x.into(), input.minimum, input.maximum)))
            }
            Some(&value) => Err(TensorError::NotFinite { input: input.name.clone(), value }),
        }
    }

    /// The real numbers that the integers of a value stand for.
    ///
    /// # Panics
    /// If the graph has no such value.
    pub fn dequantise(&self, value: ValueId, tensor: &ArrayD<i64>) -> ArrayD<f64> {
        let quantisation = self.quantisation(value);
        tensor.mapv(|integer| quantisation.dequantise(integer))
    }

    /// The real outputs that integer ones stand for, in the graph's order.
    pub fn dequantise_outputs(&self, outputs: &[ArrayD<i64>]) -> Vec<ArrayD<f64>> {
        let pairs = self.outputs.iter().zip(outputs);
        pairs.map(|(output, tensor)| self.dequantise(output.value, tensor)).collect()
    }
}
