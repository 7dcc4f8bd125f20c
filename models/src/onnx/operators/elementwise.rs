//! Arithmetic, comparisons and logic on two tensors that broadcast to one shape, Where and PRelu.

use super::fold;
use crate::float::activation::Activation;
use crate::float::binary::BinaryOperator;
use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::integer::graph::{MAX_TABLE, ValueId, Window};
use crate::integer::signature::Grid;
use crate::onnx::build::importer::{Element, Fold, Importer, Operand, Registration};
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Add", &[], |importer, call| add(importer, call, false))
        .folds(Fold::Two(fold::binary)),
    Registration::new("Sub", &[], |importer, call| add(importer, call, true))
        .folds(Fold::Two(fold::binary)),
    Registration::new("Mul", &[], mul).folds(Fold::Two(fold::binary)),
    Registration::new("Div", &[], div).folds(Fold::Two(fold::binary)),
    Registration::new("Pow", &[], pow).folds(Fold::Two(fold::binary)),
    Registration::new("Mod", &["fmod"], modulo).folds(Fold::Two(fold::binary)),
    Registration::new("Equal", &[], |i, call| compare(i, call, BinaryOperator::Equal))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("Less", &[], |i, call| compare(i, call, BinaryOperator::Less))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("LessOrEqual", &[], |i, call| compare(i, call, BinaryOperator::LessOrEqual))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("Greater", &[], |i, call| compare(i, call, BinaryOperator::Greater))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("GreaterOrEqual", &[], |i, call| {
        compare(i, call, BinaryOperator::GreaterOrEqual)
    })
    .folds(Fold::Two(fold::binary))
    .element(Element::Is(DataType::Bool)),
    Registration::new("And", &[], |i, call| compare(i, call, BinaryOperator::And))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("Or", &[], |i, call| compare(i, call, BinaryOperator::Or))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("Xor", &[], |i, call| compare(i, call, BinaryOperator::Xor))
        .folds(Fold::Two(fold::binary))
        .element(Element::Is(DataType::Bool)),
    Registration::new("Where", &[], select)
        .folds(Fold::Three(fold::select))
        .element(Element::Of(1)),
    Registration::new("PRelu", &[], prelu),
];

/// The first two operands, and the shape they broadcast to.
fn pair<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Result<([Operand; 2], Vec<usize>), Stop> {
    let operands = [importer.operand(call, 0)?, importer.operand(call, 1)?];
    let shape =
        broadcast_shapes(&importer.shape_of(&operands[0]), &importer.shape_of(&operands[1]))?;
    Ok((operands, shape))
}

/// A constant's numbers broadcast to a shape, row by row, all of them finite.
fn full(constant: &Constant, shape: &[usize]) -> Result<Vec<f64>, Stop> {
    let numbers = spread(constant, shape)?;
    match numbers.iter().find(|x| !x.is_finite()) {
        None => Ok(numbers),
        Some(x) => Err(Stop::Because(format!("its constant operand: it holds {x}"))),
    }
}

/// The same; they may be infinite, as masks are. Calibration refuses them where that makes a
/// difference.
fn spread(constant: &Constant, shape: &[usize]) -> Result<Vec<f64>, Stop> {
    let numbers = constant.numbers();
    if numbers.iter().any(|x| x.is_nan()) {
        return Err(Stop::because("its constant operand: it holds NaN"));
    }
    let view = numbers.broadcast(shape);
    let view = view.ok_or_else(|| {
        Stop::Because(format!("{:?} does not broadcast to {shape:?}", numbers.shape()))
    })?;
    Ok(view.iter().copied().collect())
}

/// `a + b`, or with `subtract` `a − b`.
fn add<'a>(importer: &mut Importer<'a>, call: &Call<'a>, subtract: bool) -> Result<(), Stop> {
    let (operands, shape) = pair(importer, call)?;
    let mut inputs: Vec<ValueId> = Vec::new();
    let mut signs = Vec::new();
    let mut constant = Vec::new();
    for (operand, negate) in operands.into_iter().zip([false, subtract]) {
        match operand {
            Operand::Computed(id) => {
                inputs.push(importer.expand(call, id, &shape)?);
                signs.push(negate);
            }
            Operand::Constant(tensor) => {
                let sign = if negate { -1.0 } else { 1.0 };
                constant = spread(&tensor, &shape)?.into_iter().map(|x| sign * x).collect();
            }
        }
    }
    // As masks that hide nothing.
    if let (&[value], &[false]) = (inputs.as_slice(), signs.as_slice())
        && constant.iter().all(|&x| x == 0.0)
    {
        return importer.define(call, value);
    }
    let operator = Operator::Add { subtract: signs, constant };
    let value = importer.push(call, operator, inputs, shape)?;
    importer.define(call, value)
}

