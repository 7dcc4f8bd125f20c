//! An honest witness: the cells that hold a network's integers, and what must be true of them.

use std::collections::BTreeMap;

use ff::Field;
use group::{Curve, Group, GroupEncoding};
use pasta_curves::Eq;
use pasta_curves::Fp;
use zkinfer_verifier::adjoint::factors::{self, Operands};
use zkinfer_verifier::adjoint::{Adjoint, WeightCotangent};
use zkinfer_verifier::challenges::LinearChallenges;
use zkinfer_verifier::circuit::description::{Form, NodeId, Operator, OutputSource};
use zkinfer_verifier::circuit::place::Run;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::circuit::tables::Content;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::{Statement, Value, Visibility};

use crate::equations::{Equation, Network, Place, Variable, wide};
use crate::meaning;
use crate::random::Random;
use crate::secrets::Secrets;

/// The statement and the cells of a network on given integers.
pub struct Witness<'a> {
    network: &'a Network<'a>,
    pub statement: Statement,
    pub nodes: Vec<Vec<i128>>,
    secrets: Secrets,
    bilinear: BTreeMap<NodeId, Vec<i128>>,
    cells: BTreeMap<Place, i128>,
    factors: BTreeMap<Place, Fp>,
}

impl<'a> Witness<'a> {
    /// All cells but factors.
    pub fn new(network: &'a Network<'a>, secrets: Secrets) -> Self {
        let description = network.key.description();
        let nodes = secrets.values(network, description.nodes.len());
        let bilinear = description.nodes.iter().enumerate().filter(|(id, node)| {
            description.is_bilinear(*id) || matches!(node.operator, Operator::Hadamard(_))
        });
        let bilinear =
            bilinear.map(|(id, _)| (id, secrets.bilinear(network, id, &nodes))).collect();
        let (cells, factors) = Default::default();
        let mut witness = Self {
            network,
            statement: Statement::default(),
            nodes,
            secrets,
            bilinear,
            cells,
            factors,
        };
        for (index, input) in description.inputs.iter().enumerate() {
            let integers = witness.secrets.inputs[index].clone();
            let value = witness.shown(input.visibility, Role::Input(index), integers);
            witness.statement.inputs.push(value);
        }
        for (index, output) in description.outputs.iter().enumerate() {
            let integers = match &output.source {
                OutputSource::Node(node) => witness.nodes[*node].clone(),
                OutputSource::Greedy(greedy) => panic!("{greedy:?}"),
                OutputSource::ArgMax { input, axis, select_last } => {
                    witness.arg_max(index, *input, *axis, *select_last)
                }
            };
            let value = witness.shown(output.visibility, Role::Output(index), integers);
            witness.statement.outputs.push(value);
        }
        for id in 0..description.nodes.len() {
            witness.node(id);
        }
        if network.key.has_sealed_weights() {
            witness.seal(Role::Biases, &witness.secrets.digits.clone());
        }
        witness
    }

    /// What the statement says of a tensor; a sealed one fills its sheet.
    fn shown(&mut self, visibility: Visibility, role: Role, integers: Vec<i128>) -> Value {
        match visibility {
            Visibility::Public => {
                Value::Public(integers.into_iter().map(|x| x.try_into().unwrap()).collect())
            }
            Visibility::Private => Value::Private,
            Visibility::Sealed => {
                self.seal(role, &integers);
                Value::Sealed(vec![
                    Eq::generator().to_affine().to_bytes();
                    self.network.key.layout().sheet(role).unwrap().columns.len()
                ])
            }
        }
    }

    fn seal(&mut self, role: Role, integers: &[i128]) {
        self.put(self.network.sheet(role), integers);
    }

    /// Writes integers to cells that nothing has been written to.
    fn put(&mut self, places: Vec<Place>, integers: &[i128]) {
        assert_eq!(places.len(), integers.len());
        for (place, &integer) in places.into_iter().zip(integers) {
            assert!(
                self.cells.insert(place, integer).is_none(),
                "{place:?} belongs to two tensors"
            );
        }
    }

    /// Writes to a run, after seeing that what it is looked up in is what it should be.
    fn run(&mut self, run: &Run, columns: &[&[i128]], expected: &[&dyn Fn(&Content) -> bool]) {
        assert_eq!(run.tags().len(), expected.len());
        for (tag, expected) in run.tags().iter().zip(expected) {
            assert!(
                expected(&self.network.key.tables().list[*tag].content),
                "{run:?} is looked up elsewhere"
            );
        }
        for (offset, integers) in columns.iter().enumerate() {
            self.put(self.network.run(run, offset), integers);
        }
    }

