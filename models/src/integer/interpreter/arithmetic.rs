//! The operators that compute. Tensors are in row-major order; sizes and magnitudes were checked by
//! validation.

use std::iter;

use ndarray::{ArrayD, Axis};

use super::product::Matrix;
use crate::integer::graph::{Integers, Requantise, Window};
use crate::tensor::matrices;
use crate::tensor::moves::from_elements;
use crate::tensor::window::plane;

/// `Σ weights·(x − zero) + bias[o]` for each output channel and position.
pub(super) fn convolution(
    input: &ArrayD<i64>,
    zero: i64,
    window: &Window,
    groups: usize,
    weights: &Integers,
    bias: &[i64],
    shape: &[usize],
) -> ArrayD<i64> {
    let channels_per_group = input.shape()[1] / groups;
    let outputs_per_group = bias.len() / groups;
    let taps = window.kernel[0] * window.kernel[1];
    let planes = Planes::new(input);
    let size = shape.iter().product::<usize>() / bias.len();
    let matrix = Matrix::new(weights, channels_per_group * taps);
    let mut accumulators: Vec<i64> =
        bias.iter().flat_map(|&bias| iter::repeat_n(bias, size)).collect();
    for group in 0..groups {
        for (index, position) in positions(shape).enumerate() {
            // What the window sees of each channel; padding is zero.
            let mut seen = vec![0; channels_per_group * taps];
            for (channel, seen) in seen.chunks_mut(taps).enumerate() {
                let elements = planes.channel(group * channels_per_group + channel);
                for (tap, element) in window.taps(position, planes.size) {
                    seen[tap] = elements[element] - zero;
                }
            }
            let first = group * outputs_per_group;
            for (output, sum) in (first..).zip(matrix.times(first, outputs_per_group, &seen)) {
                accumulators[output * size + index] += sum;
            }
        }
    }
    from_elements(shape, accumulators)
}

/// `multiplier·Σ_t (a[.., m, t] − zeros[0])·(b[.., t, n] − zeros[1])`.
pub(super) fn mat_mul([a, b]: [&ArrayD<i64>; 2], zeros: [i64; 2], multiplier: i64) -> ArrayD<i64> {
    let (a, b) = (a.mapv(|x| x - zeros[0]), b.mapv(|x| x - zeros[1]));
    matrices::product(&a, &b).mapv_into(|sum| multiplier * sum)
}

/// `Σ_t weights[o, t]·(x[.., t] − zero) + bias[o]`.
pub(super) fn linear(
    input: &ArrayD<i64>,
    zero: i64,
    weights: &Integers,
    bias: &[i64],
    shape: &[usize],
) -> ArrayD<i64> {
    let terms = weights.len() / bias.len();
    let elements: Vec<i64> = input.iter().map(|x| x - zero).collect();
    let mut accumulators = Matrix::new(weights, terms).products(&elements);
    for row in accumulators.chunks_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
    }
    from_elements(shape, accumulators)
}

/// Scales each slice along `axis` by its multiplier.
pub(super) fn per_channel(
    mut accumulators: ArrayD<i64>,
    axis: usize,
    multipliers: &[i64],
) -> ArrayD<i64> {
    for (mut channel, &multiplier) in accumulators.axis_iter_mut(Axis(axis)).zip(multipliers) {
        channel.mapv_inplace(|sum| multiplier * sum);
    }
    accumulators
}

/// `Σ_j multipliers[j]·(x_j − zeros[j]) + constant`.
pub(super) fn sum(
    inputs: &[&ArrayD<i64>],
    zeros: &[i64],
    multipliers: &[i64],
    constant: &[i64],
) -> ArrayD<i64> {
    let shape = inputs[0].shape();
    let mut z = if constant.is_empty() {
        ArrayD::zeros(shape)
    } else {
        from_elements(shape, constant.to_vec())
    };
    for ((input, &zero), &multiplier) in inputs.iter().zip(zeros).zip(multipliers) {
        z.zip_mut_with(input, |z, &x| *z += multiplier * (x - zero));
    }
    z
}

/// `multipliers[p] · Σ_window (x − zero)`.
pub(super) fn average(
    input: &ArrayD<i64>,
    zero: i64,
    window: &Window,
    multipliers: &[i64],
    shape: &[usize],
) -> ArrayD<i64> {
    let planes = Planes::new(input);
    let mut accumulators = Vec::with_capacity(shape.iter().product());
    for channel in 0..shape[1] {
        let elements = planes.channel(channel);
        for (position, &multiplier) in positions(shape).zip(multipliers) {
            let taps = window.taps(position, planes.size);
            let sum: i64 = taps.map(|(_, element)| elements[element] - zero).sum();
            accumulators.push(multiplier * sum);
        }
    }
    from_elements(shape, accumulators)
}

/// The largest element of each window, padding excluded.
pub(super) fn maximum(input: &ArrayD<i64>, window: &Window, shape: &[usize]) -> ArrayD<i64> {
    let planes = Planes::new(input);
    let mut maxima = Vec::with_capacity(shape.iter().product());
    for channel in 0..shape[1] {
        let elements = planes.channel(channel);
        for position in positions(shape) {
            let taps = window.taps(position, planes.size);
            let largest = taps.map(|(_, element)| elements[element]).max();
            // Validation has shown that no window is empty.
            maxima.push(largest.unwrap_or(i64::MIN));
        }
    }
    from_elements(shape, maxima)
}

/// Rescales, or leaves the accumulator as it is.
pub(super) fn requantise(z: ArrayD<i64>, requantise: Option<&Requantise>) -> ArrayD<i64> {
    match requantise {
        Some(requantise) => z.mapv_into(|z| requantise.apply(z)),
        None => z,
    }
}

/// The channels of `[1, C, H, W]` or `[1, C, L]` as flat slices.
struct Planes {
    elements: Vec<i64>,
    size: [usize; 2],
}

impl Planes {
    fn new(input: &ArrayD<i64>) -> Self {
        Self {
            elements: input.iter().copied().collect(),
            size: plane(input.shape()).unwrap_or([1, 1]),
        }
    }

    fn channel(&self, channel: usize) -> &[i64] {
        let size = self.size[0] * self.size[1];
        &self.elements[channel * size..][..size]
    }
}

/// The positions of a result's plane, row by row.
fn positions(shape: &[usize]) -> impl Iterator<Item = [usize; 2]> + use<> {
    let [height, width] = plane(shape).unwrap_or([0, 0]);
    (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
}
