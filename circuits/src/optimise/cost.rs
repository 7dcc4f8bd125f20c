//! What a circuit costs to prove, to verify and to send: the only place with such numbers.
//!
//! Times are estimates of CPU-seconds, per row unless they say otherwise, for [`CostModel::REFERENCE`], two cores. What is known of them:
//!
//! * transforms go back to one earlier run at `k = 13`, on a loaded machine;
//! * opening, re-randomising and small products are rounded from one run on the quiet machine: 80, 110, 150 and 210 CPU-ms for openings at `k = 8`
//!   to `11`; 90 and 160 CPU-ms for the stage that re-randomises 775 and 1551 columns;
//! * commitments are a rounded fit, not a measurement. `cargo bench --bench stages -- columns` on the quiet machine took 2.7 and 4.7 ms of
//!   wall time for a small column of `2^10` and `2^12` rows (the fit says 2.6 and 4.5), and 8.8 and 23.6 ms for a full one, on both
//!   cores (the fit says 13 and 47 CPU-ms);
//! * all in all, predictions for LeNet-5 were a third below the CPU time that `benches/results.sh` measured.
//!
//! They rank layouts; replace them by those of another machine, or of a faster prover, and every choice follows.
//!
//! With `c` columns of cells, `s` table slots, `l` lookups, `h = ⌈l/3⌉` helpers and `n` rows, the prover
//!
//! * commits to `c + s` columns of small integers and `h + 7` of field elements (helpers, two running sums, the random polynomial,
//!   four quotient pieces);
//! * transforms `2c + 2s + l + h + 2` columns (cells and their `κ`, multiplicities and inverses, tags, helpers, sums) to coefficients
//!   and to four times the rows;
//! * evaluates the constraints there, some five multiplications a lookup and one or two per other column;
//! * opens once, linear in `n`;
//! * with `w` sealed columns, re-randomises each commitment, and multiplies each cell two or three times by a field element; for the adjoint sum they
//!   are folded to few columns.
//!
//! The verifier sums one product of `n` generators and evaluates `c` columns `κ` and `s` columns of inverses; the rest of its work
//! depends on the network alone. A proof has `2(c + s + h) + 18 + 2k` elements of 32 bytes, two more for every
//! factor column and every sealed one but those of weights, one for each of these and one for all, and six for the link.

use zkinfer_verifier::link::RESPONSES;
use zkinfer_verifier::proof::argument_bytes;
use zkinfer_verifier::{QUOTIENT_PIECES, VerifyingKey};

use super::counts::Counts;

/// Seconds and bytes of the machine that the optimiser plans for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostModel {
    /// Committing to any column, each: windows and buckets of the multi-exponentiation that do not depend on the rows.
    pub commit_fixed: f64,
    /// Committing to a column of small integers, per row.
    pub commit_small: f64,
    /// Committing to a column of field elements, per row.
    pub commit_full: f64,
    /// Transform to coefficients, per row and per bit of `k`.
    pub transform: f64,
    /// Transform of a column to four times the rows, per row and per bit of `k`.
    pub extend: f64,
    /// Multiplication in the field, each.
    pub multiply: f64,
    /// Product of a field element and a small integer, summed without reduction, each.
    pub multiply_small: f64,
    /// Opening, whatever the rows.
    pub open_fixed: f64,
    /// Opening, per row.
    pub open: f64,
    /// The verifier's multi-scalar multiplication, per row.
    pub verify_rows: f64,
    /// Whatever a proof costs besides, each.
    pub prove_fixed: f64,
    /// Whatever a verification costs besides, each.
    pub verify_fixed: f64,
    /// Re-randomising the commitment of a sealed column, each.
    pub rerandomise: f64,
    /// Decoding a point and folding it into the opening, per element of the proof.
    pub verify_element: f64,
    /// Copies of a column that the prover holds at its peak, in units of `n` field elements: values, coefficients, extended values.
    pub column_copies: usize,
    /// Bytes of generators per row.
    pub parameter_bytes: usize,
}

impl CostModel {
    /// Two cores, halo2_proofs 0.4.1, its own opening.
    pub const REFERENCE: Self = Self {
        commit_fixed: 2.0e-3,
        commit_small: 0.6e-6,
        commit_full: 1.1e-5,
        transform: 1.8e-3 / 8192.0 / 13.0,
        extend: 8.0e-3 / 8192.0 / 13.0,
        multiply: 3.0e-8,
        multiply_small: 5.0e-9,
        open_fixed: 5.0e-2,
        open: 8.0e-5,
        verify_rows: 60.0e-3 / 8192.0,
        prove_fixed: 2.0e-3,
        verify_fixed: 2.0e-3,
        rerandomise: 1.0e-4,
        verify_element: 3.0e-5,
        column_copies: 6,
        parameter_bytes: 128,
    };
}

/// Small products a row and sealed column: the factors, the opening's combination, and checking that each cell is small.
const SMALL_PER_ROW: usize = 3;
/// Bytes of a sealed cell at the prover.
const SEALED_BYTES: usize = 8;

/// What a circuit is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Time to prove.
    pub prove_seconds: f64,
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
        let rows = counts.rows() as f64;
        let (columns, slots, lookups) = (counts.columns, counts.slots, counts.lookups);
        let helpers = counts.helpers();
        let full = helpers + 2 + 1 + QUOTIENT_PIECES;
        let (sealed, folded, factors) = (counts.sealed, counts.folded, counts.factors);
        let full = full + factors;
        let transformed = 2 * (columns + folded + factors) + factors / 2 + 2 * slots + lookups + helpers + 2;
        let terms = 4 * (5 * lookups + columns + folded + 2 * factors + slots + 2 * helpers + 10);
        let small = counts.units + SMALL_PER_ROW * sealed;
        let fields = counts.network + 3 * counts.cells + 6 * counts.table_rows;
        let link = if sealed > 0 { 1 + RESPONSES } else { 0 };
        let shown = 2 * sealed - counts.weights + counts.weights.min(1);
        let elements = 2 * (columns + factors + slots + helpers) + shown + link + 18 + 2 * counts.k as usize;

        let per_row = self.commit_small * (columns + slots) as f64
            + self.commit_full * full as f64
            + (self.transform + self.extend) * f64::from(counts.k) * transformed as f64
            + self.multiply_small * small as f64
            + self.multiply * terms as f64
            + self.open;
        let public = self.multiply * fields as f64;
        let evaluated = self.multiply * (columns + folded + 2 * factors + slots + 8) as f64;
        Prediction {
            prove_seconds: rows * per_row
                + public
                + self.commit_fixed * (columns + slots + full) as f64
                + self.rerandomise * sealed as f64
                + self.open_fixed
                + self.prove_fixed,
            verify_seconds: rows * (self.verify_rows + evaluated)
                + public
                + self.verify_element * elements as f64
                + self.verify_fixed,
            peak_bytes: counts.rows()
                * (32 * self.column_copies * (transformed + 7) + SEALED_BYTES * sealed + self.parameter_bytes),
            proof_bytes: 32 * elements,
        }
    }
}
