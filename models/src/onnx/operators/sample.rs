//! GridSample by a constant grid: each element of the result is a fixed mixture of its input's.

use super::matrix::{along, zeros};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

pub(super) const OPERATORS: &[Registration] =
    &[Registration::new("GridSample", &["align_corners", "mode", "padding_mode"], grid_sample)];

/// Weights of the four neighbours of a place between the second and the third, `share` of the way
/// (R. Keys, Cubic convolution interpolation for digital image processing, 1981).
pub(super) fn cubic(share: f64, a: f64) -> [f64; 4] {
    let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    [far(share + 1.0), near(share), near(1.0 - share), far(2.0 - share)]
}

/// What lies beyond the borders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Zeros,
    Border,
    Reflection,
}

/// One dimension of the input.
struct Side {
    length: usize,
    corners: bool,
    beyond: Beyond,
}

impl Side {
    fn borders(&self) -> (f64, f64) {
        let last = self.length as f64 - 1.0;
        if self.corners { (0.0, last) } else { (-0.5, last + 0.5) }
    }

    /// Where a coordinate from −1 to 1 lies.
    fn place(&self, coordinate: f64) -> f64 {
        let length = self.length as f64;
        match self.corners {
            true => (coordinate + 1.0) / 2.0 * (length - 1.0),
            false => ((coordinate + 1.0) * length - 1.0) / 2.0,
        }
    }

    fn reflect(&self, x: f64) -> f64 {
        let (low, high) = self.borders();
        let span = high - low;
        if span <= 0.0 {
            return low.max(0.0);
        }
        let turned = (x - low).rem_euclid(2.0 * span);
        low + if turned > span { 2.0 * span - turned } else { turned }
    }

    /// A place that is inside as the padding has it, if it is not there already.
    fn inside(&self, x: f64) -> f64 {
        let (low, high) = self.borders();
        match self.beyond {
            Beyond::Border if x < low || x > high => x.clamp(0.0, self.length as f64 - 1.0),
            Beyond::Reflection if x < low || x > high => self.reflect(x),
            _ => x,
        }
    }

    /// The element at an index, if there is one.
    fn element(&self, index: f64) -> Option<usize> {
        let last = self.length as f64 - 1.0;
        let index = match self.beyond {
            Beyond::Zeros if !(0.0..=last).contains(&index) => return None,
            Beyond::Zeros => index,
            Beyond::Border => index.clamp(0.0, last),
            Beyond::Reflection => self.reflect(index).clamp(0.0, last),
        };
        Some(index as usize)
    }

    /// The elements that a coordinate takes its value from, with their weights.
    fn mixture(&self, coordinate: f64, mode: &str) -> Result<Vec<(usize, f64)>, Stop> {
        let x = self.place(coordinate);
        let (first, weights) = match mode {
            "nearest" => (self.inside(x.round_ties_even()).trunc(), vec![1.0]),
            "linear" | "bilinear" => {
                let x = self.inside(x);
                let share = x - x.floor();
                (x.floor(), vec![1.0 - share, share])
            }
            "cubic" | "bicubic" => {
                let x = self.inside(x);
                (x.floor() - 1.0, cubic(x - x.floor(), -0.75).to_vec())
            }
            other => return Err(Stop::Because(format!("attribute `mode` is {other:?}"))),
        };
        let terms = weights
            .into_iter()
            .enumerate()
            .filter_map(|(offset, weight)| Some((self.element(first + offset as f64)?, weight)));
        Ok(terms.collect())
    }
}

fn grid_sample<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let grid = importer.constant(call, 1)?;
    let shape = importer.graph.shape(input).to_vec();
    let ([batch, channels, sides @ ..], [grids, places @ .., coordinates]) =
        (&shape[..], grid.shape())
    else {
        return Err(Stop::Because(format!(
            "its input has shape {shape:?} and its grid {:?}",
            grid.shape()
        )));
    };
    if grids != batch || *coordinates != sides.len() || sides.is_empty() {
        return Err(Stop::Because(format!(
            "a grid of shape {:?} for an input of shape {shape:?}",
            grid.shape()
        )));
    }
    let mode = call.string("mode", "linear")?;
    let beyond = match call.string("padding_mode", "zeros")?.as_str() {
        "zeros" => Beyond::Zeros,
        "border" => Beyond::Border,
        "reflection" => Beyond::Reflection,
        other => return Err(Stop::Because(format!("attribute `padding_mode` is {other:?}"))),
    };
    let corners = call.flag("align_corners", false)?;
    let sides: Vec<Side> = sides.iter().map(|&length| Side { length, corners, beyond }).collect();
    let area: usize = sides.iter().map(|side| side.length).product();
    let count: usize = places.iter().product();
    let numbers: Vec<f64> = grid.finite()?.iter().map(|&x| f64::from(x)).collect();
    let parts = importer.parts(call, input, 0)?;
    let mut results = Vec::with_capacity(parts.len());
    for (part, grid) in parts.into_iter().zip(numbers.chunks(count * sides.len())) {
        let mut matrix = zeros(importer, count, area)?;
        for (row, place) in matrix.chunks_mut(area).zip(grid.chunks(sides.len())) {
            // Coordinates come in reverse: the last dimension's first.
            let mut terms = vec![(0, 1.0)];
            for (side, &coordinate) in sides.iter().zip(place.iter().rev()) {
                let mixture = side.mixture(coordinate, &mode)?;
                let joined = terms.iter().flat_map(|&(index, weight)| {
                    let next = mixture.iter();
                    next.map(move |&(at, share)| (index * side.length + at, weight * share))
                });
                terms = joined.collect();
            }
            for (index, weight) in terms {
                row[index] += weight as f32;
            }
        }
        let flat = importer.reshape(call, part, vec![1, *channels, area])?;
        results.push(along(importer, call, flat, 2, (matrix, vec![0.0; count]))?);
    }
    let value = importer.concat(call, results, 0)?;
    let value = importer.reshape(call, value, [&[*batch, *channels], places].concat())?;
    importer.define(call, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixtures_end_at_the_borders() {
        let side = |beyond| Side { length: 4, corners: false, beyond };
        let at = |beyond, coordinate| side(beyond).mixture(coordinate, "linear").unwrap();
        assert_eq!(at(Beyond::Zeros, -1.0), [(0, 0.5)]);
        assert_eq!(at(Beyond::Border, -1.0), [(0, 0.5), (0, 0.5)]);
        assert_eq!(at(Beyond::Reflection, -2.0), [(1, 0.5), (2, 0.5)]);
        assert_eq!(at(Beyond::Zeros, 0.0), [(1, 0.5), (2, 0.5)]);
        let cornered = Side { length: 4, corners: true, beyond: Beyond::Zeros };
        assert_eq!(cornered.mixture(1.0, "nearest").unwrap(), [(3, 1.0)]);
    }

    #[test]
    fn cubic_weights_sum_to_one() {
        for share in [0.0, 0.25, 0.5] {
            assert!((cubic(share, -0.75).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(cubic(0.0, -0.5), [0.0, 1.0, 0.0, 0.0]);
    }
}
