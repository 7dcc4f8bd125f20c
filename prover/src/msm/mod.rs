//! Multi-scalar multiplication behind commitments; one file per backend.

pub mod cpu;