fn mul<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (operands, shape) = pair(importer, call)?;
    let value = match operands {
        [Operand::Computed(x), Operand::Constant(c)]
        | [Operand::Constant(c), Operand::Computed(x)] => {
            let x = importer.expand(call, x, &shape)?;
            scale(importer, call, x, &c)?
        }
        [Operand::Computed(a), Operand::Computed(b)] => {
            let inputs = [importer.expand(call, a, &shape)?, importer.expand(call, b, &shape)?];
            importer.multiply(call, inputs)?
        }
        [Operand::Constant(_), Operand::Constant(_)] => {
            return Err(Stop::because("both operands are constant"));
        }
    };
    importer.define(call, value)
}

/// A value times a constant that broadcasts to its shape: a depthwise convolution over the
/// dimensions that the constant depends on.
pub(super) fn scale<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    x: ValueId,
    constant: &Constant,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(x).to_vec();
    let factors = full(constant, &shape)?;
    let varies = constant.shape().iter().rev().position(|&length| length != 1);
    if varies.is_none() && factors.first() == Some(&1.0) {
        return Ok(x);
    }
    // The last dimensions that do not matter are one plane per channel.
    let axis = match constant.shape().iter().rposition(|&length| length != 1) {
        None => 0,
        Some(last) => shape.len() - (constant.shape().len() - last) + 1,
    };
    let plane: usize = shape[axis..].iter().product();
    let channels = factors.len() / plane.max(1);
    let layer = match constant {
        Constant::Quantised { scales, .. } if scales.len() == 1 && scales[0] > 0.0 => {
            let integers =
                factors.iter().step_by(plane).map(|x| (x / f64::from(scales[0])).round() as i32);
            Layer::Integer {
                weights: integers.collect(),
                scales: vec![scales[0].into(); channels],
                bias: vec![0.0; channels],
            }
        }
        _ => Layer::Real {
            weights: factors.iter().step_by(plane).map(|&x| x as f32).collect(),
            bias: vec![0.0; channels],
        },
    };
    let (flat, groups) = (vec![1, channels, plane], channels);
    let planes = importer.reshape(call, x, flat.clone())?;
    let operator = Operator::Conv { window: Window::unit(), groups, layer };
    let scaled = importer.push(call, operator, vec![planes], flat)?;
    importer.reshape(call, scaled, shape)
}

fn div<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (operands, shape) = pair(importer, call)?;
    let integers = importer.is_integer(call, 0) && importer.is_integer(call, 1);
    let value = match &operands {
        [Operand::Computed(x), Operand::Constant(c)] if !integers => {
            let inverse = c.numbers().mapv(|x| (1.0 / x) as f32);
            let x = importer.expand(call, *x, &shape)?;
            scale(importer, call, x, &Constant::Float(inverse))?
        }
        [Operand::Constant(c), Operand::Computed(x)]
            if !integers && c.shape().iter().all(|&length| length == 1) =>
        {
            let activation = Activation::Power { factor: 1.0, offset: 0.0, exponent: -1.0 };
            let x = importer.expand(call, *x, &shape)?;
            let inverse = importer.activate(call, x, activation)?;
            scale(importer, call, inverse, c)?
        }
        _ => binary(importer, call, operands, &shape, BinaryOperator::Div { integers })?,
    };
    importer.define(call, value)
}

fn pow<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (operands, shape) = pair(importer, call)?;
    let single = |c: &Constant| {
        c.numbers().first().copied().filter(|_| c.shape().iter().all(|&length| length == 1))
    };
    let value = match &operands {
        [Operand::Computed(x), Operand::Constant(c)] if single(c).is_some() => {
            let exponent = single(c).unwrap_or(1.0) as f32;
            let x = importer.expand(call, *x, &shape)?;
            importer.activate(call, x, Activation::Power { factor: 1.0, offset: 0.0, exponent })?
        }
        [Operand::Constant(c), Operand::Computed(x)]
            if single(c).is_some_and(|base| base > 0.0) =>
        {
            let base = single(c).unwrap_or(1.0) as f32;
            let x = importer.expand(call, *x, &shape)?;
            importer.activate(call, x, Activation::Exponential { base })?
        }
        _ => binary(importer, call, operands, &shape, BinaryOperator::Pow)?,
    };
    importer.define(call, value)
}

fn modulo<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let fmod = call.flag("fmod", false)?;
    let (operands, shape) = pair(importer, call)?;
    let value = binary(importer, call, operands, &shape, BinaryOperator::Mod { fmod })?;
    importer.define(call, value)
}

