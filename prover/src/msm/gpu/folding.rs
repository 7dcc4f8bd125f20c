//! Folding generators: the steps that all of them take.

use ff::{PrimeField, WithSmallOrderMulGroup};
use pasta_curves::{Fp, Fq};
use wgpu::BufferUsages;

use super::device::Gpu;
use super::kernels::Kernel;
use super::words::{self, BASE, SUM};
use crate::msm::backend::DeviceError;
use crate::msm::digits::non_adjacent;
use crate::msm::endomorphism::split;
use crate::msm::fold::tensor;

impl Gpu {
    /// A buffer with `count` bases folded with these factors, and `fixed` bases copied behind them.
    pub(super) fn fold(
        &self,
        bases: &wgpu::Buffer,
        count: usize,
        factors: &[Fp],
        fixed: usize,
    ) -> Result<wgpu::Buffer, DeviceError> {
        let length = count >> factors.len();
        let steps = steps(factors);
        let uploaded = self.upload(&steps, BufferUsages::STORAGE);
        let terms = self.scratch(count * SUM);
        let folded = self.storage((length + fixed) * BASE);
        let blocks = 1 << factors.len();
        let mut uniform = vec![length as u32, blocks, 0, 0];
        uniform.extend(words::to_device(&Fq::ZETA));
        let mut work = self.work();
        work.run(Kernel::Fold, &uniform, &[bases, &uploaded, &*terms], count);
        let mut uniform = vec![length as u32, blocks, Fq::NUM_BITS, 0];
        uniform.extend(words::exponent(&-Fq::from(2)));
        work.run(Kernel::Normalise, &uniform, &[&*terms, &folded], length);
        work.copy(bases, 4 * BASE * count, &folded, 4 * BASE * length, 4 * BASE * fixed);
        // Waits for the device, so that what goes wrong is noticed here.
        work.read(&folded, BASE)?;
        Ok(folded)
    }
}

/// Double and add, from the highest digit on, for each scalar: first where the steps of each start
/// and the last end, then the steps.
fn steps(factors: &[Fp]) -> Vec<u32> {
    let scalars = tensor(factors);
    let mut starts = Vec::new();
    let mut steps = Vec::new();
    for scalar in &scalars {
        let start = steps.len();
        starts.push((scalars.len() + 1 + start) as u32);
        let halves = split(scalar).map(|half| non_adjacent(half, 2));
        for bit in (0..halves.iter().map(Vec::len).max().unwrap_or(0)).rev() {
            if steps.len() > start {
                steps.push(0);
            }
            for (endomorphism, digits) in halves.iter().enumerate() {
                let digit = digits.get(bit).copied().unwrap_or(0);
                if digit != 0 {
                    steps.push(1 + 2 * endomorphism as u32 + u32::from(digit < 0));
                }
            }
        }
    }
    starts.push((scalars.len() + 1 + steps.len()) as u32);
    [starts, steps].concat()
}
