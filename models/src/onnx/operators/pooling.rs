//! MaxPool, AveragePool, LpPool and their global forms.

use super::reduce::{self, over};
use super::spatial::{Padding, Sides, Spatial, spatial_rank};
use crate::float::activation::{Activation, Plain};
use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::tensor::window::{plane, taps, with_plane};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "MaxPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"],
        max_pool,
    ),
    Registration::new(
        "AveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "strides",
        ],
        average_pool,
    ),
    Registration::new(
        "LpPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "p", "pads", "strides"],
        lp_pool,
    ),
    Registration::new("GlobalLpPool", &["p"], lp_pool),
    Registration::new("GlobalAveragePool", &[], |importer, call| global(importer, call, false)),
    Registration::new("GlobalMaxPool", &[], |importer, call| global(importer, call, true)),
];

/// What becomes of a window's elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reduction {
    Max,
    /// The average, of padding too or only of elements.
    Average {
        padding: bool,
    },
    Sum,
}

/// A pool over one batch with the attributes of a node. Three dimensions are pooled in two steps:
/// the last two, and then the first.
fn pool<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduction: Reduction,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let rank = spatial_rank(&shape)?;
    if !call.has("kernel_shape") {
        return Err(Stop::because("attribute `kernel_shape` is missing"));
    }
    let sides = Sides::read(call, &call.sizes("kernel_shape", rank, 1, 1)?)?;
    let [_, channels, depth, height, width] = shape[..] else {
        return pool_plane(importer, call, input, &sides, reduction);
    };
    let [depth_side, plane_sides] = sides.depth_and_plane();
    let slices = importer.reshape(call, input, vec![1, channels * depth, height, width])?;
    let pooled = pool_plane(importer, call, slices, &plane_sides, reduction)?;
    let (height, width) = (importer.graph.shape(pooled)[2], importer.graph.shape(pooled)[3]);
    let columns = importer.reshape(call, pooled, vec![1, channels, depth, height * width])?;
    let pooled = pool_plane(importer, call, columns, &depth_side, reduction)?;
    let depth = importer.graph.shape(pooled)[2];
    importer.reshape(call, pooled, vec![1, channels, depth, height, width])
}

fn pool_plane<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    sides: &Sides,
    reduction: Reduction,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let padding = if call.flag("ceil_mode", false)? { Padding::Ceil } else { Padding::Zero };
    let Spatial { window, explicit } = sides.window(&shape, padding)?;
    let plane = plane(&shape).ok_or_else(|| Stop::because("its input is no plane"))?;
    let output = window.output(plane);
    let output = output.ok_or_else(|| Stop::because("its window does not fit its input"))?;
    let result = with_plane(&shape, shape[1], output);
    importer.fits(&result)?;
    importer.affords(&result, taps(&window, &shape))?;
    let counts_padding = matches!(reduction, Reduction::Average { padding: true } | Reduction::Sum);
    if !counts_padding && !window.never_empty(plane) {
        return Err(Stop::because("one of its windows lies entirely on padding"));
    }
    let operator = match reduction {
        Reduction::Max => Operator::MaxPool { window },
        Reduction::Sum => {
            Operator::AveragePool { divisors: vec![1; output[0] * output[1]], window }
        }
        Reduction::Average { padding } => {
            let explicit = padding.then_some(explicit);
            let divisors = divisors(&window, plane, output, explicit);
            Operator::AveragePool { divisors, window }
        }
    };
    importer.push(call, operator, vec![input], result)
}

/// How many elements count at each place: those of the plane alone, or with its explicit padding.
/// What only ceil mode adds never counts.
fn divisors(
    window: &Window,
    plane: [usize; 2],
    output: [usize; 2],
    explicit: Option<[usize; 4]>,
) -> Vec<usize> {
    let (mut counted, mut counting) = (plane, window.clone());
    if let Some(explicit) = explicit {
        for (axis, length) in counted.iter_mut().enumerate() {
            *length += explicit[axis] + explicit[axis + 2];
            counting.pads[axis] = 0;
        }
    }
    let count = |axis: usize, position: usize| counting.inside(axis, position, counted[axis]).len();
    let columns: Vec<usize> = (0..output[1]).map(|x| count(1, x)).collect();
    let rows = (0..output[0]).map(|y| count(0, y));
    rows.flat_map(|row| columns.iter().map(move |column| row * column)).collect()
}

