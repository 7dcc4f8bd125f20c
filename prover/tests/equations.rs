//! The adjoint check on a circuit with every kind of linear equation: each has a power of `τ` of
//! its own, and each is needed.
//!
//! Sums are computed here from every cell, so that cells can be forged which no honest prover would
//! make: factors, sealed columns.

mod support;

use std::collections::BTreeMap;
use std::ops::Range;

use ff::Field;
use pasta_curves::Fp;
use support::everything::{CONTRACTION, COPY, Everything, HADAMARD, NARROW, PRODUCT, WIDE};
use zkinfer_prover::ProveError;
use zkinfer_verifier::adjoint::{Adjoint, backward};
use zkinfer_verifier::challenges::{Challenge, LinearChallenges};
use zkinfer_verifier::circuit::place::{Piece, Run};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{Rejection, Statement, Value};

const RHO: u64 = 0x9E37_79B9;
const SIGMA: u64 = 0x7F4A_7C15;
/// So small that its powers tell the exponent.
const TAU: u64 = 3;

fn challenges(tau: u64) -> LinearChallenges {
    LinearChallenges {
        rho: Challenge::new(Fp::from(RHO)),
        sigma: Challenge::new(Fp::from(SIGMA)),
        tau: Challenge::new(Fp::from(tau)),
    }
}

fn adjoint(desk: &Everything, statement: &Statement, tau: u64) -> Adjoint {
    backward(&desk.key, statement, challenges(tau))
}

/// `κ` of every column, those of sealed weights last.
fn kappa(desk: &Everything, adjoint: &Adjoint) -> Vec<Vec<Fp>> {
    let layout = desk.key.layout();
    let mut kappa = adjoint.kappa.clone();
    kappa.resize(layout.columns(), vec![Fp::ZERO; layout.usable]);
    for (sheet, cotangent) in layout.weight_sheets().zip(&adjoint.weights) {
        for Piece { column, rows, elements } in sheet.pieces() {
            for (row, element) in rows.zip(elements) {
                let taps = cotangent.taps.len();
                kappa[column][row] =
                    cotangent.units[element / taps] * cotangent.taps[element % taps];
            }
        }
    }
    kappa
}

/// `Σ κ·cell + Σ π·u·v` less what it must be.
fn excess(desk: &Everything, statement: &Statement, cells: &[Vec<Fp>]) -> Fp {
    let adjoint = adjoint(desk, statement, TAU);
    let kappa = kappa(desk, &adjoint);
    let multiplied: Vec<usize> = desk.key.layout().multiplied_columns().collect();
    let factors =
        multiplied.as_chunks::<2>().0.iter().map(|pair| pair.map(|column| &cells[column]));
    let linear = kappa
        .iter()
        .zip(cells)
        .flat_map(|(kappa, cells)| kappa.iter().zip(cells))
        .map(|(kappa, cell)| *kappa * cell);
    let products = factors.zip(&adjoint.separators);
    let products =
        products.flat_map(|([u, v], pi)| u.iter().zip(v).zip(pi)).map(|((u, v), pi)| *u * v * pi);
    linear.sum::<Fp>() + products.sum::<Fp>() - adjoint.target
}

fn honest(desk: &Everything) -> Vec<Vec<Fp>> {
    desk.cells(challenges(TAU))
}

/// A run's cells in its column `offset`, as columns and rows.
fn places(desk: &Everything, run: &Run, offset: usize) -> Vec<(usize, usize)> {
    let cells = |piece: Piece| piece.rows.map(move |row| (piece.column, row));
    desk.key.layout().pieces(run, offset).flat_map(cells).collect()
}

fn result(desk: &Everything, node: usize, offset: usize) -> Vec<(usize, usize)> {
    let cells = desk.key.layout().nodes[node].as_ref().expect("a node with cells");
    places(desk, cells.result.as_ref().expect("a result"), offset)
}

fn limb(desk: &Everything, node: usize) -> (usize, usize) {
    places(desk, &desk.key.layout().nodes[node].as_ref().expect("a node with cells").limbs[0], 0)[0]
}

fn sheet(desk: &Everything, role: Role) -> Range<usize> {
    desk.key.layout().sheet(role).expect("a sheet").columns.clone()
}

