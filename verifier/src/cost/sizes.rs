//! The verifier's steps on sizes instead of values: multiplications and bytes, as [`crate::cost`]
//! shows them.
//!
//! The constants are measured, and so chosen that the sums exceed what is measured by up to a
//! factor of two (`benches/hostile.rs`).

use crate::argument::schedule::Sizes;
use crate::circuit::description::{
    Bounded, Contract, Operator, Source, View, ViewKind, Visibility, Weights,
};
use crate::circuit::facts::Facts;
use crate::circuit::forms::{Form, back};
use crate::circuit::geometry::Geometry;
use crate::circuit::geometry::{factor_length, multiply_accumulates};
use crate::circuit::key::VerifyingKey;
use crate::circuit::limbs::limb_count;
use crate::circuit::place::Cells;

/// Bytes of a field element.
const ELEMENT: u64 = 32;
/// Decoding a point, in multiplications.
const DECODE: u64 = 600;
/// A term of the multi-scalar multiplication, in multiplications, for the fewest rows.
const TERM: u64 = 380;
/// A row of the parameters: reading, the Lagrange basis, weights, its share of the opening.
const ROW: u64 = 200;
/// A tuple of a table: compressed anew, if its cells are far from those before, and added to a
/// fraction.
const TUPLE: u64 = 7;
/// A cell: its cotangent times the weight of its row, in hundredths.
const CELL: u64 = 150;
/// An integer of the statement: reading, hashing, and its cotangent.
const SHOWN: u64 = 8;
/// A tensor's place in columns of cells, a node's factors: whatever their sizes.
const PLACE: u64 = 20;
/// What every proof takes.
const START: u64 = 100_000;
/// A small integer times an element, in hundredths of a multiplication.
const SMALL: u64 = 15;
/// Bytes of a row beside the columns: parameters, weights, and the multi-scalar multiplication's
/// scalars, points and buckets.
const ROW_BYTES: u64 = 700;
/// Bytes of a node, an input or an output with what is derived from it.
const NODE_BYTES: u64 = 600;
/// Bytes of a tensor's place in columns of cells.
const PLACE_BYTES: u64 = 170;
/// Bytes of a process that verifies nothing large.
const BASE_BYTES: u64 = 10 << 20;

/// Multiplications and bytes of verifying a proof for this key, at most.
pub(crate) fn follow(key: &VerifyingKey) -> [u64; 2] {
    let cotangents = vec![None; key.description().nodes.len()];
    let mut pass = Pass { key, time: Tally(0), live: Tally(0), peak: 0, cotangents };
    pass.backward();
    [pass.time.0.saturating_add(pass.columns()), pass.held().saturating_add(pass.peak)]
}

/// A sum that is large when it would overflow.
#[derive(Clone, Copy)]
struct Tally(u64);

fn times(count: usize, each: u64) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(each)
}

impl Tally {
    fn add(&mut self, count: usize, each: u64) {
        self.0 = self.0.saturating_add(times(count, each));
    }

    fn take(&mut self, count: usize, each: u64) {
        self.0 = self.0.saturating_sub(times(count, each));
    }
}

/// The backward pass on sizes.
struct Pass<'a> {
    key: &'a VerifyingKey,
    time: Tally,
    /// Bytes of what is held at this moment.
    live: Tally,
    peak: u64,
    cotangents: Vec<Option<Form>>,
}

