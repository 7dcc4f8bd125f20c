//! Checks of the operators that compute: parameter counts, tables, and the magnitude of every accumulator.

use super::{ACCUMULATOR_LIMIT, Bounds, Context, Last, expect_count};
use crate::quantised::{Function, Operator, Requantise, Window};
use crate::rounding::{INT8_MAX, INT8_MIN};
use crate::window::{element_count, with_plane};

pub(super) fn check(context: &Context<'_>) -> Result<Bounds, String> {
    match &context.node.operator {
        Operator::Convolution { window, groups, weights, bias, multipliers, requantise } => {
            let terms = convolution_terms(context, window, *groups, bias.len())?;
            channels(context, weights, terms, bias, multipliers, requantise.as_ref())
        }
        Operator::Linear { weights, bias, multipliers, requantise } => {
            let shape = context.shape(0);
            let Some((&terms, rows)) = shape.split_last() else {
                return Err("reads a scalar".into());
            };
            context.expect_shape(&[rows, &[bias.len()]].concat())?;
            channels(context, weights, terms, bias, multipliers, requantise.as_ref())
        }
        Operator::Sum { multipliers, constant, requantise } => sum(context, multipliers, constant, requantise),
        Operator::AveragePool { window, multipliers, requantise } => average(context, window, multipliers, requantise),
        Operator::Activation(function) => {
            context.expect_shape(context.shape(0))?;
            table(function)
        }
        other => Err(format!("{} does not compute", other.name())),
    }
}

/// Checks a convolution's geometry; gives the number of weights of one output channel.
fn convolution_terms(context: &Context<'_>, window: &Window, groups: usize, channels: usize) -> Result<usize, String> {
    let shape = context.shape(0);
    let (_, output) = context.planes(window)?;
    let divides = |count: usize| groups != 0 && count.is_multiple_of(groups);
    if !divides(shape[1]) || !divides(channels) {
        return Err(format!("{groups} groups do not divide {} input and {channels} output channels", shape[1]));
    }
    context.expect_shape(&with_plane(shape, channels, output))?;
    element_count(&[shape[1] / groups, window.kernel[0], window.kernel[1]]).ok_or_else(|| "too many weights".into())
}

/// Convolution and Linear: one row of `terms` weights, one bias and one multiplier per channel.
fn channels(
    context: &Context<'_>,
    weights: &[i8],
    terms: usize,
    bias: &[i32],
    multipliers: &[i64],
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    expect_count("weights", weights.len(), element_count(&[bias.len(), terms]))?;
    expect_count("multipliers", multipliers.len(), Some(bias.len()))?;
    let deviation = context.deviation(0);
    let mut limit = 0;
    for (channel, row) in weights.chunks(terms).enumerate() {
        if row.contains(&i8::MIN) {
            return Err(format!("a weight of channel {channel} is below −127"));
        }
        let multiplier = multipliers[channel];
        if multiplier < 1 {
            return Err(format!("multiplier {multiplier} of channel {channel} is not positive"));
        }
        let weight: i128 = row.iter().map(|&w| i128::from(w).abs()).sum();
        let sum = weight * deviation + i128::from(bias[channel]).abs();
        limit = limit.max(accumulator(i128::from(multiplier).checked_mul(sum))?);
    }
    match requantise {
        Some(requantise) => requantised(requantise),
        None if context.node.quantisation.zero_point != 0 => {
            Err("an accumulator that is not requantised needs zero point 0".into())
        }
        None => Ok(Bounds { minimum: -limit, maximum: limit, last: Last::Accumulator }),
    }
}

fn sum(
    context: &Context<'_>,
    multipliers: &[i64],
    constant: &[i64],
    requantise: &Requantise,
) -> Result<Bounds, String> {
    let inputs = context.node.inputs.len();
    expect_count("multipliers", multipliers.len(), Some(inputs))?;
    if !constant.is_empty() {
        expect_count("constants", constant.len(), element_count(&context.node.shape))?;
    }
    let largest = constant.iter().map(|&c| i128::from(c).abs()).max();
    let mut limit = Some(largest.unwrap_or(0));
    for (input, &multiplier) in multipliers.iter().enumerate() {
        context.expect_shape(context.shape(input))?;
        let term = i128::from(multiplier).abs().checked_mul(context.deviation(input));
        limit = limit.zip(term).and_then(|(limit, term)| limit.checked_add(term));
    }
    accumulator(limit)?;
    requantised(requantise)
}

fn average(
    context: &Context<'_>,
    window: &Window,
    multipliers: &[i64],
    requantise: &Requantise,
) -> Result<Bounds, String> {
    let shape = context.shape(0);
    let (input, output) = context.planes(window)?;
    context.expect_shape(&with_plane(shape, shape[1], output))?;
    expect_count("multipliers", multipliers.len(), element_count(&output))?;
    if let Some(multiplier) = multipliers.iter().find(|&&multiplier| multiplier < 1) {
        return Err(format!("multiplier {multiplier} is not positive"));
    }
    let largest = multipliers.iter().copied().max().unwrap_or(0);
    // A window reads each element of the plane at most once.
    let taps = i128::from((input[0] * input[1]) as u64);
    accumulator(i128::from(largest).checked_mul(taps * context.deviation(0)))?;
    requantised(requantise)
}

/// Checks the magnitude of an accumulator (`None`: beyond 128 bits) and gives it back in 64 bits.
fn accumulator(magnitude: Option<i128>) -> Result<i64, String> {
    magnitude
        .filter(|&magnitude| magnitude < ACCUMULATOR_LIMIT)
        .and_then(|magnitude| i64::try_from(magnitude).ok())
        .ok_or_else(|| "its accumulator can reach 2^62".into())
}

fn requantised(requantise: &Requantise) -> Result<Bounds, String> {
    if requantise.shift > 62 {
        return Err(format!("shift {} is above 62", requantise.shift));
    }
    let zero_point = requantise.zero_point;
    if !(INT8_MIN..=INT8_MAX).contains(&zero_point) {
        return Err(format!("zero point {zero_point} is not int8"));
    }
    table(&requantise.function)
}

fn table(function: &Function) -> Result<Bounds, String> {
    let entries = function.values.len();
    let begin = function.minimum;
    if !(1..=256).contains(&entries) || !(INT8_MIN..=INT8_MAX).contains(&begin) {
        return Err(format!("a table of {entries} entries from {begin}"));
    }
    let bounds = Bounds {
        minimum: function.values.iter().copied().min().unwrap_or(0),
        maximum: function.values.iter().copied().max().unwrap_or(0),
        last: Last::No,
    };
    if bounds.minimum < INT8_MIN || bounds.maximum > INT8_MAX {
        return Err("a table with entries that are not int8".into());
    }
    Ok(bounds)
}
