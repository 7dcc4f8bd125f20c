//! Contractions and products, forward: gather the taps of a few positions, then one dot product per
//! output.
//!
//! Sums that fit 32 bits are summed in 32 bits, which is every int8 network with fewer than 2^16
//! taps per output. Others are below 2^62 by interval analysis, so whatever wraps on the way comes
//! back: a check at each step would cost the multiply-add instructions.

use std::num::Wrapping;
use std::ops::{Add, Mul};

use zkinfer_verifier::circuit::description::Contract;
use zkinfer_verifier::circuit::facts::Facts;
use zkinfer_verifier::field::integers::Slice;

/// Positions whose taps are gathered at a time: enough to reuse each weight row, few enough to stay
/// in the cache.
const BLOCK: usize = 64;

/// The contraction's values for an input with these facts.
pub(super) fn evaluate(
    contract: &Contract,
    weights: Slice<'_>,
    biases: &[i64],
    input: &Facts,
    output: &Facts,
    x: &[i64],
) -> Vec<i64> {
    let depth = weights.len() / contract.rows;
    let largest = x.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
    let bound = u128::from(largest) * 128 * depth as u128;
    let sums = if bound <= i32::MAX as u128 {
        // Every x is at most the bound, and weights are int8.
        let x: Vec<_> = x.iter().map(|&x| Wrapping(x as i32)).collect();
        let sums = match weights {
            Slice::Bytes(weights) => {
                let of = |&weight: &i8| Wrapping(weight.into());
                sums(contract, weights, of, input, output, &x)
            }
            Slice::Words(weights) => {
                let of = |&weight: &i64| Wrapping(weight as i32);
                sums(contract, weights, of, input, output, &x)
            }
        };
        sums.into_iter().map(|sum| sum.0.into()).collect()
    } else {
        let x: Vec<_> = x.iter().copied().map(Wrapping).collect();
        let sums = match weights {
            Slice::Bytes(weights) => {
                let of = |&weight: &i8| Wrapping(weight.into());
                sums(contract, weights, of, input, output, &x)
            }
            Slice::Words(weights) => {
                sums(contract, weights, |&weight| Wrapping(weight), input, output, &x)
            }
        };
        sums.into_iter().map(|sum| sum.0).collect()
    };
    scaled(contract, biases, output, sums)
}

/// `Σ_t left[b, m, t]·right[b, n, t]`, row-major over `b`, `m` and `n`.
pub(super) fn product(left: &[i64], right: &[i64], batches: usize, inner: usize) -> Vec<i64> {
    let matrices = left.chunks(left.len() / batches).zip(right.chunks(right.len() / batches));
    let dot = |a: &[i64], b: &[i64]| {
        a.iter().zip(b).fold(0i64, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)))
    };
    matrices
        .flat_map(|(left, right)| {
            left.chunks(inner)
                .flat_map(move |row| right.chunks(inner).map(move |column| dot(row, column)))
        })
        .collect()
}

/// `row_factors[o]·(column_factors[p]·sum + biases[o]) + bias[o]`.
fn scaled(contract: &Contract, biases: &[i64], output: &Facts, mut sums: Vec<i64>) -> Vec<i64> {
    let (_, positions) = output.matrix();
    let rows = sums.chunks_mut(positions).zip(&contract.row_factors).zip(&contract.bias);
    for (index, ((row, factor), bias)) in rows.enumerate() {
        let bias =
            bias.wrapping_add(factor.wrapping_mul(biases.get(index).copied().unwrap_or_default()));
        for (position, sum) in row.iter_mut().enumerate() {
            let column = contract.column_factors.get(position).copied().unwrap_or(1);
            *sum = sum.wrapping_mul(*factor).wrapping_mul(column).wrapping_add(bias);
        }
    }
    sums
}

/// `Σ_t weights[o, t]·im2col(x)[t, p]`, row-major over `o` and `p`.
fn sums<W, T>(
    contract: &Contract,
    weights: &[W],
    of: impl Fn(&W) -> T,
    input: &Facts,
    output: &Facts,
    x: &[T],
) -> Vec<T>
where
    T: Copy + Default + Add<Output = T> + Mul<Output = T>,
{
    let (rows, positions) = output.matrix();
    let depth = weights.len() / rows;
    let group_rows = rows / contract.groups;
    let mut sums = vec![T::default(); rows * positions];
    let mut patches = vec![T::default(); BLOCK.min(positions) * depth];
    let window = Positions::new(contract, input, output);
    for group in 0..contract.groups {
        for first in (0..positions).step_by(BLOCK) {
            let block = first..positions.min(first + BLOCK);
            for (position, patch) in block.clone().zip(patches.chunks_mut(depth)) {
                window.gather(x, group, position, patch);
            }
            for row in group * group_rows..(group + 1) * group_rows {
                let weights = &weights[row * depth..(row + 1) * depth];
                let sums = &mut sums[row * positions..][block.clone()];
                for (sum, patch) in sums.iter_mut().zip(patches.chunks(depth)) {
                    *sum = weights
                        .iter()
                        .zip(patch)
                        .fold(T::default(), |sum, (w, &x)| sum + of(w) * x);
                }
            }
        }
    }
    sums
}

/// Which input elements a position reads.
struct Positions<'a> {
    contract: &'a Contract,
    height: usize,
    width: usize,
    out_width: usize,
    group_channels: usize,
}

impl<'a> Positions<'a> {
    fn new(contract: &'a Contract, input: &Facts, output: &Facts) -> Self {
        Self {
            contract,
            height: input.shape[1],
            width: input.shape[2],
            out_width: output.shape[2],
            group_channels: input.shape[0] / contract.groups,
        }
    }

    /// Fills `patch` with the taps of one position; padding is zero.
    fn gather<T: Copy + Default>(&self, x: &[T], group: usize, position: usize, patch: &mut [T]) {
        let Contract { kernel, strides, dilations, pads, .. } = self.contract;
        let (y, left) =
            (position / self.out_width * strides[0], position % self.out_width * strides[1]);
        let plane = self.height * self.width;
        let lines = (0..self.group_channels)
            .flat_map(|channel| (0..kernel[0]).map(move |tap| (channel, tap)));
        for ((channel, tap), line) in lines.zip(patch.chunks_mut(kernel[1])) {
            let row =
                (y + tap * dilations[0]).checked_sub(pads[0]).filter(|&row| row < self.height);
            let source = row.map(|row| {
                &x[(group * self.group_channels + channel) * plane + row * self.width..]
                    [..self.width]
            });
            for (tap, value) in line.iter_mut().enumerate() {
                let column = (left + tap * dilations[1]).checked_sub(pads[1]);
                *value = column
                    .zip(source)
                    .and_then(|(column, source)| source.get(column).copied())
                    .unwrap_or_default();
            }
        }
    }
}
