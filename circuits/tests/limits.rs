//! What is too large for a table, too much for one operator, or not there to be hidden: refused by
//! lowering, each at its limit and not before.

mod common;

use common::{After, Net, Noise};
use zkinfer_circuits::{Error, Exposure, InputError, Objective, compile, lower};
use zkinfer_models::integer::graph::{BinaryFunction, Graph, Operator};
use zkinfer_verifier::Visibility::{self, Private, Public, Sealed};

fn lowers(graph: &Graph) -> Result<(), Error> {
    lower::lower(graph, &Exposure::public()).map(|_| ())
}

/// A graph of one operator over inputs of one shape and these ranges.
fn over(ranges: &[[i64; 2]], shape: &[usize], operator: Operator, result: &[usize]) -> Graph {
    let inputs: Vec<(&[usize], i64)> = ranges.iter().map(|_| (shape, 0)).collect();
    let mut net = Net::new("limit", &inputs);
    for (input, [minimum, maximum]) in net.0.inputs.iter_mut().zip(ranges) {
        (input.minimum, input.maximum) = (*minimum, *maximum);
    }
    let index = matches!(operator, Operator::TopK { indices: true, .. });
    let y = net.node(operator, &(0..ranges.len()).collect::<Vec<_>>(), result, 0);
    if index {
        net.0.nodes[0].quantisation.scale = 1.0;
    }
    net.finish(y)
}

fn wide() -> Result<(), Error> {
    Err(Error::WideMaximum { node: "node0".into() })
}

#[test]
fn functions_of_two_activations_have_a_table_of_all_pairs() {
    let pairs = |left: i64, right: i64| {
        let function = BinaryFunction { minimum: [0, 0], counts: [1, 2], values: vec![3, 4] };
        lowers(&over(
            &[[0, left - 1], [-5, right - 6]],
            &[1, 2],
            Operator::Binary(function),
            &[1, 2],
        ))
    };
    assert_eq!(pairs(1 << 9, 1 << 9), Ok(()));
    assert_eq!(pairs(1 << 16, 4), Ok(()));
    assert_eq!(pairs((1 << 9) + 1, 1 << 9), wide());
    assert_eq!(pairs(1 << 9, (1 << 9) + 1), wide());
    assert_eq!(pairs(1 << 16, 1 << 16), wide());
}

#[test]
fn an_order_is_that_of_keys_which_have_a_table() {
    let top = |length: usize, places: usize, [minimum, maximum]: [i64; 2], indices, smallest| {
        let operator = Operator::TopK { axis: 1, smallest, indices };
        lowers(&over(&[[minimum, maximum]], &[1, length], operator, &[1, places]))
    };
    for (indices, smallest) in [(false, false), (true, false), (false, true)] {
        // Keys of 4 elements of 16 bits are 2^18 integers; of 5 they are more.
        for range in [[0, (1 << 16) - 1], [-(1 << 15), (1 << 15) - 1]] {
            assert_eq!(top(4, 1, range, indices, smallest), Ok(()));
            assert_eq!(top(5, 1, range, indices, smallest), wide());
        }
        // All of 2^15 take 2^14 comparisons in each of 120 steps, three lookups each.
        assert_eq!(top(300, 300, [0, 1], indices, smallest), Ok(()));
        assert_eq!(top(1 << 15, 1 << 15, [0, 1], indices, smallest), wide());
    }
}

/// A linear layer whose result is the first output, and the index of its largest element the
/// second.
fn classifier() -> Graph {
    let mut net = Net::new("classifier", &[(&[1, 3], 0)]);
    let y = net.linear(&mut Noise(1), 0, 2, After::Int8 { shift: 4, zero_point: 0 });
    net.output(y);
    let class = net.argmax(y, 1, false, &[1]);
    net.finish(class)
}

#[test]
fn what_can_be_hidden() {
    let lowers = |weights, inputs: &[Visibility], outputs: &[Visibility]| {
        let exposure = Exposure { weights, inputs: inputs.to_vec(), outputs: outputs.to_vec() };
        lower::lower(&classifier(), &exposure).map(|_| ())
    };
    let refused = |node: &str, what| Err(Error::Malformed { node: node.into(), what });
    for weights in [Public, Sealed] {
        for input in [Public, Private, Sealed] {
            assert_eq!(lowers(weights, &[input], &[Sealed, Public]), Ok(()));
        }
        assert_eq!(lowers(weights, &[], &[]), Ok(()), "those missing are public");
    }
    let weights = "weights are public or sealed: private ones would be anyone's";
    assert_eq!(lowers(Private, &[], &[]), refused("classifier", weights));
    let more = "more visibilities are given than it has inputs or outputs";
    assert_eq!(lowers(Public, &[Public, Public], &[]), refused("classifier", more));
    assert_eq!(lowers(Public, &[], &[Public, Public, Public]), refused("classifier", more));
    let index = "an output is public or sealed, and the index of an ArgMax public";
    assert_eq!(lowers(Public, &[], &[Private]), refused("y0", index));
    assert_eq!(lowers(Public, &[], &[Public, Private]), refused("y1", index));
    assert_eq!(lowers(Public, &[], &[Public, Sealed]), refused("y1", index));
}

#[test]
fn sealed_weights_are_those_of_the_circuit() {
    let graph = classifier();
    let input = [vec![1, 2, 3]];
    let sealed = compile(&graph, &Exposure::default(), Objective::Size).unwrap();
    let model = common::model_tensors(&graph, sealed.key()).unwrap();
    assert_eq!(
        model.iter().map(Vec::len).collect::<Vec<_>>(),
        [2 * 3, 2 * 3],
        "three digits of each bias, and the weights"
    );
    assert!(sealed.witness(&common::integers(&model), &input).is_ok());
    let refused = |model: &[Vec<i64>]| {
        assert_eq!(sealed.witness(&common::integers(model), &input), Err(InputError::Weights))
    };
    refused(&[]);
    refused(&model[..1]);
    refused(&[&model[..], &model[1..]].concat());
    for tensor in [0, 1] {
        for change in
            [|tensor: &mut Vec<i64>| tensor.push(0), |tensor: &mut Vec<i64>| tensor.truncate(5)]
        {
            let mut other = model.clone();
            change(&mut other[tensor]);
            refused(&other);
        }
    }
    let public = compile(&graph, &Exposure::public(), Objective::Size).unwrap();
    assert_eq!(public.witness(&common::integers(&model), &input), Err(InputError::Weights));
}
