//! Einsum: diagonals, sums, and products of matrices, two operands after two.

use super::linear::matrix_product;
use super::reduce::{Reduction, over};
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

pub(super) const OPERATORS: &[Registration] = &[Registration::new("Einsum", &["equation"], einsum)];

/// An operand and a label for each of its dimensions.
struct Term {
    operand: Operand,
    labels: Vec<char>,
}

/// The labels of operands and result; dimensions under an ellipsis are numbered from the back.
fn labels(equation: &str, ranks: &[usize]) -> Result<(Vec<Vec<char>>, Vec<char>), Stop> {
    let wrong = || Stop::Because(format!("attribute `equation` is {equation:?}"));
    let text: String = equation.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let parts: Vec<&str> = left.split(',').collect();
    if parts.len() != ranks.len() {
        return Err(wrong());
    }
    let hidden = |count: usize| (0..count).rev().map(|place| char::from(b'0' + place as u8));
    let letters = |part: &str| part.replace("...", "").chars().count();
    let mut most = 0;
    let mut operands = Vec::new();
    for (part, &rank) in parts.iter().zip(ranks) {
        let more = rank.checked_sub(letters(part)).filter(|&more| more < 9).ok_or_else(wrong)?;
        if more > 0 && !part.contains("...") {
            return Err(wrong());
        }
        most = most.max(more);
        operands.push(spelled(part, hidden(more).collect()));
    }
    let result = match right {
        Some(right) => spelled(right, hidden(most).collect()),
        None => {
            // Labels that occur once, in alphabetical order, behind those of the ellipsis.
            let all: Vec<char> = operands.concat();
            let mut once: Vec<char> = all
                .iter()
                .copied()
                .filter(|x| x.is_alphabetic() && all.iter().filter(|y| *y == x).count() == 1)
                .collect();
            once.sort_unstable();
            hidden(most).chain(once).collect()
        }
    };
    let known = result.iter().all(|label| operands.iter().any(|labels| labels.contains(label)));
    let distinct = (1..result.len()).all(|place| !result[..place].contains(&result[place]));
    let letters = operands.iter().flatten().all(|label| label.is_ascii_alphanumeric());
    if known && distinct && letters { Ok((operands, result)) } else { Err(wrong()) }
}

fn spelled(part: &str, hidden: Vec<char>) -> Vec<char> {
    match part.split_once("...") {
        Some((before, after)) => before.chars().chain(hidden).chain(after.chars()).collect(),
        None => part.chars().collect(),
    }
}

fn einsum<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let equation = call.string("equation", "")?;
    let mut operands = Vec::new();
    for index in 0..call.node.input.len() {
        operands.push(importer.operand(call, index)?);
    }
    let ranks: Vec<usize> =
        operands.iter().map(|operand| importer.shape_of(operand).len()).collect();
    let (labels, result) = labels(&equation, &ranks)?;
    let mut terms: Vec<Term> = operands
        .into_iter()
        .zip(labels)
        .map(|(operand, labels)| Term { operand, labels })
        .collect();
    terms.reverse();
    let mut first = match terms.pop() {
        Some(first) => alone(importer, call, first)?,
        None => return Err(Stop::because("it has no operands")),
    };
    loop {
        // What nothing else mentions is summed up first.
        let mentioned = |label: &char| {
            result.contains(label) || terms.iter().any(|term| term.labels.contains(label))
        };
        let kept: Vec<char> = first.labels.iter().copied().filter(mentioned).collect();
        let Some(second) = terms.pop() else {
            first = summed(importer, call, first, &kept)?;
            break;
        };
        let second = alone(importer, call, second)?;
        let outside = |label: &char| {
            result.contains(label) || terms.iter().any(|term| term.labels.contains(label))
        };
        let both = |label: &char| outside(label) || first.labels.contains(label);
        let right: Vec<char> = second.labels.iter().copied().filter(both).collect();
        let first_kept: Vec<char> = first
            .labels
            .iter()
            .copied()
            .filter(|label| outside(label) || second.labels.contains(label))
            .collect();
        let outside: Vec<char> =
            first_kept.iter().chain(&right).copied().filter(|label| outside(label)).collect();
        let second = summed(importer, call, second, &right)?;
        first = summed(importer, call, first, &first_kept)?;
        first = product(importer, call, [first, second], &outside)?;
    }
    let shape = importer.shape_of(&first.operand);
    let value = importer.value(call, first.operand, &shape)?;
    let order = result.iter().filter_map(|label| first.labels.iter().position(|x| x == label));
    let order: Vec<usize> = order.collect();
    if order.len() != shape.len() {
        return Err(Stop::Because(format!("attribute `equation` is {equation:?}")));
    }
    let value = importer.transpose(call, value, order)?;
    importer.define(call, value)
}

