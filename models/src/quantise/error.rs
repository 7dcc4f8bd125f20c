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
    /// A quantised file with values that it leaves in floating point, and no data for their ranges.
    #[error(
        "{model:?} is quantised by its file, but for {values}: their ranges are measured on data; \
        pass typical samples (`--calibration`), or quantise them in the file too"
    )]
    LeftOpen {
        /// The model.
        model: String,
        /// Their names.
        values: String,
    },
    /// A file that quantises dynamically, and no data for fixed ranges.
    #[error(
        "{model:?} quantises dynamically, by the range of each input, and a circuit has fixed \
        ranges, here of {values}: pass typical samples (`--calibration`) to measure them on, or \
        quantise the model statically (onnxruntime's `quantize_static`)"
    )]
    Dynamic {
        /// The model.
        model: String,
        /// Names of the values with measured ranges.
        values: String,
    },
    /// The quantised network would overflow.
    #[error(
        "the calibrated ranges do not fit the weights of this network: {0}; calibrate with typical \
        inputs"
    )]
    Unsound(#[from] GraphError),
}
