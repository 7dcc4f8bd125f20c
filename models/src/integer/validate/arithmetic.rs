//! Checks of the operators that compute: parameter counts, tables, and the magnitude of every
//! accumulator.

use super::site::{ACCUMULATOR_LIMIT, Bounds, Last, Site, expect_count, is_activation};
use crate::integer::graph::{
    Function, Integers, MAX_BIAS, MAX_TABLE, MAX_WEIGHT, Operator, Requantise, Ties, Weights,
    Window,
};
use crate::tensor::window::{element_count, with_plane};

pub(super) fn check(site: &Site<'_>) -> Result<Bounds, String> {
    match &site.node.operator {
        Operator::Convolution { window, groups, weights, bias, multipliers, requantise } => {
            let terms = convolution_terms(site, window, *groups, bias.len())?;
            channels(site, weights, terms, bias, multipliers, requantise.as_ref())
        }
        Operator::Linear { weights, bias, multipliers, requantise } => {
            let shape = site.shape(0);
            let Some((&terms, rows)) = shape.split_last() else {
                return Err("reads a scalar".into());
            };
            site.expect_shape(&[rows, &[bias.len()]].concat())?;
            channels(site, weights, terms, bias, multipliers, requantise.as_ref())
        }
        Operator::Sum { multipliers, constant, requantise } => {
            sum(site, multipliers, constant, requantise.as_ref())
        }
        Operator::AveragePool { window, multipliers, requantise } => {
            average(site, window, multipliers, requantise.as_ref())
        }
        Operator::MatMul { multiplier, requantise } => {
            mat_mul(site, *multiplier, requantise.as_ref())
        }
        Operator::Activation(function) => {
            site.expect_shape(site.shape(0))?;
            table(function)
        }
        other => Err(format!("{} does not compute", other.name())),
    }
}

/// Checks a convolution's geometry; gives the number of weights of one output channel.
fn convolution_terms(
    site: &Site<'_>,
    window: &Window,
    groups: usize,
    channels: usize,
) -> Result<usize, String> {
    let shape = site.shape(0);
    let (_, output) = site.planes(window)?;
    // No groups divide nothing: there is at least one channel.
    let divides = |count: usize| count.is_multiple_of(groups);
    if !divides(shape[1]) || !divides(channels) {
        return Err(format!(
            "{groups} groups do not divide {} input and {channels} output channels",
            shape[1]
        ));
    }
    site.expect_shape(&with_plane(shape, channels, output))?;
    element_count(&[shape[1] / groups, window.kernel[0], window.kernel[1]])
        .ok_or_else(|| "too many weights".into())
}

/// The weights of a layer with so many channels. Those of another one are that one's own.
fn weights<'a>(
    site: &Site<'a>,
    weights: &'a Weights,
    channels: usize,
) -> Result<&'a Integers, String> {
    let Some(owner) = weights.owner() else { return Ok(site.graph.weights(weights)) };
    // Values are computed in the order of nodes, so a node has a bound once it has been checked.
    let earlier = owner < site.bounds.len() - site.graph.inputs.len();
    let node = site.graph.nodes.get(owner).filter(|_| earlier);
    let Some(node) = node else {
        return Err(format!("reads the weights of node {owner}, which is not before it"));
    };
    match node.operator.weights() {
        Some((Weights::Own(weights), rows)) if rows == channels => Ok(weights),
        Some((Weights::Own(_), rows)) => Err(format!(
            "reads the weights of {:?}, which are {rows} rows, expected {channels}",
            node.name
        )),
        _ => Err(format!("reads the weights of {:?}, which has none of its own", node.name)),
    }
}

/// Convolution and Linear: one row of `terms` weights, one bias and one multiplier per channel.
fn channels(
    site: &Site<'_>,
    weights: &Weights,
    terms: usize,
    bias: &[i64],
    multipliers: &[i64],
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    let weights = self::weights(site, weights, bias.len())?;
    expect_count("weights", weights.len(), element_count(&[bias.len(), terms]))?;
    expect_count("multipliers", multipliers.len(), Some(bias.len()))?;
    let deviation = site.deviation(0);
    let mut limit = 0;
    for (channel, row) in weights.rows(terms).enumerate() {
        let (mut weight, mut largest) = (0i128, 0);
        for one in row {
            weight += i128::from(one.unsigned_abs());
            largest = if one.unsigned_abs() > i32::unsigned_abs(largest) { one } else { largest };
        }
        if largest.unsigned_abs() > MAX_WEIGHT.unsigned_abs() {
            let weight = largest;
            return Err(format!(
                "weight {weight} of channel {channel} is larger than {MAX_WEIGHT}"
            ));
        }
        let multiplier = multipliers[channel];
        if multiplier < 1 {
            return Err(format!("multiplier {multiplier} of channel {channel} is not positive"));
        }
        if bias[channel].unsigned_abs() > MAX_BIAS.unsigned_abs() {
            return Err(format!(
                "bias {} of channel {channel} is larger than {MAX_BIAS}",
                bias[channel]
            ));
        }
        let sum = weight * deviation + i128::from(bias[channel]).abs();
        limit = limit.max(accumulator(i128::from(multiplier).checked_mul(sum))?);
    }
    rescaled(site, limit, requantise)
}

