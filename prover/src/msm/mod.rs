//! Multi-scalar multiplication behind commitments and their opening.
//!
//! | file | knows |
//! |---|---|
//! | `backend` | what computes sums of points: the interface, and the CPU behind it |
//! | `device` | which backend does what, and what happens when it fails |
//! | `bases` | bases that sums are computed over, wherever they are |
//! | `gpu` | the backend for GPUs (feature `gpu`) |
//! | `affine` | additions that share an inversion: everything below consists of them |
//! | `digits` | integers as signed digits |
//! | `endomorphism` | scalars of the field as two integers of half the length |
//! | `buckets` | sums of points weighted with digits |
//! | `pippenger` | sums of points weighted with integers: which digits, how to put their sums together |
//! | `small` | columns of small integers |
//! | `full` | columns of elements of the field |
//! | `fixed` | a few generators that never change |
//! | `fold` | the generators of an inner product argument after some rounds |
//!
//! Results are the same points whatever the number of threads. Time depends on the scalars, as it
//! does in halo2.

mod affine;
mod backend;
mod bases;
mod buckets;
mod device;
mod digits;
mod endomorphism;
mod fixed;
mod fold;
mod full;
#[cfg(feature = "gpu")]
pub mod gpu;
mod pippenger;
mod small;

pub use backend::{About, Backend, Capabilities, Cpu, DeviceError, Resident};
pub use bases::Bases;
pub use device::{Device, Uses, Work};
pub use fixed::FixedBases;
pub use fold::{fold, tensor};
pub use full::full;
pub use small::small;

#[cfg(test)]
mod tests;
