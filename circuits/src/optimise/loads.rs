//! What each node of a graph takes to prove, about: by this a network is cut in even segments.

use zkinfer_models::integer::graph::Graph;
use zkinfer_verifier::circuit::description::{ArgMax, Form, Operator};
use zkinfer_verifier::circuit::geometry::{depth, factor_length};
use zkinfer_verifier::circuit::limbs::{gap_bits, limb_count};

use super::cost::CostModel;
use super::counts::Sizes;
use crate::error::Error;
use crate::lower::{Lowered, Plan, form};

/// Seconds to prove, by what makes them.
#[derive(Clone, Debug)]
pub struct Loads {
    /// Of each node of the graph.
    pub nodes: Vec<f64>,
    /// Of a cell.
    pub cell: f64,
}

/// The loads of a graph's nodes in the circuit that a plan makes of it.
pub fn loads(graph: &Graph, lowered: &Lowered, plan: &Plan) -> Result<Loads, Error> {
    let model = &CostModel::REFERENCE;
    let analysis = lowered.analyse()?;
    let mut cells = vec![0usize; analysis.nodes.len()];
    let tables: Vec<_> =
        lowered.tables(&analysis).iter().map(|tables| tables.at(plan.price)).collect();
    for (id, requantise) in lowered.requantisations() {
        let facts = &analysis.nodes[requantise.input];
        let quotients = facts.interval.shifted(requantise.shift);
        let own = match form(requantise.form, quotients, tables[requantise.function]) {
            Form::Plain => 1,
            Form::Narrow => 2,
            Form::Wide => 4,
        };
        let limbs = limb_count(requantise.shift, plan.limb_bits);
        cells[id] = facts.elements.saturating_mul(own + limbs);
    }
    let description = lowered.description();
    let mut seconds = vec![0.0; cells.len()];
    for (id, node) in description.nodes.iter().enumerate() {
        let facts = &analysis.nodes[id];
        match &node.operator {
            Operator::Copy(_) => cells[id] = facts.elements,
            Operator::Hadamard(_) => cells[id] = 2 * facts.elements,
            Operator::Bounded(bounded) => {
                cells[id] = facts.elements * limb_count(bounded.bits, plan.limb_bits);
            }
            Operator::Contract(contract) => {
                let weights = depth(contract, &analysis.nodes).unwrap_or(0) * contract.rows;
                seconds[id] = (model.read_weight + model.execute_weight) * weights as f64
                    + model.execute * weights as f64 * facts.matrix().1 as f64;
            }
            _ => {}
        }
        if description.is_bilinear(id) {
            cells[id] += 2 * factor_length(&node.operator, &analysis.nodes);
        }
    }
    for output in &description.outputs {
        if let Some(ArgMax { input, .. }) = output.source.arg_max() {
            let facts = &analysis.nodes[input];
            let limbs = limb_count(gap_bits(facts.interval), plan.limb_bits);
            cells[input] += facts.elements * limbs;
        }
    }
    let cell = cell_seconds(lowered, plan, model)?;
    seconds.iter_mut().zip(&cells).for_each(|(seconds, &cells)| *seconds += cell * cells as f64);
    Ok(Loads { nodes: by_origin(graph, lowered, &seconds), cell })
}

/// What a cell takes in the circuit of a plan: its share of all that grows with cells.
fn cell_seconds(lowered: &Lowered, plan: &Plan, model: &CostModel) -> Result<f64, Error> {
    let sizes = Sizes::new(lowered, &lowered.analyse()?);
    let counts = sizes
        .limbs(plan.limb_bits)
        .zip(sizes.forms(plan.price, plan.least_entries))
        .and_then(|(limbs, forms)| sizes.counts(plan.k, limbs, forms));
    Ok(counts.map_or(1.0, |(_, counts)| {
        model.predict(&counts).prove_seconds / counts.cells.max(1) as f64
    }))
}

/// Sums over what each node of the graph has become: nodes of its name, which follow each other.
fn by_origin(graph: &Graph, lowered: &Lowered, seconds: &[f64]) -> Vec<f64> {
    let mut lowered = lowered.description().nodes.iter().zip(seconds).peekable();
    // The inputs come first.
    while lowered.next_if(|(node, _)| matches!(node.operator, Operator::Input(_))).is_some() {}
    let mut loads = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let mut load = 0.0;
        while let Some((_, seconds)) = lowered.next_if(|(made, _)| made.name == node.name) {
            load += seconds;
        }
        loads.push(load);
    }
    loads
}
