//! An opened GPU: buffers, kernels, running them, what goes wrong.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pasta_curves::EqAffine;
use rayon::prelude::*;
use wgpu::BufferUsages;

use super::field::Limbs;
use super::kernels::{Access, Kernel};
use super::words::{self, BASE};
use crate::msm::backend::{About, DeviceError};

/// How long to wait for a device.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most workgroups along an axis: what every device allows.
const MOST_GROUPS: usize = 65_535;
/// Bytes of buffers to keep for the next sums.
const KEPT: u64 = 1 << 30;

/// A kernel, compiled.
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

fn pipeline(device: &wgpu::Device, kernel: Kernel, limbs: Limbs) -> Pipeline {
    let entry = |(binding, access): (usize, &Access)| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match access {
                Access::Uniform => wgpu::BufferBindingType::Uniform,
                Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
            },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let label = Some(kernel.entry_point());
    let entries: Vec<_> = kernel.bindings().iter().enumerate().map(entry).collect();
    let layout = device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        ..Default::default()
    });
    let source = wgpu::ShaderSource::Wgsl(kernel.source(limbs).into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: label,
        compilation_options: Default::default(),
        cache: None,
    });
    Pipeline { pipeline, layout }
}

/// An opened GPU.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Compiled when first run.
    pipelines: [OnceLock<Pipeline>; Kernel::COUNT],
    /// Buffers for the next sums.
    kept: Mutex<Vec<wgpu::Buffer>>,
    /// The first error that was reported outside of any call.
    trouble: Arc<Mutex<Option<String>>>,
    limbs: Limbs,
    /// Bytes of the largest buffer.
    pub(super) limit: usize,
    /// What kernels took, while they are timed.
    trace: Mutex<Option<Vec<(&'static str, f64)>>>,
    /// How long to wait for it.
    pub(super) patience: Duration,
    about: About,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu")
            .field("about", &self.about)
            .field("limbs", &self.limbs)
            .finish_non_exhaustive()
    }
}

/// A buffer that others can have afterwards.
pub(super) struct Scratch<'a> {
    gpu: &'a Gpu,
    /// There until this is dropped.
    buffer: Option<wgpu::Buffer>,
}

impl std::ops::Deref for Scratch<'_> {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        self.buffer.as_ref().expect("it is only taken when dropped")
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let mut kept = self.gpu.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(self.buffer.take());
        // The oldest go first.
        while kept.iter().map(wgpu::Buffer::size).sum::<u64>() > KEPT {
            kept.remove(0);
        }
    }
}

/// Work to be done in order: each kernel sees what those before it wrote.
pub(super) struct Work<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
}

impl Work<'_> {
    /// Copies bytes.
    pub fn copy(
        &mut self,
        from: &wgpu::Buffer,
        start: usize,
        to: &wgpu::Buffer,
        at: usize,
        bytes: usize,
    ) {
        self.encoder.copy_buffer_to_buffer(from, start as u64, to, at as u64, Some(bytes as u64));
    }

    /// Sets the first words of a buffer to zero.
    pub fn clear(&mut self, buffer: &wgpu::Buffer, words: usize) {
        self.encoder.clear_buffer(buffer, 0, Some(4 * words as u64));
    }

    /// Runs a kernel with its uniform and its buffers, in so many invocations.
    pub fn run(
        &mut self,
        kernel: Kernel,
        uniform: &[u32],
        buffers: &[&wgpu::Buffer],
        invocations: usize,
    ) {
        let Gpu { device, limbs, pipelines, .. } = self.gpu;
        let Pipeline { pipeline, layout } =
            pipelines[kernel as usize].get_or_init(|| pipeline(device, kernel, *limbs));
        let uniform = self.gpu.upload(uniform, BufferUsages::UNIFORM);
        let bound = std::iter::once(&uniform).chain(buffers.iter().copied()).enumerate();
        let entries: Vec<_> = bound
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: binding as u32,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        });
        let mut pass = self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        let groups = invocations.div_ceil(kernel.workgroup());
        let along = groups.min(MOST_GROUPS);
        pass.dispatch_workgroups(along as u32, groups.div_ceil(along) as u32, 1);
        drop(pass);
        self.gpu.time(kernel, &mut self.encoder);
    }

    /// Does the work, waits for it, and reads the first words of a buffer.
    pub fn read(mut self, buffer: &wgpu::Buffer, count: usize) -> Result<Vec<u32>, DeviceError> {
        let Self { gpu, .. } = self;
        let bytes = 4 * count;
        let staging = gpu.buffer(count, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        self.copy(buffer, 0, &staging, 0, bytes);
        gpu.check()?;
        let submission = gpu.queue.submit([self.encoder.finish()]);
        let slice = staging.slice(..);
        slice.map_async(wgpu::MapMode::Read, |_| {});
        let timeout = Some(gpu.patience);
        let poll =
            gpu.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout });
        gpu.check()?;
        match poll {
            Ok(_) => {}
            Err(wgpu::PollError::Timeout) => {
                return Err(DeviceError::Timeout {
                    device: gpu.about.name.clone(),
                    seconds: gpu.patience.as_secs(),
                });
            }
            Err(error) => return Err(gpu.failed(error.to_string())),
        }
        let view = slice.get_mapped_range().map_err(|error| gpu.failed(error.to_string()))?;
        Ok(bytemuck::cast_slice(&view).to_vec())
    }
}

