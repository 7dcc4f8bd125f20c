//! Who may read what: a product of committed values reaches exactly one equation, and an input that
//! is not shown has exactly one node.
//!
//! The cotangent of a product must be that of one equation, since its factors are folded with the
//! powers of `ρ` and `σ` of that equation. Each case puts other readers behind it.

mod support;

use support::{READING, contract, named, node};
use zkinfer_verifier::circuit::description::{
    Bounded, Combine, Contract, Description, Form, Function, Hint, Operator, Output, OutputSource,
    Product, Requantise, Source, View, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

const TWICE: &str = "a product of committed values is read by exactly one requantisation, copy or \
    output; put a copy behind it";

/// Node 3 of each case: the product, of shape `[1, 2, 2]`.
const PRODUCT: usize = 3;

/// What stands for the product.
#[derive(Clone, Copy, Debug)]
enum Bilinear {
    Product,
    Sealed,
}

/// Two private inputs and the product, with more nodes from 4 on, and outputs.
fn description(bilinear: Bilinear, nodes: &[Operator], outputs: &[OutputSource]) -> Description {
    let mut description = support::hidden();
    let operator = match bilinear {
        Bilinear::Product => Operator::Product(Product { left: 1, right: 2 }),
        Bilinear::Sealed => Operator::Contract(Contract {
            input: 1,
            rows: 1,
            kernel: [1, 2],
            pads: [0; 4],
            weights: Weights::Sealed,
            row_factors: vec![3],
            bias: vec![0],
            ..contract()
        }),
    };
    if matches!(bilinear, Bilinear::Product) {
        description.bias_digits = 0;
    }
    description.nodes.truncate(PRODUCT);
    description.nodes.push(named("product", operator));
    description.nodes.extend(nodes.iter().map(|operator| named("reader", operator.clone())));
    description.functions = vec![Function::clamp(-8, 7)];
    description.number_functions();
    let output = |source: &OutputSource| Output {
        name: "y".into(),
        shape: match source {
            OutputSource::Node(_) => vec![1, 2, 2],
            OutputSource::ArgMax { .. } | OutputSource::Greedy(_) => vec![1, 1, 2],
        },
        source: source.clone(),
        quantisation: READING,
        visibility: Visibility::Public,
    };
    // No output depends on the inputs otherwise.
    let shown = (0..PRODUCT).map(|input| Output {
        shape: description.inputs[input].shape.clone(),
        ..output(&out(input))
    });
    description.outputs = outputs.iter().map(output).chain(shown).collect();
    description
}

#[track_caller]
fn accepted(nodes: &[Operator], outputs: &[OutputSource]) {
    for bilinear in [Bilinear::Product, Bilinear::Sealed] {
        let verdict = VerifyingKey::new(description(bilinear, nodes, outputs));
        assert!(verdict.is_ok(), "{bilinear:?}: {verdict:?}");
    }
}

#[track_caller]
fn refused(nodes: &[Operator], outputs: &[OutputSource]) {
    for bilinear in [Bilinear::Product, Bilinear::Sealed] {
        let verdict = VerifyingKey::new(description(bilinear, nodes, outputs)).map(|_| ());
        assert_eq!(
            verdict,
            Err(Error::Shape { node: "product".into(), what: TWICE }),
            "{bilinear:?}"
        );
    }
}

fn sum(terms: &[usize]) -> Operator {
    let terms = terms.iter().zip(2..).map(|(&term, factor)| (term, factor)).collect();
    Operator::Combine(Combine { terms, constant: vec![7] })
}

fn requantise(input: usize) -> Operator {
    Operator::Requantise(Requantise { input, shift: 4, function: 0, form: Form::Wide })
}

fn view(input: usize) -> Operator {
    Operator::View(View { inputs: vec![input], kind: ViewKind::Transpose(vec![0, 2, 1]) })
}

fn same(input: usize) -> Operator {
    Operator::View(View { inputs: vec![input], kind: ViewKind::Reshape(vec![1, 2, 2]) })
}

fn out(node: usize) -> OutputSource {
    OutputSource::Node(node)
}

fn index(input: usize) -> OutputSource {
    OutputSource::ArgMax { input, axis: 1, select_last: false }
}

#[test]
fn one_equation_reads_a_product() {
    accepted(&[], &[out(3)]);
    accepted(&[requantise(3)], &[out(4)]);
    accepted(&[Operator::Copy(3)], &[out(4)]);
    // Whatever reads the copy.
    accepted(&[Operator::Copy(3), view(4), sum(&[4, 5])], &[out(4), out(6), index(5)]);
}

#[test]
fn a_range_check_is_an_equation_and_a_hint_is_none() {
    let bounded = |source| Operator::Bounded(Bounded { bits: 40, source });
    let check = |input| bounded(Source::Equal { input });
    let hint = |input| bounded(Source::Hint { input, hint: Hint::Shifted { offset: 0, shift: 1 } });
    accepted(&[check(3)], &[out(4)]);
    accepted(&[check(3), view(4)], &[out(4), out(5)]);
    accepted(&[hint(3), check(3)], &[out(4), out(5)]);
    refused(&[check(3), check(3)], &[out(4), out(5)]);
    refused(&[hint(3)], &[out(4)]);
}

#[test]
fn sums_may_stand_between() {
    accepted(&[sum(&[3])], &[out(4)]);
    accepted(&[sum(&[3]), requantise(4)], &[out(5)]);
    accepted(&[sum(&[3]), sum(&[4]), Operator::Copy(5)], &[out(6)]);
    // With a term that is no product.
    accepted(&[Operator::Copy(3), sum(&[4])], &[out(5), index(5)]);
}

#[test]
fn no_second_reader() {
    refused(&[], &[out(3), out(3)]);
    refused(&[requantise(3)], &[out(3), out(4)]);
    refused(&[requantise(3), Operator::Copy(3)], &[out(4), out(5)]);
    refused(&[requantise(3), sum(&[3]), requantise(5)], &[out(4), out(6)]);
    refused(&[sum(&[3, 3])], &[out(4)]);
    refused(&[sum(&[3]), sum(&[3])], &[out(4), out(5)]);
    refused(&[requantise(3)], &[out(4), index(3)]);
}

#[test]
fn no_second_reader_behind_a_sum() {
    refused(&[sum(&[3])], &[out(4), out(4)]);
    refused(&[sum(&[3]), requantise(4)], &[out(4), out(5)]);
    refused(&[sum(&[3]), requantise(4), Operator::Copy(4)], &[out(5), out(6)]);
    refused(&[sum(&[3]), sum(&[4]), requantise(5), requantise(5)], &[out(6), out(7)]);
    refused(&[sum(&[3]), sum(&[4, 4])], &[out(5)]);
    refused(&[sum(&[3]), view(4)], &[out(4), out(5)]);
}

#[test]
fn nothing_that_moves_or_mixes_elements() {
    for reader in [view, same] {
        refused(&[reader(3)], &[out(4)]);
        refused(&[reader(3), requantise(4)], &[out(5)]);
        refused(&[sum(&[3]), reader(4)], &[out(5)]);
        refused(&[sum(&[3]), reader(4), requantise(5)], &[out(6)]);
        refused(&[sum(&[3]), sum(&[4]), reader(5), requantise(6)], &[out(7)]);
    }
    let window = Operator::Contract(Contract {
        input: 3,
        rows: 1,
        kernel: [1, 1],
        pads: [0; 4],
        weights: Weights::Public(vec![1]),
        row_factors: vec![3],
        bias: vec![0],
        ..contract()
    });
    refused(&[window.clone(), requantise(4)], &[out(5)]);
    refused(&[window], &[]);
    // A product of the product, with itself or with a piece of an input.
    let product = |left, right| Operator::Product(Product { left, right });
    refused(&[product(3, 3), Operator::Copy(4)], &[out(5)]);
    let piece = ViewKind::Slice { axis: 2, start: 0, step: 1, count: 2 };
    let piece = Operator::View(View { inputs: vec![1], kind: piece });
    for (left, right) in [(3, 4), (4, 3)] {
        refused(&[piece.clone(), product(left, right), Operator::Copy(5)], &[out(6)]);
    }
}

#[test]
fn no_argmax() {
    refused(&[], &[index(3)]);
    refused(&[sum(&[3])], &[index(4)]);
    refused(&[sum(&[3]), sum(&[4])], &[index(5)]);
}

#[test]
fn a_product_that_nothing_reads() {
    refused(&[], &[]);
    refused(&[sum(&[3])], &[]);
    refused(&[sum(&[3]), sum(&[4])], &[]);
}

#[test]
fn one_node_for_an_input_that_is_not_shown() {
    let refusal = |change: &dyn Fn(&mut Description)| {
        let mut description = support::hidden();
        change(&mut description);
        VerifyingKey::new(description).map(|_| ())
    };
    let error = |node: &str, what| Err(Error::Shape { node: node.into(), what });
    let again = |index: usize| refusal(&|d| d.nodes.push(named("again", Operator::Input(index))));
    assert_eq!(again(0), Ok(()), "a public input is in the statement, however often it is read");
    let twice = "two nodes stand for this hidden input";
    assert_eq!([again(1), again(2)], [error("p", twice), error("s", twice)]);
    // Another one of its shape in the place of each.
    let instead =
        |node: usize, index| refusal(&|d| d.nodes[node].operator = Operator::Input(index));
    let none = "no node stands for this input";
    assert_eq!(instead(node::PRIVATE, 2), error("p", none));
    assert_eq!(instead(node::FIXED, 1), error("p", twice));
    let public = |d: &mut Description| d.inputs[1].visibility = Visibility::Public;
    let both = |d: &mut Description| {
        public(d);
        d.nodes[node::FIXED].operator = Operator::Input(1);
    };
    assert_eq!(refusal(&both), error("s", none));
}