/// The product of two stacks of matrices, of as many terms as the first has columns.
fn mat_mul(
    site: &Site<'_>,
    multiplier: i64,
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    let (left, right) = (site.shape(0), site.shape(1));
    let ([batches @ .., rows, terms], [others @ .., inner, columns]) = (left, right) else {
        return Err(format!("multiplies shapes {left:?} and {right:?}, which are no matrices"));
    };
    if batches != others || terms != inner {
        return Err(format!("multiplies shapes {left:?} and {right:?}, which do not fit"));
    }
    site.expect_shape(&[batches, &[*rows, *columns]].concat())?;
    if multiplier < 1 {
        return Err(format!("multiplier {multiplier} is not positive"));
    }
    // Elements of 16 bits, at most 2^26 of them: 58 bits.
    let sum = site.deviation(0) * site.deviation(1) * i128::from(*terms as u64);
    let limit = accumulator(i128::from(multiplier).checked_mul(sum))?;
    rescaled(site, limit, requantise)
}

fn sum(
    site: &Site<'_>,
    multipliers: &[i64],
    constant: &[i64],
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    let inputs = site.node.inputs.len();
    expect_count("multipliers", multipliers.len(), Some(inputs))?;
    if !constant.is_empty() {
        expect_count("constants", constant.len(), element_count(&site.node.shape))?;
    }
    let largest = constant.iter().map(|&c| i128::from(c).abs()).max();
    let mut limit = Some(largest.unwrap_or(0));
    for (input, &multiplier) in multipliers.iter().enumerate() {
        site.expect_shape(site.shape(input))?;
        let term = i128::from(multiplier).abs().checked_mul(site.deviation(input));
        limit = limit.zip(term).and_then(|(limit, term)| limit.checked_add(term));
    }
    rescaled(site, accumulator(limit)?, requantise)
}

fn average(
    site: &Site<'_>,
    window: &Window,
    multipliers: &[i64],
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    let shape = site.shape(0);
    let (input, output) = site.planes(window)?;
    site.expect_shape(&with_plane(shape, shape[1], output))?;
    expect_count("multipliers", multipliers.len(), element_count(&output))?;
    if let Some(multiplier) = multipliers.iter().find(|&&multiplier| multiplier < 1) {
        return Err(format!("multiplier {multiplier} is not positive"));
    }
    let largest = multipliers.iter().copied().max().unwrap_or(0);
    // A window reads each element of the plane at most once.
    let taps = i128::from((input[0] * input[1]) as u64);
    let limit = accumulator(i128::from(largest).checked_mul(taps * site.deviation(0)))?;
    rescaled(site, limit, requantise)
}

/// Checks the magnitude of an accumulator (`None`: beyond 128 bits) and gives it back in 64 bits.
pub(super) fn accumulator(magnitude: Option<i128>) -> Result<i64, String> {
    magnitude
        .filter(|&magnitude| magnitude < ACCUMULATOR_LIMIT)
        .and_then(|magnitude| i64::try_from(magnitude).ok())
        .ok_or_else(|| "its accumulator can reach 2^62".into())
}

/// What becomes of an accumulator of at most this size.
pub(super) fn rescaled(
    site: &Site<'_>,
    limit: i64,
    requantise: Option<&Requantise>,
) -> Result<Bounds, String> {
    requantise.map_or_else(|| site.raw(limit), requantised)
}

pub(super) fn requantised(requantise: &Requantise) -> Result<Bounds, String> {
    if requantise.shift > 62 {
        return Err(format!("shift {} is above 62", requantise.shift));
    }
    if let Ties::Even { slack } = requantise.ties
        && (slack < 0
            || (slack > 0
                && slack.checked_mul(4).is_none_or(|slack| slack >> requantise.shift != 0)))
    {
        return Err(format!("a slack of {slack} with shift {}", requantise.shift));
    }
    let zero_point = requantise.zero_point;
    if !is_activation(zero_point) {
        return Err(format!("zero point {zero_point} has more than 16 bits"));
    }
    table(&requantise.function)
}

fn table(function: &Function) -> Result<Bounds, String> {
    let begin = function.minimum;
    if begin.unsigned_abs() > 1 << 32 {
        return Err(format!("a table that begins at {begin}"));
    }
    table_length(&function.values)?;
    entries(&function.values)
}

pub(super) fn table_length(values: &[i64]) -> Result<(), String> {
    let fits = (1..=MAX_TABLE).contains(&values.len());
    fits.then_some(()).ok_or_else(|| format!("a table of {} entries", values.len()))
}

/// What known integers range over.
pub(super) fn entries(values: &[i64]) -> Result<Bounds, String> {
    let bounds = Bounds {
        minimum: values.iter().copied().min().unwrap_or(0),
        maximum: values.iter().copied().max().unwrap_or(0),
        last: Last::No,
    };
    if is_activation(bounds.minimum) && is_activation(bounds.maximum) {
        return Ok(bounds);
    }
    Err("entries of more than 16 bits".into())
}
