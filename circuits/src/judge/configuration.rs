//! Configuration, gates and lookups of the stock circuit.

use std::cell::RefCell;
use std::ops::Range;

use halo2_proofs::plonk::{
    Advice, Column, ConstraintSystem, Expression, Fixed, Instance, TableColumn, VirtualCells,
};
use halo2_proofs::poly::Rotation;
use pasta_curves::Fp;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::place::Lane;

/// Names of the gates, each with one constraint of the same name.
pub const GATES: [&str; 3] = ["adjoint sum step", "adjoint sum start", "adjoint sum end"];

/// Everything about a layout that halo2 needs to configure a circuit.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    columns: usize,
    /// The columns that are multiplied with each other, `u` and `v` in turn.
    multiplied: Vec<usize>,
    /// Name and columns of every lookup.
    pub(super) lookups: Vec<(&'static str, Range<usize>)>,
}

impl Shape {
    pub(super) fn new(key: &VerifyingKey) -> Self {
        let layout = key.layout();
        let lanes =
            Lane::ALL.iter().flat_map(|lane| std::iter::repeat_n(lane, layout.lane_count(*lane)));
        let names = lanes.flat_map(|lane| match lane {
            Lane::Limb => &["limb"][..],
            Lane::Pair => &["pair (quotient, result)"],
            Lane::Clamp => &["clamp (high, side)", "clamp (side, low, result)"],
            Lane::Copy | Lane::Operands | Lane::Factors => &[],
        });
        let lookups =
            names.copied().zip(layout.lookups.iter().map(|lookup| lookup.columns.clone()));
        Self {
            columns: layout.columns(),
            multiplied: layout.multiplied_columns().collect(),
            lookups: lookups.collect(),
        }
    }
}

thread_local! {
    /// The circuit being configured on this thread.
    static SHAPE: RefCell<Shape> = RefCell::default();
}

/// Restores the shape that was in force, also when `run` panics.
struct Restore(Shape);

impl Drop for Restore {
    fn drop(&mut self) {
        SHAPE.replace(std::mem::take(&mut self.0));
    }
}

/// Runs something that configures a circuit of this shape.
pub(super) fn with_shape<T>(shape: Shape, run: impl FnOnce() -> T) -> T {
    let _restore = Restore(SHAPE.replace(shape));
    run()
}

/// The columns of the circuit.
#[derive(Clone, Debug)]
pub struct Configuration {
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

impl Configuration {
    /// Allocates columns for the shape in force and states the constraints.
    pub(super) fn configure(meta: &mut ConstraintSystem<Fp>) -> Self {
        let Shape { columns: count, multiplied, lookups } = SHAPE.with_borrow(Shape::clone);
        let cells: Vec<_> = (0..count).map(|_| meta.advice_column()).collect();
        let kappa: Vec<_> = (0..count).map(|_| meta.instance_column()).collect();
        let separators: Vec<_> =
            (0..multiplied.len() / 2).map(|_| meta.instance_column()).collect();
        let target = meta.instance_column();
        let table = [(); 4].map(|()| meta.lookup_table_column());
        let tags: Vec<_> = lookups.iter().map(|_| meta.fixed_column()).collect();
        for (&tag, (_, tuple)) in tags.iter().zip(&lookups) {
            meta.lookup(|queried| {
                let tuple = cells[tuple.clone()]
                    .iter()
                    .map(|&cell| queried.query_advice(cell, Rotation::cur()));
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
        columns.running_sum(meta, &kappa, &multiplied, &separators, target);
        columns
    }

    /// `act·(S(ωX) − S(X) − Σ κ_c·a_c − Σ π_j·u_j·v_j) = 0`, `l₀·S = 0`, `l_u·(S − gᵀb) = 0`.
    fn running_sum(
        &self,
        meta: &mut ConstraintSystem<Fp>,
        kappa: &[Column<Instance>],
        multiplied: &[usize],
        separators: &[Column<Instance>],
        target: Column<Instance>,
    ) {
        let [step, start, end] = GATES;
        meta.create_gate(step, |queried| {
            let here = queried.query_advice(self.sum, Rotation::cur());
            let next = queried.query_advice(self.sum, Rotation::next());
            let mut difference = next - here;
            for (&cell, &kappa) in self.cells.iter().zip(kappa) {
                let product = queried.query_advice(cell, Rotation::cur())
                    * queried.query_instance(kappa, Rotation::cur());
                difference = difference - product;
            }
            for (pair, &separator) in multiplied.chunks(2).zip(separators) {
                let factor = |queried: &mut VirtualCells<'_, Fp>, index: usize| {
                    queried.query_advice(self.cells[pair[index]], Rotation::cur())
                };
                let product = factor(queried, 0) * factor(queried, 1);
                difference =
                    difference - product * queried.query_instance(separator, Rotation::cur());
            }
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