/// A term whose labels are distinct: of dimensions with one label the diagonal is left.
fn alone<'a>(importer: &mut Importer<'a>, call: &Call<'a>, term: Term) -> Result<Term, Stop> {
    let Term { mut operand, mut labels } = term;
    while let Some((first, second)) = (0..labels.len()).find_map(|second| {
        let first = labels[..second].iter().position(|label| *label == labels[second])?;
        Some((first, second))
    }) {
        let shape = importer.shape_of(&operand);
        let length = shape[first];
        if shape[second] != length {
            return Err(Stop::Because(format!(
                "a diagonal of {length} by {} elements",
                shape[second]
            )));
        }
        let value = importer.value(call, operand, &shape)?;
        let others = (0..shape.len()).filter(|&axis| axis != first && axis != second);
        let order: Vec<usize> = others.chain([first, second]).collect();
        let moved = importer.transpose(call, value, order.clone())?;
        let mut flat: Vec<usize> =
            order[..order.len() - 2].iter().map(|&axis| shape[axis]).collect();
        flat.push(length * length);
        let axis = flat.len() - 1;
        let flat_value = importer.reshape(call, moved, flat.clone())?;
        flat[axis] = length;
        let slice = Operator::Slice { axis, start: 0, step: length as isize + 1 };
        operand = Operand::Computed(importer.push(call, slice, vec![flat_value], flat)?);
        labels = order[..order.len() - 1].iter().map(|&axis| labels[axis]).collect();
    }
    Ok(Term { operand, labels })
}

/// A term without the labels that are not kept: their dimensions are summed up.
fn summed<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    term: Term,
    kept: &[char],
) -> Result<Term, Stop> {
    let reduced: Vec<bool> = term.labels.iter().map(|label| !kept.contains(label)).collect();
    if !reduced.contains(&true) {
        return Ok(term);
    }
    let shape = importer.shape_of(&term.operand);
    let value = importer.value(call, term.operand, &shape)?;
    let sum = over(importer, call, value, &reduced, Reduction::Sum)?;
    let left = shape.iter().zip(&reduced).filter(|(_, reduced)| !**reduced);
    let left = left.map(|(&length, _)| length).collect();
    let value = importer.reshape(call, sum, left)?;
    let labels = term.labels.iter().zip(&reduced).filter(|(_, reduced)| !**reduced);
    Ok(Term {
        operand: Operand::Computed(value),
        labels: labels.map(|(&label, _)| label).collect(),
    })
}

