//! Tensors whatever their elements are: moving elements, putting them in order, and the geometry of
//! windows.

pub(crate) mod moves;
pub(crate) mod order;
pub mod window;
