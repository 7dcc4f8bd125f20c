//! From bytes to what importers look at: messages, inputs, constants, and nodes with their
//! attributes.

pub(in crate::onnx) mod call;
pub(in crate::onnx) mod constant;
pub(in crate::onnx) mod elements;
mod external;
pub(in crate::onnx) mod file;
mod formats;
pub(in crate::onnx) mod interface;
mod safetensors;
pub(in crate::onnx) mod tensor;
