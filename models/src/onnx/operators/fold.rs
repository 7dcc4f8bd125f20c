//! Operators on constants, carried out at import: shape arithmetic above all, exact on integers.

use ndarray::{ArrayD, Axis, Zip};

use crate::float::activation::{Activation, PLAIN};
use crate::float::binary::BinaryOperator;
use crate::limits;
use crate::onnx::build::importer::{Binding, Importer};
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;
use crate::tensor::moves;

/// A function of one number.
pub(super) fn plain(_: &Importer<'_>, call: &Call<'_>, x: &Constant) -> Result<Constant, Stop> {
    let known = PLAIN.iter().find(|(name, _)| *name == call.node.op_type);
    let (_, function) = known.ok_or_else(|| Stop::because("this function is not supported"))?;
    let function = Activation::Plain(*function);
    Ok(Constant::from_numbers(x.numbers().mapv(|x| function.apply(x)), x.is_integer()))
}

pub(super) fn square_root(_: &Importer<'_>, _: &Call<'_>, x: &Constant) -> Result<Constant, Stop> {
    Ok(Constant::from_numbers(x.numbers().mapv(f64::sqrt), false))
}

/// Size: the number of elements.
pub(super) fn size(_: &Importer<'_>, _: &Call<'_>, x: &Constant) -> Result<Constant, Stop> {
    Ok(Constant::Integer(ArrayD::from_elem(vec![], x.len() as i64)))
}

/// ReduceSum, ReduceProd, ReduceMax and ReduceMin of integers; other numbers are reduced as a
/// network's are.
pub(super) fn reduced(
    importer: &Importer<'_>,
    call: &Call<'_>,
    operands: &[&Constant],
) -> Option<Result<Constant, Stop>> {
    let function: fn(i64, i64) -> i64 = match call.node.op_type.as_str() {
        "ReduceSum" => i64::wrapping_add,
        "ReduceProd" => i64::wrapping_mul,
        "ReduceMax" => i64::max,
        "ReduceMin" => i64::min,
        _ => return None,
    };
    let (&x, rest) = operands.split_first()?;
    let elements = x.integers().ok().filter(|elements| !elements.is_empty())?;
    let reduce = || {
        let rank = x.shape().len();
        let listed = match (call.ints("axes")?, rest) {
            (Some(axes), _) => axes.to_vec(),
            (None, [axes]) => axes.integers()?,
            (None, _) => Vec::new(),
        };
        let mut tensor = moves::from_elements(x.shape(), elements);
        if listed.is_empty() && call.flag("noop_with_empty_axes", false)? {
            return Ok(Constant::Integer(tensor));
        }
        importer.spend(x.len())?;
        let axes = listed.iter().map(|&index| axis(index, rank));
        let axes = axes.collect::<Result<Vec<_>, _>>()?;
        let keep = call.flag("keepdims", true)?;
        for axis in (0..rank).rev().filter(|axis| axes.is_empty() || axes.contains(axis)) {
            let lane = |lane: ndarray::ArrayView1<'_, i64>| {
                lane.iter().copied().reduce(function).unwrap_or(0)
            };
            tensor = tensor.map_axis(Axis(axis), lane);
            if keep {
                tensor = tensor.insert_axis(Axis(axis));
            }
        }
        Ok(Constant::Integer(tensor))
    };
    Some(reduce())
}

/// Where the elements of Constant and ConstantOfShape come from, they are of one type or the other.
pub(super) fn element_of_constant(importer: &Importer<'_>, call: &Call<'_>) -> i32 {
    match call.output().ok().and_then(|name| importer.binding(name)) {
        Some(Binding::Constant(constant)) if constant.is_integer() => DataType::Int64 as i32,
        _ => DataType::Float as i32,
    }
}

/// Asks for the room that a result needs, before it is made.
fn allow(importer: &Importer<'_>, shape: &[usize]) -> Result<(), Stop> {
    let count =
        if shape.contains(&0) { 0 } else { limits::tensor(shape).map_err(Stop::TooLarge)? };
    importer.spend(count).map_err(|stop| match stop {
        Stop::TooLarge(problem) => Stop::TooLarge(format!("its shape {shape:?}: {problem}")),
        other => other,
    })
}

