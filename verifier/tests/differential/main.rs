//! The adjoint pass against a symbolic dense transpose, on random descriptions of every operator.
//!
//! Of each description all equations are written down as linear forms, element by element, and
//! transposed term by term; every entry of `κ`, `π`, the cotangents of sealed weights and the
//! target must be what [`backward`] computes. Honest witnesses at extreme integers must lie in the
//! intervals, hit the tables, hold each equation and the sum of all; a cell off by one must break
//! the sum.
//!
//! `ZKINFER_CASES` is the number of descriptions; a failure names the case, and
//! `ZKINFER_FIRST_CASE` is where to start.

mod bilinear;
mod compare;
mod equations;
mod features;
mod generator;
mod indices;
mod meaning;
mod random;
mod secrets;
mod slices;
mod witness;

use compare::{compare, transpose};
use equations::Network;
use features::Features;
use pasta_curves::Fp;
use random::Random;
use secrets::{Draw, Secrets};
use witness::Witness;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::adjoint::{Adjoint, backward, backward_at};
use zkinfer_verifier::challenges::{Challenge, LinearChallenges};
use zkinfer_verifier::field::multilinear::inner_product;

/// Cases of a run that is told no number.
const CASES: usize = 1800;
/// Cases that at least have each feature in such a run.
const LEAST: usize = 3;

fn setting(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn the_pass_is_the_transpose_of_all_equations() {
    let (cases, first) = (setting("ZKINFER_CASES", CASES), setting("ZKINFER_FIRST_CASE", 0));
    let mut features = Features::new();
    let mut refused = 0;
    for case in first..first + cases {
        let _failing = Failing(case);
        let mut random = Random::new(case as u64);
        let key = loop {
            match VerifyingKey::new(generator::description(&mut random)) {
                Ok(key) => break key,
                Err(error) => {
                    refused += 1;
                    assert!(
                        refused <= cases + 20,
                        "{refused} descriptions were refused, the last one by {error}"
                    );
                }
            }
        };
        features.count(&key);
        check(&key, &mut random);
    }
    if cases >= CASES {
        features.check(LEAST);
    }
}

/// Says which case has failed.
struct Failing(usize);

impl Drop for Failing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("case {}", self.0);
        }
    }
}

/// Of each column the sum of its entries times the weights of their rows.
fn summed(adjoint: &Adjoint, weights: &[Fp]) -> Adjoint<Fp> {
    let sums =
        |columns: &[Vec<Fp>]| columns.iter().map(|column| inner_product(column, weights)).collect();
    Adjoint {
        kappa: sums(&adjoint.kappa),
        separators: sums(&adjoint.separators),
        weights: adjoint.weights.clone(),
        target: adjoint.target,
    }
}

fn check(key: &VerifyingKey, random: &mut Random) {
    let network = Network::new(key);
    for turn in 0..3 {
        let (inputs, weights) = (*random.pick(&Draw::ALL), *random.pick(&Draw::ALL));
        let mut secrets = Secrets::draw(&network, inputs, weights, random);
        if turn == 0 {
            let node = random.below(network.nodes.len());
            secrets.climb(&network, node, random);
        }
        let mut witness = Witness::new(&network, secrets);
        witness.check_intervals();
        witness.check_lookups();

        let challenges = LinearChallenges {
            rho: Challenge::new(random.element()),
            sigma: Challenge::new(random.element()),
            tau: Challenge::new(random.element()),
        };
        let equations = network.equations(&witness.statement, challenges);
        witness.fill_factors(&equations, challenges);
        witness.check_equations(&equations);

        let total = transpose(&equations, challenges);
        let adjoint = backward(key, &witness.statement, challenges);
        compare(&network, &witness.statement, &total, &adjoint, challenges);
        let weights = (3..).map(|row| Fp::from(row).square().square());
        let weights: Vec<Fp> = weights.take(key.layout().usable).collect();
        let sums = backward_at(key, &witness.statement, challenges, &weights);
        assert_eq!(sums, summed(&adjoint, &weights));
        witness.check_sum(&adjoint, &total, random);
    }
}
