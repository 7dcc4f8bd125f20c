//! Valid descriptions: a small one, and one of everything.

#![allow(dead_code, reason = "each test uses a part")]

use zkinfer_verifier::circuit::analysis::analyse;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, Input, Node, Operator, Output, OutputSource,
    Product, Quantisation, Requantise, Scheme, View, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::circuit::facts::Facts;
use zkinfer_verifier::{DescriptionError as Error, VerifyingKey};

pub const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });

pub fn contract() -> Contract {
    Contract {
        input: 0,
        rows: 2,
        groups: 1,
        kernel: [2, 2],
        strides: [1, 1],
        pads: [0, 0, 1, 1],
        dilations: [1, 1],
        weights: Weights::Public(vec![1; 8]),
        row_factors: vec![3; 2],
        column_factors: vec![],
        bias: vec![0; 2],
    }
}

pub fn named(name: &str, operator: Operator) -> Node {
    Node { name: name.into(), operator }
}

/// `[1, 3, 3] → contraction → requantisation`, with a view and a sum that nothing reads.
pub fn valid() -> Description {
    Description {
        name: "valid".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 0,
        functions: vec![Function::clamp(-4, 3)],
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![1, 3, 3],
            minimum: -8,
            maximum: 7,
            quantisation: READING,
            visibility: Visibility::Public,
        }],
        nodes: vec![
            named("input", Operator::Input(0)),
            named("conv", Operator::Contract(contract())),
            named(
                "requantise",
                Operator::Requantise(Requantise {
                    input: 1,
                    shift: 4,
                    function: 0,
                    form: Form::Wide,
                }),
            ),
            named(
                "view",
                Operator::View(View { inputs: vec![2], kind: ViewKind::Reshape(vec![18]) }),
            ),
            named("sum", Operator::Combine(Combine { terms: vec![(3, 2)], constant: vec![] })),
        ],
        outputs: vec![Output {
            name: "y".into(),
            shape: vec![2, 3, 3],
            source: OutputSource::Node(2),
            quantisation: READING,
            visibility: Visibility::Public,
        }],
    }
}

/// Nodes of [`hidden`].
pub mod node {
    pub const PRIVATE: usize = 1;
    pub const FIXED: usize = 2;
    pub const CONV: usize = 3;
    pub const CLAMP: usize = 4;
    pub const SECRET: usize = 5;
    pub const NEGATED: usize = 6;
    pub const SCORES: usize = 7;
    pub const PRODUCT: usize = 8;
    pub const COPY: usize = 9;
    pub const VIEW: usize = 10;
    pub const SUM: usize = 11;
}

