//! Products element by element: what they may read, and that anything may read them.

mod support;

use support::{READING, accepts, hidden, named, node};
use zkinfer_verifier::circuit::description::{
    Description, Hadamard, Operator, Output, OutputSource, View, ViewKind, Visibility,
};
use zkinfer_verifier::circuit::place::Lane;
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

fn product(left: usize, right: usize) -> Operator {
    Operator::Hadamard(Hadamard { left, right })
}

/// The node that is first added.
const ADDED: usize = node::SUM + 1;

fn with(operators: &[Operator], change: impl FnOnce(&mut Description)) -> Result<(), Error> {
    let mut description = hidden();
    let nodes = operators.iter().map(|operator| named("elements", operator.clone()));
    description.nodes.extend(nodes);
    change(&mut description);
    VerifyingKey::new(description).map(|_| ())
}

fn shown(description: &mut Description, source: OutputSource, shape: &[usize]) {
    description.outputs.push(Output {
        name: "shown".into(),
        shape: shape.to_vec(),
        source,
        quantisation: READING,
        visibility: Visibility::Public,
    });
}

#[test]
fn operands_are_earlier_nodes_of_one_shape() {
    let add = |left, right| with(&[product(left, right)], |_| {});
    assert_eq!(add(node::PRIVATE, node::FIXED), Ok(()));
    assert_eq!(add(node::PRIVATE, node::PRIVATE), Ok(()));
    let what = "the operands of a product element by element differ in shape";
    let differ = Err(Error::Shape { node: "elements".into(), what });
    // As many elements under another shape, and one repeated for all.
    assert_eq!(add(node::COPY, node::VIEW), differ);
    assert_eq!(add(node::VIEW, node::COPY), differ);
    assert_eq!(add(node::PRIVATE, node::VIEW), differ);
    let reference = |reference| Err(Error::ForwardReference { node: "elements".into(), reference });
    assert_eq!(add(ADDED, node::PRIVATE), reference(ADDED));
    assert_eq!(add(node::PRIVATE, ADDED + 1), reference(ADDED + 1));
}

#[test]
fn its_interval_is_the_product_of_theirs() {
    let ranges = |left: [i64; 2], right: [i64; 2]| {
        with(&[product(node::PRIVATE, node::FIXED)], |d| {
            // Public, so that ranges need no table; what else reads them is left out.
            d.inputs.iter_mut().skip(1).for_each(|input| input.visibility = Visibility::Public);
            d.nodes.drain(node::PRODUCT..=node::SUM);
            d.nodes[node::PRODUCT].operator = product(node::PRIVATE, node::FIXED);
            d.outputs.remove(1);
            shown(d, OutputSource::Node(node::PRODUCT), &[1, 2, 3]);
            for (input, [minimum, maximum]) in d.inputs[1..].iter_mut().zip([left, right]) {
                (input.minimum, input.maximum) = (minimum, maximum);
            }
        })
    };
    let overflow = Err(Error::Overflow { node: "elements".into() });
    assert_eq!(ranges([0, 1 << 31], [0, 1 << 30]), Ok(()));
    assert_eq!(ranges([0, 1 << 31], [-(1 << 30), 0]), Ok(()));
    assert_eq!(ranges([0, 1 << 31], [0, (1 << 31) + 1]), overflow);
    assert_eq!(ranges([-(1 << 61), 0], [-8, 0]), overflow);
}

#[test]
fn anything_reads_it_and_any_number_of_times() {
    let view = |input| {
        Operator::View(View { inputs: vec![input], kind: ViewKind::Transpose(vec![2, 1, 0]) })
    };
    let square = product(node::PRIVATE, node::PRIVATE);
    let operators = [square, view(ADDED), product(ADDED, ADDED), Operator::Copy(ADDED)];
    let index = OutputSource::ArgMax { input: ADDED, axis: 2, select_last: false };
    let all = |d: &mut Description| {
        shown(d, OutputSource::Node(ADDED), &[1, 2, 3]);
        shown(d, OutputSource::Node(ADDED + 1), &[3, 2, 1]);
        shown(d, index, &[1, 2, 1]);
    };
    assert_eq!(with(&operators, all), Ok(()));
}

#[test]
fn it_reads_a_product_of_matrices_by_one_equation() {
    let instead = |left: usize, right: usize| {
        let mut description = hidden();
        // Of the product's shape, and of other nodes.
        description.inputs[0].shape = vec![1, 2, 2];
        description.nodes.truncate(node::COPY);
        description.nodes.drain(node::CONV..node::PRODUCT);
        description.bias_digits = 0;
        description.outputs.clear();
        description.nodes.push(named("elements", product(left, right)));
        description.number_functions();
        shown(&mut description, OutputSource::Node(4), &[1, 2, 2]);
        VerifyingKey::new(description).map(|_| ())
    };
    assert_eq!([instead(3, 0), instead(0, 3)], [Ok(()), Ok(())]);
    let what = "a product of committed values is read by exactly one requantisation, copy or \
        output; put a copy behind it";
    assert_eq!(instead(3, 3), Err(Error::Shape { node: "product".into(), what }));
}

#[test]
fn its_cells_stand_in_lanes_of_their_own() {
    let key = accepts(|d| {
        d.nodes.push(named("elements", product(node::PRIVATE, node::FIXED)));
        d.nodes.push(named("again", product(node::COPY, node::COPY)));
    });
    let layout = key.layout();
    let run = |node: usize| layout.nodes[node].as_ref().unwrap().result.clone().unwrap();
    let runs = [ADDED, ADDED + 1].map(run);
    assert_eq!(runs.clone().map(|run| run.lane), [Lane::Operands; 2]);
    assert_eq!(runs.map(|run| (run.start, run.count)), [(0, 6), (6, 4)]);
    // The product's factors are the second pair.
    let products = |node| layout.products(&run(node)).next().unwrap();
    assert_eq!([ADDED, ADDED + 1].map(|node| products(node).column), [0, 0]);
    let factors = products(node::PRODUCT).column;
    assert_eq!((factors, layout.multiplied_pairs()), (1, 2));
    let columns: Vec<usize> = layout.multiplied_columns().collect();
    assert_eq!(columns[2..], layout.factor_columns().collect::<Vec<_>>());
    assert!(columns[..2].iter().all(|&column| column < layout.fresh_columns()));
}
