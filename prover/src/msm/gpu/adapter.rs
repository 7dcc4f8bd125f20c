//! The GPUs of a machine, and opening one.

use std::sync::Arc;

use super::device::Gpu;
use super::field::Limbs;
use crate::msm::backend::{About, Capabilities, DeviceError};

/// Storage buffers that a kernel binds.
const STORAGE_BUFFERS: u32 = 7;
/// The largest buffer to ask for, in bytes: sums that need more are computed a few columns at a
/// time.
const LARGEST_BUFFER: u64 = 1 << 28;

/// A GPU of this machine, not opened yet.
pub struct Adapter {
    adapter: wgpu::Adapter,
    about: About,
}

/// The GPUs that wgpu finds, the fastest kind first; what only simulates one comes last.
pub fn adapters() -> Vec<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters.into_iter().map(Adapter::new).collect()
}

impl Adapter {
    fn new(adapter: wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        let driver = format!("{} {} {}", info.backend, info.driver, info.driver_info);
        Self {
            adapter,
            about: About { name: info.name, driver: driver.trim().into(), kind: kind.into() },
        }
    }

    /// What it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How it would compute products.
    pub fn limbs(&self) -> Limbs {
        if self.adapter.features().contains(wgpu::Features::SHADER_INT64) {
            Limbs::Wide
        } else {
            Limbs::Narrow
        }
    }

    /// Its features and limits.
    pub fn capabilities(&self) -> Capabilities {
        let (limits, limbs) = (self.adapter.limits(), self.limbs());
        Capabilities {
            features: if limbs == Limbs::Wide { vec!["SHADER_INT64"] } else { Vec::new() },
            limbs: limbs.to_string(),
            largest_buffer: limits.max_buffer_size,
            largest_binding: limits.max_storage_buffer_binding_size,
            bindings: limits.max_storage_buffers_per_shader_stage,
            workgroups: limits.max_compute_workgroups_per_dimension,
        }
    }

    /// Opens it with the products that suit it.
    pub fn open(&self) -> Result<Arc<Gpu>, DeviceError> {
        self.open_with(self.limbs())
    }

    /// Opens it with either kind of products.
    pub fn open_with(&self, limbs: Limbs) -> Result<Arc<Gpu>, DeviceError> {
        let unfit = |reason: String| DeviceError::Unfit { device: self.about.name.clone(), reason };
        let has = self.adapter.limits();
        let largest =
            has.max_storage_buffer_binding_size.min(has.max_buffer_size).min(LARGEST_BUFFER);
        if has.max_storage_buffers_per_shader_stage < STORAGE_BUFFERS {
            return Err(unfit(format!("kernels bind {STORAGE_BUFFERS} storage buffers")));
        }
        let required_limits = wgpu::Limits {
            max_storage_buffer_binding_size: largest,
            max_buffer_size: largest,
            max_storage_buffers_per_shader_stage: has.max_storage_buffers_per_shader_stage,
            ..wgpu::Limits::downlevel_defaults()
        };
        let required_features = match limbs {
            Limbs::Wide => wgpu::Features::SHADER_INT64,
            Limbs::Narrow => wgpu::Features::empty(),
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: None,
            required_features,
            required_limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        };
        let opened = pollster::block_on(self.adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| unfit(error.to_string()))?;
        let gpu = Gpu::new(device, queue, limbs, largest as usize, self.about.clone());
        gpu.check()?;
        Ok(Arc::new(gpu))
    }
}