impl Pass<'_> {
    /// What is held for a moment beside everything else.
    fn briefly(&mut self, elements: usize, each: u64) {
        self.peak = self.peak.max(self.live.0.saturating_add(times(elements, each)));
    }

    /// A cotangent for a node, added to what it has.
    fn add(&mut self, node: usize, form: Form) {
        let Some(slot) = self.cotangents.get_mut(node) else { return };
        let (old, sum) = (*slot, slot.map_or(form, |old| old.plus(form)));
        *slot = Some(sum);
        if old.is_some() {
            // A multiplication for each element where one is densified; else an addition.
            let dense = matches!(sum, Form::Dense(_));
            self.time.add(if dense { sum.elements() } else { sum.held().div_ceil(4) }, 1);
        }
        self.live.take(old.map_or(0, Form::held), ELEMENT);
        self.live.add(sum.held(), ELEMENT);
        self.briefly(form.held(), ELEMENT);
    }

    /// Places a cotangent into `count` columns of cells: scaled, remembered, multiplied out.
    fn place(&mut self, form: Form, count: usize) {
        let cells = count.saturating_mul(form.elements().saturating_add(form.held()));
        self.time.0 = self.time.0.saturating_add(times(cells, CELL).div_ceil(100));
        self.time.add(count, PLACE);
        self.live.add(count, PLACE_BYTES);
        match form {
            Form::Outer { rows, .. } => self.live.add(rows.saturating_mul(count), ELEMENT),
            Form::Dense(elements) => self.briefly(elements, ELEMENT),
        }
        self.briefly(0, 0);
    }

    /// An equation with its limbs and other cells.
    fn equation(&mut self, facts: &Facts, cells: Option<&Cells>) -> Form {
        let form = Form::of(facts);
        self.time.add(form.held(), 2);
        let limbs = cells.map_or(0, |cells| cells.limbs.len());
        let others =
            cells.and_then(|cells| cells.result.as_ref()).map_or(0, |result| result.lane.width());
        self.place(form, limbs.saturating_add(others));
        form
    }

    /// Public integers under a cotangent.
    fn known(&mut self, form: Form) {
        self.time.add(form.elements(), SHOWN);
        self.briefly(form.elements(), 3 * ELEMENT);
    }

    fn backward(&mut self) {
        let key = self.key;
        let (description, analysis, layout) = (key.description(), key.analysis(), key.layout());
        for ((output, facts), cells) in
            description.outputs.iter().zip(&analysis.outputs).zip(&layout.outputs)
        {
            let node = output.source.node();
            if output.source.is_index() {
                let Some(facts) = analysis.nodes.get(node) else { continue };
                self.equation(facts, cells.as_ref());
                self.time.add(facts.elements, 4);
                self.briefly(facts.elements, 3 * ELEMENT);
                self.add(node, Form::Dense(facts.elements));
                continue;
            }
            let form = self.equation(facts, None);
            if output.visibility == Visibility::Public {
                self.known(form)
            } else {
                self.place(form, 1)
            }
            self.add(node, form);
        }
        for (id, (node, facts)) in description.nodes.iter().zip(&analysis.nodes).enumerate().rev() {
            let form = self.cotangents.get_mut(id).and_then(Option::take);
            self.node(id, &node.operator, facts, form);
            self.live.take(form.map_or(0, Form::held), ELEMENT);
        }
    }

    fn node(&mut self, id: usize, operator: &Operator, facts: &Facts, form: Option<Form>) {
        let cells = self.key.layout().nodes.get(id).and_then(Option::as_ref);
        match operator {
            Operator::Requantise(_) | Operator::Copy(_) => {
                if let Some(form) = form {
                    self.place(form, 1);
                }
                self.equation(facts, cells);
            }
            Operator::Bounded(bounded) => self.bounded(bounded, facts, form),
            Operator::OneHot(_) => form.into_iter().for_each(|form| self.known(form)),
            Operator::Hadamard(_) => self.hadamard(facts, form),
            Operator::Input(index) => self.input(*index, (facts, cells), form),
            Operator::Combine(combine) => {
                let Some(form) = form else { return };
                if !combine.constant.is_empty() {
                    self.known(form);
                }
                self.time.add(combine.terms.len().saturating_mul(form.held()), 1);
            }
            Operator::View(view) => form.into_iter().for_each(|form| self.view(view, facts, form)),
            Operator::SliceAt(slice) => {
                let input = self.key.analysis().nodes.get(slice.input);
                if form.is_some() {
                    self.moved(input.map_or(0, |input| input.elements), facts);
                }
            }
            Operator::Product(product) => {
                self.factors(factor_length(operator, &self.key.analysis().nodes));
                let nodes = &self.key.analysis().nodes;
                for facts in [product.left, product.right].map(|node| nodes.get(node)) {
                    self.time.add(facts.map_or(0, |facts| facts.elements), 2);
                }
            }
            Operator::Contract(contract) => {
                form.into_iter().for_each(|form| self.contract(contract, facts, form))
            }
        }
        for (input, form) in back(operator, facts, form, &self.key.analysis().nodes) {
            self.add(input, form);
        }
    }

    /// An input under what reads it.
    fn input(&mut self, index: usize, of: (&Facts, Option<&Cells>), form: Option<Form>) {
        match self.key.description().inputs.get(index).map(|input| input.visibility) {
            Some(Visibility::Public) => form.into_iter().for_each(|form| self.known(form)),
            Some(visibility) => {
                form.into_iter().for_each(|form| self.place(form, 1));
                if visibility == Visibility::Sealed {
                    let equation = self.equation(of.0, of.1);
                    self.place(equation, 1);
                }
            }
            None => {}
        }
    }

    /// The operands of a node, under what reads it and an equation each.
    fn hadamard(&mut self, facts: &Facts, form: Option<Form>) {
        form.into_iter().for_each(|form| self.place(form, 1));
        let own = Form::of(facts);
        self.time.add(own.held(), 4);
        self.place(own, 2);
    }

    /// The limbs of a node, under what reads it and an equation of its own.
    fn bounded(&mut self, bounded: &Bounded, facts: &Facts, form: Option<Form>) {
        let limbs = limb_count(bounded.bits, self.key.description().limb_bits);
        form.into_iter().for_each(|form| self.place(form, limbs));
        if matches!(bounded.source, Source::Equal { .. }) {
            let own = Form::of(facts);
            self.time.add(own.held(), 2);
            self.place(own, limbs);
        }
    }

    fn view(&mut self, view: &View, facts: &Facts, form: Form) {
        let nodes = &self.key.analysis().nodes;
        if matches!(view.kind, ViewKind::Reshape(_)) {
            // Made dense, if the rows change.
            return self.time.add(form.elements(), 1);
        }
        let inputs = view.inputs.iter().filter_map(|&input| nodes.get(input));
        let inputs = inputs.map(|facts| facts.elements).fold(0, usize::saturating_add);
        self.moved(inputs, facts);
    }

    /// Dense, the places it goes to, dimension by dimension, and as much again that it becomes.
    fn moved(&mut self, inputs: usize, facts: &Facts) {
        let mut prefix = 1usize;
        for &size in &facts.shape {
            prefix = prefix.saturating_mul(size);
            self.time.add(prefix, 1);
        }
        self.time.add(facts.elements, 2);
        self.briefly(facts.elements.saturating_mul(2).saturating_add(inputs), ELEMENT);
    }

    /// The equations of the factors of a node.
    fn factors(&mut self, length: usize) {
        self.time.add(length, 8);
        self.time.add(1, 2 * PLACE);
        self.briefly(length, 4 * ELEMENT);
    }

    /// Products of a cotangent with a tap, each added to an element.
    fn products(&mut self, count: u64) {
        self.time.0 = self.time.0.saturating_add(count.saturating_add(count.div_ceil(2)));
    }

    fn contract(&mut self, contract: &Contract, facts: &Facts, form: Form) {
        let nodes = &self.key.analysis().nodes;
        let Some(input) = nodes.get(contract.input) else { return };
        let geometry = Geometry { contract, input, output: facts };
        let taps = geometry.depth().saturating_mul(contract.groups);
        let weights = geometry.depth().saturating_mul(contract.rows);
        let (rows, positions) = facts.matrix();
        let work = multiply_accumulates(contract, facts, nodes);
        self.time.add(rows.saturating_add(positions), 3);
        if let Form::Dense(elements) = form {
            self.products(work);
            self.time.add(elements.saturating_add(weights), 2);
            return self.briefly(positions, ELEMENT);
        }
        match contract.weights {
            Weights::Public(_) | Weights::PublicOf(_) => {
                self.time.0 = self.time.0.saturating_add(times(weights, SMALL).div_ceil(100));
                // A block of rows of weights, and the sums of every tap.
                self.briefly(taps, 8 * ELEMENT + 256);
            }
            Weights::Sealed | Weights::SealedOf(_) => {
                self.factors(taps);
                self.time.add(rows, 16);
                self.live.add(geometry.depth().saturating_add(rows), ELEMENT);
            }
        }
        if contract.column_factors.is_empty() && geometry.is_pointwise() {
            return;
        }
        // Each input channel by itself.
        let channels = input.shape.first().copied().unwrap_or(0);
        match geometry.sliding().filter(|_| contract.column_factors.is_empty()) {
            Some(sliding) => self.time.add(channels.saturating_mul(sliding.multiplications()), 1),
            None => self.products(
                times(channels.saturating_mul(geometry.window()), 1)
                    .saturating_mul(times(positions, 1)),
            ),
        }
        self.briefly(taps.saturating_add(positions.saturating_mul(2)), ELEMENT);
    }

    /// Time for rows, columns, tables and the opening.
    fn columns(&self) -> u64 {
        let key = self.key;
        let layout = key.layout();
        let sealed = layout.sealed_columns().count();
        let points = Sizes::of(key).bytes().checked_div(32).unwrap_or(0).saturating_add(sealed);
        let mut time = Tally(START);
        time.add(layout.rows, ROW.saturating_add(self.term()));
        time.add(points, DECODE.saturating_add(self.term()));
        time.add(layout.usable.saturating_mul(layout.slots), TUPLE);
        for sheet in layout.weight_sheets() {
            // A part by its taps, a slot by its part, unit and place; the weights of both.
            let length: usize = sheet.parts().map(|part| part.len()).fold(0, usize::saturating_add);
            time.add(sheet.filled(), 3);
            time.add(length.saturating_add(layout.rows), 1);
        }
        time.add(layout.lookups.iter().map(|lookup| lookup.tags.len()).sum(), 3);
        time.0
    }

    /// A term of the multi-scalar multiplication: long ones share more.
    fn term(&self) -> u64 {
        let saved = u64::from(self.key.description().k.saturating_sub(8)).saturating_mul(20);
        TERM.saturating_sub(saved)
    }

    /// Bytes that are there during the whole pass, and more than what comes after it.
    fn held(&self) -> u64 {
        let key = self.key;
        let layout = key.layout();
        let mut bytes = Tally(BASE_BYTES);
        bytes.add(layout.rows, ROW_BYTES);
        bytes.add(Sizes::of(key).bytes(), 6);
        bytes.add(layout.sealed_columns().count(), 300);
        bytes.add(layout.lookups.iter().map(|lookup| lookup.tags.len()).sum(), 48);
        let description = key.description();
        let tensors = description.inputs.len().saturating_add(description.outputs.len());
        bytes.add(description.nodes.len().saturating_add(tensors), NODE_BYTES);
        let lengths = description.nodes.iter().map(|node| match &node.operator {
            Operator::Contract(contract) => {
                let factors =
                    contract.row_factors.len().saturating_add(contract.column_factors.len());
                let integers = factors.saturating_add(contract.bias.len()).saturating_mul(8);
                contract.weights.public().map_or(0, <[i8]>::len).saturating_add(integers)
            }
            Operator::Combine(combine) => combine
                .terms
                .len()
                .saturating_mul(16)
                .saturating_add(combine.constant.len().saturating_mul(8)),
            _ => 0,
        });
        // With their tables.
        let functions = description.functions.iter();
        let functions = functions.map(|function| function.values.len().saturating_mul(10));
        let lengths = lengths.chain(functions);
        // As it is read: decoded, and encoded again to be compared.
        bytes.add(lengths.fold(0, usize::saturating_add), 3);
        let (rows, columns) = key.analysis().widest();
        bytes.add(rows.saturating_add(columns), ELEMENT);
        let tensors =
            description.inputs.iter().filter(|input| input.visibility == Visibility::Public);
        let shown: usize = tensors.map(|input| input.shape.iter().product::<usize>()).sum();
        let outputs: usize = key.analysis().outputs.iter().map(|facts| facts.elements).sum();
        bytes.add(shown.saturating_add(outputs), 32);
        bytes.0
    }
}
