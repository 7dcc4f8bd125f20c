//! Short files that would be expensive, and descriptions that would claim something else than they
//! show: each is refused for its reason, before any work.

mod support;

use support::{READING, contract, valid};
use zkinfer_verifier::circuit::description::{
    Bounded, Combine, Contract, Description, Form, Function, Hadamard, Input, Node, NodeId, OneHot,
    Operator, Output, OutputSource, Product, Requantise, Source, View, ViewKind, Visibility,
    Weights,
};
use zkinfer_verifier::circuit::sheet::SealedTensor;
use zkinfer_verifier::cost::Budget;
use zkinfer_verifier::encoding;
use zkinfer_verifier::error::DescriptionError as Error;
use zkinfer_verifier::error::{FormatError, Rejection};
use zkinfer_verifier::limits::{MAX_NODES, MAX_RANK, MAX_RUNS, MAX_TENSORS};
use zkinfer_verifier::wire::seal::{Record, Seal};
use zkinfer_verifier::{Cost, Digest, Parameters, Proof, Statement, Value, VerifyingKey};

fn node(operator: Operator) -> Node {
    Node { name: "n".into(), operator }
}

fn input(shape: Vec<usize>, minimum: i64, maximum: i64, visibility: Visibility) -> Input {
    Input { name: "x".into(), shape, minimum, maximum, quantisation: READING, visibility }
}

fn output(shape: Vec<usize>, id: NodeId) -> Output {
    let (source, visibility) = (OutputSource::Node(id), Visibility::Public);
    Output { name: "y".into(), shape, source, quantisation: READING, visibility }
}

/// Nodes behind one input; the last is the output.
fn description(input: Input, nodes: Vec<Operator>, shape: Vec<usize>) -> Description {
    let last = nodes.len();
    let nodes = std::iter::once(Operator::Input(0)).chain(nodes).map(node).collect();
    let (inputs, outputs) = (vec![input], vec![output(shape, last)]);
    let mut description = Description {
        name: "hostile".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 0,
        functions: vec![Function::clamp(0, 1)],
        inputs,
        nodes,
        outputs,
    };
    description.number_functions();
    description
}

fn sum(terms: Vec<(NodeId, i64)>) -> Operator {
    Operator::Combine(Combine { terms, constant: vec![] })
}

fn requantise(input: NodeId, shift: u32) -> Operator {
    Operator::Requantise(Requantise { input, shift, function: 0, form: Form::Wide })
}

fn check(input: NodeId, bits: u32) -> Operator {
    Operator::Bounded(Bounded { bits, source: Source::Equal { input } })
}

fn refusal(description: Description) -> Error {
    VerifyingKey::new(description).expect_err("a hostile description")
}

fn is_shape(error: &Error, part: &str) {
    assert!(matches!(error, Error::Shape { what, .. } if what.contains(part)), "{error}");
}

fn is_too_large(error: &Error, part: &str) {
    assert!(
        matches!(error, Error::TooLarge { what, got, limit, .. } if what.contains(part)
            && got > limit),
        "{error}"
    );
}

/// Terms that overshoot 128 bits and return would hide a multiple of the modulus behind the
/// interval `[0, 0]`.
#[test]
fn a_sum_that_overshoots_and_comes_back_is_refused() {
    let large = 1i64 << 61;
    let there = std::iter::repeat_n((0, i64::MIN), 17);
    let back = std::iter::repeat_n((1, 1i64 << 62), 16);
    let x = input(vec![1], large + 1, large + 1, Visibility::Public);
    let constant = Operator::Combine(Combine { terms: vec![(0, 0)], constant: vec![large] });
    let zero = sum(there.clone().chain(back.clone()).collect());
    let error = refusal(description(x.clone(), vec![constant.clone(), zero], vec![1]));
    assert!(matches!(error, Error::Overflow { .. }), "{error}");
    // In any order, and in a contraction's row.
    let zero = sum(back.chain(there).collect());
    assert!(matches!(
        refusal(description(x, vec![constant, zero], vec![1])),
        Error::Overflow { .. }
    ));
    let wide = Contract {
        weights: Weights::Public(vec![127; 1 << 12]),
        kernel: [1, 1],
        pads: [0; 4],
        rows: 1,
        row_factors: vec![i64::MIN],
        column_factors: vec![i64::MIN, i64::MAX],
        bias: vec![0],
        ..contract()
    };
    let x = input(vec![1 << 12, 1, 2], -large, large, Visibility::Public);
    let error = refusal(description(x, vec![Operator::Contract(wide)], vec![1, 1, 2]));
    assert!(matches!(error, Error::Overflow { .. }), "{error}");
}

