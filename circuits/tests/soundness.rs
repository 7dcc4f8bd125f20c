//! Forged witnesses: each known way to cheat, and the constraint that catches it, by name.
//!
//! Where a forgery can be made consistent with every other constraint it is, so that the named
//! check is the only one that fails: remove it and the test fails.

mod common;

use common::forgery::{Forgery, LIMB_BITS, layer};
use common::{After, Net, Noise, circuit, names, public};
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::Witness;
use zkinfer_circuits::judge::{StockCircuit, challenges, mock_prove, shown};
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::description;
use zkinfer_verifier::field::integer;

const END: &str = "adjoint sum end";

#[track_caller]
fn assert_caught(claim: &Forgery, expected: &[&str]) {
    let caught = claim.caught_by();
    let matches = |(caught, expected): (&String, &&str)| {
        caught == expected || caught.ends_with(&format!(": {expected}"))
    };
    assert!(
        caught.len() == expected.len() && caught.iter().zip(expected).all(matches),
        "{caught:?}, expected {expected:?}"
    );
}

// Remainders.

#[test]
fn a_limb_that_is_off_within_its_range() {
    let mut claim = Forgery::narrow();
    *claim.limb(0, 1) ^= 1;
    assert_caught(&claim, &[END]);
}

#[test]
fn a_quotient_off_by_one_with_the_remainder_compensated() {
    // x = 2^s·q + r = 2^s·(q − 1) + (r + 2^s): only the width of the top limb forbids it.
    for direction in [-1, 1] {
        let mut claim = Forgery::narrow();
        *claim.limb(1, 2) -= direction << LIMB_BITS;
        *claim.lane(0, 2) += direction;
        *claim.lane(1, 2) += direction;
        *claim.output(2) += direction;
        assert_caught(&claim, &["limb"]);
    }
}

#[test]
fn a_highest_limb_longer_than_what_is_left_for_it() {
    // 10 bits in limbs of 4, 7 or 16: the highest has 2, 3 or all of them, and one more would be a
    // limb of another width.
    for limb_bits in [4, 7, 16] {
        let graph = layer(After::Int8 { shift: 10, zero_point: 1 });
        let inputs = vec![vec![3, -50, 40, 9]];
        let mut claim = Forgery::new(circuit(&graph, 9, limb_bits, u64::MAX), inputs);
        let highest = claim.cells().limbs.len() - 1;
        *claim.limb(highest, 2) += 1 << (10 - highest as u32 * limb_bits);
        *claim.lane(0, 2) -= 1;
        *claim.lane(1, 2) -= 1;
        *claim.output(2) -= 1;
        assert_caught(&claim, &["limb"]);
    }
}

#[test]
fn a_carry_between_limbs() {
    let mut claim = Forgery::narrow();
    *claim.limb(0, 0) += 1 << LIMB_BITS;
    *claim.limb(1, 0) -= 1;
    let caught = claim.caught_by();
    assert!(!caught.is_empty() && caught.iter().all(|name| name.ends_with(": limb")), "{caught:?}");
}

#[test]
fn a_remainder_as_a_field_fraction() {
    // Modulo p, x = l₀ + 2^w·l₁ + 2^s·q has solutions for any q; limbs or quotient are then no
    // small integers.
    let claim = Forgery::narrow();
    let cells = claim.cells();
    let honest: Vec<Vec<Fp>> = claim
        .witness
        .columns
        .iter()
        .map(|column| column.iter().map(|&cell| integer(cell)).collect())
        .collect();
    let inverse = |bits: u32| Fp::from(1u64 << bits).invert().unwrap();
    let quotient = claim.place(cells.result.as_ref().unwrap(), 0, 0);
    let limbs = [0, 1].map(|limb| claim.place(&cells.limbs[limb], 0, 0));
    let verdict = |forged: Vec<Vec<Fp>>| {
        names(
            StockCircuit::claim(&claim.key, &shown(&claim.key, &claim.witness), forged)
                .mock_prove(),
        )
    };

    // l₀ one larger than it is, l₁ smaller by 2^−w.
    let mut forged = honest.clone();
    let step =
        if claim.witness.columns[limbs[0].0][limbs[0].1] == 0 { Fp::one() } else { -Fp::one() };
    forged[limbs[0].0][limbs[0].1] += step;
    forged[limbs[1].0][limbs[1].1] -= step * inverse(LIMB_BITS);
    let caught = verdict(forged);
    assert!(caught.len() == 1 && caught[0].ends_with(": limb"), "{caught:?}");

    // The same against the quotient: smaller by 2^−s.
    let mut forged = honest;
    forged[limbs[0].0][limbs[0].1] += step;
    forged[quotient.0][quotient.1] -= step * inverse(2 * LIMB_BITS);
    let caught = verdict(forged);
    assert!(caught.len() == 1 && caught[0].ends_with(": pair (quotient, result)"), "{caught:?}");
}

