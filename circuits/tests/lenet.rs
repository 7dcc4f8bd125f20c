//! A network of LeNet-5's size: under each objective MockProver accepts it, and it fits the figures
//! that the project promises; and threads change nothing.

mod common;

use std::time::Instant;

use common::{After, Net, Noise, window};
use pasta_curves::Fp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_circuits::judge::shown;
use zkinfer_circuits::optimise::Counts;
use zkinfer_circuits::{Exposure, Objective, compile};
use zkinfer_models::integer::graph::Graph;
use zkinfer_prover::{Assignment, Prover, sealing};
use zkinfer_verifier::adjoint::backward;
use zkinfer_verifier::challenges::{Challenge, LinearChallenges};

/// LeNet-5 on 28×28, random weights.
fn lenet() -> Graph {
    let noise = &mut Noise(5);
    let mut net = Net::new("LeNet-5", &[(&[1, 1, 28, 28], -128)]);
    let relu = After::Relu { shift: 16, zero_point: -128 };
    let conv = window([5, 5], [1, 1], [0; 4]);
    let halves = window([2, 2], [2, 2], [0; 4]);
    let x = net.convolution(noise, 0, 6, 1, conv.clone(), relu);
    let x = net.max_pool(x, halves.clone());
    let x = net.convolution(noise, x, 16, 1, conv, relu);
    let x = net.max_pool(x, halves);
    let x = net.flatten(x);
    let x = net.linear(noise, x, 120, relu);
    let x = net.linear(noise, x, 84, relu);
    let x = net.linear(noise, x, 10, After::Raw);
    net.finish(x)
}

#[test]
fn lenet_is_small_under_every_objective() {
    let graph = lenet();
    let predictions = [Objective::Prover, Objective::Verifier, Objective::Size].map(|objective| {
        let started = Instant::now();
        let circuit = compile(&graph, &Exposure::public(), objective).unwrap();
        let compiled = started.elapsed();
        let description = circuit.key().description();
        let (counts, prediction) = (Counts::of(circuit.key()), circuit.prediction());
        let inputs = common::inputs(&graph, 3).pop().unwrap();
        let started = Instant::now();
        let witness = circuit.witness(&[], &[inputs[0].clone()]).unwrap();
        println!(
            "{objective:?}: limbs of {} bits, {counts:?}, {prediction:?}",
            description.limb_bits
        );
        println!("  compiled in {compiled:?}, witness in {:?}", started.elapsed());
        assert_eq!(witness.outputs, common::interpret(&graph, &inputs));
        common::accepts(&circuit, &witness);
        prediction
    });
    let [prover, verifier, size] = predictions;
    assert!(prover.proof_bytes <= 6000, "{prover:?}");
    assert!(prover.prove_seconds <= verifier.prove_seconds.min(size.prove_seconds));
    assert!(verifier.verify_seconds <= prover.verify_seconds.min(size.verify_seconds));
    assert!(size.proof_bytes <= prover.proof_bytes.min(verifier.proof_bytes));
}

#[test]
fn threads_change_neither_cotangents_nor_proofs() {
    let graph = lenet();
    for exposure in [Exposure::public(), Exposure::default()] {
        let circuit = compile(&graph, &exposure, Objective::Prover).unwrap();
        let key = circuit.key();
        let model = common::model_tensors(&graph, key).unwrap();
        let inputs = common::inputs(&graph, 3).pop().unwrap();
        let witness = circuit.witness(&common::integers(&model), &[inputs[0].clone()]).unwrap();
        let parameters = common::parameters(key.description().k);
        let tensors: Vec<_> =
            key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect();
        let cotangents = LinearChallenges {
            rho: Challenge::new(Fp::from(5).square()),
            sigma: Challenge::new(-Fp::from(7)),
            tau: Challenge::new(Fp::from(11)),
        };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut rng = StdRng::seed_from_u64(1);
                let adjoint = backward(key, &shown(key, &witness), cotangents);
                let mut prover = Prover::new(key, &parameters);
                if key.has_sealed_weights() {
                    let (opening, _) =
                        sealing::commit(&parameters, &tensors, model.clone(), &mut rng).unwrap();
                    prover = prover.weights(
                        opening
                            .open(&parameters, key.layout().model_sheets(), model.clone())
                            .unwrap(),
                    );
                }
                let claim = Assignment::new(
                    key,
                    [&witness.inputs, &witness.outputs],
                    &witness.columns,
                    witness.operands.clone(),
                    Vec::new(),
                );
                (adjoint, prover.prove_assignment(claim, rng).unwrap())
            })
        };
        assert!(on(1) == on(3));
    }
}
