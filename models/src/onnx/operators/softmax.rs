//! A softmax between two grids of the file: what is computed in between has grids that its
//! definition gives, so nothing is calibrated.
//!
//! With `d = max − x`, whole steps of the input's grid, the result is `e^−(d + ln Σ e^−d)`. The
//! powers are between 0 and 1, their sum over `n` numbers between 1 and `n`.

use super::reduce::{Reduction, over};
use crate::float::activation::{Activation, Plain};
use crate::float::graph::Operator;
use crate::integer::graph::{Quantisation, ValueId};
use crate::integer::signature::Grid;
use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// Most numbers that are normalised together: the sum has 16 bits, and its rounding is felt where a
/// single number makes it.
const MOST: usize = 256;
/// Beyond `e^−16` no grid of 16 bits has anything but zero.
const FAR: f64 = 16.0;

pub(super) fn between_grids<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    grid: Grid,
    reduced: &[bool],
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let lengths = shape.iter().zip(reduced).filter(|&(_, &reduced)| reduced);
    let count: usize = lengths.map(|(&length, _)| length).product();
    if count > MOST {
        return Err(Stop::Because(format!(
            "it normalises {count} quantised numbers together, expected at most {MOST} in the \
            middle of a network; leave it out of `op_types_to_quantize`"
        )));
    }
    let unsigned = |scale: f64, maximum: i64| Grid {
        quantisation: Quantisation { scale, zero_point: 0 },
        minimum: 0,
        maximum,
    };
    let fine = |reach: f64| unsigned(reach / 65_535.0, 65_535);
    let sum = || Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
    let power = Activation::Exponential { base: (-1f32).exp() };

    let largest = over(importer, call, input, reduced, Reduction::Max)?;
    let largest = importer.expand(call, largest, &shape)?;
    let difference = Operator::Add { subtract: vec![false, true], constant: Vec::new() };
    let below = importer.push(call, difference, vec![largest, input], shape.clone())?;
    let steps = unsigned(grid.quantisation.scale, grid.maximum - grid.minimum);
    let below = importer.quantise(call, below, steps)?;
    let powers = importer.activate(call, below, power.clone())?;
    let powers = importer.quantise(call, powers, fine(1.0))?;
    let total = over(importer, call, powers, reduced, Reduction::Sum)?;
    let total = importer.quantise(call, total, fine(count as f64))?;
    let logarithm = importer.activate(call, total, Activation::Plain(Plain::Log))?;
    let logarithm = importer.quantise(call, logarithm, fine((count.max(2) as f64).ln()))?;
    let logarithm = importer.expand(call, logarithm, &shape)?;
    let exponent = importer.push(call, sum(), vec![below, logarithm], shape)?;
    let exponent = importer.quantise(call, exponent, fine(FAR))?;
    importer.activate(call, exponent, power)
}
