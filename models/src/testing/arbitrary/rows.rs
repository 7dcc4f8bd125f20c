//! Random operators on rows.

use crate::integer::graph::{Operator, Requantise, Ties, mark};
use crate::testing::random::Random;

/// A softmax with exponentials in no order, over all or some of the elements, that divides scores
/// by at least so many bits.
pub(super) fn softmax(
    shape: &[usize],
    least: u32,
    requantise: Requantise,
    random: &mut Random,
) -> Operator {
    let columns = shape.last().copied().unwrap_or(1);
    let rows = shape.iter().rev().nth(1).copied().unwrap_or(1);
    let mark = mark(columns);
    let entries = 1 + random.below(40);
    let exponentials = (0..entries).map(|entry| match entry {
        0 => mark * random.between(1, 4000) + 1,
        _ => mark * random.between(0, 4000),
    });
    let exponentials: Vec<i64> = exponentials.collect();
    let most = exponentials.iter().max().map_or(1, |most| most * columns as i64);
    let reciprocal_bits = 64 - most.leading_zeros() + random.below(6) as u32;
    let mut visible = Vec::new();
    if shape.len() > 1 && random.below(2) == 0 {
        visible = (0..rows * columns).map(|_| random.below(2) == 0).collect();
        visible.chunks_mut(columns).for_each(|row| row[random.below(columns)] = true);
    }
    let shift = random.below(12) as u32;
    let shift = if random.below(2) == 0 { least } else { shift.max(least) };
    let ties = Ties::Up;
    let requantise = Requantise { ties, shift: reciprocal_bits.saturating_sub(8), ..requantise };
    Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise }
}

/// A normalisation of integers between these, if its squares fit.
pub(super) fn normalise(
    shape: &[usize],
    [least, most]: [i64; 2],
    zero_point: i64,
    requantise: Requantise,
    random: &mut Random,
) -> Option<Operator> {
    let columns = shape.last().copied().unwrap_or(1) as i64;
    let centred = random.below(2) == 0;
    let multiplier = random.between(1, 4);
    let size = match centred {
        true => 2 * columns * least.abs().max(most.abs()),
        false => (least - zero_point).abs().max((most - zero_point).abs()),
    };
    if multiplier * size > 1 << 27 {
        return None;
    }
    let epsilon = random.between(1, 5000);
    let requantise = Requantise { ties: Ties::Up, shift: 12, ..requantise };
    Some(Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits: 20, requantise })
}
