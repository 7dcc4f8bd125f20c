//! Rotary positions: pairs of numbers turned by the angle of their position, as one convolution
//! over each pair, whose weights are cosines and sines and no secret.
//!
//! Exporters spell them out in products with tables, slices, negations, sums and Concats, pairs
//! side by side or half a head apart, all of a head or a part of it. Nothing goes by names: what
//! counts is that each element is `c·x + s·x'` with `x'` the other one of its pair, and `c² + s²`
//! the same everywhere.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use super::rebuild::Rebuild;
use crate::float::activation::{Activation, Plain};
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::{ValueId, Window};
use crate::tensor::moves;

/// Nodes that are looked at, and elements.
const NODES: usize = 48;
const ELEMENTS: usize = 1 << 21;
/// How far squares may be apart: tables in 16 bits have three digits.
const SLACK: f64 = 4e-3;

/// An element as multiples of at most two elements of another value.
#[derive(Clone, Copy)]
struct Terms {
    count: usize,
    each: [(u32, f32); 2],
}

impl Terms {
    fn list(&self) -> &[(u32, f32)] {
        &self.each[..self.count]
    }

    fn times(mut self, factor: f32) -> Self {
        self.each.iter_mut().for_each(|(_, own)| *own *= factor);
        self
    }

    /// None if there would be a third element.
    fn plus(mut self, other: &Self) -> Option<Self> {
        for &(element, factor) in other.list() {
            match self.each[..self.count].iter_mut().find(|(own, _)| *own == element) {
                Some((_, own)) => *own += factor,
                None => {
                    *self.each.get_mut(self.count)? = (element, factor);
                    self.count += 1;
                }
            }
        }
        Some(self)
    }
}

