//! Geometry of sliding windows: which output positions exist and which input element each tap
//! reads.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_ELEMENTS;

/// A window sliding over the last two dimensions of `[1, C, H, W]`. One-dimensional windows over
/// `[1, C, L]` are stored with height 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Padding: top, left, bottom, right (ceil mode is already resolved into more bottom/right
    /// padding).
    pub pads: [usize; 4],
    /// Distance between kernel elements, down and right.
    pub dilations: [usize; 2],
}

impl Window {
    /// The window of one element: kernel 1, stride 1, no padding.
    pub fn unit() -> Self {
        Self { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] }
    }

    /// The window that covers a whole plane at once.
    pub fn whole(plane: [usize; 2]) -> Self {
        Self { kernel: plane, ..Self::unit() }
    }

    /// Elements that the dilated kernel spans in one dimension (0: height, 1: width).
    pub fn reach(&self, axis: usize) -> Option<usize> {
        let taps = self.kernel[axis].checked_sub(1)?;
        taps.checked_mul(self.dilations[axis])?.checked_add(1)
    }

    /// Height and width of the result over a plane of `input` elements. `None` if the window is
    /// malformed (a zero kernel, stride or dilation, a padded length above [`MAX_ELEMENTS`]) or
    /// larger than the padded plane.
    pub fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let mut output = [0; 2];
        for axis in 0..2 {
            if self.dilations[axis] == 0 {
                return None;
            }
            let padded = input[axis]
                .checked_add(self.pads[axis])?
                .checked_add(self.pads[axis + 2])
                .filter(|&padded| padded <= MAX_ELEMENTS)?;
            let room = padded.checked_sub(self.reach(axis)?)?;
            output[axis] = room.checked_div(self.strides[axis])? + 1;
        }
        Some(output)
    }

    /// The input index that tap `tap` of output position `output` reads in one dimension of
    /// `length` elements; `None` where it falls on padding.
    pub fn source(&self, axis: usize, output: usize, tap: usize, length: usize) -> Option<usize> {
        let padded = output * self.strides[axis] + tap * self.dilations[axis];
        padded.checked_sub(self.pads[axis]).filter(|&index| index < length)
    }

    /// The taps of output position `output` that do not fall on padding, in one dimension of
    /// `length` elements.
    pub fn inside(&self, axis: usize, output: usize, length: usize) -> Range<usize> {
        let begin = output * self.strides[axis];
        let tap = |index: usize| {
            index.saturating_sub(begin).div_ceil(self.dilations[axis]).min(self.kernel[axis])
        };
        tap(self.pads[axis])..tap(self.pads[axis] + length)
    }

    /// Whether every window over a plane of `input` elements reads at least one that is not
    /// padding.
    pub fn never_empty(&self, input: [usize; 2]) -> bool {
        let Some(output) = self.output(input) else {
            return false;
        };
        (0..2).all(|axis| {
            (0..output[axis]).all(|position| !self.inside(axis, position, input[axis]).is_empty())
        })
    }

    /// For one output position, the pairs (tap number within the kernel, element number within the
    /// plane) that do not fall on padding, in row-major order.
    pub fn taps(
        &self,
        position: [usize; 2],
        input: [usize; 2],
    ) -> impl Iterator<Item = (usize, usize)> + '_ {
        let columns = self.inside(1, position[1], input[1]);
        let source = move |axis: usize, tap: usize| {
            position[axis] * self.strides[axis] + tap * self.dilations[axis] - self.pads[axis]
        };
        self.inside(0, position[0], input[0]).flat_map(move |row| {
            let y = source(0, row);
            let columns = columns.clone();
            columns.map(move |column| {
                (row * self.kernel[1] + column, y * input[1] + source(1, column))
            })
        })
    }
}

/// Height and width of `[1, C, H, W]`, or `[1, L]` for `[1, C, L]`; `None` for any other shape.
pub fn plane(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [1, _, height, width] => Some([height, width]),
        [1, _, length] => Some([1, length]),
        _ => None,
    }
}

