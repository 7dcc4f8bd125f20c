//! The backward pass that prover and verifier both compute, and the sums of small integers times
//! field elements under it.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ff::Field;
use pasta_curves::Fp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use support::network;
use zkinfer::Exposure;
use zkinfer::verifier::Statement;
use zkinfer::verifier::adjoint::backward;
use zkinfer::verifier::challenges::{Challenge, LinearChallenges};
use zkinfer::verifier::field::small::SmallSums;

/// Networks of the zoo: convolutions, dense layers, residual sums, depthwise convolutions.
const NETWORKS: [&str; 4] = ["lenet5", "mlp-784-512-256-10", "resnet8-32", "mobilenetv2-32"];

fn draw(seed: u64) -> Fp {
    Fp::random(&mut StdRng::seed_from_u64(seed))
}

fn backward_pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("adjoint");
    group.sample_size(10);
    for name in NETWORKS {
        let network = network(name, &Exposure::public());
        let witness = network.circuit.witness(&network.input).expect("a witness");
        let statement = Statement::public(witness.inputs, witness.outputs);
        let cotangents = LinearChallenges {
            rho: Challenge::new(draw(2)),
            sigma: Challenge::new(draw(3)),
            tau: Challenge::new(draw(4)),
        };
        group.bench_function(BenchmarkId::new("backward", name), |bencher| {
            bencher.iter(|| backward(network.circuit.key(), &statement, cotangents));
        });
        group.bench_function(BenchmarkId::new("witness", name), |bencher| {
            bencher.iter(|| network.circuit.witness(&network.input).expect("a witness"));
        });
    }
    group.finish();
}

fn small_sums(criterion: &mut Criterion) {
    const ROWS: usize = 512;
    const COLUMNS: usize = 784;
    let weights: Vec<i8> = (0..ROWS * COLUMNS).map(|i| (i * i % 251) as u8 as i8).collect();
    let elements: Vec<Fp> = (1..).map(draw).take(ROWS).collect();
    let mut group = criterion.benchmark_group("adjoint");
    group.throughput(Throughput::Elements((ROWS * COLUMNS) as u64));
    group.bench_function("small sums 512x784", |bencher| {
        bencher.iter(|| {
            let mut sums = SmallSums::new(COLUMNS);
            let rows = weights.chunks(COLUMNS).zip(&elements);
            rows.for_each(|(weights, element)| sums.add(black_box(weights), *element));
            sums.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, small_sums, backward_pass);
criterion_main!(benches);
