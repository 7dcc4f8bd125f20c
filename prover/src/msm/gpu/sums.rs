//! Sums of columns over bases: Pippenger's buckets by signed digits.
//!
//! Digits are sorted by bucket, buckets are added up in chunks of equal length and merged, each
//! window's weighted sum of buckets is reduced in a tree, and the few points that are left, two a
//! window, are put together on the CPU.

use group::Group;
use pasta_curves::{Eq, Fp};
use rayon::prelude::*;
use wgpu::BufferUsages;

use super::device::{Gpu, Scratch, Work};
use super::kernels::Kernel;
use super::shape::{FAN_IN, SumShape};
use super::words::{self, ELEMENT, SUM};
use crate::msm::backend::DeviceError;

/// Bits of an element of the scalar field: `p` is a little more than `2^254`, and the last digit
/// has room for that.
const SCALAR_BITS: usize = 254;

/// Scalars that a thread converts at least.
const LEAST_SHARE: usize = 1 << 10;

impl Gpu {
    /// `Σ_i column[i]·bases[i]` for columns of small integers.
    pub(super) fn small_sums(
        &self,
        bases: &wgpu::Buffer,
        columns: &[&[i64]],
    ) -> Result<Vec<Eq>, DeviceError> {
        let largest =
            columns.par_iter().map(|column| column.iter().map(|x| x.unsigned_abs()).max()).max();
        let length = (u64::BITS - largest.flatten().unwrap_or(0).leading_zeros()) as usize;
        if length < 32 {
            self.sums(bases, columns, length, |integer| [*integer as u32])
        } else {
            self.sums(bases, columns, length, |integer| [*integer as u32, (*integer >> 32) as u32])
        }
    }

    /// The same for columns of elements of the scalar field.
    pub(super) fn full_sums(
        &self,
        bases: &wgpu::Buffer,
        columns: &[&[Fp]],
    ) -> Result<Vec<Eq>, DeviceError> {
        self.sums::<_, ELEMENT>(bases, columns, SCALAR_BITS, words::scalar)
    }

    fn sums<T: Sync, const WORDS: usize>(
        &self,
        bases: &wgpu::Buffer,
        columns: &[&[T]],
        length: usize,
        scalar: impl Fn(&T) -> [u32; WORDS] + Sync,
    ) -> Result<Vec<Eq>, DeviceError> {
        let points = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        if points == 0 {
            return Ok(vec![Eq::identity(); columns.len()]);
        }
        let shape = SumShape::new(points, WORDS, length, columns.len(), self.limit);
        let shape = shape
            .ok_or_else(|| DeviceError::TooLarge { device: self.about().name.clone(), points })?;
        let mut sums = Vec::with_capacity(columns.len());
        for columns in columns.chunks(shape.columns) {
            let shape = SumShape { columns: columns.len(), ..shape };
            let mut scalars = vec![[0; WORDS]; shape.columns * points];
            scalars.par_chunks_mut(points).zip(columns).for_each(|(words, column)| {
                let words = words.par_iter_mut().zip(column.par_iter()).with_min_len(LEAST_SHARE);
                words.for_each(|(words, value)| *words = scalar(value));
            });
            sums.extend(self.sums_at_once(bases, scalars.as_flattened(), &shape)?);
        }
        Ok(sums)
    }

    /// The sums of columns that fit.
    fn sums_at_once(
        &self,
        bases: &wgpu::Buffer,
        scalars: &[u32],
        shape: &SumShape,
    ) -> Result<Vec<Eq>, DeviceError> {
        let mut work = self.work();
        let buckets = self.scratch(shape.rows() * shape.buckets * SUM);
        let sorted = self.accumulate(&mut work, bases, scalars, shape, &buckets);
        let levels = self.reduce(&mut work, buckets, shape);
        let sums = &levels[levels.len() - 1];
        let words = work.read(sums, 2 * SUM * shape.rows())?;
        drop((sorted, levels));
        let windows = words.par_chunks(2 * SUM).map(|row| {
            let (sum, weighted) = row.split_at(SUM);
            // Bucket b has the points of digit b + 1.
            Some(words::to_point(sum)? + words::to_point(weighted)?)
        });
        let windows = windows.collect::<Option<Vec<Eq>>>();
        let windows = windows.ok_or_else(|| self.failed("a sum is not on the curve".into()))?;
        let horner = |windows: &[Eq]| {
            windows.iter().rev().fold(Eq::identity(), |sum, window| {
                (0..shape.bits).fold(sum, |sum, _| sum.double()) + window
            })
        };
        Ok(windows.par_chunks(shape.windows).map(horner).collect())
    }

    /// The sums of buckets. Returns what the device needs until the work is done.
    fn accumulate(
        &self,
        work: &mut Work<'_>,
        bases: &wgpu::Buffer,
        scalars: &[u32],
        shape: &SumShape,
        buckets: &wgpu::Buffer,
    ) -> [Scratch<'_>; 5] {
        let (rows, uniform) = (shape.rows(), shape.uniform());
        let scalars = self.upload(scalars, BufferUsages::STORAGE);
        let cursors = self.scratch(rows * shape.buckets);
        let entries = self.scratch(rows * shape.points);
        let keys = self.scratch(rows * shape.points);
        let heads = self.scratch(shape.heads() * SUM);
        let head_keys = self.scratch(shape.heads());
        work.clear(&cursors, rows * shape.buckets);
        work.clear(buckets, rows * shape.buckets * SUM);
        let sorting = [&scalars, &*cursors, &*entries, &*keys];
        work.run(Kernel::Count, &uniform, &sorting, shape.points * shape.columns);
        work.run(Kernel::Scan, &uniform, &sorting, rows * Kernel::Scan.workgroup());
        work.run(Kernel::Scatter, &uniform, &sorting, shape.points * shape.columns);
        let adding = [bases, &*cursors, &*entries, &*keys, buckets, &*heads, &*head_keys];
        work.run(Kernel::Accumulate, &uniform, &adding, shape.chunks * rows);
        let mut first = 0;
        for level in shape.head_levels().windows(2) {
            let next = first + rows * level[0];
            let uniform = [rows, shape.buckets, level[0], first, FAN_IN, level[1], next, 0];
            let merging = [buckets, &*heads, &*head_keys];
            work.run(Kernel::Merge, &uniform.map(|word| word as u32), &merging, level[1] * rows);
            first = next;
        }
        [cursors, entries, keys, heads, head_keys]
    }

    /// Per row the sum of its buckets, and the sum weighted with their indices: the last of the
    /// levels.
    fn reduce<'g>(
        &'g self,
        work: &mut Work<'_>,
        buckets: Scratch<'g>,
        shape: &SumShape,
    ) -> Vec<Scratch<'g>> {
        let mut sizes = shape.bucket_levels();
        if sizes.len() == 1 {
            // A row of one bucket takes one step too, into a sum and a weighted sum.
            sizes.push(1);
        }
        let mut levels = vec![buckets];
        for (depth, size) in sizes.windows(2).enumerate() {
            let sums = self.scratch(2 * SUM * shape.rows() * size[1]);
            let doublings = depth * FAN_IN.ilog2() as usize;
            let uniform = [size[0], FAN_IN, size[1], doublings, depth.min(1), shape.rows(), 0, 0];
            let uniform = uniform.map(|word| word as u32);
            work.run(Kernel::Reduce, &uniform, &[&*levels[depth], &*sums], size[1] * shape.rows());
            levels.push(sums);
        }
        levels
    }
}
