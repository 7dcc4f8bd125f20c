//! Why a network was not calibrated.

/// Calibration failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// The inputs do not fit.
    #[error("calibration sample {sample} has shapes {found:?}, expected {expected}")]
    Inputs {
        /// The sample, counted from 0.
        sample: usize,
        /// The network's inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// A value of the network is not a number, or infinite where that makes a difference.
    #[error(
        "node {node:?} becomes {found} on calibration sample {sample}; check the model and the \
        scale of its inputs, or calibrate with typical samples"
    )]
    NotFinite {
        /// The sample, counted from 0.
        sample: usize,
        /// The node.
        node: String,
        /// The number found.
        found: f64,
    },
    /// An index that its table does not have.
    #[error(
        "calibration sample {sample} holds {found} for input {input:?}, which is an index of \
        {minimum}..={maximum}; correct the data, or say `--input-range NAME=LOW,HIGH`"
    )]
    Index {
        /// The sample, counted from 0.
        sample: usize,
        /// The input.
        input: String,
        /// The number found.
        found: f32,
        /// The smallest index.
        minimum: i64,
        /// The largest index.
        maximum: i64,
    },
    /// An input range that is no range.
    #[error(
        "input range {minimum},{maximum}: expected two finite numbers, the first below the second"
    )]
    InputRange {
        /// The lower end.
        minimum: f32,
        /// The upper end.
        maximum: f32,
    },
}
