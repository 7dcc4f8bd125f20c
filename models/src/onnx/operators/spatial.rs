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

/// Number of spatial dimensions, 1 to 3, of `[1, C, …]`.
pub(super) fn spatial_rank(shape: &[usize]) -> Result<usize, Stop> {
    match shape {
        [1, _, rest @ ..] if (1..=3).contains(&rest.len()) => Ok(rest.len()),
        [batch, _, rest @ ..] if (1..=3).contains(&rest.len()) => Err(Stop::Because(format!(
            "its input has batch {batch}, expected 1; export the model with batch 1 or a dynamic \
            batch"
        ))),
        _ => Err(Stop::Because(format!(
            "its input has shape {shape:?}, expected one to three dimensions behind batch and \
            channels"
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

/// Number of groups, of which `channels` and `outputs` are multiples.
pub(super) fn groups(
    call: &Call<'_>,
    input: usize,
    channels: usize,
    outputs: usize,
) -> Result<usize, Stop> {
    let groups = usize::try_from(call.int("group", 1)?).unwrap_or(0);
    if groups == 0 || channels.checked_mul(groups) != Some(input) || !outputs.is_multiple_of(groups)
    {
        return Err(Stop::Because(format!(
            "{groups} groups of {channels} channels and {outputs} outputs do not fit an input of \
            {input} channels"
        )));
    }
    Ok(groups)
}

/// A node's window.
pub(super) struct Spatial {
    pub(super) window: Window,
    /// The window's padding before ceil mode changed it.
    pub(super) explicit: [usize; 4],
}

/// Attributes along some spatial dimensions.
#[derive(Clone)]
pub(super) struct Sides {
    pub(super) kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    before: Vec<usize>,
    after: Vec<usize>,
    auto_pad: String,
}

impl Sides {
    /// Those of a node.
    pub(super) fn read(call: &Call<'_>, kernel: &[usize]) -> Result<Self, Stop> {
        let rank = kernel.len();
        let auto_pad = call.string("auto_pad", "NOTSET")?;
        let pads = match auto_pad.as_str() {
            "NOTSET" => call.sizes("pads", 2 * rank, 0, 0)?,
            "VALID" | "SAME_UPPER" | "SAME_LOWER" => vec![0; 2 * rank],
            other => return Err(Stop::Because(format!("attribute `auto_pad` is {other:?}"))),
        };
        Ok(Self {
            kernel: kernel.to_vec(),
            strides: call.sizes("strides", rank, 1, 1)?,
            dilations: call.sizes("dilations", rank, 1, 1)?,
            before: pads[..rank].to_vec(),
            after: pads[rank..].to_vec(),
            auto_pad,
        })
    }

    /// Those of the first of three dimensions, and of the other two. The first one's are those of a
    /// plane one element wide.
    pub(super) fn depth_and_plane(&self) -> [Self; 2] {
        let beside = |list: &[usize], unit: usize| vec![list[0], unit];
        let behind = |list: &[usize]| list[1..].to_vec();
        let auto_pad = self.auto_pad.clone();
        let depth = Self {
            kernel: beside(&self.kernel, 1),
            strides: beside(&self.strides, 1),
            dilations: beside(&self.dilations, 1),
            before: beside(&self.before, 0),
            after: beside(&self.after, 0),
            auto_pad: auto_pad.clone(),
        };
        let plane = Self {
            kernel: behind(&self.kernel),
            strides: behind(&self.strides),
            dilations: behind(&self.dilations),
            before: behind(&self.before),
            after: behind(&self.after),
            auto_pad,
        };
        [depth, plane]
    }

    /// The window that they describe over an input of `shape`.
    pub(super) fn window(&self, shape: &[usize], padding: Padding) -> Result<Spatial, Stop> {
        let [top, left] = two(&self.before, 0);
        let [bottom, right] = two(&self.after, 0);
        let mut window = Window {
            kernel: two(&self.kernel, 1),
            strides: two(&self.strides, 1),
            pads: [top, left, bottom, right],
            dilations: two(&self.dilations, 1),
        };
        let input = plane(shape).ok_or_else(|| Stop::because("its input is no plane"))?;
        match self.auto_pad.as_str() {
            "SAME_UPPER" => same(&mut window, input, false)?,
            "SAME_LOWER" => same(&mut window, input, true)?,
            _ => {}
        }
        let explicit = window.pads;
        if padding == Padding::Ceil && self.auto_pad == "NOTSET" {
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
