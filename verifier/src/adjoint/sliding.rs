//! Taps that slide along one dimension, met by weights `1, b, b², …` of the output positions;
//! linear in coordinates and taps.
//!
//! Coordinate `x` meets tap `j` at position `X_j(x) = (x + pad − j·dilation) / stride`, where that
//! is an integer below the number of positions. What it gets,
//!
//! ```text
//! G[x] = Σ_j taps[j]·b^(X_j(x)),
//! ```
//!
//! follows from what the coordinate one stride before got. Each tap that met that one meets this
//! one a position later, but for the tap at the last position, which leaves; and the tap at
//! position 0, if there is one, enters:
//!
//! ```text
//! G[x] = b·(G[x − stride] − leaving·b^(positions − 1)) + entering.
//! ```
//!
//! The coordinates below `stride` have no such neighbour; each tap meets at most one of them. So a
//! pass costs one multiplication a coordinate and one for each tap that leaves or starts, whatever
//! the kernel's size. Taps and coordinates may be lines of several values.

use ff::Field;
use pasta_curves::Fp;

/// One dimension of a contraction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sliding {
    /// Coordinates of the input.
    pub(crate) size: usize,
    /// Positions of the output.
    pub(crate) positions: usize,
    /// Taps of the kernel.
    pub(crate) taps: usize,
    /// Coordinates between positions.
    pub(crate) stride: usize,
    /// Coordinates between taps.
    pub(crate) dilation: usize,
    /// Coordinates before the input's first that count as zero.
    pub(crate) pad: usize,
}

/// The values of line `index` of a list of lines.
fn line(values: &[Fp], width: usize, index: usize) -> &[Fp] {
    values.chunks(width).nth(index).unwrap_or_default()
}

fn line_mut(values: &mut [Fp], width: usize, index: usize) -> &mut [Fp] {
    values.chunks_mut(width).nth(index).unwrap_or_default()
}

/// Adds `factor` times `from`.
fn add(to: &mut [Fp], from: &[Fp], factor: Fp) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

impl Sliding {
    /// The tap that meets a coordinate at a position.
    fn tap(&self, coordinate: usize, position: usize) -> Option<usize> {
        let distance =
            coordinate.checked_add(self.pad)?.checked_sub(position.checked_mul(self.stride)?)?;
        let aligned = distance.checked_rem(self.dilation)? == 0;
        distance.checked_div(self.dilation).filter(|&tap| aligned && tap < self.taps)
    }

    /// The coordinate below `stride` that a tap meets, and the position.
    fn start(&self, tap: usize) -> Option<(usize, usize)> {
        let shift = tap.checked_mul(self.dilation)?;
        let position = self.pad.saturating_sub(shift).div_ceil(self.stride.max(1));
        let coordinate =
            position.checked_mul(self.stride)?.checked_add(shift)?.checked_sub(self.pad)?;
        (position < self.positions && coordinate < self.stride.min(self.size))
            .then_some((coordinate, position))
    }

    /// `b` and `b^positions`.
    fn base(&self, power: &impl Fn(usize) -> Fp) -> [Fp; 2] {
        let base = power(1);
        [base, base * power(self.positions.saturating_sub(1))]
    }

    /// Adds `G` to lines `to`, one for each coordinate, from lines of taps; `power(i)` is `b^i`.
    pub(crate) fn spread(
        &self,
        taps: &[Fp],
        to: &mut [Fp],
        width: usize,
        power: impl Fn(usize) -> Fp,
    ) {
        let [base, beyond] = self.base(&power);
        for tap in 0..self.taps {
            let Some((coordinate, position)) = self.start(tap) else { continue };
            add(line_mut(to, width, coordinate), line(taps, width, tap), power(position));
        }
        for coordinate in self.stride..self.size {
            let Some((before, rest)) = to.split_at_mut_checked(coordinate.saturating_mul(width))
            else {
                return;
            };
            let neighbour = coordinate.saturating_sub(self.stride);
            let here = rest.get_mut(..width).unwrap_or_default();
            add(here, line(before, width, neighbour), base);
            if let Some(leaving) = self.tap(neighbour, self.positions.saturating_sub(1)) {
                add(here, line(taps, width, leaving), -beyond);
            }
            if let Some(entering) = self.tap(coordinate, 0) {
                here.iter_mut().zip(line(taps, width, entering)).for_each(|(to, tap)| *to += tap);
            }
        }
    }

