//! The circuit as stock halo2 sees it: an independent judge of every description and witness.
//!
//! The argument that zkinfer proves with is its own; the constraints are not. [`StockCircuit`]
//! states them to `halo2_proofs`, whose MockProver checks them row by row in every test, and whose
//! `create_proof` and `verify_proof` prove a whole network in one.
//!
//! | verifier | here |
//! |---|---|
//! | cell columns `a_c` | advice columns |
//! | tags, `act`, `l₀`, `l_u` | fixed columns |
//! | tables | one fixed table of four columns `(tag, c₁, c₂, c₃)`, the concatenation of all, with the all-zero tuple first |
//! | lookup `i` by logarithmic derivatives | stock lookup `i` of `(tag, c₁, c₂, c₃)` into it |
//! | factors, sealed columns | advice columns too |
//! | `κ_c`, `π_j`, `gᵀb` | instance columns |
//! | running sum `S` | one advice column, with the gates of [`GATES`] |
//!
//! Two things differ. A stock table has one slot, so `k` is raised until the concatenation fits;
//! rows beyond the description's `u` have tag 0 and are zero. And challenges come from hashing key,
//! statement and all cells ([`challenges`]) instead of a transcript of commitments: fixed ones
//! could be solved against, hashed ones cannot be known before the cells are.

mod configuration;
mod statement;
mod stock;
mod verdict;

pub use configuration::{Configuration, GATES};
pub use statement::shown;
pub use stock::{StockCircuit, cells, challenges};
pub use verdict::{Failure, mock_prove};
