//! The circuit as stock halo2 sees it: an independent judge of every description and witness.
//!
//! The argument that zkinfer proves with is its own; the constraints are not. [`StockCircuit`] states them to `halo2_proofs`, whose
//! MockProver checks them row by row in every test, and whose `create_proof` and `verify_proof` prove a whole network in one.
//!
//! | verifier | here |
//! |---|---|
//! | cell columns `a_c` | advice columns |
//! | tags, `act`, `l₀`, `l_u` | fixed columns |
//! | tables | one fixed table of four columns `(tag, c₁, c₂, c₃)`, the concatenation of all, with the all-zero tuple first |
//! | lookup `i` by logarithmic derivatives | stock lookup `i` of `(tag, c₁, c₂, c₃)` into it |
//! | `κ_c`, `gᵀb` | instance columns |
//! | running sum `S` | one advice column, with the gates of [`GATES`] |
//!
//! Two things differ. A stock table has one slot, so `k` is raised until the concatenation fits; rows beyond the description's `u`
//! have tag 0 and are zero. And challenges come from hashing key, statement and all cells ([`challenges`]) instead of a transcript
//! of commitments: fixed ones could be solved against, hashed ones cannot be known before the cells are.

mod configuration;
mod verdict;

use ff::FromUniformBytes;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use pasta_curves::Fp;
use zkinfer_verifier::adjoint::{Cotangents, backward};
use zkinfer_verifier::field::integer;
use zkinfer_verifier::layout::{Lane, Lookup};
use zkinfer_verifier::{Statement, VerifyingKey};

use crate::witness::Witness;
pub use configuration::{Columns, GATES};
pub use verdict::{Failure, mock_prove};

/// Rows at the end of a stock column that hold no cells: five for blinding, one for `l_last`.
const STOCK_BLINDING: usize = 6;

/// A key and a claimed witness as a `halo2_proofs` circuit.
#[derive(Clone, Debug)]
pub struct StockCircuit {
    lanes: [usize; 3],
    k: u32,
    usable: usize,
    lookups: Vec<Lookup>,
    table: Vec<[Fp; 4]>,
    kappa: Vec<Vec<Fp>>,
    target: Fp,
    /// Unknown when only the shape of the circuit matters.
    advice: Option<Advice>,
}

/// What the prover claims.
#[derive(Clone, Debug)]
struct Advice {
    cells: Vec<Vec<Fp>>,
    sum: Vec<Fp>,
}

impl StockCircuit {
    /// The circuit of an honest witness.
    pub fn new(key: &VerifyingKey, witness: &Witness) -> Self {
        let cells = witness.columns.iter().map(|column| column.iter().map(|&cell| integer(cell)).collect());
        Self::claim(key, &witness.statement, cells.collect())
    }

    /// The circuit of any claim: a statement that [`Statement::check`] accepts and arbitrary field elements as cells, one column per
    /// column of the layout, `usable` rows each. The running sum follows the cells.
    pub fn claim(key: &VerifyingKey, statement: &Statement, cells: Vec<Vec<Fp>>) -> Self {
        let layout = key.layout();
        let adjoint = backward(key, statement, challenges(key, statement, &cells));
        let mut sum = vec![Fp::zero()];
        for row in 0..layout.usable {
            let products = adjoint.kappa.iter().zip(&cells).map(|(kappa, cells)| kappa[row] * cells[row]);
            sum.push(sum[row] + products.sum::<Fp>());
        }
        let tuples = key.tables().tuples();
        let table: Vec<[Fp; 4]> =
            tuples.map(|(tag, [a, b, c])| [Fp::from(tag as u64), integer(a), integer(b), integer(c)]).collect();
        // halo2 fills a table up from its first unused row, so there has to be one.
        let rows = (table.len() + 1).max(layout.usable + 1) + STOCK_BLINDING;
        Self {
            lanes: Lane::ALL.map(|lane| layout.lane_count(lane)),
            k: rows.next_power_of_two().ilog2(),
            usable: layout.usable,
            lookups: layout.lookups.clone(),
            table,
            kappa: adjoint.kappa,
            target: adjoint.target,
            advice: Some(Advice { cells, sum }),
        }
    }

