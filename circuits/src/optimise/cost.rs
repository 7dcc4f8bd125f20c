//! What a circuit costs to prove, to verify and to send: the only place with such numbers.
//!
//! Times are CPU-seconds of [`CostModel::REFERENCE`]. They rank layouts; replace them by those of
//! another machine, or of a faster prover, and every choice follows. `docs/performance.md` derives
//! the formulas and shows them beside what was measured.

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::argument::schedule::Sizes;
use zkinfer_verifier::argument::stage::Stage;

use super::counts::Counts;

/// CPU-seconds and bytes of the machine that the optimiser plans for. Costs are each, unless they
/// say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostModel {
    /// Committing to a column of small integers, whatever the rows: its mask and blind, the sums of
    /// its buckets.
    pub small_column: f64,
    /// Committing to a small integer.
    pub small_cell: f64,
    /// Committing to a field element, in a column of `2^8` rows.
    pub full_cell: f64,
    /// What a field element costs less for every further bit of `k`: longer columns share more.
    pub full_saving: f64,
    /// Counting a lookup.
    pub count: f64,
    /// A denominator and its share of the fraction that is inverted.
    pub denominator: f64,
    /// A tuple of a table: its denominator and reciprocal.
    pub tuple: f64,
    /// A lookup's share of the row sum, per row.
    pub sum_lookup: f64,
    /// A linear column's share of the row sum, per row.
    pub sum_linear: f64,
    /// A pair of columns that are multiplied: its share of the row sum, per row.
    pub sum_product: f64,
    /// Multiplication in the field.
    pub multiply: f64,
    /// Product of a field element and a small integer, summed without reduction.
    pub multiply_small: f64,
    /// A cell of the backward pass.
    pub backward_cell: f64,
    /// Transform of a column, per row and bit of `k`.
    pub transform: f64,
    /// Committing to a message of the row sum.
    pub message: f64,
    /// The inner product argument, whatever the rows.
    pub open: f64,
    /// The inner product argument, per row.
    pub open_row: f64,
    /// The verifier's multi-scalar multiplication, per term, with `2^8` of them.
    pub verify_term: f64,
    /// What a term costs less for every further bit of `k`.
    pub verify_saving: f64,
    /// Decoding a point.
    pub decode: f64,
    /// A multiply-accumulate of the network on integers.
    pub execute: f64,
    /// A weight of the network on integers: those of the largest networks come from memory, twice.
    pub execute_weight: f64,
    /// A cell of the witness.
    pub witness_cell: f64,
    /// Reading a weight from a file.
    pub read_weight: f64,
    /// Reading a row of the parameters.
    pub read_row: f64,
    /// Starting a process.
    pub start: f64,
    /// Bytes of a process that proves nothing.
    pub base_bytes: usize,
    /// Bytes of a weight in memory: its own, and that of the compiled file that it is read from,
    /// or of the key if it is public.
    pub weight_bytes: usize,
    /// Bytes of a tuple of a table: as the function has it, as it is read, its reciprocal.
    pub tuple_bytes: usize,
}

impl CostModel {
    /// One x86-64 core without AVX-512, shared with others; each constant from profiles of networks
    /// of `2^13` to `2^22` cells (`docs/performance.md`).
    pub const REFERENCE: Self = Self {
        small_column: 7.5e-5,
        small_cell: 2.2e-7,
        full_cell: 5.8e-6,
        full_saving: 4.1e-7,
        count: 1.2e-8,
        denominator: 1.2e-7,
        tuple: 1.6e-7,
        sum_lookup: 6.5e-7,
        sum_linear: 1.3e-7,
        sum_product: 3.1e-7,
        multiply: 2.7e-8,
        multiply_small: 5.0e-9,
        backward_cell: 5.4e-8,
        transform: 1.9e-8,
        message: 6.0e-4,
        open: 6.9e-3,
        open_row: 3.45e-5,
        verify_term: 1.47e-5,
        verify_saving: 1.08e-6,
        decode: 4.7e-5,
        execute: 6.0e-10,
        execute_weight: 9.0e-9,
        witness_cell: 3.2e-8,
        read_weight: 1.9e-8,
        read_row: 1.7e-6,
        start: 1.0e-3,
        base_bytes: 11 << 20,
        weight_bytes: 2,
        tuple_bytes: 110,
    };

