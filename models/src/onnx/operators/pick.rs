//! Computed data at computed indices: each index becomes a row with a single one, and these rows
//! multiply the data.

use super::matmul;
use crate::float::binary::BinaryOperator;
use crate::float::graph::Operator;
use crate::float::whole::Whole;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;
use crate::onnx::build::importer::{Importer, Operand};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

/// Gather: rows of a dimension of the data, in the shape of the indices.
pub(super) fn rows<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    [data, index]: [ValueId; 2],
    axis: usize,
) -> Result<ValueId, Stop> {
    let (shape, places) =
        (importer.graph.shape(data).to_vec(), importer.graph.shape(index).to_vec());
    let [count, outer, inner] =
        [&places, &shape[..axis], &shape[axis + 1..]].map(|part| part.iter().product::<usize>());
    let order = [&[axis][..], &others(shape.len(), &[axis])].concat();
    let data = importer.transpose(call, data, order)?;
    let data = importer.reshape(call, data, vec![shape[axis], outer * inner])?;
    let index = importer.reshape(call, index, vec![count])?;
    let value = chosen(importer, call, data, index)?;
    let value = importer.reshape(call, value, vec![count, outer, inner])?;
    let value = importer.transpose(call, value, vec![1, 0, 2])?;
    importer.reshape(call, value, [&shape[..axis], &places, &shape[axis + 1..]].concat())
}

/// GatherElements: an index for each element. Where it is the same along a dimension, as exporters
/// have it who repeat an index for every column, the elements along it are chosen together.
pub(super) fn elements<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    [mut data, index]: [ValueId; 2],
    axis: usize,
) -> Result<ValueId, Stop> {
    let (shape, places) =
        (importer.graph.shape(data).to_vec(), importer.graph.shape(index).to_vec());
    let fits = places.len() == shape.len()
        && (0..shape.len()).all(|other| other == axis || places[other] <= shape[other]);
    if !fits {
        return Err(Stop::Because(format!(
            "indices of shape {places:?} for shape {shape:?} and axis {axis}"
        )));
    }
    for other in others(shape.len(), &[axis]) {
        data = importer.gather(call, data, other, &(0..places[other]).collect::<Vec<_>>())?;
    }
    let index = unrepeated(importer, index);
    let single = importer.graph.shape(index).to_vec();
    let apart: Vec<usize> =
        others(shape.len(), &[axis]).into_iter().filter(|&other| single[other] > 1).collect();
    let order = [&apart[..], &[axis]].concat();
    let together = others(shape.len(), &order);
    let order = [order, together.clone()].concat();
    let stacks: Vec<usize> = apart.iter().map(|&other| single[other]).collect();
    let columns: usize = together.iter().map(|&other| places[other]).product();
    let data = importer.transpose(call, data, order.clone())?;
    let data = importer.reshape(call, data, [&stacks[..], &[shape[axis], columns]].concat())?;
    let index = importer.transpose(call, index, order.clone())?;
    let index = importer.reshape(call, index, [&stacks[..], &[single[axis]]].concat())?;
    let value = chosen(importer, call, data, index)?;
    let rest = together.iter().map(|&other| places[other]);
    let moved = stacks.iter().copied().chain([single[axis]]).chain(rest).collect();
    let value = importer.reshape(call, value, moved)?;
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(from, &to)| back[to] = from);
    let value = importer.transpose(call, value, back)?;
    importer.expand(call, value, &places)
}

/// GatherND by tuples of one index: blocks of the dimension behind the batches.
pub(super) fn blocks<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    [data, index]: [ValueId; 2],
    batches: usize,
) -> Result<ValueId, Stop> {
    let (shape, places) =
        (importer.graph.shape(data).to_vec(), importer.graph.shape(index).to_vec());
    let (outer, inner) = match (&places[..], shape.get(batches..)) {
        ([outer @ .., 1], Some([_, inner @ ..])) if outer.starts_with(&shape[..batches]) => {
            (outer.to_vec(), inner.to_vec())
        }
        _ => {
            return Err(Stop::Because(format!(
                "its indices are computed: tuples of shape {places:?} for shape {shape:?}, \
                {batches} of its dimensions batches, expected tuples of one"
            )));
        }
    };
    let stacks = &shape[..batches];
    let count = outer[batches..].iter().product();
    let columns = inner.iter().product();
    let data = importer.reshape(call, data, [stacks, &[shape[batches], columns]].concat())?;
    let index = importer.reshape(call, index, [stacks, &[count]].concat())?;
    let value = chosen(importer, call, data, index)?;
    importer.reshape(call, value, [outer, inner].concat())
}

