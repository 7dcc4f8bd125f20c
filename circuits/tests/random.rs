//! Random small graphs of all operators: circuit and interpreter agree, at extremes too, MockProver accepts, and a real
//! proof verifies.

mod common;

use common::{accepts, agree, plans, proves};
use proptest::prelude::*;
use zkinfer_circuits::{Exposure, compile_with, lower};
use zkinfer_models::testing::arbitrary::arb_case;

/// MockProver sorts all tables once per lookup.
const LONGEST_TABLES: usize = 1 << 13;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn circuit_and_interpreter_agree((graph, inputs) in arb_case()) {
        let mut all = common::inputs(&graph, 7);
        all.push(inputs.iter().map(|tensor| tensor.iter().copied().collect()).collect());
        for (plan, number) in plans(&graph).iter().zip(0..) {
            let circuit = compile_with(lower::lower(&graph, &Exposure::public()).unwrap(), plan).unwrap();
            for (inputs, turn) in all.iter().zip([0, 1, 2].into_iter().cycle()) {
                let witness = agree(&graph, &circuit, inputs);
                // MockProver is what takes time: each input meets it under one of the plans, if the tables are not too long for it.
                if turn == number && circuit.key().tables().rows() < LONGEST_TABLES {
                    accepts(&circuit, &witness);
                }
                if turn == number && turn == 2 {
                    proves(&circuit, witness);
                }
            }
        }
    }
}