impl Gpu {
    /// Of a device of wgpu whose buffers have at most `limit` bytes.
    pub(super) fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        limbs: Limbs,
        limit: usize,
        about: About,
    ) -> Self {
        let trouble = Arc::new(Mutex::new(None));
        let note = |trouble: &Mutex<Option<String>>, message: String| {
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        };
        let noted = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            note(&noted, error.to_string())
        }));
        let noted = trouble.clone();
        device.set_device_lost_callback(move |reason, message| {
            note(&noted, format!("lost ({reason:?}) {message}"))
        });
        let (pipelines, kept, trace) = (Default::default(), Mutex::default(), Mutex::default());
        Self {
            device,
            queue,
            pipelines,
            kept,
            trouble,
            limbs,
            limit,
            trace,
            patience: PATIENCE,
            about,
        }
    }

    /// What it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How it computes products.
    pub fn limbs(&self) -> Limbs {
        self.limbs
    }

    /// Makes the device as lost as if it had been unplugged.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.device.destroy();
    }

    /// An error of this device.
    pub(super) fn failed(&self, reason: String) -> DeviceError {
        DeviceError::Failed { device: self.about.name.clone(), reason }
    }

    /// The error that was reported, if there is one.
    pub(super) fn check(&self) -> Result<(), DeviceError> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map_or(Ok(()), |reason| Err(self.failed(reason.clone())))
    }

    /// Runs `work` kernel by kernel, and returns what each took: name and seconds, in order. Slower
    /// than without, as the device waits in between.
    pub fn trace(&self, work: impl FnOnce()) -> Vec<(&'static str, f64)> {
        let lock = || self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        *lock() = Some(Vec::new());
        work();
        lock().take().unwrap_or_default()
    }

    /// Waits for what has been encoded, if kernels are timed.
    fn time(&self, kernel: Kernel, encoder: &mut wgpu::CommandEncoder) {
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trace) = &mut *trace {
            let next =
                self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let done = std::mem::replace(encoder, next).finish();
            let start = Instant::now();
            self.queue.submit([done]);
            // If it fails, so does whoever reads the result.
            let _ = self.device.poll(wgpu::PollType::Wait {
                submission_index: None,
                timeout: Some(self.patience),
            });
            trace.push((kernel.entry_point(), start.elapsed().as_secs_f64()));
        }
    }

    /// Work to add kernels to.
    pub(super) fn work(&self) -> Work<'_> {
        Work {
            gpu: self,
            encoder: self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default()),
        }
    }

    /// A buffer of words, all zero.
    pub(super) fn buffer(&self, words: usize, usage: BufferUsages) -> wgpu::Buffer {
        let size = 4 * words.max(4) as u64;
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// A buffer that kernels write and copies read, with whatever is in it.
    pub(super) fn scratch(&self, words: usize) -> Scratch<'_> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = 4 * words as u64;
        let fits = |buffer: &wgpu::Buffer| buffer.size() >= size;
        let best = (0..kept.len()).filter(|&at| fits(&kept[at])).min_by_key(|&at| kept[at].size());
        let buffer = best.map_or_else(|| self.storage(words), |at| kept.swap_remove(at));
        Scratch { gpu: self, buffer: Some(buffer) }
    }

    /// A buffer of zeros that kernels write and copies read, to keep.
    pub(super) fn storage(&self, words: usize) -> wgpu::Buffer {
        self.buffer(words, BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC)
    }

    /// A buffer with these words.
    pub(super) fn upload(&self, words: &[u32], usage: BufferUsages) -> wgpu::Buffer {
        let buffer = self.buffer(words.len(), usage | BufferUsages::COPY_DST);
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        buffer
    }

    /// A buffer of bases.
    pub(super) fn upload_bases(&self, bases: &[EqAffine]) -> Result<wgpu::Buffer, DeviceError> {
        if 4 * BASE * bases.len() > self.limit {
            return Err(DeviceError::TooLarge {
                device: self.about.name.clone(),
                points: bases.len(),
            });
        }
        let words: Vec<[u32; BASE]> = bases.par_iter().map(words::base).collect();
        let buffer =
            self.upload(words.as_flattened(), BufferUsages::STORAGE | BufferUsages::COPY_SRC);
        self.check()?;
        Ok(buffer)
    }

    /// The bases in a buffer.
    pub(super) fn download_bases(
        &self,
        buffer: &wgpu::Buffer,
        count: usize,
    ) -> Result<Vec<EqAffine>, DeviceError> {
        let words = self.work().read(buffer, BASE * count)?;
        let points = words.par_chunks(BASE).map(words::to_affine).collect::<Option<_>>();
        points.ok_or_else(|| self.failed("a base is not on the curve".into()))
    }

    /// Products a second, in chains of them in many invocations. Uploads and downloads do not
    /// count: what a longer chain takes beyond a shorter one does.
    pub fn products_per_second(&self) -> Result<f64, DeviceError> {
        let (count, lengths) = (1 << 16, [8, 264]);
        let factors: Vec<u32> =
            (0..count * words::ELEMENT as u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> 3).collect();
        let mut fastest = [f64::INFINITY; 2];
        for _ in 0..8 {
            for (fastest, length) in fastest.iter_mut().zip(lengths) {
                let start = Instant::now();
                self.products(&factors, length)?;
                *fastest = fastest.min(start.elapsed().as_secs_f64());
            }
        }
        let seconds = (fastest[1] - fastest[0]).max(f64::EPSILON);
        Ok(f64::from(count) * f64::from(lengths[1] - lengths[0]) / seconds)
    }

    /// For every element its power `length + 1`, in Montgomery form.
    pub(super) fn products(&self, factors: &[u32], length: u32) -> Result<Vec<u32>, DeviceError> {
        let count = factors.len() / words::ELEMENT;
        let results = self.scratch(factors.len());
        let uploaded = self.upload(factors, BufferUsages::STORAGE);
        let mut work = self.work();
        work.run(Kernel::Multiply, &[count as u32, length, 0, 0], &[&uploaded, &results], count);
        work.read(&results, factors.len())
    }
}