/// A turn of `source`, whose elements stand in the same order.
struct Turn {
    source: ValueId,
    pairs: Pairs,
    /// How many of the last dimension's numbers are turned.
    turned: usize,
    /// Factors of an element and of the other one of its pair.
    own: Vec<f32>,
    other: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Pairs {
    Neighbours,
    Halves,
}

impl Pairs {
    /// The place of the other one of a pair.
    fn partner(self, place: usize, turned: usize) -> usize {
        match self {
            Self::Neighbours => place ^ 1,
            Self::Halves => (place + turned / 2) % turned,
        }
    }
}

/// Puts a convolution in the place of each node that ends a turn.
pub(super) fn recognise(mut source: Graph) -> Graph {
    let count = source.nodes.len();
    let mut found: Vec<Option<Turn>> = Vec::new();
    found.resize_with(count, || None);
    // From back to front, so that what is only a part of another turn is left to that.
    let mut inside = vec![false; count];
    for index in (0..count).rev() {
        if inside[index] {
            continue;
        }
        if let Some((turn, nodes)) = find(&source, index) {
            nodes.into_iter().for_each(|node| inside[node] = true);
            found[index] = Some(turn);
        }
    }
    let mut rebuild = Rebuild::new(&source);
    for (node, turn) in std::mem::take(&mut source.nodes).into_iter().zip(found) {
        match turn {
            None => rebuild.keep(node),
            Some(turn) => turn.build(&mut rebuild, &node),
        }
    }
    rebuild.finish(source)
}

/// Whether a node makes multiples and sums of elements and nothing else.
fn is_linear(node: &Node) -> bool {
    if node.fused.is_some() || node.grid.is_some() {
        return false;
    }
    match &node.operator {
        Operator::Add { subtract, constant } => subtract.len() > 1 && constant.is_empty(),
        Operator::Activation(Activation::Plain(Plain::Neg))
        | Operator::Concat { .. }
        | Operator::Reshape
        | Operator::Slice { .. }
        | Operator::Transpose { .. } => true,
        Operator::Conv { window, groups, layer: Layer::Real { weights, bias } } => {
            *window == Window::unit()
                && *groups == bias.len()
                && weights.len() == *groups
                && bias.iter().all(|&bias| bias == 0.0)
        }
        _ => false,
    }
}

/// The turn that a node ends, and the nodes that it is made of.
fn find(graph: &Graph, index: usize) -> Option<(Turn, Vec<usize>)> {
    let node = &graph.nodes[index];
    let joins = match &node.operator {
        Operator::Add { .. } => true,
        // Copies are no turn.
        Operator::Concat { .. } => node.inputs.windows(2).any(|pair| pair[0] != pair[1]),
        _ => false,
    };
    let size = node.shape.iter().product::<usize>();
    if !joins || !is_linear(node) || size > ELEMENTS {
        return None;
    }
    let mut inside = vec![index];
    let mut ends: Vec<ValueId> = Vec::new();
    let mut next = 0;
    while let Some(&at) = inside.get(next) {
        next += 1;
        for &input in &graph.nodes[at].inputs {
            match graph.producer(input).filter(|&before| is_linear(&graph.nodes[before])) {
                Some(before) if !inside.contains(&before) => inside.push(before),
                Some(_) => {}
                None if ends.contains(&input) => {}
                None => ends.push(input),
            }
        }
        if inside.len() > NODES || ends.len() > 1 {
            return None;
        }
    }
    let factors = |&at: &usize| matches!(graph.nodes[at].operator, Operator::Conv { .. });
    let &[end] = ends.as_slice() else { return None };
    if inside.iter().filter(|at| factors(at)).count() < 2
        || graph.shape(end).iter().product::<usize>() > ELEMENTS
    {
        return None;
    }
    inside.sort_unstable();
    let mut values = BTreeMap::new();
    let mut element = 0;
    let all = ArrayD::from_shape_simple_fn(graph.shape(end), || {
        element += 1;
        Terms { count: 1, each: [(element - 1, 1.0), (0, 0.0)] }
    });
    values.insert(end, all);
    for &at in &inside {
        let terms = terms(&graph.nodes[at], &values)?;
        values.insert(graph.result(at), terms);
    }
    let result = &values[&graph.result(index)];
    let turn = values.iter().find_map(|(&source, of)| turn(node, result, source, of))?;
    Some((turn, inside))
}

/// The elements of a node's result, given those of what it reads.
fn terms(node: &Node, values: &BTreeMap<ValueId, ArrayD<Terms>>) -> Option<ArrayD<Terms>> {
    let operands: Option<Vec<_>> = node.inputs.iter().map(|input| values.get(input)).collect();
    let operands = operands?;
    let &first = operands.first()?;
    Some(match &node.operator {
        Operator::Reshape => moves::reshape(first, &node.shape),
        Operator::Transpose { permutation } => moves::transpose(first, permutation),
        &Operator::Slice { axis, start, step } => {
            moves::slice(first, axis, start, step, node.shape[axis])
        }
        &Operator::Concat { axis } => moves::concat(&operands, axis),
        Operator::Activation(_) => first.mapv(|terms| terms.times(-1.0)),
        Operator::Conv { groups, layer, .. } => {
            let factors = layer.real_weights();
            let plane = (first.len() / groups).max(1);
            let each = first.iter().enumerate();
            moves::from_elements(
                &node.shape,
                each.map(|(at, terms)| terms.times(factors[at / plane])).collect(),
            )
        }
        Operator::Add { subtract, .. } => {
            let mut sum = first.mapv(|terms| terms.times(if subtract[0] { -1.0 } else { 1.0 }));
            for (&operand, &subtract) in operands.iter().zip(subtract).skip(1) {
                let sign = if subtract { -1.0 } else { 1.0 };
                for (sum, terms) in sum.iter_mut().zip(operand) {
                    *sum = sum.plus(&terms.times(sign))?;
                }
            }
            sum
        }
        _ => return None,
    })
}

/// What turns `source` into a node's result, if that is what it is.
fn turn(node: &Node, result: &ArrayD<Terms>, source: ValueId, of: &ArrayD<Terms>) -> Option<Turn> {
    let &last = node.shape.last()?;
    if of.len() != result.len() || last < 2 {
        return None;
    }
    // Which element of the end stands where in the source: each once.
    let mut places = BTreeMap::new();
    for (place, terms) in of.iter().enumerate() {
        let &[(element, 1.0)] = terms.list() else { return None };
        if places.insert(element, place).is_some() {
            return None;
        }
    }
    let turned = result.iter().take(last).filter(|terms| terms.count == 2).count();
    if turned < 2 || !turned.is_multiple_of(2) {
        return None;
    }
    [Pairs::Halves, Pairs::Neighbours].into_iter().find_map(|pairs| {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for (at, terms) in result.iter().enumerate() {
            let (row, place) = (at - at % last, at % last);
            let mut factors = [0.0; 2];
            for &(element, factor) in terms.list() {
                let from = *places.get(&element)?;
                let paired = place < turned && from == row + pairs.partner(place, turned);
                match (from == at, paired) {
                    (true, _) => factors[0] = factor,
                    (_, true) => factors[1] = factor,
                    _ => return None,
                }
            }
            if terms.count != if place < turned { 2 } else { 1 } {
                return None;
            }
            own.push(factors[0]);
            other.push(factors[1]);
        }
        let turn = Turn { source, pairs, turned, own, other };
        turn.is_round(last).then_some(turn)
    })
}

impl Turn {
    /// Whether all pairs are turned, and made larger or smaller by one number.
    fn is_round(&self, last: usize) -> bool {
        let both = self.own.iter().zip(&self.other).enumerate();
        let both = both.filter(|(at, _)| at % last < self.turned);
        let mut squares = both.map(|(_, (&own, &other))| {
            (f64::from(own) * f64::from(own) + f64::from(other) * f64::from(other), other)
        });
        let Some((first, _)) = squares.next() else { return false };
        let round =
            first > 0.0 && squares.clone().all(|(square, _)| (square / first - 1.0).abs() < SLACK);
        round && squares.any(|(_, other)| other != 0.0)
    }