    /// The smallest `k` for which tables and rows fit.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The instance columns: `κ_c`, then the target on row `u`.
    pub fn instance(&self) -> Vec<Vec<Fp>> {
        let mut target = vec![Fp::zero(); self.usable];
        target.push(self.target);
        let mut columns = self.kappa.clone();
        columns.push(target);
        columns
    }

    /// The running sum `S` on rows `0..=u`, for claims that do not compute it honestly; empty without a witness.
    pub fn running_sum_mut(&mut self) -> &mut [Fp] {
        self.advice.as_mut().map_or(&mut [], |advice| &mut advice.sum)
    }

    /// Runs something that configures this circuit: MockProver, key generation, proving.
    ///
    /// halo2 configures a circuit by its type, without seeing the value, but the number of columns depends on the key. So it is
    /// handed over through a thread-local, set for the duration of `run` only.
    pub fn configured<T>(&self, run: impl FnOnce() -> T) -> T {
        configuration::with_lanes(self.lanes, run)
    }
}

/// `ρ, σ, τ` for a claim: a hash of the key's digest, the statement and every cell.
pub fn challenges(key: &VerifyingKey, statement: &Statement, cells: &[Vec<Fp>]) -> Cotangents {
    let mut state = blake2b_simd::Params::new().hash_length(64).personal(b"zkinfer judge...").to_state();
    state.update(&key.digest().0);
    for tensors in [&statement.inputs, &statement.outputs] {
        state.update(&tensors.len().to_le_bytes());
        for tensor in tensors {
            state.update(&tensor.len().to_le_bytes());
            tensor.iter().for_each(|integer| {
                state.update(&integer.to_le_bytes());
            });
        }
    }
    for cell in cells.iter().flatten() {
        state.update(ff::PrimeField::to_repr(cell).as_ref());
    }
    let draw = |name: &[u8]| Fp::from_uniform_bytes(state.clone().update(name).finalize().as_array());
    Cotangents { rho: draw(b"rho"), sigma: draw(b"sigma"), tau: draw(b"tau") }
}

impl Circuit<Fp> for StockCircuit {
    type Config = Columns;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self { advice: None, ..self.clone() }
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Columns {
        Columns::configure(meta)
    }

    fn synthesize(&self, columns: Columns, mut layouter: impl Layouter<Fp>) -> Result<(), Error> {
        layouter.assign_table(
            || "tables",
            |mut table| {
                for (row, tuple) in self.table.iter().enumerate() {
                    for (&column, &value) in columns.table.iter().zip(tuple) {
                        table.assign_cell(|| "tuple", column, row, || Value::known(value))?;
                    }
                }
                Ok(())
            },
        )?;
        layouter.assign_region(
            || "circuit",
            |mut region| {
                let one = || Value::known(Fp::one());
                for row in 0..self.usable {
                    region.assign_fixed(|| "act", columns.active, row, one)?;
                }
                region.assign_fixed(|| "l_0", columns.first, 0, one)?;
                region.assign_fixed(|| "l_u", columns.boundary, self.usable, one)?;
                for (&column, lookup) in columns.tags.iter().zip(&self.lookups) {
                    for (rows, tag) in &lookup.tags {
                        for row in rows.clone() {
                            region.assign_fixed(|| "tag", column, row, || Value::known(Fp::from(*tag as u64)))?;
                        }
                    }
                }
                let cells = |advice: &Advice, column: usize, row: usize| advice.cells[column][row];
                for (index, &column) in columns.cells.iter().enumerate() {
                    for row in 0..self.usable {
                        let value = self.advice.as_ref().map(|advice| cells(advice, index, row));
                        region.assign_advice(|| "cell", column, row, || known(value))?;
                    }
                }
                for row in 0..=self.usable {
                    let value = self.advice.as_ref().map(|advice| advice.sum[row]);
                    region.assign_advice(|| "adjoint sum", columns.sum, row, || known(value))?;
                }
                Ok(())
            },
        )
    }
}

fn known(value: Option<Fp>) -> Value<Fp> {
    value.map_or(Value::unknown(), Value::known)
}
