//! Softmax and normalisation of rows, which files spell out in many ways, as one node each.
//!
//! | file | idea |
//! |---|---|
//! | `found` | what stands for a group of nodes |
//! | `group` | which elements are summed up, and where their sum is read |
//! | `chain` | functions of one number on the way from a mean of squares to a factor |
//! | `normalise` | `d/√(mean d² + ε)` |
//! | `softmax` | `e^(x − max) / Σ e^(x − max)` |
//!
//! Nothing goes by names: a value is a mean of another if each of its elements comes, through
//! whatever moves elements, from a sum over the row in which the other has its element.

mod chain;
mod found;
mod group;
mod normalise;
mod softmax;

use super::rebuild::Rebuild;
use crate::float::binary::BinaryOperator;
use crate::float::graph::{Graph, Node, Operator};
use found::{Rows, plain};

/// Puts one node in the place of each that ends a softmax or a normalisation.
pub(super) fn recognise(mut source: Graph) -> Graph {
    let mut rebuild = Rebuild::new(&source);
    let found: Vec<Option<Rows>> = (0..source.nodes.len()).map(|at| find(&source, at)).collect();
    let nodes = std::mem::take(&mut source.nodes);
    let views = |rows: &Rows| rows.views.iter().map(|&at| nodes[at].clone()).collect::<Vec<_>>();
    let views: Vec<Vec<Node>> =
        found.iter().map(|rows| rows.as_ref().map_or_else(Vec::new, views)).collect();
    for ((node, rows), views) in nodes.into_iter().zip(found).zip(views) {
        match rows {
            None => rebuild.keep(node),
            Some(rows) => replace(&mut rebuild, &node, rows, &views),
        }
    }
    rebuild.finish(source)
}

fn find(graph: &Graph, index: usize) -> Option<Rows> {
    let node = plain(graph, graph.result(index))?;
    match (&node.operator, node.inputs.as_slice()) {
        (Operator::Product, &[a, b]) => normalise::find(graph, a, b, false)
            .or_else(|| normalise::find(graph, b, a, false))
            .or_else(|| softmax::find(graph, a, b, true))
            .or_else(|| softmax::find(graph, b, a, true)),
        (Operator::Binary(BinaryOperator::Div { integers: false }), &[a, b]) => {
            normalise::find(graph, a, b, true).or_else(|| softmax::find(graph, a, b, false))
        }
        _ => None,
    }
}

/// The operator in place of a node, between views there and back again.
fn replace(rebuild: &mut Rebuild, node: &Node, rows: Rows, views: &[Node]) {
    let mut value = rebuild.number(rows.source);
    let mut shapes = Vec::new();
    for (place, view) in views.iter().enumerate() {
        shapes.push(rebuild.graph.shape(value).to_vec());
        let name = format!("{}/rows{place}", node.name);
        let view = Node { name, inputs: vec![value], value: node.value.clone(), ..view.clone() };
        value = rebuild.push(view);
    }
    let shape = rebuild.graph.shape(value).to_vec();
    let one = Node { operator: rows.operator, inputs: vec![value], shape, ..node.clone() };
    value = rebuild.push(one);
    for (place, (view, shape)) in views.iter().zip(shapes).enumerate().rev() {
        let operator = match &view.operator {
            Operator::Transpose { permutation } => {
                let mut back = vec![0; permutation.len()];
                permutation.iter().enumerate().for_each(|(to, &from)| back[from] = to);
                Operator::Transpose { permutation: back }
            }
            other => other.clone(),
        };
        let name = format!("{}/back{place}", node.name);
        let inputs = vec![value];
        value = rebuild.push(Node { name, operator, inputs, shape, ..node.clone() });
    }
    rebuild.renumbered.push(Some(value));
}
