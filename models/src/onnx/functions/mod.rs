//! Operators that are functions of others: their nodes stand in for them at import.
//!
//! | file | idea |
//! |---|---|
//! | `arrangement` | elements elsewhere, and constants beside them: Trilu, Col2Im, AffineGrid |
//! | `attention` | Attention, and what stands before it |
//! | `fused` | onnxruntime's attention, and what stands before it |
//! | `local` | functions that the file defines itself |
//! | `normalisation` | LayerNormalization and its relatives |
//! | `loss` | NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss |
//! | `microsoft` | what onnxruntime fuses |
//! | `expansion` | a node of an operator that ONNX defines as a function |
//! | `instance` | the nodes of a function for a node that applies it |
//! | `scaled` | what its three attentions have in common |
//! | `text` | functions as they are written down here |

mod arrangement;
mod attention;
mod expansion;
mod fused;
mod instance;
pub(in crate::onnx) mod local;
mod loss;
mod microsoft;
mod normalisation;
mod scaled;
mod text;

use crate::onnx::build::importer::Registration;

/// ONNX's functions that no importer of their own knows.
pub(in crate::onnx) const FUNCTIONS: &[&[Registration]] = &[
    arrangement::FUNCTIONS,
    attention::FUNCTIONS,
    loss::FUNCTIONS,
    microsoft::ADDED,
    normalisation::FUNCTIONS,
];

/// Those of the domain `com.microsoft`.
pub(in crate::onnx) const MICROSOFT_FUNCTIONS: &[&[Registration]] =
    &[fused::FUNCTIONS, microsoft::FUNCTIONS];
