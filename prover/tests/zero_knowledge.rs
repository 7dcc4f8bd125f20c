//! What hides a proof's secrets: random rows and blinds.
//!
//! Every number that the prover draws at random is changed alone, and the first element of the
//! argument that changes with it is looked at: up to there nothing else can have changed, so that
//! commitment moves by the difference of the numbers times the generator that the number belongs
//! to. This shows all of a real proof's randomness: where each random row and each blind is, that
//! each has a number of its own, and that none is missing.

mod support;

use std::collections::BTreeMap;
use std::convert::Infallible;

use ff::Field;
use group::{Curve, GroupEncoding};
use pasta_curves::{Eq, EqAffine, Fp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_core::{TryCryptoRng, TryRng};
use support::everything::{Everything, K};
use zkinfer_prover::row_sum::lookups;
use zkinfer_verifier::argument::Argument;
use zkinfer_verifier::argument::bound::Bound;
use zkinfer_verifier::argument::public::Rows;
use zkinfer_verifier::argument::schedule::{Part, Sizes};
use zkinfer_verifier::challenges::LookupChallenges;
use zkinfer_verifier::field::multilinear::inner_product;
use zkinfer_verifier::{BLINDING_ROWS, Proof};

/// A generator of random numbers, one of which may be another than it would be.
struct Numbers {
    stream: StdRng,
    words: usize,
    changed: Option<usize>,
}

/// Words that a field element is made of.
const WORDS: usize = 8;

impl Numbers {
    fn new(seed: u64, changed: Option<usize>) -> Self {
        Self { stream: StdRng::seed_from_u64(seed), words: 0, changed }
    }

    /// The first numbers.
    fn take(mut self, count: usize) -> Vec<Fp> {
        (0..count).map(|_| Fp::random(&mut self)).collect()
    }
}

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("the prover draws field elements only")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let (word, number) = (self.stream.next_u64(), self.words / WORDS);
        self.words += 1;
        Ok(if self.changed == Some(number) { !word } else { word })
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("the prover draws field elements only")
    }
}

impl TryCryptoRng for Numbers {}

/// The points of an argument, each with its part and its place in that part; no point where a
/// scalar is.
fn points(desk: &Everything, proof: &Proof) -> Vec<(&'static str, usize, Option<EqAffine>)> {
    let parts = Sizes::of(&desk.key).parts().into_iter().map(|(part, n)| (part.name(), n));
    let places = parts.flat_map(|(part, count)| (0..count).map(move |index| (part, index)));
    let elements = proof.argument.chunks(32).zip(places);
    let point = |part: &str, bytes: &[u8]| {
        let scalar = part.starts_with("evaluations") || part.starts_with("scalars");
        (!scalar).then(|| EqAffine::from_bytes(bytes.try_into().unwrap()).unwrap())
    };
    elements.map(|(bytes, (part, index))| (part, index, point(part, bytes))).collect()
}

/// What must be random in each commitment, by the table in `docs/argument/zero-knowledge.md`: rows
/// of the column, and its blind.
fn expected(part: &str, index: usize, usable: usize) -> Vec<String> {
    let rows = usable + 2 + BLINDING_ROWS;
    let behind = rows - BLINDING_ROWS..rows;
    let rows: Vec<usize> = match part {
        "commitments to multiplicities" if index == 0 => (usable..rows).collect(),
        "commitments to cells"
        | "commitments to multiplicities"
        | "commitments to factors"
        | "commitments to lookup helpers" => vec![usable],
        "commitment to the hidden evaluation" | "commitment to the running sum" => behind.collect(),
        "commitment to the opening mask" => {
            return vec!["blind".into(), "multiple of X − x₃".into()];
        }
        _ => Vec::new(),
    };
    std::iter::once("blind".into())
        .chain(rows.into_iter().map(|row| format!("row {row}")))
        .collect()
}