    /// The transpose: adds `Σ_x b^(X_j(x))·from[x]` to each line of taps. Leaves sums of its own in
    /// `from`.
    pub(crate) fn gather(
        &self,
        from: &mut [Fp],
        taps: &mut [Fp],
        width: usize,
        power: impl Fn(usize) -> Fp,
    ) {
        let [base, beyond] = self.base(&power);
        for coordinate in (self.stride..self.size).rev() {
            let Some((before, rest)) = from.split_at_mut_checked(coordinate.saturating_mul(width))
            else {
                return;
            };
            let neighbour = coordinate.saturating_sub(self.stride);
            let here = rest.get(..width).unwrap_or_default();
            add(line_mut(before, width, neighbour), here, base);
            if let Some(leaving) = self.tap(neighbour, self.positions.saturating_sub(1)) {
                add(line_mut(taps, width, leaving), here, -beyond);
            }
            if let Some(entering) = self.tap(coordinate, 0) {
                line_mut(taps, width, entering)
                    .iter_mut()
                    .zip(here)
                    .for_each(|(tap, from)| *tap += from);
            }
        }
        for tap in 0..self.taps {
            let Some((coordinate, position)) = self.start(tap) else { continue };
            add(line_mut(taps, width, tap), line(from, width, coordinate), power(position));
        }
    }
}

/// Both dimensions of a contraction, for one channel: which is passed first makes the work linear
/// in plane and kernel together.
///
/// Rows first takes `kernel height · width` beside them, columns first `kernel width · height`. The
/// product of the two is that of plane and kernel, so the smaller is at most the larger of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sliding2 {
    /// Down.
    pub(crate) rows: Sliding,
    /// Right.
    pub(crate) columns: Sliding,
}

impl Sliding2 {
    fn columns_first(&self) -> bool {
        let along = self.rows.taps.saturating_mul(self.columns.size);
        along <= self.columns.taps.saturating_mul(self.rows.size)
    }

    /// What lies between both passes.
    fn between(&self) -> Vec<Fp> {
        let (lines, width) = if self.columns_first() {
            (self.rows.taps, self.columns.size)
        } else {
            (self.rows.size, self.columns.taps)
        };
        vec![Fp::ZERO; lines.saturating_mul(width)]
    }

    /// Field multiplications of [`Self::spread`], at most.
    pub(crate) fn multiplications(&self) -> usize {
        let line = |s: &Sliding| s.size.saturating_add(s.taps.saturating_mul(2));
        let (first, second) = if self.columns_first() {
            (
                self.rows.taps.saturating_mul(line(&self.columns)),
                self.columns.size.saturating_mul(line(&self.rows)),
            )
        } else {
            (
                self.columns.taps.saturating_mul(line(&self.rows)),
                self.rows.size.saturating_mul(line(&self.columns)),
            )
        };
        first.saturating_add(second)
    }

    /// Adds to a plane what its elements get from the taps; `column` are the powers of `σ` over all
    /// output positions.
    pub(crate) fn spread(&self, taps: &[Fp], plane: &mut [Fp], column: &[Fp]) {
        let [down, right] = self.powers(column);
        let (width, kernel) = (self.columns.size.max(1), self.columns.taps.max(1));
        let mut between = self.between();
        if self.columns_first() {
            let lines = taps.chunks(kernel).zip(between.chunks_mut(width));
            lines.for_each(|(taps, to)| self.columns.spread(taps, to, 1, right));
            self.rows.spread(&between, plane, width, down);
        } else {
            self.rows.spread(taps, &mut between, kernel, down);
            let lines = between.chunks(kernel).zip(plane.chunks_mut(width));
            lines.for_each(|(taps, to)| self.columns.spread(taps, to, 1, right));
        }
    }

    /// The transpose.
    pub(crate) fn gather(&self, plane: &mut [Fp], taps: &mut [Fp], column: &[Fp]) {
        let [down, right] = self.powers(column);
        let (width, kernel) = (self.columns.size.max(1), self.columns.taps.max(1));
        let mut between = self.between();
        if self.columns_first() {
            self.rows.gather(plane, &mut between, width, down);
            let lines = between.chunks_mut(width).zip(taps.chunks_mut(kernel));
            lines.for_each(|(from, taps)| self.columns.gather(from, taps, 1, right));
        } else {
            let lines = plane.chunks_mut(width).zip(between.chunks_mut(kernel));
            lines.for_each(|(from, taps)| self.columns.gather(from, taps, 1, right));
            self.rows.gather(&mut between, taps, kernel, down);
        }
    }

    /// Powers of a step down and of a step right among output positions.
    fn powers<'a>(&self, column: &'a [Fp]) -> [impl Fn(usize) -> Fp + Copy + use<'a>; 2] {
        [self.columns.positions, 1].map(|step| {
            move |index: usize| column.get(index.saturating_mul(step)).copied().unwrap_or(Fp::ZERO)
        })
    }
}