#[test]
fn every_input_has_a_node_and_an_output_depends_on_it() {
    for visibility in [Visibility::Public, Visibility::Private, Visibility::Sealed] {
        // A second input that no node stands for: no cell, no range, no equation.
        let mut without = valid();
        without.inputs.push(input(vec![4], 0, 1, visibility));
        is_shape(&refusal(without.clone()), "no node stands for this input");
        // A node that nothing reads, or only what no output depends on.
        without.nodes.push(node(Operator::Input(1)));
        is_shape(&refusal(without.clone()), "no output depends on this input");
        without.nodes.push(node(sum(vec![(5, 1)])));
        is_shape(&refusal(without.clone()), "no output depends on this input");
        without.outputs.push(output(vec![4], 6));
        VerifyingKey::new(without.clone()).unwrap();
        // Two nodes with cells of their own would stand for two tensors.
        without.nodes.push(node(Operator::Input(1)));
        match visibility {
            Visibility::Public => drop(VerifyingKey::new(without).unwrap()),
            _ => is_shape(&refusal(without), "two nodes"),
        }
    }
}

#[test]
fn outputs_are_shown_in_the_shape_that_they_have() {
    let with = |shape: &[usize], source| {
        let mut description = valid();
        (description.outputs[0].shape, description.outputs[0].source) = (shape.to_vec(), source);
        VerifyingKey::new(description)
    };
    for shape in [&[2, 3, 3][..], &[1, 2, 3, 3], &[2, 1, 3, 3, 1]] {
        with(shape, OutputSource::Node(2)).unwrap();
    }
    for shape in [&[3, 2, 3][..], &[3, 3, 2], &[18], &[2, 9]] {
        is_shape(&with(shape, OutputSource::Node(2)).unwrap_err(), "not that of its source");
    }
    let index = |axis| OutputSource::ArgMax { input: 2, axis, select_last: false };
    with(&[3, 3], index(0)).unwrap();
    with(&[2, 1, 3], index(1)).unwrap();
    is_shape(&with(&[3, 2], index(1)).unwrap_err(), "not that of its source");
    is_shape(&with(&[9], index(0)).unwrap_err(), "not that of its source");
}

#[test]
fn limits_are_named_where_they_are_passed() {
    let bit = |shape: &[usize]| input(shape.to_vec(), 0, 1, Visibility::Public);
    let deep = vec![1; MAX_RANK + 1];
    is_too_large(&refusal(description(bit(&deep), vec![], deep.clone())), "dimensions");
    let reshape = Operator::View(View { inputs: vec![0], kind: ViewKind::Reshape(deep.clone()) });
    is_too_large(&refusal(description(bit(&[1]), vec![reshape], vec![1])), "dimensions");
    is_too_large(&refusal(description(bit(&[1]), vec![], deep)), "dimensions");

    let mut many = description(bit(&[1]), vec![Operator::Copy(0); MAX_NODES], vec![1]);
    is_too_large(&refusal(many.clone()), "nodes");
    many.nodes.pop();
    many.outputs[0].source = OutputSource::Node(1);
    VerifyingKey::new(many.clone()).expect("as many nodes as are supported");
    many.inputs = vec![bit(&[1]); MAX_TENSORS + 1];
    is_too_large(&refusal(many.clone()), "inputs");
    many.inputs.truncate(1);
    many.outputs = vec![output(vec![1], 0); MAX_TENSORS + 1];
    is_too_large(&refusal(many), "outputs");

    let divisions = MAX_RUNS / 16;
    let mut limbs = description(bit(&[1]), vec![requantise(0, 60); divisions], vec![1]);
    is_too_large(&refusal(limbs.clone()), "runs");
    limbs.nodes.truncate(divisions / 2);
    limbs.outputs[0].source = OutputSource::Node(1);
    VerifyingKey::new(limbs).expect("half as many");
    let quotients = vec![check(0, 60); MAX_RUNS / 15 + 1];
    is_too_large(&refusal(description(bit(&[1]), quotients, vec![1])), "runs");

    // Each node reads one tensor, in very many terms.
    let reads = description(bit(&[1 << 22]), vec![sum(vec![(0, 1); 257])], vec![1 << 22]);
    is_too_large(&refusal(reads), "elements read");
    let halves =
        description(bit(&[1 << 27]), vec![Operator::Copy(0), Operator::Copy(1)], vec![1 << 27]);
    is_too_large(&refusal(halves), "tensor elements up to here");
    let wide = requantise(0, 0);
    let cells =
        description(input(vec![1 << 21], -9, 9, Visibility::Private), vec![wide], vec![1 << 21]);
    is_too_large(&refusal(cells), "columns");
}

