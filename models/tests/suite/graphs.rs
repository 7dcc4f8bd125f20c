//! Quantised graphs: the interpreter against an independent reading of the contract, and what
//! validation refuses.

use crate::contract::naive;
use ndarray::{ArrayD, indices};
use proptest::prelude::*;
use zkinfer_models::integer::graph::{
    Function, Graph, Input, Node, Operator, Output, Quantisation, Requantise, Ties, Window,
};
use zkinfer_models::integer::interpreter::{self, Interpreter};
use zkinfer_models::testing::arbitrary::arb_case;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn interpreter_and_contract_agree((graph, inputs) in arb_case()) {
        prop_assert_eq!(interpreter::run_all(&graph, &inputs).unwrap(), naive(&graph, &inputs));
    }

    #[test]
    fn graphs_survive_serialisation((graph, _) in arb_case()) {
        let bytes = postcard::to_stdvec(&graph).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Graph>(&bytes).unwrap(), &graph);
        let text = serde_json::to_string(&graph).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Graph>(&text).unwrap(), &graph);
    }

    /// Whatever a damaged file decodes to, it is refused or runs; nothing panics.
    #[test]
    fn damaged_graphs_are_refused_or_run(
        (graph, _) in arb_case(), position in any::<prop::sample::Index>(), change in 1u8..,
    ) {
        let mut bytes = postcard::to_stdvec(&graph).unwrap();
        let position = position.index(bytes.len());
        bytes[position] ^= change;
        if let Ok(damaged) = postcard::from_bytes::<Graph>(&bytes)
            && let Ok(interpreter) = Interpreter::new(&damaged)
        {
            let small = damaged.inputs.iter().all(|input| input.shape.iter().product::<usize>(
                ) < 10_000);
            let nodes = damaged.nodes.iter().all(|node| node.shape.iter().product::<usize>(
                ) < 10_000);
            if small && nodes {
                let inputs = damaged.inputs.iter().map(|input| ArrayD::from_elem(
                    input.shape.clone(), input.minimum));
                interpreter.run_all(&inputs.collect::<Vec<_>>()).unwrap();
            }
        }
    }
}

/// `x [1, 2, 3]` and one node over it.
fn single(operator: Operator, shape: &[usize]) -> Graph {
    let quantisation = Quantisation { scale: 0.5, zero_point: 0 };
    Graph {
        name: "g".into(),
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![1, 2, 3],
            quantisation,
            minimum: -128,
            maximum: 127,
        }],
        nodes: vec![Node {
            name: "n".into(),
            inputs: vec![0],
            operator,
            shape: shape.to_vec(),
            quantisation,
        }],
        outputs: vec![Output { name: "y".into(), value: 1 }],
        parts: Default::default(),
    }
}

fn rescale() -> Requantise {
    Requantise { shift: 8, ties: Ties::Up, zero_point: 0, function: Function::clamp(-128, 127) }
}

fn linear(weights: Vec<i32>, multiplier: i64, requantise: Option<Requantise>) -> Operator {
    let weights = weights.into();
    Operator::Linear { weights, bias: vec![0], multipliers: vec![multiplier], requantise }
}

fn unit() -> Window {
    Window::unit()
}

fn fault(graph: &Graph) -> String {
    let message = graph.validate().unwrap_err().to_string();
    message.strip_prefix("quantised graph \"g\", ").unwrap().to_owned()
}

