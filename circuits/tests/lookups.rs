//! Lookup: both ways of lowering it prove what the interpreter computes, weights public and sealed.

mod common;

use common::{Net, check};
use zkinfer_circuits::{Exposure, lower};
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_verifier::Visibility;
use zkinfer_verifier::circuit::description::{self, Weights};

/// Columns of a table by indices of a shape; the entries are up to `most` in size.
fn lookup(shape: &[usize], minimum: i64, [rows, columns]: [usize; 2], most: i64) -> Graph {
    let mut net = Net::new("lookup", &[(shape, 0)]);
    let last = minimum + columns as i64 - 1;
    (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (minimum, last);
    let value = |place: usize| (place as i64 * 7919 % (2 * most + 1) - most) as i32;
    let values = (0..rows * columns).map(value).collect();
    let y = net.node(Operator::Lookup { minimum, values }, &[0], &[shape, &[rows]].concat(), 3);
    net.finish(y)
}

/// Tables in a circuit: functions of more than three entries.
fn tables(graph: &Graph, exposure: &Exposure) -> Vec<usize> {
    let lowered = lower::lower(graph, exposure).unwrap();
    let description = lowered.describe(&common::plans(graph)[0]).unwrap();
    let functions = description.nodes.iter().filter_map(|node| match &node.operator {
        description::Operator::Requantise(requantise) => Some(requantise.function.values.len()),
        _ => None,
    });
    functions.collect()
}

#[test]
fn a_row_for_one_index() {
    check(&lookup(&[1], 0, [5, 7], 127));
}

#[test]
fn rows_for_several_indices() {
    check(&lookup(&[1, 3], -4, [6, 9], 127));
}

#[test]
fn entries_of_two_digits() {
    check(&lookup(&[2], 2, [2, 11], 30_000));
}

#[test]
fn a_table_of_one_column() {
    check(&lookup(&[1, 2], 5, [3, 1], 100));
}

/// One number for each index is a function of it, unless it is sealed.
#[test]
fn labels_are_a_table() {
    let labels = lookup(&[1, 4], 0, [1, 12], 500);
    check(&labels);
    assert_eq!(tables(&labels, &Exposure::public()), [12]);
    let entries = tables(&labels, &Exposure::default());
    assert_eq!(entries[0], 3, "an index is compared with each there is");
    let long = lookup(&[1], 0, [16, 50], 100);
    assert_eq!(tables(&long, &Exposure::public())[0], 3, "fewer cells than rows of 16 tables");
}

/// The table is in the seal, digit by digit, and nowhere else.
#[test]
fn a_sealed_table_is_not_in_the_key() {
    let graph = lookup(&[1, 2], 0, [4, 6], 100);
    let sealed = Exposure { weights: Visibility::Sealed, ..Exposure::public() };
    let description =
        lower::lower(&graph, &sealed).unwrap().describe(&common::plans(&graph)[0]).unwrap();
    let contractions = description.nodes.iter().filter_map(|node| match &node.operator {
        description::Operator::Contract(contract) => Some(&contract.weights),
        _ => None,
    });
    let weights: Vec<_> = contractions.collect();
    assert_eq!(weights.len(), 2);
    assert!(matches!(weights[0], Weights::Public(ones) if ones.iter().all(|&one| one == 1)));
    assert_eq!(*weights[1], Weights::Sealed);
}
