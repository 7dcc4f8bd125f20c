//! Softmax and Normalise: the bits of their numbers, so that only what they read and the steps of
//! their results are felt. `docs/quantisation.md` derives the bounds.

use super::emit::Quantiser;
use super::room::{LIMIT, room};
use super::scale;
use crate::float::rows::exponential_bits;
use crate::integer::graph::{
    Function, Graph, MAX_TABLE, Operator, Quantisation, Requantise, Ties, ValueId, mark,
};
use crate::integer::rows::quotients;
use crate::integer::signature::Grid;

/// Scores are read in as many bits behind the point as a result has, less one, and no more than
/// these: the slope of a softmax is a quarter at most, and their exponentials are a table.
const SCORE_BITS: u32 = 10;
/// Bits that reciprocals and roots have beyond those of the result.
const BEYOND: u32 = 4;
/// Bits that the reciprocal of a row's root has at least, where one element is as large as there
/// are.
const ROOT_BITS: u32 = 10;
/// Bits of the widest results.
const WIDEST: u32 = 16;
/// Bits of the reciprocal of a row with all that a circuit counts in it.
const COUNTED: u32 = 60;

impl Quantiser<'_> {
    /// The softmax of rows of a value.
    pub(super) fn softmax(
        &mut self,
        index: usize,
        visible: &[bool],
        input: ValueId,
    ) -> (Operator, Grid) {
        let result = self.choices.bits(self.float.result(index));
        let columns = self.graph.shape(input).last().copied().unwrap_or(1);
        let [low, high] = self.ends(input);
        let scale = self.grids[input].quantisation.scale;
        let fine = power((result - 1).min(SCORE_BITS)).recip();
        let shift = (0..40).rev().find(|&shift| scale * power(shift) <= fine).unwrap_or(0);
        let step = scale * power(shift);
        let mark = mark(columns);
        let log = mark.trailing_zeros();
        let bits = exponential_bits(columns);
        // From there on they are rounded to nothing.
        let reach = (f64::from(bits + 1) * std::f64::consts::LN_2 / step).ceil() as usize;
        let span = ((high >> shift) - (low >> shift)) as usize;
        let entries = reach.min(span).min(MAX_TABLE - 1) + 1;
        let exponential = |distance: usize| {
            let exact = power(bits) * (-(distance as f64) * step).exp();
            mark * exact.round() as i64 + i64::from(distance == 0)
        };
        let exponentials: Vec<i64> = (0..entries).map(exponential).collect();
        let reciprocal_bits = (log + bits + 1 + result + BEYOND).min(COUNTED - 2 * log);
        // 1 itself is a result, unless it would be one of more than 16 bits.
        let last = (1i64 << result) - i64::from(result == WIDEST);
        let zero_point = -(1i64 << result) / 2;
        let quantisation = Quantisation { scale: power(result).recip(), zero_point };
        let grid = Grid {
            quantisation,
            minimum: quantisation.zero_point,
            maximum: quantisation.zero_point + last,
        };
        let requantise = requantise(reciprocal_bits.saturating_sub(result), grid);
        let visible = visible.to_vec();
        (Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise }, grid)
    }

    /// Rows of a value divided by the root of their mean square.
    pub(super) fn normalise(
        &mut self,
        index: usize,
        (centred, epsilon, factor): (bool, f64, f64),
        input: &mut ValueId,
    ) -> (Operator, Grid) {
        *input = self.narrow_enough(index, *input, centred);
        let input = *input;
        let result = self.choices.bits(self.float.result(index));
        // One bit more than the result shall have: steps are powers of two of a number.
        let side = 1i64 << result.min(15);
        let finer = result + BEYOND;
        let columns = self.graph.shape(input).last().copied().unwrap_or(1) as f64;
        let [low, high] = self.ends(input);
        let Quantisation { scale, zero_point } = self.grids[input].quantisation;
        // What one step of the input is in `c`, and the largest there can be.
        let (unit, size) = match centred {
            true => (columns, 2.0 * columns * (low.abs().max(high.abs())) as f64),
            false => (1.0, (low - zero_point).abs().max((high - zero_point).abs()) as f64),
        };
        let rooms = (LIMIT / columns).sqrt() / size.max(1.0);
        let multiplier =
            (power(finer) / (unit * columns.sqrt())).ceil().min(rooms.floor()).max(1.0);
        let most = multiplier * size.max(1.0) * columns.sqrt();
        let unit = multiplier * unit / scale;
        let epsilon = (unit * unit * columns * epsilon).round().clamp(1.0, LIMIT / 2.0);
        let wanted = most.log2().ceil() + f64::from(finer);
        // Products of elements and roots with the largest reciprocal fit 62 bits.
        let fits = |epsilon: f64| (LIMIT * epsilon.sqrt().floor() / most).log2().floor();
        // The largest rows have all their elements at an end; with one there, a root is so long.
        let least = (most / columns.sqrt()).log2().ceil() + f64::from(ROOT_BITS);
        // Where nothing keeps a row from being small, as much as leaves these does.
        let epsilon = match fits(epsilon) < least.min(wanted) {
            true => epsilon.max((most * (least + 1.0 - LIMIT.log2()).exp2()).powi(2).ceil()),
            false => epsilon,
        };
        let reciprocal_bits = wanted.min(fits(epsilon)).clamp(1.0, 60.0) as u32;
        // `c·r/2^reciprocal_bits` is the normalised number divided by √N.
        let whole = factor * columns.sqrt();
        let range = self.choices.range(self.float.result(index));
        let reach = f64::from(range.maximum.max(-range.minimum));
        let reach = if reach > 0.0 { reach } else { whole };
        let bits = (whole * (side - 1) as f64 / reach).log2().floor();
        let bits = bits.clamp(0.0, f64::from(reciprocal_bits)) as u32;
        let quantisation = Quantisation { scale: whole / power(bits), zero_point: 0 };
        let (multiplier, epsilon) = (multiplier as i64, epsilon as i64);
        let operator = |grid| {
            let requantise = requantise(reciprocal_bits - bits, grid);
            Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits, requantise }
        };
        let saturated = Grid { quantisation, minimum: -side, maximum: side - 1 };
        // What no row goes beyond takes no saturation, which a circuit would have to show.
        match quotients(&operator(saturated)) {
            Some([minimum, maximum]) if (maximum - minimum) < MAX_TABLE as i64 => {
                let whole = Grid { quantisation, minimum, maximum };
                (operator(whole), whole)
            }
            _ => (operator(saturated), saturated),
        }
    }

    /// A value in as many bits as the sum of squares of its rows has room for.
    fn narrow_enough(&mut self, index: usize, input: ValueId, centred: bool) -> ValueId {
        let columns = self.graph.shape(input).last().copied().unwrap_or(1);
        let room = room(columns, centred);
        let grid = self.grids[input];
        let zero = if centred { 0 } else { grid.quantisation.zero_point };
        let [low, high] = [grid.minimum, grid.maximum].map(|end| (end - zero).abs());
        if low.max(high) as f64 <= room {
            return input;
        }
        // A zero point may be at either end.
        let size = |bits: u32| if centred { power(bits - 1) } else { power(bits) };
        let bits = (2..16).rev().find(|&bits| size(bits) <= room).unwrap_or(2);
        let narrow = scale::activation(scale::span(grid), bits);
        let name = format!("{}/narrow", self.float.nodes[index].name);
        self.rescale(&name, input, narrow)
    }

    /// The integers that a value can be, raw ones included.
    fn ends(&self, value: ValueId) -> [i64; 2] {
        let Grid { minimum, maximum, .. } = self.grids[value];
        if minimum < maximum {
            return [minimum, maximum];
        }
        let reach = raw_reach(&self.graph, &self.grids, value);
        [-reach, reach]
    }
}

