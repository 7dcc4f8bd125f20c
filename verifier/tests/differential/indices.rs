//! What public indices name: zeros and ones are integers, an entry of a table is a cell.

use std::collections::BTreeMap;

use ff::Field;
use pasta_curves::Fp;
use zkinfer_verifier::Statement;
use zkinfer_verifier::circuit::description::{NodeId, OneHot, Operator};
use zkinfer_verifier::circuit::sheet::Role;

use crate::equations::{Form, Network, Place, Variable, add};
use crate::meaning;

/// A statement, and what the tables that are read at its integers have in their cells.
pub struct Indices<'a> {
    network: &'a Network<'a>,
    statement: &'a Statement,
    /// By the node that reads it: its indices, the result's positions, and the table's cells.
    tables: BTreeMap<NodeId, (OneHot, usize, Vec<Place>)>,
}

impl<'a> Indices<'a> {
    pub fn new(network: &'a Network<'a>, statement: &'a Statement) -> Self {
        let description = network.key.description();
        let mut tables = BTreeMap::new();
        for (id, node) in description.nodes.iter().enumerate() {
            let Operator::Contract(contract) = &node.operator else { continue };
            let sealed = node.operator.has_sealed_weights() && !description.is_bilinear(id);
            if let (true, Operator::OneHot(of)) =
                (sealed, &description.nodes[contract.input].operator)
            {
                let cells = network.sheet(Role::Weights(id));
                tables.insert(id, (*of, network.columns(id), cells));
            }
        }
        Self { network, statement, tables }
    }

    fn index(&self, input: usize, element: usize) -> i64 {
        self.statement.inputs[input].integers()[element]
    }

    /// Puts in a form what its indices name.
    pub fn resolve(&self, form: &mut Form) {
        while self.slices(form) {}
        self.names(form);
    }

    /// The elements that slices take, which may be those of slices; whether there were any.
    fn slices(&self, form: &mut Form) -> bool {
        let is_slice = |variable: &&Variable| matches!(variable, Variable::Sliced { .. });
        let slices: Vec<Variable> = form.keys().filter(is_slice).copied().collect();
        for &variable in &slices {
            let Variable::Sliced { node, element } = variable else { continue };
            let Operator::SliceAt(slice) = &self.network.key.description().nodes[node].operator
            else {
                panic!("{variable:?} is no slice");
            };
            let start = usize::try_from(self.index(slice.at, 0) + slice.offset).unwrap();
            let shape = &self.network.shapes[slice.input];
            let element = meaning::sliced(slice, start, shape, element);
            let coefficient = form.remove(&variable).unwrap();
            add(form, coefficient, &self.network.nodes[slice.input][element]);
        }
        !slices.is_empty()
    }

    fn names(&self, form: &mut Form) {
        let is_named = |variable: &Variable| {
            matches!(variable, Variable::Indicator { .. } | Variable::Entry { .. })
        };
        let named: Vec<Variable> = form.keys().copied().filter(is_named).collect();
        for variable in named {
            let coefficient = form.remove(&variable).unwrap();
            let (named, factor) = match variable {
                Variable::Indicator { input, element, index } => {
                    (Variable::One, Fp::from(u64::from(self.index(input, element) == index)))
                }
                Variable::Entry { node, element } => {
                    let (OneHot { input, first, count }, positions, cells) = &self.tables[&node];
                    let place = self.index(*input, element % positions) - first;
                    let weight = element / positions * count + usize::try_from(place).unwrap();
                    (Variable::Cell(cells[weight]), Fp::ONE)
                }
                other => panic!("{other:?} names nothing"),
            };
            *form.entry(named).or_insert(Fp::ZERO) += coefficient * factor;
        }
    }
}