// Functions.

#[test]
fn a_result_that_is_not_the_functions() {
    let mut claim = Forgery::narrow();
    *claim.lane(1, 0) += 1;
    *claim.output(0) += 1;
    assert_caught(&claim, &["pair (quotient, result)"]);
}

#[test]
fn a_result_that_the_next_layer_does_not_read() {
    // Quotient and result agree with each other, and with nothing else.
    let mut claim = Forgery::narrow();
    *claim.lane(0, 0) += 1;
    *claim.lane(1, 0) += 1;
    assert_caught(&claim, &[END]);
}

#[test]
fn a_row_of_another_functions_table() {
    // Two functions of the same accumulators: only the tag tells their tables apart.
    let mut net = Net::new("two tables", &[(&[1, 4], 0)]);
    let shift = LIMB_BITS;
    let a = net.linear(&mut Noise(22), 0, 2, After::Int8 { shift, zero_point: 0 });
    let b = net.linear(&mut Noise(22), 0, 2, After::Table { shift, zero_point: 0 });
    net.output(a);
    let graph = net.finish(b);
    for price in [u64::MAX, 0] {
        let mut claim = Forgery::new(circuit(&graph, 8, LIMB_BITS, price), vec![vec![1, -2, 3, 4]]);
        let [first, second] = [0, 1].map(|output| claim.witness.outputs[output][0]);
        assert_ne!(first, second);
        // The first function's row as the second's.
        let runs: Vec<_> = claim
            .key
            .layout()
            .nodes
            .iter()
            .flatten()
            .map(|cells| cells.result.clone().unwrap())
            .collect();
        for offset in 0..runs[0].lane.width() {
            let from = claim.place(&runs[0], offset, 0);
            let to = claim.place(&runs[1], offset, 0);
            claim.witness.columns[to.0][to.1] = claim.witness.columns[from.0][from.1];
        }
        claim.witness.outputs[1][0] = first;
        let caught = claim.caught_by();
        let lookup =
            if price == 0 { ": clamp (side, low, result)" } else { ": pair (quotient, result)" };
        assert!(caught.iter().any(|name| name.ends_with(lookup)), "{caught:?}");
        // The wide quotients are split by different radices, so the sum notices too.
        assert!(
            caught.iter().all(|name| name.ends_with(lookup) || (price == 0 && name == END)),
            "{caught:?}"
        );
    }
}

// The wide form.

#[test]
fn a_wrong_side() {
    // Inside declared as above: the low table admits it with its last entry; only (high, side) does
    // not.
    let mut claim = Forgery::wide();
    let element = (0..3).find(|&element| *claim.lane(1, element) == 0).expect("an element inside");
    *claim.lane(1, element) = 1;
    *claim.lane(3, element) = 127;
    *claim.output(element) = 127;
    assert_caught(&claim, &["clamp (high, side)"]);
}

#[test]
fn a_wrong_high_part() {
    let mut claim = Forgery::wide();
    let element = (0..3).find(|&element| *claim.lane(1, element) == 0).expect("an element inside");
    // One radix too many, side and result to match.
    *claim.lane(0, element) = 1;
    *claim.lane(1, element) = 1;
    *claim.lane(3, element) = 127;
    *claim.output(element) = 127;
    assert_caught(&claim, &[END]);
}

#[test]
fn a_low_part_outside_the_radix() {
    // high·R + low = (high − 1)·R + (low + R), side and result to match.
    let mut claim = Forgery::wide();
    let element = (0..3).find(|&element| *claim.lane(1, element) == 0).expect("an element inside");
    *claim.lane(0, element) -= 1;
    *claim.lane(1, element) = -1;
    *claim.lane(2, element) += 256;
    *claim.lane(3, element) = -128;
    *claim.output(element) = -128;
    assert_caught(&claim, &["clamp (side, low, result)"]);
}

#[test]
fn a_result_that_the_side_does_not_select() {
    let mut claim = Forgery::wide();
    *claim.lane(3, 0) -= 1;
    *claim.output(0) -= 1;
    assert_caught(&claim, &["clamp (side, low, result)"]);
}

