//! Which numbers of a value matter: those that its readers can tell apart.
//!
//! A Sigmoid reads everything beyond ±7 as 0 or 1, a softmax whatever is 7 below the largest score
//! as nothing, a comparison with 3 sees no difference between 100 and 1000. So the constant −1e9
//! that a mask adds to scores need not set their scale, nor −∞: a value is quantised over the
//! numbers that matter only, and others saturate to the nearest of these, which changes no result.
//!
//! From back to front, each node says of each operand beyond which numbers its result stays the
//! same (or on the same side beyond what matters of the result), given what the calibrated ranges
//! say of its other operands. What several readers can tell apart is what any of them can.

use super::activation::{Activation, Plain};
use super::binary::BinaryOperator;
use super::finite;
use super::graph::{Graph, Node, Operator};
use super::layer::Layer;
use super::range::Range;
use super::rows::exponential_bits;
use crate::tensor::window::Window;

/// An activation has arrived where it is this near to its limit, in steps of its result: a quarter
/// rounds to the limit even from where the argument's own rounding took it.
const ARRIVED: f64 = 0.25;
/// Arguments that are tried for a limit, at most.
const FAR: f64 = 64.0;
/// What a comparison keeps of its operand beyond the other's range, as a share of that.
const MARGIN: f64 = 1.0 / 16.0;

/// The numbers between two ends, which may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// All numbers.
    pub(crate) const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// None.
    const NONE: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// The nearest number that matters.
    pub(crate) fn clamp(self, x: f64) -> f64 {
        x.max(self.low).min(self.high)
    }

    /// What is left of a range, zero included.
    pub(crate) fn narrow(self, range: Range) -> Range {
        Range {
            minimum: range.minimum.max(self.low as f32).min(0.0),
            maximum: range.maximum.min(self.high as f32).max(0.0),
        }
    }

    /// A range whose infinite ends are those of what matters.
    pub(crate) fn end(self, range: Range) -> Range {
        if range.is_finite() { range } else { self.narrow(range) }
    }

    fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn intersection(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// All numbers in place of none, or of ends that are no numbers.
    fn sound(self) -> Self {
        if self.low <= self.high { self } else { Self::ALL }
    }
}

impl From<Range> for Interval {
    fn from(range: Range) -> Self {
        Self { low: range.minimum.into(), high: range.maximum.into() }
    }
}

/// What matters of each value of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Relevance {
    /// Of each value.
    pub(crate) values: Vec<Interval>,
    /// Of each node's result before its fused activation.
    pub(crate) arguments: Vec<Interval>,
    /// Of the constant that a node adds.
    pub(crate) constants: Vec<Interval>,
}

