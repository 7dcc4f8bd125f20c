//! What crosses the wire: statements, proofs and seals, and the files that hold them.
//!
//! | module | knows |
//! |---|---|
//! | [`commitment`] | compressed points |
//! | [`statement`] | the public integers, and commitments |
//! | [`generation`] | prompt and answer of a language model |
//! | [`reading`] | the real numbers and the class that people read |
//! | [`proof`] | a statement with the argument that it is true |
//! | [`seal`] | commitments to secret tensors, and the names of models that have them |
//! | [`ranges`] | what each range proof of a seal is about |
//! | [`files`] | all of them, and keys, as bytes |

pub mod commitment;
pub mod files;
pub mod generation;
pub mod proof;
pub mod ranges;
pub mod reading;
pub mod seal;
pub mod statement;
