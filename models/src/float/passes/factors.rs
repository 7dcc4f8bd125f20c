//! One positive number times a product of computed matrices, before it or behind it: it goes into
//! the factor that the product's accumulator is rescaled by, as attention's `1/√d` does.

use super::rewriting::Rewriting;
use crate::float::graph::{Node, Operator};
use crate::float::layer::Layer;

pub(super) fn run(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        if matches!(rewriting.graph.nodes[index].operator, Operator::MatMul { .. }) {
            (0..2).for_each(|place| operand(rewriting, index, place));
        } else if let Some(number) = number(&rewriting.graph.nodes[index])
            && let Some((last, product)) = product_before(rewriting, index)
            && multiply(&mut rewriting.graph.nodes[product], number)
        {
            rewriting.graph.nodes[last].value = rewriting.graph.nodes[index].value.clone();
            rewriting.absorb(index, last);
        }
    }
}

/// The number that a node multiplies its operand by, if that is all it does.
fn number(node: &Node) -> Option<f32> {
    match &node.operator {
        Operator::Conv { layer: Layer::Real { weights, bias }, groups: 1, .. }
            if node.fused.is_none() && node.grid.is_none() =>
        {
            let (&[number], &[0.0]) = (weights.as_slice(), bias.as_slice()) else {
                return None;
            };
            (number > 0.0).then_some(number)
        }
        _ => None,
    }
}

/// Whether the number went into the factor of a product.
fn multiply(node: &mut Node, number: f32) -> bool {
    let Operator::MatMul { factor, one_hot: false } = &mut node.operator else {
        return false;
    };
    let product = *factor * number;
    let fits = node.fused.is_none() && node.grid.is_none() && product.is_normal();
    if fits {
        *factor = product;
    }
    fits
}

/// The node whose value node `index` reads, and the product that it is, through reshapes, if
/// nothing else reads them.
fn product_before(rewriting: &Rewriting, index: usize) -> Option<(usize, usize)> {
    let last = rewriting.only_producer(index)?;
    let mut product = last;
    while rewriting.graph.nodes[product].operator == Operator::Reshape {
        product = rewriting.only_producer(product)?;
    }
    Some((last, product))
}

/// A product's operand that is a number times a value: the product reads the value.
fn operand(rewriting: &mut Rewriting, index: usize, place: usize) {
    let value = rewriting.graph.nodes[index].inputs[place];
    // Views between are left where they are: they move what the number is taken off.
    let mut path = Vec::new();
    let mut value = Some(value);
    let scaled = loop {
        let Some(node) = value.and_then(|value| rewriting.graph.producer(value)) else {
            return;
        };
        if !rewriting.read_once(node) {
            return;
        }
        if rewriting.graph.nodes[node].operator.is_view() {
            path.push(node);
            value = rewriting.graph.nodes[node].inputs.first().copied();
            continue;
        }
        break node;
    };
    let Some(number) = number(&rewriting.graph.nodes[scaled]) else {
        return;
    };
    if multiply(&mut rewriting.graph.nodes[index], number) {
        let input = rewriting.graph.nodes[scaled].inputs[0];
        rewriting.bypass(scaled, input);
        path.into_iter().for_each(|node| _ = rewriting.visit(node));
        rewriting.visit(index);
    }
}