impl Relevance {
    /// With ranges of the values and of what activations read, for each maximum (of a softmax,
    /// those of its rows) the smallest that is no mask, if that is known, and for each value the
    /// steps that it is quantised to.
    pub(crate) fn new(
        graph: &Graph,
        [ranges, read]: [&[Range]; 2],
        least: impl Fn(usize) -> Option<f64>,
        steps: impl Fn(usize) -> f64,
    ) -> Self {
        let mut values = vec![Interval::NONE; ranges.len()];
        graph.outputs.iter().for_each(|output| values[output.value] = Interval::ALL);
        // The smallest number of a value that counts, where that is known of what it is moved from.
        let mut lows: Vec<f64> = ranges.iter().map(|range| range.minimum.into()).collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            let moved = node.keeps_grid() && !matches!(node.operator, Operator::Pad { .. });
            let pooled = matches!(node.operator, Operator::MaxPool { .. });
            let low = match (pooled, node.inputs.first()) {
                (true, _) => least(index).map(|least| least.min(0.0)),
                (false, Some(&input)) if moved => Some(lows[input]),
                _ => None,
            };
            let value = graph.result(index);
            lows[value] = low.map_or(lows[value], |low| low.max(lows[value]));
        }
        let low = |value: usize| lows[value];
        let mut arguments = vec![Interval::ALL; graph.nodes.len()];
        let mut constants = arguments.clone();
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            let value = graph.result(index);
            let result = if node.grid.is_some() { Interval::ALL } else { values[value].sound() };
            let step = |range: Interval| (range.high - range.low) / steps(value);
            let through = |activation: &Activation, read: Range| {
                argument(activation, read, step(ranges[value].into()), result)
            };
            let argument = node.fused.as_ref().map_or(result, |fused| through(fused, read[index]));
            arguments[index] = argument;
            let range = |operand: usize| {
                let input = node.inputs[operand];
                Interval { low: low(input), ..ranges[input].into() }
            };
            for operand in 0..node.inputs.len() {
                let matters = match &node.operator {
                    // The grid of a comparison's result says nothing of what is compared.
                    Operator::Binary(operator) if operator.by_difference().is_some() => {
                        binary(*operator, argument, range(1 - operand))
                    }
                    _ if node.grid.is_some() => Interval::ALL,
                    Operator::Activation(activation) => {
                        through(activation, ranges[node.inputs[operand]])
                    }
                    Operator::MaxPool { .. } => {
                        // What is below every maximum is none. A row that is masked wholly has
                        // none that counts.
                        argument.intersection(Interval { low: low(value), ..Interval::ALL })
                    }
                    Operator::Add { .. } => addend(node, operand, argument, range),
                    Operator::Binary(operator) => binary(*operator, argument, range(1 - operand)),
                    Operator::Conv { window, groups, layer } => {
                        scaled(window, *groups, layer, argument)
                    }
                    // Order alone counts: what is infinite is beyond all that is finite.
                    Operator::ArgMax { .. } | Operator::TopK { indices: true, .. } => {
                        finite::ends(graph, ranges, node.inputs[0]).map_or(Interval::ALL, around)
                    }
                    Operator::Select if operand > 0 => argument,
                    Operator::MatMul { one_hot: true, factor: 1.0 } if operand > 0 => argument,
                    Operator::Softmax { .. } => {
                        // Half of the last bit of an exponential, and half of that.
                        let bits = exponential_bits(node.shape.last().copied().unwrap_or(1));
                        let nothing = f64::from(bits + 2) * std::f64::consts::LN_2;
                        let least = least(index).unwrap_or(f64::NEG_INFINITY).min(0.0) - nothing;
                        Interval { low: least, ..Interval::ALL }
                    }
                    Operator::Concat { .. } | Operator::Pad { .. } => argument,
                    operator if operator.is_view() => argument,
                    _ => Interval::ALL,
                };
                let input = node.inputs[operand];
                values[input] = values[input].union(matters.sound());
            }
            if matches!(node.operator, Operator::Add { .. }) {
                constants[index] = addend(node, node.inputs.len(), argument, range).sound();
            }
        }
        let values = values.into_iter().map(Interval::sound).collect();
        Self { values, arguments, constants }
    }
}

/// What matters of a summand, the others being in their ranges. Behind the last operand comes the
/// constant.
fn addend(
    node: &Node,
    operand: usize,
    sum: Interval,
    range: impl Fn(usize) -> Interval,
) -> Interval {
    let Operator::Add { subtract, constant } = &node.operator else { return Interval::ALL };
    let signed = |index: usize, range: Interval| match subtract[index] {
        true => Interval { low: -range.high, high: -range.low },
        false => range,
    };
    let mut rest = Interval { low: 0.0, high: 0.0 };
    for other in (0..subtract.len()).filter(|&other| other != operand) {
        let range = signed(other, range(other));
        rest = Interval { low: rest.low + range.low, high: rest.high + range.high };
    }
    if operand < subtract.len() && !constant.is_empty() {
        rest.low += constant.iter().copied().fold(f64::INFINITY, f64::min);
        rest.high += constant.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }
    let matters = Interval { low: sum.low - rest.high, high: sum.high - rest.low };
    if operand < subtract.len() { signed(operand, matters) } else { matters }
}

/// What matters of an operand of a function of two numbers, the other being in its range.
fn binary(operator: BinaryOperator, result: Interval, other: Interval) -> Interval {
    match operator {
        BinaryOperator::Max => result.intersection(Interval { low: other.low, ..Interval::ALL }),
        BinaryOperator::Min => result.intersection(Interval { high: other.high, ..Interval::ALL }),
        operator if operator.by_difference().is_some() => around([other.low, other.high]),
        _ => Interval::ALL,
    }
}

/// Numbers between these ends, and those next to them.
fn around([low, high]: [f64; 2]) -> Interval {
    let margin = MARGIN * (high - low);
    if margin > 0.0 { Interval { low: low - margin, high: high + margin } } else { Interval::ALL }
}