/// What Shape puts out.
pub(super) fn shape_of(call: &Call<'_>, shape: &[usize]) -> Constant {
    let rank = shape.len() as i64;
    let clamp = |index: i64| if index < 0 { index + rank } else { index }.clamp(0, rank) as usize;
    let start = clamp(call.int("start", 0).unwrap_or(0));
    let end = clamp(call.int("end", rank).unwrap_or(rank)).max(start);
    let lengths: Vec<i64> = shape[start..end].iter().map(|&length| length as i64).collect();
    Constant::Integer(moves::from_elements(&[lengths.len()], lengths))
}

/// A constant as another element type.
pub(super) fn converted(x: &Constant, to: i32) -> Result<Constant, Stop> {
    Ok(match DataType::try_from(to).unwrap_or(DataType::Undefined) {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => {
            Constant::from_numbers(x.numbers(), false)
        }
        DataType::Bool => {
            Constant::from_numbers(x.numbers().mapv(|x| if x == 0.0 { 0.0 } else { 1.0 }), true)
        }
        DataType::String | DataType::Undefined => {
            return Err(Stop::because("a cast to text is not supported"));
        }
        _ => match x.integers() {
            Ok(integers) => Constant::Integer(moves::from_elements(x.shape(), integers)),
            Err(_) => Constant::from_numbers(x.numbers().mapv(f64::trunc), true),
        },
    })
}

fn broadcast(constant: &Constant, shape: &[usize]) -> Result<ArrayD<f64>, Stop> {
    let numbers = constant.numbers();
    let view = numbers.broadcast(shape);
    let view = view.ok_or_else(|| {
        Stop::Because(format!("{:?} does not broadcast to {shape:?}", numbers.shape()))
    })?;
    Ok(view.to_owned())
}

/// Arithmetic and comparisons of integers, which 53 bits would not hold; it wraps, as that of
/// machines does. `None` for everything else.
fn exact(
    name: &str,
    a: &Constant,
    b: &Constant,
    shape: &[usize],
) -> Option<Result<Constant, Stop>> {
    let function: fn(i64, i64) -> Option<i64> = match name {
        "Add" => |a, b| Some(a.wrapping_add(b)),
        "Sub" => |a, b| Some(a.wrapping_sub(b)),
        "Mul" => |a, b| Some(a.wrapping_mul(b)),
        "Div" => |a, b| a.checked_div(b),
        "Min" => |a, b| Some(a.min(b)),
        "Max" => |a, b| Some(a.max(b)),
        "Equal" => |a, b| Some((a == b).into()),
        "Less" => |a, b| Some((a < b).into()),
        "LessOrEqual" => |a, b| Some((a <= b).into()),
        "Greater" => |a, b| Some((a > b).into()),
        "GreaterOrEqual" => |a, b| Some((a >= b).into()),
        _ => return None,
    };
    let tensor = |x: &Constant| {
        let tensor = moves::from_elements(x.shape(), x.integers().ok()?);
        Some(tensor.broadcast(shape)?.to_owned())
    };
    let (left, right) = (tensor(a)?, tensor(b)?);
    let results: Option<Vec<i64>> =
        left.iter().zip(&right).map(|(&a, &b)| function(a, b)).collect();
    Some(match results {
        Some(results) => Ok(Constant::Integer(moves::from_elements(shape, results))),
        None => Err(Stop::because("it divides an integer constant by zero")),
    })
}