#[test]
fn every_random_row_and_every_blind_is_a_number_of_its_own() {
    const SEED: u64 = 3;
    let desk = Everything::new();
    let (layout, parameters) = (desk.key.layout(), &desk.parameters);
    let mut rng = [Numbers::new(SEED, None)];
    let honest = desk.prove_all(&mut rng).remove(0);
    assert_eq!(desk.verify(&honest), Ok(()));
    let count = rng[0].words / WORDS;
    assert_eq!(count * WORDS, rng[0].words);
    let numbers = Numbers::new(SEED, None).take(count);

    let bound = Bound::new(&desk.key, honest.seal, parameters.digest(), &honest.statement);
    let x_3 = Argument::read(&desk.key, &bound, &honest.argument).unwrap().opening.x_3;
    let mut generators = BTreeMap::from([(parameters.blinding().to_bytes(), "blind".to_owned())]);
    generators.extend(
        parameters
            .lagrange()
            .iter()
            .enumerate()
            .map(|(row, g)| (g.to_bytes(), format!("row {row}"))),
    );
    let mask =
        (Eq::from(parameters.generators()[1]) - parameters.generators()[0] * *x_3).to_affine();
    generators.insert(mask.to_bytes(), "multiple of X − x₃".into());

    let mut changed: Vec<Numbers> =
        (0..count).map(|number| Numbers::new(SEED, Some(number))).collect();
    let proofs = desk.prove_all(&mut changed);
    let places = points(&desk, &honest);
    let mut found: Vec<BTreeMap<String, Fp>> = vec![BTreeMap::new(); places.len()];
    for (number, proof) in proofs.iter().enumerate() {
        let difference =
            Numbers::new(SEED, Some(number)).take(number + 1)[number] - numbers[number];
        let pairs = honest.argument.chunks(32).zip(proof.argument.chunks(32));
        let first = pairs.clone().position(|(a, b)| a != b);
        let element = first.unwrap_or_else(|| panic!("number {number} hides nothing"));
        let (part, index, point) = places[element];
        let point =
            point.unwrap_or_else(|| panic!("{part} {index}: number {number} shows in a scalar"));
        let moved = Eq::from(points(&desk, proof)[element].2.unwrap()) - Eq::from(point);
        let generator = (moved * difference.invert().unwrap()).to_affine();
        let name = generators.get(&generator.to_bytes());
        let name = name.unwrap_or_else(|| {
            panic!("{part} {index}: number {number} is no random row and no blind")
        });
        let twice = found[element].insert(name.clone(), numbers[number]);
        assert_eq!(twice, None, "{part} {index}: {name} has two numbers");
    }
    for ((part, index, point), found) in places.iter().zip(&found) {
        let mut expected =
            if point.is_some() { expected(part, *index, layout.usable) } else { Vec::new() };
        expected.sort();
        assert!(
            found.keys().eq(&expected),
            "{part} {index}: {:?} instead of {expected:?}",
            found.keys()
        );
    }

    // Opened with these numbers, the first columns hold the witness and nothing else.
    let counted = lookups::count(&desk.key, &desk.columns);
    assert!(counted.verdict.is_ok());
    let opened = |values: &[i64], random: &BTreeMap<String, Fp>| {
        let cells = values
            .iter()
            .map(|cell| zkinfer_verifier::field::integer(*cell))
            .zip(parameters.lagrange());
        let content: Eq = cells.map(|(cell, generator)| *generator * cell).sum();
        let random = random.iter().map(|(name, number)| match name.strip_prefix("row ") {
            Some(row) => parameters.lagrange()[row.parse::<usize>().unwrap()] * number,
            None => parameters.blinding() * number,
        });
        (content + random.sum::<Eq>()).to_affine()
    };
    for ((column, random), (part, _, point)) in
        desk.columns.iter().chain(&counted.counts).zip(&found).zip(&places)
    {
        assert_eq!(*point, Some(opened(column, random)), "{part}");
    }
}

#[test]
fn two_proofs_by_one_prover_share_no_element() {
    let desk = Everything::new();
    let proofs = desk.prove_all(&mut [1, 2, 3].map(StdRng::seed_from_u64));
    let mut seen = std::collections::BTreeSet::new();
    for proof in &proofs {
        assert_eq!(proof.statement, desk.statement);
        for (element, bytes) in proof.argument.chunks(32).enumerate() {
            assert!(seen.insert(bytes), "element {element} was seen before");
        }
    }
}

/// The rank of a matrix.
fn rank(mut matrix: Vec<Vec<Fp>>) -> usize {
    let mut rank = 0;
    for column in 0..matrix[0].len() {
        let Some(pivot) = (rank..matrix.len()).find(|&r| !bool::from(matrix[r][column].is_zero()))
        else {
            continue;
        };
        matrix.swap(rank, pivot);
        let (done, rest) = matrix.split_at_mut(rank + 1);
        for row in rest {
            let factor = row[column] * done[rank][column].invert().unwrap();
            row.iter_mut().zip(&done[rank]).for_each(|(to, from)| *to -= factor * from);
        }
        rank += 1;
    }
    rank
}