/// What matters of what is multiplied by a constant, channel by channel.
fn scaled(window: &Window, groups: usize, layer: &Layer, result: Interval) -> Interval {
    let Layer::Real { weights, bias } = layer else { return Interval::ALL };
    let single = *window == Window::unit() && groups == bias.len() && weights.len() == bias.len();
    if !single || result == Interval::ALL {
        return Interval::ALL;
    }
    let channels = weights.iter().zip(bias).map(|(&weight, &bias)| {
        let (weight, bias) = (f64::from(weight), f64::from(bias));
        let ends = [(result.low - bias) / weight, (result.high - bias) / weight];
        match weight {
            0.0 => Interval { low: 0.0, high: 0.0 },
            _ => Interval { low: ends[0].min(ends[1]), high: ends[0].max(ends[1]) },
        }
    });
    channels.fold(Interval::NONE, Interval::union)
}

/// What matters of an activation's argument, its result being rounded to steps of that length.
fn argument(activation: &Activation, read: Range, step: f64, result: Interval) -> Interval {
    if let Some((low, high)) = activation.clip() {
        return result.intersection(Interval { low, high }).sound();
    }
    if *activation == Activation::Plain(Plain::Neg) {
        return Interval { low: -result.high, high: -result.low };
    }
    if let Activation::Composed(_) = activation {
        return stays(|x| activation.apply(x), read, ARRIVED * step);
    }
    let [below, above] = limits(activation);
    let arrives = |limit: Option<f64>, sign: f64| {
        let near = |x: f64| limit.map_or(f64::INFINITY, |l| (activation.apply(sign * x) - l).abs());
        arrival(|x| near(x) <= ARRIVED * step).map_or(sign * f64::INFINITY, |x| sign * x)
    };
    Interval { low: arrives(below, -1.0), high: arrives(above, 1.0) }
}

/// Where, in the range of its argument, a function has come to stay within `near` of what it is at
/// the ends: of any function, which is tried.
fn stays(function: impl Fn(f64) -> f64, read: Range, near: f64) -> Interval {
    const TRIALS: u32 = 4096;
    if !read.is_finite() || read.minimum >= read.maximum {
        return Interval::ALL;
    }
    let [low, high] = [f64::from(read.minimum), f64::from(read.maximum)];
    let trial = |index: u32| low + (high - low) * f64::from(index) / f64::from(TRIALS);
    // What is not a number is not near.
    let near = |end: f64, index: u32| (function(trial(index)) - function(end)).abs() <= near;
    let away = |end: f64, index: u32| !near(end, index);
    let first = (0..=TRIALS).find(|&index| away(low, index));
    let last = (0..=TRIALS).rev().find(|&index| away(high, index));
    let (Some(first), Some(last)) = (first, last) else { return Interval::ALL };
    let open = Interval::ALL;
    Interval {
        low: if first > 1 { trial(first - 1) } else { open.low },
        high: if last + 1 < TRIALS { trial(last + 1) } else { open.high },
    }
    .sound()
}

/// Where a function comes to stay with its limit: the smallest number, not below zero, from which
/// on up to [`FAR`] it has arrived; none if it has not there.
fn arrival(arrived: impl Fn(f64) -> bool) -> Option<f64> {
    const TRIALS: u32 = 512;
    let trial = |index: u32| FAR * f64::from(index) / f64::from(TRIALS);
    let away = (0..=TRIALS).rev().find(|&index| !arrived(trial(index)));
    let Some(away) = away else { return Some(0.0) };
    if away == TRIALS {
        return None;
    }
    let (mut outside, mut inside) = (trial(away), trial(away + 1));
    for _ in 0..40 {
        let middle = f64::midpoint(outside, inside);
        if arrived(middle) { inside = middle } else { outside = middle }
    }
    Some(inside)
}

