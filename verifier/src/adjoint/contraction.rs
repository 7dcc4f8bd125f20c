//! A contraction's transpose on cotangents.
//!
//! The step back through a contraction is cheap where the output's cotangent is `row ⊗ column` with
//! `column[p] = σ^p`: the taps carry `w = Wᵀ·row`, and every element gets its share from that of
//! its neighbours (`sliding.rs`). Otherwise it costs what the contraction does.

use std::iter::StepBy;
use std::ops::Range;

use ff::Field;
use pasta_curves::Fp;

use crate::adjoint::sliding::{Sliding, Sliding2};
use crate::circuit::description::Contract;
use crate::circuit::geometry::Geometry;
use crate::field::integer;
use crate::field::small::{Elements, SmallSums};
use crate::threads::for_each_chunk;

/// Elements of which a thread takes a share of planes.
const SHARE: usize = 2048;

impl Geometry<'_> {
    /// `Wᵀ·row` of every group, one after the other: what each tap of each input channel carries.
    pub(crate) fn taps<T: Copy + Into<i64> + Sync>(&self, weights: &[T], row: &[Fp]) -> Vec<Fp> {
        let (depth, rows) = (self.depth(), self.group_rows());
        let mut taps = vec![Fp::ZERO; depth.saturating_mul(self.contract.groups)];
        for_each_chunk(&mut taps, depth, |group, taps| {
            let weights = weights.chunks(depth).skip(group.saturating_mul(rows)).take(rows);
            let mut sums = SmallSums::new(depth);
            weights
                .zip(row.iter().skip(group.saturating_mul(rows)))
                .for_each(|(weights, g)| sums.add(weights, *g));
            taps.iter_mut().zip(sums.finish()).for_each(|(tap, sum)| *tap = sum);
        });
        taps
    }

    /// Cotangent of the input for any output cotangent, at the price of every multiply-accumulate.
    pub fn dense(&self, weights: &[i8], cotangent: &[Fp], rows: usize) -> Vec<Fp> {
        let (channels, window) = (self.group_channels().max(1), self.window());
        let columns = cotangent.len().checked_div(rows).unwrap_or(0).max(1);
        let mut back = vec![Fp::ZERO; self.input.elements];
        for_each_chunk(&mut back, self.plane(), |channel, plane| {
            let (group, channel) = (
                channel.checked_div(channels).unwrap_or(0),
                channel.checked_rem(channels).unwrap_or(0),
            );
            let rows = weights.chunks(self.depth()).zip(cotangent.chunks(columns));
            let rows = rows.skip(group.saturating_mul(self.group_rows())).take(self.group_rows());
            for (weights, column) in rows {
                let weights = weights.iter().skip(channel.saturating_mul(window)).take(window);
                let taps: Vec<Fp> = weights.map(|&weight| integer(weight.into())).collect();
                self.scatter(&taps, column, plane);
            }
        });
        back
    }

    /// The transpose of im2col: to the input element that tap `t` meets at position `p`,
    /// `taps[t]·column[p]`. `taps` of all groups, `column` one per position, shared by all of them.
    pub fn spread(&self, taps: &[Fp], column: &[Fp]) -> Vec<Fp> {
        let (window, plane) = (self.window(), self.plane());
        let sliding = self.sliding().filter(|_| is_geometric(column));
        let mut back = vec![Fp::ZERO; self.input.elements];
        let channels = SHARE.div_ceil(plane);
        for_each_chunk(&mut back, plane.saturating_mul(channels), |share, planes| {
            let taps = taps.chunks(window).skip(share.saturating_mul(channels));
            for (plane, taps) in planes.chunks_mut(plane).zip(taps) {
                match &sliding {
                    None => self.scatter(taps, column, plane),
                    Some(sliding) => sliding.spread(taps, plane, column),
                }
            }
        });
        back
    }

    /// `Σ_p column[p]·im2col(x)[t, p]` for every tap of every group: the left factor of a sealed
    /// contraction.
    pub fn gather(&self, x: &[i64], column: &[Fp]) -> Vec<Fp> {
        let (window, plane) = (self.window(), self.plane());
        let sliding = self.sliding().filter(|_| is_geometric(column));
        let pointwise = self.is_pointwise().then(|| Elements::new(column.to_vec()));
        let mut taps = vec![Fp::ZERO; self.depth().saturating_mul(self.contract.groups)];
        let channels = SHARE.div_ceil(plane);
        for_each_chunk(&mut taps, window.saturating_mul(channels), |share, taps| {
            let planes = x.chunks(plane).skip(share.saturating_mul(channels));
            for (taps, plane) in taps.chunks_mut(window).zip(planes) {
                match (&pointwise, &sliding) {
                    (Some(column), _) => taps.iter_mut().for_each(|tap| *tap = column.dot(plane)),
                    (None, None) => self.collect(plane, column, taps),
                    (None, Some(sliding)) => {
                        let mut plane: Vec<Fp> =
                            plane.iter().map(|&value| integer(value)).collect();
                        sliding.gather(&mut plane, taps, column);
                    }
                }
            }
        });
        taps
    }

    /// Adds `taps[t]·column[p]` to the elements of a plane, product by product.
    fn scatter(&self, taps: &[Fp], column: &[Fp], plane: &mut [Fp]) {
        self.meetings(|tap, positions, elements| {
            let Some(tap) = taps.get(tap) else { return };
            for (position, element) in positions.zip(elements) {
                if let (Some(g), Some(to)) = (column.get(position), plane.get_mut(element)) {
                    *to += *tap * g;
                }
            }
        });
    }

    /// The transpose of [`Self::scatter`].
    fn collect(&self, plane: &[i64], column: &[Fp], taps: &mut [Fp]) {
        self.meetings(|tap, positions, elements| {
            let pairs = positions.zip(elements);
            let products = pairs.filter_map(|(position, element)| {
                Some(*column.get(position)? * integer(*plane.get(element)?))
            });
            let sum: Fp = products.sum();
            taps.get_mut(tap).into_iter().for_each(|tap| *tap += sum);
        });
    }

    /// How taps slide over a plane.
    pub(crate) fn sliding(&self) -> Option<Sliding2> {
        let (&[_, height, width], &[_, out_height, out_width]) =
            (self.input.shape.as_slice(), self.output.shape.as_slice())
        else {
            return None;
        };
        let Contract { kernel, strides, dilations, pads: [top, left, ..], .. } = self.contract;
        let ([tall, wide], [down, right], [below, beside]) = (*kernel, *strides, *dilations);
        Some(Sliding2 {
            rows: Sliding {
                size: height,
                positions: out_height,
                taps: tall,
                stride: down,
                dilation: below,
                pad: *top,
            },
            columns: Sliding {
                size: width,
                positions: out_width,
                taps: wide,
                stride: right,
                dilation: beside,
                pad: *left,
            },
        })
    }

    /// Calls `meet` with a tap of a channel, and the output positions of one line with the elements
    /// of the channel's plane that it meets there.
    fn meetings(&self, mut meet: impl FnMut(usize, Range<usize>, StepBy<Range<usize>>)) {
        let (&[_, height, width], &[_, out_height, out_width]) =
            (self.input.shape.as_slice(), self.output.shape.as_slice())
        else {
            return;
        };
        let [kernel_h, kernel_w] = self.contract.kernel;
        let [stride_h, stride_w] = self.contract.strides.map(|stride| stride.max(1));
        let [dilation_h, dilation_w] = self.contract.dilations;
        let [top, left, ..] = self.contract.pads;
        for kernel_y in 0..kernel_h {
            let shift_y = kernel_y.saturating_mul(dilation_h);
            for kernel_x in 0..kernel_w {
                let shift_x = kernel_x.saturating_mul(dilation_w);
                let tap = kernel_y.saturating_mul(kernel_w).saturating_add(kernel_x);
                // Positions `from..to` of a line meet the input at `x = position·stride + shift −
                // left`, inside its width.
                let from = left.saturating_sub(shift_x).div_ceil(stride_w);
                let end = width
                    .saturating_add(left)
                    .saturating_sub(shift_x)
                    .div_ceil(stride_w)
                    .min(out_width);
                if from >= end {
                    continue;
                }
                let x = from.saturating_mul(stride_w).saturating_add(shift_x).saturating_sub(left);
                for out_y in 0..out_height {
                    let y = out_y.saturating_mul(stride_h).saturating_add(shift_y).checked_sub(top);
                    let Some(y) = y.filter(|&y| y < height) else { continue };
                    let element = y.saturating_mul(width).saturating_add(x);
                    let position = out_y.saturating_mul(out_width);
                    let positions = position.saturating_add(from)..position.saturating_add(end);
                    meet(tap, positions, (element..usize::MAX).step_by(stride_w));
                }
            }
        }
    }
}