    /// A full-size commitment to a column of `2^k` rows.
    fn full(&self, k: f64) -> f64 {
        k.exp2() * (self.full_cell - self.full_saving * (k - 8.0))
    }

    /// The verifier's multi-scalar multiplication beside `2^k` rows.
    fn verify_terms(&self, k: f64, terms: f64) -> f64 {
        terms * (self.verify_term - self.verify_saving * (k - 8.0))
    }
}

/// What a circuit is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Time to prove.
    pub prove_seconds: f64,
    /// The same by stage.
    pub stages: [(Stage, f64); Stage::ALL.len()],
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
        Self { proof_bytes: Sizes::of(key).bytes(), ..prediction }
    }
}

impl CostModel {
    /// The costs of a circuit of this size.
    pub fn predict(&self, counts: &Counts) -> Prediction {
        let (n, k) = (counts.rows() as f64, f64::from(counts.k));
        let (full, network) = (self.full(k), counts.network);
        let [
            columns,
            slots,
            lookups,
            helpers,
            factors,
            operands,
            sealed,
            sealed_weights,
            sealed_slots,
            cells,
            tuples,
            weights,
            read,
            public,
        ] = [
            counts.columns,
            counts.slots,
            counts.lookups,
            counts.helpers(),
            counts.factors,
            counts.operands,
            counts.sealed,
            counts.weights,
            counts.sealed_slots,
            counts.cells,
            counts.table_rows,
            network.weights,
            network.weights_read,
            network.public_read,
        ]
        .map(|count| count as f64);
        let elements = counts.columns
            + counts.slots
            + 2 * counts.factors
            + counts.operands
            + counts.lookups
            + 2 * counts.helpers();
        let elements = elements + 3 * counts.k as usize + 13;
        let backward = self.backward_cell * cells
            + self.multiply_small * public
            + self.multiply / 2.0 * network.elements as f64;
        let points = columns + slots + helpers + factors + 3.0 * k;
        let linear = columns + slots + (sealed - sealed_weights) + factors;
        let check = self.verify_terms(k, n + points + sealed)
            + self.decode * points
            + backward
            + self.tuple * tuples
            + n * self.multiply * (linear + operands / 2.0)
            + 2.0 * self.multiply * sealed_slots;
        let stages = [
            (Stage::Reading, self.start + self.read_weight * weights + self.read_row * n),
            (
                Stage::Running,
                self.execute * network.multiply_accumulates as f64 + self.witness_cell * cells,
            ),
            (Stage::Counting, n * self.count * lookups),
            (Stage::Cells, columns * (self.small_column + n * self.small_cell)),
            (Stage::Multiplicities, slots * (self.small_column + n * self.small_cell / 10.0)),
            (Stage::Factors, self.multiply_small * read * factors.min(1.0) + factors * full),
            (Stage::Helpers, n * self.denominator * lookups + self.tuple * tuples + helpers * full),
            (Stage::Adjoint, backward),
            (
                Stage::RowSum,
                n * (self.sum_lookup * lookups
                    + self.sum_linear * linear
                    + self.sum_product / 2.0 * operands
                    + 2.0 * self.multiply_small * sealed_weights)
                    + self.sum_linear * sealed_slots
                    + k * self.message,
            ),
            (
                Stage::RunningSum,
                n * (5.0 * self.multiply_small * columns
                    + self.multiply_small * sealed
                    + self.multiply * (helpers + factors))
                    + full,
            ),
            (Stage::Quotient, n * k * self.transform * 17.0 + full),
            (Stage::Opening, full + self.open + n * self.open_row),
            (Stage::SelfCheck, check),
        ];
        let dense = counts.sealed - counts.weights;
        let tables = 2 * (counts.columns + dense + counts.slots)
            + counts.lookups
            + counts.helpers()
            + 3 * counts.factors
            + counts.operands / 2;
        Prediction {
            prove_seconds: stages.iter().map(|(_, seconds)| seconds).sum(),
            stages,
            verify_seconds: self.start
                + self.read_weight / 2.0 * public
                + self.read_row / 2.0 * n
                + check,
            peak_bytes: self.base_bytes
                + counts.rows() * (32 * (tables + 24) + 8 * counts.columns)
                + self.weight_bytes * network.weights
                + 64 * counts.sealed_slots
                + self.tuple_bytes * counts.table_rows,
            proof_bytes: 32 * elements,
        }
    }
}
