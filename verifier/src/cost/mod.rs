//! What verifying takes, from the key alone: an upper bound on memory and time, so that nobody has
//! to find out by trying.
//!
//! The bound follows the verifier step by step, on sizes instead of values (`sizes.rs`). It is
//! linear in cells, weights, rows, columns and elements read: a contraction whose cotangent is not
//! of rank one costs its multiply-accumulates, but has no more of them than
//! [`MAX_PER_ELEMENT`](crate::limits::MAX_PER_ELEMENT) for each element and weight.
//! `benches/hostile.rs` holds it against what is measured.

mod sizes;

use std::fmt;
use std::time::Duration;

use crate::circuit::key::VerifyingKey;

/// Nanoseconds of a field multiplication on a common processor, with the memory that it takes.
const MULTIPLICATION: u64 = 20;

/// An upper bound on what verifying a proof takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Processor time, in field multiplications, of all threads together.
    pub multiplications: u64,
    /// Memory at its peak, in bytes, the key included.
    pub bytes: u64,
}

/// What a verifier is willing to spend on a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Processor time, of all threads together.
    pub time: Duration,
    /// Bytes of memory.
    pub bytes: u64,
}

impl Default for Budget {
    /// Ten minutes, 4 GB.
    fn default() -> Self {
        Self { time: Duration::from_secs(600), bytes: 4_000_000_000 }
    }
}

/// Verifying may take more than the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooCostly {
    /// What it may take.
    pub cost: Cost,
    /// What was allowed.
    pub budget: Budget,
}

impl fmt::Display for TooCostly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        write!(
            f,
            "verifying may take up to {} MB of memory and {} seconds of processor time, more than \
            the {} MB and {} seconds allowed",
            megabytes(self.cost.bytes),
            self.cost.time().as_secs().saturating_add(1),
            megabytes(self.budget.bytes),
            self.budget.time.as_secs(),
        )
    }
}

impl std::error::Error for TooCostly {}

impl Cost {
    /// Of verifying a proof for this key.
    pub fn of(key: &VerifyingKey) -> Self {
        let [multiplications, bytes] = sizes::follow(key);
        Self { multiplications, bytes }
    }

    /// Processor time on a common machine.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.multiplications.saturating_mul(MULTIPLICATION))
    }

    /// Whether it is within a budget.
    pub fn within(self, budget: Budget) -> Result<(), TooCostly> {
        if self.bytes <= budget.bytes && self.time() <= budget.time {
            Ok(())
        } else {
            Err(TooCostly { cost: self, budget })
        }
    }
}
