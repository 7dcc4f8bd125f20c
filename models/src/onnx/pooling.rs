//! MaxPool, AveragePool, GlobalAveragePool.

use super::Registration;
use super::call::Call;
use super::importer::{Importer, Stop};
use super::spatial::{Padding, Spatial, spatial_rank, window};
use crate::graph::Operator;
use crate::quantised::{ValueId, Window};
use crate::window::{plane, with_plane};

pub(super) const OPERATORS: &[Registration] = &[
    Registration {
        name: "MaxPool",
        attributes: &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"],
        import: max_pool,
    },
    Registration {
        name: "AveragePool",
        attributes: &["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"],
        import: average_pool,
    },
    Registration { name: "GlobalAveragePool", attributes: &[], import: global_average_pool },
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

fn pool<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Result<Pool, Stop> {
    let input = importer.computed(call, 0)?;
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
    Ok(Pool { input, explicit, plane, output, shape: with_plane(shape, shape[1], output), window })
}

fn max_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let pool = pool(importer, call)?;
    if !pool.window.never_empty(pool.plane) {
        return Err(Stop::because("one of its windows lies entirely on padding"));
    }
    let operator = Operator::MaxPool { window: pool.window };
    let value = importer.push(call, operator, vec![pool.input], pool.shape)?;
    importer.define(call, value)
}

fn average_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let pool = pool(importer, call)?;
    let include_padding = call.flag("count_include_pad", false)?;
    if !include_padding && !pool.window.never_empty(pool.plane) {
        return Err(Stop::because("one of its windows lies entirely on padding"));
    }
    // What counts into the divisor: the plane alone, or with its explicit padding. What only ceil mode adds never counts.
    let mut counted = pool.plane;
    let mut counting = pool.window.clone();
    if include_padding {
        for (axis, length) in counted.iter_mut().enumerate() {
            *length += pool.explicit[axis] + pool.explicit[axis + 2];
            counting.pads[axis] = 0;
        }
    }
    let count = |axis: usize, position: usize| {
        let taps = 0..counting.kernel[axis];
        taps.filter(|&tap| counting.source(axis, position, tap, counted[axis]).is_some()).count()
    };
    let columns: Vec<usize> = (0..pool.output[1]).map(|x| count(1, x)).collect();
    let rows = (0..pool.output[0]).map(|y| count(0, y));
    let divisors = rows.flat_map(|row| columns.iter().map(move |column| row * column));
    let operator = Operator::AveragePool { divisors: divisors.collect(), window: pool.window };
    let value = importer.push(call, operator, vec![pool.input], pool.shape)?;
    importer.define(call, value)
}

fn global_average_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    spatial_rank(&shape)?;
    let plane = plane(&shape).ok_or_else(|| Stop::because("its input is no plane"))?;
    let operator = Operator::AveragePool { window: Window::whole(plane), divisors: vec![plane[0] * plane[1]] };
    let shape = with_plane(&shape, shape[1], [1, 1]);
    let value = importer.push(call, operator, vec![input], shape)?;
    importer.define(call, value)
}
