//! Steps back through public linear maps: sums, views, contractions.

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, along};
use super::factors::column_weights;
use super::pass::Backward;
use crate::circuit::description::{Combine, Contract, SliceAt, View, ViewKind};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::Geometry;
use crate::circuit::view::scatter;
use crate::field::integer;

impl Backward<'_> {
    pub(super) fn combine(&mut self, combine: &Combine, cotangent: &Cotangent) {
        match combine.constant.as_slice() {
            [] => {}
            [constant] => self.constant(cotangent.sum(&self.sigma) * integer(*constant)),
            constants => self.constant(self.known(cotangent.clone(), constants)),
        }
        for &(term, factor) in &combine.terms {
            self.add(term, cotangent.scaled(integer(factor)));
        }
    }

    pub(super) fn view(&mut self, view: &View, facts: &Facts, cotangent: Cotangent) {
        let nodes = &self.key.analysis().nodes;
        if let (ViewKind::Reshape(_), [input]) = (&view.kind, view.inputs.as_slice()) {
            let same = nodes.get(*input).is_some_and(|input| input.matrix() == facts.matrix());
            let cotangent =
                if same { cotangent } else { Cotangent::Dense(cotangent.dense(&self.sigma)) };
            return self.add(*input, cotangent);
        }
        let shapes: Vec<&[usize]> = view
            .inputs
            .iter()
            .filter_map(|&input| nodes.get(input))
            .map(|facts| facts.shape.as_slice())
            .collect();
        let mut padding = Fp::ZERO;
        let dense = cotangent.dense(&self.sigma);
        for (index, &input) in view.inputs.iter().enumerate() {
            // A view may be of little of a large tensor, as many others are: what the tensor has
            // already stays where it is.
            let Some(mut all) = self.dense(input) else { continue };
            let to = (all.as_mut_slice(), &mut padding);
            scatter(&view.kind, &shapes, index, &facts.shape, &dense, to);
            self.add(input, Cotangent::Dense(all));
        }
        if let ViewKind::Pad { value, .. } = &view.kind {
            self.constant(padding * integer(*value));
        }
    }

    /// A slice whose place is public, so both sides compute with the same one.
    pub(super) fn slice_at(&mut self, slice: &SliceAt, facts: &Facts, cotangent: Cotangent) {
        let n = self.statement.inputs.get(slice.at).and_then(|at| at.integers().first());
        let (Some(input), Some(&n)) = (self.key.analysis().nodes.get(slice.input), n) else {
            return;
        };
        let (start, count) = (slice.start(n), slice.count);
        let kind = ViewKind::Slice { axis: slice.axis, start, step: 1, count };
        let dense = cotangent.dense(&self.sigma);
        let Some(mut all) = self.dense(slice.input) else { return };
        // It has no padding.
        let to = (all.as_mut_slice(), &mut Fp::ZERO.clone());
        scatter(&kind, &[&input.shape], 0, &facts.shape, &dense, to);
        self.add(slice.input, Cotangent::Dense(all));
    }

    pub(super) fn contract(
        &mut self,
        id: usize,
        contract: &Contract,
        facts: &Facts,
        cotangent: Cotangent,
    ) {
        let Some(input) = self.key.analysis().nodes.get(contract.input) else { return };
        let geometry = Geometry { contract, input, output: facts };
        let biases: Vec<Fp> = contract.bias.iter().map(|&bias| integer(bias)).collect();
        let row_factors = contract.row_factors.iter().map(|&factor| integer(factor));
        let taps = match (self.key.description().public_weights(contract), cotangent) {
            (weights, Cotangent::Outer { rows, columns }) => {
                let bias: Fp = rows.iter().zip(&biases).map(|(g, b)| *g * b).sum();
                let total: Fp = along(&self.sigma, columns).iter().sum();
                self.constant(bias * total);
                let scaled: Vec<Fp> =
                    rows.iter().zip(row_factors).map(|(g, factor)| *g * factor).collect();
                match weights {
                    Some(weights) => geometry.taps(weights, &scaled),
                    None if !self.key.description().is_bilinear(id) => {
                        self.sealed_biases(&scaled, total);
                        return self.table(id, contract, scaled);
                    }
                    None => {
                        let separator = rows.first().copied().unwrap_or(Fp::ZERO);
                        self.sealed_biases(&scaled, total);
                        self.sealed_weights(id, &geometry, separator)
                    }
                }
            }
            (Some(weights), Cotangent::Dense(mut values)) => {
                let (rows, columns) = facts.matrix();
                let column_factors =
                    column_weights(&vec![Fp::ONE; columns], &contract.column_factors);
                for ((row, factor), bias) in
                    values.chunks_mut(columns.max(1)).zip(row_factors).zip(&biases)
                {
                    let sum: Fp = row.iter().sum();
                    self.target -= sum * bias;
                    row.iter_mut()
                        .zip(&column_factors)
                        .for_each(|(g, column)| *g *= factor * column);
                }
                let back = geometry.dense(weights, &values, rows);
                return self.add(contract.input, Cotangent::Dense(back));
            }
            // The analysis refuses a sealed contraction whose cotangent is not of rank one.
            (None, Cotangent::Dense(_)) => return,
        };
        let (_, columns) = facts.matrix();
        let back = if contract.column_factors.is_empty() && geometry.is_pointwise() {
            Cotangent::Outer { rows: taps, columns }
        } else {
            let column = column_weights(along(&self.sigma, columns), &contract.column_factors);
            Cotangent::Dense(geometry.spread(&taps, &column))
        };
        self.add(contract.input, back);
    }
}
