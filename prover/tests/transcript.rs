//! What each challenge of a real proof depends on: everything before it, nothing after it.
//!
//! A challenge that does not depend on a message that it must bind breaks the argument altogether,
//! and no honest proof would show it. So the order is held against the table in
//! `docs/argument/overview.md`, written down here by hand.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use ff::{Field, PrimeField};
use group::{Curve, GroupEncoding};
use pasta_curves::{Eq, EqAffine, Fp};
use support::everything::{Everything, K};
use zkinfer_verifier::argument::Argument;
use zkinfer_verifier::argument::bound::Bound;
use zkinfer_verifier::argument::opening::{InnerProduct, MultiOpening};
use zkinfer_verifier::argument::schedule::Sizes;
use zkinfer_verifier::challenges::LinearChallenges;
use zkinfer_verifier::challenges::LookupChallenges;
use zkinfer_verifier::{Digest, Statement, Value, VerifyingKey};

/// What is sent, and what is drawn after it; after each message of the rounds `r`, after each pair
/// of those of the inner product argument `u`.
const ORDER: [(&str, &str); 17] = [
    ("commitments to cells", ""),
    ("commitments to multiplicities", "ρ σ"),
    ("commitments to factors", "τ θ β"),
    ("commitments to lookup helpers", "ζ y"),
    ("commitments to messages of the row sum", "r"),
    ("evaluations of lookups", ""),
    ("evaluations of lookup helpers", ""),
    ("evaluations of operands and factors", ""),
    ("commitment to the hidden evaluation", "γ λ"),
    ("commitment to the running sum", "υ"),
    ("commitment to the quotient", "x"),
    ("evaluations of what is opened", "x₁ x₂"),
    ("commitment to the opening quotient", "x₃"),
    ("evaluations of the opening", "x₄"),
    ("commitment to the opening mask", "ξ z"),
    ("rounds of the inner product argument", "u"),
    ("scalars of the inner product argument", ""),
];

/// For every challenge the number of elements sent before it; for every element the part that it
/// belongs to.
fn order(key: &VerifyingKey) -> (BTreeMap<String, usize>, Vec<&'static str>) {
    let (mut before, mut parts) = (BTreeMap::new(), Vec::new());
    let elements = Sizes::of(key).parts().into_iter().map(|(part, count)| (part.name(), count));
    assert_eq!(elements.len(), ORDER.len());
    for ((part, count), (expected, drawn)) in elements.zip(ORDER) {
        assert_eq!(part, expected);
        assert!(count > 0, "the circuit lacks {part}");
        for index in 1..=count {
            parts.push(part);
            let name = match drawn {
                "r" => format!("r{index}"),
                "u" if index % 2 == 0 => format!("u{}", index / 2),
                _ => continue,
            };
            before.insert(name, parts.len());
        }
        let names = drawn.split_whitespace().filter(|name| !["r", "u"].contains(name));
        names.for_each(|name| assert_eq!(before.insert(name.into(), parts.len()), None));
    }
    (before, parts)
}

/// Every challenge by name. No field is left out: a new one is a decision.
fn challenges(argument: Argument) -> BTreeMap<String, Fp> {
    let Argument {
        cells: _,
        multiplicities: _,
        factors: _,
        linear: LinearChallenges { rho, sigma, tau },
        helpers: _,
        lookup: LookupChallenges { theta, beta, zeta, y },
        messages: _,
        point,
        lookups_at: _,
        helpers_at: _,
        factors_at: _,
        gamma,
        lambda,
        sum: _,
        upsilon,
        quotient: _,
        x,
        values: _,
        opening: MultiOpening { x_1, x_2, quotient: _, x_3, values: _, x_4, product },
    } = argument;
    let InnerProduct { mask: _, xi, z, rounds, scalars: _ } = product;
    let named = [
        ("ρ", *rho),
        ("σ", *sigma),
        ("τ", *tau),
        ("θ", *theta),
        ("β", *beta),
        ("ζ", *zeta),
        ("y", *y),
        ("γ", *gamma),
        ("λ", *lambda),
        ("υ", *upsilon),
        ("x", *x),
        ("x₁", *x_1),
        ("x₂", *x_2),
        ("x₃", *x_3),
        ("x₄", *x_4),
        ("ξ", *xi),
        ("z", *z),
    ];
    let named = named.into_iter().map(|(name, value)| (name.to_owned(), value));
    let point = point.into_iter().enumerate().map(|(round, r)| (format!("r{}", round + 1), *r));
    let rounds =
        rounds.into_iter().enumerate().map(|(round, (_, u))| (format!("u{}", round + 1), *u));
    named.chain(point).chain(rounds).collect()
}

