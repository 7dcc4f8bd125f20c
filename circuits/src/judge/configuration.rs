//! Columns, gates and lookups of the stock circuit.

use std::cell::Cell;

use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, Expression, Fixed, Instance, TableColumn};
use halo2_proofs::poly::Rotation;
use pasta_curves::Fp;
use zkinfer_verifier::layout::Lane;

/// Names of the gates, each with one constraint of the same name; formulas in [`zkinfer_verifier::constraints`].
pub const GATES: [&str; 3] = ["adjoint sum step", "adjoint sum start", "adjoint sum end"];

thread_local! {
    /// Lanes of each kind, for the circuit being configured on this thread.
    static LANES: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
}

/// Restores the lanes that were in force, also when `run` panics.
struct Restore([usize; 3]);

impl Drop for Restore {
    fn drop(&mut self) {
        LANES.set(self.0);
    }
}

/// Runs something that configures a circuit with this many lanes of each kind.
pub(super) fn with_lanes<T>(lanes: [usize; 3], run: impl FnOnce() -> T) -> T {
    let _restore = Restore(LANES.replace(lanes));
    run()
}

/// The columns of the circuit.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Cells, in the layout's order.
    pub(super) cells: Vec<Column<Advice>>,
    /// Tags, one per lookup.
    pub(super) tags: Vec<Column<Fixed>>,
    /// The concatenated tables: tag, `c₁, c₂, c₃`.
    pub(super) table: [TableColumn; 4],
    /// `S`.
    pub(super) sum: Column<Advice>,
    /// `act`: rows that hold cells.
    pub(super) active: Column<Fixed>,
    /// `l₀`.
    pub(super) first: Column<Fixed>,
    /// `l_u`.
    pub(super) boundary: Column<Fixed>,
}

/// The lookups of lanes laid out one kind after another: each as its kind and its range of columns.
pub(super) fn lookups(lanes: [usize; 3]) -> Vec<(Lane, std::ops::Range<usize>)> {
    let mut lookups = Vec::new();
    let mut base = 0;
    for (lane, count) in Lane::ALL.into_iter().zip(lanes) {
        for _ in 0..count {
            lookups.extend(lane.lookups().iter().map(|columns| (lane, base + columns.start..base + columns.end)));
            base += lane.width();
        }
    }
    lookups
}

impl Columns {
    /// Allocates columns for the lanes in force and states the constraints.
    pub(super) fn configure(meta: &mut ConstraintSystem<Fp>) -> Self {
        let lanes = LANES.get();
        let count: usize = Lane::ALL.iter().zip(lanes).map(|(lane, count)| lane.width() * count).sum();
        let cells: Vec<_> = (0..count).map(|_| meta.advice_column()).collect();
        let kappa: Vec<_> = (0..count).map(|_| meta.instance_column()).collect();
        let target = meta.instance_column();
        let table = [(); 4].map(|()| meta.lookup_table_column());
        let lookups = lookups(lanes);
        let tags: Vec<_> = lookups.iter().map(|_| meta.fixed_column()).collect();
        for (&tag, (_, tuple)) in tags.iter().zip(&lookups) {
            meta.lookup(|queried| {
                let tuple = cells[tuple.clone()].iter().map(|&cell| queried.query_advice(cell, Rotation::cur()));
                let tuple: Vec<_> = tuple.collect();
                let mut inputs = vec![queried.query_fixed(tag)];
                inputs.extend(tuple);
                inputs.resize(table.len(), Expression::Constant(Fp::zero()));
                inputs.into_iter().zip(table).collect()
            });
        }
        let columns = Self {
            cells,
            tags,
            table,
            sum: meta.advice_column(),
            active: meta.fixed_column(),
            first: meta.fixed_column(),
            boundary: meta.fixed_column(),
        };
        columns.running_sum(meta, &kappa, target);
        columns
    }

    /// `act·(S(ωX) − S(X) − Σ κ_c·a_c) = 0`, `l₀·S = 0`, `l_u·(S − gᵀb) = 0`.
    fn running_sum(&self, meta: &mut ConstraintSystem<Fp>, kappa: &[Column<Instance>], target: Column<Instance>) {
        let [step, start, end] = GATES;
        meta.create_gate(step, |queried| {
            let here = queried.query_advice(self.sum, Rotation::cur());
            let next = queried.query_advice(self.sum, Rotation::next());
            let products = self.cells.iter().zip(kappa).map(|(&cell, &kappa)| {
                queried.query_advice(cell, Rotation::cur()) * queried.query_instance(kappa, Rotation::cur())
            });
            let difference = products.fold(next - here, |rest, product| rest - product);
            [(step, queried.query_fixed(self.active) * difference)]
        });
        meta.create_gate(start, |queried| {
            let here = queried.query_advice(self.sum, Rotation::cur());
            [(start, queried.query_fixed(self.first) * here)]
        });
        meta.create_gate(end, |queried| {
            let here = queried.query_advice(self.sum, Rotation::cur());
            let target = queried.query_instance(target, Rotation::cur());
            [(end, queried.query_fixed(self.boundary) * (here - target))]
        });
    }
}
