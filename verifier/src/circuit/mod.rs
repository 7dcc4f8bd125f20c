//! What is proven: a description, checked, with everything that follows from it alone.
//!
//! | module | knows |
//! |---|---|
//! | [`description`] | operators, shapes, ranges, visibility, tables, public weights |
//! | [`interval`] | bounds of integers and of linear forms, every step checked |
//! | [`sealed`] | what sealed weights and biases may be |
//! | [`facts`], [`geometry`] | shapes of tensors, of contractions and products |
//! | `operators` | shape and interval of each operator's result |
//! | [`bounded`] | integers of so many bits |
//! | [`function`] | functions by table |
//! | [`output`], [`slice`](mod@slice) | what an output is bound to; rows at a public place |
//! | `greedy` | what the inputs of a generation are |
//! | `shared` | what many operators read, looked at once |
//! | `edges` | who may read what |
//! | `forms` | what each node's cotangent will cost |
//! | [`analysis`] | all of that for every node |
//! | [`tables`] | which tuples of cells are allowed |
//! | [`rows`], [`place`], [`sheet`] | kinds of places, columns of sealed tensors |
//! | [`layout`] | where each cell stands |
//! | `coverage` | that no cell is shared, and none without a lookup |
//! | [`key`] | the verifying key: all of it, with its digest |
//! | [`view`] | moving elements, and the transpose of it |

pub mod analysis;
pub mod bounded;
mod coverage;
pub mod description;
mod edges;
pub mod facts;
pub(crate) mod forms;
pub mod function;
pub mod geometry;
mod greedy;
pub mod interval;
pub mod key;
pub mod layout;
pub mod limbs;
mod operators;
pub mod output;
pub mod place;
pub mod rows;
pub mod sealed;
mod shared;
pub mod sheet;
mod size;
pub mod slice;
pub mod tables;
pub mod view;
