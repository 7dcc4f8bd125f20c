//! Descriptions in which a contraction reads the weights of another: what they mean, and which are
//! refused.

mod support;

use support::{shape, size};
use zkinfer_verifier::circuit::analysis::{Analysis, analyse};
use zkinfer_verifier::circuit::description::{
    Contract, Description, Input, Node, Operator, Output, OutputSource, Quantisation, Scheme,
    Visibility, Weights,
};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
const WEIGHTS: [i8; 8] = [5, -7, 0, 127, -128, 1, 2, -3];

const OWNER: usize = 1;
const READER: usize = 2;
const SEALED: usize = 3;
const SECOND: usize = 4;
const LAST: usize = 5;

/// Two rows of four taps over two channels.
fn contract(weights: Weights) -> Contract {
    Contract {
        input: 0,
        rows: 2,
        groups: 1,
        kernel: [1, 2],
        strides: [1, 1],
        pads: [0, 1, 0, 0],
        dilations: [1, 1],
        weights,
        row_factors: vec![3, -2],
        column_factors: vec![],
        bias: vec![7, -9],
    }
}

/// A public contraction and a reader of its weights, with factors of its own; a sealed one and two
/// readers. All are outputs.
fn shared() -> Description {
    let reader = |weights| Contract {
        strides: [2, 1],
        pads: [1, 0, 0, 2],
        row_factors: vec![-1, 1000],
        bias: vec![0, 1],
        ..contract(weights)
    };
    let contracts = [
        contract(Weights::Public(WEIGHTS.to_vec())),
        reader(Weights::PublicOf(OWNER)),
        contract(Weights::Sealed),
        reader(Weights::SealedOf(SEALED)),
        contract(Weights::SealedOf(SEALED)),
    ];
    let names = ["x", "owner", "reader", "sealed", "second", "last"];
    let operators = contracts.into_iter().map(Operator::Contract);
    let operators = std::iter::once(Operator::Input(0)).chain(operators);
    let nodes = names.into_iter().zip(operators);
    let nodes = nodes.map(|(name, operator)| Node { name: name.into(), operator });
    let output = |node| {
        let shape = if node == READER || node == SECOND { vec![2, 2, 4] } else { vec![2, 3, 3] };
        let (source, quantisation) = (OutputSource::Node(node), READING);
        let visibility = Visibility::Public;
        Output { name: format!("y{node}"), shape, source, quantisation, visibility }
    };
    Description {
        name: "shared".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 2,
        functions: vec![],
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![2, 3, 3],
            minimum: -4,
            maximum: 9,
            quantisation: READING,
            visibility: Visibility::Public,
        }],
        nodes: nodes.collect(),
        outputs: (OWNER..=LAST).map(output).collect(),
    }
}

fn of(description: &mut Description, node: usize) -> &mut Contract {
    match &mut description.nodes[node].operator {
        Operator::Contract(contract) => contract,
        operator => panic!("{operator:?} is no contraction"),
    }
}

#[track_caller]
fn refuses(expected: Error, change: impl FnOnce(&mut Description)) {
    support::refuses_of(shared(), expected, change);
}

#[test]
fn a_reader_has_the_interval_that_weights_of_its_own_give_it() {
    let apart = |description: &mut Description| {
        of(description, READER).weights = Weights::Public(WEIGHTS.to_vec());
        for node in [SECOND, LAST] {
            of(description, node).weights = Weights::Sealed;
        }
    };
    let mut description = shared();
    apart(&mut description);
    let facts = |analysis: Analysis| analysis.nodes;
    assert_eq!(facts(analyse(&shared()).unwrap()), facts(analyse(&description).unwrap()));
    // Inputs on one side of zero, no padding.
    let positive = |description: &mut Description| {
        (description.inputs[0].minimum, description.inputs[0].maximum) = (2, 9);
        (OWNER..=LAST).for_each(|node| of(description, node).pads = [0; 4]);
    };
    let [mut with, mut without] = [shared(), shared()];
    positive(&mut with);
    positive(&mut without);
    apart(&mut without);
    let shapes = |d: &mut Description| {
        for (output, node) in d.outputs.iter_mut().zip(OWNER..) {
            let shape = if node == READER || node == SECOND { [2, 2, 2] } else { [2, 3, 2] };
            output.shape = shape.to_vec();
        }
    };
    [&mut with, &mut without].into_iter().for_each(shapes);
    assert_eq!(facts(analyse(&with).unwrap()), facts(analyse(&without).unwrap()));
}

