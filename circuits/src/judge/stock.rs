//! A key and a claimed witness as a circuit of stock halo2.

use ff::FromUniformBytes;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use pasta_curves::Fp;
use zkinfer_verifier::adjoint::factors::{Operands, factors};
use zkinfer_verifier::adjoint::{Adjoint, backward};
use zkinfer_verifier::challenges::{Challenge, LinearChallenges};
use zkinfer_verifier::circuit::place::Lookup;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::{Statement, VerifyingKey};

use super::configuration::{Configuration, Shape, with_shape};
use super::statement::shown;
use crate::witness::Witness;

/// Rows at the end of a stock column that hold no cells: five for blinding, one for `l_last`.
const STOCK_BLINDING: usize = 6;

/// A key and a claimed witness as a `halo2_proofs` circuit.
#[derive(Clone, Debug)]
pub struct StockCircuit {
    pub(super) shape: Shape,
    k: u32,
    usable: usize,
    lookups: Vec<Lookup>,
    table: Vec<[Fp; 4]>,
    kappa: Vec<Vec<Fp>>,
    separators: Vec<Vec<Fp>>,
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
        Self::claim(key, &shown(key, witness), cells(key, witness))
    }

    /// The circuit of any claim: a statement that [`Statement::check`] accepts and arbitrary field
    /// elements as cells, one column per column of the layout, `usable` rows each. The running sum
    /// follows the cells.
    pub fn claim(key: &VerifyingKey, statement: &Statement, cells: Vec<Vec<Fp>>) -> Self {
        let layout = key.layout();
        let adjoint = backward(key, statement, challenges(key, statement, &cells));
        let kappa = cotangents(key, &adjoint);
        let multiplied: Vec<usize> = layout.multiplied_columns().collect();
        let mut sum = vec![Fp::zero()];
        for row in 0..layout.usable {
            let products = kappa.iter().zip(&cells).map(|(kappa, cells)| kappa[row] * cells[row]);
            let pairs = multiplied.chunks(2).zip(&adjoint.separators);
            let bilinear = pairs.map(|(pair, separator)| {
                separator[row] * cells[pair[0]][row] * cells[pair[1]][row]
            });
            sum.push(sum[row] + products.sum::<Fp>() + bilinear.sum::<Fp>());
        }
        let tuples = key.tables().tuples();
        let table: Vec<[Fp; 4]> = tuples
            .map(|(tag, [a, b, c])| [Fp::from(tag as u64), integer(a), integer(b), integer(c)])
            .collect();
        // halo2 fills a table up from its first unused row, so there has to be one.
        let rows = (table.len() + 1).max(layout.usable + 1) + STOCK_BLINDING;
        Self {
            shape: Shape::new(key),
            k: rows.next_power_of_two().ilog2(),
            usable: layout.usable,
            lookups: layout.lookups.clone(),
            table,
            kappa,
            separators: adjoint.separators,
            target: adjoint.target,
            advice: Some(Advice { cells, sum }),
        }
    }

    /// The smallest `k` for which tables and rows fit.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The instance columns: `κ_c`, `π_j`, then the target on row `u`.
    pub fn instance(&self) -> Vec<Vec<Fp>> {
        let mut target = vec![Fp::zero(); self.usable];
        target.push(self.target);
        let mut columns = self.kappa.clone();
        columns.extend(self.separators.iter().cloned());
        columns.push(target);
        columns
    }

    /// The running sum `S` on rows `0..=u`, for claims that do not compute it honestly; empty
    /// without a witness.
    pub fn running_sum_mut(&mut self) -> &mut [Fp] {
        self.advice.as_mut().map_or(&mut [], |advice| &mut advice.sum)
    }

    /// Runs something that configures this circuit: MockProver, key generation, proving.
    ///
    /// halo2 configures a circuit by its type, without seeing the value, but the number of columns
    /// depends on the key. So it is handed over through a thread-local, set for the duration of
    /// `run` only.
    pub fn configured<T>(&self, run: impl FnOnce() -> T) -> T {
        with_shape(self.shape.clone(), run)
    }
}

