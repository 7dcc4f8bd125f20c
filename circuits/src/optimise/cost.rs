//! What a circuit costs to prove, to verify and to send: the only place with such numbers.
//!
//! Times are CPU-seconds of [`CostModel::REFERENCE`]. They rank layouts; replace them by those of another machine, or of a faster prover, and every choice follows.
//! `docs/performance.md` derives the formulas and shows them beside what was measured.

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::proof::argument_bytes;

use super::counts::Counts;

/// Seconds and bytes of the machine that the optimiser plans for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostModel {
    /// Committing to a column of small integers, whatever the rows: bucket sums, mask, blind.
    pub small_column: f64,
    /// Committing to a small integer.
    pub small_cell: f64,
    /// Committing to a column of field elements, whatever the rows.
    pub full_column: f64,
    /// Committing to a field element.
    pub full_cell: f64,
    /// Counting a lookup.
    pub count: f64,
    /// Multiplication in the field.
    pub multiply: f64,
    /// Product of a field element and a small integer, summed without reduction.
    pub multiply_small: f64,
    /// Transform of a column, per row and bit of `k`.
    pub transform: f64,
    /// Committing to a message of the row sum.
    pub message: f64,
    /// The inner product argument, whatever the rows.
    pub open: f64,
    /// The inner product argument, per row.
    pub open_row: f64,
    /// The verifier's multi-scalar multiplication, per term.
    pub verify_term: f64,
    /// Decoding a point.
    pub decode: f64,
    /// Whatever a proof costs besides.
    pub prove_fixed: f64,
    /// Whatever a verification costs besides.
    pub verify_fixed: f64,
    /// Bytes of a process that proves nothing.
    pub base_bytes: usize,
}

impl CostModel {
    /// Two x86-64 cores at some 2.7 GHz, shared with others.
    pub const REFERENCE: Self = Self {
        small_column: 2.0e-4,
        small_cell: 3.0e-7,
        full_column: 5.0e-4,
        full_cell: 4.0e-6,
        count: 2.0e-8,
        multiply: 2.0e-8,
        multiply_small: 4.0e-9,
        transform: 2.0e-8,
        message: 7.0e-4,
        open: 5.0e-3,
        open_row: 4.0e-5,
        verify_term: 5.0e-6,
        decode: 2.0e-5,
        prove_fixed: 5.0e-3,
        verify_fixed: 2.0e-3,
        base_bytes: 8 << 20,
    };
}

/// Stages of a proof, as a prover names them.
pub const STAGES: usize = 11;

/// What a circuit is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Time to prove.
    pub prove_seconds: f64,
    /// The same by stage.
    pub stages: [(&'static str, f64); STAGES],
    /// Time to verify.
    pub verify_seconds: f64,
    /// Memory of the prover at its peak.
    pub peak_bytes: usize,
    /// Bytes of the argument; exact.
    pub proof_bytes: usize,
}

impl Prediction {
    /// Of a compiled circuit, on the reference machine.
    pub fn of(key: &VerifyingKey) -> Self {
        let prediction = CostModel::REFERENCE.predict(&Counts::of(key));
        Self { proof_bytes: argument_bytes(key), ..prediction }
    }
}

impl CostModel {
    /// The costs of a circuit of this size.
    pub fn predict(&self, counts: &Counts) -> Prediction {
        let (n, k) = (counts.rows() as f64, f64::from(counts.k));
        let [columns, slots, lookups, helpers, factors, sealed, folded, units] = [
            counts.columns,
            counts.slots,
            counts.lookups,
            counts.helpers(),
            counts.factors,
            counts.sealed,
            counts.folded,
            counts.units,
        ]
        .map(|count| count as f64);
        let full = |columns: f64| columns * (self.full_column + n * self.full_cell);
        let multiply = |count: f64| n * self.multiply * count;
        let public = self.multiply * (counts.network + 2 * counts.cells + 6 * counts.table_rows) as f64;
        let elements = counts.columns + counts.slots + 2 * counts.factors + counts.lookups + 2 * counts.helpers();
        let elements = elements + 3 * counts.k as usize + 13;
        let terms = n + 3.0 * k + columns + slots + helpers + factors + sealed;
        let verify_seconds = self.verify_fixed
            + self.verify_term * terms
            + self.decode * (columns + slots + helpers + factors + 3.0 * k)
            + public
            + multiply(columns + factors + slots);
        let stages = [
            ("counting lookups", n * self.count * lookups),
            ("committing to cells", columns * (self.small_column + n * self.small_cell)),
            ("committing to multiplicities", slots * (self.small_column + n * self.small_cell)),
            ("factors of products", full(factors)),
            ("lookup helpers", multiply(6.0 * lookups) + full(helpers)),
            ("adjoint pass", public),
            (
                "row sum",
                multiply(24.0 * lookups + 5.0 * (columns + slots + folded + factors))
                    + n * self.multiply_small * units
                    + k * self.message,
            ),
            (
                "running sum",
                n * self.multiply_small * (columns + slots + sealed) + multiply(helpers + factors) + full(1.0),
            ),
            ("quotient", n * k * self.transform * 17.0 + full(1.0)),
            ("opening", full(1.0) + self.open + n * self.open_row),
            ("self-check", verify_seconds),
        ];
        let tables = 2 * (counts.columns + counts.folded + counts.slots)
            + counts.lookups
            + counts.helpers()
            + 3 * counts.factors;
        Prediction {
            prove_seconds: self.prove_fixed + stages.iter().map(|(_, seconds)| seconds).sum::<f64>(),
            stages,
            verify_seconds,
            peak_bytes: self.base_bytes + counts.rows() * (32 * (tables + 16) + 8 * (counts.columns + counts.sealed)),
            proof_bytes: 32 * elements,
        }
    }
}
