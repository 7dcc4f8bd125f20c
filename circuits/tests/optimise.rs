//! The cost model's arithmetic against compiled circuits.

mod common;

use common::{After, Net, Noise, agree, small_cnn, window};
use zkinfer_circuits::optimise::{self, CostModel, Counts, plan_with};
use zkinfer_circuits::{Exposure, Objective, Prediction, compile_with, lower};
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_verifier::argument::schedule::Sizes;

/// Several functions, shifts and interval widths, and an ArgMax.
fn varied() -> Graph {
    let noise = &mut Noise(31);
    let mut net = Net::new("varied", &[(&[1, 2, 6, 5], 4)]);
    let x = net.convolution(
        noise,
        0,
        4,
        1,
        window([3, 3], [1, 1], [1; 4]),
        After::Relu { shift: 11, zero_point: -30 },
    );
    let x = net.convolution(
        noise,
        x,
        4,
        4,
        window([2, 2], [1, 1], [0; 4]),
        After::Table { shift: 9, zero_point: 1 },
    );
    let x = net.max_pool(x, window([2, 2], [1, 1], [0; 4]));
    let x = net.flatten(x);
    let x = net.linear(noise, x, 9, After::Int8 { shift: 17, zero_point: 0 });
    let class = net.argmax(x, 1, true, &[1]);
    net.output(x);
    net.finish(class)
}

#[test]
fn counts_before_and_after_compiling_agree() {
    for graph in [varied(), small_cnn()] {
        let lowered = lower::lower(&graph, &Exposure::public()).unwrap();
        let candidates = optimise::candidates(&lowered).unwrap();
        assert!(candidates.len() > 100);
        let mut slots = 0;
        for (plan, counts) in candidates.into_iter().step_by(7) {
            let circuit = compile_with(lowered.clone(), &plan).unwrap();
            assert_eq!(Counts::of(circuit.key()), counts, "{plan:?}");
            let predicted = CostModel::REFERENCE.predict(&counts);
            assert_eq!(predicted.proof_bytes, Sizes::of(circuit.key()).bytes(), "{plan:?}");
            assert_eq!(Prediction::of(circuit.key()), predicted);
            slots = slots.max(counts.slots);
        }
        assert!(slots > 5, "tables longer than the circuit are among the candidates");
    }
}

#[test]
fn the_chosen_plan_follows_the_machine() {
    let lowered = lower::lower(&varied(), &Exposure::public()).unwrap();
    let plan = |model: &CostModel| plan_with(&lowered, Objective::Prover, model).unwrap();
    let slow_opening =
        CostModel { open_row: CostModel::REFERENCE.open_row * 100.0, ..CostModel::REFERENCE };
    let slow_columns = CostModel {
        small_column: CostModel::REFERENCE.small_column * 100.0,
        ..CostModel::REFERENCE
    };
    assert!(plan(&slow_opening).k <= plan(&slow_columns).k);
}

#[test]
fn shifts_that_no_limb_width_fits_have_no_plan() {
    // 61 bits of shift: the verifier divides by at most 2^60.
    let mut net = Net::new("shift", &[(&[1, 2], 0)]);
    let y = net.linear(&mut Noise(1), 0, 1, After::Int8 { shift: 61, zero_point: 0 });
    let mut graph = net.finish(y);
    let Operator::Linear { multipliers, .. } = &mut graph.nodes[0].operator else { unreachable!() };
    multipliers[0] = 1;
    assert!(matches!(lower::lower(&graph, &Exposure::public()), Err(
            zkinfer_circuits::Error::Overflow { node }) if node == "node0"));
    // 59 bits: with limbs of 2 bits it would have to be padded to 60, and the accumulator to 63.
    let mut net = Net::new("shift", &[(&[1, 2], 0)]);
    let y = net.linear(&mut Noise(1), 0, 1, After::Int8 { shift: 59, zero_point: 0 });
    let mut graph = net.finish(y);
    let Operator::Linear { multipliers, .. } = &mut graph.nodes[0].operator else { unreachable!() };
    multipliers[0] = 1 << 46;
    let lowered = lower::lower(&graph, &Exposure::public()).unwrap();
    let candidates = optimise::candidates(&lowered).unwrap();
    for (plan, _) in candidates.iter().step_by(11) {
        compile_with(lowered.clone(), plan).unwrap();
    }
}

/// Few quotients far from their function: were they in one table with others of that function, it
/// would have all rows in between.
#[test]
fn layers_whose_quotients_lie_far_apart_share_a_function() {
    let mut net = Net::new("apart", &[(&[1, 2], 0)]);
    let after = After::Int8 { shift: 12, zero_point: 0 };
    let near = net.linear(&mut Noise(1), 0, 1, after);
    let far = net.linear(&mut Noise(2), 0, 1, after);
    net.output(near);
    let mut graph = net.finish(far);
    for (node, scale) in graph.nodes.iter_mut().zip([[0, 1], [-(1 << 34), 8]]) {
        let Operator::Linear { bias, multipliers, .. } = &mut node.operator else { unreachable!() };
        [bias[0], multipliers[0]] = scale;
    }
    let lowered = lower::lower(&graph, &Exposure::public()).unwrap();
    let plan = plan_with(&lowered, Objective::Prover, &CostModel::REFERENCE).unwrap();
    let circuit = compile_with(lowered, &plan).unwrap();
    agree(&graph, &circuit, &common::inputs(&graph, 1)[0]);
}