/// Every column of an honest witness, the factors among them.
pub fn cells(key: &VerifyingKey, witness: &Witness) -> Vec<Vec<Fp>> {
    let layout = key.layout();
    let mut cells = vec![vec![Fp::zero(); layout.usable]; layout.columns()];
    let sheets = layout.sheets.iter().zip(&witness.sealed);
    let sheets =
        sheets.flat_map(|(sheet, tensor)| sheet.columns.clone().zip(sheet.fill(&tensor.to_vec())));
    for (column, integers) in witness.columns.iter().cloned().enumerate().chain(sheets) {
        cells[column] = integers.into_iter().map(integer).collect();
    }
    let LinearChallenges { rho, sigma, .. } = challenges(key, &shown(key, witness), &cells);
    for (id, [left, right]) in key.description().bilinear().zip(&witness.operands) {
        let role = Role::Weights(key.description().owner(id));
        let sheet = layout.sheets.iter().position(|sheet| sheet.role == role);
        let sealed = sheet.map(|sheet| witness.sealed[sheet].as_slice());
        let operands = Operands { left, right: sealed.unwrap_or(Slice::Words(right)) };
        let run = layout.nodes[id].as_ref().and_then(|cells| cells.result.as_ref());
        for (offset, factor) in factors(key, id, rho, sigma, operands).iter().enumerate() {
            run.iter().for_each(|run| layout.add(&mut cells, run, offset, factor));
        }
    }
    cells
}

/// `κ` of every column, written out also for sealed weights.
fn cotangents(key: &VerifyingKey, adjoint: &Adjoint) -> Vec<Vec<Fp>> {
    let layout = key.layout();
    let mut kappa = adjoint.kappa.clone();
    let sheets = layout.weight_sheets();
    for (sheet, cotangent) in sheets.zip(&adjoint.weights) {
        let elements: Vec<Fp> = cotangent
            .units
            .iter()
            .flat_map(|unit| cotangent.taps.iter().map(move |tap| *unit * tap))
            .collect();
        kappa.resize(sheet.columns.end, vec![Fp::zero(); layout.usable]);
        zkinfer_verifier::circuit::place::add(&mut kappa, sheet.pieces(), &elements);
    }
    kappa
}

/// `ρ, σ, τ` for a claim: a hash of the key's digest, the statement and every cell; the factors are
/// hashed after `ρ` and `σ` are drawn.
pub fn challenges(
    key: &VerifyingKey,
    statement: &Statement,
    cells: &[Vec<Fp>],
) -> LinearChallenges {
    let mut state =
        blake2b_simd::Params::new().hash_length(64).personal(b"zkinfer judge...").to_state();
    state.update(&key.digest().0);
    for tensors in [&statement.inputs, &statement.outputs] {
        state.update(&tensors.len().to_le_bytes());
        for tensor in tensors {
            state.update(&tensor.integers().len().to_le_bytes());
            tensor.integers().iter().for_each(|integer| {
                state.update(&integer.to_le_bytes());
            });
        }
    }
    let factors = key.layout().factor_columns();
    let factors = factors.start.min(cells.len())..factors.end.min(cells.len());
    let mut absorb = |columns: &[Vec<Fp>]| {
        columns.iter().flatten().for_each(|cell| {
            state.update(ff::PrimeField::to_repr(cell).as_ref());
        });
        state.clone()
    };
    absorb(&cells[..factors.start]);
    let before = absorb(&cells[factors.end..]);
    let after = absorb(&cells[factors]);
    let draw = |mut state: blake2b_simd::State, name: &[u8]| {
        Fp::from_uniform_bytes(state.update(name).finalize().as_array())
    };
    LinearChallenges {
        rho: Challenge::new(draw(before.clone(), b"rho")),
        sigma: Challenge::new(draw(before, b"sigma")),
        tau: Challenge::new(draw(after, b"tau")),
    }
}

impl Circuit<Fp> for StockCircuit {
    type Config = Configuration;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self { advice: None, ..self.clone() }
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Configuration {
        Configuration::configure(meta)
    }

    fn synthesize(
        &self,
        columns: Configuration,
        mut layouter: impl Layouter<Fp>,
    ) -> Result<(), Error> {
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
                            region.assign_fixed(
                                || "tag",
                                column,
                                row,
                                || Value::known(Fp::from(*tag as u64)),
                            )?;
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
