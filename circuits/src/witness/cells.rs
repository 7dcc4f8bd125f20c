//! The cells of requantisations and ArgMaxes.

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::description::{Form, Function, Requantise};
use zkinfer_verifier::circuit::facts::Facts;
use zkinfer_verifier::circuit::limbs::{gap_bits, limb_widths};
use zkinfer_verifier::circuit::place::Cells;

/// The function of a requantisation.
fn function<'k>(key: &'k VerifyingKey, requantise: &Requantise) -> &'k Function {
    &key.description().functions[requantise.function]
}

/// The values of a requantisation.
pub(super) fn results(key: &VerifyingKey, requantise: &Requantise, input: &[i64]) -> Vec<i64> {
    let function = function(key, requantise);
    input.iter().map(|x| function.apply(x >> requantise.shift)).collect()
}

/// Fills the cells of a requantisation with these results.
pub(super) fn requantise(
    key: &VerifyingKey,
    node: usize,
    requantise: &Requantise,
    input: &[i64],
    results: &[i64],
    columns: &mut [Vec<i64>],
) {
    let function = function(key, requantise);
    let quotients: Vec<i64> = input.iter().map(|x| x >> requantise.shift).collect();
    let layout = key.layout();
    let Some(cells) = &layout.nodes[node] else { return };
    limbs(key, cells, requantise.shift, input, columns);
    let Some(run) = &cells.result else { return };
    match requantise.form {
        Form::Narrow => layout.add(columns, run, 0, &quotients),
        Form::Plain => {}
        Form::Wide => {
            let offsets = quotients.iter().map(|quotient| quotient - function.minimum);
            let low: Vec<i64> =
                offsets.clone().map(|offset| offset.rem_euclid(function.radix())).collect();
            let high: Vec<i64> =
                offsets.map(|offset| offset.div_euclid(function.radix())).collect();
            let side: Vec<i64> = high.iter().map(|high| high.signum()).collect();
            layout.add(columns, run, 0, &high);
            layout.add(columns, run, 1, &side);
            layout.add(columns, run, 2, &low);
        }
    }
    layout.add(columns, run, run.lane.result(), results);
}

/// Fills the limbs of the lowest `bits` bits of `values`.
fn limbs(key: &VerifyingKey, cells: &Cells, bits: u32, values: &[i64], columns: &mut [Vec<i64>]) {
    let width = key.description().limb_bits;
    let places = (0u32..).step_by(width as usize).zip(limb_widths(bits, width));
    for ((shift, width), run) in places.zip(&cells.limbs) {
        let limb: Vec<i64> =
            values.iter().map(|value| (value >> shift) & ((1 << width) - 1)).collect();
        key.layout().add(columns, run, 0, &limb);
    }
}

/// What an ArgMax compares.
pub(super) struct Comparison<'a> {
    pub(super) values: &'a [i64],
    /// Shape and interval.
    pub(super) facts: &'a Facts,
    pub(super) axis: usize,
    pub(super) select_last: bool,
}

/// Fills the limbs of every gap `x[index] − x[j] − [j wins ties against index]` and returns the
/// indices.
pub(super) fn arg_max(
    key: &VerifyingKey,
    output: usize,
    comparison: Comparison<'_>,
    columns: &mut [Vec<i64>],
) -> Vec<i64> {
    let Comparison { values, facts: Facts { shape, interval, .. }, axis, select_last } = comparison;
    let size = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    let mut gaps = vec![0; values.len()];
    let mut indices = Vec::with_capacity(values.len() / size);
    for group in 0..values.len() / size {
        let at = |j: usize| (group / inner * size + j) * inner + group % inner;
        let wins = |j: usize, best: usize| match select_last {
            true => values[at(j)] >= values[at(best)],
            false => values[at(j)] > values[at(best)],
        };
        let index = (1..size).fold(0, |best, j| if wins(j, best) { j } else { best });
        for j in 0..size {
            let ahead = if select_last { j > index } else { j < index };
            gaps[at(j)] = values[at(index)] - values[at(j)] - i64::from(ahead);
        }
        indices.push(index as i64);
    }
    if let Some(cells) = &key.layout().outputs[output] {
        limbs(key, cells, gap_bits(*interval), &gaps, columns);
    }
    indices
}
