//! Element-wise operators that make a function of one number of one value, as one activation.
//!
//! Exporters spell functions out: a GELU in five to eight operators, each of which would be rounded
//! by itself. Whatever the operators are, if all that is read is one value and numbers that are the
//! same for every element, the result is a function of that value, and on integers a table.

use std::collections::{BTreeMap, BTreeSet};

use super::named::named;
use super::rebuild::{Rebuild, sweep};
use crate::float::activation::{Activation, Plain};
use crate::float::composed::{Composition, Step};
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::float::whole::Whole;
use crate::integer::graph::{ValueId, Window};
use crate::integer::signature::Grid;

/// Operators that are followed at most.
const LONGEST: usize = 64;

/// A node as a function of one value; without one, as the value itself.
struct Found {
    source: ValueId,
    function: Option<Activation>,
}

pub(super) fn compose(source: Graph) -> Graph {
    // Whole numbers are kept, whichever they are.
    let whole = kept(&source);
    let mut source = source;
    let consumers = source.consumers();
    let found: Vec<Option<Found>> = (0..source.nodes.len())
        .map(|index| {
            let value = source.result(index);
            let rows = rows(&source, &consumers[value]);
            let found =
                find(&source, index).filter(|_| whole.values[value].is_none() || rows.is_some())?;
            if let (Some(rows), Some(function)) = (rows, &found.function) {
                return leaves(function, rows).then_some(Found { function: None, ..found });
            }
            // What is whole stays so, and is not rounded.
            whole.values[found.source].is_none().then_some(found)
        })
        .collect();
    let mut rebuild = Rebuild::new(&source);
    for (node, found) in std::mem::take(&mut source.nodes).into_iter().zip(found) {
        match found {
            None => rebuild.keep(node),
            Some(found) => replace(&mut rebuild, node, found),
        }
    }
    sweep(rebuild.finish(source))
}

/// The rows of the tables that alone read a value as an index.
fn rows(graph: &Graph, readers: &[usize]) -> Option<usize> {
    let tables = readers.iter().map(|&reader| match &graph.nodes[reader].operator {
        Operator::Lookup { table } => {
            Some(table.len() / graph.nodes[reader].shape.last().copied().unwrap_or(1).max(1))
        }
        _ => None,
    });
    let tables: Vec<usize> = tables.collect::<Option<_>>()?;
    let &rows = tables.first()?;
    tables.iter().all(|other| *other == rows).then_some(rows)
}

/// Whether a function of an index means the same row of so many, also of one that is negative,
/// which counts from the end: Keras spells that out.
fn leaves(function: &Activation, rows: usize) -> bool {
    let same = |row: usize| {
        let (index, back) = (row as f64, row as f64 - rows as f64);
        let found = function.apply(back);
        function.apply(index) == index && (found == back || found == index)
    };
    (0..rows).all(same)
}

/// Which values are whole, as if the integers that are not known were few.
fn kept(graph: &Graph) -> Whole {
    const FEW: Option<[i64; 2]> = Some([-1, 1]);
    let input = |grid: Option<Grid>| FEW.filter(|_| grid.is_some_and(|grid| grid.is_whole()));
    Whole::of(graph, graph.inputs.iter().map(|i| input(i.grid)).collect(), |_| FEW)
}

fn replace(rebuild: &mut Rebuild, node: Node, found: Found) {
    let input = rebuild.number(found.source);
    let shape = rebuild.graph.shape(input).to_vec();
    let operator = found.function.map_or(Operator::Reshape, Operator::Activation);
    let reshaped = shape != node.shape;
    let one = Node { operator, inputs: vec![input], shape, ..node.clone() };
    let mut value = rebuild.push(one);
    if reshaped {
        let name = format!("{}/shape", node.name);
        let view = Node { name, operator: Operator::Reshape, inputs: vec![value], ..node };
        value = rebuild.push(view);
    }
    rebuild.renumbered.push(Some(value));
}