/// Pooling works channel by channel: several batches are one with more channels.
fn as_one_batch<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    operator: impl FnOnce(&mut Importer<'a>, ValueId) -> Result<ValueId, Stop>,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let [batch @ (2..), channels, rest @ ..] = &shape[..] else {
        return operator(importer, input);
    };
    let flat = importer.reshape(call, input, [&[1, batch * channels], rest].concat())?;
    let result = operator(importer, flat)?;
    let rest = importer.graph.shape(result)[2..].to_vec();
    importer.reshape(call, result, [&[*batch, *channels], &rest[..]].concat())
}

fn max_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let value = as_one_batch(importer, call, input, |importer, input| {
        pool(importer, call, input, Reduction::Max)
    })?;
    importer.define(call, value)
}

fn average_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let value = average(importer, call, input)?;
    importer.define(call, value)
}

/// The average that a node's attributes describe.
pub(super) fn average<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
) -> Result<ValueId, Stop> {
    let padding = call.flag("count_include_pad", false)?;
    as_one_batch(importer, call, input, |importer, input| {
        pool(importer, call, input, Reduction::Average { padding })
    })
}

/// `(Σ |x|^p)^(1/p)` of each window, or of each channel.
fn lp_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let p = match call.opset {
        ..2 => call.float("p", 2.0)?,
        _ => call.int("p", 2)? as f32,
    };
    if !(1.0..=64.0).contains(&p) {
        return Err(Stop::Because(format!("attribute `p` is {p}, expected 1 to 64")));
    }
    let power = |exponent: f32| Activation::Power { factor: 1.0, offset: 0.0, exponent };
    let mut value = input;
    if p % 2.0 != 0.0 {
        value = importer.activate(call, value, Activation::Plain(Plain::Abs))?;
    }
    if p != 1.0 {
        value = importer.activate(call, value, power(p))?;
    }
    if call.node.op_type == "GlobalLpPool" {
        let shape = importer.graph.shape(value);
        let reduced: Vec<bool> = (0..shape.len()).map(|axis| axis > 1).collect();
        value = over(importer, call, value, &reduced, reduce::Reduction::Sum)?;
    } else {
        value = as_one_batch(importer, call, value, |importer, input| {
            pool(importer, call, input, Reduction::Sum)
        })?;
    }
    if p != 1.0 {
        value = importer.activate(call, value, power(1.0 / p))?;
    }
    importer.define(call, value)
}

fn global<'a>(importer: &mut Importer<'a>, call: &Call<'a>, maximum: bool) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let value = whole(importer, call, input, maximum)?;
    importer.define(call, value)
}

/// The average or the largest element of each channel.
pub(super) fn whole<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    maximum: bool,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let [batch, channels, rest @ ..] = &shape[..] else {
        return Err(Stop::Because(format!(
            "its input has shape {shape:?}, expected at least two dimensions"
        )));
    };
    let area: usize = rest.iter().product();
    let operator = |plane: [usize; 2]| {
        let window = Window::whole(plane);
        if maximum {
            Operator::MaxPool { window }
        } else {
            Operator::AveragePool { window, divisors: vec![area] }
        }
    };
    let kept = [&[*batch, *channels], &vec![1; rest.len()][..]].concat();
    if let Some(plane) = plane(&shape) {
        return importer.push(call, operator(plane), vec![input], kept);
    }
    let channels = batch * channels;
    let flat = importer.reshape(call, input, vec![1, channels, area])?;
    let value = importer.push(call, operator([1, area]), vec![flat], vec![1, channels, 1])?;
    importer.reshape(call, value, kept)
}
