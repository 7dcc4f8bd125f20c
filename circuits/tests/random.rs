//! Random small graphs of all operators: circuit and interpreter agree, at extremes too, and MockProver accepts.

mod common;

use common::{check, check_on};
use proptest::prelude::*;
use zkinfer_models::testing::arbitrary::arb_case;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn circuit_and_interpreter_agree((graph, inputs) in arb_case()) {
        let inputs: Vec<Vec<i64>> = inputs.iter().map(|tensor| tensor.iter().copied().collect()).collect();
        check_on(&graph, &[inputs]);
        check(&graph);
    }
}
