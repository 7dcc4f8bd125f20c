//! A network of LeNet-5's size under each objective: MockProver accepts it, and it fits the figures that the project promises.

mod common;

use std::time::Instant;

use common::{After, Net, Noise, window};
use zkinfer_circuits::optimise::Counts;
use zkinfer_circuits::{Exposure, Objective, compile};
use zkinfer_models::quantised::Graph;

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
        println!("{objective:?}: limbs of {} bits, {counts:?}, {prediction:?}", description.limb_bits);
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
