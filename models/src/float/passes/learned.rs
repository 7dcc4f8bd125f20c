//! What follows a normalisation: a learned factor and offset for each element of a row.
//!
//! A Gemm that reads it takes them into its weights and bias, whoever else reads it too. For those
//! who cannot, what is left is one depthwise convolution over the elements of a row.

use super::rewriting::Rewriting;
use super::standard::{Affine, affine, folded};
use crate::float::graph::{Graph, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::{ValueId, Window};

pub(super) fn run(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        let graph = &rewriting.graph;
        let Some((affine, source)) = before(graph, index) else {
            continue;
        };
        let shape = graph.shape(graph.nodes[index].inputs[0]);
        // Positions that a reshape of its own has joined for it.
        let reader = match graph.shape(source) == shape {
            true => Some(index),
            false => rewriting
                .only_producer(index)
                .filter(|&view| graph.nodes[view].operator == Operator::Reshape),
        };
        if let (Some(reader), Some(layer)) = (reader, folded(graph, index, &affine)) {
            rewriting.read_instead(reader, source);
            rewriting.graph.nodes[index].operator = layer;
        }
    }
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        if !gain(rewriting, index) && !there_and_back(rewriting, index) {
            offset_into_factors(rewriting, index);
        }
    }
}

/// A positive number times a normalisation that nothing else reads, into its factor: then it costs
/// nothing.
fn gain(rewriting: &mut Rewriting, index: usize) -> bool {
    let Some(affine) = affine(&rewriting.graph.nodes[index]) else {
        return false;
    };
    let (Some(number), Some(last)) = (affine.number(), rewriting.only_producer(index)) else {
        return false;
    };
    let mut normalisation = last;
    while rewriting.graph.nodes[normalisation].operator == Operator::Reshape {
        let Some(before) = rewriting.only_producer(normalisation) else {
            return false;
        };
        normalisation = before;
    }
    let node = &mut rewriting.graph.nodes[normalisation];
    match &mut node.operator {
        Operator::Normalise { factor, .. } if node.fused.is_none() && node.grid.is_none() => {
            *factor *= number;
        }
        _ => return false,
    }
    rewriting.graph.nodes[last].value = rewriting.graph.nodes[index].value.clone();
    rewriting.absorb(index, last);
    true
}

/// Reshapes of a normalisation that end in its own shape.
fn there_and_back(rewriting: &mut Rewriting, index: usize) -> bool {
    let graph = &rewriting.graph;
    let mut at = index;
    while graph.nodes[at].operator == Operator::Reshape {
        let Some(&value) = graph.nodes[at].inputs.first() else {
            return false;
        };
        let Some(producer) = graph.producer(value) else {
            return false;
        };
        let normalises = matches!(graph.nodes[producer].operator, Operator::Normalise { .. });
        if normalises && graph.shape(value) == graph.nodes[index].shape {
            rewriting.bypass(index, value);
            return true;
        }
        at = producer;
    }
    false
}

/// The affine function of a normalisation that a Gemm reads, and the normalisation.
fn before(graph: &Graph, layer: usize) -> Option<(Affine, ValueId)> {
    if !matches!(graph.nodes[layer].operator, Operator::Gemm { .. }) {
        return None;
    }
    let mut value = *graph.nodes[layer].inputs.first()?;
    let mut all: Option<Affine> = None;
    loop {
        let node = &graph.nodes[graph.producer(value)?];
        match &node.operator {
            Operator::Normalise { .. } => return Some((all?, value)),
            Operator::Reshape => {}
            _ => {
                let first = affine(node)?;
                all = Some(match all {
                    None => first,
                    Some(then) => first.then(&then),
                });
            }
        }
        value = *node.inputs.first()?;
    }
}

/// A constant that is added, behind reshapes, to what a depthwise convolution of single elements
/// makes of a normalisation, into its bias.
fn offset_into_factors(rewriting: &mut Rewriting, index: usize) {
    let Operator::Add { subtract, constant } = &rewriting.graph.nodes[index].operator else {
        return;
    };
    if subtract[..] != [false] || constant.is_empty() {
        return;
    }
    let constant = constant.clone();
    let Some(last) = rewriting.only_producer(index) else {
        return;
    };
    let mut factors = last;
    while rewriting.graph.nodes[factors].operator == Operator::Reshape {
        let Some(before) = rewriting.only_producer(factors) else {
            return;
        };
        factors = before;
    }
    if !is_of_normalisation(&rewriting.graph, factors) {
        return;
    }
    let node = &mut rewriting.graph.nodes[factors];
    let Operator::Conv { window, groups, layer: Layer::Real { weights, bias } } =
        &mut node.operator
    else {
        return;
    };
    let single = *window == Window::unit()
        && *groups == constant.len()
        && weights.len() == *groups
        && constant.iter().all(|x| (*x as f32).is_finite());
    if single && node.fused.is_none() && node.grid.is_none() {
        bias.iter_mut().zip(&constant).for_each(|(bias, &more)| *bias += more as f32);
        rewriting.graph.nodes[last].value = rewriting.graph.nodes[index].value.clone();
        rewriting.absorb(index, last);
    }
}

/// Whether a node reads a normalisation, perhaps reshaped.
fn is_of_normalisation(graph: &Graph, index: usize) -> bool {
    let mut at = index;
    loop {
        let Some(producer) =
            graph.nodes[at].inputs.first().and_then(|&input| graph.producer(input))
        else {
            return false;
        };
        match graph.nodes[producer].operator {
            Operator::Normalise { .. } => return true,
            Operator::Reshape => at = producer,
            _ => return false,
        }
    }
}
