//! Why networks could not be compared.

use crate::float::reference::ReferenceError;
use crate::integer::interpreter::InterpretError;
use crate::integer::tensors::TensorError;

/// Evaluation failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvaluateError {
    /// The float model failed.
    #[error("sample {sample}: {source}")]
    Reference {
        /// The sample, counted from 0.
        sample: usize,
        /// Why.
        source: ReferenceError,
    },
    /// The sample cannot be quantised.
    #[error("sample {sample}: {source}")]
    Tensor {
        /// The sample, counted from 0.
        sample: usize,
        /// Why.
        source: TensorError,
    },
    /// The quantised graph cannot be run.
    #[error(transparent)]
    Interpret(#[from] InterpretError),
    /// The quantised graph is not made from this model.
    #[error(
        "the compiled network is not made from {model:?} as it is now; compile that again, with \
        the same --dim"
    )]
    OtherModel {
        /// The model.
        model: String,
    },
    /// Labels do not go with the output.
    #[error(
        "sample {sample} has {found} labels, but output {output:?} has {expected} classes to \
        compare; check the labels"
    )]
    Labels {
        /// The sample, counted from 0.
        sample: usize,
        /// Its labels.
        found: usize,
        /// The output that classes are read from.
        output: String,
        /// Classes that it says.
        expected: usize,
    },
    /// A label is no class of the model.
    #[error(
        "the label of sample {sample} is {label}, but output {output:?} has classes 0..{classes}; \
        check the labels"
    )]
    Label {
        /// The sample, counted from 0.
        sample: usize,
        /// Its label.
        label: usize,
        /// The output that classes are read from.
        output: String,
        /// Number of its classes.
        classes: usize,
    },
}