/// `[.., length, columns]` at `[.., count]` gives `[.., count, columns]`.
fn chosen<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    data: ValueId,
    index: ValueId,
) -> Result<ValueId, Stop> {
    let (shape, axis) = (importer.graph.shape(data), importer.graph.shape(index).len());
    let length = shape[axis - 1];
    exact(importer, call, 1, index)?;
    let ones = one_hot(importer, call, index, length, axis)?;
    let grid = importer.grid(data);
    let shape = matmul::shape(importer, [ones, data])?;
    let operator = Operator::MatMul { factor: 1.0, one_hot: true };
    importer.push_on(call, operator, vec![ones, data], shape, grid)
}

/// Refuses indices that are rounded: quantised, 1 is a little less than 1, and the index another.
pub(super) fn exact<'a>(
    importer: &Importer<'a>,
    call: &Call<'a>,
    operand: usize,
    index: ValueId,
) -> Result<(), Stop> {
    if importer.is_integer(call, operand) || importer.grid(index).is_some_and(|g| g.is_whole()) {
        return Ok(());
    }
    Err(Stop::because(
        "its indices are floating point numbers, and an index has to be exact; make them integers \
        (an input of INT64, or Cast in front of what computes them)",
    ))
}

/// Each index compared with all that a dimension of this length has, along a dimension of their
/// own. One beyond them is none of them.
pub(super) fn one_hot<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    index: ValueId,
    length: usize,
    axis: usize,
) -> Result<ValueId, Stop> {
    let ends = importer.grid(index).filter(Grid::is_whole).map(|grid| [grid.minimum, grid.maximum]);
    let ends = ends.or_else(|| Whole::at_import(&importer.graph).values[index]);
    let mut single = importer.graph.shape(index).to_vec();
    single.insert(axis, 1);
    let (mut shape, mut classes) = (single.clone(), vec![1; single.len()]);
    (shape[axis], classes[axis]) = (length, length);
    importer.fits(&shape)?;
    let index = importer.reshape(call, index, single)?;
    let index = importer.expand(call, index, &shape)?;
    let mut equal = |first: i64| {
        let numbers: Vec<i64> = (first..first + length as i64).collect();
        let class = Operand::Constant(Constant::Integer(from_elements(&classes, numbers)).into());
        let class = importer.value(call, class, &shape)?;
        let equal = Operator::Binary(BinaryOperator::Equal);
        importer.push_on(call, equal, vec![index, class], shape.clone(), Some(Grid::BOOLEAN))
    };
    let value = equal(0)?;
    if ends.is_some_and(|[low, _]| low >= 0) {
        return Ok(value);
    }
    // Counted from the end.
    let other = equal(-(length as i64))?;
    let either = Operator::Binary(BinaryOperator::Or);
    importer.push_on(call, either, vec![value, other], shape, Some(Grid::BOOLEAN))
}

/// A value before it was repeated along dimensions that it had with length 1.
fn unrepeated(importer: &Importer<'_>, value: ValueId) -> ValueId {
    let graph = &importer.graph;
    let full = graph.shape(value);
    let (mut value, mut single) = (value, value);
    while let Some(node) = graph.producer(value).map(|index| &graph.nodes[index]) {
        let (Operator::Concat { .. }, Some(&first)) = (&node.operator, node.inputs.first()) else {
            break;
        };
        if node.inputs.iter().any(|&input| input != first) {
            break;
        }
        value = first;
        let lengths = graph.shape(value).iter().zip(full);
        if lengths.into_iter().all(|(&length, &full)| length == full || length == 1) {
            single = value;
        }
    }
    single
}

/// The dimensions that are none of these.
fn others(rank: usize, these: &[usize]) -> Vec<usize> {
    (0..rank).filter(|axis| !these.contains(axis)).collect()
}