/// Arithmetic, comparisons and logic.
pub(super) fn binary(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [a, b]: [&Constant; 2],
) -> Result<Constant, Stop> {
    let name = call.node.op_type.as_str();
    let shape = broadcast_shapes(a.shape(), b.shape())?;
    allow(importer, &shape)?;
    if let Some(exact) = exact(name, a, b, &shape) {
        return exact;
    }
    let integer = a.is_integer() && b.is_integer();
    let table = [
        BinaryOperator::Pow,
        BinaryOperator::Mod { fmod: false },
        BinaryOperator::Min,
        BinaryOperator::Max,
        BinaryOperator::Equal,
        BinaryOperator::Less,
        BinaryOperator::LessOrEqual,
        BinaryOperator::Greater,
        BinaryOperator::GreaterOrEqual,
        BinaryOperator::And,
        BinaryOperator::Or,
        BinaryOperator::Xor,
    ];
    let operator = table.into_iter().find(|operator| operator.name() == name);
    let apply = |a: f64, b: f64| match name {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" if integer => (a / b).trunc(),
        "Div" => a / b,
        _ => operator.map_or(f64::NAN, |operator| operator.apply(a, b)),
    };
    let (left, right) = (broadcast(a, &shape)?, broadcast(b, &shape)?);
    let numbers = Zip::from(&left).and(&right).map_collect(|&a, &b| apply(a, b));
    Ok(Constant::from_numbers(
        numbers,
        integer || operator.is_some_and(BinaryOperator::is_condition),
    ))
}

/// Where.
pub(super) fn select(
    importer: &Importer<'_>,
    _: &Call<'_>,
    [condition, yes, no]: [&Constant; 3],
) -> Result<Constant, Stop> {
    let shape = broadcast_shapes(&broadcast_shapes(condition.shape(), yes.shape())?, no.shape())?;
    allow(importer, &shape)?;
    if let (Ok(left), Ok(right)) = (yes.integers(), no.integers()) {
        let truth = broadcast(condition, &shape)?;
        let tensors =
            [(yes, left), (no, right)].map(|(x, list)| moves::from_elements(x.shape(), list));
        let [Some(yes), Some(no)] = tensors.each_ref().map(|tensor| tensor.broadcast(&shape[..]))
        else {
            return Err(Stop::because("its branches do not broadcast"));
        };
        let chosen = Zip::from(&truth)
            .and(&yes)
            .and(&no)
            .map_collect(|&c, &yes, &no| if c == 0.0 { no } else { yes });
        return Ok(Constant::Integer(chosen));
    }
    let parts = [broadcast(condition, &shape)?, broadcast(yes, &shape)?, broadcast(no, &shape)?];
    let chosen = Zip::from(&parts[0])
        .and(&parts[1])
        .and(&parts[2])
        .map_collect(|&c, &yes, &no| if c == 0.0 { no } else { yes });
    Ok(Constant::from_numbers(chosen, false))
}

pub(super) fn concat(
    importer: &Importer<'_>,
    call: &Call<'_>,
    operands: &[&Constant],
) -> Result<Constant, Stop> {
    // An empty tensor adds nothing, whatever its dimensions.
    let filled = operands.iter().copied().filter(|operand| operand.len() > 0);
    let filled: Vec<&Constant> = filled.collect();
    let operands = if filled.is_empty() { operands } else { &filled };
    let first = operands.first().ok_or_else(|| Stop::because("it has no inputs"))?;
    let along = axis(call.int("axis", 0)?, first.shape().len())?;
    let fits = |other: &&Constant| {
        let (a, b) = (first.shape(), other.shape());
        a.len() == b.len() && (0..a.len()).all(|axis| axis == along || a[axis] == b[axis])
    };
    if !operands.iter().all(fits) {
        return Err(Stop::because("its constants do not fit each other"));
    }
    let mut shape = first.shape().to_vec();
    shape[along] = operands.iter().map(|x| x.shape()[along]).fold(0, usize::saturating_add);
    allow(importer, &shape)?;
    if let Ok(integers) = operands
        .iter()
        .map(|x| x.integers().map(|list| (x.shape(), list)))
        .collect::<Result<Vec<_>, _>>()
    {
        let tensors: Vec<_> =
            integers.into_iter().map(|(shape, list)| moves::from_elements(shape, list)).collect();
        return Ok(Constant::Integer(moves::concat(&tensors.iter().collect::<Vec<_>>(), along)));
    }
    let tensors: Vec<_> = operands.iter().map(|x| x.numbers()).collect();
    Ok(Constant::from_numbers(moves::concat(&tensors.iter().collect::<Vec<_>>(), along), false))
}

