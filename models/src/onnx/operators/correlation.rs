//! Convolutions whose weights are computed too: products of matrices, of which one has what each
//! window sees as a column.

use super::matmul;
use super::spatial::{Padding, Sides, batches, groups, spatial_rank};
use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// A window along one spatial dimension.
struct Line {
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
    output: usize,
}

impl Line {
    /// One of a window's two, over `length` elements.
    fn of(window: &Window, axis: usize, length: usize) -> Result<Self, Stop> {
        let [kernel, stride, dilation] =
            [window.kernel[axis], window.strides[axis], window.dilations[axis]];
        let [before, after] = [window.pads[axis], window.pads[axis + 2]];
        let reach = (kernel - 1) * dilation + 1;
        let room = (length + before + after).checked_sub(reach);
        let room =
            room.ok_or_else(|| Stop::because("its kernel is larger than the padded input"))?;
        Ok(Self { kernel, stride, dilation, before, after, output: room / stride + 1 })
    }

    /// Those of a node, one for each spatial dimension.
    fn all(sides: &Sides, shape: &[usize]) -> Result<Vec<Self>, Stop> {
        match *shape {
            [_, _, depth, height, width] => {
                let [column, plane] = sides.depth_and_plane();
                let column = column.window(&[1, 1, depth, 1], Padding::Zero)?.window;
                let plane = plane.window(&[1, 1, height, width], Padding::Zero)?.window;
                Ok(vec![
                    Self::of(&column, 0, depth)?,
                    Self::of(&plane, 0, height)?,
                    Self::of(&plane, 1, width)?,
                ])
            }
            _ => {
                let window = sides.window(shape, Padding::Zero)?.window;
                let first = 4 - shape.len();
                let lengths = shape[2..].iter().enumerate();
                lengths.map(|(axis, &length)| Self::of(&window, first + axis, length)).collect()
            }
        }
    }
}

pub(super) fn computed_weights<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    weights: ValueId,
) -> Result<ValueId, Stop> {
    let dimensions = importer.graph.shape(weights).to_vec();
    batches(importer, call, input, |importer, input| {
        let shape = importer.graph.shape(input).to_vec();
        spatial_rank(&shape)?;
        if dimensions.len() != shape.len() {
            return Err(Stop::Because(format!(
                "weights of shape {dimensions:?} for an input of shape {shape:?}"
            )));
        }
        let groups = groups(call, shape[1], dimensions[1], dimensions[0])?;
        let lines = Line::all(&Sides::read(call, &dimensions[2..])?, &shape)?;
        let taps: usize = lines.iter().map(|line| line.kernel).product();
        let output: Vec<usize> = lines.iter().map(|line| line.output).collect();
        let area: usize = output.iter().product();
        importer.fits(&[shape[1], taps, area])?;
        let x = padded(importer, call, input, &lines)?;
        let mut seen = Vec::with_capacity(taps);
        for tap in 0..taps {
            let part = at_tap(importer, call, x, &lines, tap)?;
            seen.push(importer.reshape(call, part, vec![1, shape[1], 1, area])?);
        }
        let columns = importer.concat(call, seen, 2)?;
        let terms = dimensions[1] * taps;
        let columns = importer.reshape(call, columns, vec![groups, terms, area])?;
        let rows = vec![groups, dimensions[0] / groups, terms];
        let rows = importer.reshape(call, weights, rows)?;
        let product = matmul::product(importer, call, [rows, columns])?;
        importer.reshape(call, product, [&[1, dimensions[0]], &output[..]].concat())
    })
}

fn padded<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    lines: &[Line],
) -> Result<ValueId, Stop> {
    let around = |side: fn(&Line) -> usize| {
        [&[0, 0][..], &lines.iter().map(side).collect::<Vec<_>>()].concat()
    };
    let (before, after) = (around(|line| line.before), around(|line| line.after));
    if before.iter().chain(&after).all(|&padding| padding == 0) {
        return Ok(input);
    }
    let mut shape = importer.graph.shape(input).to_vec();
    shape.iter_mut().zip(before.iter().zip(&after)).for_each(|(length, (a, b))| *length += a + b);
    let pad = Operator::Pad { before, after, value: 0.0 };
    importer.push(call, pad, vec![input], shape)
}

/// What all windows have at one tap of the kernel.
fn at_tap<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    mut value: ValueId,
    lines: &[Line],
    mut tap: usize,
) -> Result<ValueId, Stop> {
    for (axis, line) in lines.iter().enumerate().rev() {
        let mut shape = importer.graph.shape(value).to_vec();
        shape[axis + 2] = line.output;
        let start = (tap % line.kernel) * line.dilation;
        tap /= line.kernel;
        let slice = Operator::Slice { axis: axis + 2, start, step: line.stride as isize };
        value = importer.push(call, slice, vec![value], shape)?;
    }
    Ok(value)
}