    /// Integers of so many bits.
    fn limbs(&mut self, limbs: &[Run], bits: u32, integers: &[i128]) {
        assert!(integers.iter().all(|x| x >> bits == 0), "more than {bits} bits");
        let mut left = bits;
        for limb in limbs {
            let width = left.min(self.network.key.description().limb_bits);
            let digit = |x: &i128| (x >> (bits - left)) % (1 << width);
            let digits: Vec<i128> = integers.iter().map(digit).collect();
            self.run(limb, &[&digits], &[&|content| *content == Content::Limb { bits: width }]);
            left -= width;
        }
        assert_eq!(left, 0, "limbs are missing");
    }

    /// The cells of a node.
    fn node(&mut self, id: NodeId) {
        let key = self.network.key;
        if let Some(weights) = self.secrets.weights.get(&id).cloned() {
            self.seal(Role::Weights(id), &weights);
        }
        let Some(cells) = &key.layout().nodes[id] else { return };
        let values = self.nodes[id].clone();
        if let Operator::Bounded(bounded) = &key.description().nodes[id].operator {
            return self.limbs(&cells.limbs, bounded.bits, &values);
        }
        let Some(run) = &cells.result else { panic!("a node without a result") };
        match &key.description().nodes[id].operator {
            Operator::Input(index) => {
                let input = &key.description().inputs[*index];
                let fits = |content: &Content| {
                    matches!(content, Content::Range(range)
                    if [range.minimum, range.maximum] == [input.minimum, input.maximum])
                };
                self.run(run, &[&values], &[&fits]);
            }
            Operator::Copy(_) => self.run(run, &[&values], &[]),
            Operator::Requantise(requantise) => {
                let shift = requantise.shift;
                let z = &self.nodes[requantise.input];
                let quotients: Vec<i128> = z.iter().map(|z| z.div_euclid(1 << shift)).collect();
                let remainders: Vec<i128> = z.iter().map(|z| z.rem_euclid(1 << shift)).collect();
                self.limbs(&cells.limbs, shift, &remainders);
                let own = &key.description().functions[requantise.function];
                let (minimum, radix) = (i128::from(own.minimum), own.values.len() as i128);
                match requantise.form {
                    Form::Narrow => {
                        let fits = |content: &Content| {
                            matches!(content,
                            Content::Direct { function, .. } if function == own)
                        };
                        self.run(run, &[&quotients, &values], &[&fits]);
                    }
                    Form::Plain => {
                        let fits = |content: &Content| {
                            matches!(content, Content::Range(range)
                                if range.minimum == own.minimum
                                    && Some(range.maximum) == own.maximum())
                        };
                        self.run(run, &[&quotients], &[&fits]);
                    }
                    Form::Wide => {
                        let high: Vec<i128> =
                            quotients.iter().map(|q| (q - minimum).div_euclid(radix)).collect();
                        let side: Vec<i128> = high.iter().map(|high| high.signum()).collect();
                        let low: Vec<i128> =
                            quotients.iter().map(|q| (q - minimum).rem_euclid(radix)).collect();
                        let splits = |content: &Content| matches!(content, Content::High { .. });
                        let selects = |content: &Content| {
                            matches!(content,
                            Content::Low { function } if function == own)
                        };
                        self.run(run, &[&high, &side, &low, &values], &[&splits, &selects]);
                    }
                }
            }
            Operator::Hadamard(product) => {
                let operands = [product.left, product.right].map(|node| self.nodes[node].clone());
                self.run(run, &[&operands[0], &operands[1]], &[]);
            }
            // Their factors wait for the challenges.
            Operator::Product(_) | Operator::Contract(_) => {}
            operator => panic!("{operator:?} owns no cells"),
        }
    }