// Maxima.

#[test]
fn a_maximum_that_is_none_of_the_elements() {
    let mut net = Net::new("max", &[(&[1, 1, 1, 2], 0)]);
    let y = net.max_pool(0, common::window([1, 2], [1, 1], [0; 4]));
    let graph = net.finish(y);
    for inputs in [vec![vec![5, 9]], vec![vec![9, 5]]] {
        for step in [-1, 1] {
            // The result one off, the rise to match.
            let mut claim = Forgery::new(circuit(&graph, 10, LIMB_BITS, u64::MAX), inputs.clone());
            *claim.lane(1, 0) += step;
            *claim.output(0) += step;
            assert_caught(&claim, &["pair (quotient, result)"]);
            // And with the difference to match too.
            let mut claim = Forgery::new(circuit(&graph, 10, LIMB_BITS, u64::MAX), inputs.clone());
            *claim.lane(0, 0) += step;
            *claim.lane(1, 0) = (*claim.lane(0, 0)).max(0);
            *claim.output(0) += step;
            let caught = claim.caught_by();
            assert!(caught.contains(&END.to_string()), "{caught:?}");
        }
    }
}

// ArgMax.

#[test]
fn an_index_of_another_element() {
    for (select_last, honest) in [(false, 1), (true, 2)] {
        let mut net = Net::new("argmax", &[(&[1, 4], 0)]);
        let y = net.argmax(0, 1, select_last, &[1]);
        let graph = net.finish(y);
        let values = vec![-3, 8, 8, 7];
        for index in (0..4).filter(|&index| index != honest) {
            let mut claim = Forgery::new(circuit(&graph, 8, 9, 0), vec![values.clone()]);
            assert_eq!(claim.witness.outputs[0], [honest]);
            claim.witness.outputs[0][0] = index;
            // The honest gaps do not fit another index.
            assert_caught(&claim, &[END]);
            // Its own gaps: one is negative, no limb says that.
            let cells = claim.key.layout().outputs[0].clone().unwrap();
            assert_eq!(cells.limbs.len(), 1);
            for j in 0..4 {
                let ahead = if select_last { j > index } else { j < index };
                let (column, row) = claim.place(&cells.limbs[0], 0, j as usize);
                claim.witness.columns[column][row] =
                    values[index as usize] - values[j as usize] - i64::from(ahead);
            }
            assert_caught(&claim, &["limb"]);
        }
    }
}

// Rows that no operator owns.

#[test]
fn a_padding_row_that_holds_a_tuple() {
    let claims = [Forgery::narrow(), Forgery::wide()];
    for claim in &claims {
        for column in 0..claim.key.layout().columns() {
            let mut columns = claim.witness.columns.clone();
            let row = claim.key.layout().usable - 1;
            assert_eq!(columns[column][row], 0, "the last row is padding");
            columns[column][row] = 1;
            let verdict = mock_prove(&claim.key, &Witness { columns, ..claim.witness.clone() });
            let failures = verdict.unwrap_err();
            assert!(
                failures
                    .iter()
                    .all(|failure| failure.check.starts_with("lookup") && failure.row == Some(row)),
                "{failures:?}"
            );
        }
    }
}

#[test]
fn a_valid_tuple_on_a_padding_row() {
    // Valid for the operator above it, but the row has tag 0.
    let mut claim = Forgery::narrow();
    let (quotient, result) = (*claim.lane(0, 0), *claim.lane(1, 0));
    let (column, row) = claim.place(&claim.cells().result.unwrap(), 0, 2);
    claim.witness.columns[column][row + 1] = quotient;
    claim.witness.columns[column + 1][row + 1] = result;
    assert_caught(&claim, &["pair (quotient, result)"]);
}

#[test]
fn a_cell_outside_every_range() {
    for value in [1 << 40, -(1 << 40)] {
        let honest = Forgery::wide();
        for column in 0..honest.key.layout().columns() {
            let mut claim = Forgery { key: honest.key.clone(), witness: honest.witness.clone() };
            claim.witness.columns[column][0] = value;
            let caught = claim.caught_by();
            assert!(caught.iter().any(|name| name.starts_with("lookup")), "{caught:?}");
        }
    }
}

// The statement.

#[test]
fn another_public_input() {
    let mut claim = Forgery::narrow();
    claim.witness.inputs[0][2] += 1;
    assert_caught(&claim, &[END]);
}

