//! AveragePool and MaxPool.
//!
//! **AveragePool** is a depthwise contraction with ones; the multiplier per position is a column
//! factor, or a row factor when all positions agree. Cells: only the requantisation's, `limbs + 2`
//! or `limbs + 4` per output.
//!
//! **MaxPool** compares the elements of a window one after another, `max(m, x) = x + clamp(m − x,
//! 0, spread)`, with `spread` the length of the input's range, which no difference exceeds. A
//! comparison is a requantisation that divides by nothing: 2 cells (difference and rise) and one
//! lookup. A window of `t` elements takes `t − 1` comparisons, or fewer if rows and columns are
//! reduced one after the other and neighbouring windows share what they have in common. Padding is
//! the least integer of the input's range, so it never wins against an element.
//!
//! Why a chain and not a tournament: the verifier's interval arithmetic does not know that a
//! maximum is no larger than the largest element. In a balanced tree each level widens the interval
//! by `spread`; in a chain each step starts anew from the interval of the element `x`, so the
//! result exceeds the input's range by one `spread` however large the window is, and tables stay
//! short. A lane of very many elements is cut in blocks, with a chain in each and one over them.

use zkinfer_models::integer::graph::{Node, Requantise, Window};
use zkinfer_verifier::circuit::description::{Contract, NodeId, ViewKind, Weights};
use zkinfer_verifier::circuit::interval::Interval;

use super::convolution::slide;
use super::extremum::{self, Extremum};
use super::lowering::Lowering;
use super::rescale;
use crate::error::Error;

pub(super) fn average(
    lowering: &mut Lowering<'_>,
    node: &Node,
    window: &Window,
    multipliers: &[i64],
    requantise: Option<&Requantise>,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let [planes, shape] = lowering.slide(window, operand.shape, &node.shape)?;
    let centred = lowering.builder.centred(operand.node, operand.zero_point);
    let input = lowering.builder.reshape(centred, &planes);
    let offset = requantise.map_or(Some(0), rescale::offset);
    let offset = offset.ok_or_else(|| Error::Overflow { node: node.name.clone() })?;
    let channels = planes[0];
    let taps = window.kernel.iter().product::<usize>();
    let (row_factor, column_factors) = match multipliers {
        [first, others @ ..] if others.iter().all(|other| other == first) => (*first, Vec::new()),
        _ => (1, multipliers.to_vec()),
    };
    let contract = Contract {
        weights: Weights::Public(vec![1; channels.saturating_mul(taps)]),
        row_factors: vec![row_factor; channels],
        column_factors,
        bias: vec![offset; channels],
        ..slide(input, window, channels, channels)
    };
    let accumulator = lowering.builder.contract(contract, shape);
    Ok(match requantise {
        Some(requantise) => rescale::requantise(lowering, accumulator, requantise),
        None => accumulator,
    })
}

pub(super) fn maximum(
    lowering: &mut Lowering<'_>,
    node: &Node,
    window: &Window,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let [shape, [_, out_height, out_width]] = lowering.slide(window, operand.shape, &node.shape)?;
    let [channels, height, width] = shape;
    let range = extremum::range(lowering, operand.node)?;
    let input = lowering.builder.reshape(operand.node, &shape);
    let [top, left, bottom, right] = window.pads;
    let mut planes = Planes { node: input, size: [height, width], channels, range };
    planes.pad(lowering, [top, left], [bottom, right]);
    // The two dimensions: how many windows, and how far taps lie apart.
    let rows = Taps {
        axis: 0,
        taps: window.kernel[0],
        distance: window.dilations[0],
        stride: window.strides[0],
        count: out_height,
    };
    let columns = Taps {
        axis: 1,
        taps: window.kernel[1],
        distance: window.dilations[1],
        stride: window.strides[1],
        count: out_width,
    };
    let [padded_height, padded_width] = planes.size;
    if rows.taps == 1 && columns.is_long(planes.size) {
        return Ok(planes.reduced(lowering, columns)?.node);
    }
    let steps = |taps: usize, positions: usize| taps.saturating_sub(1).saturating_mul(positions);
    let outputs = out_height.saturating_mul(out_width);
    let direct = steps(rows.taps.saturating_mul(columns.taps), outputs);
    let columns_first = steps(columns.taps, padded_height.saturating_mul(out_width))
        .saturating_add(steps(rows.taps, outputs));
    let rows_first = steps(rows.taps, out_height.saturating_mul(padded_width))
        .saturating_add(steps(columns.taps, outputs));
    if direct <= columns_first.min(rows_first) {
        let lines: Vec<Planes> =
            (0..columns.taps).map(|tap| planes.slice(lowering, columns, tap)).collect();
        let window = lines.iter().flat_map(|line| (0..rows.taps).map(move |tap| (line, tap)));
        let elements = window.map(|(line, tap)| line.slice(lowering, rows, tap)).collect();
        return Ok(fold(lowering, elements)?.node);
    }
    let order = if columns_first <= rows_first { [columns, rows] } else { [rows, columns] };
    for dimension in order {
        planes = planes.reduced(lowering, dimension)?;
    }
    Ok(planes.node)
}