    /// The nodes: for each element a row of two weights, shared by the heads of a position.
    fn build(self, rebuild: &mut Rebuild, node: &Node) {
        let source = rebuild.number(self.source);
        let size: usize = node.shape.iter().product();
        let &last = node.shape.last().unwrap_or(&1);
        let mut count = 0;
        let mut push = |inputs: Vec<ValueId>, operator: Operator, shape: Vec<usize>| {
            let name = format!("{}/turn{count}", node.name);
            let name =
                if matches!(operator, Operator::Conv { .. }) { node.name.clone() } else { name };
            count += 1;
            let value = node.value.clone();
            rebuild.push(Node { name, operator, fused: None, inputs, shape, value, grid: None })
        };
        let turned = self.turned;
        let rows = size / last;
        let flat = push(vec![source], Operator::Reshape, vec![rows, last]);
        let cut = |start: usize| Operator::Slice { axis: 1, start, step: 1 };
        let mut parts = match self.pairs {
            Pairs::Halves => {
                let half = turned / 2;
                let [low, high] =
                    [0, half].map(|start| push(vec![flat], cut(start), vec![rows, half]));
                vec![high, low]
            }
            Pairs::Neighbours => {
                let some =
                    if turned < last { push(vec![flat], cut(0), vec![rows, turned]) } else { flat };
                let shape = vec![rows, turned / 2, 2];
                let pairs = push(vec![some], Operator::Reshape, shape.clone());
                let swap = Operator::Slice { axis: 2, start: 1, step: -1 };
                let swapped = push(vec![pairs], swap, shape);
                vec![push(vec![swapped], Operator::Reshape, vec![rows, turned])]
            }
        };
        if turned < last {
            parts.push(push(vec![flat], cut(turned), vec![rows, last - turned]));
        }
        let partners = match parts[..] {
            [one] => one,
            _ => push(parts, Operator::Concat { axis: 1 }, vec![rows, last]),
        };
        // Heads that are turned alike are positions of one convolution.
        let period = self.period(&node.shape);
        let heads = size / period;
        let mut channels = |value: ValueId| {
            let mut value = push(vec![value], Operator::Reshape, vec![heads, period]);
            if heads > 1 {
                let swap = Operator::Transpose { permutation: vec![1, 0] };
                value = push(vec![value], swap, vec![period, heads]);
            }
            push(vec![value], Operator::Reshape, vec![1, period, heads, 1])
        };
        let sides = vec![channels(flat), channels(partners)];
        let pairs = push(sides, Operator::Concat { axis: 3 }, vec![1, period, heads, 2]);
        let factors = self.own.iter().zip(&self.other).take(period);
        let weights = factors.flat_map(|(&own, &other)| [own, other]).collect();
        let layer = Layer::Known { weights, bias: vec![0.0; period] };
        let window = Window { kernel: [1, 2], ..Window::unit() };
        let conv = Operator::Conv { window, groups: period, layer };
        let mut value = push(vec![pairs], conv, vec![1, period, heads, 1]);
        if heads > 1 {
            value = push(vec![value], Operator::Reshape, vec![period, heads]);
            let swap = Operator::Transpose { permutation: vec![1, 0] };
            value = push(vec![value], swap, vec![heads, period]);
        }
        let value = push(vec![value], Operator::Reshape, node.shape.clone());
        rebuild.renumbered.push(Some(value));
    }

    /// The fewest of the last dimensions' elements after which factors repeat.
    fn period(&self, shape: &[usize]) -> usize {
        let mut period = self.own.len();
        for &length in shape {
            let shorter = period / length.max(1);
            let repeats = |factors: &[f32]| {
                factors.iter().enumerate().all(|(at, x)| *x == factors[at % shorter])
            };
            if shorter == 0 || !repeats(&self.own) || !repeats(&self.other) {
                break;
            }
            period = shorter;
        }
        period
    }
}