    /// The indices, by comparing everything; the gaps' cells.
    fn arg_max(&mut self, output: usize, input: NodeId, axis: usize, last: bool) -> Vec<i128> {
        let shape = &self.network.shapes[input];
        let (outer, size, inner) = (
            shape[..axis].iter().product::<usize>(),
            shape[axis],
            shape[axis + 1..].iter().product::<usize>(),
        );
        let x = &self.nodes[input];
        let mut gaps = vec![0; x.len()];
        let mut indices = Vec::new();
        for (outer, lane) in (0..outer).flat_map(|outer| (0..inner).map(move |lane| (outer, lane)))
        {
            let at = |j: usize| (outer * size + j) * inner + lane;
            let wins = |j: usize, index: usize| if last { j > index } else { j < index };
            let gap = |index: usize, j: usize| x[at(index)] - x[at(j)] - i128::from(wins(j, index));
            let best: Vec<usize> =
                (0..size).filter(|&index| (0..size).all(|j| gap(index, j) >= 0)).collect();
            let [index] = best[..] else { panic!("no one index is the largest: {best:?}") };
            (0..size).for_each(|j| gaps[at(j)] = gap(index, j));
            indices.push(index as i128);
        }
        let limbs = self.network.key.layout().outputs[output].as_ref().unwrap().limbs.clone();
        let interval = self.network.key.analysis().nodes[input].interval;
        let most = i128::from(interval.maximum) - i128::from(interval.minimum) + 1;
        self.limbs(&limbs, i128::BITS - most.leading_zeros(), &gaps);
        indices
    }

    /// Every value lies in the interval of its node, and the statement in its ranges.
    pub fn check_intervals(&self) {
        let key = self.network.key;
        for (id, (values, facts)) in self.nodes.iter().zip(&key.analysis().nodes).enumerate() {
            assert_eq!(facts.shape, self.network.shapes[id]);
            assert_eq!(facts.elements, values.len());
            let range = i128::from(facts.interval.minimum)..=i128::from(facts.interval.maximum);
            let outside = values.iter().find(|value| !range.contains(value));
            assert_eq!(outside, None, "outside {range:?} at {}", key.description().nodes[id].name);
        }
        self.statement.check(key).unwrap();
    }

    /// Every row of every lookup is in a table, every cell that needs one has a lookup, and a
    /// table's results are its functions'.
    pub fn check_lookups(&self) {
        let (layout, tables) = (self.network.key.layout(), self.network.key.tables());
        let mut looked_up = BTreeMap::new();
        for lookup in &layout.lookups {
            let mut tags = vec![0; layout.usable];
            lookup.tags.iter().for_each(|(rows, tag)| tags[rows.clone()].fill(*tag));
            for (row, tag) in tags.into_iter().enumerate() {
                let mut tuple = [0; 3];
                for (column, cell) in lookup.columns.clone().zip(&mut tuple) {
                    *cell =
                        self.cells.get(&(column, row)).map_or(0, |&cell| cell.try_into().unwrap());
                    looked_up.entry((column, row)).or_insert_with(Vec::new).push(tag);
                }
                assert!(tables.find(tag, tuple).is_some(), "{tuple:?} is not in table {tag}");
                if lookup.columns.len() > 1 {
                    tuple[lookup.columns.len() - 1] += 1;
                    assert!(tables.find(tag, tuple).is_none(), "{tuple:?} is in table {tag}");
                }
            }
        }
        for run in layout.runs() {
            let tags: &[&[usize]] = match (run.lane.width(), run.tags()) {
                (_, []) => continue,
                (1, tags) => &[tags],
                (2, tags) => &[tags, tags],
                (4, tags) => &[&tags[..1], tags, &tags[1..], &tags[1..]],
                lane => panic!("{lane:?} is no lane with lookups"),
            };
            for (offset, &tags) in tags.iter().enumerate() {
                let places = self.network.run(run, offset);
                assert!(
                    places.iter().all(|place| looked_up[place] == tags),
                    "column {offset} of {run:?}"
                );
            }
        }
    }

    /// Commits to the factors: computed from what they are made of, compared with what the prover
    /// calls.
    pub fn fill_factors(&mut self, equations: &[Equation], challenges: LinearChallenges) {
        let description = self.network.key.description();
        // The equation of a factor's entry says what the entry is.
        for equation in equations {
            let factor = equation.form.iter().find(|(variable, _)| self.is_factor(**variable));
            if let Some((&Variable::Cell(place), &coefficient)) = factor {
                assert_eq!(coefficient, Fp::ONE);
                let entry = -self.evaluate(equation);
                assert!(self.factors.insert(place, entry).is_none());
            }
        }
        for id in description.bilinear() {
            let node = &description.nodes[id];
            let narrow =
                |list: &[i128]| list.iter().map(|&x| i64::try_from(x).unwrap()).collect::<Vec<_>>();
            let [left, right] = match &node.operator {
                Operator::Product(product) => {
                    [&self.nodes[product.left], &self.nodes[product.right]].map(|x| narrow(x))
                }
                Operator::Contract(contract) => {
                    let owner = meaning::owner(description, id);
                    [&self.nodes[contract.input], &self.secrets.weights[&owner]].map(|x| narrow(x))
                }
                _ => unreachable!(),
            };
            let operands = Operands { left: &left, right: Slice::Words(&right) };
            let made =
                factors::factors(self.network.key, id, challenges.rho, challenges.sigma, operands);
            for (offset, made) in made.iter().enumerate() {
                let entries: Vec<Fp> = self
                    .network
                    .cells(id, offset)
                    .iter()
                    .map(|place| self.factors[place])
                    .collect();
                assert_eq!(*made, entries, "factors of {}", node.name);
            }
        }
    }

