//! Masks of a softmax that are known: what a row does not see is not computed.

use std::borrow::Cow;

use super::rewriting::Rewriting;
use crate::float::graph::{Graph, Node, Operator};

/// What is added to scores that do not count: 16-bit exporters write −10000, others the lowest
/// number that they have, or −∞.
const HIDES: f64 = -9000.0;
/// Scores between which no mask is seen.
const PLAIN: f64 = 1000.0;
/// Steps of broadcasting that are followed: a reshape, and copies along each dimension.
const LONGEST: usize = 16;

pub(super) fn run(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        rewriting.visit(index);
        let is_softmax = matches!(&rewriting.graph.nodes[index].operator, Operator::Softmax { .. });
        if !is_softmax {
            continue;
        }
        straight(rewriting, index);
        let Some(before) = rewriting.only_producer(index) else {
            continue;
        };
        if matches!(&rewriting.graph.nodes[before].operator,
            Operator::Add { subtract, .. } if subtract.len() == 1)
        {
            straight(rewriting, before);
        }
        let Some((visible, rest, source)) = mask(&rewriting.graph, &rewriting.graph.nodes[before])
        else {
            continue;
        };
        rewriting.graph.nodes[index].operator = Operator::Softmax { visible };
        match rest {
            None => {
                rewriting.read_instead(index, source);
                straight(rewriting, index);
            }
            Some(constant) => {
                let node = &mut rewriting.graph.nodes[before];
                node.operator = Operator::Add { subtract: vec![false], constant };
                rewriting.read_instead(before, source);
            }
        }
    }
}

/// Makes a node read what reshapes there and back again have led to.
fn straight(rewriting: &mut Rewriting, index: usize) {
    let graph = &rewriting.graph;
    let mut value = graph.nodes[index].inputs[0];
    let shape = graph.shape(value);
    let mut found = None;
    while let Some(node) = graph.producer(value).map(|producer| &graph.nodes[producer])
        && let (Operator::Reshape, &[input]) = (&node.operator, node.inputs.as_slice())
    {
        value = input;
        if graph.shape(value) == shape {
            found = Some(value);
        }
    }
    if let Some(value) = found {
        rewriting.read_instead(index, value);
    }
}

/// What a row sees, what else is added to its scores, and the scores.
fn mask(graph: &Graph, node: &Node) -> Option<(Vec<bool>, Option<Vec<f64>>, usize)> {
    let (added, source) = match (&node.operator, node.inputs.as_slice()) {
        (Operator::Add { subtract, constant }, &[source]) if subtract[..] == [false] => {
            (constant.clone(), source)
        }
        (Operator::Select, &[condition, yes, no]) => chosen(graph, condition, yes, no)?,
        _ => return None,
    };
    let [.., rows, columns] = node.shape[..] else { return None };
    let size = rows * columns;
    let mut visible: Vec<bool> = added.iter().take(size).map(|&x| x > HIDES).collect();
    let same = added.iter().enumerate().all(|(at, &x)| (x > HIDES) == visible[at % size]);
    let plain = added.iter().all(|&x| x <= HIDES || x.abs() <= PLAIN);
    // One number that is added to all of a row hides nothing of it.
    let adds = matches!(node.operator, Operator::Add { .. });
    for row in (0..rows).filter(|_| adds) {
        let begin = row * columns;
        let mut each = added.chunks(size).map(|matrix| &matrix[begin..begin + columns]);
        if each.all(|row| row.iter().all(|&x| x == row[0] && x.is_finite())) {
            visible[begin..begin + columns].fill(true);
        }
    }
    let sees = visible.chunks(columns).all(|row| row.contains(&true));
    if !same || !plain || !sees || visible.iter().all(|&sees| sees) {
        return None;
    }
    let rest: Vec<f64> = added.iter().map(|&x| if x > HIDES { x } else { 0.0 }).collect();
    let rest = rest.iter().any(|&x| x != 0.0).then_some(rest);
    Some((visible, rest, source))
}

/// A choice, by known conditions, between scores and a known number that hides them, as what is
/// added to the scores.
fn chosen(graph: &Graph, condition: usize, yes: usize, no: usize) -> Option<(Vec<f64>, usize)> {
    let known = |value| known(graph, value, LONGEST);
    let condition = known(condition)?;
    let (hidden, source, hides) = match (known(yes), known(no)) {
        (Some(hidden), None) => (hidden, no, true),
        (None, Some(hidden)) => (hidden, yes, false),
        _ => return None,
    };
    let added = condition.iter().zip(hidden.iter()).map(|(&condition, &hidden)| {
        match (condition != 0.0) == hides {
            true if hidden <= HIDES => Some(hidden),
            true => None,
            false => Some(0.0),
        }
    });
    Some((added.collect::<Option<_>>()?, source))
}

/// The numbers of a constant, or of one that is broadcast, in their shape.
fn known(graph: &Graph, value: usize, steps: usize) -> Option<Cow<'_, [f64]>> {
    let node = &graph.nodes[graph.producer(value)?];
    let copies = node.inputs.windows(2).all(|pair| pair[0] == pair[1]);
    let source = || Some((*node.inputs.first()?, steps.checked_sub(1)?));
    match &node.operator {
        Operator::Constant(numbers) => Some(Cow::Borrowed(numbers)),
        Operator::Reshape => source().and_then(|(input, steps)| known(graph, input, steps)),
        &Operator::Concat { axis } if copies => {
            let (input, steps) = source()?;
            let block = graph.shape(input)[axis..].iter().product::<usize>().max(1);
            let numbers = known(graph, input, steps)?;
            let copied = numbers.chunks(block).flat_map(|block| block.repeat(node.inputs.len()));
            Some(Cow::Owned(copied.collect()))
        }
        _ => None,
    }
}
