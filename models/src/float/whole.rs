//! Which values of a network are whole numbers whatever its inputs are, and between which ends:
//! indices, counts, conditions, and what is computed from them. Integers can be these numbers
//! themselves, and lose nothing.

use super::activation::{Activation, Plain};
use super::binary::BinaryOperator;
use super::graph::{Graph, Node, Operator};
use super::layer::Layer;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;

/// The smallest and the largest number.
pub(crate) type Ends = [i64; 2];

/// Larger ends are as good as none. Products of two still fit.
const REACH: i64 = 1 << 30;

/// Ends of whole values.
pub(crate) struct Whole {
    /// Per value.
    pub(crate) values: Vec<Option<Ends>>,
    /// Per node: of its result before the fused activation.
    pub(crate) arguments: Vec<Option<Ends>>,
}

impl Whole {
    /// `inputs` says which inputs are whole; `calibrated`, what a node's result was seen to be
    /// between, for functions that make any number whole.
    pub(crate) fn of(
        graph: &Graph,
        inputs: Vec<Option<Ends>>,
        calibrated: impl Fn(usize) -> Option<Ends>,
    ) -> Self {
        let mut whole = Self { values: inputs, arguments: Vec::with_capacity(graph.nodes.len()) };
        for (index, node) in graph.nodes.iter().enumerate() {
            let seen = || calibrated(index);
            let argument = whole.result(graph, node, &seen).filter(within_reach);
            let result = match &node.fused {
                None => argument,
                Some(activation) => activated(activation, argument, &seen),
            };
            let given = node.grid.map(|grid| standing_for_itself(&grid));
            whole.arguments.push(argument);
            whole.values.push(given.unwrap_or_else(|| result.filter(within_reach)));
        }
        whole
    }

    /// Of a network that is not calibrated, or not yet all there: what stands in for a refused node
    /// reads nothing.
    pub(crate) fn at_import(graph: &Graph) -> Self {
        let known = |grid: &Grid| grid.is_whole() && !grid.is_open();
        let input =
            |grid: Option<Grid>| grid.filter(known).map(|grid| [grid.minimum, grid.maximum]);
        Self::of(graph, graph.inputs.iter().map(|i| input(i.grid)).collect(), |_| None)
    }

    fn result(&self, graph: &Graph, node: &Node, seen: &dyn Fn() -> Option<Ends>) -> Option<Ends> {
        let ends = |place: usize| node.inputs.get(place).and_then(|&input| self.values[input]);
        let joined = |inputs: &[ValueId]| {
            let mut all = inputs.iter().map(|&input| self.values[input]);
            let first = all.next()??;
            all.try_fold(first, |union, ends| Some(hull(union, ends?)))
        };
        match &node.operator {
            Operator::Constant(values) => numbers(values),
            Operator::Reshape
            | Operator::Transpose { .. }
            | Operator::Slice { .. }
            | Operator::MaxPool { .. }
            | Operator::TopK { indices: false, .. } => ends(0),
            Operator::Pad { value, .. } => Some(hull(ends(0)?, numbers(&[f64::from(*value)])?)),
            Operator::Concat { .. } => joined(&node.inputs),
            Operator::Select => joined(node.inputs.get(1..)?),
            Operator::ArgMax { axis, .. } | Operator::TopK { axis, indices: true, .. } => {
                Some([0, graph.shape(*node.inputs.first()?)[*axis] as i64 - 1])
            }
            Operator::Lookup { table } => numbers(table),
            Operator::Add { subtract, constant } => {
                let mut sum = if constant.is_empty() { [0, 0] } else { numbers(constant)? };
                for (place, &subtract) in subtract.iter().enumerate() {
                    let [low, high] = ends(place)?;
                    let term = if subtract { [-high, -low] } else { [low, high] };
                    sum = [sum[0] + term[0], sum[1] + term[1]];
                }
                Some(sum)
            }
            Operator::MatMul { one_hot: true, .. } => Some(hull([0; 2], ends(1)?)),
            Operator::Product => Some(product(ends(0)?, ends(1)?)),
            Operator::AveragePool { window, divisors } if divisors.iter().all(|&d| d == 1) => {
                let taps = (window.kernel[0] * window.kernel[1]) as i64;
                let [low, high] = ends(0)?;
                Some([low.min(0).checked_mul(taps)?, high.max(0).checked_mul(taps)?])
            }
            Operator::Conv { layer, .. } | Operator::Gemm { layer } => weighed(layer, ends(0)?),
            Operator::Activation(activation) => activated(activation, ends(0), seen),
            Operator::Binary(operator) => binary(*operator, ends(0), ends(1)),
            _ => None,
        }
    }
}