#[test]
fn another_public_output() {
    let mut claim = Forgery::narrow();
    *claim.output(1) += 1;
    assert_caught(&claim, &[END]);
}

#[test]
fn outputs_that_trade_places() {
    let mut claim = Forgery::narrow();
    claim.witness.outputs[0].swap(0, 2);
    assert_caught(&claim, &[END]);
}

#[test]
fn public_integers_outside_their_declared_ranges() {
    let mut claim = Forgery::narrow();
    claim.witness.inputs[0][0] = 128;
    assert_eq!(
        claim.caught_by(),
        ["statement: \"x0\": element 0 is 128, declared range -128..=127"]
    );
    let mut claim = Forgery::narrow();
    *claim.output(0) = 128;
    assert_eq!(
        claim.caught_by(),
        ["statement: \"y0\": element 0 is 128, declared range -128..=127"]
    );
}

// The running sum.

#[test]
fn a_running_sum_that_does_not_follow_the_cells() {
    let mut claim = Forgery::narrow();
    *claim.output(0) += 1;
    let stock = StockCircuit::new(&claim.key, &claim.witness);
    let usable = claim.key.layout().usable;
    let target = stock.instance().pop().unwrap()[usable];

    // The right sum at the boundary, reached by a jump in the last step.
    let mut forged = stock.clone();
    forged.running_sum_mut()[usable] = target;
    let failures = forged.mock_prove().unwrap_err();
    assert!(
        failures.iter().all(|f| f.check == "adjoint sum step" && f.row == Some(usable - 1)),
        "{failures:?}"
    );

    // A jump in the middle.
    let mut forged = stock.clone();
    let missing = target - forged.running_sum_mut()[usable];
    forged.running_sum_mut()[10..].iter_mut().for_each(|sum| *sum += missing);
    let failures = forged.mock_prove().unwrap_err();
    assert!(
        failures.iter().all(|f| f.check == "adjoint sum step" && f.row == Some(9)),
        "{failures:?}"
    );

    // A sum that does not start at zero.
    let mut forged = stock.clone();
    forged.running_sum_mut().iter_mut().for_each(|sum| *sum += missing);
    let failures = forged.mock_prove().unwrap_err();
    assert!(
        failures.iter().all(|f| f.check == "adjoint sum start" && f.row == Some(0)),
        "{failures:?}"
    );
}

#[test]
fn the_judges_own_challenges_depend_on_everything_claimed() {
    let claim = Forgery::narrow();
    let cells: Vec<Vec<Fp>> = claim
        .witness
        .columns
        .iter()
        .map(|column| column.iter().map(|&cell| integer(cell)).collect())
        .collect();
    let honest = challenges(&claim.key, &shown(&claim.key, &claim.witness), &cells);
    let differs = |other: zkinfer_verifier::challenges::LinearChallenges| {
        assert!(honest.rho != other.rho && honest.sigma != other.sigma && honest.tau != other.tau);
    };
    let (rho, sigma, tau): (Fp, Fp, Fp) = (*honest.rho, *honest.sigma, *honest.tau);
    assert!(rho != sigma && sigma != tau && rho != tau);
    let mut other = cells.clone();
    other.last_mut().unwrap()[0] += Fp::one();
    differs(challenges(&claim.key, &shown(&claim.key, &claim.witness), &other));
    let mut statement = shown(&claim.key, &claim.witness);
    public(&mut statement.outputs[0])[2] += 1;
    differs(challenges(&claim.key, &statement, &cells));
    let mut statement = shown(&claim.key, &claim.witness);
    public(&mut statement.inputs[0])[0] += 1;
    differs(challenges(&claim.key, &statement, &cells));
    differs(challenges(&Forgery::wide().key, &shown(&claim.key, &claim.witness), &cells));
}

#[test]
fn weights_are_bound() {
    // The same cells under a key whose weights differ in one bit.
    let claim = Forgery::narrow();
    let mut description = claim.key.description().clone();
    let weights = description.nodes.iter_mut().find_map(|node| match &mut node.operator {
        description::Operator::Contract(contract) => Some(&mut contract.weights),
        _ => None,
    });
    let Some(description::Weights::Public(weights)) = weights else {
        unreachable!("public weights")
    };
    weights[1] ^= 1;
    let key = VerifyingKey::new(description).unwrap();
    assert_caught(&Forgery { key, witness: claim.witness }, &[END]);
}
