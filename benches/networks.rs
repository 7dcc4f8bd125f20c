//! Whole jobs on the zoo's networks: compile, run, prove, verify.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use support::{NETWORKS, load, network};
use zkinfer::{Compile, Objective, verify};

fn networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("networks");
    group.sample_size(10);
    for name in NETWORKS {
        let network = network(name);
        group.bench_function(BenchmarkId::new("compile", name), |bencher| {
            bencher.iter(|| {
                let (model, data) = load(name);
                let calibration = model.calibrate(&data).expect("calibration");
                model.quantise(&calibration).expect("int8").compile(Objective::Prover).expect("a circuit")
            });
        });
        group.bench_function(BenchmarkId::new("float", name), |bencher| {
            bencher.iter(|| network.model.run(&network.input).expect("the float model"));
        });
        group.bench_function(BenchmarkId::new("interpret", name), |bencher| {
            bencher.iter(|| network.circuit.run(&network.input).expect("the integer network"));
        });
        group.bench_function(BenchmarkId::new("witness", name), |bencher| {
            bencher.iter(|| network.circuit.witness(&network.input).expect("a witness"));
        });
        let prover = network.circuit.prover(&network.parameters).self_check(false);
        group.bench_function(BenchmarkId::new("prove", name), |bencher| {
            bencher.iter(|| prover.prove(&network.input).expect("a proof"));
        });
        let proof = prover.prove(&network.input).expect("a proof");
        group.bench_function(BenchmarkId::new("verify", name), |bencher| {
            bencher.iter(|| verify(network.circuit.key(), &network.parameters, &proof).expect("a valid proof"));
        });
    }
    group.finish();
}

criterion_group!(benches, networks);
criterion_main!(benches);
