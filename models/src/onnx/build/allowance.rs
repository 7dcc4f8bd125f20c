//! How many elements of constants an import may read and make.

/// Elements of constants that an import reads and makes, beyond [`READINGS`] times what the file
/// holds: operators on constants can be chained to any length, and layers share weights.
pub(in crate::onnx) const MAX_FOLDED: usize = 1 << 27;
pub(in crate::onnx) const READINGS: usize = 16;
/// Elements of all constants of a file together.
pub(in crate::onnx) const MAX_STORED: usize = 1 << 28;