/// Indices counted from the front.
pub(super) fn indices(constant: &Constant, length: usize) -> Result<Vec<usize>, Stop> {
    let counted = constant.integers()?.into_iter().map(|index| {
        let from_front = if index < 0 { index + length as i64 } else { index };
        let inside = usize::try_from(from_front).ok().filter(|&index| index < length);
        inside.ok_or_else(|| {
            Stop::Because(format!("index {index} is outside a dimension of {length}"))
        })
    });
    counted.collect()
}

pub(super) fn gather(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [data, places]: [&Constant; 2],
) -> Result<Constant, Stop> {
    let along = axis(call.int("axis", 0)?, data.shape().len())?;
    let chosen = indices(places, data.shape()[along])?;
    let shape = [&data.shape()[..along], places.shape(), &data.shape()[along + 1..]].concat();
    allow(importer, &shape)?;
    Ok(match data {
        Constant::Integer(tensor) => Constant::Integer(tensor.select(Axis(along), &chosen)),
        Constant::Small(tensor) => Constant::Small(tensor.select(Axis(along), &chosen)),
        _ => Constant::from_numbers(data.numbers().select(Axis(along), &chosen), false),
    }
    .reshape(&shape))
}

pub(super) fn range(
    importer: &Importer<'_>,
    _: &Call<'_>,
    [start, limit, delta]: [&Constant; 3],
) -> Result<Constant, Stop> {
    let number = |x: &Constant| x.numbers().first().copied().unwrap_or(f64::NAN);
    let (first, end, step) = (number(start), number(limit), number(delta));
    let count = ((end - first) / step).ceil().max(0.0);
    if count.is_nan() {
        return Err(Stop::because("its start, limit or delta is no number"));
    }
    // What is beyond all limits saturates.
    allow(importer, &[count as usize])?;
    let numbers: Vec<f64> = (0..count as usize).map(|index| first + step * index as f64).collect();
    Ok(Constant::from_numbers(moves::from_elements(&[numbers.len()], numbers), start.is_integer()))
}

/// A shape given as a constant list.
fn listed_shape(shape: &Constant) -> Result<Vec<usize>, Stop> {
    let lengths = shape.integers()?.into_iter().map(|length| usize::try_from(length).ok());
    let shape: Option<Vec<usize>> = lengths.collect();
    shape.ok_or_else(|| Stop::because("its shape has negative lengths"))
}

pub(super) fn constant_of_shape(
    importer: &Importer<'_>,
    call: &Call<'_>,
    shape: &Constant,
) -> Result<Constant, Stop> {
    let shape = listed_shape(shape)?;
    allow(importer, &shape)?;
    Ok(match call.tensor("value")? {
        None => Constant::Float(ArrayD::zeros(shape)),
        Some(tensor) => {
            let value = importer.stored(tensor)?;
            let number = value.numbers().first().copied().unwrap_or(0.0);
            Constant::from_numbers(ArrayD::from_elem(shape, number), value.is_integer())
        }
    })
}

pub(super) fn expand(
    importer: &Importer<'_>,
    _: &Call<'_>,
    [x, shape]: [&Constant; 2],
) -> Result<Constant, Stop> {
    let shape = broadcast_shapes(x.shape(), &listed_shape(shape)?)?;
    allow(importer, &shape)?;
    if let Ok(list) = x.integers() {
        let tensor = moves::from_elements(x.shape(), list);
        let view = tensor.broadcast(&shape[..]);
        let view = view.ok_or_else(|| Stop::because("its operand does not broadcast"))?;
        return Ok(Constant::Integer(view.to_owned()));
    }
    Ok(Constant::from_numbers(broadcast(x, &shape)?, false))
}