/// The largest size of a raw product of matrices, wherever it was moved.
fn raw_reach(graph: &Graph, grids: &[Grid], value: ValueId) -> i64 {
    let mut value = value;
    while let Some(node) = value.checked_sub(graph.inputs.len()).map(|index| &graph.nodes[index]) {
        match (&node.operator, node.inputs.as_slice()) {
            (Operator::MatMul { multiplier, requantise: None }, &[left, right]) => {
                let deviation = |value: ValueId| {
                    let Grid { quantisation, minimum, maximum } = grids[value];
                    let zero = quantisation.zero_point;
                    (minimum - zero).abs().max((maximum - zero).abs())
                };
                let terms = graph.shape(left).last().map_or(1, |&terms| terms as i64);
                let product = deviation(left).saturating_mul(deviation(right));
                return product.saturating_mul(terms).saturating_mul(*multiplier);
            }
            (_, &[input]) => value = input,
            _ => return 0,
        }
    }
    0
}

fn requantise(shift: u32, grid: Grid) -> Requantise {
    let function = Function::clamp(grid.minimum, grid.maximum);
    Requantise { shift, ties: Ties::Up, zero_point: grid.quantisation.zero_point, function }
}

fn power(bits: u32) -> f64 {
    f64::from(bits).exp2()
}