/// A function of two tensors, constants made values.
pub(super) fn binary<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    operands: [Operand; 2],
    shape: &[usize],
    operator: BinaryOperator,
) -> Result<ValueId, Stop> {
    let mut inputs = Vec::new();
    let mut counts = Vec::new();
    for operand in operands {
        let known = match &operand {
            Operand::Constant(constant) => whole_count(constant),
            Operand::Computed(_) => None,
        };
        let input = importer.value(call, operand, shape)?;
        let count = || importer.grid(input).map_or(256, |grid| grid.count());
        counts.push(known.unwrap_or_else(count));
        inputs.push(input);
    }
    if operator.by_difference().is_none()
        && !matches!(operator, BinaryOperator::Max | BinaryOperator::Min)
    {
        // Where it is not known yet which integers occur, they may be few.
        let counts = counts.into_iter().map(|count| if count > MAX_TABLE { 1 } else { count });
        if counts.product::<usize>() > MAX_TABLE {
            return Err(Stop::because(
                "a function of two numbers is a table of all pairs, and numbers of 16 bits make \
                too many; quantise one of them to 8 bits or fewer",
            ));
        }
    }
    let grid = operator.is_condition().then_some(Grid::BOOLEAN);
    importer.push_on(call, Operator::Binary(operator), inputs, shape.to_vec(), grid)
}

/// How many integers there are from the smallest to the largest number of a constant, if they are
/// whole.
fn whole_count(constant: &Constant) -> Option<usize> {
    let mut ends = None;
    for &x in constant.numbers().iter() {
        let [low, high] = ends.unwrap_or([x, x]);
        ends = (x.fract() == 0.0).then_some([x.min(low), x.max(high)]);
        ends?;
    }
    ends.map(|[low, high]: [f64; 2]| (high - low) as usize + 1)
}

fn compare<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    operator: BinaryOperator,
) -> Result<(), Stop> {
    let (operands, shape) = pair(importer, call)?;
    let value = binary(importer, call, operands, &shape, operator)?;
    importer.define(call, value)
}

fn select<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let mut operands = Vec::new();
    let mut shape = Vec::new();
    for index in 0..3 {
        let operand = importer.operand(call, index)?;
        shape = broadcast_shapes(&shape, &importer.shape_of(&operand))?;
        operands.push(operand);
    }
    // A condition known at import that is the same everywhere chooses one side.
    if let Operand::Constant(condition) = &operands[0] {
        let numbers = condition.numbers();
        let truth = |x: &f64| *x != 0.0;
        let known =
            numbers.first().map(truth).filter(|first| numbers.iter().all(|x| truth(x) == *first));
        if let Some(known) = known {
            let chosen = operands.swap_remove(if known { 1 } else { 2 });
            let value = importer.value(call, chosen, &shape)?;
            return importer.define(call, value);
        }
    }
    let grids = operands[1..].iter().filter_map(|operand| match operand {
        Operand::Computed(id) => importer.grid(*id),
        Operand::Constant(_) => None,
    });
    let other = grids.last();
    let mut inputs = Vec::new();
    for (index, operand) in operands.into_iter().enumerate() {
        let grid = match &operand {
            Operand::Computed(_) => None,
            Operand::Constant(_) if index == 0 => Some(Grid::BOOLEAN),
            // A constant that is on the other branch's grid stays what it is, and so does that.
            Operand::Constant(constant) => other.filter(|grid| {
                constant.numbers().iter().all(|&x| grid.dequantise(grid.quantise(x)) == x)
            }),
        };
        inputs.push(importer.value_on(call, operand, &shape, grid)?);
    }
    let value = importer.push(call, Operator::Select, inputs, shape)?;
    importer.define(call, value)
}

/// `max(x, 0) + slope·min(x, 0)`: an activation if there is one slope, else one convolution over
/// both halves of each element.
fn prelu<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let x = importer.computed(call, 0)?;
    let shape = importer.graph.shape(x).to_vec();
    let slopes = importer.constant(call, 1)?;
    let slopes = slopes.finite().map_err(|problem| format!("slope: {problem}"))?;
    if let (1, Some(&slope)) = (slopes.len(), slopes.first()) {
        let value = importer.activate(call, x, Activation::LeakyRelu { slope })?;
        return importer.define(call, value);
    }
    let slopes = full(&Constant::Float(slopes), &shape)?;
    let count = slopes.len();
    let flat = importer.reshape(call, x, vec![1, count, 1])?;
    let below = Activation::Clip { minimum: f32::NEG_INFINITY, maximum: 0.0 };
    let halves = vec![
        importer.activate(call, flat, Activation::Relu)?,
        importer.activate(call, flat, below)?,
    ];
    let pairs = importer.push(call, Operator::Concat { axis: 2 }, halves, vec![1, count, 2])?;
    let weights = slopes.iter().flat_map(|&slope| [1.0, slope as f32]).collect();
    let layer = Layer::Real { weights, bias: vec![0.0; count] };
    let window = Window { kernel: [1, 2], ..Window::unit() };
    let value = importer.push(
        call,
        Operator::Conv { window, groups: count, layer },
        vec![pairs],
        vec![1, count, 1],
    )?;
    let value = importer.reshape(call, value, shape)?;
    importer.define(call, value)
}
