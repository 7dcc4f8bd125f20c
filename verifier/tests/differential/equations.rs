//! Every equation of a circuit, spelled out as a linear form.

use std::collections::BTreeMap;

use ff::{Field, PrimeField};
use pasta_curves::Fp;
use zkinfer_verifier::challenges::LinearChallenges;
use zkinfer_verifier::circuit::description::{
    Contract, Form as Requantisation, NodeId, OneHot, Operator, OutputSource, Source,
};
use zkinfer_verifier::circuit::place::{Piece, Run};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::{Statement, VerifyingKey, Visibility};

use crate::generator::is_sealed;
use crate::indices::Indices;
use crate::meaning::{self, Value, column_factor, met, taps};

/// What a form is linear in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    One,
    /// An integer of the statement.
    Public {
        input: usize,
        element: usize,
    },
    Cell(Place),
    /// What the committed values of a bilinear node make together: `f_o·c_p·Σ_t W[o, t]·X[t, p]`,
    /// or an element of a product, of matrices or of elements.
    Bilinear {
        node: NodeId,
        element: usize,
    },
    /// 1 where an integer of the statement is this one, else 0.
    Indicator {
        input: usize,
        element: usize,
        index: i64,
    },
    /// `W[o, x[p] − first]` of a table that is read at public indices.
    Entry {
        node: NodeId,
        element: usize,
    },
    /// An element of what a node takes from a place that an integer of the statement says.
    Sliced {
        node: NodeId,
        element: usize,
    },
}

/// Column and row.
pub type Place = (usize, usize);

pub type Form = BTreeMap<Variable, Fp>;

impl Value for Form {
    fn sum<'a>(terms: impl Iterator<Item = (i128, &'a Self)>, constant: i128) -> Self {
        let mut sum = Self::from([(Variable::One, wide(constant))]);
        terms.for_each(|(factor, form)| add(&mut sum, wide(factor), form));
        sum
    }
}

