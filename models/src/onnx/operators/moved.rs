//! GatherElements, GatherND, ScatterElements and ScatterND of constants alone.

use super::places::{along, tuples};
use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

pub(super) fn gathered_elements(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [data, chosen]: [&Constant; 2],
) -> Result<Constant, Stop> {
    importer.spend(chosen.len())?;
    let axis = axis(call.int("axis", 0)?, data.shape().len())?;
    let places = along(chosen, data.shape(), axis)?;
    Ok(at(data, &places, chosen.shape()))
}

pub(super) fn gathered_nd(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [data, chosen]: [&Constant; 2],
) -> Result<Constant, Stop> {
    let batches = usize::try_from(call.int("batch_dims", 0)?).unwrap_or(usize::MAX);
    let (begins, inner) = tuples(chosen, data.shape(), batches)?;
    let (_, outer) = chosen.shape().split_last().unwrap_or((&1, &[]));
    let shape = [outer, &inner].concat();
    importer.spend(shape.iter().product())?;
    Ok(at(data, &elements(&begins, &inner), &shape))
}

pub(super) fn scattered_elements(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [data, chosen, updates]: [&Constant; 3],
) -> Result<Constant, Stop> {
    let axis = axis(call.int("axis", 0)?, data.shape().len())?;
    importer.spend(chosen.len())?;
    let targets = along(chosen, data.shape(), axis)?;
    scattered(call, data, &targets, updates, chosen.shape())
}

pub(super) fn scattered_nd(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [data, chosen, updates]: [&Constant; 3],
) -> Result<Constant, Stop> {
    let (begins, inner) = tuples(chosen, data.shape(), 0)?;
    let (_, outer) = chosen.shape().split_last().unwrap_or((&1, &[]));
    let updated = [outer, &inner].concat();
    importer.spend(updated.iter().product())?;
    scattered(call, data, &elements(&begins, &inner), updates, &updated)
}

/// The elements of blocks of one shape.
fn elements(begins: &[usize], inner: &[usize]) -> Vec<usize> {
    let size: usize = inner.iter().product();
    begins.iter().flat_map(|&begin| begin..begin + size).collect()
}

/// Elements of a constant at these places.
fn at(data: &Constant, places: &[usize], shape: &[usize]) -> Constant {
    if let (true, Ok(integers)) = (data.is_integer(), data.integers()) {
        let chosen = places.iter().map(|&place| integers[place]);
        return Constant::Integer(from_elements(shape, chosen.collect()));
    }
    let numbers: Vec<f64> = data.numbers().iter().copied().collect();
    let chosen = places.iter().map(|&place| numbers[place]);
    Constant::from_numbers(from_elements(shape, chosen.collect()), false)
}

/// A constant whose elements at `targets` are replaced by the updates, or joined with them, one
/// after the other.
fn scattered(
    call: &Call<'_>,
    data: &Constant,
    targets: &[usize],
    updates: &Constant,
    updated: &[usize],
) -> Result<Constant, Stop> {
    if updates.shape() != updated {
        return Err(Stop::Because(format!(
            "updates of shape {:?}, expected {updated:?}",
            updates.shape()
        )));
    }
    let reduction = call.string("reduction", "none")?;
    if let (true, Ok(integers), Ok(updates)) =
        (data.is_integer(), data.integers(), updates.integers())
    {
        let join: fn(i64, i64) -> i64 = match reduction.as_str() {
            "none" => |_, update| update,
            "add" => i64::wrapping_add,
            "mul" => i64::wrapping_mul,
            "max" => i64::max,
            "min" => i64::min,
            _ => return Err(unknown()),
        };
        let joined = joined(integers, targets, updates, join);
        return Ok(Constant::Integer(from_elements(data.shape(), joined)));
    }
    let join: fn(f64, f64) -> f64 = match reduction.as_str() {
        "none" => |_, update| update,
        "add" => |element, update| element + update,
        "mul" => |element, update| element * update,
        "max" => f64::max,
        "min" => f64::min,
        _ => return Err(unknown()),
    };
    let [numbers, updates] =
        [data, updates].map(|constant| constant.numbers().iter().copied().collect::<Vec<f64>>());
    let joined = joined(numbers, targets, updates, join);
    Ok(Constant::from_numbers(from_elements(data.shape(), joined), false))
}

fn unknown() -> Stop {
    Stop::because("attribute `reduction` is none of none, add, mul, max and min")
}

fn joined<T: Copy>(
    mut elements: Vec<T>,
    targets: &[usize],
    updates: Vec<T>,
    join: impl Fn(T, T) -> T,
) -> Vec<T> {
    for (&target, update) in targets.iter().zip(updates) {
        elements[target] = join(elements[target], update);
    }
    elements
}