#[test]
fn the_random_rows_are_enough_for_what_is_revealed() {
    // The running sum is revealed at x, at ωx, and at the opening's own point; the combination of
    // columns and that of messages at the first and the last. The map from a column's random rows
    // to these values must be onto: then they are uniform whatever the cells. The points are those
    // of a real proof.
    let desk = Everything::new();
    let proof = desk.prove(4);
    let bound = Bound::new(&desk.key, proof.seal, desk.parameters.digest(), &proof.statement);
    let argument = Argument::read(&desk.key, &bound, &proof.argument).unwrap();
    let omega = halo2_proofs::poly::EvaluationDomain::<Fp>::new(2, K).get_omega();
    let layout = desk.key.layout();
    let (rows, first) = (layout.rows, layout.boundary() + 1);
    assert_eq!(rows - first, BLINDING_ROWS);
    let points = [*argument.x, *argument.x * omega, *argument.opening.x_3];
    let basis = |row: usize, point: Fp| {
        let root = omega.pow([row as u64]);
        root * (point.pow([rows as u64]) - Fp::ONE)
            * (Fp::from(rows as u64) * (point - root)).invert().unwrap()
    };
    let matrix = |points: &[Fp]| {
        points.iter().map(|p| (first..rows).map(|row| basis(row, *p)).collect()).collect()
    };
    assert_eq!(rank(matrix(&points)), 3);
    assert_eq!(rank(matrix(&[points[0], points[2]])), 2);
    assert!(rows - first > 3, "one more row is margin");
    // A column that is evaluated at the point of the row sum has one random row with a weight
    // there, and it is behind the cells.
    let weights = Rows::new(&argument.point, layout).weights;
    assert_eq!((weights.len(), layout.usable + 1), (layout.boundary(), layout.boundary()));
    assert_ne!(weights[layout.usable], Fp::ZERO);
    // The columns whose random rows mask the combinations are in them.
    let LookupChallenges { theta, beta, y, .. } = argument.lookup;
    let inverses = desk.key.table_inverses(theta, beta).unwrap();
    assert_ne!(inner_product(&inverses[0], &weights) * *y, Fp::ZERO);
    assert_ne!(*argument.lambda, Fp::ZERO);
}

/// Every evaluation at the point of the row sum has a mask that no combination of the others takes
/// away, also where two of them are of one column: the map from the mask rows of all columns to
/// what is revealed there is onto.
#[test]
fn evaluations_at_one_point_have_masks_of_their_own() {
    let desk = Everything::new();
    let proof = desk.prove(4);
    let bound = Bound::new(&desk.key, proof.seal, desk.parameters.digest(), &proof.statement);
    let argument = Argument::read(&desk.key, &bound, &proof.argument).unwrap();
    let (layout, sizes) = (desk.key.layout(), Sizes::of(&desk.key));
    let mask = Rows::new(&argument.point, layout).weights[layout.usable];
    let theta = *argument.lookup.theta;
    // Columns of cells and factors, then helpers: each has one mask.
    let columns = layout.columns() + sizes.helpers;
    let row = |shares: &mut dyn Iterator<Item = (usize, Fp)>| {
        let mut row = vec![Fp::ZERO; columns];
        shares.for_each(|(column, share)| row[column] += share * mask);
        row
    };
    let mut revealed: Vec<Vec<Fp>> = Vec::new();
    for lookup in &layout.lookups {
        let powers = (1u64..).map(|exponent| theta.pow_vartime([exponent]));
        revealed.push(row(&mut lookup.columns.clone().zip(powers)));
    }
    let helpers = (layout.columns()..columns).chain(layout.multiplied_columns());
    revealed.extend(helpers.map(|column| row(&mut std::iter::once((column, Fp::ONE)))));
    let at = [Part::LookupsAt, Part::HelpersAt, Part::FactorsAt];
    let parts = sizes.parts().into_iter().filter(|(part, _)| at.contains(part));
    assert_eq!(revealed.len(), parts.map(|(_, count)| count).sum::<usize>());
    // Some column is in two lookups, some operands and factors are in none.
    let looked_up = |column: usize| {
        layout.lookups.iter().filter(|lookup| lookup.columns.contains(&column)).count()
    };
    assert!((0..layout.fresh_columns()).any(|column| looked_up(column) == 2));
    assert!(layout.multiplied_columns().all(|column| looked_up(column) == 0));
    let count = revealed.len();
    assert_eq!(rank(revealed), count);
}