pub fn wide(value: i128) -> Fp {
    let magnitude = Fp::from_u128(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// Adds a multiple of a form.
pub fn add(sum: &mut Form, factor: Fp, form: &Form) {
    for (&variable, coefficient) in form {
        *sum.entry(variable).or_insert(Fp::ZERO) += factor * coefficient;
    }
}

/// One element of an equation tensor: `form = 0`, taken `τ^exponent·ρ^row·σ^column` times.
pub struct Equation {
    pub what: String,
    pub exponent: u64,
    pub row: usize,
    pub column: usize,
    pub form: Form,
}

/// Where the elements of a tensor stand.
pub fn places(pieces: impl Iterator<Item = Piece>, count: usize) -> Vec<Place> {
    let mut places = vec![None; count];
    for Piece { column, rows, elements } in pieces {
        assert_eq!(rows.len(), elements.len());
        for (row, element) in rows.zip(elements) {
            assert!(
                places[element].replace((column, row)).is_none(),
                "element {element} has two cells"
            );
        }
    }
    places.into_iter().map(|place| place.expect("every element has a cell")).collect()
}

/// The key, with the value of every element of every node as a form.
pub struct Network<'a> {
    pub key: &'a VerifyingKey,
    pub shapes: Vec<Vec<usize>>,
    pub nodes: Vec<Vec<Form>>,
}

impl<'a> Network<'a> {
    pub fn new(key: &'a VerifyingKey) -> Self {
        let mut network =
            Self { key, shapes: meaning::shapes(key.description()), nodes: Vec::new() };
        let mut channels = 0;
        for (id, node) in key.description().nodes.iter().enumerate() {
            let shape = &network.shapes[id];
            let elements = 0..shape.iter().product();
            let cells = |offset| {
                network
                    .cells(id, offset)
                    .into_iter()
                    .map(|place| variable(Variable::Cell(place)))
                    .collect()
            };
            let forms = match &node.operator {
                Operator::Input(input)
                    if key.description().inputs[*input].visibility == Visibility::Public =>
                {
                    elements
                        .map(|element| variable(Variable::Public { input: *input, element }))
                        .collect()
                }
                Operator::Input(_) | Operator::Copy(_) => cells(0),
                Operator::Bounded(_) => {
                    let limbs = network.limbs(network.limbs_of(id));
                    let element = |element: usize| {
                        let cells = limbs.iter().map(|(unit, cells)| (cells[element], *unit));
                        cells.map(|(cell, unit)| (Variable::Cell(cell), unit)).collect()
                    };
                    elements.map(element).collect()
                }
                Operator::Requantise(requantise) => cells(match requantise.form {
                    Requantisation::Plain => 0,
                    Requantisation::Narrow => 1,
                    Requantisation::Wide => 3,
                }),
                &Operator::OneHot(OneHot { input, first, .. }) => elements
                    .map(|place| {
                        let (index, element) =
                            (first + (place / shape[2]) as i64, place % shape[2]);
                        variable(Variable::Indicator { input, element, index })
                    })
                    .collect(),
                Operator::SliceAt(_) => elements
                    .map(|element| variable(Variable::Sliced { node: id, element }))
                    .collect(),
                Operator::Product(_) | Operator::Hadamard(_) => elements
                    .map(|element| variable(Variable::Bilinear { node: id, element }))
                    .collect(),
                Operator::Contract(contract) if is_sealed(&node.operator) => {
                    let positions = shape[1] * shape[2];
                    let forms = elements.map(|element| {
                        network.sealed(
                            id,
                            contract,
                            channels + element / positions,
                            element / positions,
                            element,
                        )
                    });
                    let forms = forms.collect();
                    channels += contract.rows;
                    forms
                }
                _ => {
                    let operator = meaning::complete(key.description(), id);
                    meaning::linear(&operator, shape, &network.shapes, &network.nodes).unwrap()
                }
            };
            network.nodes.push(forms);
        }
        network
    }

    /// `f_o·c_p·Σ_t W[o, t]·X[t, p] + f_o·Σ_i 64^i·digit_i + bias_o`, with `channel` the output
    /// channel's number among all sealed ones.
    fn sealed(
        &self,
        node: NodeId,
        contract: &Contract,
        channel: usize,
        row: usize,
        element: usize,
    ) -> Form {
        let digits = self.key.description().bias_digits as usize;
        let places = &self.sheet(Role::Biases)[channel * digits..][..digits];
        let digits: Vec<Form> =
            places.iter().map(|&place| variable(Variable::Cell(place))).collect();
        let (factor, product) = if self.key.description().is_bilinear(node) {
            (1, variable(Variable::Bilinear { node, element }))
        } else {
            (contract.row_factors[row].into(), variable(Variable::Entry { node, element }))
        };
        let factors = (0..).map(|i| i128::from(contract.row_factors[row]) * 64i128.pow(i));
        Form::sum(factors.zip(&digits).chain([(factor, &product)]), contract.bias[row].into())
    }

    /// The cells of a node in its lane's column `offset`.
    pub fn cells(&self, node: NodeId, offset: usize) -> Vec<Place> {
        let run = self.key.layout().nodes[node].as_ref().unwrap().result.as_ref().unwrap();
        self.run(run, offset)
    }

    pub fn run(&self, run: &Run, offset: usize) -> Vec<Place> {
        places(self.key.layout().pieces(run, offset), run.count)
    }

    /// The cells of a sealed tensor.
    pub fn sheet(&self, role: Role) -> Vec<Place> {
        let sheet = self.key.layout().sheet(role).unwrap();
        places(sheet.pieces(), sheet.tensor.elements())
    }

    /// All equations, for the integers and challenges that they depend on: an ArgMax's index, the
    /// indices of a table, `ρ` and `σ` in what factors are made of.
    pub fn equations(&self, statement: &Statement, challenges: LinearChallenges) -> Vec<Equation> {
        let mut equations = self.unresolved(statement, challenges);
        let indices = Indices::new(self, statement);
        equations.iter_mut().for_each(|equation| indices.resolve(&mut equation.form));
        equations
    }

    fn unresolved(&self, statement: &Statement, challenges: LinearChallenges) -> Vec<Equation> {
        let mut list = List { equations: Vec::new(), exponent: 0 };
        let description = self.key.description();
        for (index, output) in description.outputs.iter().enumerate() {
            match &output.source {
                OutputSource::Node(node) => {
                    let sheet = (output.visibility == Visibility::Sealed)
                        .then(|| self.sheet(Role::Output(index)));
                    let known = |element: usize| match &sheet {
                        Some(sheet) => (Variable::Cell(sheet[element]), -Fp::ONE),
                        None => {
                            (Variable::One, -integer(statement.outputs[index].integers()[element]))
                        }
                    };
                    let forms = self.nodes[*node]
                        .iter()
                        .enumerate()
                        .map(|(element, form)| with(form, [known(element)]));
                    list.tensor(format!("output {index}"), self.columns(*node), forms);
                }
                OutputSource::Greedy(greedy) => panic!("{greedy:?}"),
                OutputSource::ArgMax { input, axis, select_last } => {
                    let forms = self.gaps(
                        index,
                        *input,
                        *axis,
                        *select_last,
                        statement.outputs[index].integers(),
                    );
                    list.tensor(format!("gaps of output {index}"), self.columns(*input), forms);
                }
            }
        }
        for (id, node) in description.nodes.iter().enumerate().rev() {
            let cell = |place, factor| (Variable::Cell(place), factor);
            match &node.operator {
                Operator::Requantise(_) => {
                    list.tensor(node.name.clone(), self.columns(id), self.divisions(id))
                }
                Operator::Bounded(bounded) => {
                    if let Source::Equal { input } = bounded.source {
                        let pairs = self.nodes[input].iter().zip(&self.nodes[id]);
                        let forms = pairs.map(|(x, y)| {
                            let mut form = x.clone();
                            add(&mut form, -Fp::ONE, y);
                            form
                        });
                        list.tensor(node.name.clone(), self.columns(id), forms);
                    }
                }
                Operator::Hadamard(product) => {
                    for (offset, operand) in [product.left, product.right].into_iter().enumerate() {
                        let forms = self.nodes[operand].iter().zip(self.cells(id, offset));
                        let forms = forms.map(|(form, place)| with(form, [cell(place, -Fp::ONE)]));
                        let what = format!("operand {offset} of {}", node.name);
                        list.tensor(what, self.columns(id), forms);
                    }
                }
                Operator::Copy(input) => {
                    let cells = self.cells(id, 0);
                    let forms = self.nodes[*input].iter().zip(&cells);
                    let forms = forms.map(|(form, &place)| with(form, [cell(place, -Fp::ONE)]));
                    list.tensor(node.name.clone(), self.columns(id), forms);
                }
                Operator::Input(input)
                    if description.inputs[*input].visibility == Visibility::Sealed =>
                {
                    let pairs = self.cells(id, 0).into_iter().zip(self.sheet(Role::Input(*input)));
                    let forms = pairs.map(|(fresh, sealed)| {
                        Form::from([cell(fresh, Fp::ONE), cell(sealed, -Fp::ONE)])
                    });
                    list.tensor(node.name.clone(), self.columns(id), forms);
                }
                _ if description.is_bilinear(id) => {
                    let name = ["u", "v"].map(|factor| format!("{factor} of {}", node.name));
                    for (offset, (made, name)) in
                        self.factors(id, challenges).into_iter().zip(name).enumerate()
                    {
                        for (mut form, place) in made.into_iter().zip(self.cells(id, offset)) {
                            form.values_mut().for_each(|coefficient| *coefficient = -*coefficient);
                            list.tensor(name.clone(), 1, [with(&form, [cell(place, Fp::ONE)])]);
                        }
                    }
                }
                _ => {}
            }
        }
        list.equations
    }

    /// Columns of a node's values as a matrix: all dimensions but the first.
    pub fn columns(&self, node: NodeId) -> usize {
        self.shapes[node].iter().skip(1).product()
    }

    /// `x − Σ limb_i·2^(w·i) − 2^shift·quotient`, with `quotient = minimum + low + radix·high` in
    /// the wide form.
    fn divisions(&self, id: NodeId) -> Vec<Form> {
        let Operator::Requantise(requantise) = &self.key.description().nodes[id].operator else {
            unreachable!()
        };
        let function = &self.key.description().functions[requantise.function];
        let unit = Fp::from(1 << requantise.shift);
        let mut cells = self.limbs(self.limbs_of(id));
        let constant = match requantise.form {
            Requantisation::Narrow | Requantisation::Plain => {
                cells.push((unit, self.cells(id, 0)));
                Fp::ZERO
            }
            Requantisation::Wide => {
                cells.push((unit * Fp::from(function.values.len() as u64), self.cells(id, 0)));
                cells.push((unit, self.cells(id, 2)));
                unit * integer(function.minimum)
            }
        };
        let form = |(element, form): (usize, &Form)| {
            let cells =
                cells.iter().map(|(factor, cells)| (Variable::Cell(cells[element]), -*factor));
            with(form, cells.chain([(Variable::One, -constant)]))
        };
        self.nodes[requantise.input].iter().enumerate().map(form).collect()
    }

    /// The limbs of a node.
    fn limbs_of(&self, id: NodeId) -> &[Run] {
        &self.key.layout().nodes[id].as_ref().unwrap().limbs
    }

    /// Limbs with what they count for.
    fn limbs(&self, limbs: &[Run]) -> Vec<(Fp, Vec<Place>)> {
        let bits = self.key.description().limb_bits;
        let weigh = |(i, limb): (usize, _)| {
            (Fp::from(2).pow_vartime([i as u64 * u64::from(bits)]), self.run(limb, 0))
        };
        limbs.iter().enumerate().map(weigh).collect()
    }

    /// `x[index] − x[j] − [j wins a tie against index] − Σ limb_i·2^(w·i)` for every `j`.
    fn gaps(
        &self,
        output: usize,
        input: NodeId,
        axis: usize,
        last: bool,
        indices: &[i64],
    ) -> Vec<Form> {
        let shape = &self.shapes[input];
        let (size, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let limbs = self.limbs(&self.key.layout().outputs[output].as_ref().unwrap().limbs);
        let x = &self.nodes[input];
        let gap = |element: usize| {
            let (outer, j, lane) =
                (element / inner / size, element / inner % size, element % inner);
            let index = indices[outer * inner + lane] as usize;
            let wins = if last { j > index } else { j < index };
            let gap = Form::sum(
                [(1, &x[(outer * size + index) * inner + lane]), (-1, &x[element])].into_iter(),
                -i128::from(wins),
            );
            with(
                &gap,
                limbs.iter().map(|(factor, cells)| (Variable::Cell(cells[element]), -*factor)),
            )
        };
        (0..x.len()).map(gap).collect()
    }

    /// What `u` and `v` of a bilinear node are made of.
    fn factors(
        &self,
        id: NodeId,
        LinearChallenges { rho, sigma, .. }: LinearChallenges,
    ) -> [Vec<Form>; 2] {
        let power = |base: Fp, exponent: usize| base.pow_vartime([exponent as u64]);
        let mut made = [0, 1].map(|offset| vec![Form::new(); self.cells(id, offset).len()]);
        let [left, right] = &mut made;
        match &self.key.description().nodes[id].operator {
            Operator::Product(product) => {
                let (rows, columns, inner) =
                    (self.shapes[id][1], self.shapes[id][2], self.shapes[product.left][2]);
                for (element, form) in self.nodes[product.left].iter().enumerate() {
                    let (batch, row, t) =
                        (element / inner / rows, element / inner % rows, element % inner);
                    add(&mut left[batch * inner + t], power(*sigma, row * columns), form);
                }
                for (element, form) in self.nodes[product.right].iter().enumerate() {
                    let (batch, column, t) =
                        (element / inner / columns, element / inner % columns, element % inner);
                    add(
                        &mut right[batch * inner + t],
                        power(*rho, batch) * power(*sigma, column),
                        form,
                    );
                }
            }
            Operator::Contract(contract) => {
                let (input, output) = (&self.shapes[contract.input], &self.shapes[id]);
                for position in 0..output[1] * output[2] {
                    let factor =
                        power(*sigma, position) * integer(column_factor(contract, position));
                    for (tap, left) in left.iter_mut().enumerate() {
                        let Some(element) = met(contract, input, output, tap, position) else {
                            continue;
                        };
                        add(left, factor, &self.nodes[contract.input][element]);
                    }
                }
                let owner = meaning::owner(self.key.description(), id);
                let weights = self.sheet(Role::Weights(owner));
                for row in 0..contract.rows {
                    for (tap, weight) in taps(contract, input, row) {
                        let factor = power(*rho, row) * integer(contract.row_factors[row]);
                        add(&mut right[tap], factor, &variable(Variable::Cell(weights[weight])));
                    }
                }
            }
            operator => panic!("{operator:?} has no factors"),
        }
        made
    }
}

fn variable(variable: Variable) -> Form {
    Form::from([(variable, Fp::ONE)])
}

/// The form and more terms.
fn with(form: &Form, terms: impl IntoIterator<Item = (Variable, Fp)>) -> Form {
    let mut sum = form.clone();
    terms.into_iter().for_each(|(variable, coefficient)| {
        *sum.entry(variable).or_insert(Fp::ZERO) += coefficient
    });
    sum
}

/// Equations with the next exponent.
struct List {
    equations: Vec<Equation>,
    exponent: u64,
}

impl List {
    fn tensor(&mut self, what: String, columns: usize, forms: impl IntoIterator<Item = Form>) {
        self.exponent += 1;
        for (element, form) in forms.into_iter().enumerate() {
            let (exponent, row, column) = (self.exponent, element / columns, element % columns);
            self.equations.push(Equation { what: what.clone(), exponent, row, column, form });
        }
    }
}