fn within_reach(ends: &Ends) -> bool {
    ends.iter().all(|end| end.abs() <= REACH)
}

fn hull(a: Ends, b: Ends) -> Ends {
    [a[0].min(b[0]), a[1].max(b[1])]
}

/// The ends of a grid whose integers are the numbers.
fn standing_for_itself(grid: &Grid) -> Option<Ends> {
    grid.is_whole().then_some([grid.minimum, grid.maximum]).filter(within_reach)
}

/// The ends of known numbers, if all are whole.
fn numbers(values: &[f64]) -> Option<Ends> {
    let mut ends: Option<Ends> = None;
    for &x in values {
        if x.fract() != 0.0 || x.abs() > REACH as f64 {
            return None;
        }
        let x = [x as i64; 2];
        ends = Some(ends.map_or(x, |ends| hull(ends, x)));
    }
    ends
}

fn product(a: Ends, b: Ends) -> Ends {
    let products = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
    products.into_iter().fold([products[0]; 2], |ends, x| hull(ends, [x; 2]))
}

/// Weights and biases as integers, if they are whole and few enough bits.
pub(crate) fn whole_layer(layer: &Layer) -> Option<(Vec<i32>, Vec<i64>)> {
    /// A weight of two digits; more would rather be a scale.
    const LARGEST: f32 = 32_639.0;
    let Layer::Real { weights, bias } = layer else {
        return None;
    };
    let whole = |x: &f32, most: f32| (x.fract() == 0.0 && x.abs() <= most).then_some(*x as i64);
    let weights = weights.iter().map(|w| whole(w, LARGEST).map(|w| w as i32));
    let bias = bias.iter().map(|b| whole(b, REACH as f32));
    Some((weights.collect::<Option<_>>()?, bias.collect::<Option<_>>()?))
}

/// A layer's results over one range of operands.
fn weighed(layer: &Layer, [low, high]: Ends) -> Option<Ends> {
    // Padding is zero.
    let (low, high) = (low.min(0), high.max(0));
    let (weights, bias) = whole_layer(layer)?;
    let terms = (weights.len() / bias.len().max(1)).max(1);
    let channels = weights.chunks(terms).zip(&bias).map(|(row, &bias)| {
        row.iter().try_fold([bias; 2], |[least, most], &weight| {
            let [a, b] = [i64::from(weight) * low, i64::from(weight) * high];
            Some([least.checked_add(a.min(b))?, most.checked_add(a.max(b))?])
        })
    });
    channels.reduce(|a, b| Some(hull(a?, b?))).flatten()
}

/// The ends of a function of one number.
fn activated(
    activation: &Activation,
    argument: Option<Ends>,
    seen: &dyn Fn() -> Option<Ends>,
) -> Option<Ends> {
    if activation.is_condition() {
        return Some([0, 1]);
    }
    match activation {
        Activation::Plain(Plain::Sign) => Some([-1, 1]),
        Activation::Plain(Plain::Floor | Plain::Ceil | Plain::Round | Plain::Truncate) => {
            argument.or_else(seen)
        }
        Activation::Plain(Plain::Neg) => argument.map(|[low, high]| [-high, -low]),
        Activation::Plain(Plain::Abs) => {
            let [low, high] = argument?;
            let least = if low <= 0 && high >= 0 { 0 } else { low.abs().min(high.abs()) };
            Some([least, low.abs().max(high.abs())])
        }
        Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 } => {
            let ends = argument?;
            let [low, high] = product(ends, ends);
            Some([low.max(0), high])
        }
        _ => {
            // Only saturation, at whole bounds or none.
            let (first, last) = activation.clip()?;
            let whole = |x: f64| x.is_infinite() || x.fract() == 0.0;
            let [low, high] = argument.filter(|_| whole(first) && whole(last))?;
            let clip = |x: i64| (x as f64).max(first).min(last) as i64;
            Some([clip(low), clip(high)])
        }
    }
}