/// What an activation tends to for small and for large arguments, where it comes to stay there.
fn limits(activation: &Activation) -> [Option<f64>; 2] {
    match *activation {
        Activation::Sigmoid => [Some(0.0), Some(1.0)],
        Activation::HardSigmoid { slope, .. } if slope > 0.0 => [Some(0.0), Some(1.0)],
        Activation::HardSigmoid { slope, .. } if slope < 0.0 => [Some(1.0), Some(0.0)],
        Activation::HardSwish
        | Activation::Mish
        | Activation::Gelu { .. }
        | Activation::Softplus => [Some(0.0), None],
        Activation::Swish { alpha } if alpha > 0.0 => [Some(0.0), None],
        Activation::ThresholdedRelu { threshold } if threshold >= 0.0 => [Some(0.0), None],
        Activation::Elu { alpha, gamma } => [Some(-f64::from(alpha) * f64::from(gamma)), None],
        Activation::Celu { alpha } if alpha > 0.0 => [Some(-f64::from(alpha)), None],
        Activation::Exponential { base } if base > 1.0 => [Some(0.0), None],
        Activation::Exponential { base } if base < 1.0 => [None, Some(0.0)],
        Activation::Plain(Plain::Exp) => [Some(0.0), None],
        Activation::Plain(Plain::Tanh | Plain::Erf) => [Some(-1.0), Some(1.0)],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::graph::Output;
    use crate::integer::signature::Input;
    use proptest::prelude::*;

    /// What is read makes no difference to functions with names.
    const UNREAD: Range = Range::ZERO;

    #[test]
    fn functions_arrive_where_a_quarter_of_a_step_is_left() {
        let sigmoid = argument(&Activation::Sigmoid, UNREAD, 1.0 / 255.0, Interval::ALL);
        assert!((sigmoid.high - 1019f64.ln()).abs() < 1e-6, "{sigmoid:?}");
        assert!((sigmoid.low + sigmoid.high).abs() < 1e-6);
        let fine = argument(&Activation::Sigmoid, UNREAD, 1.0 / 65_535.0, Interval::ALL);
        assert!(fine.high > 12.0, "{fine:?}");
        let exp = argument(&Activation::Plain(Plain::Exp), UNREAD, 1.0 / 255.0, Interval::ALL);
        assert!((exp.low + 1020f64.ln()).abs() < 1e-6 && exp.high == f64::INFINITY, "{exp:?}");
        let gelu = argument(&Activation::Gelu { tanh: false }, UNREAD, 0.1, Interval::ALL);
        assert!(gelu.low < -1.0 && gelu.low > -3.0 && gelu.high == f64::INFINITY, "{gelu:?}");
        let clip = Activation::Clip { minimum: f32::NEG_INFINITY, maximum: 2.0 };
        assert_eq!(
            argument(&clip, UNREAD, 0.1, Interval::ALL),
            Interval { high: 2.0, ..Interval::ALL }
        );
        assert_eq!(
            argument(&Activation::Plain(Plain::Sin), UNREAD, 0.1, Interval::ALL),
            Interval::ALL
        );
    }

    /// `below = x − max x`, its exponential, and nothing else: a softmax without its quotient.
    fn softmax() -> (Graph, Vec<Range>) {
        let node = |name: &str, operator, inputs: &[usize], shape: &[usize]| Node {
            name: name.into(),
            operator,
            fused: None,
            inputs: inputs.to_vec(),
            shape: shape.to_vec(),
            value: name.into(),
            grid: None,
        };
        let copies = Operator::Concat { axis: 2 };
        let difference = Operator::Add { subtract: vec![false, true], constant: Vec::new() };
        let mask = Operator::Add { subtract: vec![false], constant: vec![0.0, -1e9, 0.0] };
        let powers = Operator::Activation(Activation::Plain(Plain::Exp));
        let pool = Operator::MaxPool { window: Window::whole([1, 3]) };
        let graph = Graph {
            name: "softmax".into(),
            inputs: vec![Input { name: "x".into(), shape: vec![1, 1, 3], grid: None }],
            nodes: vec![
                node("masked", mask, &[0], &[1, 1, 3]),
                node("largest", pool, &[1], &[1, 1, 1]),
                node("copies", copies, &[2, 2, 2], &[1, 1, 3]),
                node("below", difference, &[1, 3], &[1, 1, 3]),
                node("powers", powers, &[4], &[1, 1, 3]),
            ],
            outputs: vec![Output { name: "y".into(), value: 5 }],
        };
        let range = |minimum: f32, maximum: f32| Range { minimum, maximum };
        let ranges = vec![
            range(-4.0, 5.0),
            range(-1e9, 5.0),
            range(-2.0, 5.0),
            range(-2.0, 5.0),
            range(-1e9, 0.0),
            range(0.0, 1.0),
        ];
        (graph, ranges)
    }

    #[test]
    fn scores_matter_down_to_what_the_smallest_maximum_leaves_of_an_exponential() {
        let (graph, ranges) = softmax();
        let Relevance { values, constants, .. } =
            Relevance::new(&graph, [&ranges, &ranges[1..]], |_| None, |_| 255.0);
        let least = 1020f64.ln();
        assert!((values[4].low + least).abs() < 1e-6, "{:?}", values[4]);
        assert!((values[1].low + 2.0 + least).abs() < 1e-6, "{:?}", values[1]);
        assert_eq!(values[1].narrow(ranges[1]).maximum, 5.0);
        // Whatever the score, at most 5.
        assert!((constants[0].low + 7.0 + least).abs() < 1e-6, "{:?}", constants[0]);
        assert_eq!(values[5], Interval::ALL);
    }

    #[test]
    fn an_operand_matters_around_what_it_is_compared_with() {
        let other = Interval { low: 0.0, high: 16.0 };
        let near = Interval { low: -1.0, high: 17.0 };
        assert_eq!(binary(BinaryOperator::Less, Interval::ALL, other), near);
        let larger = binary(BinaryOperator::Max, Interval::ALL, other);
        assert_eq!(larger, Interval { low: 0.0, ..Interval::ALL });
        assert_eq!(binary(BinaryOperator::Div { integers: false }, near, other), Interval::ALL);
    }

    #[test]
    fn a_constant_factor_is_divided_by() {
        let layer = Layer::Real { weights: vec![0.5, -2.0], bias: vec![0.0, 1.0] };
        let result = Interval { low: -4.0, high: 1.0 };
        let expected = Interval { low: -8.0, high: 2.5 };
        assert_eq!(scaled(&Window::unit(), 2, &layer, result), expected);
        assert_eq!(scaled(&Window::unit(), 1, &layer, result), Interval::ALL);
    }

    proptest! {
        /// A softmax with its scores clamped is the same to within a quarter of a step.
        #[test]
        fn clamping_to_what_matters_changes_no_result(
            scores in prop::collection::vec(-4.0f64..5.0, 3),
        ) {
            let (graph, ranges) = softmax();
            let relevance = Relevance::new(&graph, [&ranges, &ranges[1..]], |_| None, |_| 255.0);
            let powers = |clamps: bool| {
                let clamp = |value: usize, x: f64| {
                    if clamps { relevance.values[value].clamp(x) } else { x }
                };
                let masked = [scores[0], clamp(1, scores[1] - 1e9), scores[2]];
                let masked = masked.map(|x| clamp(1, x));
                let largest = masked.into_iter().fold(f64::NEG_INFINITY, f64::max);
                masked.map(|x| clamp(4, x - largest).exp())
            };
            // The maximum of a row is within its range.
            prop_assume!(scores[0].max(scores[2]) >= -2.0);
            for (clamped, exact) in powers(true).into_iter().zip(powers(false)) {
                prop_assert!((clamped - exact).abs() <= 0.25 / 255.0 + 1e-9);
            }
        }

        /// So is every activation that is told to have arrived.
        #[test]
        fn activations_stay_where_they_have_arrived(x in -60.0f64..60.0, step in 0.0001f64..0.1) {
            let some = [
                Activation::Sigmoid, Activation::HardSwish, Activation::Mish, Activation::Softplus,
                Activation::Swish { alpha: 1.0 }, Activation::Gelu { tanh: true },
                Activation::Elu { alpha: 1.0, gamma: 1.0 }, Activation::Exponential { base: 0.5 },
                Activation::Plain(Plain::Tanh), Activation::Plain(Plain::Erf),
                Activation::Plain(Plain::Exp), Activation::HardSigmoid { slope: 0.2, offset: 0.5 },
            ];
            for activation in some {
                let clamped = argument(&activation, UNREAD, step, Interval::ALL).clamp(x);
                let error = activation.apply(x) - activation.apply(clamped);
                prop_assert!(error.abs() <= 0.25 * step + 1e-9, "{activation:?}: {clamped}");
            }
        }
    }
}
