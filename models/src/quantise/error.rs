//! Why a network cannot be quantised.

use crate::integer::validate::GraphError;

/// A network that cannot be quantised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// Calibration has no range for a node's result or an input.
    #[error(
        "calibration has no range for value {value:?} of {model:?}; calibrate with the model that \
        is quantised"
    )]
    MissingRange {
        /// The model.
        model: String,
        /// The node or input.
        value: String,
    },
    /// A calibrated range is not finite.
    #[error(
        "value {value:?} of {model:?} ranges over {minimum}..{maximum} in calibration, expected \
        finite numbers around zero; check the calibration data"
    )]
    BadRange {
        /// The model.
        model: String,
        /// The node or input.
        value: String,
        /// Its lower end.
        minimum: f32,
        /// Its upper end.
        maximum: f32,
    },
    /// An index that the table does not have.
    #[error(
        "node {node:?} reads a table of {rows} rows by an index {found}, expected whole numbers \
        below {rows}, from -{rows} on; give the range of the input that it is computed from \
        (`--input-range NAME=LOW,HIGH`), or clip it in the model"
    )]
    Index {
        /// The node.
        node: String,
        /// Rows of its table.
        rows: i64,
        /// What is known of the index.
        found: String,
    },
    /// The quantised network would overflow.
    #[error(
        "the calibrated ranges do not fit the weights of this network: {0}; calibrate with typical \
        inputs"
    )]
    Unsound(#[from] GraphError),
}