fn binary(operator: BinaryOperator, a: Option<Ends>, b: Option<Ends>) -> Option<Ends> {
    if operator.is_condition() {
        return Some([0, 1]);
    }
    let (a, b) = (a?, b?);
    let size = |[low, high]: Ends| low.abs().max(high.abs());
    match operator {
        BinaryOperator::Max => Some([a[0].max(b[0]), a[1].max(b[1])]),
        BinaryOperator::Min => Some([a[0].min(b[0]), a[1].min(b[1])]),
        // A quotient by zero takes the value beside it.
        BinaryOperator::Div { integers: true } if a[0] >= 0 && b[0] >= 0 => Some([0, a[1]]),
        BinaryOperator::Div { integers: true } => Some([-size(a), size(a)]),
        BinaryOperator::Mod { fmod: false } => Some([(b[0] + 1).min(0), (b[1] - 1).max(0)]),
        BinaryOperator::Mod { fmod: true } => {
            let most = size(a).min((size(b) - 1).max(0));
            Some([if a[0] < 0 { -most } else { 0 }, if a[1] > 0 { most } else { 0 }])
        }
        _ => None,
    }
}

/// The integers of a whole value, if they are activations of at most 16 bits.
pub(crate) fn grid([low, high]: Ends) -> Option<Grid> {
    let activation =
        crate::integer::rounding::ACTIVATION_MIN..=crate::integer::rounding::ACTIVATION_MAX;
    let short = high - low < crate::integer::graph::MAX_TABLE as i64;
    (short && activation.contains(&low) && activation.contains(&high))
        .then(|| Grid::integers(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(operator: BinaryOperator, a: Ends, b: Ends) -> Option<Ends> {
        binary(operator, Some(a), Some(b))
    }

    /// Every result lies within the ends, and the ends occur wherever that is promised.
    #[test]
    fn ends_hold_every_result() {
        let operators = [
            BinaryOperator::Max,
            BinaryOperator::Min,
            BinaryOperator::Div { integers: true },
            BinaryOperator::Mod { fmod: false },
            BinaryOperator::Mod { fmod: true },
        ];
        let ranges: [Ends; 5] = [[-7, 5], [2, 9], [-6, -2], [1, 1], [0, 4]];
        for operator in operators {
            for (a, b) in ranges.iter().flat_map(|&a| ranges.map(|b| (a, b))) {
                let [low, high] = ends(operator, a, b).unwrap();
                for (x, y) in (a[0]..=a[1]).flat_map(|x| (b[0]..=b[1]).map(move |y| (x, y))) {
                    let result = operator.apply(x as f64, y as f64);
                    let within = (low as f64..=high as f64).contains(&result);
                    assert!(within || !result.is_finite(), "{operator:?} {x} {y} {low}..{high}");
                }
            }
        }
        assert_eq!(ends(BinaryOperator::Pow, [0, 1], [0, 1]), None);
    }

    #[test]
    fn functions_of_whole_numbers() {
        let none = || None;
        let plain = |plain, ends| activated(&Activation::Plain(plain), ends, &none);
        assert_eq!(plain(Plain::Abs, Some([-3, 2])), Some([0, 3]));
        assert_eq!(plain(Plain::Abs, Some([-3, -2])), Some([2, 3]));
        assert_eq!(plain(Plain::Neg, Some([-3, 2])), Some([-2, 3]));
        assert_eq!(plain(Plain::Exp, Some([-3, 2])), None);
        assert_eq!(plain(Plain::Floor, None), None);
        let seen = || Some([-1, 4]);
        assert_eq!(activated(&Activation::Plain(Plain::Floor), None, &seen), Some([-1, 4]));
        let square = Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 };
        assert_eq!(activated(&square, Some([-3, 2]), &none), Some([0, 9]));
        assert_eq!(activated(&Activation::Relu, Some([-3, 2]), &none), Some([0, 2]));
        assert_eq!(activated(&Activation::Relu, None, &none), None);
        let clip = Activation::Clip { minimum: 0.5, maximum: 3.0 };
        assert_eq!(activated(&clip, Some([-3, 2]), &none), None);
    }

    #[test]
    fn layers_of_whole_weights() {
        let layer = Layer::Real { weights: vec![1.0, -2.0, 3.0, 0.0], bias: vec![1.0, -1.0] };
        assert_eq!(weighed(&layer, [0, 10]), Some([-19, 29]));
        let layer = Layer::Real { weights: vec![1.5], bias: vec![0.0] };
        assert_eq!(weighed(&layer, [0, 10]), None);
    }

    #[test]
    fn grids_have_sixteen_bits() {
        assert_eq!(grid([0, 65_535]), Some(Grid::integers(0, 65_535)));
        assert_eq!([grid([0, 65_536]), grid([-1, 65_535]), grid([-40_000, 0])], [None; 3]);
    }
}
