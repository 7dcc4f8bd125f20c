//! Random small graphs of all operators: circuit and interpreter agree, at extremes too, and MockProver accepts.

mod common;

use common::{check_on, inputs};
use proptest::prelude::*;
use zkinfer_models::testing::arbitrary::arb_case;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn circuit_and_interpreter_agree((graph, tensors) in arb_case()) {
        let drawn: Vec<Vec<i64>> = tensors.iter().map(|tensor| tensor.iter().copied().collect()).collect();
        let alternating = inputs(&graph, 7).swap_remove(2);
        check_on(&graph, &[alternating, drawn]);
    }
}
