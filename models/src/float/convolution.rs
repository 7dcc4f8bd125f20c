//! Convolution of real numbers: what the windows see is a matrix, and the kernels are another.
//!
//! Calibration spends its time here.

use std::ops::Range;

use ndarray::{Array2, ArrayD, ArrayView2, Axis};

use crate::integer::graph::Window;
use crate::tensor::moves::from_elements;
use crate::tensor::window::plane;

/// Numbers that are gathered from the input at once.
const SEEN: usize = 1 << 22;

/// `weights` has a row per output channel, `shape` is the result's.
pub(super) fn convolution(
    input: &ArrayD<f64>,
    window: &Window,
    groups: usize,
    weights: &Array2<f64>,
    bias: &[f64],
    shape: &[usize],
) -> ArrayD<f64> {
    let size = plane(input.shape()).unwrap_or([1, 1]);
    let [height, width] = plane(shape).unwrap_or([1, 1]);
    let (area, positions) = (size[0] * size[1], height * width);
    let (channels, rows) = (input.shape()[1] / groups, bias.len() / groups);
    let taps = window.kernel[0] * window.kernel[1];
    let x: Vec<f64> = input.iter().copied().collect();
    // What so many windows see at once is held in memory.
    let block = (SEEN / (channels * taps)).clamp(1, positions);
    let mut result = vec![0.0; bias.len() * positions];
    for group in 0..groups {
        let planes = &x[group * channels * area..][..channels * area];
        let kernels = weights.slice_axis(Axis(0), (group * rows..(group + 1) * rows).into());
        for first in (0..positions).step_by(block) {
            let seen = first..positions.min(first + block);
            let products = match ArrayView2::from_shape((channels, area), planes) {
                // A window of one element sees the planes as they are.
                Ok(planes) if *window == Window::unit() => {
                    kernels.dot(&planes.slice_axis(Axis(1), seen.into()))
                }
                _ => kernels.dot(&patches(planes, window, size, width, seen)),
            };
            for (row, sums) in (group * rows..).zip(products.rows()) {
                let target = result[row * positions + first..].iter_mut();
                target.zip(sums).for_each(|(result, sum)| *result = sum + bias[row]);
            }
        }
    }
    from_elements(shape, result)
}

/// What the windows at `seen` positions see: a column each, with a row per channel and tap.
fn patches(
    planes: &[f64],
    window: &Window,
    size: [usize; 2],
    width: usize,
    seen: Range<usize>,
) -> Array2<f64> {
    let channels = planes.len() / (size[0] * size[1]);
    let [kernel_height, kernel_width] = window.kernel;
    let mut patches = Array2::zeros((channels * kernel_height * kernel_width, seen.len()));
    let taps = (0..channels).flat_map(|channel| {
        let row = move |row| (0..kernel_width).map(move |column| (channel, [row, column]));
        (0..kernel_height).flat_map(row)
    });
    for ((channel, tap), mut row) in taps.zip(patches.rows_mut()) {
        let Some(row) = row.as_slice_mut() else { continue };
        let plane = &planes[channel * size[0] * size[1]..][..size[0] * size[1]];
        for y in seen.start / width..seen.end.div_ceil(width) {
            let Some(source) = window.source(0, y, tap[0], size[0]) else { continue };
            let source = &plane[source * size[1]..][..size[1]];
            // The positions of this row that are seen, and of these the ones not on padding.
            let line = y * width;
            let columns = seen.start.max(line) - line..seen.end.min(line + width) - line;
            let inside = inside(window, tap[1], size[1]);
            let columns = columns.start.max(inside.start)..columns.end.min(inside.end);
            if columns.is_empty() {
                continue;
            }
            let target = &mut row[line + columns.start - seen.start..][..columns.len()];
            let stride = window.strides[1];
            let first = columns.start * stride + tap[1] * window.dilations[1] - window.pads[1];
            if stride == 1 {
                target.copy_from_slice(&source[first..][..target.len()]);
            } else {
                let source = source[first..].iter().step_by(stride);
                target.iter_mut().zip(source).for_each(|(target, source)| *target = *source);
            }
        }
    }
    patches
}

/// The positions along a line of `length` elements where a tap does not fall on padding.
fn inside(window: &Window, tap: usize, length: usize) -> Range<usize> {
    let offset = tap * window.dilations[1];
    let position = |padded: usize| padded.saturating_sub(offset).div_ceil(window.strides[1]);
    position(window.pads[1])..position(window.pads[1] + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(index: usize) -> f64 {
        ((index * 2_654_435_761) % 1000) as f64 - 500.0
    }

    /// Holds some positions of a convolution over `[1, channels, …size]` against its definition.
    fn check(channels: usize, size: [usize; 2], rows: usize, groups: usize, window: &Window) {
        let input: Vec<f64> = (0..channels * size[0] * size[1]).map(number).collect();
        let (own, taps) = (channels / groups, window.kernel[0] * window.kernel[1]);
        let weights: Vec<f64> = (0..rows * own * taps).map(|index| number(index + 7)).collect();
        let matrix = Array2::from_shape_vec((rows, own * taps), weights.clone()).unwrap();
        let bias: Vec<f64> = (0..rows).map(|row| row as f64 + 1.0).collect();
        let x = from_elements(&[1, channels, size[0], size[1]], input.clone());
        let [height, width] = window.output(size).unwrap();
        let result = convolution(&x, window, groups, &matrix, &bias, &[1, rows, height, width]);
        for position in (0..height * width).step_by(1 + height * width / 800) {
            let at = [position / width, position % width];
            for row in 0..rows {
                let group = row / (rows / groups);
                let sum = |channel: usize| {
                    let plane = &input[(group * own + channel) * size[0] * size[1]..];
                    let kernel = &weights[(row * own + channel) * taps..];
                    let seen = window.taps(at, size);
                    seen.map(|(tap, element)| kernel[tap] * plane[element]).sum::<f64>()
                };
                // Whole numbers of less than 53 bits: sums are exact in any order.
                let expected = bias[row] + (0..own).map(sum).sum::<f64>();
                assert_eq!(result[[0, row, at[0], at[1]]], expected, "{row} at {at:?}");
            }
        }
    }

    #[test]
    fn every_geometry() {
        let window = |kernel, strides, pads, dilations| Window { kernel, strides, pads, dilations };
        for window in [
            Window::unit(),
            window([1, 1], [2, 3], [0; 4], [1, 1]),
            window([3, 3], [1, 1], [1; 4], [1, 1]),
            window([3, 2], [2, 2], [1, 0, 2, 1], [1, 2]),
            window([2, 5], [1, 3], [0, 4, 1, 4], [3, 1]),
            window([7, 7], [2, 2], [6, 6, 6, 6], [1, 1]),
        ] {
            check(4, [9, 11], 6, 1, &window);
            check(4, [9, 11], 4, 4, &window);
            check(4, [7, 7], 6, 2, &window);
        }
    }

    /// More than is gathered at once: the pieces meet at a position that is neither the first nor
    /// the last of a row.
    #[test]
    fn in_pieces() {
        let (channels, size) = (64, 90);
        assert!(channels * 9 * size * size > SEEN && !(SEEN / (channels * 9)).is_multiple_of(size));
        let window = Window { kernel: [3, 3], pads: [1; 4], ..Window::unit() };
        check(channels, [size, size], 4, 1, &window);
        // Those of one element too.
        check(520, [size, size], 2, 1, &Window::unit());
    }
}