/// The product of two terms, summed over labels of both that are not among those `outside`.
fn product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    [left, right]: [Term; 2],
    outside: &[char],
) -> Result<Term, Stop> {
    let shapes = [importer.shape_of(&left.operand), importer.shape_of(&right.operand)];
    let place = |labels: &[char], label: char| labels.iter().position(|x| *x == label);
    let length = |side: usize, label: char| {
        let labels = if side == 0 { &left.labels } else { &right.labels };
        place(labels, label).map_or(1, |axis| shapes[side][axis])
    };
    let shared = |label: &&char| right.labels.contains(label);
    let batch: Vec<char> = left
        .labels
        .iter()
        .filter(shared)
        .filter(|label| outside.contains(label))
        .copied()
        .collect();
    let terms: Vec<char> = left
        .labels
        .iter()
        .filter(shared)
        .filter(|label| !outside.contains(label))
        .copied()
        .collect();
    let rows: Vec<char> = left.labels.iter().filter(|label| !shared(label)).copied().collect();
    let columns: Vec<char> =
        right.labels.iter().filter(|label| !left.labels.contains(label)).copied().collect();
    // Dimensions of one element under an ellipsis broadcast.
    let wide = |label: char| length(0, label).max(length(1, label));
    let count = |labels: &[char]| labels.iter().map(|&label| wide(label)).product::<usize>();
    let mut operands = Vec::new();
    for (side, (term, order)) in [
        (left.operand, [&batch[..], &rows, &terms].concat()),
        (right.operand, [&batch[..], &terms, &columns].concat()),
    ]
    .into_iter()
    .enumerate()
    {
        let labels = if side == 0 { &left.labels } else { &right.labels };
        let axes: Vec<usize> = order.iter().filter_map(|&label| place(labels, label)).collect();
        let full: Vec<usize> = order.iter().map(|&label| wide(label)).collect();
        let matrix = match side {
            0 => vec![count(&batch), count(&rows), count(&terms)],
            _ => vec![count(&batch), count(&terms), count(&columns)],
        };
        importer.fits(&matrix)?;
        let moved: Vec<usize> = axes.iter().map(|&axis| shapes[side][axis]).collect();
        operands.push(match term {
            Operand::Constant(constant) if moved == full => {
                Operand::Constant(constant.transpose(&axes).reshape(&matrix).into())
            }
            term => {
                let value = importer.value(call, term, &shapes[side])?;
                let value = importer.transpose(call, value, axes)?;
                let value = importer.expand(call, value, &full)?;
                Operand::Computed(importer.reshape(call, value, matrix)?)
            }
        });
    }
    let value = multiplied(importer, call, operands)?;
    let labels = [batch, rows, columns].concat();
    let shape = labels.iter().map(|&label| wide(label)).collect();
    let value = importer.reshape(call, value, shape)?;
    Ok(Term { operand: Operand::Computed(value), labels })
}

/// The product of two stacks of matrices `[B, R, T]` and `[B, T, C]`, one of them maybe constant.
fn multiplied<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    mut operands: Vec<Operand>,
) -> Result<ValueId, Stop> {
    let (Some(right), Some(left)) = (operands.pop(), operands.pop()) else {
        return Err(Stop::because("it has no operands"));
    };
    let shapes = [importer.shape_of(&left), importer.shape_of(&right)];
    let single = shapes[0][1] == 1 && shapes[0][2] == 1 && shapes[1][2] == 1;
    match (left, right) {
        (Operand::Computed(a), Operand::Computed(b)) if single => importer.multiply(call, [a, b]),
        // A stack of constant matrices stands on the right.
        (Operand::Constant(left), Operand::Computed(right)) => {
            let left = Operand::Constant(left.transpose(&[0, 2, 1]).into());
            let right = Operand::Computed(importer.transpose(call, right, vec![0, 2, 1])?);
            let value = matrix_product(importer, call, right, left)?;
            importer.transpose(call, value, vec![0, 2, 1])
        }
        (Operand::Constant(left), right @ Operand::Constant(_)) => {
            let left = importer.value(call, Operand::Constant(left), &shapes[0])?;
            matrix_product(importer, call, Operand::Computed(left), right)
        }
        (left, right) => matrix_product(importer, call, left, right),
    }
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn equations_name_dimensions() {
        let read = |equation: &str, ranks: &[usize]| {
            let (operands, result) = labels(equation, ranks).ok()?;
            let operands: Vec<String> =
                operands.iter().map(|labels| labels.iter().collect()).collect();
            Some((operands, result.iter().collect::<String>()))
        };
        let named = |operands: &[&str], result: &str| {
            Some((operands.iter().map(|&x| x.to_owned()).collect(), result.to_owned()))
        };
        assert_eq!(read("bij, bjk -> bik", &[3, 3]), named(&["bij", "bjk"], "bik"));
        assert_eq!(read("...ii ->...i", &[3]), named(&["0ii"], "0i"));
        assert_eq!(read("...a,b", &[3, 1]), named(&["10a", "b"], "10ab"));
        assert_eq!(read("i,i", &[1, 1]), named(&["i", "i"], ""));
        for (equation, ranks) in [("ij->k", &[2][..]), ("ij", &[3]), ("i,j", &[1]), ("i->ii", &[1])]
        {
            assert_eq!(read(equation, ranks), None, "{equation}");
        }
    }
}
