//! Each stage of a proof of LeNet-5 by itself, and how single columns cost with their size.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ff::Field;
use pasta_curves::Fp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use support::network;
use zkinfer::Exposure;
use zkinfer::prover::commit::{Column, Content, Context};
use zkinfer::prover::quotient::{Polynomials, quotient};
use zkinfer::prover::{adjoint, lookup};
use zkinfer::verifier::Parameters;
use zkinfer::verifier::adjoint::{Cotangents, backward};
use zkinfer::verifier::constraints::Challenges;

fn stages(criterion: &mut Criterion) {
    let network = network("lenet5", &Exposure::public());
    let (key, rng) = (network.circuit.key(), || StdRng::seed_from_u64(1));
    let layout = key.layout();
    let witness = network.circuit.witness(&network.input).expect("a witness");
    let context = Context::new(network.parameters.params(), layout.usable);
    let draw = |seed: u64| Fp::random(&mut StdRng::seed_from_u64(seed));
    let cotangents = Cotangents { rho: draw(2), sigma: draw(3), tau: draw(4) };
    let challenges = Challenges { theta: draw(5), beta: draw(6), y: draw(7) };
    let small = |columns: &[Vec<i64>]| -> Vec<Column> {
        context.commit(columns.iter().map(|column| Content::Small(column)).collect(), &mut rng())
    };

    let mut group = criterion.benchmark_group("stages/lenet5");
    group.sample_size(10);
    group.bench_function("count lookups", |bencher| bencher.iter(|| lookup::multiplicities(key, &witness.columns)));
    group.bench_function("commit cells", |bencher| bencher.iter(|| small(&witness.columns)));
    group.bench_function("adjoint", |bencher| bencher.iter(|| backward(key, &witness.statement, cotangents)));

    let cells = small(&witness.columns);
    let multiplicities = small(&lookup::multiplicities(key, &witness.columns).0);
    let tags: Vec<Vec<Fp>> = layout
        .lookups
        .iter()
        .map(|l| lookup::row_tags(l, layout.usable).into_iter().map(|tag| Fp::from(tag as u64)).collect())
        .collect();
    let inverses = key.table_inverses(challenges.theta, challenges.beta).expect("no zero denominator");
    let helpers = || lookup::helpers(key, &cells, &tags, challenges).expect("no zero denominator");
    group.bench_function("lookup helpers", |bencher| bencher.iter(helpers));
    let full = |columns: Vec<Vec<Fp>>| context.commit(columns.into_iter().map(Content::Full).collect(), &mut rng());
    group.bench_function("commit helpers", |bencher| bencher.iter(|| full(helpers())));

    let backward = backward(key, &witness.statement, cotangents);
    let linear = cells.iter().zip(&backward.kappa).map(|(column, kappa)| (&column.values[..], &kappa[..]));
    let products = adjoint::Products { linear: linear.collect(), bilinear: Vec::new() };
    let sums = full(vec![
        lookup::running_sum(&helpers(), &multiplicities, &inverses, layout.usable),
        adjoint::running_sum(&products, layout.usable),
    ]);
    let helper_columns = full(helpers());
    let public = |columns: &[Vec<Fp>]| columns.iter().map(|column| context.public(column.clone())).collect();
    let polynomials = Polynomials {
        cells: cells.iter().map(|column| &column.polynomial).collect(),
        multiplicities: multiplicities.iter().map(|column| &column.polynomial).collect(),
        helpers: helper_columns.iter().map(|column| &column.polynomial).collect(),
        lookup_sum: &sums[0].polynomial,
        adjoint_sum: &sums[1].polynomial,
        kappa: public(&backward.kappa),
        factors: layout.factor_columns(),
        separators: Vec::new(),
        tags: public(&tags),
        inverses: public(&inverses),
    };
    group.bench_function("quotient", |bencher| {
        bencher.iter(|| quotient(&context, &layout.lookups, &polynomials, backward.target, challenges));
    });
    group.finish();
}

fn columns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("columns");
    group.sample_size(10);
    for k in [8, 10, 12] {
        let parameters = Parameters::derive(k).expect("a supported size");
        let usable = (1 << k) - 5;
        let context = Context::new(parameters.params(), usable);
        let small: Vec<i64> = (0..usable as i64).map(|i| i * 37 % 256 - 128).collect();
        let mut rng = StdRng::seed_from_u64(1);
        group.bench_function(BenchmarkId::new("commit small", k), |bencher| {
            bencher.iter(|| context.commit(vec![Content::Small(&small)], &mut rng));
        });
        let full: Vec<Fp> = (0..usable).map(|_| Fp::random(&mut rng)).collect();
        group.bench_function(BenchmarkId::new("commit full", k), |bencher| {
            bencher.iter(|| context.commit(vec![Content::Full(full.clone())], &mut rng));
        });
        group.bench_function(BenchmarkId::new("to coefficients", k), |bencher| {
            bencher.iter(|| context.public(full.clone()));
        });
    }
    group.finish();
}

criterion_group!(benches, stages, columns);
criterion_main!(benches);
