//! MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool.

use super::spatial::{Padding, Spatial, spatial_rank, window};
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
    Registration::new("GlobalAveragePool", &[], |importer, call| global(importer, call, false)),
    Registration::new("GlobalMaxPool", &[], |importer, call| global(importer, call, true)),
];

struct Pool {
    input: ValueId,
    window: Window,
    /// Padding before ceil mode changed it.
    explicit: [usize; 4],
    plane: [usize; 2],
    output: [usize; 2],
    shape: Vec<usize>,
}

fn pool<'a>(importer: &Importer<'a>, call: &Call<'a>, input: ValueId) -> Result<Pool, Stop> {
    let shape = importer.graph.shape(input);
    let rank = spatial_rank(shape)?;
    if !call.has("kernel_shape") {
        return Err(Stop::because("attribute `kernel_shape` is missing"));
    }
    let padding = if call.flag("ceil_mode", false)? { Padding::Ceil } else { Padding::Zero };
    let kernel = call.sizes("kernel_shape", rank, 1, 1)?;
    let Spatial { window, explicit } = window(call, shape, &kernel, padding)?;
    let plane = plane(shape).ok_or_else(|| Stop::because("its input is no plane"))?;
    let output = window.output(plane);
    let output = output.ok_or_else(|| Stop::because("its window does not fit its input"))?;
    let result = with_plane(shape, shape[1], output);
    importer.fits(&result)?;
    importer.affords(&result, taps(&window, shape))?;
    Ok(Pool { input, explicit, plane, output, shape: result, window })
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
        let pool = pool(importer, call, input)?;
        if !pool.window.never_empty(pool.plane) {
            return Err(Stop::because("one of its windows lies entirely on padding"));
        }
        importer.push(call, Operator::MaxPool { window: pool.window }, vec![pool.input], pool.shape)
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
    as_one_batch(importer, call, input, |importer, input| {
        let pool = pool(importer, call, input)?;
        let include_padding = call.flag("count_include_pad", false)?;
        if !include_padding && !pool.window.never_empty(pool.plane) {
            return Err(Stop::because("one of its windows lies entirely on padding"));
        }
        // What counts into the divisor: the plane alone, or with its explicit padding. What only
        // ceil mode adds never counts.
        let mut counted = pool.plane;
        let mut counting = pool.window.clone();
        if include_padding {
            for (axis, length) in counted.iter_mut().enumerate() {
                *length += pool.explicit[axis] + pool.explicit[axis + 2];
                counting.pads[axis] = 0;
            }
        }
        let count =
            |axis: usize, position: usize| counting.inside(axis, position, counted[axis]).len();
        let columns: Vec<usize> = (0..pool.output[1]).map(|x| count(1, x)).collect();
        let rows = (0..pool.output[0]).map(|y| count(0, y));
        let divisors = rows.flat_map(|row| columns.iter().map(move |column| row * column));
        let operator = Operator::AveragePool { divisors: divisors.collect(), window: pool.window };
        importer.push(call, operator, vec![pool.input], pool.shape)
    })
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
