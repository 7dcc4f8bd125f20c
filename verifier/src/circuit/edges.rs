//! Who reads what: laws about a description's edges that shapes and intervals do not show. Each is
//! checked in one pass over the edges.

use crate::circuit::description::{
    Choice, Description, Function, FunctionId, Operator, Source, Visibility,
};
use crate::error::DescriptionError as Error;

/// An input that is not public has the cells of the node that stands for it: without one nothing
/// would be known of it, and two would stand for two tensors.
pub fn nodes_of_inputs(description: &Description) -> Result<(), Error> {
    let mut nodes = vec![0usize; description.inputs.len()];
    for node in &description.nodes {
        if let Some(index) = node.operator.input() {
            nodes.get_mut(index).into_iter().for_each(|count| *count = count.saturating_add(1));
        }
    }
    for (input, nodes) in description.inputs.iter().zip(nodes) {
        let what = match (input.visibility, nodes) {
            (_, 0) => "no node stands for this input",
            (Visibility::Public, _) | (_, 1) => continue,
            _ => "two nodes stand for this hidden input",
        };
        return Err(Error::Shape { node: input.name.clone(), what });
    }
    Ok(())
}

/// One encoding for each description: functions stand in the order in which requantisations first
/// read them, each is read, and no two are equal.
pub fn functions(description: &Description) -> Result<(), Error> {
    let functions = &description.functions;
    let mut met = 0usize;
    for node in &description.nodes {
        let Operator::Requantise(requantise) = &node.operator else { continue };
        let number = requantise.function;
        if number > met {
            return Err(Error::FunctionOrder { node: node.name.clone(), number, next: met });
        }
        met = met.max(number.saturating_add(1));
    }
    if met < functions.len() {
        return Err(Error::FunctionUnread { number: met });
    }
    let mut sorted: Vec<(&Function, FunctionId)> = functions.iter().zip(0..).collect();
    sorted.sort_unstable();
    let equal = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, other)| one.0 == other.0);
    match equal {
        Some(((_, first), (_, again))) => {
            Err(Error::FunctionTwice { first: *first, again: *again })
        }
        None => Ok(()),
    }
}

/// Every input reaches an output: what is claimed of the outputs is claimed of all inputs, and a
/// segment of a chain goes on from all that it is given. Of next ids that are hidden, checks are
/// claimed too: no gap between the likeliest id and another is negative.
pub fn every_input_counts(description: &Description) -> Result<(), Error> {
    let mut live = vec![false; description.nodes.len()];
    let mark = |live: &mut [bool], node: usize| {
        live.get_mut(node).into_iter().for_each(|live| *live = true)
    };
    for output in &description.outputs {
        mark(&mut live, output.source.node());
    }
    let mut read = vec![false; description.inputs.len()];
    let greedy = description.outputs.iter().filter_map(|output| output.source.greedy());
    for greedy in greedy {
        greedy.inputs().into_iter().for_each(|input| mark(&mut read, input));
        if let Choice::Hidden { .. } = greedy.choice {
            let checks = description.nodes.iter().enumerate().filter(|(_, node)| {
                let Operator::Bounded(bounded) = &node.operator else { return false };
                matches!(bounded.source, Source::Equal { .. })
            });
            checks.for_each(|(node, _)| mark(&mut live, node));
        }
    }
    for (id, node) in description.nodes.iter().enumerate().rev() {
        if !live.get(id).copied().unwrap_or(false) {
            continue;
        }
        node.operator.operands().for_each(|operand| mark(&mut live, operand));
        if let Some(index) = node.operator.input() {
            mark(&mut read, index);
        }
    }
    match description.inputs.iter().zip(read).find(|(_, read)| !read) {
        Some((input, _)) => {
            Err(Error::Shape { node: input.name.clone(), what: "no output depends on this input" })
        }
        None => Ok(()),
    }
}

/// How a node is read.
#[derive(Clone, Copy)]
enum Reading {
    /// Not at all.
    Unread,
    /// Once, by one equation: that of a node with cells or of an output, perhaps through sums that
    /// are read so.
    ByOneEquation,
    /// In any other way.
    Otherwise,
}

/// Every bilinear node must reach exactly one equation, so that its cotangent is that equation's,
/// of rank one: read once, perhaps through sums, by a requantisation, a copy or an output.
pub fn products(description: &Description) -> Result<(), Error> {
    let mut readings = vec![Reading::Unread; description.nodes.len()];
    let read = |readings: &mut [Reading], node: usize, by: Reading| {
        readings.get_mut(node).into_iter().for_each(|reading| {
            *reading = if matches!(reading, Reading::Unread) { by } else { Reading::Otherwise };
        });
    };
    for output in &description.outputs {
        let by = if output.source.is_index() { Reading::Otherwise } else { Reading::ByOneEquation };
        read(&mut readings, output.source.node(), by);
    }
    // Operands stand before their readers, so whoever reads a node has been met.
    for (id, node) in description.nodes.iter().enumerate().rev() {
        let reading = readings.get(id).copied().unwrap_or(Reading::Unread);
        if node.operator.has_one_reader() && !matches!(reading, Reading::ByOneEquation) {
            let what = "a product of committed values is read by exactly one requantisation, copy \
                or output; put a copy behind it";
            return Err(Error::Shape { node: node.name.clone(), what });
        }
        let by = match (&node.operator, reading) {
            (
                Operator::Requantise(_)
                | Operator::Copy(_)
                | Operator::Bounded(_)
                | Operator::Hadamard(_),
                _,
            ) => Reading::ByOneEquation,
            (Operator::Combine(_), Reading::ByOneEquation) => Reading::ByOneEquation,
            _ => Reading::Otherwise,
        };
        node.operator.operands().for_each(|operand| read(&mut readings, operand, by));
    }
    Ok(())
}