/// Whether the list is `1, σ, σ², …`.
fn is_geometric(column: &[Fp]) -> bool {
    let base = column.get(1).copied().unwrap_or(Fp::ONE);
    let mut pairs = column.iter().zip(column.iter().skip(1));
    column.first() == Some(&Fp::ONE) && pairs.all(|(here, next)| *here * base == *next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::description::Weights;
    use crate::circuit::facts::Facts;
    use crate::circuit::geometry::output_size;
    use crate::circuit::interval::Interval;
    use crate::field::powers;

    const INTERVAL: Interval = Interval { minimum: 0, maximum: 0 };

    fn facts(shape: [usize; 3]) -> Facts {
        Facts { shape: shape.to_vec(), elements: shape.iter().product(), interval: INTERVAL }
    }

    /// A contraction of 6 channels to 4, with the geometry that matters.
    fn contract(
        groups: usize,
        kernel: [usize; 2],
        strides: [usize; 2],
        dilations: [usize; 2],
        pads: [usize; 4],
    ) -> Contract {
        let (row_factors, bias) = (vec![1; 4], vec![0; 4]);
        let (weights, column_factors) = (Weights::Sealed, Vec::new());
        Contract {
            input: 0,
            rows: 4,
            groups,
            kernel,
            strides,
            pads,
            dilations,
            weights,
            row_factors,
            column_factors,
            bias,
        }
    }

    /// Every pair of input element and position that a tap joins, from the definition: `(group tap,
    /// position, element)`.
    fn meetings(geometry: &Geometry<'_>) -> Vec<(usize, usize, usize)> {
        let (input, output, contract) =
            (&geometry.input.shape, &geometry.output.shape, geometry.contract);
        let mut all = Vec::new();
        for channel in 0..input[0] {
            for tap in 0..contract.kernel[0] * contract.kernel[1] {
                let (i, j) = (tap / contract.kernel[1], tap % contract.kernel[1]);
                for position in 0..output[1] * output[2] {
                    let along = |position: usize, tap: usize, axis: usize| {
                        let shifted =
                            position * contract.strides[axis] + tap * contract.dilations[axis];
                        shifted.checked_sub(contract.pads[axis]).filter(|&at| at < input[axis + 1])
                    };
                    let at =
                        along(position / output[2], i, 0).zip(along(position % output[2], j, 1));
                    let Some((y, x)) = at else { continue };
                    let tap = channel * contract.kernel[0] * contract.kernel[1] + tap;
                    all.push((tap, position, (channel * input[1] + y) * input[2] + x));
                }
            }
        }
        all
    }

    fn agrees(contract: &Contract, height: usize, width: usize) {
        let Some([out_height, out_width]) = output_size(contract, height, width) else { return };
        let (input, output) = (facts([6, height, width]), facts([4, out_height, out_width]));
        let geometry = Geometry { contract, input: &input, output: &output };
        let positions = out_height * out_width;
        let taps = powers(-Fp::from(1 << 40), geometry.depth() * contract.groups);
        let x: Vec<i64> = (0..input.elements as i64).map(|i| (i * 37) % 256 - 128).collect();
        let mut scaled = powers(Fp::from(11), positions);
        scaled.iter_mut().step_by(2).for_each(|power| *power *= Fp::from(3));
        for column in [powers(Fp::from(11), positions), scaled, vec![Fp::ZERO; positions]] {
            let mut spread = vec![Fp::ZERO; input.elements];
            let mut gathered = vec![Fp::ZERO; taps.len()];
            for (tap, position, element) in meetings(&geometry) {
                spread[element] += taps[tap] * column[position];
                gathered[tap] += column[position] * integer(x[element]);
            }
            assert_eq!(geometry.spread(&taps, &column), spread, "{contract:?}");
            assert_eq!(geometry.gather(&x, &column), gathered, "{contract:?}");
        }
    }

    #[test]
    fn sliding_is_the_definition() {
        for groups in [1, 2] {
            for kernel in [[1, 1], [3, 3], [2, 5]] {
                for strides in [[1, 1], [2, 1], [3, 2], [2, 4]] {
                    for dilations in [[1, 1], [1, 2], [3, 2], [2, 4]] {
                        for pads in [[0; 4], [1; 4], [2, 0, 1, 3]] {
                            agrees(&contract(groups, kernel, strides, dilations, pads), 8, 9);
                        }
                    }
                }
            }
        }
        // Kernels as large as the input, one position; more planes than a share; a line.
        agrees(&contract(1, [8, 9], [1; 2], [1; 2], [0; 4]), 8, 9);
        agrees(&contract(2, [3, 3], [1; 2], [1; 2], [1; 4]), 40, 50);
        agrees(&contract(6, [1, 1], [1; 2], [1; 2], [0; 4]), 1, 1);
        // Kernels that are mostly padding, tall ones over flat planes and wide ones over narrow
        // planes, strides beyond the plane.
        agrees(&contract(1, [20, 2], [1; 2], [1; 2], [15, 1, 16, 0]), 3, 9);
        agrees(&contract(1, [2, 20], [1, 2], [1, 3], [0, 40, 1, 30]), 9, 3);
        agrees(&contract(2, [3, 3], [11, 13], [1; 2], [9, 14, 12, 20]), 8, 9);
    }

    #[test]
    fn cotangents_and_factors_agree() {
        let weights: Vec<i8> = (-36..36).map(|w| 3 * w).collect();
        let contract = contract(2, [3, 2], [2, 1], [1, 2], [1, 0, 2, 1]);
        let [height, width] = output_size(&contract, 5, 7).unwrap();
        let (input, output) = (facts([6, 5, 7]), facts([4, height, width]));
        let (row, column) = (powers(Fp::from(7), 4), powers(Fp::from(11), height * width));
        let geometry = Geometry { contract: &contract, input: &input, output: &output };
        let dense: Vec<Fp> =
            row.iter().flat_map(|row| column.iter().map(move |column| *row * column)).collect();
        let back = geometry.spread(&geometry.taps(&weights, &row), &column);
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
        let product: Fp =
            left.iter().enumerate().map(|(t, u)| *u * right(t / depth, t % depth)).sum();
        let direct: Fp = back.iter().zip(&x).map(|(kappa, &x)| *kappa * integer(x)).sum();
        assert_eq!(product, direct);
    }
}
