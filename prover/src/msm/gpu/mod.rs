//! Sums of points on GPUs, by WGSL kernels that wgpu runs on Vulkan, Metal and Direct3D 12. See
//! `docs/gpu.md`.
//!
//! | file | knows |
//! |---|---|
//! | `words` | elements and points as the words of buffers |
//! | `field` | products, sums and differences modulo `q`, as WGSL |
//! | `kernels` | the shaders, what they bind, and the text that they share |
//! | `adapter` | the GPUs of a machine, and opening one |
//! | `device` | an opened GPU: buffers, running kernels, what goes wrong |
//! | `shape` | digits, chunks and buffers of a sum |
//! | `sums` | sums of columns, step by step |
//! | `folding` | generators of an inner product argument after some rounds |

mod adapter;
mod device;
mod field;
mod folding;
mod kernels;
mod shape;
mod sums;
#[cfg(test)]
pub(super) mod tests;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

use pasta_curves::{Eq, EqAffine, Fp};

use super::backend::{About, Backend, DeviceError, Resident};
pub use adapter::{Adapter, adapters};
pub use device::Gpu;
pub use field::Limbs;

/// Bases in a buffer.
struct GpuBases {
    gpu: Arc<Gpu>,
    buffer: wgpu::Buffer,
    count: usize,
}

impl Backend for Arc<Gpu> {
    fn about(&self) -> About {
        Gpu::about(self).clone()
    }

    fn load<'a>(&self, bases: Cow<'a, [EqAffine]>) -> Result<Box<dyn Resident + 'a>, DeviceError> {
        let buffer = self.upload_bases(&bases)?;
        Ok(Box::new(GpuBases { gpu: self.clone(), buffer, count: bases.len() }))
    }
}

impl Resident for GpuBases {
    fn small(&self, columns: &[&[i64]]) -> Result<Vec<Eq>, DeviceError> {
        self.gpu.small_sums(&self.buffer, columns)
    }

    fn full(&self, columns: &[&[Fp]]) -> Result<Vec<Eq>, DeviceError> {
        self.gpu.full_sums(&self.buffer, columns)
    }

    fn fold(&self, factors: &[Fp], fixed: usize) -> Result<Box<dyn Resident>, DeviceError> {
        let buffer = self.gpu.fold(&self.buffer, self.count - fixed, factors, fixed)?;
        let count = ((self.count - fixed) >> factors.len()) + fixed;
        Ok(Box::new(Self { gpu: self.gpu.clone(), buffer, count }))
    }

    fn points(&self) -> Result<Vec<EqAffine>, DeviceError> {
        self.gpu.download_bases(&self.buffer, self.count)
    }
}
