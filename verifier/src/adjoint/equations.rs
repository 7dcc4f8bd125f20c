//! Nodes that have cells: their equations, and where the cotangents of what reads them go.

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::Cotangent;
use super::pass::Backward;
use crate::circuit::description::{ArgMax, Bounded, Form, Requantise, Source, Visibility};
use crate::circuit::facts::Facts;
use crate::circuit::place::{Cells, Run};
use crate::circuit::sheet::Role;
use crate::field::integer;
use crate::wire::statement::Value;

impl Backward<'_> {
    /// `value − public = 0` for every output, and the gap equations of every ArgMax.
    pub(super) fn outputs(&mut self) {
        let key = self.key;
        let tensors = key
            .description()
            .outputs
            .iter()
            .zip(&key.analysis().outputs)
            .zip(&key.layout().outputs);
        for (index, (((output, facts), cells), value)) in
            tensors.zip(&self.statement.outputs).enumerate()
        {
            if let Some(ArgMax { input, axis, select_last }) = output.source.arg_max() {
                let (Some(shape), Some(cells)) = (key.analysis().nodes.get(input), cells) else {
                    continue;
                };
                self.arg_max(input, shape, axis, select_last, cells, value.integers());
                continue;
            }
            let cotangent = self.equation(facts);
            match value {
                Value::Public(values) => {
                    let public = self.known(cotangent.clone(), values);
                    self.constant(-public);
                }
                _ => self.sheet(Role::Output(index), &cotangent.scaled(-Fp::ONE)),
            }
            self.add(output.source.node(), cotangent);
        }
    }

    /// `x[index] − x[j] − [j wins ties against index] − Σ limb_i·2^(w·i) = 0` for every `j`.
    pub(super) fn arg_max(
        &mut self,
        input: usize,
        facts: &Facts,
        axis: usize,
        last: bool,
        cells: &Cells,
        indices: &[i64],
    ) {
        let equation = self.equation(facts);
        self.limbs(&cells.limbs, &equation, -Fp::ONE);
        let gaps = equation.dense(&self.sigma);
        let size = facts.shape.get(axis).copied().unwrap_or(1);
        let inner: usize = facts.shape.iter().skip(axis.saturating_add(1)).product();
        let mut back: Vec<Fp> = gaps.iter().map(|gap| -*gap).collect();
        for (group, &index) in indices.iter().enumerate() {
            let (outer, lane) =
                (group.checked_div(inner).unwrap_or(0), group.checked_rem(inner).unwrap_or(0));
            let at = |j: usize| {
                outer
                    .saturating_mul(size)
                    .saturating_add(j)
                    .saturating_mul(inner)
                    .saturating_add(lane)
            };
            let index = usize::try_from(index).unwrap_or(0);
            let mut sum = Fp::ZERO;
            for j in 0..size {
                let gap = gaps.get(at(j)).copied().unwrap_or(Fp::ZERO);
                sum += gap;
                if (!last && j < index) || (last && j > index) {
                    self.constant(-gap);
                }
            }
            back.get_mut(at(index)).into_iter().for_each(|value| *value += sum);
        }
        self.add(input, Cotangent::Dense(back));
    }

    /// `factor·Σ limb_i·2^(w·i)` under a cotangent.
    pub(super) fn limbs(&mut self, limbs: &[Run], cotangent: &Cotangent, mut factor: Fp) {
        let radix = Fp::from(1u64.checked_shl(self.key.description().limb_bits).unwrap_or(0));
        for limb in limbs {
            self.cells(limb, 0, cotangent, factor);
            factor *= radix;
        }
    }

    /// `x − Σ limb_i·2^(w·i) = 0` for a range check.
    pub(super) fn bounded(
        &mut self,
        id: usize,
        bounded: &Bounded,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
        let key = self.key;
        let Some(Some(cells)) = key.layout().nodes.get(id) else { return };
        if let Some(result) = result {
            self.limbs(&cells.limbs, &result, Fp::ONE);
        }
        if let Source::Equal { input } = bounded.source {
            let equation = self.equation(facts);
            self.limbs(&cells.limbs, &equation, -Fp::ONE);
            self.add(input, equation);
        }
    }

    /// `x − Σ limb_i·2^(w·i) − 2^shift·quotient = 0`, with `quotient = minimum + low + radix·high`
    /// in the wide form and the quotient the result in the plain one.
    pub(super) fn requantise(
        &mut self,
        id: usize,
        requantise: &Requantise,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
        let key = self.key;
        let Some(Some(cells)) = key.layout().nodes.get(id) else { return };
        let Some(run) = &cells.result else { return };
        if let Some(result) = result {
            self.cells(run, run.lane.result(), &result, Fp::ONE);
        }
        let equation = self.equation(facts);
        let unit = -Fp::from(1u64.checked_shl(requantise.shift).unwrap_or(0));
        self.limbs(&cells.limbs, &equation, -Fp::ONE);
        match requantise.form {
            Form::Narrow | Form::Plain => self.cells(run, 0, &equation, unit),
            Form::Wide => {
                let Some(function) = key.description().function(requantise) else { return };
                self.cells(run, 0, &equation, unit * integer(function.radix()));
                self.cells(run, 2, &equation, unit);
                self.constant(equation.sum(&self.sigma) * unit * integer(function.minimum));
            }
        }
        self.add(requantise.input, equation);
    }

    /// `x − copy = 0`.
    pub(super) fn copy(
        &mut self,
        id: usize,
        input: usize,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
        let Some(run) = self.run(id) else { return };
        if let Some(result) = result {
            self.cells(&run, 0, &result, Fp::ONE);
        }
        let equation = self.equation(facts);
        self.cells(&run, 0, &equation, -Fp::ONE);
        self.add(input, equation);
    }

    /// The cells of a node that has one run of them.
    pub(super) fn run(&self, id: usize) -> Option<Run> {
        self.key.layout().nodes.get(id)?.as_ref()?.result.clone()
    }

    /// What reads a public input reads its integers; what reads another one reads its cells, and
    /// `cell − sealed = 0` for a sealed one.
    pub(super) fn input(
        &mut self,
        id: usize,
        index: usize,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
        let (Some(input), Some(value)) =
            (self.key.description().inputs.get(index), self.statement.inputs.get(index))
        else {
            return;
        };
        if input.visibility == Visibility::Public {
            let known = result.map_or(Fp::ZERO, |result| self.known(result, value.integers()));
            return self.constant(known);
        }
        let Some(run) = self.run(id) else { return };
        result.iter().for_each(|result| self.cells(&run, 0, result, Fp::ONE));
        if input.visibility == Visibility::Sealed {
            let equation = self.equation(facts);
            self.cells(&run, 0, &equation, Fp::ONE);
            self.sheet(Role::Input(index), &equation.scaled(-Fp::ONE));
        }
    }
}
