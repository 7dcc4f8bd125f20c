//! Whole jobs on the zoo's networks: compile, run, prove, verify.

mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use support::{NETWORKS, Network, load, network};
use zkinfer::{Compile, Exposure, Objective, verify};

fn networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("networks");
    group.sample_size(10);
    for name in NETWORKS {
        let network = network(name, &Exposure::public());
        group.bench_function(BenchmarkId::new("compile", name), |bencher| {
            bencher.iter(|| {
                let (model, data) = load(name);
                let calibration = model.calibrate(&data).expect("calibration");
                model
                    .quantise(&calibration)
                    .expect("int8")
                    .compile_with(&Exposure::public(), Objective::Prover)
                    .expect("a circuit")
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
        let session = network.circuit.session(&network.parameters, None).expect("public weights");
        let session = session.self_check(false);
        group.bench_function(BenchmarkId::new("prove", name), |bencher| {
            bencher.iter(|| session.prove(&network.input).expect("a proof"));
        });
        let proof = session.prove(&network.input).expect("a proof");
        group.bench_function(BenchmarkId::new("verify", name), |bencher| {
            bencher.iter(|| {
                verify(network.circuit.key(), &network.parameters, None, &proof)
                    .expect("a valid proof")
            });
        });
        sealed(&mut group, name);
    }
    group.finish();
}

/// The same network with sealed weights: seal, the first proof of a session with what it sets up, a
/// later one, verification.
fn sealed(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let Network { circuit, parameters, input, .. } = network(name, &Exposure::default());
    group.bench_function(BenchmarkId::new("seal", name), |bencher| {
        bencher.iter(|| circuit.seal(&parameters).expect("a seal"));
    });
    let (seal, opening) = circuit.seal(&parameters).expect("a seal");
    let session =
        || circuit.session(&parameters, Some(&opening)).expect("its opening").self_check(false);
    group.bench_function(BenchmarkId::new("prove-sealed-first", name), |bencher| {
        bencher.iter(|| session().prove(&input).expect("a proof"));
    });
    let session = session();
    group.bench_function(BenchmarkId::new("prove-sealed", name), |bencher| {
        bencher.iter(|| session.prove(&input).expect("a proof"));
    });
    let proof = session.prove(&input).expect("a proof");
    group.bench_function(BenchmarkId::new("check-seal", name), |bencher| {
        bencher.iter(|| seal.clone().check(&parameters).expect("weights in range"));
    });
    let seal = seal.check(&parameters).expect("weights in range");
    group.bench_function(BenchmarkId::new("verify-sealed", name), |bencher| {
        bencher.iter(|| {
            verify(circuit.key(), &parameters, Some(&seal), &proof).expect("a valid proof")
        });
    });
}

criterion_group!(benches, networks);
criterion_main!(benches);
