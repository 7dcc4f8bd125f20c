//! A contraction's geometry: which tap meets which input element at which output position.

use ff::Field;
use pasta_curves::Fp;

use crate::analysis::Facts;
use crate::description::Contract;
use crate::field::integer;
use crate::small::SmallSums;

/// A contraction with its shapes.
pub struct Geometry<'a> {
    /// The contraction.
    pub contract: &'a Contract,
    /// Its input `[C, H, W]`.
    pub input: &'a Facts,
    /// Its output `[M, H', W']`.
    pub output: &'a Facts,
}

impl Geometry<'_> {
    /// Taps per output channel: channels of a group times kernel size.
    pub fn depth(&self) -> usize {
        let [height, width] = self.contract.kernel;
        self.group_channels().saturating_mul(height).saturating_mul(width).max(1)
    }

    /// Output channels of a group.
    pub fn group_rows(&self) -> usize {
        self.contract.rows.checked_div(self.contract.groups).unwrap_or(0).max(1)
    }

    fn group_channels(&self) -> usize {
        self.input.shape.first().and_then(|channels| channels.checked_div(self.contract.groups)).unwrap_or(0)
    }

    /// Cotangent of the input for the output cotangent `row ⊗ column`: `Wᵀ·row` for every group, then one scatter over the positions.
    pub fn rank_one(&self, weights: &[i8], row: &[Fp], column: &[Fp]) -> Vec<Fp> {
        let mut back = vec![Fp::ZERO; self.input.elements];
        let weights = weights.chunks(self.depth().saturating_mul(self.group_rows()));
        for (group, (weights, row)) in weights.zip(row.chunks(self.group_rows())).enumerate() {
            let mut taps = SmallSums::new(self.depth());
            weights.chunks(self.depth()).zip(row).for_each(|(weights, g)| taps.add(weights, *g));
            self.scatter(group, &taps.finish(), column, &mut back);
        }
        back
    }

    /// The same for any output cotangent, at the price of every multiply-accumulate.
    pub fn dense(&self, weights: &[i8], cotangent: &[Fp], rows: usize) -> Vec<Fp> {
        let mut back = vec![Fp::ZERO; self.input.elements];
        let columns = cotangent.len().checked_div(rows).unwrap_or(0).max(1);
        let rows = weights.chunks(self.depth()).zip(cotangent.chunks(columns));
        for (row, (weights, column)) in rows.enumerate() {
            let group = row.checked_div(self.group_rows()).unwrap_or(0);
            let taps: Vec<Fp> = weights.iter().map(|&weight| integer(weight.into())).collect();
            self.scatter(group, &taps, column, &mut back);
        }
        back
    }

    /// Adds `taps[t]·column[p]` to the input element that tap `t` of the group meets at position `p`: the transpose of im2col.
    pub fn scatter(&self, group: usize, taps: &[Fp], column: &[Fp], back: &mut [Fp]) {
        self.meetings(group, |tap, positions, elements| {
            let Some(tap) = taps.get(tap) else { return };
            for (position, element) in positions.zip(elements) {
                if let (Some(g), Some(to)) = (column.get(position), back.get_mut(element)) {
                    *to += *tap * g;
                }
            }
        });
    }

    /// `Σ_p column[p]·im2col(x)[t, p]` for every tap of every group: the left factor of a sealed contraction.
    pub fn gather(&self, x: &[i64], column: &[Fp]) -> Vec<Fp> {
        let groups = 0..self.contract.groups;
        groups
            .flat_map(|group| {
                let mut taps = vec![Fp::ZERO; self.depth()];
                self.meetings(group, |tap, positions, elements| {
                    let pairs = positions.zip(elements);
                    let products = pairs
                        .filter_map(|(position, element)| Some(*column.get(position)? * integer(*x.get(element)?)));
                    let sum: Fp = products.sum();
                    taps.get_mut(tap).into_iter().for_each(|tap| *tap += sum);
                });
                taps
            })
            .collect()
    }

    /// Calls `meet` with a tap of the group, and the output positions of one line with the input elements that it meets there.
    fn meetings(
        &self,
        group: usize,
        mut meet: impl FnMut(usize, std::iter::StepBy<std::ops::Range<usize>>, std::iter::StepBy<std::ops::Range<usize>>),
    ) {
        let (&[_, height, width], &[_, out_height, out_width]) =
            (self.input.shape.as_slice(), self.output.shape.as_slice())
        else {
            return;
        };
        let [kernel_h, kernel_w] = self.contract.kernel;
        let [stride_h, stride_w] = self.contract.strides.map(|stride| stride.max(1));
        let [dilation_h, dilation_w] = self.contract.dilations;
        let [top, left, ..] = self.contract.pads;
        let channels = self.group_channels();
        let first = group.saturating_mul(channels);
        for channel in 0..channels {
            let plane = first.saturating_add(channel).saturating_mul(height.saturating_mul(width));
            for kernel_y in 0..kernel_h {
                let shift_y = kernel_y.saturating_mul(dilation_h);
                for kernel_x in 0..kernel_w {
                    let shift_x = kernel_x.saturating_mul(dilation_w);
                    let line = channel.saturating_mul(kernel_h).saturating_add(kernel_y);
                    let tap = line.saturating_mul(kernel_w).saturating_add(kernel_x);
                    // Positions `from..to` of a line meet the input at `x = position·stride + shift − left`, inside its width.
                    let from = left.saturating_sub(shift_x).div_ceil(stride_w);
                    let end = width.saturating_add(left).saturating_sub(shift_x).div_ceil(stride_w).min(out_width);
                    if from >= end {
                        continue;
                    }
                    let x = from.saturating_mul(stride_w).saturating_add(shift_x).saturating_sub(left);
                    for out_y in 0..out_height {
                        let y = out_y.saturating_mul(stride_h).saturating_add(shift_y).checked_sub(top);
                        let Some(y) = y.filter(|&y| y < height) else { continue };
                        let element = plane.saturating_add(y.saturating_mul(width)).saturating_add(x);
                        let position = out_y.saturating_mul(out_width);
                        let positions = position.saturating_add(from)..position.saturating_add(end);
                        meet(tap, positions.step_by(1), (element..usize::MAX).step_by(stride_w));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Interval, output_size};
    use crate::description::Weights;
    use crate::field::powers;

    #[test]
    fn cotangents_and_factors_agree() {
        let weights: Vec<i8> = (-36..36).map(|w| 3 * w).collect();
        let contract = Contract {
            input: 0,
            rows: 4,
            groups: 2,
            kernel: [3, 2],
            strides: [2, 1],
            pads: [1, 0, 2, 1],
            dilations: [1, 2],
            weights: Weights::Sealed,
            row_factors: vec![1; 4],
            column_factors: vec![],
            bias: vec![0; 4],
        };
        let interval = Interval { minimum: 0, maximum: 0 };
        let input = Facts { shape: vec![6, 5, 7], elements: 210, interval };
        let [height, width] = output_size(&contract, 5, 7).unwrap();
        let output = Facts { shape: vec![4, height, width], elements: 4 * height * width, interval };
        let (row, column) = (powers(Fp::from(7), 4), powers(Fp::from(11), height * width));
        let geometry = Geometry { contract: &contract, input: &input, output: &output };
        let dense: Vec<Fp> = row.iter().flat_map(|row| column.iter().map(move |column| *row * column)).collect();
        let back = geometry.rank_one(&weights, &row, &column);
        assert_eq!(back, geometry.dense(&weights, &dense, 4));

        // ⟨back, x⟩ = Σ_t u_t·v_t: the bilinear claim.
        let x: Vec<i64> = (0..210).map(|i| (i * 37) % 256 - 128).collect();
        let left = geometry.gather(&x, &column);
        let depth = geometry.depth();
        assert_eq!((depth, left.len()), (18, 36));
        let right = |group: usize, tap: usize| -> Fp {
            let rows = 2 * group..2 * group + 2;
            rows.map(|o| row[o] * integer(weights[o * depth + tap].into())).sum()
        };
        let product: Fp = left.iter().enumerate().map(|(t, u)| *u * right(t / depth, t % depth)).sum();
        let direct: Fp = back.iter().zip(&x).map(|(kappa, &x)| *kappa * integer(x)).sum();
        assert_eq!(product, direct);
    }
}
