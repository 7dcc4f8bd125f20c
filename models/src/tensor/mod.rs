//! Tensors whatever their elements are: moving elements, putting them in order, products of
//! matrices, and the geometry of windows.

pub(crate) mod matrices;
pub(crate) mod moves;
pub mod order;
pub(crate) mod short_floats;
pub mod window;
