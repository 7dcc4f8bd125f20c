//! Lookup: both ways of lowering it prove what the interpreter computes, weights public and sealed.

mod common;

use common::{Net, check, names};
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Exposure, Witness, compile_with, lower};
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_verifier::circuit::description::{self, Weights};
use zkinfer_verifier::{VerifyingKey, Visibility};

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
        description::Operator::Requantise(requantise) => {
            Some(description.functions[requantise.function].values.len())
        }
        _ => None,
    });
    functions.collect()
}

/// Weights and whether indices are shown.
fn exposure(weights: Visibility, inputs: Visibility) -> Exposure {
    Exposure { weights, inputs: vec![inputs], ..Exposure::public() }
}

/// Every combination of what is hidden.
fn check_all(graph: &Graph) {
    // Both shown, both hidden.
    check(graph);
    for exposure in [
        exposure(Visibility::Sealed, Visibility::Public),
        exposure(Visibility::Public, Visibility::Private),
    ] {
        let (circuit, witness) = honest(graph, &exposure, 3);
        common::proves(&circuit, witness);
    }
}

/// A circuit, and an honest witness of random indices.
fn honest(graph: &Graph, exposure: &Exposure, case: usize) -> (Circuit, Witness) {
    let lowered = lower::lower(graph, exposure).unwrap();
    let circuit = compile_with(lowered, &common::plans(graph)[1]).unwrap();
    let model = common::model_tensors(graph, circuit.key()).unwrap();
    let inputs = common::inputs(graph, 5);
    let witness = common::agree_with(graph, &circuit, &model, &inputs[case]);
    common::accepts(&circuit, &witness);
    (circuit, witness)
}

#[test]
fn a_row_for_one_index() {
    check_all(&lookup(&[1], 0, [5, 7], 127));
}

#[test]
fn rows_for_several_indices() {
    check_all(&lookup(&[1, 3], -4, [6, 9], 127));
}

#[test]
fn entries_of_two_digits() {
    check_all(&lookup(&[2], 2, [2, 11], 30_000));
}

#[test]
fn a_table_of_one_column() {
    check_all(&lookup(&[1, 2], 5, [3, 1], 100));
}

/// Shown indices: the verifier reads the table where they say, so nothing stands for them.
#[test]
fn public_indices_have_no_cells() {
    let graph = lookup(&[1, 3], -4, [6, 40], 127);
    let cells = |weights| {
        let (circuit, _) = honest(&graph, &exposure(weights, Visibility::Public), 3);
        let layout = circuit.key().layout();
        layout.runs().map(|run| run.count * run.lane.width()).sum::<usize>()
    };
    assert_eq!(cells(Visibility::Public), 0);
    // A requantisation in the narrow or the wide form for each element, and no factors.
    assert!((36..=72).contains(&cells(Visibility::Sealed)), "{}", cells(Visibility::Sealed));
}

/// The table's entry at another index, that of another table, or another index than is shown.
#[test]
fn an_entry_of_another_public_index() {
    let graph = lookup(&[1, 3], -4, [6, 9], 127);
    let sealed = exposure(Visibility::Sealed, Visibility::Public);
    let (circuit, witness) = honest(&graph, &sealed, 3);
    let caught = |forged: &Witness| names(mock_prove(circuit.key(), forged));
    const END: &str = "adjoint sum end";
    let mut other = witness.clone();
    let index = &mut other.inputs[0][1];
    *index = if *index == 4 { -4 } else { *index + 1 };
    assert_eq!(caught(&other), [END]);
    // One weight of each row: only those that are named count.
    let places: Vec<usize> = witness.inputs[0].iter().map(|x| (x + 4) as usize).collect();
    for row in 0..6 {
        for column in 0..9 {
            let mut forged = witness.clone();
            let mut table = forged.sealed[1].to_vec();
            table[row * 9 + column] += 1;
            forged.sealed[1] = table.into();
            let expected: &[&str] = if places.contains(&column) { &[END] } else { &[] };
            assert_eq!(caught(&forged), expected, "row {row}, column {column}");
        }
    }
    let mut forged = witness.clone();
    forged.outputs[0][7] += 1;
    assert_eq!(caught(&forged), [END]);
}

/// What else reads a table's entries would have another cotangent of rank one on them.
#[test]
fn entries_of_a_table_are_read_once() {
    let graph = lookup(&[1, 3], -4, [6, 9], 127);
    let sealed = exposure(Visibility::Sealed, Visibility::Public);
    let lowered = lower::lower(&graph, &sealed).unwrap();
    let mut description = lowered.describe(&common::plans(&graph)[1]).unwrap();
    let table = |node: &description::Node| match &node.operator {
        description::Operator::Contract(contract) => Some(contract.clone()),
        _ => None,
    };
    let (owner, contract) = (description.nodes.iter().enumerate())
        .find_map(|(id, node)| Some((id, table(node)?)))
        .expect("a table");
    let mut push = |operator| {
        description.nodes.push(description::Node { name: "again".into(), operator });
        description.nodes.len() - 1
    };
    let weights = Weights::SealedOf(owner);
    let again =
        push(description::Operator::Contract(description::Contract { weights, ..contract }));
    push(description::Operator::Copy(again));
    let refusal = VerifyingKey::new(description).unwrap_err().to_string();
    assert!(refusal.contains("again") && refusal.contains("has none of its own"), "{refusal}");
}

/// An index beyond the table has no place in it: a range that reaches there is refused, as are
/// indices that are not shown.
#[test]
fn indices_stay_within_the_table_and_are_shown() {
    let graph = lookup(&[1, 3], -4, [6, 9], 127);
    let lowered = lower::lower(&graph, &Exposure::public()).unwrap();
    let description = lowered.describe(&common::plans(&graph)[1]).unwrap();
    let refusal = |change: &dyn Fn(&mut description::Description)| {
        let mut changed = description.clone();
        change(&mut changed);
        VerifyingKey::new(changed).expect_err("a refusal").to_string()
    };
    for change in [
        &(|d: &mut description::Description| d.inputs[0].minimum = -5) as &dyn Fn(&mut _),
        &|d: &mut description::Description| d.inputs[0].maximum = 5,
    ] {
        assert!(refusal(change).contains("leaves its table"));
    }
    assert!(refusal(&|d| d.inputs[0].visibility = Visibility::Private).contains("are not public"));
}

/// One number for each index is a function of it, unless it is sealed.
#[test]
fn labels_are_a_table() {
    let labels = lookup(&[1, 4], 0, [1, 12], 500);
    check(&labels);
    let private = exposure(Visibility::Public, Visibility::Private);
    assert_eq!(tables(&labels, &private), [12]);
    let entries = tables(&labels, &exposure(Visibility::Sealed, Visibility::Private));
    assert_eq!(entries[0], 3, "an index is compared with each there is");
    let long = lookup(&[1], 0, [16, 50], 100);
    assert_eq!(tables(&long, &private)[0], 3, "fewer cells than rows of 16 tables");
}

/// The table is in the seal, digit by digit, and nowhere else.
#[test]
fn a_sealed_table_is_not_in_the_key() {
    let graph = lookup(&[1, 2], 0, [4, 6], 100);
    let sealed = exposure(Visibility::Sealed, Visibility::Private);
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
