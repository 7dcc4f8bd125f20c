//! Random small graphs of all operators, over inputs of 8 and 16 bits and of one integer: circuit
//! and interpreter agree, at extremes too, MockProver accepts, and a real proof verifies. With
//! everything public, and with weights, inputs and outputs hidden at random.

mod common;

use common::{Noise, accepts, agree, agree_with, cases, plans, proves};
use proptest::prelude::*;
use zkinfer_circuits::{Exposure, compile_with, lower, optimise};
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::testing::arbitrary::arb_case;
use zkinfer_verifier::Visibility::{Private, Public, Sealed};

/// MockProver sorts all tables once per lookup.
const LONGEST_TABLES: usize = 1 << 13;
/// A real proof commits to a multiplicity for each row of them.
const LONG_TABLES: usize = 1 << 17;
/// Parameters for more rows take long to derive.
const LARGEST_K: u32 = 10;

/// What proofs show, at random; an index is always shown.
fn exposure(graph: &Graph, noise: &mut Noise) -> Exposure {
    let mut one_of = |choices: &[_]| choices[noise.within(0, choices.len() as i64 - 1) as usize];
    let is_index = |value: usize| {
        let node = value.checked_sub(graph.inputs.len()).map(|node| &graph.nodes[node].operator);
        matches!(node, Some(Operator::ArgMax { .. }))
    };
    Exposure {
        weights: one_of(&[Public, Sealed, Sealed]),
        inputs: graph.inputs.iter().map(|_| one_of(&[Public, Private, Sealed])).collect(),
        outputs: graph
            .outputs
            .iter()
            .map(|output| if is_index(output.value) { Public } else { one_of(&[Public, Sealed]) })
            .collect(),
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn circuit_and_interpreter_agree((graph, inputs) in arb_case()) {
        let mut all = common::inputs(&graph, 7);
        all.push(inputs.iter().map(|tensor| tensor.iter().copied().collect()).collect());
        for (plan, number) in plans(&graph).iter().zip(0..) {
            let circuit = compile_with(lower::lower(&graph, &Exposure::public()).unwrap(),
                plan).unwrap();
            let rows = circuit.key().tables().rows();
            for (inputs, turn) in all.iter().zip([0, 1, 2].into_iter().cycle()) {
                let witness = agree(&graph, &circuit, inputs);
                // MockProver is what takes time: each input meets it under one of the plans, if the
                // tables are not too long for it.
                if turn == number && rows < LONGEST_TABLES {
                    accepts(&circuit, &witness);
                }
                if turn == number && turn == 2 && rows < LONG_TABLES {
                    proves(&circuit, witness);
                }
            }
        }
    }

    #[test]
    fn what_is_hidden_changes_no_output((graph, inputs) in arb_case(), seed in any::<u64>()) {
        let noise = &mut Noise(seed);
        let exposure = exposure(&graph, noise);
        let lowered = lower::lower(&graph, &exposure).unwrap();
        // Intervals follow from declared ranges, so a graph whose public tables are just short
        // enough has none when its weights are sealed.
        let mut plans = optimise::candidates(&lowered).unwrap();
        plans.retain(|(plan, _)| plan.k <= LARGEST_K);
        prop_assume!(!plans.is_empty());
        let short: Vec<_> = plans.iter().filter(|(_,
            counts)| counts.table_rows < LONGEST_TABLES).collect();
        let all: Vec<_> = plans.iter().collect();
        let choice = if short.is_empty() { &all } else { &short };
        let mut inputs = vec![inputs.iter().map(|tensor| tensor.iter().copied().collect(
            )).collect()];
        inputs.extend(common::inputs(&graph, noise.next()));
        for (turn, inputs) in inputs.iter().enumerate() {
            let (plan, _) = choice[noise.within(0, choice.len() as i64 - 1) as usize];
            let circuit = compile_with(lowered.clone(), plan).unwrap();
            let description = circuit.key().description();
            prop_assert!(description.inputs.iter().map(|input| input.visibility)
                .eq(exposure.inputs.iter().copied()));
            prop_assert!(description.outputs.iter().map(|output| output.visibility)
                .eq(exposure.outputs.iter().copied()));
            let model = common::model_tensors(&graph, circuit.key()).unwrap();
            let witness = agree_with(&graph, &circuit, &model, inputs);
            let rows = circuit.key().tables().rows();
            if turn % 3 == 0 && rows < LONGEST_TABLES {
                accepts(&circuit, &witness);
            }
            if turn % 3 == 1 && rows < LONG_TABLES {
                proves(&circuit, witness);
            }
        }
    }
}
