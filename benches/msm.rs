//! Multi-exponentiation beside halo2's, and the inner product argument.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ff::Field;
use halo2_proofs::arithmetic::best_multiexp;
use pasta_curves::Fp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::points;
use zkinfer::prover::msm::{self, Bases, Device, Work};
use zkinfer::prover::opening::inner_product;
use zkinfer::prover::writer::Writer;
use zkinfer::verifier::argument::schedule::AwaitsMask;

/// One column of 2^k rows, and eight at once.
fn multiexponentiations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("msm");
    group.sample_size(10);
    for k in [8, 10, 12, 14] {
        let mut rng = StdRng::seed_from_u64(1);
        let bases = points(1 << k, &mut rng);
        let bytes: Vec<Vec<i64>> =
            (0..8).map(|_| bases.iter().map(|_| rng.random_range(-128..128)).collect()).collect();
        let scalars: Vec<Vec<Fp>> =
            (0..8).map(|_| bases.iter().map(|_| Fp::random(&mut rng)).collect()).collect();
        let lifted: Vec<Fp> = bytes[0].iter().map(|byte| Fp::from((byte + 128) as u64)).collect();
        for count in [1, 8] {
            let small: Vec<&[i64]> = bytes[..count].iter().map(|column| &column[..]).collect();
            let full: Vec<&[Fp]> = scalars[..count].iter().map(|column| &column[..]).collect();
            let id = |name: &str| BenchmarkId::new(format!("{name}, {count} columns"), k);
            group.bench_function(id("8 bits"), |bencher| {
                bencher.iter(|| msm::small(&bases, &small))
            });
            group.bench_function(id("full"), |bencher| bencher.iter(|| msm::full(&bases, &full)));
        }
        let id = |name: &str| BenchmarkId::new(format!("{name}, halo2"), k);
        group.bench_function(id("8 bits"), |bencher| {
            bencher.iter(|| best_multiexp(&lifted, &bases))
        });
        group.bench_function(id("full"), |bencher| {
            bencher.iter(|| best_multiexp(&scalars[0], &bases))
        });
    }
}

/// The inner product argument with 2^k coefficients.
fn openings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("opening");
    group.sample_size(10);
    for k in [8, 10, 12] {
        let mut rng = StdRng::seed_from_u64(2);
        let points = points((1 << k) + 2, &mut rng);
        let bases = Bases::new(Device::cpu(), &points, Work::Opening);
        let polynomial: Vec<Fp> =
            points[inner_product::EXTRA..].iter().map(|_| Fp::random(&mut rng)).collect();
        let (blind, x) = (Fp::random(&mut rng), Fp::random(&mut rng));
        group.bench_function(BenchmarkId::new("inner product", k), |bencher| {
            bencher.iter(|| {
                let start = AwaitsMask::new(Writer::unbound(), k);
                inner_product::open(&bases, start, polynomial.clone(), blind, x, &mut rng)
                    .expect("a proof in memory")
                    .finish()
            })
        });
    }
}

criterion_group!(benches, multiexponentiations, openings);
criterion_main!(benches);