/// One of everything: inputs of each visibility, a contraction in two groups, one with sealed
/// weights behind a sum, a product behind a copy; a public and a sealed output, and an index.
pub fn hidden() -> Description {
    let input = |name: &str, shape: &[usize], visibility| Input {
        name: name.into(),
        shape: shape.to_vec(),
        minimum: -8,
        maximum: 7,
        quantisation: READING,
        visibility,
    };
    let output = |name: &str, shape: &[usize], source, visibility| Output {
        name: name.into(),
        shape: shape.to_vec(),
        source,
        quantisation: READING,
        visibility,
    };
    let requantise =
        |input, form| Operator::Requantise(Requantise { input, shift: 4, function: 0, form });
    let grouped = Contract {
        groups: 2,
        weights: Weights::Public(vec![1, 2, 3, 4, -1, -2, -3, -4]),
        column_factors: (1..10).collect(),
        ..contract()
    };
    let secret = Contract {
        input: node::CLAMP,
        kernel: [1, 1],
        pads: [0; 4],
        weights: Weights::Sealed,
        ..contract()
    };
    let sum = |terms: &[(usize, i64)], constant: &[i64]| {
        Operator::Combine(Combine { terms: terms.to_vec(), constant: constant.to_vec() })
    };
    let view = View { inputs: vec![node::COPY], kind: ViewKind::Reshape(vec![4]) };
    Description {
        name: "hidden".into(),
        k: 7,
        limb_bits: 4,
        bias_digits: 2,
        functions: vec![Function::clamp(-4, 3)],
        inputs: vec![
            input("x", &[2, 3, 3], Visibility::Public),
            input("p", &[1, 2, 3], Visibility::Private),
            input("s", &[1, 2, 3], Visibility::Sealed),
        ],
        nodes: vec![
            named("x", Operator::Input(0)),
            named("private", Operator::Input(1)),
            named("fixed", Operator::Input(2)),
            named("conv", Operator::Contract(grouped)),
            named("clamp", requantise(node::CONV, Form::Wide)),
            named("secret", Operator::Contract(secret)),
            named("negated", sum(&[(node::SECRET, -1)], &[5])),
            named("scores", requantise(node::NEGATED, Form::Narrow)),
            named(
                "product",
                Operator::Product(Product { left: node::PRIVATE, right: node::FIXED }),
            ),
            named("copy", Operator::Copy(node::PRODUCT)),
            named("view", Operator::View(view)),
            named("sum", sum(&[(node::VIEW, 2)], &[1, -2, 3, -4])),
        ],
        outputs: vec![
            output("y", &[2, 3, 3], OutputSource::Node(node::SCORES), Visibility::Public),
            output("z", &[4], OutputSource::Node(node::SUM), Visibility::Sealed),
            output(
                "class",
                &[1, 3, 3],
                OutputSource::ArgMax { input: node::SCORES, axis: 0, select_last: false },
                Visibility::Public,
            ),
        ],
    }
}

/// What there is too much of, and how much is supported.
#[track_caller]
pub fn size(error: Error) -> (&'static str, u64) {
    match error {
        Error::TooLarge { what, got, limit, .. } if got > limit => (what, limit),
        other => panic!("{other}"),
    }
}

/// The same for sizes: demands this limit.
#[track_caller]
pub fn refuses_size(what: &'static str, limit: u64, change: impl FnOnce(&mut Description)) {
    let mut description = hidden();
    change(&mut description);
    assert_eq!(
        size(VerifyingKey::new(description).expect_err("an invalid description")),
        (what, limit)
    );
}

/// A change of the input's elements only, to see limits that a key would take long to reach.
pub fn elements(change: impl FnOnce(&mut Description)) -> Result<(), Error> {
    let mut description = valid();
    description.nodes.truncate(1);
    (description.outputs[0].source, description.outputs[0].shape) =
        (OutputSource::Node(0), vec![1, 3, 3]);
    change(&mut description);
    description.number_functions();
    analyse(&description).map(|_| ())
}

/// Changes [`hidden`] and demands that it stays valid.
#[track_caller]
pub fn accepts(change: impl FnOnce(&mut Description)) -> VerifyingKey {
    let mut description = hidden();
    change(&mut description);
    VerifyingKey::new(description).expect("a valid description")
}

/// Changes [`hidden`] and demands exactly this error.
#[track_caller]
pub fn refuses(expected: Error, change: impl FnOnce(&mut Description)) {
    refuses_of(hidden(), expected, change);
}

/// Changes a description and demands exactly this error.
#[track_caller]
pub fn refuses_of(
    mut description: Description,
    expected: Error,
    change: impl FnOnce(&mut Description),
) {
    change(&mut description);
    assert_eq!(VerifyingKey::new(description).expect_err("an invalid description"), expected);
}

pub fn shape(node: &str, what: &'static str) -> Error {
    Error::Shape { node: node.into(), what }
}

pub fn overflow(node: &str) -> Error {
    Error::Overflow { node: node.into() }
}

pub fn range(node: &str, what: &'static str) -> Error {
    Error::Range { node: node.into(), what }
}

pub fn forward(node: &str, reference: usize) -> Error {
    Error::ForwardReference { node: node.into(), reference }
}

pub fn interval(facts: &Facts) -> (i64, i64) {
    (facts.interval.minimum, facts.interval.maximum)
}