/// Elements that a window of a pool reads at most.
pub(crate) fn taps(window: &Window, input: &[usize]) -> usize {
    let plane = plane(input).unwrap_or([1, 1]);
    window.kernel[0].min(plane[0]).saturating_mul(window.kernel[1].min(plane[1]))
}

/// The shape with `channels` and `plane` in the form of `like`: rank 3 stays rank 3.
pub(crate) fn with_plane(like: &[usize], channels: usize, plane: [usize; 2]) -> Vec<usize> {
    if like.len() == 3 {
        vec![1, channels, plane[1]]
    } else {
        vec![1, channels, plane[0], plane[1]]
    }
}

/// Number of elements of a shape; `None` if a dimension is zero or there are more than
/// [`MAX_ELEMENTS`].
pub fn element_count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |count, &length| count.checked_mul(length))
        .filter(|count| (1..=MAX_ELEMENTS).contains(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_counts_only_windows_that_fit() {
        let window =
            Window { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1], dilations: [1, 3] };
        // Height: 5 + 1 − 3 = 3, 3 / 2 + 1 = 2. Width: 4 + 1 − 4 = 1, 1 / 1 + 1 = 2.
        assert_eq!(window.output([5, 4]), Some([2, 2]));
        assert_eq!(window.output([1, 4]), None);
    }

    #[test]
    fn malformed_windows_have_no_output() {
        for broken in [
            Window { kernel: [0, 1], ..Window::unit() },
            Window { strides: [0, 1], ..Window::unit() },
            Window { dilations: [1, 0], ..Window::unit() },
            Window { pads: [usize::MAX, 0, 1, 0], ..Window::unit() },
            Window { kernel: [usize::MAX, 1], dilations: [2, 1], ..Window::unit() },
        ] {
            assert_eq!(broken.output([4, 4]), None, "{broken:?}");
        }
    }

    #[test]
    fn taps_skip_padding() {
        let window = Window { kernel: [2, 2], pads: [1, 1, 0, 0], ..Window::unit() };
        let corner: Vec<_> = window.taps([0, 0], [3, 3]).collect();
        assert_eq!(corner, [(3, 0)]);
        let inside: Vec<_> = window.taps([1, 2], [3, 3]).collect();
        assert_eq!(inside, [(0, 1), (1, 2), (2, 4), (3, 5)]);
    }

    #[test]
    fn taps_inside_are_those_with_a_source() {
        for (kernel, stride, dilation, before, length) in (0..1200)
            .map(|i| (1 + i % 4, 1 + i / 4 % 3, 1 + i / 12 % 3, i / 36 % 6, 1 + i / 216 % 6))
        {
            let window = Window {
                kernel: [kernel, 1],
                strides: [stride, 1],
                pads: [before, 0, 4, 0],
                dilations: [dilation, 1],
            };
            for output in 0..window.output([length, 1]).map_or(0, |[count, _]| count) {
                let inside: Vec<usize> = window.inside(0, output, length).collect();
                let with_source =
                    (0..kernel).filter(|&tap| window.source(0, output, tap, length).is_some());
                assert_eq!(
                    inside,
                    with_source.collect::<Vec<_>>(),
                    "{window:?} at {output} of {length}"
                );
            }
        }
    }

    #[test]
    fn empty_windows_are_found() {
        let window = |pads, dilations| Window { kernel: [2, 1], strides: [1, 1], pads, dilations };
        assert!(window([1, 0, 1, 0], [1, 1]).never_empty([3, 3]));
        assert!(!window([2, 0, 0, 0], [1, 1]).never_empty([3, 3]));
        assert!(!window([0, 0, 2, 0], [1, 1]).never_empty([3, 3]));
        // Both taps straddle the only row.
        assert!(!window([1, 0, 1, 0], [2, 1]).never_empty([1, 1]));
    }

    #[test]
    fn element_count_refuses_empty_and_huge() {
        assert_eq!(element_count(&[]), Some(1));
        assert_eq!(element_count(&[2, 3]), Some(6));
        assert_eq!(element_count(&[2, 0]), None);
        assert_eq!(element_count(&[usize::MAX, 2]), None);
        assert_eq!(element_count(&[MAX_ELEMENTS, 2]), None);
    }
}
