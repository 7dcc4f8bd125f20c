//! Checks of Softmax and Normalise: what makes their integers unique in a circuit, and that nothing
//! overflows on the way.

use super::arithmetic::{accumulator, requantised};
use super::site::{Bounds, Site, expect_count};
use crate::integer::graph::{MAX_TABLE, Requantise, Ties, mark};

/// Most bits of the numerator of a reciprocal.
const MAX_NUMERATOR: u32 = 60;

/// The length of a row.
fn columns(site: &Site<'_>) -> Result<i64, String> {
    site.expect_shape(site.shape(0))?;
    let columns = site.node.shape.last().ok_or("reads a scalar")?;
    i64::try_from(*columns).map_err(|_| "rows of too many elements".into())
}

fn rescaling(requantise: &Requantise) -> Result<Bounds, String> {
    if requantise.ties != Ties::Up {
        return Err("halves that do not go up".into());
    }
    if requantise.shift > 60 {
        return Err(format!("shift {} is above 60", requantise.shift));
    }
    requantised(requantise)
}

pub(super) fn softmax(
    site: &Site<'_>,
    shift: u32,
    exponentials: &[i64],
    reciprocal_bits: u32,
    visible: &[bool],
    requantise: &Requantise,
) -> Result<Bounds, String> {
    let columns = columns(site)?;
    let mark = mark(columns as usize);
    if shift > 60 {
        return Err(format!("drops {shift} bits of its input, more than 60"));
    }
    if !visible.is_empty() {
        let [.., rows, columns] = site.node.shape[..] else {
            return Err("a mask of what is no matrix".into());
        };
        expect_count("flags of what is seen", visible.len(), rows.checked_mul(columns))?;
        if let Some(row) = visible.chunks(columns).position(|row| !row.contains(&true)) {
            return Err(format!("row {row} sees nothing"));
        }
    }
    let Some((&first, others)) = exponentials.split_first() else {
        return Err("a table of 0 entries".into());
    };
    if exponentials.len() > MAX_TABLE {
        return Err(format!("a table of {} entries", exponentials.len()));
    }
    // Which is at least 1 then.
    if first % mark != 1 || others.iter().any(|&e| e < 0 || e % mark != 0) {
        return Err(format!(
            "exponentials that are no multiples of {mark}, the first of them with 1 added"
        ));
    }
    let largest = exponentials.iter().copied().max().unwrap_or(first);
    let most = i128::from(largest) * i128::from(columns);
    if reciprocal_bits > MAX_NUMERATOR || most > 1 << reciprocal_bits {
        return Err(format!(
            "sums of exponentials up to {most}, whose reciprocal has {reciprocal_bits} bits"
        ));
    }
    // A circuit has one of N times the largest, negative, for a score beyond the largest, and takes
    // the reciprocal for as large as its bits allow.
    accumulator(
        (most * i128::from(mark))
            .checked_mul(2 * ((1i128 << reciprocal_bits) / i128::from(first) + 1)),
    )?;
    // The score of a row moved up, and its range times 2.
    let bounds = site.bounds(0);
    let size = i128::from(bounds.minimum).abs().max(i128::from(bounds.maximum).abs());
    accumulator(Some(4 * (size + (1i128 << shift))))?;
    rescaling(requantise)
}

pub(super) fn normalise(
    site: &Site<'_>,
    centred: bool,
    multiplier: i64,
    epsilon: i64,
    reciprocal_bits: u32,
    requantise: &Requantise,
) -> Result<Bounds, String> {
    let columns = i128::from(columns(site)?);
    if multiplier < 1 {
        return Err(format!("multiplier {multiplier} is not positive"));
    }
    if epsilon < 1 {
        return Err(format!("epsilon {epsilon} is not positive"));
    }
    let bounds = site.bounds(0);
    // A circuit sees N·x and Σ x apart.
    let size = match centred {
        true => {
            2 * columns * i128::from(bounds.minimum).abs().max(i128::from(bounds.maximum).abs())
        }
        false => site.deviation(0),
    };
    let element = accumulator(size.checked_mul(multiplier.into()))?;
    let squares =
        i128::from(element).checked_mul(element.into()).and_then(|c| c.checked_mul(columns));
    let squares = accumulator(squares.and_then(|sum| sum.checked_add(epsilon.into())))?;
    // Four times a root squared: what its bits allow.
    accumulator(Some(4 * i128::from(squares)))?;
    if reciprocal_bits > MAX_NUMERATOR {
        return Err(format!("a reciprocal of {reciprocal_bits} bits"));
    }
    let reciprocal = 2 * ((1i128 << reciprocal_bits) / i128::from(epsilon.isqrt()) + 1);
    // As much as an element times it, for no element is beyond the root.
    accumulator(reciprocal.checked_mul(2 * i128::from(squares.isqrt())))?;
    rescaling(requantise)
}