#[test]
fn long_lists_are_refused_while_they_are_decoded() {
    let too_many = |kind: &str, error: FormatError| {
        assert!(matches!(error, FormatError::TooMany { kind: k } if k == kind), "{error}")
    };
    // Twenty megabytes of private values used to become 658 of memory before they were counted.
    let statement = Statement { inputs: vec![Value::Private; MAX_TENSORS + 1], outputs: vec![] };
    let proof = Proof { key: Digest([0; 32]), seal: None, statement, argument: vec![] };
    too_many("proof", Proof::from_bytes(&proof.to_bytes()).unwrap_err());

    let tensor = SealedTensor {
        name: "w".into(),
        shape: vec![1],
        minimum: 0,
        maximum: 1,
        quantisation: READING,
    };
    let record = |count: usize, tensor: &SealedTensor| Record {
        k: 7,
        usable: 122,
        parameters: Digest([0; 32]),
        tensors: vec![tensor.clone(); count],
        commitments: vec![],
    };
    let seal = Seal { record: record(MAX_TENSORS + 1, &tensor), range_proofs: vec![] };
    too_many("seal", Seal::from_bytes(&seal.to_bytes()).unwrap_err());
    let deep = SealedTensor { shape: vec![1; MAX_RANK + 1], ..tensor };
    let seal = Seal { record: record(1, &deep), range_proofs: vec![] };
    too_many("seal", Seal::from_bytes(&seal.to_bytes()).unwrap_err());

    let mut key = valid();
    key.nodes = vec![node(Operator::Copy(0)); MAX_NODES + 1];
    too_many(
        "verifying key",
        VerifyingKey::from_bytes(&encoding::write(zkinfer_verifier::wire::files::KEY, &key))
            .unwrap_err(),
    );
    let mut key = valid();
    key.inputs[0].shape = vec![1; MAX_RANK + 1];
    too_many(
        "verifying key",
        VerifyingKey::from_bytes(&encoding::write(zkinfer_verifier::wire::files::KEY, &key))
            .unwrap_err(),
    );
}

/// A seal is compared with the key before it is laid out: this one has no layout at all.
#[test]
fn a_seal_is_compared_before_any_work() {
    let mut sealed = valid();
    sealed.bias_digits = 1;
    sealed.nodes[1].operator =
        Operator::Contract(Contract { weights: Weights::Sealed, ..contract() });
    let key = VerifyingKey::new(sealed).unwrap();
    let parameters = Parameters::derive_for_verifying(7).unwrap();
    let tensor = SealedTensor {
        name: "w".into(),
        shape: vec![1 << 40],
        minimum: 1,
        maximum: 0,
        quantisation: READING,
    };
    let record = Record {
        k: 7,
        usable: zkinfer_verifier::usable_rows(7),
        parameters: parameters.digest(),
        tensors: vec![tensor; MAX_TENSORS],
        commitments: vec![],
    };
    let seal = Seal { record, range_proofs: vec![] };
    let early = seal.clone().check_for(&key, &parameters).unwrap_err();
    assert!(matches!(early, Rejection::SealTensor { .. }), "{early}");
    let late = seal.check(&parameters).unwrap_err();
    assert!(matches!(late, Rejection::SealCommitments { got: 0, .. }), "{late}");
}

