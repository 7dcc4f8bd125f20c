//! Each stage of a proof by itself, on LeNet-5 with public weights; and how single columns cost
//! with their size.

mod support;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ff::Field;
use pasta_curves::Fp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use support::network;
use zkinfer::Exposure;
use zkinfer::prover::commit::{Committer, Random};
use zkinfer::prover::integers::Integers;
use zkinfer::prover::opening::quotient::{Polynomials, interpolate, quotient};
use zkinfer::prover::row_sum::lookups::{self, Lookups};
use zkinfer::prover::row_sum::summand::{Bilinear, Summand};
use zkinfer::verifier::Parameters;
use zkinfer::verifier::challenges::Challenge;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn elements(count: usize, seed: u64) -> Vec<Fp> {
    let mut rng = rng(seed);
    (0..count).map(|_| Fp::random(&mut rng)).collect()
}

/// What lookups cost before the row sum.
fn lookups(criterion: &mut Criterion) {
    let network = network("lenet5", &Exposure::public());
    let key = network.circuit.key();
    let witness = network.circuit.witness(&network.input).expect("a witness");
    let committer = Committer::new(&network.parameters);
    let integers = Integers::new();
    let columns = witness.columns.iter().map(Vec::as_slice);
    let cells = committer.commit_small(columns.clone(), Random::Mask, &mut rng(1));
    let tables: Vec<Vec<Fp>> =
        cells.iter().map(|column| column.summed(&committer, &integers)).collect();
    let (theta, beta) = (Challenge::new(elements(1, 5)[0]), Challenge::new(elements(1, 6)[0]));
    let counted = lookups::count(key, &witness.columns);
    let lookups = || {
        let lookups = Lookups::new(key, &committer, &counted, &tables, theta, beta);
        lookups.expect("no zero denominator")
    };
    let helpers = lookups().helpers;

    let mut group = criterion.benchmark_group("lookup");
    group.sample_size(10);
    group.bench_function("count", |bencher| bencher.iter(|| lookups::count(key, &witness.columns)));
    group.bench_function("denominators and helpers", |bencher| bencher.iter(lookups));
    group.bench_function("commit to helpers", |bencher| {
        bencher.iter_batched(
            || helpers.clone(),
            |helpers| committer.commit_full(helpers, &mut rng(1)),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("commit to cells", |bencher| {
        bencher.iter(|| committer.commit_small(columns.clone(), Random::Mask, &mut rng(1)));
    });
    group.finish();
}

/// Time that all threads of this process ran, in hundredths: other processes do not count. Wall
/// time where there is no such file.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let fields = stat.rsplit_once(')')?.1.split_whitespace();
        let times: Option<Vec<u64>> =
            fields.skip(11).take(2).map(|ticks| ticks.parse().ok()).collect();
        Some(times?.iter().sum())
    };
    ticks().map_or_else(|| START.elapsed(), |ticks: u64| Duration::from_millis(10 * ticks))
}

/// The row sum with as many columns as LeNet-5 has: one message, all rounds, and these once more
/// where linear columns are multiplied in pairs, so that the difference is what pairs cost. All
/// rounds in time of processors.
fn row_sum(criterion: &mut Criterion) {
    const PAIRS: usize = 8;
    let mut group = criterion.benchmark_group("row sum");
    group.sample_size(10);
    for k in [9, 11, 13u64] {
        let columns = |count: usize| -> Vec<Vec<Fp>> {
            (0..count as u64).map(|seed| elements(1 << k, seed)).collect()
        };
        let pairs = columns(25)
            .into_iter()
            .zip(columns(25))
            .map(|(values, coefficients)| [values, coefficients]);
        let summand = Summand {
            lookups: columns(16),
            helpers: columns(2),
            weight: elements(1 << k, 3),
            linear: pairs.collect(),
            sheets: Vec::new(),
            bilinear: Vec::new(),
            y: Fp::from(7),
            at_rows: false,
        };
        group.throughput(Throughput::Elements(1 << k));
        group.bench_function(BenchmarkId::new("message", k), |bencher| {
            bencher.iter(|| summand.message(Fp::ONE))
        });
        let separators = columns(PAIRS).into_iter().enumerate();
        let bilinear = separators
            .map(|(pair, separator)| Bilinear { columns: [2 * pair, 2 * pair + 1], separator });
        let multiplied = Summand { bilinear: bilinear.collect(), ..summand.clone() };
        for (name, summand) in
            [("all rounds", summand), ("all rounds, 8 pairs multiplied", multiplied)]
        {
            group.bench_function(BenchmarkId::new(name, k), |bencher| {
                bencher.iter_custom(|runs| {
                    let copies: Vec<Summand> = (0..runs).map(|_| summand.clone()).collect();
                    let start = processor_time();
                    for mut summand in copies {
                        for round in 1..=k {
                            summand.message(Fp::ONE);
                            summand.fold(Fp::from(round + 1));
                        }
                    }
                    // At least a tick of the clock.
                    (processor_time() - start).max(Duration::from_millis(10))
                });
            });
        }
    }
    group.finish();
}

fn columns(criterion: &mut Criterion) {
    for k in [8, 10, 12, 14] {
        let parameters = Parameters::derive(k).expect("a supported size");
        let committer = Committer::new(&parameters);
        let small: Vec<i64> = (0..committer.usable as i64).map(|i| i * 37 % 256 - 128).collect();
        let full = elements(committer.usable, 1);

        let mut group = criterion.benchmark_group("commit");
        group.sample_size(10);
        group.throughput(Throughput::Elements(8 << k));
        group.bench_function(BenchmarkId::new("8 small columns", k), |bencher| {
            bencher.iter(|| committer.commit_small([&small[..]; 8], Random::Mask, &mut rng(1)));
        });
        group.throughput(Throughput::Elements(1 << k));
        group.bench_function(BenchmarkId::new("full column", k), |bencher| {
            bencher.iter(|| committer.commit_rows(&committer.lagrange, &full, Fp::ONE));
        });
        group.finish();

        let mut group = criterion.benchmark_group("fft");
        group.sample_size(10);
        group.bench_function(BenchmarkId::new("to coefficients", k), |bencher| {
            bencher.iter_batched(
                || full.clone(),
                |full| interpolate(&committer, full),
                BatchSize::LargeInput,
            );
        });
        group.finish();

        let mut group = criterion.benchmark_group("quotient");
        group.sample_size(10);
        let [sum, combination, messages] =
            [2, 3, 4].map(|seed| interpolate(&committer, elements(committer.rows, seed)));
        let weights = [elements(committer.usable + 1, 5), elements(111, 6)];
        group.bench_function(BenchmarkId::from_parameter(k), |bencher| {
            bencher.iter_batched(
                || weights.clone(),
                |weights| {
                    let polynomials =
                        Polynomials { sum: &sum, combination: &combination, messages: &messages };
                    quotient(&committer, polynomials, weights, Fp::ONE, Fp::from(9))
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, lookups, row_sum, columns);
criterion_main!(benches);
