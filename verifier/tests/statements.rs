//! What a statement must say to be about a key at all: the number, visibility, lengths and ranges
//! of its tensors. A verifier checks this first, since what it computes from a statement relies on
//! it.

mod support;

use group::{Curve, Group, GroupEncoding};
use pasta_curves::Eq;
use support::named;
use zkinfer_verifier::circuit::description::{Description, Input, Operator, Output, OutputSource};
use zkinfer_verifier::{Rejection, Statement, Value, VerifyingKey, Visibility};

const COLUMNS: usize = 3;

/// Inputs and outputs of every visibility, one after the other: outputs are inputs.
fn key() -> VerifyingKey {
    let base = support::valid();
    let input = |name: &str, shape: &[usize], visibility| Input {
        name: name.into(),
        shape: shape.to_vec(),
        visibility,
        ..base.inputs[0].clone()
    };
    let output = |name: &str, node, shape: &[usize], visibility| Output {
        name: name.into(),
        shape: shape.to_vec(),
        source: OutputSource::Node(node),
        visibility,
        ..base.outputs[0].clone()
    };
    // 100 elements fill a column of 122 rows alone.
    let wide = [COLUMNS, 100];
    let description = Description {
        functions: Vec::new(),
        inputs: vec![
            input("public", &[2, 2], Visibility::Public),
            input("sealed", &wide, Visibility::Sealed),
            input("private", &[2], Visibility::Private),
        ],
        nodes: (0..3).map(|index| named("input", Operator::Input(index))).collect(),
        outputs: vec![
            output("shown", 0, &[2, 2], Visibility::Public),
            output("hidden", 1, &wide, Visibility::Sealed),
            output("opened", 2, &[2], Visibility::Public),
        ],
        ..base
    };
    VerifyingKey::new(description).unwrap()
}

fn sealed(columns: usize) -> Value {
    Value::Sealed(vec![Eq::generator().to_affine().to_bytes(); columns])
}

fn statement() -> Statement {
    Statement {
        inputs: vec![Value::Public(vec![-8, 0, 1, 7]), sealed(COLUMNS), Value::Private],
        outputs: vec![
            Value::Public(vec![-8, 0, 1, 7]),
            sealed(COLUMNS),
            Value::Public(vec![-8, 7]),
        ],
    }
}

#[track_caller]
fn refuses(expected: Rejection, change: impl FnOnce(&mut Statement)) {
    let mut changed = statement();
    change(&mut changed);
    assert_eq!(changed.check(&key()), Err(expected));
}

/// Both sides of a statement, with the names of their tensors.
type Side = (&'static str, fn(&mut Statement) -> &mut Vec<Value>, [&'static str; 3]);
const SIDES: [Side; 2] = [
    ("input", |statement| &mut statement.inputs, ["public", "sealed", "private"]),
    ("output", |statement| &mut statement.outputs, ["shown", "hidden", "opened"]),
];

#[test]
fn the_base_case_is_accepted() {
    assert_eq!(statement().check(&key()).map(drop), Ok(()));
}

#[test]
fn sealed_tensors_have_commitments() {
    // The identity, and no canonical coordinate: neither commits to anything.
    for bytes in [[0; 32], [0xff; 32]] {
        let part = "commitments of the statement";
        refuses(Rejection::Encoding { part }, |statement| {
            let mut commitments = statement.outputs[1].commitments().to_vec();
            *commitments.last_mut().unwrap() = bytes;
            statement.outputs[1] = Value::Sealed(commitments);
        });
    }
}

#[test]
fn as_many_tensors_as_the_key_declares() {
    for (kind, side, _) in SIDES {
        refuses(Rejection::TensorCount { kind, expected: 3, got: 2 }, |s| drop(side(s).pop()));
        refuses(Rejection::TensorCount { kind, expected: 3, got: 4 }, |s| {
            side(s).push(Value::Private)
        });
        refuses(Rejection::TensorCount { kind, expected: 3, got: 0 }, |s| side(s).clear());
    }
}

#[test]
fn every_tensor_is_shown_as_the_key_declares() {
    for (_, side, names) in SIDES {
        for (index, name) in names.into_iter().enumerate() {
            let expected = side(&mut statement())[index].visibility();
            for value in [Value::Public(vec![0; 4]), sealed(COLUMNS), Value::Private] {
                let got = value.visibility();
                if got != expected {
                    let name = name.to_owned();
                    refuses(Rejection::Visibility { name, expected, got }, |s| {
                        side(s)[index] = value
                    });
                }
            }
        }
    }
}

#[test]
fn public_tensors_have_their_length_and_range() {
    for (_, side, [name, ..]) in SIDES {
        let set =
            |integers: Vec<i64>| move |s: &mut Statement| side(s)[0] = Value::Public(integers);
        for got in [0, 3, 5] {
            refuses(
                Rejection::TensorLength { name: name.into(), expected: 4, got },
                set(vec![0; got]),
            );
        }
        let range = |index, got| Rejection::TensorRange {
            name: name.into(),
            index,
            got,
            minimum: -8,
            maximum: 7,
        };
        refuses(range(1, -9), set(vec![0, -9, 0, 0]));
        refuses(range(3, 8), set(vec![0, 0, 0, 8]));
        refuses(range(0, i64::MAX), set(vec![i64::MAX, i64::MIN, 0, 0]));
    }
    // An index is one of the elements compared.
    let mut description = support::hidden();
    description.outputs[0] = description.outputs.pop().unwrap();
    let key = VerifyingKey::new(description).unwrap();
    let mut with_index = Statement {
        inputs: vec![Value::Public(vec![0; 18]), sealed(0), sealed(1)],
        outputs: vec![Value::Public(vec![0, 1, 0, 1, 0, 1, 0, 1, 0]), sealed(1)],
    };
    with_index.inputs[1] = Value::Private;
    assert_eq!(with_index.check(&key).map(drop), Ok(()));
    for got in [-1, 2] {
        with_index.outputs[0].integers_mut().unwrap()[4] = got;
        let range =
            Rejection::TensorRange { name: "class".into(), index: 4, got, minimum: 0, maximum: 1 };
        assert_eq!(with_index.check(&key), Err(range));
    }
}

#[test]
fn sealed_tensors_have_a_commitment_for_each_column() {
    for (_, side, [_, name, _]) in SIDES {
        for got in [0, COLUMNS - 1, COLUMNS + 1] {
            let name = name.to_owned();
            refuses(Rejection::TensorCommitments { name, expected: COLUMNS, got }, |s| {
                side(s)[1] = sealed(got)
            });
        }
    }
}
