//! The graph that an import builds, and what importers of operators build it with.

mod accumulators;
mod allowance;
mod compose;
mod constants;
mod counted;
pub(in crate::onnx) mod import;
pub(in crate::onnx) mod importer;
mod nodes;
mod operands;
pub(in crate::onnx) mod places;
pub(in crate::onnx) mod scales;
pub(in crate::onnx) mod shapes;
pub(in crate::onnx) mod shelf;
mod standin;
mod types;