#[test]
fn shared_weights_have_one_sheet_and_every_reader_has_biases() {
    let key = VerifyingKey::new(shared()).unwrap();
    let sheets: Vec<_> =
        key.layout().model_sheets().map(|sheet| (sheet.role, sheet.tensor.shape.clone())).collect();
    assert_eq!(sheets, [(Role::Biases, vec![12]), (Role::Weights(SEALED), vec![2, 4])]);
    assert_eq!(key.description().owner(SECOND), SEALED);
    let read = VerifyingKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(read.description(), key.description());
}

#[test]
fn weights_are_read_from_who_has_them() {
    let reference =
        |node: &str, reference| Error::ForwardReference { node: node.into(), reference };
    refuses(reference("reader", 2), |d| of(d, READER).weights = Weights::PublicOf(READER));
    refuses(reference("reader", 3), |d| of(d, READER).weights = Weights::PublicOf(SEALED));
    refuses(reference("second", 99), |d| of(d, SECOND).weights = Weights::SealedOf(99));
    let none = "the node whose weights it reads has none of its own that are public, or sealed, \
        as it says";
    refuses(shape("reader", none), |d| of(d, READER).weights = Weights::PublicOf(0));
    refuses(shape("last", none), |d| of(d, LAST).weights = Weights::SealedOf(SECOND));
    refuses(shape("last", none), |d| of(d, LAST).weights = Weights::PublicOf(READER));
    refuses(shape("last", none), |d| of(d, LAST).weights = Weights::SealedOf(OWNER));
    refuses(shape("last", none), |d| of(d, LAST).weights = Weights::PublicOf(SEALED));
}

#[test]
fn weights_of_another_fit_their_reader() {
    let fit = "the weights of another node that it reads do not fit it";
    for (node, name) in [(READER, "reader"), (LAST, "last")] {
        refuses(shape(name, fit), |d| {
            let contract = of(d, node);
            contract.rows = 1;
            (contract.row_factors, contract.bias) = (vec![1], vec![0]);
        });
        refuses(shape(name, fit), |d| of(d, node).kernel = [1, 1]);
        refuses(shape(name, fit), |d| of(d, node).groups = 2);
    }
    // As many taps in another kernel will do.
    let mut description = shared();
    let contract = of(&mut description, READER);
    (contract.kernel, contract.strides, contract.pads) = ([2, 1], [1, 1], [0; 4]);
    description.outputs[READER - 1].shape = vec![2, 2, 3];
    assert!(analyse(&description).is_ok());
}

/// A key need not be long to have many readers, and verifying takes a step for each weight of each.
#[test]
fn weights_that_are_read_again_count_as_read() {
    let (taps, readers) = (1 << 16, 1 << 13);
    let dense = |weights| Contract {
        rows: 1,
        kernel: [1, 1],
        pads: [0; 4],
        row_factors: vec![1],
        bias: vec![0],
        ..contract(weights)
    };
    let mut description = shared();
    description.bias_digits = 0;
    description.outputs.clear();
    description.inputs[0].shape = vec![taps, 1, 1];
    description.nodes.truncate(1);
    let add = |description: &mut Description, weights| {
        let operator = Operator::Contract(dense(weights));
        description.nodes.push(Node { name: "dense".into(), operator });
    };
    add(&mut description, Weights::Public(vec![1; taps]));
    // Each reads the input and the weights.
    (1..readers).for_each(|_| add(&mut description, Weights::PublicOf(OWNER)));
    assert!(analyse(&description).is_ok());
    add(&mut description, Weights::PublicOf(OWNER));
    let error = analyse(&description).expect_err("more is read than may be");
    assert_eq!(size(error), ("elements read up to here", 1 << 30));
}
