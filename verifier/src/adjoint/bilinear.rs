//! Steps back through products of committed values: `π` for what is multiplied, and the equations
//! that bind it.

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, WeightCotangent};
use super::factors::sizes;
use super::pass::Backward;
use crate::circuit::description::{Hadamard, Product};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::Geometry;
use crate::circuit::sealed::DIGIT_BASE;
use crate::field::{integer, powers};

impl Backward<'_> {
    /// `row_factor_o·Σ_i 64^i·digit_i` at every position, for the sealed contraction before those
    /// already met.
    pub(super) fn sealed_biases(&mut self, row: &[Fp], total: Fp) {
        let digits = usize::try_from(self.key.description().bias_digits).unwrap_or(0);
        self.first_bias = self.first_bias.saturating_sub(row.len().saturating_mul(digits));
        let units = self.biases.get_mut(self.first_bias..).unwrap_or_default();
        for (unit, g) in units.chunks_mut(digits.max(1)).zip(row) {
            let places = powers(integer(DIGIT_BASE), digits);
            unit.iter_mut().zip(places).for_each(|(digit, place)| *digit += *g * total * place);
        }
    }

    /// `π·Σ_t u_t·v_t` for the node; `u_t − Σ_p column_p·im2col(x)[t, p] = 0` and `v_t − Σ_o
    /// ρ^o·row_factor_o·W[o, t] = 0` for every tap. Gives what every tap carries to the input.
    ///
    /// Whatever else reads the weights has other powers of `τ`, each the same `τ^t` apart, so the
    /// sum of all cotangents of `W[o, t]` is `τ^t` times that of `W[o, 0]`.
    pub(super) fn sealed_weights(
        &mut self,
        id: usize,
        geometry: &Geometry<'_>,
        separator: Fp,
    ) -> Vec<Fp> {
        let depth = geometry.depth();
        let length = depth.saturating_mul(geometry.contract.groups);
        let [left, right] = self.factors(id, length, separator);
        let groups = right.iter().step_by(depth);
        let starts = groups.flat_map(|start| std::iter::repeat_n(start, geometry.group_rows()));
        let rows = self.rho.iter().zip(&geometry.contract.row_factors);
        let units =
            starts.zip(rows).map(|(start, (power, &factor))| -(*start * power * integer(factor)));
        let units: Vec<Fp> = units.collect();
        let tau = *self.challenges.tau;
        let owner = self.key.description().owner(id);
        let sum = self.weights.entry(owner).or_insert_with(|| WeightCotangent {
            taps: powers(tau, depth),
            units: vec![Fp::ZERO; units.len()],
        });
        sum.units.iter_mut().zip(units).for_each(|(sum, unit)| *sum += unit);
        left.iter().map(|separator| -*separator).collect()
    }

    /// Gives the factors of a node their `π` and one equation each per entry; returns the
    /// separators of these equations.
    pub(super) fn factors(&mut self, id: usize, length: usize, separator: Fp) -> [Vec<Fp>; 2] {
        let (left, right) = (self.separators(length), self.separators(length));
        if let Some(run) = self.run(id) {
            let layout = self.key.layout();
            self.kappa.add(layout.pieces(&run, 0), &left);
            self.kappa.add(layout.pieces(&run, 1), &right);
            self.products.add_constant(layout.products(&run), separator, length);
        }
        [left, right]
    }

    /// `π_i·u_i·v_i` for each element, whatever its cotangent; `u − left = 0` and `v − right = 0`.
    pub(super) fn hadamard(
        &mut self,
        id: usize,
        product: &Hadamard,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
        let Some(run) = self.run(id) else { return };
        if let Some(result) = result {
            self.products.place(self.key.layout().products(&run), &result, Fp::ONE);
        }
        for (offset, operand) in [product.left, product.right].into_iter().enumerate() {
            let equation = self.equation(facts);
            self.cells(&run, offset, &equation, -Fp::ONE);
            self.add(operand, equation);
        }
    }

    /// `π·Σ u·v` for the node, and the equations of both factors.
    pub(super) fn product(&mut self, id: usize, product: &Product, cotangent: Cotangent) {
        let (Cotangent::Outer { rows: row, .. }, Some((inner, width))) =
            (cotangent, sizes(self.key, product))
        else {
            return;
        };
        let separator = row.first().copied().unwrap_or(Fp::ZERO);
        let batches = row.len();
        let [left, right] = self.factors(id, batches.saturating_mul(inner), separator);
        let nodes = &self.key.analysis().nodes;
        let height =
            nodes.get(product.left).and_then(|facts| facts.shape.get(1)).copied().unwrap_or(0);
        let sigma = |index: usize| self.sigma.get(index).copied().unwrap_or(Fp::ZERO);
        let mut back = [Vec::new(), Vec::new()];
        let [left_back, right_back] = &mut back;
        for ((left, right), rho) in
            left.chunks(inner.max(1)).zip(right.chunks(inner.max(1))).zip(&self.rho)
        {
            for row in 0..height {
                let weight = -sigma(row.saturating_mul(width));
                left_back.extend(left.iter().map(|separator| *separator * weight));
            }
            for column in 0..width {
                let weight = -(*rho * sigma(column));
                right_back.extend(right.iter().map(|separator| *separator * weight));
            }
        }
        let [left_back, right_back] = back;
        self.add(product.left, Cotangent::Dense(left_back));
        self.add(product.right, Cotangent::Dense(right_back));
    }
}