#[test]
fn validation_names_what_is_wrong() {
    let pool = |window| single(Operator::MaxPool { window }, &[1, 2, 3]);
    let slice = |axis, start, step| single(Operator::Slice { axis, start, step }, &[1, 2, 2]);
    let table =
        |values| single(Operator::Activation(Function { minimum: -128, values }), &[1, 2, 3]);
    let cases = [
        (
            single(linear(vec![1; 3], 1, Some(rescale())), &[1, 2, 2]),
            "node \"n\" (Linear): its operator gives shape [1, 2, 1], but shape [1, 2, 2] is \
            declared",
        ),
        (
            single(linear(vec![1; 4], 1, None), &[1, 2, 1]),
            "node \"n\" (Linear): 4 weights, expected 3",
        ),
        (
            single(linear(vec![1, -8_355_712, 1], 1, None), &[1, 2, 1]),
            "node \"n\" (Linear): weight -8355712 of channel 0 is larger than 8355711",
        ),
        (
            single(linear(vec![1; 3], 0, None), &[1, 2, 1]),
            "node \"n\" (Linear): multiplier 0 of channel 0 is not positive",
        ),
        (
            single(linear(vec![127; 3], 1 << 50, None), &[1, 2, 1]),
            "node \"n\" (Linear): its accumulator can reach 2^62",
        ),
        (
            single(linear(vec![127; 3], i64::MAX, None), &[1, 2, 1]),
            "node \"n\" (Linear): its accumulator can reach 2^62",
        ),
        (
            single(linear(vec![1; 3], 1, Some(Requantise { shift: 63, ..rescale() })), &[1, 2, 1]),
            "node \"n\" (Linear): shift 63 is above 62",
        ),
        (
            single(
                linear(vec![1; 3], 1, Some(Requantise { zero_point: 70_000, ..rescale() })),
                &[1, 2, 1],
            ),
            "node \"n\" (Linear): zero point 70000 has more than 16 bits",
        ),
        (
            single(
                linear(
                    vec![1; 3],
                    1,
                    Some(Requantise { ties: Ties::Even { slack: 64 }, ..rescale() }),
                ),
                &[1, 2, 1],
            ),
            "node \"n\" (Linear): a slack of 64 with shift 8",
        ),
        (
            pool(Window { kernel: [2, 1], ..unit() }),
            "node \"n\" (MaxPool): window Window { kernel: [2, 1], strides: [1, 1], pads: [0, 0, \
            0, 0], dilations: [1, 1] } does not fit shape [1, 2, 3]",
        ),
        (
            pool(Window { pads: [0, 1, 0, 0], kernel: [1, 1], strides: [1, 1], dilations: [1, 1] }),
            "node \"n\" (MaxPool): its operator gives shape [1, 2, 4], but shape [1, 2, 3] is \
            declared",
        ),
        (slice(2, 1, 2), "node \"n\" (Slice): elements 1, 1+(2), … leave dimension 2 of [1, 2, 3]"),
        (
            slice(2, 0, -1),
            "node \"n\" (Slice): elements 0, 0+(-1), … leave dimension 2 of [1, 2, 3]",
        ),
        (slice(5, 0, 1), "node \"n\" (Slice): dimension 5 of [1, 2, 3] does not exist"),
        (table(vec![]), "node \"n\" (Activation): a table of 0 entries"),
        (table(vec![0; 65_537]), "node \"n\" (Activation): a table of 65537 entries"),
        (table(vec![65_536]), "node \"n\" (Activation): entries of more than 16 bits"),
        (single(Operator::Reshape, &[5]), "node \"n\" (Reshape): [1, 2, 3] cannot become [5]"),
        (
            single(Operator::Reshape, &[usize::MAX, 2]),
            "node \"n\" (Reshape): shape [18446744073709551615, 2] is empty or has more than \
            268435456 elements",
        ),
        (
            single(Operator::Transpose { permutation: vec![0, 1, 1] }, &[1, 2, 2]),
            "node \"n\" (Transpose): [0, 1, 1] is not a permutation of 3 dimensions",
        ),
        (
            single(Operator::Concat { axis: 3 }, &[1, 2, 3]),
            "node \"n\" (Concat): dimension 3 of [1, 2, 3] does not exist",
        ),
        (
            single(Operator::Pad { before: vec![0; 3], after: vec![0; 2], value: 0 }, &[1, 2, 3]),
            "node \"n\" (Pad): 3+2 pads for shape [1, 2, 3]",
        ),
        (
            single(Operator::ArgMax { axis: 1, select_last: false, smallest: false }, &[1, 3]),
            "node \"n\" (ArgMax): an index needs scale 1 and zero point 0",
        ),
    ];
    for (graph, expected) in &cases {
        assert_eq!(fault(graph), *expected);
    }
}

