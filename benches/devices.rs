//! The CPU and every GPU side by side: sums over many points, sums of many columns at once,
//! folding.
//!
//! `cargo bench --features gpu --bench devices [-- --most 16]` prints a table: median seconds of a
//! call, whatever is uploaded and read back included, over bases that are resident. `--most` is the
//! binary logarithm of the most points of a column (20 unless told). Every GPU's results are
//! compared with the CPU's.

mod support;

use std::sync::Arc;
use std::time::Instant;

use ff::Field;
use pasta_curves::Fp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::points;
use zkinfer::prover::msm::gpu::{Gpu, adapters};
use zkinfer::prover::msm::{Backend, Cpu, Resident};

/// Calls to take the median of, less if they take long.
const RUNS: usize = 5;
/// Seconds after which a median is not asked for any more.
const PATIENCE: f64 = 2.0;

/// Seconds before the first call that counts: a device at rest has a lower clock.
const WARM_UP: f64 = 0.2;

/// Median seconds of a call, and what it returns.
fn median<T>(mut call: impl FnMut() -> T) -> (f64, T) {
    let start = Instant::now();
    let mut result = call();
    while start.elapsed().as_secs_f64() < WARM_UP {
        result = call();
    }
    let mut times = Vec::new();
    while times.len() < RUNS && times.iter().sum::<f64>() < PATIENCE {
        let start = Instant::now();
        result = call();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], result)
}

/// One row: what is computed, and seconds on the CPU and each GPU.
fn row<T: PartialEq>(
    what: &str,
    residents: &[Box<dyn Resident + '_>],
    call: impl Fn(&dyn Resident) -> T,
) {
    let mut cells = Vec::new();
    let mut first: Option<(f64, T)> = None;
    for resident in residents {
        let (seconds, result) = median(|| call(&**resident));
        match &first {
            None => cells.push(format!("{:.2}", seconds * 1e3)),
            Some((cpu, expected)) => {
                assert!(result == *expected, "{what}: another result than the CPU's");
                cells.push(format!("{:.2} | {:.2}", seconds * 1e3, cpu / seconds));
            }
        }
        first.get_or_insert((seconds, result));
    }
    println!("| {what} | {} |", cells.join(" | "));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let most = arguments
        .iter()
        .position(|argument| argument == "--most")
        .and_then(|at| arguments.get(at + 1));
    let most: u32 = most.map_or(20, |most| most.parse().expect("--most takes a number"));
    let gpus: Vec<_> = adapters().iter().filter_map(|adapter| adapter.open().ok()).collect();
    let mut backends: Vec<Box<dyn Backend>> = vec![Box::new(Cpu)];
    backends.extend(gpus.iter().map(|gpu| Box::new(gpu.clone()) as Box<dyn Backend>));
    for (index, backend) in backends.iter().enumerate() {
        println!("{index}: {}", backend.about());
    }
    for gpu in &gpus {
        println!(
            "{}: {:?} limbs, {:.2e} products/s",
            gpu.about().name,
            gpu.limbs(),
            Gpu::products_per_second(gpu).expect("products")
        );
    }
    let columns: Vec<String> =
        (1..backends.len()).map(|index| format!("{index}, ms | times faster")).collect();
    println!(
        "\n| | 0, ms | {} |\n|---|---|{}",
        columns.join(" | "),
        "---|---|".repeat(columns.len())
    );

    let rng = &mut StdRng::seed_from_u64(1);
    for k in (12..=most).step_by(2) {
        let bases = points(1 << k, rng);
        let residents: Vec<_> = backends
            .iter()
            .map(|backend| backend.load((&bases).into()).expect("room for the bases"))
            .collect();
        let bytes: Vec<Vec<i64>> =
            (0..256).map(|_| (0..1 << 12).map(|_| rng.random_range(-128..128)).collect()).collect();
        let scalars: Vec<Vec<Fp>> =
            (0..256).map(|_| (0..1 << 12).map(|_| Fp::random(&mut *rng)).collect()).collect();
        let long_bytes: Vec<i64> = bases.iter().map(|_| rng.random_range(-128..128)).collect();
        let long_scalars: Vec<Fp> = bases.iter().map(|_| Fp::random(&mut *rng)).collect();
        row(&format!("2^{k} points, 8 bits"), &residents, |bases| {
            bases.small(&[&long_bytes]).expect("sums")
        });
        row(&format!("2^{k} points, full"), &residents, |bases| {
            bases.full(&[&long_scalars]).expect("sums")
        });
        for count in if k == 12 { vec![8, 64, 256] } else { vec![] } {
            let bytes: Vec<&[i64]> = bytes[..count].iter().map(|column| &column[..]).collect();
            let scalars: Vec<&[Fp]> = scalars[..count].iter().map(|column| &column[..]).collect();
            row(&format!("{count} columns of 2^{k} points, 8 bits"), &residents, |bases| {
                bases.small(&bytes).expect("sums")
            });
            row(&format!("{count} columns of 2^{k} points, full"), &residents, |bases| {
                bases.full(&scalars).expect("sums")
            });
        }
        if k <= 16 {
            let factors = [Fp::random(&mut *rng), Fp::random(&mut *rng)];
            row(&format!("2^{k} generators folded twice"), &residents, |bases| {
                bases.fold(&factors, 0).and_then(|folded| folded.points()).expect("folding")
            });
        }
    }
    for gpu in &gpus {
        kernels(gpu, most);
    }
}

/// What each kernel of some sums takes by itself.
fn kernels(gpu: &Arc<Gpu>, most: u32) {
    println!(
        "\n{}, kernel by kernel, ms, each with the time to start it and to wait for it:\n",
        gpu.about().name
    );
    let rng = &mut StdRng::seed_from_u64(2);
    for (k, count) in [(12, 1), (12, 64), (16, 1), (20, 1)] {
        if k > most {
            continue;
        }
        let bases = gpu.load(points(1 << k, rng).into()).expect("room for the bases");
        let scalars: Vec<Vec<Fp>> =
            (0..count).map(|_| (0..1 << k).map(|_| Fp::random(&mut *rng)).collect()).collect();
        let scalars: Vec<&[Fp]> = scalars.iter().map(|column| &column[..]).collect();
        median(|| bases.full(&scalars).expect("sums"));
        let kernels = gpu.trace(|| _ = bases.full(&scalars).expect("sums"));
        let kernels: Vec<String> =
            kernels.iter().map(|(name, seconds)| format!("{name} {:.2}", seconds * 1e3)).collect();
        println!("* {count} full columns of 2^{k}: {}", kernels.join(", "));
    }
    let bases = gpu.load(points(1 << 14, rng).into()).expect("room for the bases");
    let factors = [2, 3, 5, 7].map(|factor| -Fp::from(factor).square().invert().expect("not zero"));
    median(|| bases.fold(&factors, 0).and_then(|folded| folded.points()).expect("folding"));
    let kernels = gpu.trace(|| _ = bases.fold(&factors, 0).expect("folding"));
    let kernels: Vec<String> =
        kernels.iter().map(|(name, seconds)| format!("{name} {:.2}", seconds * 1e3)).collect();
    println!("* 2^14 generators folded four times: {}", kernels.join(", "));
}