#[test]
fn every_cell_counts() {
    let desk = Everything::new();
    let cells = honest(&desk);
    assert_eq!(excess(&desk, &desk.statement, &cells), Fp::ZERO);
    let layout = desk.key.layout();
    let runs = layout
        .runs()
        .flat_map(|run| (0..run.lane.width()).flat_map(|offset| places(&desk, run, offset)));
    let sheets = layout.sheets.iter().flat_map(|sheet| sheet.pieces());
    let sheets = sheets.flat_map(|piece| piece.rows.map(move |row| (piece.column, row)));
    let kappa = kappa(&desk, &adjoint(&desk, &desk.statement, TAU));
    // The side of the wide form is in lookups only.
    let free = result(&desk, WIDE, 1);
    for (column, row) in runs.chain(sheets) {
        let counts = kappa[column][row] != Fp::ZERO;
        assert_eq!(counts, !free.contains(&(column, row)), "column {column}, row {row}");
    }
    for (tensor, value) in desk.statement.outputs.iter().enumerate() {
        for element in 0..value.integers().len() {
            let mut statement = desk.statement.clone();
            statement.outputs[tensor].integers_mut().expect("a public output")[element] ^= 1;
            assert_ne!(
                excess(&desk, &statement, &cells),
                Fp::ZERO,
                "output {tensor}, element {element}"
            );
        }
    }
}

#[test]
fn no_two_equations_share_a_power_of_tau() {
    // What one equation alone is off by grows with its power of τ: from τ to 2τ by 2^e. At the
    // first row and column nothing else depends on τ.
    let desk = Everything::new();
    let off = |tau: u64| {
        let adjoint = adjoint(&desk, &desk.statement, tau);
        let kappa = kappa(&desk, &adjoint);
        let at = |(column, row): (usize, usize)| kappa[column][row];
        let mut off = vec![
            ("sealed input".to_owned(), kappa[sheet(&desk, Role::Input(0)).start][0]),
            ("sealed output".to_owned(), kappa[sheet(&desk, Role::Output(0)).start][0]),
            ("wide".to_owned(), at(limb(&desk, WIDE))),
            ("narrow".to_owned(), at(limb(&desk, NARROW))),
            (
                "gap".to_owned(),
                at(places(&desk, &desk.key.layout().outputs[2].as_ref().unwrap().limbs[0], 0)[0]),
            ),
            (
                "copy".to_owned(),
                at(result(&desk, COPY, 0)[0]) + at(limb(&desk, WIDE)) + at(limb(&desk, NARROW)),
            ),
        ];
        for (offset, name) in ["left", "right"].into_iter().enumerate() {
            off.push((format!("{name} operand"), at(result(&desk, HADAMARD, offset)[0])));
        }
        for (node, name) in [(CONTRACTION, "contraction"), (PRODUCT, "product")] {
            let (u, v) = (result(&desk, node, 0), result(&desk, node, 1));
            off.extend(
                u.iter().enumerate().map(|(t, place)| (format!("u {t} of {name}"), at(*place))),
            );
            off.extend(
                v.iter().enumerate().map(|(t, place)| (format!("v {t} of {name}"), at(*place))),
            );
        }
        // A public output has no cell: the equation is off by its integer.
        for output in [1, 3] {
            let mut statement = desk.statement.clone();
            statement.outputs[output].integers_mut().expect("a public output")[0] += 1;
            let other = backward(&desk.key, &statement, challenges(tau));
            off.push((format!("public output {output}"), other.target - adjoint.target));
        }
        off
    };
    let (once, twice) = (off(TAU), off(2 * TAU));
    let exponents = |ratio: Fp| (1..=once.len() as u64).find(|&e| Fp::from(2).pow([e]) == ratio);
    let mut owners = BTreeMap::new();
    for ((name, once), (_, twice)) in once.iter().zip(&twice) {
        let inverse =
            Option::<Fp>::from(once.invert()).unwrap_or_else(|| panic!("{name}: no equation"));
        let exponent = exponents(*twice * inverse)
            .unwrap_or_else(|| panic!("{name}: not a power of τ of its own"));
        let other = owners.insert(exponent, name);
        assert_eq!(other, None, "{name} shares τ^{exponent}");
    }
    assert_eq!(owners.len(), 8 + 2 + 2 * (130 + 122), "every equation was met");
}