/// Lanes of more elements are reduced in blocks: each tap's slice reads all of the lane.
const LANE: usize = 256;

/// One dimension of a window.
#[derive(Clone, Copy)]
struct Taps {
    /// 0 for rows, 1 for columns.
    axis: usize,
    taps: usize,
    distance: usize,
    stride: usize,
    count: usize,
}

impl Taps {
    fn whole(axis: usize, taps: usize) -> Self {
        Self { axis, taps, distance: 1, stride: 1, count: 1 }
    }

    /// Whether they are all of a long lane.
    fn is_long(self, size: [usize; 2]) -> bool {
        self.axis == 1 && self.distance == 1 && self.taps > LANE && self.taps == size[1]
    }
}

/// A tensor `[channels, height, width]` of which maxima are taken.
struct Planes {
    node: NodeId,
    size: [usize; 2],
    channels: usize,
    range: Interval,
}

impl Planes {
    fn shape(&self) -> Vec<usize> {
        vec![self.channels, self.size[0], self.size[1]]
    }

    /// Surrounds the planes with an integer that never exceeds an element.
    fn pad(&mut self, lowering: &mut Lowering<'_>, before: [usize; 2], after: [usize; 2]) {
        if before == [0; 2] && after == [0; 2] {
            return;
        }
        for axis in 0..2 {
            self.size[axis] =
                self.size[axis].saturating_add(before[axis]).saturating_add(after[axis]);
        }
        let margin = |[rows, columns]: [usize; 2]| vec![0, rows, columns];
        let kind = ViewKind::Pad {
            before: margin(before),
            after: margin(after),
            value: self.range.minimum,
        };
        self.node = lowering.builder.view(&[self.node], kind, self.shape());
    }

    /// What tap `tap` of every window reads.
    fn slice(&self, lowering: &mut Lowering<'_>, taps: Taps, tap: usize) -> Self {
        let mut size = self.size;
        size[taps.axis] = taps.count;
        let mut slice = Self { size, ..*self };
        let start = tap.saturating_mul(taps.distance);
        let all = start == 0 && taps.stride == 1 && taps.count == self.size[taps.axis];
        if !all {
            let step = i64::try_from(taps.stride).unwrap_or(i64::MAX);
            let kind = ViewKind::Slice { axis: taps.axis + 1, start, step, count: taps.count };
            slice.node = lowering.builder.view(&[self.node], kind, slice.shape());
        }
        slice
    }
}

impl Planes {
    /// The largest along one dimension of every window.
    fn reduced(mut self, lowering: &mut Lowering<'_>, taps: Taps) -> Result<Self, Error> {
        if !taps.is_long(self.size) {
            let elements = (0..taps.taps).map(|tap| self.slice(lowering, taps, tap)).collect();
            return fold(lowering, elements);
        }
        // The largest of each block, and of these.
        let block = taps.taps.isqrt();
        let blocks = taps.taps.div_ceil(block);
        let missing = blocks.saturating_mul(block).saturating_sub(taps.taps);
        self.pad(lowering, [0; 2], [0, missing]);
        let lanes = self.channels.saturating_mul(self.size[0]);
        let node = lowering.builder.reshape(self.node, &[lanes, blocks, block]);
        let blocked = Self { node, size: [blocks, block], channels: lanes, range: self.range };
        let largest = blocked.reduced(lowering, Taps::whole(1, block))?;
        let largest = largest.reduced(lowering, Taps::whole(0, blocks))?;
        let size = [self.size[0], 1];
        let node = lowering.builder.reshape(largest.node, &[self.channels, size[0], 1]);
        Ok(Self { node, size, ..self })
    }
}

/// The largest of tensors of one shape, element by element.
fn fold(lowering: &mut Lowering<'_>, elements: Vec<Planes>) -> Result<Planes, Error> {
    let empty = lowering.malformed("its kernel is empty");
    let largest = elements.into_iter().reduce(|best, x| {
        let (node, _) =
            extremum::compare(&mut lowering.builder, best.node, x.node, x.range, Extremum::Largest);
        Planes { node, ..x }
    });
    largest.ok_or(empty)
}