/// A chain of sums with a product at each link: who reads a product is found in one pass, not by
/// walking the chain from every link.
#[test]
fn chains_of_products_are_checked_in_one_pass() {
    let links = MAX_NODES / 2 - 2;
    let product = || Operator::Product(Product { left: 0, right: 0 });
    let mut nodes = vec![product(), sum(vec![(1, 1)])];
    for _ in 0..links {
        nodes.push(product());
        let last = nodes.len();
        nodes.push(sum(vec![(last, 1), (last - 1, 1)]));
    }
    let bit = input(vec![1, 1, 1], 0, 1, Visibility::Public);
    let mut chain = description(bit, nodes, vec![1, 1, 1]);
    VerifyingKey::new(chain.clone()).unwrap();
    // Read twice somewhere in the middle.
    let middle = chain.nodes.len() / 2;
    let Operator::Combine(combine) = &mut chain.nodes[middle & !1].operator else {
        panic!("a sum")
    };
    let again = combine.terms[0];
    combine.terms.push(again);
    is_shape(&refusal(chain), "read by exactly one");
}

#[test]
fn what_verifying_takes_is_known_from_the_key() {
    let small = Cost::of(&VerifyingKey::new(valid()).unwrap());
    small.within(Budget::default()).unwrap();
    // 2^23 private integers divided by limbs of one bit: less than 300 bytes that ask for half a
    // billion cells.
    let mut cells = description(
        input(vec![1 << 23], 0, 255, Visibility::Private),
        vec![requantise(0, 60)],
        vec![1 << 23],
    );
    (cells.k, cells.limb_bits) = (16, 1);
    let key = VerifyingKey::new(cells).unwrap();
    assert!(key.to_bytes().len() < 300);
    let costly = Cost::of(&key).within(Budget::default()).unwrap_err();
    assert!(costly.cost.bytes > 15_000_000_000, "{costly}");
    // A kernel with column factors over a plane: every tap at every position, and not very many of
    // these.
    let large = |side: usize| Contract {
        kernel: [side, side],
        weights: Weights::Public(vec![1; side * side]),
        rows: 1,
        row_factors: vec![1],
        column_factors: vec![1; 1 << 16],
        bias: vec![0],
        pads: [0; 4],
        ..contract()
    };
    let over = |side: usize| {
        let x = input(vec![1, 255 + side, 255 + side], 0, 1, Visibility::Public);
        VerifyingKey::new(description(x, vec![Operator::Contract(large(side))], vec![1, 256, 256]))
    };
    assert!(Cost::of(&over(8).unwrap()).multiplications > (8 * 8) << 16);
    is_too_large(&over(60).unwrap_err(), "products of taps and positions");
}

/// Of the parts of transformers too: cells by what reads them and by their equations, and integers
/// that are known.
#[test]
fn what_verifying_takes_counts_every_cell_and_every_index() {
    const ELEMENTS: usize = 1 << 22;
    let multiplications = |operator: Operator| {
        let x = input(vec![ELEMENTS], 0, 255, Visibility::Public);
        let description = Description { k: 16, ..description(x, vec![operator], vec![ELEMENTS]) };
        Cost::of(&VerifyingKey::new(description).unwrap()).multiplications
    };
    // Ten limbs, which all make the result, against ten and four cells more, of which one does.
    let (limbs, divided) = (multiplications(check(0, 40)), multiplications(requantise(0, 40)));
    assert!(3 * limbs > 2 * divided, "{limbs} and {divided}");
    let product = multiplications(Operator::Hadamard(Hadamard { left: 0, right: 0 }));
    let copy = multiplications(Operator::Copy(0));
    assert!(product > copy, "{product} and {copy}");
    // As many zeros and ones: known where they are, and where they are put out.
    let indices = Operator::OneHot(OneHot { input: 0, first: 0, count: 256 });
    let x = input(vec![ELEMENTS / 256], 0, 255, Visibility::Public);
    let shown = description(x, vec![indices], vec![256, ELEMENTS / 256]);
    let shown = Cost::of(&VerifyingKey::new(shown).unwrap()).multiplications;
    assert!(shown > 12 * ELEMENTS as u64, "{shown}");
}
