//! The pass: equations send their cotangents back, from the last node to the first.

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, Kappa, WeightCotangent, zeros};
use crate::challenges::LinearChallenges;
use crate::circuit::description::Operator;
use crate::circuit::facts::Facts;
use crate::circuit::key::VerifyingKey;
use crate::circuit::place::Run;
use crate::circuit::sheet::Role;
use crate::field::small::Elements;
use crate::field::{geometric, powers};
use crate::wire::statement::Statement;

/// `κ` and `gᵀb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjoint {
    /// One column per column of cells up to the factors, one entry per usable row.
    pub kappa: Vec<Vec<Fp>>,
    /// `π`, one column per pair of factor columns.
    pub separators: Vec<Vec<Fp>>,
    /// `κ` of the sealed weights, one per sheet.
    pub weights: Vec<WeightCotangent>,
    /// What `Σ κ·cell` must sum to.
    pub target: Fp,
}

/// The pass in progress.
pub(super) struct Backward<'a> {
    pub(super) key: &'a VerifyingKey,
    pub(super) statement: &'a Statement,
    pub(super) challenges: LinearChallenges,
    pub(super) rho: Vec<Fp>,
    pub(super) sigma: Vec<Fp>,
    /// `τ^e` for the next equation.
    pub(super) separator: Fp,
    pub(super) cotangents: Vec<Option<Cotangent>>,
    /// `κ` of the digits of sealed biases, and the first of each sealed contraction's in node
    /// order, of those not yet met.
    pub(super) biases: Vec<Fp>,
    pub(super) first_bias: usize,
    pub(super) kappa: Kappa,
    pub(super) adjoint: Adjoint,
}

/// Computes `κ` and the target for a statement that [`Statement::check`] accepts.
pub fn backward(
    key: &VerifyingKey,
    statement: &Statement,
    challenges: LinearChallenges,
) -> Adjoint {
    let analysis = key.analysis();
    let (rows, columns) = analysis.widest();
    let layout = key.layout();
    let biases = layout.sheet(Role::Biases).map_or(0, |sheet| sheet.tensor.elements());
    let pairs = layout.factor_columns().len().checked_div(2).unwrap_or(0);
    let mut pass = Backward {
        key,
        statement,
        challenges,
        rho: powers(*challenges.rho, rows),
        sigma: powers(*challenges.sigma, columns),
        separator: *challenges.tau,
        cotangents: vec![None; analysis.nodes.len()],
        biases: vec![Fp::ZERO; biases],
        first_bias: biases,
        kappa: Kappa::new(layout.factor_columns().end, layout.usable),
        adjoint: Adjoint {
            kappa: Vec::new(),
            separators: zeros(pairs, layout.usable),
            weights: Vec::new(),
            target: Fp::ZERO,
        },
    };
    pass.outputs();
    let nodes = key.description().nodes.iter().zip(&analysis.nodes).enumerate();
    nodes.rev().for_each(|(id, (node, facts))| pass.node(id, &node.operator, facts));
    // Nodes were met from the last to the first; sheets stand in node order.
    pass.adjoint.weights.reverse();
    let biases = std::mem::take(&mut pass.biases);
    pass.sheet(Role::Biases, &Cotangent::Dense(biases));
    pass.adjoint.kappa = pass.kappa.fill(&pass.sigma);
    pass.adjoint
}
impl Backward<'_> {
    /// A step back through a node.
    fn node(&mut self, id: usize, operator: &Operator, facts: &Facts) {
        let cotangent = self.cotangents.get_mut(id).and_then(Option::take);
        match (operator, cotangent) {
            // Their own equations hold whether or not anything reads the result.
            (Operator::Requantise(step), read) => self.requantise(id, step, facts, read),
            (Operator::Copy(input), read) => self.copy(id, *input, facts, read),
            (Operator::Input(index), read) => self.input(id, *index, facts, read),
            (_, None) => {}
            (Operator::Contract(contract), Some(read)) => self.contract(id, contract, facts, read),
            (Operator::Product(product), Some(read)) => self.product(id, product, read),
            (Operator::Combine(combine), Some(read)) => self.combine(combine, &read),
            (Operator::View(view), Some(read)) => self.view(view, facts, read),
        }
    }

    /// The rank-one cotangent of the next equation.
    pub(super) fn equation(&mut self, facts: &Facts) -> Cotangent {
        let (rows, columns) = facts.matrix();
        let rows = self.rho.iter().take(rows).map(|power| *power * self.separator).collect();
        self.separator *= *self.challenges.tau;
        Cotangent::Outer { rows, columns }
    }

    /// The next `count` powers of `τ`, for as many equations.
    pub(super) fn separators(&mut self, count: usize) -> Vec<Fp> {
        let powers = geometric(self.separator, *self.challenges.tau, count);
        let exponent = u64::try_from(count).unwrap_or(u64::MAX);
        self.separator *= self.challenges.tau.pow_vartime([exponent]);
        powers
    }

    /// `Σ cotangent·values` for public integers.
    pub(super) fn known(&self, cotangent: Cotangent, values: &[i64]) -> Fp {
        Elements::new(cotangent.dense(&self.sigma)).dot(values)
    }

    /// Adds `factor·cotangent` to `κ` of a run's column.
    pub(super) fn cells(&mut self, run: &Run, column: usize, cotangent: &Cotangent, factor: Fp) {
        self.kappa.place(self.key.layout().pieces(run, column), cotangent, factor);
    }

    /// Adds to `κ` of a sealed tensor.
    pub(super) fn sheet(&mut self, role: Role, cotangent: &Cotangent) {
        if let Some(sheet) = self.key.layout().sheet(role) {
            self.kappa.place(sheet.pieces(), cotangent, Fp::ONE);
        }
    }

    /// Adds to the cotangent of a node.
    pub(super) fn add(&mut self, node: usize, cotangent: Cotangent) {
        if let Some(slot) = self.cotangents.get_mut(node) {
            *slot = Some(match slot.take() {
                None => cotangent,
                Some(old) => old.plus(cotangent, &self.sigma),
            });
        }
    }

    /// A constant of an equation whose other side is zero.
    pub(super) fn constant(&mut self, value: Fp) {
        self.adjoint.target -= value;
    }
}
