//! The combination of columns that is opened: what it sums to, and that no two claims can make up
//! for each other.

mod support;

use ff::Field;
use pasta_curves::Fp;
use support::valid;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::argument::public::{Public, Rows};
use zkinfer_verifier::argument::row_sum::Evaluations;
use zkinfer_verifier::challenges::{Challenge, LookupChallenges};
use zkinfer_verifier::field::multilinear::inner_product;

/// Elements that have nothing to do with each other.
fn elements(count: usize, seed: u64) -> Vec<Fp> {
    (0..count as u64)
        .map(|i| (Fp::from(i + 1000 * seed + 3).square() + Fp::from(seed)).square().square())
        .collect()
}

#[test]
fn every_claim_has_a_power_of_its_own() {
    let key = VerifyingKey::new(valid()).unwrap();
    let layout = key.layout();
    let rows =
        Rows::new(&elements(7, 1).into_iter().map(Challenge::new).collect::<Vec<_>>(), layout);
    let challenges = LookupChallenges {
        theta: Challenge::new(Fp::from(5)),
        beta: Challenge::new(Fp::from(77)),
        zeta: Challenge::new(Fp::from(9)),
        y: Challenge::new(Fp::from(11)),
    };
    let columns = |count: usize, seed: u64| -> Vec<Vec<Fp>> {
        (0..count as u64).map(|column| elements(layout.boundary(), 100 * seed + column)).collect()
    };
    let (cells, multiplicities, helpers) =
        (columns(layout.columns(), 2), columns(layout.slots, 3), columns(layout.helpers(), 4));
    let at = |columns: &[Vec<Fp>]| -> Vec<Fp> {
        columns.iter().map(|c| inner_product(c, &rows.weights)).collect()
    };
    let (cells_at, multiplicities_at, helpers_at) = (at(&cells), at(&multiplicities), at(&helpers));
    let public = Public {
        weight: Fp::ZERO,
        active: rows.active(layout),
        tags: rows.tags(layout),
        kappa: elements(layout.columns(), 5),
        separators: Vec::new(),
        inverses: elements(layout.slots, 6),
    };
    let lookups = layout.lookups.iter().zip(&public.tags).map(|(lookup, tag)| {
        let powers = std::iter::successors(Some(*challenges.theta), |power| {
            Some(*power * *challenges.theta)
        });
        let cells = cells_at[lookup.columns.clone()].iter().zip(powers);
        *challenges.beta + tag + cells.map(|(cell, power)| *cell * power).sum::<Fp>()
    });
    let lookups: Vec<Fp> = lookups.collect();
    let opened = |lookups: &[Fp], helpers: &[Fp]| {
        let evaluations = Evaluations { lookups, helpers, factors: &[] };
        let separators = (Challenge::new(Fp::from(1009)), Challenge::new(Fp::from(31)));
        public
            .opened(layout, &rows, evaluations, Fp::from(3), &challenges, separators)
            .unwrap()
            .combination
    };

    // The columns' combination, summed with the rows' weights, is what the evaluations say and the
    // hidden part.
    let combination = opened(&lookups, &helpers_at);
    let balance = challenges.balance(helpers.len());
    let hidden = inner_product(&cells_at, &public.kappa)
        - balance * inner_product(&multiplicities_at, &public.inverses);
    let sum = inner_product(&cells_at, &combination.cells)
        + inner_product(&multiplicities_at, &combination.multiplicities)
        + inner_product(&helpers_at, &combination.helpers);
    assert_eq!(sum, combination.value + hidden);

    // One claim off by one moves the value by its own power; two claims never by the same.
    let mut moves = vec![Fp::ONE, combination.next];
    for claim in 0..lookups.len() + helpers.len() {
        let (mut lookups, mut helpers) = (lookups.clone(), helpers_at.clone());
        *lookups.iter_mut().chain(&mut helpers).nth(claim).unwrap() += Fp::ONE;
        let forged = opened(&lookups, &helpers);
        assert_eq!((&forged.cells, forged.next), (&combination.cells, combination.next));
        moves.push(forged.value - combination.value);
    }
    moves.sort();
    assert!(!bool::from(moves[0].is_zero()) && moves.windows(2).all(|pair| pair[0] != pair[1]));
}