#[test]
fn factors_that_keep_their_product_and_bind_one_side_only() {
    let desk = Everything::new();
    let cells = honest(&desk);
    for node in [CONTRACTION, PRODUCT, HADAMARD] {
        let (u, v) = (result(&desk, node, 0), result(&desk, node, 1));
        let value = |(column, row): (usize, usize)| cells[column][row];
        let forge = |what: &str, change: &dyn Fn(&mut Vec<Vec<Fp>>)| {
            let mut forged = cells.clone();
            change(&mut forged);
            let products = |cells: &[Vec<Fp>]| {
                u.iter().zip(&v).map(|(u, v)| cells[u.0][u.1] * cells[v.0][v.1]).sum::<Fp>()
            };
            assert!(
                forged != cells && products(&forged) == products(&cells),
                "node {node}: {what} keep the product"
            );
            assert_ne!(excess(&desk, &desk.statement, &forged), Fp::ZERO, "node {node}: {what}");
        };
        // Only the equations of u see the first, only those of v the second; with powers in common
        // neither would see the third.
        forge("two of u", &|cells| {
            cells[u[0].0][u[0].1] += value(v[1]);
            cells[u[1].0][u[1].1] -= value(v[0]);
        });
        forge("two of v", &|cells| {
            cells[v[0].0][v[0].1] += value(u[1]);
            cells[v[1].0][v[1].1] -= value(u[0]);
        });
        forge("u and v in each other's place", &|cells| {
            cells[u[5].0][u[5].1] = value(v[5]);
            cells[v[5].0][v[5].1] = value(u[5]);
        });
    }
}

#[test]
fn a_copy_of_another_value() {
    // All that reads the copy agrees with it: its own equation alone is violated.
    let mut desk = Everything::new();
    let mut cells = honest(&desk);
    let limbs = [WIDE, NARROW].map(|node| limb(&desk, node));
    let places: Vec<(usize, usize)> =
        [result(&desk, COPY, 0)[0]].into_iter().chain(limbs).collect();
    assert!(
        limbs.iter().all(|&(column, row)| desk.columns[column][row] < 15),
        "there is room for the forgery"
    );
    places.iter().for_each(|&(column, row)| cells[column][row] += Fp::ONE);
    assert_ne!(excess(&desk, &desk.statement, &cells), Fp::ZERO);
    places.iter().for_each(|&(column, row)| desk.columns[column][row] += 1);
    let (refusal, verdict) = desk.verdicts();
    assert!(matches!(refusal, ProveError::Linear), "{refusal}");
    assert_eq!(verdict, Err(Rejection::Opening));
}

#[test]
fn sealed_inputs_and_outputs_of_other_integers() {
    for place in 0..2 {
        let mut desk = Everything::new();
        let mut other = desk.sealed[place].clone();
        other[1] += if other[1] > 0 { -1 } else { 1 };
        desk.reseal(place, other);
        let (refusal, verdict) = desk.verdicts();
        assert!(matches!(refusal, ProveError::Linear), "{refusal}");
        assert_eq!(verdict, Err(Rejection::Opening));
    }
}

#[test]
fn a_sealed_tensor_with_more_or_fewer_commitments() {
    let desk = Everything::new();
    let proof = desk.prove(1);
    let change = |commitments: &dyn Fn(&mut Vec<[u8; 32]>)| {
        let mut forged = proof.clone();
        let Value::Sealed(list) = &mut forged.statement.inputs[0] else { panic!("a sealed input") };
        commitments(list);
        desk.verify(&forged)
    };
    let refused = |got| Err(Rejection::TensorCommitments { name: "x".into(), expected: 2, got });
    assert_eq!(change(&|_| {}), Ok(()));
    assert_eq!(change(&|list| list.push(list[0])), refused(3));
    assert_eq!(change(&|list| list.truncate(1)), refused(1));
    assert_eq!(change(&Vec::clear), refused(0));
}
