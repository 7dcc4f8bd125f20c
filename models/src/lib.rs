//! A network before it meets a field.
pub mod activation;
pub mod graph;
pub mod interpreter;
pub mod layout;
pub mod onnx;
pub mod passes;
pub mod quantised;
pub mod reference;
pub mod rounding;
pub mod validate;
pub mod window;