    fn is_factor(&self, variable: Variable) -> bool {
        matches!(variable, Variable::Cell((column, _)) if self.network.key.layout(
            ).factor_columns().contains(&column))
    }

    /// The value of an equation's form; cells that are not filled yet count as zero.
    fn evaluate(&self, equation: &Equation) -> Fp {
        let value = |variable| match variable {
            Variable::One => Fp::ONE,
            Variable::Public { input, element } => {
                integer(self.statement.inputs[input].integers()[element])
            }
            Variable::Cell(place) => self.cell(place),
            Variable::Bilinear { node, element } => wide(self.bilinear[&node][element]),
            Variable::Indicator { .. } | Variable::Entry { .. } | Variable::Sliced { .. } => {
                panic!("{variable:?} is resolved")
            }
        };
        equation.form.iter().map(|(&variable, coefficient)| *coefficient * value(variable)).sum()
    }

    fn cell(&self, place: Place) -> Fp {
        self.factors
            .get(&place)
            .copied()
            .unwrap_or_else(|| self.cells.get(&place).map_or(Fp::ZERO, |&cell| wide(cell)))
    }

    /// Every equation holds by itself.
    pub fn check_equations(&self, equations: &[Equation]) {
        for equation in equations {
            let value = self.evaluate(equation);
            assert_eq!(
                value,
                Fp::ZERO,
                "{}, row {}, column {}",
                equation.what,
                equation.row,
                equation.column
            );
        }
    }

    /// `Σ κ·cell + Σ π·u·v` over all columns.
    fn sum(&self, adjoint: &Adjoint) -> Fp {
        let layout = self.network.key.layout();
        let mut sum = Fp::ZERO;
        for (column, kappa) in adjoint.kappa.iter().enumerate() {
            sum += kappa
                .iter()
                .enumerate()
                .map(|(row, kappa)| *kappa * self.cell((column, row)))
                .sum::<Fp>();
        }
        let sheets = layout.weight_sheets();
        for (sheet, WeightCotangent { taps, units }) in sheets.zip(&adjoint.weights) {
            for (element, place) in self.network.sheet(sheet.role).into_iter().enumerate() {
                sum += units[element / taps.len()] * taps[element % taps.len()] * self.cell(place);
            }
        }
        let multiplied: Vec<usize> = layout.multiplied_columns().collect();
        assert_eq!(multiplied.len(), 2 * adjoint.separators.len());
        for (pair, separators) in multiplied.chunks(2).zip(&adjoint.separators) {
            let &[u, v] = pair else { panic!("{multiplied:?} are pairs") };
            let product = |row| self.cell((u, row)) * self.cell((v, row));
            sum += separators
                .iter()
                .enumerate()
                .map(|(row, separator)| *separator * product(row))
                .sum::<Fp>();
        }
        sum
    }

    /// The sum is the target, and is not once a cell that some equation reads is off by one.
    pub fn check_sum(
        &mut self,
        adjoint: &Adjoint,
        total: &crate::equations::Form,
        random: &mut Random,
    ) {
        assert_eq!(self.sum(adjoint), adjoint.target, "the honest sum");
        let read = |(variable, coefficient): (&Variable, &Fp)| match variable {
            Variable::Cell(place) if *coefficient != Fp::ZERO => Some(*place),
            _ => None,
        };
        let read: Vec<Place> = total.iter().filter_map(read).collect();
        for _ in 0..3 {
            let Some(&place) = (!read.is_empty()).then(|| random.pick(&read)) else { return };
            let honest = self.cell(place);
            self.factors.insert(place, honest + Fp::ONE);
            assert_ne!(self.sum(adjoint), adjoint.target, "{place:?} off by one");
            self.factors.insert(place, honest);
        }
    }
}