/// The earliest value that a node is a function of, if that takes more than one operator.
fn find(graph: &Graph, index: usize) -> Option<Found> {
    let node = &graph.nodes[index];
    if node.operator == Operator::Reshape {
        return None;
    }
    let root = graph.result(index);
    let mut open = BTreeSet::from([root]);
    let mut within = Vec::new();
    let mut best = None;
    let mut operators = 0;
    // What computes a value comes before it, so the last one open is read by nothing else open.
    while let Some(value) = open.pop_last() {
        let Some(at) = graph.producer(value) else { break };
        let node = &graph.nodes[at];
        if within.len() == LONGEST || (number(graph, value).is_none() && !is_elementwise(node)) {
            break;
        }
        within.push(value);
        // What numbers are made of is of no interest.
        if number(graph, value).is_none() {
            operators += usize::from(node.operator != Operator::Reshape);
            open.extend(&node.inputs);
        }
        if let (Some(&single), 1) = (open.first(), open.len())
            && operators > 1
        {
            best = Some((single, within.len()));
        }
    }
    let (source, length) = best?;
    within.truncate(length);
    within.reverse();
    let mut bends = within.iter().filter_map(|&value| graph.producer(value));
    if !bends.any(|at| bends_lines(&graph.nodes[at])) {
        return None;
    }
    let function = named(composition(graph, source, &within)?);
    Some(Found { source, function: Some(function) })
}

/// The number that all numbers are.
fn same(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers = numbers.into_iter();
    let first = numbers.next()?;
    (first.is_finite() && numbers.all(|x| x == first)).then_some(first)
}

/// The number that all elements of a value are, if that is known.
fn number(graph: &Graph, mut value: ValueId) -> Option<f64> {
    for _ in 0..LONGEST {
        let node = &graph.nodes[graph.producer(value)?];
        let copies = node.inputs.windows(2).all(|pair| pair[0] == pair[1]);
        match &node.operator {
            Operator::Constant(numbers) => return same(numbers.iter().copied()),
            Operator::Concat { .. } if copies => value = *node.inputs.first()?,
            operator if operator.is_view() => value = *node.inputs.first()?,
            _ => return None,
        }
    }
    None
}

/// `factor·x + offset`, one for all elements.
fn affine(operator: &Operator) -> Option<[f64; 2]> {
    let Operator::Conv { window, groups, layer: Layer::Real { weights, bias } } = operator else {
        return None;
    };
    let single = *window == Window::unit() && weights.len() == *groups;
    let each = |numbers: &[f32]| same(numbers.iter().map(|&x| f64::from(x)));
    Some([each(weights)?, each(bias)?]).filter(|_| single)
}

/// The number that a sum adds.
fn added(constant: &[f64]) -> Option<f64> {
    if constant.is_empty() { Some(0.0) } else { same(constant.iter().copied()) }
}

/// Whether each element of a node's result is made of the elements at its place alone, and in the
/// same way. What a file rounds is a node of its own here, and none of these.
fn is_elementwise(node: &Node) -> bool {
    match &node.operator {
        Operator::Reshape => true,
        Operator::Activation(_) | Operator::Product | Operator::Binary(_) | Operator::Select => {
            true
        }
        Operator::Add { constant, .. } => added(constant).is_some(),
        operator => affine(operator).is_some(),
    }
}

/// Whether it is more than a factor and a sum, and what saturates: rescaling does these anyway.
fn bends_lines(node: &Node) -> bool {
    match &node.operator {
        Operator::Activation(Activation::Plain(Plain::Neg)) => false,
        Operator::Activation(activation) => activation.clip().is_none(),
        Operator::Product | Operator::Binary(_) | Operator::Select => true,
        _ => false,
    }
}

/// The steps from a value to the last of those computed from it.
fn composition(
    graph: &Graph,
    source: ValueId,
    within: &[ValueId],
) -> Option<Composition<Activation>> {
    let mut composition = Composition::default();
    let argument = composition.push(Step::Argument);
    let mut steps = BTreeMap::from([(source, argument)]);
    for &value in within {
        let node = &graph.nodes[graph.producer(value)?];
        let read = |place: usize| steps.get(node.inputs.get(place)?).copied();
        if let Some(number) = number(graph, value) {
            steps.insert(value, composition.push(Step::Number(number)));
            continue;
        }
        let step = match &node.operator {
            Operator::Reshape => {
                let of = read(0)?;
                steps.insert(value, of);
                continue;
            }
            Operator::Add { subtract, constant } => {
                let terms = subtract.iter().enumerate();
                let terms = terms.map(|(place, &subtract)| Some((read(place)?, subtract)));
                Step::Sum(terms.collect::<Option<_>>()?, added(constant)?)
            }
            Operator::Activation(activation) => Step::Apply(activation.clone(), read(0)?),
            Operator::Product => Step::Product(read(0)?, read(1)?),
            Operator::Binary(operator) => Step::Binary(*operator, read(0)?, read(1)?),
            Operator::Select => Step::Select([read(0)?, read(1)?, read(2)?]),
            operator => {
                let [factor, offset] = affine(operator)?;
                Step::Affine { of: read(0)?, factor, offset }
            }
        };
        steps.insert(value, composition.push(step));
    }
    Some(composition)
}
