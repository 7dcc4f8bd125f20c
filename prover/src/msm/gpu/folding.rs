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
        let sums = self.scratch(length * SUM);
        let folded = self.scratch((length + fixed) * BASE);
        let mut uniform = vec![length as u32, steps.len() as u32, 0, 0];
        uniform.extend(words::to_device(&Fq::ZETA));
        let mut work = self.work();
        work.run(Kernel::Fold, &uniform, &[bases, &uploaded, &sums], [length, 1]);
        let mut uniform = vec![length as u32, Fq::NUM_BITS, 0, 0];
        uniform.extend(words::exponent(&-Fq::from(2)));
        work.run(Kernel::Normalise, &uniform, &[&sums, &folded], [length, 1]);
        work.copy(bases, 4 * BASE * count, &folded, 4 * BASE * length, 4 * BASE * fixed);
        // Waits for the device, so that what goes wrong is noticed here.
        work.read(&folded, BASE)?;
        Ok(folded)
    }
}

/// Double and add, from the highest digit on; the generator of scalar 1 comes last.
fn steps(factors: &[Fp]) -> Vec<u32> {
    let scalars = tensor(factors);
    let digits: Vec<[Vec<i8>; 2]> =
        scalars.iter().map(|scalar| split(scalar).map(|half| non_adjacent(half, 2))).collect();
    let length = digits[1..].iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut steps = Vec::new();
    for bit in (0..length).rev() {
        if !steps.is_empty() {
            steps.push(0);
        }
        for (block, halves) in digits.iter().enumerate().skip(1) {
            for (endomorphism, digits) in halves.iter().enumerate() {
                let digit = digits.get(bit).copied().unwrap_or(0);
                if digit != 0 {
                    steps.push(1 + 4 * block as u32 + 2 * endomorphism as u32 + u32::from(digit < 0));
                }
            }
        }
    }
    steps.push(1);
    steps
}