#[test]
fn validation_checks_the_graph_around_the_nodes() {
    let good = || single(Operator::Reshape, &[6]);
    assert!(good().validate().is_ok());
    let mut graph = good();
    graph.outputs[0].value = 7;
    assert_eq!(fault(&graph), "output \"y\": value 7 does not exist");
    let mut graph = good();
    graph.outputs.clear();
    assert_eq!(fault(&graph), "outputs: there is none");
    let mut graph = good();
    graph.nodes[0].inputs = vec![1];
    assert_eq!(
        fault(&graph),
        "node \"n\" (Reshape): reads value 1, which is not computed before it"
    );
    let mut graph = good();
    graph.nodes[0].inputs = vec![0, 0];
    assert_eq!(fault(&graph), "node \"n\" (Reshape): reads 2 values");
    let mut graph = good();
    // The same integers, read anew.
    graph.nodes[0].quantisation.scale = 0.25;
    assert!(graph.validate().is_ok());
    graph.nodes[0].operator = Operator::MaxPool { window: unit() };
    graph.nodes[0].shape = vec![1, 2, 3];
    assert_eq!(fault(&graph), "node \"n\" (MaxPool): scale and zero point differ from its input's");
    let mut graph = good();
    graph.inputs[0].quantisation.scale = f64::NAN;
    assert_eq!(fault(&graph), "input \"x\": scale NaN is not positive and finite");
}

#[test]
fn accumulators_and_indices_end_the_graph() {
    let mut graph = single(linear(vec![1; 3], 1, None), &[1, 2, 1]);
    let mut next = graph.nodes[0].clone();
    next.inputs = vec![1];
    next.operator = Operator::Reshape;
    next.shape = vec![2];
    graph.nodes.push(next.clone());
    assert!(graph.validate().is_ok());
    graph.nodes[1].operator = Operator::Activation(Function::clamp(-128, 127));
    graph.nodes[1].shape = vec![1, 2, 1];
    assert_eq!(
        fault(&graph),
        "node \"n\" (Activation): reads an accumulator that was not requantised"
    );
    graph.nodes[0].operator = Operator::ArgMax { axis: 2, select_last: false, smallest: false };
    graph.nodes[0].quantisation.scale = 1.0;
    graph.nodes[1] = next;
    assert_eq!(fault(&graph), "node \"n\" (Reshape): reads the result of an ArgMax");
}

#[test]
fn inputs_are_checked() {
    let graph = single(Operator::Reshape, &[6]);
    let message =
        |inputs: &[ArrayD<i64>]| interpreter::run(&graph, inputs).unwrap_err().to_string();
    assert_eq!(
        message(&[]),
        "\"g\" has 1 inputs (\"x\"), but 0 were given; give one tensor each, in this order"
    );
    assert_eq!(
        message(&[ArrayD::zeros(vec![6])]),
        "input \"x\" has shape [6], expected [1, 2, 3]; reshape it"
    );
    assert_eq!(
        message(&[ArrayD::from_elem(vec![1, 2, 3], 128)]),
        "input \"x\" holds 128, which is outside -128..=127; quantise it with \
        `Graph::quantise_inputs`"
    );
}

#[test]
fn a_linear_layer_by_hand() {
    let mut graph = single(linear(vec![1, -2, 127], 3, Some(rescale())), &[1, 2, 1]);
    graph.inputs[0].quantisation.zero_point = 5;
    let x = ArrayD::from_shape_vec(vec![1, 2, 3], vec![6, 4, 7, -128, 127, -128]).unwrap();
    let outputs = interpreter::run(&graph, &[x]).unwrap();
    // 3·(1·1 − 2·(−1) + 127·2) = 771 → 3.01 → 3; 3·(−133 − 244 − 127·133) saturates.
    assert_eq!(outputs[0].iter().copied().collect::<Vec<_>>(), [3, -128]);
    assert_eq!(indices(vec![1]).into_iter().count(), 1);
}
