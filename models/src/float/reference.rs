//! The float model: what the quantised network is measured against.
//!
//! Our own float execution runs it. In builds with the feature `tract`, as those of the tests are,
//! tract does, wherever it can.

use std::fmt;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::float::execute::Execution;
use crate::float::graph::Graph;
#[cfg(feature = "tract")]
use crate::float::tract;
use crate::integer::signature::describe;

/// Who runs the float model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Executor {
    /// Our own float execution, in double precision.
    Own,
    /// tract, in single precision: only in builds with the feature `tract`.
    Tract,
}

impl fmt::Display for Executor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Own => "our own float execution",
            Self::Tract => "tract",
        })
    }
}

/// The float model refused to run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// tract failed on an input.
    #[cfg(feature = "tract")]
    #[error("tract, which runs {model:?} in floating point as the reference, failed: {reason}")]
    Run {
        /// The model.
        model: String,
        /// What tract said.
        reason: String,
    },
    /// The inputs do not fit.
    #[error("{model:?} expects {expected}, but shapes {found:?} were given")]
    Inputs {
        /// The model.
        model: String,
        /// The model's inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// An output of the network is not finite.
    #[error(
        "output {value:?} of {model:?} becomes {found} on this input; check the model and the \
        scale of its inputs"
    )]
    NotFinite {
        /// The model.
        model: String,
        /// The output.
        value: String,
        /// The number found.
        found: f32,
    },
}

/// A float model that is ready to run.
pub(crate) struct Reference<'m> {
    graph: &'m Graph,
    runner: Runner<'m>,
}

enum Runner<'m> {
    Own(Execution<'m>),
    #[cfg(feature = "tract")]
    Tract(&'m tract::Prepared),
}

impl<'m> Reference<'m> {
    /// The model, run by ourselves.
    pub(crate) fn own(graph: &'m Graph) -> Self {
        Self { graph, runner: Runner::Own(Execution::new(graph)) }
    }

    /// The model, run by tract.
    #[cfg(feature = "tract")]
    pub(crate) fn tract(graph: &'m Graph, plan: &'m tract::Prepared) -> Self {
        Self { graph, runner: Runner::Tract(plan) }
    }

    /// Who runs it.
    pub(crate) fn executor(&self) -> Executor {
        match self.runner {
            Runner::Own(_) => Executor::Own,
            #[cfg(feature = "tract")]
            Runner::Tract(_) => Executor::Tract,
        }
    }

    /// Runs one sample, one tensor per input in the graph's order. Indices come out as whole
    /// floats.
    ///
    /// # Errors
    /// If the inputs do not fit, tract fails, or an output is infinite or not a number.
    pub(crate) fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, ReferenceError> {
        let Graph { name, inputs: declared, outputs, .. } = self.graph;
        let fits = inputs.len() == declared.len()
            && inputs.iter().zip(declared).all(|(given, input)| given.shape() == input.shape);
        if !fits {
            return Err(ReferenceError::Inputs {
                model: name.clone(),
                expected: describe(declared),
                found: inputs.iter().map(|input| input.shape().to_vec()).collect(),
            });
        }
        let results: Vec<ArrayD<f32>> = match &self.runner {
            Runner::Own(execution) => {
                let results = execution.run(inputs, |_, _, _| {});
                results.into_iter().map(|result| result.mapv(|x| x as f32)).collect()
            }
            #[cfg(feature = "tract")]
            Runner::Tract(plan) => plan
                .run(inputs)
                .map_err(|reason| ReferenceError::Run { model: name.clone(), reason })?,
        };
        for (output, tensor) in outputs.iter().zip(&results) {
            if let Some(&found) = tensor.iter().find(|x| !x.is_finite()) {
                return Err(ReferenceError::NotFinite {
                    model: name.clone(),
                    value: output.name.clone(),
                    found,
                });
            }
        }
        Ok(results)
    }
}
