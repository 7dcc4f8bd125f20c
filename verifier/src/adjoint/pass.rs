//! The pass: equations send their cotangents back, from the last node to the first.

use std::collections::BTreeMap;

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, WeightCotangent};
use super::kappa::Kappa;
use crate::challenges::LinearChallenges;
use crate::circuit::description::{NodeId, Operator};
use crate::circuit::facts::Facts;
use crate::circuit::key::VerifyingKey;
use crate::circuit::place::Run;
use crate::circuit::sheet::Role;
use crate::field::small::Elements;
use crate::field::{geometric, powers};
use crate::wire::statement::Statement;

/// `κ` and `gᵀb`: columns with one entry per usable row, or what they are at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjoint<T = Vec<Fp>> {
    /// One column per column of cells up to the factors.
    pub kappa: Vec<T>,
    /// `π`, one column per pair of columns that are multiplied: operands, then factors.
    pub separators: Vec<T>,
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
    pub(super) kappa: Kappa<'a>,
    /// `κ` of sealed weights, by the contraction whose they are: in node order, as sheets stand.
    pub(super) weights: BTreeMap<NodeId, WeightCotangent>,
    /// `π`.
    pub(super) products: Kappa<'a>,
    /// What `Σ κ·cell` must sum to.
    pub(super) target: Fp,
}

/// Computes `κ` and the target for a statement that [`Statement::check`] accepts.
pub fn backward(
    key: &VerifyingKey,
    statement: &Statement,
    challenges: LinearChallenges,
) -> Adjoint {
    let pass = Backward::done(key, statement, challenges, None);
    Adjoint {
        kappa: pass.kappa.columns(&pass.sigma),
        separators: pass.products.columns(&pass.sigma),
        weights: pass.weights.into_values().collect(),
        target: pass.target,
    }
}

/// The same, of each column the sum of its entries times the weights of their rows. Takes about
/// half as many multiplications as making the columns and summing them, and no memory for them.
pub fn backward_at(
    key: &VerifyingKey,
    statement: &Statement,
    challenges: LinearChallenges,
    weights: &[Fp],
) -> Adjoint<Fp> {
    let pass = Backward::done(key, statement, challenges, Some(weights));
    Adjoint {
        kappa: pass.kappa.sums(&pass.sigma),
        separators: pass.products.sums(&pass.sigma),
        weights: pass.weights.into_values().collect(),
        target: pass.target,
    }
}

impl<'a> Backward<'a> {
    /// The pass at its end, all but what is pending in `κ` and `π`.
    fn done(
        key: &'a VerifyingKey,
        statement: &'a Statement,
        challenges: LinearChallenges,
        weights: Option<&'a [Fp]>,
    ) -> Self {
        let mut pass = Self::new(key, statement, challenges, weights);
        pass.outputs();
        (0..key.description().nodes.len()).rev().for_each(|id| pass.node(id));
        let biases = std::mem::take(&mut pass.biases);
        pass.sheet(Role::Biases, &Cotangent::Dense(biases));
        pass
    }

    fn new(
        key: &'a VerifyingKey,
        statement: &'a Statement,
        challenges: LinearChallenges,
        weights: Option<&'a [Fp]>,
    ) -> Self {
        let (analysis, layout) = (key.analysis(), key.layout());
        let (rows, columns) = analysis.widest();
        let biases = layout.sheet(Role::Biases).map_or(0, |sheet| sheet.tensor.elements());
        Self {
            key,
            statement,
            challenges,
            rho: powers(*challenges.rho, rows),
            sigma: powers(*challenges.sigma, columns),
            separator: *challenges.tau,
            cotangents: vec![None; analysis.nodes.len()],
            biases: vec![Fp::ZERO; biases],
            first_bias: biases,
            kappa: Kappa::new(layout.factor_columns().end, layout.usable, weights),
            weights: BTreeMap::new(),
            products: Kappa::new(layout.multiplied_pairs(), layout.usable, weights),
            target: Fp::ZERO,
        }
    }

