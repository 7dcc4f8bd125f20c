//! Attributes that convolutions and pools share: kernel, strides, dilations, and the three ways to
//! say padding.

use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::tensor::window::plane;

/// How positions beyond the explicit padding are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// Only whole windows count.
    Zero,
    /// Ceil mode: a last window may reach beyond the padding.
    Ceil,
}

/// Number of spatial dimensions (1 or 2) of `[1, C, L]` or `[1, C, H, W]`.
pub(super) fn spatial_rank(shape: &[usize]) -> Result<usize, Stop> {
    match shape {
        [1, _, _] => Ok(1),
        [1, _, _, _] => Ok(2),
        [_, _, _] | [_, _, _, _] => Err(Stop::Because(format!(
            "its input has batch {}, expected 1; export the model with batch 1 or a dynamic batch",
            shape[0]
        ))),
        _ => Err(Stop::Because(format!(
            "its input has shape {shape:?}, expected [1, C, L] or [1, C, H, W]"
        ))),
    }
}

/// Carries an operator on one batch out on each of several, and joins the results.
pub(super) fn batches<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    mut operator: impl FnMut(&mut Importer<'a>, ValueId) -> Result<ValueId, Stop>,
) -> Result<ValueId, Stop> {
    if importer.graph.shape(input).first() == Some(&1) || importer.graph.shape(input).is_empty() {
        return operator(importer, input);
    }
    let mut results = Vec::new();
    for part in importer.parts(call, input, 0)? {
        results.push(operator(importer, part)?);
    }
    importer.concat(call, results, 0)
}

/// A node's window.
pub(super) struct Spatial {
    pub(super) window: Window,
    /// The window's padding before ceil mode changed it.
    pub(super) explicit: [usize; 4],
}

/// The window that a node's attributes describe over an input of `shape`.
pub(super) fn window(
    call: &Call<'_>,
    shape: &[usize],
    kernel: &[usize],
    padding: Padding,
) -> Result<Spatial, Stop> {
    let rank = kernel.len();
    let mut window = Window {
        kernel: two(kernel, 1),
        strides: two(&call.sizes("strides", rank, 1, 1)?, 1),
        pads: [0; 4],
        dilations: two(&call.sizes("dilations", rank, 1, 1)?, 1),
    };
    let input = plane(shape).ok_or_else(|| Stop::because("its input is no plane"))?;
    match call.string("auto_pad", "NOTSET")?.as_str() {
        "NOTSET" => {
            let pads = call.sizes("pads", 2 * rank, 0, 0)?;
            let (before, after) = pads.split_at(rank);
            let [top, left] = two(before, 0);
            let [bottom, right] = two(after, 0);
            window.pads = [top, left, bottom, right];
        }
        "VALID" => {}
        "SAME_UPPER" => same(&mut window, input, false)?,
        "SAME_LOWER" => same(&mut window, input, true)?,
        other => return Err(Stop::Because(format!("attribute `auto_pad` is {other:?}"))),
    }
    let explicit = window.pads;
    if padding == Padding::Ceil && call.string("auto_pad", "NOTSET")? == "NOTSET" {
        round_up(&mut window, input)?;
    }
    match window.output(input) {
        Some(_) => Ok(Spatial { window, explicit }),
        None => Err(Stop::Because(format!(
            "its window (kernel {:?}, dilations {:?}, pads {:?}) does not fit an input of \
            {input:?}",
            window.kernel, window.dilations, window.pads
        ))),
    }
}

/// One or two spatial numbers as two: a missing height is `height`.
fn two(numbers: &[usize], height: usize) -> [usize; 2] {
    match *numbers {
        [height, width] => [height, width],
        [width] => [height, width],
        _ => [height, height],
    }
}

fn reach(window: &Window, axis: usize) -> Result<usize, Stop> {
    let reach = window.reach(axis);
    reach.ok_or_else(|| Stop::because("its kernel is too large"))
}

/// Pads so that there are `⌈input / stride⌉` windows; the odd element goes after, or with `lower`
/// before.
fn same(window: &mut Window, input: [usize; 2], lower: bool) -> Result<(), Stop> {
    for (axis, &length) in input.iter().enumerate() {
        let steps = length.div_ceil(window.strides[axis]) - 1;
        let span = steps * window.strides[axis] + reach(window, axis)?;
        let total = span.saturating_sub(length);
        let (small, large) = (total / 2, total - total / 2);
        let (before, after) = if lower { (large, small) } else { (small, large) };
        window.pads[axis] = before;
        window.pads[axis + 2] = after;
    }
    Ok(())
}

/// Ceil mode as more (or less) padding after: the last window may be cut off, but begins on the
/// input or the padding before.
fn round_up(window: &mut Window, input: [usize; 2]) -> Result<(), Stop> {
    for (axis, &length) in input.iter().enumerate() {
        let before = window.pads[axis];
        let stride = window.strides[axis];
        let padded = length.saturating_add(before).saturating_add(window.pads[axis + 2]);
        let Some(room) = padded.checked_sub(reach(window, axis)?) else {
            continue; // The caller reports that the window does not fit.
        };
        let mut steps = room.div_ceil(stride);
        if steps * stride >= length + before {
            steps -= 1;
        }
        if steps != room / stride {
            let span = steps * stride + reach(window, axis)?;
            window.pads[axis + 2] = span.saturating_sub(length + before);
        }
    }
    Ok(())
}