/// Other elements of the same kind: for a point its negative and its double.
fn others(part: &str, element: &[u8]) -> Vec<[u8; 32]> {
    let element: [u8; 32] = element.try_into().unwrap();
    if part.starts_with("evaluations") || part.starts_with("scalars") {
        return vec![(Fp::from_repr(element).unwrap() + Fp::ONE).to_repr()];
    }
    let point = Eq::from(EqAffine::from_bytes(&element).unwrap());
    [-point, point + point].map(|point| point.to_affine().to_bytes()).to_vec()
}

#[test]
fn each_challenge_depends_on_all_that_is_before_it_and_on_nothing_behind() {
    let desk = Everything::new();
    let proof = desk.prove(1);
    assert_eq!(desk.verify(&proof), Ok(()));
    let bound = Bound::new(&desk.key, proof.seal, desk.parameters.digest(), &proof.statement);
    let read = |bytes: &[u8]| {
        challenges(Argument::read(&desk.key, &bound, bytes).expect("canonical elements"))
    };
    let (before, parts) = order(&desk.key);
    assert_eq!(32 * parts.len(), proof.argument.len());

    let honest = read(&proof.argument);
    assert!(honest.keys().eq(before.keys()), "{:?} instead of {:?}", honest.keys(), before.keys());
    let distinct: BTreeSet<[u8; 32]> = honest.values().map(Fp::to_repr).collect();
    assert_eq!(distinct.len(), honest.len(), "two challenges are one");

    let mut wrong = BTreeSet::new();
    for (element, part) in parts.iter().enumerate() {
        let at = 32 * element..32 * element + 32;
        for other in others(part, &proof.argument[at.clone()]) {
            let mut bytes = proof.argument.clone();
            bytes[at.clone()].copy_from_slice(&other);
            for (name, value) in read(&bytes) {
                let depends = value != honest[&name];
                if depends != (element < before[&name]) {
                    wrong.insert(format!(
                        "{name} {} {part}",
                        if depends { "depends on" } else { "ignores" }
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_challenge_depends_on_all_that_a_proof_is_bound_to() {
    let desk = Everything::new();
    let proof = desk.prove(1);
    let (key, parameters) = (&desk.key, desk.parameters.digest());
    let read = |bound: &Bound<'_>| challenges(Argument::read(key, bound, &proof.argument).unwrap());
    let bound = Bound::new(key, proof.seal, parameters, &proof.statement);
    let honest = read(&bound);
    let all_change = |bound: &Bound<'_>, what: &str| {
        let same: Vec<_> =
            read(bound).into_iter().filter(|(name, value)| honest[name] == *value).collect();
        assert!(same.is_empty(), "{what} leaves {same:?}");
    };

    // The parts, each alone. No field is left out.
    let Bound { version, model, parameters: _, k, usable, statement: _ } = bound;
    assert_eq!((k, usable), (K, key.layout().usable));
    all_change(&Bound { version: version - 1, ..bound }, "the version");
    all_change(&Bound { model: Digest([7; 32]), ..bound }, "the model");
    all_change(&Bound { parameters: Digest([7; 32]), ..bound }, "the parameters");
    all_change(&Bound { k: k + 1, ..bound }, "k");
    all_change(&Bound { usable: usable + 1, ..bound }, "u");

    // What they are made of.
    let mut description = key.description().clone();
    description.name.push('2');
    let other = VerifyingKey::new(description).unwrap();
    all_change(&Bound::new(&other, proof.seal, parameters, &proof.statement), "the key");
    all_change(&Bound::new(key, None, parameters, &proof.statement), "no seal");
    all_change(&Bound::new(key, Some(Digest([7; 32])), parameters, &proof.statement), "the seal");
    all_change(
        &Bound::new(key, proof.seal, Digest([7; 32]), &proof.statement),
        "the parameters of a proof",
    );
    assert_ne!(Bound::new(key, None, parameters, &proof.statement).model, model);

    // Every integer and every commitment of the statement.
    let mut variants = Vec::new();
    fn values(statement: &mut Statement) -> impl Iterator<Item = &mut Value> {
        statement.inputs.iter_mut().chain(&mut statement.outputs)
    }
    for tensor in 0..values(&mut proof.statement.clone()).count() {
        let mut change = |place: usize| {
            let mut statement = proof.statement.clone();
            let changed = match values(&mut statement).nth(tensor).unwrap() {
                Value::Public(integers) => {
                    integers.get_mut(place).map(|integer| *integer += 1).is_some()
                }
                Value::Sealed(commitments) => {
                    commitments.get_mut(place).map(|c| c[place % 32] ^= 1).is_some()
                }
                Value::Private => false,
            };
            variants.extend(changed.then_some(statement));
            changed
        };
        (0..).take_while(|&place| change(place)).for_each(drop);
    }
    assert_eq!(variants.len(), 2 + 4 + 1 + 12 + 1 + 244, "commitments and integers");
    for (index, statement) in variants.iter().enumerate() {
        all_change(
            &Bound::new(key, proof.seal, parameters, statement),
            &format!("variant {index} of the statement"),
        );
    }
}
