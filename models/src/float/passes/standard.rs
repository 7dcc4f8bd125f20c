//! Standardisation of an input, `(x − mean)/deviation` for each column or channel, into the weights
//! and biases of the layer behind it. By itself it would be rounded once more, under one scale.

use super::rewriting::Rewriting;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::Window;

/// `factor·x + offset`, for each element.
pub(super) struct Affine {
    factors: Vec<f64>,
    offsets: Vec<f64>,
}

impl Affine {
    /// The positive number that it multiplies every element by, if that is all it does.
    pub(super) fn number(&self) -> Option<f64> {
        let first = self.factors.first().copied().filter(|&first| first > 0.0)?;
        let same = self.factors.iter().all(|&factor| factor == first);
        (same && self.offsets.iter().all(|&offset| offset == 0.0)).then_some(first)
    }

    /// Another one of its result.
    pub(super) fn then(&self, next: &Self) -> Self {
        let factors = self.factors.iter().zip(&next.factors).map(|(a, b)| a * b);
        let offsets = self.offsets.iter().zip(&next.factors).map(|(x, factor)| x * factor);
        let offsets = offsets.zip(&next.offsets).map(|(x, more)| x + more);
        Self { factors: factors.collect(), offsets: offsets.collect() }
    }
}

pub(super) fn run(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        while fold(rewriting, index) {}
    }
}

/// Folds the nearest affine function before a layer into it, if only reshapes lie between and it is
/// one of an input.
fn fold(rewriting: &mut Rewriting, layer: usize) -> bool {
    let mut before = Vec::new();
    let mut at = layer;
    let found = loop {
        let Some(producer) = rewriting.only_producer(at) else {
            return false;
        };
        rewriting.visit(producer);
        at = producer;
        let node = &rewriting.graph.nodes[at];
        if node.operator != Operator::Reshape {
            break at;
        }
        before.push(at);
    };
    let graph = &rewriting.graph;
    let node = &graph.nodes[found];
    let &[source] = node.inputs.as_slice() else {
        return false;
    };
    let Some(affine) = affine(node).filter(|_| is_of_input(graph, source)) else {
        return false;
    };
    let Some(folded) = folded(graph, layer, &affine) else {
        return false;
    };
    rewriting.graph.nodes[layer].operator = folded;
    rewriting.bypass(found, source);
    before.iter().rev().for_each(|&view| _ = rewriting.visit(view));
    // Reshapes there and back again are none.
    if let Some(&last) = before.first()
        && let Some(origin) = origin(rewriting, last)
    {
        rewriting.bypass(last, origin);
    }
    rewriting.visit(layer);
    true
}

/// The value that reshapes up to node `last` began with, if they end in its shape.
fn origin(rewriting: &Rewriting, last: usize) -> Option<usize> {
    let graph = &rewriting.graph;
    let mut at = last;
    loop {
        let &[value] = graph.nodes[at].inputs.as_slice() else {
            return None;
        };
        if graph.shape(value) == graph.nodes[last].shape {
            return Some(value);
        }
        at = graph.producer(value)?;
        if graph.nodes[at].operator != Operator::Reshape {
            return None;
        }
    }
}

/// Whether a value is an input that the file does not quantise, perhaps reshaped.
fn is_of_input(graph: &Graph, value: usize) -> bool {
    let mut value = value;
    while let Some(index) = graph.producer(value) {
        let node = &graph.nodes[index];
        match (&node.operator, node.inputs.as_slice()) {
            (Operator::Reshape, &[input]) => value = input,
            _ => return false,
        }
    }
    graph.inputs[value].grid.is_none()
}

pub(super) fn affine(node: &Node) -> Option<Affine> {
    if node.fused.is_some() || node.grid.is_some() {
        return None;
    }
    let count = node.shape.iter().product();
    match &node.operator {
        Operator::Add { subtract, constant } if subtract.len() == 1 => {
            let sign = if subtract[0] { -1.0 } else { 1.0 };
            let offsets = if constant.is_empty() { vec![0.0; count] } else { constant.clone() };
            Some(Affine { factors: vec![sign; count], offsets })
        }
        Operator::Conv { window, groups, layer: Layer::Real { weights, bias } }
            if *window == Window::unit() && *groups == bias.len() && weights.len() == *groups =>
        {
            let area = count / groups;
            let each = |numbers: &[f32]| {
                let spread = numbers.iter().flat_map(|&x| std::iter::repeat_n(f64::from(x), area));
                spread.collect()
            };
            Some(Affine { factors: each(weights), offsets: each(bias) })
        }
        _ => None,
    }
}

/// The layer that reads `x` for one that reads `factor·x + offset`, if these depend on nothing but
/// which weight an element meets.
pub(super) fn folded(graph: &Graph, index: usize, affine: &Affine) -> Option<Operator> {
    let node = &graph.nodes[index];
    let shape = graph.shape(*node.inputs.first()?);
    let (layer, features, area) = match &node.operator {
        Operator::Gemm { layer } => (layer, *shape.last()?, 1),
        Operator::Conv { layer, .. } => (layer, *shape.get(1)?, shape[2..].iter().product()),
        _ => return None,
    };
    let Layer::Real { weights, bias } = layer else {
        return None;
    };
    let feature = |element: usize| element / area % features;
    let firsts: Vec<usize> = (0..features).map(|feature| feature * area).collect();
    let uniform = (0..affine.factors.len()).all(|element| {
        let first = firsts[feature(element)];
        affine.factors[element] == affine.factors[first]
            && affine.offsets[element] == affine.offsets[first]
    });
    if !uniform {
        return None;
    }
    let (rows, terms) = (bias.len(), weights.len() / bias.len().max(1));
    let first_of = |row: usize, term: usize| match &node.operator {
        Operator::Conv { window, groups, .. } => {
            let taps = window.kernel[0] * window.kernel[1];
            firsts[row / (rows / groups) * (terms / taps) + term / taps]
        }
        _ => firsts[term],
    };
    // Padding contributes nothing, where the offset would have been padded too.
    let padded = matches!(&node.operator, Operator::Conv { window, .. } if window.pads != [0; 4]);
    if padded && affine.offsets.iter().any(|&offset| offset != 0.0) {
        return None;
    }
    let (mut new_weights, mut new_bias) = (Vec::with_capacity(weights.len()), Vec::new());
    for (row, (line, &bias)) in weights.chunks(terms.max(1)).zip(bias).enumerate() {
        let mut sum = f64::from(bias);
        for (term, &weight) in line.iter().enumerate() {
            let first = first_of(row, term);
            new_weights.push((f64::from(weight) * affine.factors[first]) as f32);
            sum += f64::from(weight) * affine.offsets[first];
        }
        new_bias.push(sum as f32);
    }
    if !new_weights.iter().chain(&new_bias).all(|x| x.is_finite()) {
        return None;
    }
    let new = Layer::Real { weights: new_weights, bias: new_bias };
    Some(match &node.operator {
        Operator::Conv { window, groups, .. } => {
            Operator::Conv { window: window.clone(), groups: *groups, layer: new }
        }
        _ => Operator::Gemm { layer: new },
    })
}
