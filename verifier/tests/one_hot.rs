//! Tables at public indices: which indices there may be, when a contraction reads a table, and what
//! its entries are known to lie in.

mod support;

use support::{READING, contract, hidden, named, node};
use zkinfer_verifier::circuit::description::{
    Contract, Description, OneHot, Operator, Output, OutputSource, Visibility, Weights,
};
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

const INDICES: usize = node::SUM + 1;
const TABLE: usize = INDICES + 1;

/// `x` is public, of 18 elements between −8 and 7: a column for each, and its entries in two rows.
fn table(weights: Weights) -> Description {
    let mut description = hidden();
    let indices = OneHot { input: 0, first: -8, count: 16 };
    let contract = Contract {
        input: INDICES,
        rows: 2,
        kernel: [1, 1],
        pads: [0; 4],
        weights,
        row_factors: vec![3, -2],
        bias: vec![100, 7],
        ..contract()
    };
    description.nodes.push(named("indices", Operator::OneHot(indices)));
    description.nodes.push(named("table", Operator::Contract(contract)));
    description.outputs.push(Output {
        name: "entries".into(),
        shape: vec![2, 18],
        source: OutputSource::Node(TABLE),
        quantisation: READING,
        visibility: Visibility::Public,
    });
    description
}

/// Weights from −16 to 15, a row each of even and odd ones.
fn entries() -> Weights {
    Weights::Public((0..32).map(|at| 2 * (at % 16) - 16 + at / 16).collect())
}

fn indices(description: &mut Description) -> &mut OneHot {
    match &mut description.nodes[INDICES].operator {
        Operator::OneHot(indices) => indices,
        operator => panic!("{operator:?} are no indices"),
    }
}

fn reader(description: &mut Description) -> &mut Contract {
    match &mut description.nodes[TABLE].operator {
        Operator::Contract(contract) => contract,
        operator => panic!("{operator:?} reads no table"),
    }
}

#[track_caller]
fn refuses(name: &str, what: &'static str, change: impl FnOnce(&mut Description)) {
    support::refuses_of(table(Weights::Sealed), support::shape(name, what), change);
}

fn key(description: Description) -> VerifyingKey {
    VerifyingKey::new(description).expect("a valid description")
}

#[test]
fn indices_are_public_and_within_the_table() {
    refuses("indices", "it reads an input that does not exist", |d| indices(d).input = 3);
    refuses("indices", "the indices that it reads are not public", |d| indices(d).input = 1);
    refuses("indices", "the indices that it reads are not public", |d| indices(d).input = 2);
    let leaves = "the range of the indices that it reads leaves its table";
    refuses("indices", leaves, |d| d.inputs[0].minimum = -9);
    refuses("indices", leaves, |d| d.inputs[0].maximum = 8);
    refuses("indices", leaves, |d| indices(d).first = -7);
    refuses("indices", leaves, |d| indices(d).count = 15);
    refuses("indices", leaves, |d| indices(d).count = 0);
    refuses("indices", leaves, |d| (indices(d).first, indices(d).count) = (i64::MAX, 16));
    refuses("indices", leaves, |d| (indices(d).first, indices(d).count) = (-8, usize::MAX));
    // More columns than there are indices, on either side.
    let mut wider = table(Weights::Sealed);
    *indices(&mut wider) = OneHot { input: 0, first: -10, count: 19 };
    assert_eq!(key(wider).analysis().nodes[INDICES].shape, [19, 1, 18]);
    let key = key(table(Weights::Sealed));
    let facts = &key.analysis().nodes[INDICES];
    assert_eq!((facts.interval.minimum, facts.interval.maximum, facts.elements), (0, 1, 16 * 18));
}

/// Where nothing else reads the indices, no other node stands for them.
#[test]
fn they_stand_for_their_input() {
    let mut alone = table(Weights::Public(vec![1; 32]));
    alone.inputs.truncate(1);
    alone.nodes.drain(..INDICES);
    alone.outputs.drain(..3);
    alone.bias_digits = 0;
    alone.functions.clear();
    let Operator::Contract(contract) = &mut alone.nodes[1].operator else { panic!("a reader") };
    contract.input = 0;
    alone.outputs[0].source = OutputSource::Node(1);
    assert_eq!(key(alone).layout().columns(), 0);
}

/// With sealed weights it has no factors then, as any other contraction has.
#[test]
fn a_plain_contraction_over_them_reads_a_table() {
    let plain = table(Weights::Sealed);
    let bilinear = |d: &Description| d.bilinear().filter(|&id| id >= INDICES).collect::<Vec<_>>();
    assert_eq!(bilinear(&plain), []);
    assert!(key(plain.clone()).layout().nodes[TABLE].is_none());
    let is_not = |change: &dyn Fn(&mut Contract), shape: &[usize]| {
        let mut other = plain.clone();
        change(reader(&mut other));
        other.outputs[3].shape = shape.to_vec();
        assert!(other.table(&reader(&mut other.clone()).clone()).is_none());
        assert_eq!(bilinear(&other), [TABLE]);
        assert!(key(other).layout().nodes[TABLE].is_some());
    };
    is_not(&|c| c.kernel = [1, 2], &[2, 17]);
    is_not(&|c| c.strides = [1, 2], &[2, 9]);
    is_not(&|c| c.pads = [0, 1, 0, 0], &[2, 19]);
    is_not(&|c| c.groups = 2, &[2, 18]);
    is_not(&|c| c.column_factors = vec![1; 18], &[2, 18]);
    is_not(&|c| c.input = node::CLAMP, &[2, 3, 3]);
}

/// One entry of each row, not the sum of all.
#[test]
fn a_result_lies_where_one_entry_does() {
    let interval = |description| {
        let key = key(description);
        let facts = &key.analysis().nodes[TABLE];
        [facts.interval.minimum, facts.interval.maximum]
    };
    // 3·(−16..=14) + 100 and −2·(−15..=15) + 7.
    assert_eq!(interval(table(entries())), [-23, 142]);
    // 3·(−128..=127 + b) + 100 and −2·(…) + 7 for biases b of two digits.
    let digits = |digit: i64| digit + 64 * digit;
    let [low, high] = [-128 + digits(-32), 127 + digits(31)];
    assert_eq!(interval(table(Weights::Sealed)), [3 * low + 100, 3 * high + 100]);
}

#[test]
fn nothing_else_reads_the_weights_of_a_sealed_table() {
    let again = |weights: Weights, of: Weights| {
        let mut description = table(weights);
        let contract = Contract { weights: of, ..reader(&mut description).clone() };
        description.nodes.push(named("again", Operator::Contract(contract)));
        description.outputs.push(Output {
            source: OutputSource::Node(TABLE + 1),
            ..description.outputs[3].clone()
        });
        VerifyingKey::new(description).map(|_| ())
    };
    let what = "the node whose weights it reads has none of its own that are public, or sealed, \
        as it says";
    let refusal = Err(Error::Shape { node: "again".into(), what });
    assert_eq!(again(Weights::Sealed, Weights::SealedOf(TABLE)), refusal);
    assert_eq!(again(entries(), Weights::PublicOf(TABLE)), Ok(()));
}
