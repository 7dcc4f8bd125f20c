//! Operators that are functions of others: their nodes stand in for them at import.
//!
//! | file | idea |
//! |---|---|
//! | `local` | functions that the file defines itself |
//! | `normalisation` | LayerNormalization and its relatives |
//! | `loss` | NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss |
//! | `expansion` | a node of an operator that ONNX defines as a function |
//! | `instance` | the nodes of a function for a node that applies it |
//! | `text` | functions as they are written down here |

mod expansion;
mod instance;
pub(in crate::onnx) mod local;
mod loss;
mod normalisation;
mod text;

use crate::onnx::build::importer::Registration;

/// ONNX's functions that no importer of their own knows.
pub(in crate::onnx) const FUNCTIONS: &[&[Registration]] =
    &[loss::FUNCTIONS, normalisation::FUNCTIONS];