    /// A step back through a node.
    fn node(&mut self, id: usize) {
        let key = self.key;
        let (nodes, facts) = (&key.description().nodes, &key.analysis().nodes);
        let (Some(node), Some(facts)) = (nodes.get(id), facts.get(id)) else { return };
        let cotangent = self.cotangents.get_mut(id).and_then(Option::take);
        match (&node.operator, cotangent) {
            // Their own equations hold whether or not anything reads the result.
            (Operator::Requantise(step), read) => self.requantise(id, step, facts, read),
            (Operator::Copy(input), read) => self.copy(id, *input, facts, read),
            (Operator::Bounded(bounded), read) => self.bounded(id, bounded, facts, read),
            (Operator::Hadamard(product), read) => self.hadamard(id, product, facts, read),
            (Operator::Input(index), read) => self.input(id, *index, facts, read),
            (Operator::OneHot(indices), Some(read)) => self.one_hot(*indices, facts, &read),
            (_, None) => {}
            (Operator::Contract(contract), Some(read)) => self.contract(id, contract, facts, read),
            (Operator::Product(product), Some(read)) => self.product(id, product, read),
            (Operator::Combine(combine), Some(read)) => self.combine(combine, &read),
            (Operator::View(view), Some(read)) => self.view(view, facts, read),
            (Operator::SliceAt(slice), Some(read)) => self.slice_at(slice, facts, read),
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

    /// Takes the cotangent that a node has so far, one entry per element.
    pub(super) fn dense(&mut self, node: usize) -> Option<Vec<Fp>> {
        let facts = self.key.analysis().nodes.get(node)?;
        let cotangent = self.cotangents.get_mut(node)?.take();
        Some(match cotangent {
            None => vec![Fp::ZERO; facts.elements],
            Some(cotangent) => cotangent.dense(&self.sigma),
        })
    }

    /// A constant of an equation whose other side is zero.
    pub(super) fn constant(&mut self, value: Fp) {
        self.target -= value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenges::Challenge;
    use crate::circuit::description::{
        Bounded, Combine, Contract, Description, Form as Cells, Function, Hadamard, Input, Node,
        OneHot, Output, OutputSource, Product, Quantisation, Requantise, Scheme, Source, View,
        ViewKind, Visibility, Weights,
    };
    use crate::circuit::forms::{Form, walk};
    use crate::field::multilinear::inner_product;

    /// Contractions of one tap and of several, behind each other and behind views; sums with
    /// readers of one shape; products of both kinds; an ArgMax.
    fn key() -> VerifyingKey {
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let contract = |input, [rows, channels]: [usize; 2], kernel: [usize; 2]| {
            let [height, width] = kernel;
            Operator::Contract(Contract {
                input,
                rows,
                groups: 1,
                kernel,
                strides: [1; 2],
                pads: [0, 0, height - 1, width - 1],
                dilations: [1; 2],
                weights: Weights::Public(vec![1; rows * channels * height * width]),
                row_factors: vec![1; rows],
                column_factors: vec![],
                bias: vec![0; rows],
            })
        };
        let view = |input, kind| Operator::View(View { inputs: vec![input], kind });
        let clamp = |input| {
            Operator::Requantise(Requantise { input, shift: 0, function: 0, form: Cells::Wide })
        };
        let operators = [
            Operator::Input(0),
            contract(0, [3, 2], [1, 1]),
            contract(1, [2, 3], [2, 2]),
            view(2, ViewKind::Reshape(vec![2, 12])),
            view(3, ViewKind::Transpose(vec![1, 0])),
            clamp(2),
            Operator::Combine(Combine { terms: vec![(1, 2)], constant: vec![] }),
            Operator::Copy(4),
            Operator::Product(Product { left: 5, right: 5 }),
            Operator::Copy(8),
            contract(5, [2, 2], [1, 1]),
            contract(10, [2, 2], [1, 1]),
            view(11, ViewKind::Reshape(vec![3, 8])),
            Operator::Hadamard(Hadamard { left: 11, right: 5 }),
            view(13, ViewKind::Reshape(vec![3, 8])),
            // What nothing reads has equations all the same.
            view(5, ViewKind::Transpose(vec![2, 1, 0])),
            Operator::Hadamard(Hadamard { left: 15, right: 15 }),
            Operator::Combine(Combine { terms: vec![(5, 1)], constant: vec![4] }),
            Operator::Bounded(Bounded { bits: 9, source: Source::Equal { input: 17 } }),
            Operator::OneHot(OneHot { input: 0, first: -4, count: 8 }),
            contract(19, [2, 8], [1, 1]),
        ];
        let node = |operator| Node { name: String::new(), operator };
        let output = |shape: &[usize], source| Output {
            name: String::new(),
            shape: shape.to_vec(),
            source,
            quantisation: quantisation.clone(),
            visibility: Visibility::Public,
        };
        let index = OutputSource::ArgMax { input: 6, axis: 0, select_last: false };
        VerifyingKey::new(Description {
            name: String::new(),
            k: 7,
            limb_bits: 4,
            bias_digits: 0,
            functions: vec![Function::clamp(-4, 3)],
            inputs: vec![Input {
                name: "x".into(),
                shape: vec![2, 3, 4],
                minimum: -4,
                maximum: 3,
                quantisation: quantisation.clone(),
                visibility: Visibility::Public,
            }],
            nodes: operators.into_iter().map(node).collect(),
            outputs: vec![
                output(&[12, 2], OutputSource::Node(7)),
                output(&[2, 3, 3], OutputSource::Node(9)),
                output(&[3, 8], OutputSource::Node(12)),
                output(&[3, 8], OutputSource::Node(14)),
                output(&[2, 24], OutputSource::Node(20)),
                output(&[3, 4], index),
            ],
        })
        .unwrap()
    }

    /// A verifier never makes the columns.
    #[test]
    fn sums_are_those_over_the_columns() {
        let key = key();
        let outputs = key.analysis().outputs.iter().map(|facts| vec![2; facts.elements]).collect();
        let statement = Statement::public(vec![vec![1; 24]], outputs);
        let challenges = LinearChallenges {
            rho: Challenge::new(Fp::from(3)),
            sigma: Challenge::new(Fp::from(5)),
            tau: Challenge::new(Fp::from(7)),
        };
        let weights = powers(Fp::from(11), key.layout().usable + 1);
        let columns = backward(&key, &statement, challenges);
        let at = |columns: &[Vec<Fp>]| -> Vec<Fp> {
            columns.iter().map(|column| inner_product(column, &weights)).collect()
        };
        let expected = Adjoint {
            kappa: at(&columns.kappa),
            separators: at(&columns.separators),
            weights: columns.weights.clone(),
            target: columns.target,
        };
        let sums = expected.kappa.iter().chain(&expected.separators);
        assert!(sums.filter(|sum| **sum != Fp::ZERO).count() > 8);
        assert_eq!(backward_at(&key, &statement, challenges, &weights), expected);
    }

    /// What is predicted of forms bounds the verifier's work: it must be what the pass does.
    #[test]
    fn cotangents_have_the_forms_that_are_predicted() {
        let key = key();
        let outputs = key.analysis().outputs.iter().map(|facts| vec![0; facts.elements]).collect();
        let statement = Statement::public(vec![vec![1; 24]], outputs);
        let challenges = LinearChallenges {
            rho: Challenge::new(Fp::from(3)),
            sigma: Challenge::new(Fp::from(5)),
            tau: Challenge::new(Fp::from(7)),
        };
        let mut pass = Backward::new(&key, &statement, challenges, None);
        pass.outputs();
        let (mut outer, mut dense) = (0, 0);
        walk(key.description(), &key.analysis().nodes, |id, predicted| {
            let form = pass.cotangents[id].as_ref().map(|cotangent| match cotangent {
                Cotangent::Dense(values) => Form::Dense(values.len()),
                Cotangent::Outer { rows, columns } => {
                    Form::Outer { rows: rows.len(), columns: *columns }
                }
            });
            assert_eq!(form, predicted, "node {id}");
            match form {
                Some(Form::Outer { .. }) => outer += 1,
                Some(Form::Dense(_)) => dense += 1,
                None => {}
            }
            pass.node(id);
            predicted
        });
        assert!(outer >= 3 && dense >= 4, "{outer} of rank one, {dense} dense");
    }
}
