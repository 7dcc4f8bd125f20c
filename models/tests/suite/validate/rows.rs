//! Softmax and Normalise: every rule by itself.

use super::*;

/// A softmax of rows of 3, whose mark is 8.
fn softmax() -> Operator {
    Operator::Softmax {
        shift: 0,
        exponentials: vec![8 * 512 + 1, 8 * 100, 0],
        reciprocal_bits: 24,
        visible: Vec::new(),
        requantise: requantise(),
    }
}

fn normalise() -> Operator {
    Operator::Normalise {
        centred: true,
        multiplier: 3,
        epsilon: 100,
        reciprocal_bits: 24,
        requantise: requantise(),
    }
}

/// The operator over int8 of shape `[2, 3]`.
fn over(operator: Operator) -> Net {
    Net::of(&[2, 3]).node(operator, &[0], &[2, 3])
}

#[test]
fn softmax_rules() {
    let changed = |change: fn(&mut u32, &mut Vec<i64>, &mut u32, &mut Vec<bool>)| {
        let Operator::Softmax {
            mut shift,
            mut exponentials,
            mut reciprocal_bits,
            mut visible,
            requantise,
        } = softmax()
        else {
            unreachable!()
        };
        change(&mut shift, &mut exponentials, &mut reciprocal_bits, &mut visible);
        over(Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise })
    };
    over(softmax()).holds();
    Net::of(&[]).node(softmax(), &[0], &[]).fails("reads a scalar");
    Net::of(&[2, 3])
        .node(softmax(), &[0], &[3, 2])
        .fails("its operator gives shape [2, 3], but shape [3, 2] is declared");
    changed(|shift, _, _, _| *shift = 59).holds();
    changed(|shift, _, _, _| *shift = 61).fails("drops 61 bits of its input, more than 60");
    changed(|shift, _, _, _| *shift = 60).fails(REACHES);
    let entries = "exponentials that are no multiples of 8, the first of them with 1 added";
    changed(|_, e, _, _| e[0] -= 1).fails(entries);
    changed(|_, e, _, _| e[0] = -7).fails(entries);
    changed(|_, e, _, _| e[1] += 1).fails(entries);
    changed(|_, e, _, _| e[1] = -8).fails(entries);
    changed(|_, e, _, _| e.clear()).fails("a table of 0 entries");
    changed(|_, e, _, _| e.resize(65_536, 0)).holds();
    changed(|_, e, _, _| e.resize(65_537, 0)).fails("a table of 65537 entries");
    // Three times the largest exponential is 12,291: 14 bits.
    changed(|_, _, bits, _| *bits = 14).holds();
    changed(|_, _, bits, _| *bits = 13)
        .fails("sums of exponentials up to 12291, whose reciprocal has 13 bits");
    changed(|_, _, bits, _| *bits = 56).holds();
    changed(|_, _, bits, _| *bits = 57).fails(REACHES);
    changed(|_, _, bits, _| *bits = 61)
        .fails("sums of exponentials up to 12291, whose reciprocal has 61 bits");
    changed(|_, _, _, visible| *visible = vec![true, false, true, false, true, false]).holds();
    changed(|_, _, _, visible| *visible = vec![true; 5])
        .fails("5 flags of what is seen, expected 6");
    changed(|_, _, _, visible| *visible = vec![true, true, true, false, false, false])
        .fails("row 1 sees nothing");
    let mut flat = softmax();
    if let Operator::Softmax { visible, .. } = &mut flat {
        *visible = vec![true; 3];
    }
    Net::of(&[3]).node(flat, &[0], &[3]).fails("a mask of what is no matrix");
}

#[test]
fn normalise_rules() {
    let changed = |change: fn(&mut bool, &mut i64, &mut i64, &mut u32)| {
        let Operator::Normalise {
            mut centred,
            mut multiplier,
            mut epsilon,
            mut reciprocal_bits,
            requantise,
        } = normalise()
        else {
            unreachable!()
        };
        change(&mut centred, &mut multiplier, &mut epsilon, &mut reciprocal_bits);
        over(Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits, requantise })
    };
    over(normalise()).holds();
    Net::of(&[]).node(normalise(), &[0], &[]).fails("reads a scalar");
    changed(|_, m, _, _| *m = 0).fails("multiplier 0 is not positive");
    changed(|_, _, e, _| *e = 0).fails("epsilon 0 is not positive");
    changed(|_, _, e, _| *e = 1).holds();
    // An element is at most 6·128·m in size: three squares of it stay below 2^60.
    changed(|_, m, _, bits| (*m, *bits) = (807_144, 12)).holds();
    changed(|_, m, _, bits| (*m, *bits) = (807_199, 12)).fails(REACHES);
    // Without the mean one of 128·m.
    changed(|c, m, _, bits| (*c, *m, *bits) = (false, 4_842_870, 12)).holds();
    changed(|c, m, _, bits| (*c, *m, *bits) = (false, 4_843_200, 12)).fails(REACHES);
    changed(|_, _, e, _| *e = 1 << 60).fails(REACHES);
    changed(|_, _, _, bits| *bits = 61).fails("a reciprocal of 61 bits");
    // A reciprocal of at most 2^bits / 10, times roots of at most 3990.
    changed(|_, _, _, bits| *bits = 51).holds();
    changed(|_, _, _, bits| *bits = 52).fails(REACHES);
}

#[test]
fn both_round_halves_up_within_sixty_bits() {
    for operator in [softmax(), normalise()] {
        let rescaled = |change: fn(&mut Requantise, u32), by: u32| {
            let mut operator = operator.clone();
            let (Operator::Softmax { requantise, .. } | Operator::Normalise { requantise, .. }) =
                &mut operator
            else {
                unreachable!()
            };
            change(requantise, by);
            over(operator)
        };
        rescaled(|requantise, by| requantise.shift = by, 60).holds();
        rescaled(|requantise, by| requantise.shift = by, 61).fails("shift 61 is above 60");
        rescaled(|requantise, _| requantise.ties = Ties::Even { slack: 0 }, 0)
            .fails("halves that do not go up");
        rescaled(|requantise, _| requantise.zero_point = 65_536, 0)
            .fails("zero point 65536 has more than 16 bits");
    }
}

#[test]
fn both_read_accumulators() {
    for operator in [softmax(), normalise()] {
        Net::of(&[2, 3])
            .node(
                Operator::Linear {
                    weights: vec![1; 9].into(),
                    bias: vec![0; 3],
                    multipliers: vec![1; 3],
                    requantise: None,
                },
                &[0],
                &[2, 3],
            )
            .node(operator, &[1], &[2, 3])
            .holds();
    }
}
