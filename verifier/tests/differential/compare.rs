//! The adjoint pass by transposing all equations term by term, compared with the verifier's entry
//! by entry.

use std::collections::BTreeSet;

use ff::Field;
use pasta_curves::Fp;
use zkinfer_verifier::Statement;
use zkinfer_verifier::adjoint::Adjoint;
use zkinfer_verifier::challenges::LinearChallenges;
use zkinfer_verifier::circuit::description::Operator;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::field::multilinear::weights;

use crate::equations::{Equation, Form, Network, Variable, add, places};

/// The combination of all equations: their transpose, applied to the cotangents, term by term.
pub fn transpose(
    equations: &[Equation],
    LinearChallenges { rho, sigma, tau }: LinearChallenges,
) -> Form {
    let mut total = Form::new();
    let mut used = BTreeSet::new();
    let power = |base: Fp, exponent: u64| base.pow_vartime([exponent]);
    for Equation { exponent, row, column, form, .. } in equations {
        assert!(used.insert((*exponent, *row, *column)), "two equations share a monomial");
        add(
            &mut total,
            power(*tau, *exponent) * power(*rho, *row as u64) * power(*sigma, *column as u64),
            form,
        );
    }
    total
}

/// Compares the pass with the combination of all equations, entry by entry.
pub fn compare(
    network: &Network<'_>,
    statement: &Statement,
    total: &Form,
    adjoint: &Adjoint,
    challenges: LinearChallenges,
) {
    let (key, layout) = (network.key, network.key.layout());
    let coefficient = |variable| total.get(&variable).copied().unwrap_or(Fp::ZERO);
    let cell = |column, row| coefficient(Variable::Cell((column, row)));

    assert_eq!(adjoint.kappa.len(), layout.factor_columns().end);
    for (column, kappa) in adjoint.kappa.iter().enumerate() {
        let expected: Vec<Fp> = (0..layout.usable).map(|row| cell(column, row)).collect();
        assert_eq!(kappa, &expected, "column {column} of kappa");
    }

    let sheets = layout.weight_sheets();
    assert_eq!(layout.weight_sheets().count(), adjoint.weights.len());
    // Coordinates that have nothing to do with each other.
    let point: Vec<Fp> = (0..u64::from(key.description().k))
        .map(|coordinate| challenges.tau.pow_vartime([7 * coordinate * coordinate + 3]))
        .collect();
    let basis = weights(&point);
    for (sheet, cotangent) in sheets.zip(&adjoint.weights) {
        let length = sheet.tensor.elements() / sheet.tensor.shape[0];
        for (element, (column, row)) in
            places(sheet.pieces(), sheet.tensor.elements()).into_iter().enumerate()
        {
            let kappa = cotangent.units[element / length] * cotangent.taps[element % length];
            assert_eq!(kappa, cell(column, row), "weight {element} of {:?}", sheet.role);
        }
        let evaluate =
            |column| basis.iter().enumerate().map(|(row, basis)| *basis * cell(column, row)).sum();
        let expected: Vec<Fp> = sheet.columns.clone().map(evaluate).collect();
        assert_eq!(cotangent.evaluate(sheet, &point), expected, "columns of {:?}", sheet.role);
    }

    // An element of a product of elements takes part with its cotangent, which is `π` on its row.
    let multiplied: Vec<usize> = layout.multiplied_columns().collect();
    let pair = |column| multiplied.iter().position(|&other| other == column).unwrap() / 2;
    let mut separators = vec![vec![Fp::ZERO; layout.usable]; multiplied.len() / 2];
    let nodes = key.description().nodes.iter().enumerate();
    for (id, _) in nodes.filter(|(_, node)| matches!(node.operator, Operator::Hadamard(_))) {
        for (element, (column, row)) in network.cells(id, 0).into_iter().enumerate() {
            separators[pair(column)][row] = coefficient(Variable::Bilinear { node: id, element });
        }
    }

    // A bilinear node takes part with one multiple of `ρ^row·σ^column`, which is `π` on its rows.
    for id in key.description().bilinear() {
        let separator = coefficient(Variable::Bilinear { node: id, element: 0 });
        let columns = network.columns(id);
        for element in 0..network.nodes[id].len() {
            let [row, column] =
                [element / columns, element % columns].map(|exponent| [exponent as u64]);
            let expected =
                separator * challenges.rho.pow_vartime(row) * challenges.sigma.pow_vartime(column);
            assert_eq!(
                coefficient(Variable::Bilinear { node: id, element }),
                expected,
                "{} has no rank one",
                key.description().nodes[id].name
            );
        }
        for (column, row) in network.cells(id, 0) {
            separators[pair(column)][row] = separator;
        }
    }
    assert_eq!(adjoint.separators, separators);

    let public = total.iter().map(|(variable, coefficient)| match variable {
        Variable::One => *coefficient,
        Variable::Public { input, element } => {
            *coefficient * integer(statement.inputs[*input].integers()[*element])
        }
        _ => Fp::ZERO,
    });
    assert_eq!(adjoint.target, -public.sum::<Fp>(), "target");
}
