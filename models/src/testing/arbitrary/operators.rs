//! One random node of each operator over a given value.

use super::rows;
use super::values::{Kind, kind, range};
use crate::integer::graph::{
    BinaryFunction, Function, Graph, MAX_BIAS, MAX_WEIGHT, Node, Operator, Quantisation,
    Requantise, Ties, ValueId, Weights, Window,
};
use crate::integer::rounding::{INT8_MAX, INT8_MIN};
use crate::tensor::window::{plane, with_plane};
use crate::testing::random::Random;

/// A node that reads `source`, or `None` if the operator does not fit that value.
pub(super) fn node(
    graph: &Graph,
    source: ValueId,
    operator: usize,
    random: &mut Random,
) -> Option<Node> {
    let shape = graph.shape(source).to_vec();
    let mut inputs = vec![source];
    match (kind(graph, source), operator) {
        (Kind::Activation, _) | (Kind::Accumulator, 2 | 6..=8 | 10 | 11 | 20) => {}
        _ => return None,
    }
    let same = graph.quantisation(source);
    let deviation = deviation(graph, source);
    let fresh = Quantisation { scale: 0.05, zero_point: int8(random) };
    let raw = Quantisation { scale: 0.001, zero_point: 0 };
    let (operator, shape, quantisation) = match operator {
        0 => {
            let (operator, shape) = convolution(graph, &shape, deviation, random)?;
            (operator, shape, fresh)
        }
        1 => {
            let (operator, shape) = linear(graph, &shape, deviation, random)?;
            (operator, shape, fresh)
        }
        2 => {
            inputs.extend(partners(graph, source, random, |a, b| a == b));
            (sum(graph, &inputs, &shape, random), shape, fresh)
        }
        3 => {
            let (window, output) = window(&shape, random)?;
            let multipliers = (0..output[0] * output[1]).map(|_| random.between(1, 2000));
            let operator = Operator::AveragePool {
                window,
                multipliers: multipliers.collect(),
                requantise: (random.below(4) > 0).then(|| requantise(random, 16)),
            };
            (operator, with_plane(&shape, shape[1], output), fresh)
        }
        4 => {
            let (window, output) = window(&shape, random)?;
            if !window.never_empty(plane(&shape)?) {
                return None;
            }
            let shape = with_plane(&shape, shape[1], output);
            (Operator::MaxPool { window }, shape, same)
        }
        5 => (Operator::Activation(function(random)), shape, fresh),
        6 => {
            let count = shape.iter().product();
            let shapes = [vec![1, count], vec![1, count, 1], vec![1, 1, count, 1], vec![count]];
            (Operator::Reshape, shapes[random.below(4)].clone(), same)
        }
        7 => {
            let mut permutation: Vec<usize> = (0..shape.len()).collect();
            for last in (1..shape.len()).rev() {
                permutation.swap(last, random.below(last + 1));
            }
            let shape = permutation.iter().map(|&axis| shape[axis]).collect();
            (Operator::Transpose { permutation }, shape, same)
        }
        8 => slice(&shape, same, random)?,
        9 => {
            let side = |random: &mut Random| shape.iter().map(|_| random.below(2)).collect();
            let (before, after): (Vec<usize>, Vec<usize>) = (side(random), side(random));
            let padded = (0..shape.len()).map(|axis| before[axis] + shape[axis] + after[axis]);
            let padded = padded.collect();
            let value = int8(random);
            (Operator::Pad { before, after, value }, padded, same)
        }
        10 => {
            let axis = random.below(shape.len());
            let joined = partners(graph, source, random, |a, b| {
                a.len() == b.len() && (0..a.len()).all(|i| i == axis || a[i] == b[i])
            });
            let joined = joined.into_iter().filter(|&value| graph.quantisation(value) == same);
            inputs.extend(joined);
            let mut shape = shape;
            shape[axis] = inputs.iter().map(|&value| graph.shape(value)[axis]).sum();
            (Operator::Concat { axis }, shape, same)
        }
        11 => {
            let axis = random.below(shape.len());
            let mut shape = shape;
            match random.below(2) {
                0 => shape[axis] = 1,
                _ => drop(shape.remove(axis)),
            }
            let (select_last, smallest) = (random.below(2) == 1, random.below(2) == 1);
            (Operator::ArgMax { axis, select_last, smallest }, shape, INDEX)
        }
        12 => {
            let axis = random.below(shape.len());
            let mut shape = shape;
            shape[axis] = 1 + random.below(shape[axis]);
            let indices = random.below(2) == 1;
            if keys(graph, source, axis) > LONGEST {
                return None;
            }
            let operator = Operator::TopK { axis, smallest: random.below(2) == 1, indices };
            (operator, shape, if indices { INDEX } else { same })
        }
        13 => {
            inputs.push(partner(graph, source, random));
            let multiplier = random.between(1, 2000);
            let size = multiplier * deviation * self::deviation(graph, inputs[1]);
            (
                Operator::Product {
                    multiplier,
                    requantise: (random.below(4) > 0)
                        .then(|| rescaled(requantise(random, 16), size)),
                },
                shape,
                fresh,
            )
        }
        14 => {
            inputs.push(partner(graph, source, random));
            if inputs.iter().map(|&input| count(graph, input)).product::<i64>() > LONGEST {
                return None;
            }
            (Operator::Binary(binary(random)), shape, fresh)
        }
        15 | 16 => {
            let fits = partners(graph, source, random, |a, b| a == b);
            inputs.push(source);
            inputs.extend(fits.into_iter().filter(|&value| graph.quantisation(value) == same));
            (if operator == 15 { Operator::Max } else { Operator::Min }, shape, same)
        }
        17 => {
            inputs.clear();
            let values = (0..shape.iter().product()).map(|_| int8(random));
            (Operator::Constant(values.collect()), shape, same)
        }
        18 => {
            let (right, shape) = factor(graph, source)?;
            inputs.push(right);
            let terms = graph.shape(source).last().copied()? as i64;
            let multiplier = random.between(1, 2000);
            let size = multiplier * terms * deviation * self::deviation(graph, right);
            let requantise = (random.below(4) > 0).then(|| rescaled(requantise(random, 16), size));
            (Operator::MatMul { multiplier, requantise }, shape, fresh)
        }
        19 => {
            let [minimum, maximum] = range(graph, source);
            let (rows, columns) = (1 + random.below(3), (maximum - minimum) as usize + 1);
            if columns > 256 || shape.len() > 4 {
                return None;
            }
            let values = (0..rows * columns).map(|_| int8(random) as i32).collect();
            (Operator::Lookup { minimum, values }, [&shape[..], &[rows]].concat(), fresh)
        }
        20 => {
            let [minimum, maximum] = range(graph, source);
            let least = least_shift(maximum - minimum);
            (rows::softmax(&shape, least, requantise(random, 16), random), shape, fresh)
        }
        21 => {
            let ends = range(graph, source);
            let rescaling = requantise(random, 16);
            let operator = rows::normalise(&shape, ends, same.zero_point, rescaling, random)?;
            (operator, shape, fresh)
        }
        _ => {
            let conditions =
                (0..graph.nodes.len()).filter(|&node| is_condition(&graph.nodes[node], &shape));
            let conditions: Vec<usize> = conditions.collect();
            if conditions.is_empty() && count(graph, source) > LONGEST.isqrt() {
                return None;
            }
            if conditions.is_empty() {
                // A comparison, for a later Select to read.
                inputs.push(source);
                let values = (0..4).map(|_| random.below(2) as i64).collect();
                (
                    Operator::Binary(BinaryFunction { minimum: [0, 0], counts: [2, 2], values }),
                    shape,
                    INDEX,
                )
            } else {
                inputs.insert(0, graph.inputs.len() + conditions[random.below(conditions.len())]);
                let other = partner(graph, source, random);
                inputs.push(if graph.quantisation(other) == same { other } else { source });
                (Operator::Select, shape, same)
            }
        }
    };
    let quantisation = if operator.is_raw() { raw } else { quantisation };
    let name = format!("{}_{}", operator.name(), graph.nodes.len());
    Some(Node { name, inputs, operator, shape, quantisation })
}

/// What an index or a condition stands for.
const INDEX: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

/// Whether a node's values are 0 and 1, in this shape.
fn is_condition(node: &Node, shape: &[usize]) -> bool {
    let Operator::Binary(function) = &node.operator else {
        return false;
    };
    node.shape == shape && function.values.iter().all(|value| (0..=1).contains(value))
}

/// An activation that the source can be multiplied with, and the shape of the product.
fn factor(graph: &Graph, source: ValueId) -> Option<(ValueId, Vec<usize>)> {
    let [batches @ .., rows, terms] = graph.shape(source) else {
        return None;
    };
    (0..graph.inputs.len() + graph.nodes.len()).rev().find_map(|value| {
        let [others @ .., inner, columns] = graph.shape(value) else {
            return None;
        };
        let fits = others == batches && inner == terms && kind(graph, value) == Kind::Activation;
        fits.then(|| (value, [batches, &[*rows, *columns]].concat()))
    })
}

/// Another int8 value of the source's shape, or the source itself.
fn partner(graph: &Graph, source: ValueId, random: &mut Random) -> ValueId {
    partners(graph, source, random, |a, b| a == b).first().copied().unwrap_or(source)
}

fn binary(random: &mut Random) -> BinaryFunction {
    let minimum = [int8(random).min(120), int8(random).min(120)];
    let counts = [1 + random.below(7), 1 + random.below(7)];
    let values = (0..counts[0] * counts[1]).map(|_| int8(random));
    BinaryFunction { minimum, counts, values: values.collect() }
}

fn int8(random: &mut Random) -> i64 {
    match random.below(4) {
        0 => INT8_MIN,
        1 => INT8_MAX,
        _ => random.between(INT8_MIN, INT8_MAX),
    }
}

/// Up to two other int8 values whose shapes go with the source's, repetitions allowed.
fn partners(
    graph: &Graph,
    source: ValueId,
    random: &mut Random,
    fits: impl Fn(&[usize], &[usize]) -> bool,
) -> Vec<ValueId> {
    let values = 0..graph.inputs.len() + graph.nodes.len();
    let candidates: Vec<ValueId> = values
        .filter(|&value| {
            kind(graph, value) == kind(graph, source)
                && fits(graph.shape(source), graph.shape(value))
        })
        .collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    (0..random.below(3)).map(|_| candidates[random.below(candidates.len())]).collect()
}

fn function(random: &mut Random) -> Function {
    match random.below(4) {
        0 => Function::clamp(INT8_MIN, INT8_MAX),
        1 => Function::clamp(random.between(INT8_MIN, 0), INT8_MAX),
        2 => {
            let minimum = random.between(INT8_MIN, INT8_MAX);
            Function::clamp(minimum, random.between(minimum, INT8_MAX))
        }
        _ => {
            let minimum = random.between(INT8_MIN, 0);
            let entries = 1 + random.below(256);
            Function { minimum, values: (0..entries).map(|_| int8(random)).collect() }
        }
    }
}

fn requantise(random: &mut Random, shift: u32) -> Requantise {
    // Sometimes far too small, so that everything saturates.
    let shift = if random.below(5) == 0 { random.below(3) as u32 } else { shift };
    Requantise {
        shift,
        ties: match random.below(4) {
            0 => Ties::Even { slack: random.below((1 << shift >> 2).max(1)) as i64 },
            1 => Ties::Even { slack: 0 },
            _ => Ties::Up,
        },
        zero_point: int8(random),
        function: function(random),
    }
}

/// Longest list of arguments that lowering makes a table of.
const LONGEST: i64 = 1 << 18;

/// Number of integers that an activation can be.
fn count(graph: &Graph, value: ValueId) -> i64 {
    let [minimum, maximum] = range(graph, value);
    maximum - minimum + 1
}

/// Number of keys by which TopK tells the elements of a lane apart.
fn keys(graph: &Graph, value: ValueId, axis: usize) -> i64 {
    count(graph, value) * graph.shape(value)[axis] as i64
}

/// Largest distance of an activation from its zero point.
fn deviation(graph: &Graph, value: ValueId) -> i64 {
    let zero_point = graph.quantisation(value).zero_point;
    range(graph, value).map(|end| (end - zero_point).abs()).into_iter().max().unwrap_or(0)
}

/// Most bits of a quotient: with more, no table is long enough and the network is refused when
/// compiled.
const QUOTIENT_BITS: u32 = 30;

/// The same for accumulators of this size, shifting further if it has to.
fn rescaled(requantise: Requantise, size: i64) -> Requantise {
    Requantise { shift: requantise.shift.max(least_shift(size)), ..requantise }
}

/// The least shift of accumulators of this size.
fn least_shift(size: i64) -> u32 {
    (i64::BITS - size.leading_zeros()).saturating_sub(QUOTIENT_BITS)
}

/// Bits that most sums of products are divided by.
const SHIFT: u32 = 14;

/// An earlier layer with weights of its own, rows of `terms` of them, and how many rows fit.
fn owner(
    graph: &Graph,
    terms: usize,
    random: &mut Random,
    fits: impl Fn(usize) -> bool,
) -> Option<(usize, usize)> {
    let layers = graph.nodes.iter().enumerate().filter_map(|(index, node)| {
        let (weights, rows) = node.operator.weights()?;
        let own = !weights.are_known() && weights.own()?.len() == rows * terms;
        (own && fits(rows)).then_some((index, rows))
    });
    let layers: Vec<_> = layers.collect();
    let chosen = random.below(2 * layers.len() + 1);
    layers.get(chosen).copied()
}

/// Weights, bias, multipliers and requantisation for `channels` sums of `terms` products; the
/// weights are those of an `owner`, or its own.
fn channels(
    graph: &Graph,
    owner: Option<usize>,
    [channels, terms]: [usize; 2],
    deviation: i64,
    random: &mut Random,
) -> (Weights, Vec<i64>, Vec<i64>, Option<Requantise>) {
    // Some layers need two digits per weight, or three, and some the lowest one of a digit.
    let limit =
        if random.below(4) == 0 { [128, 255, 32_639, MAX_WEIGHT][random.below(4)] } else { 127 };
    let weights = (0..channels * terms).map(|_| match random.below(6) {
        0 => -limit,
        1 => limit - i32::from(limit == 128),
        2 => 0,
        _ => random.between(-i64::from(limit), i64::from(limit) - 1) as i32,
    });
    let weights = match owner {
        None => {
            let weights: Vec<i32> = weights.collect();
            match weights.iter().map(|&weight| i64::from(weight)).sum::<i64>() % 8 {
                0 => Weights::Known(weights.into()),
                _ => Weights::Own(weights.into()),
            }
        }
        Some(owner) => Weights::Of(owner),
    };
    let limit = graph.weights(&weights).iter().map(|weight| weight.abs()).max().unwrap_or(0);
    let largest = [20_000, 20_000, MAX_BIAS][random.below(3)];
    let bias = (0..channels).map(|_| match random.below(8) {
        0 => -largest,
        1 => largest,
        _ => random.between(-20_000, 20_000),
    });
    let bias = bias.collect();
    let most = [2, 100][random.below(2)];
    let multipliers = (0..channels).map(|_| random.between(1, most)).collect();
    let requantise = (random.below(4) != 0).then(|| {
        let size = most * (terms as i64 * i64::from(limit) * deviation + largest);
        rescaled(requantise(random, SHIFT), size)
    });
    (weights, bias, multipliers, requantise)
}

fn convolution(
    graph: &Graph,
    shape: &[usize],
    deviation: i64,
    random: &mut Random,
) -> Option<(Operator, Vec<usize>)> {
    let (window, output) = window(shape, random)?;
    let groups = [1, shape[1]][random.below(2)];
    let terms = shape[1] / groups * window.kernel[0] * window.kernel[1];
    let owner = owner(graph, terms, random, |rows| rows.is_multiple_of(groups));
    let outputs = owner.map_or_else(|| groups * (1 + random.below(2)), |(_, rows)| rows);
    let owner = owner.map(|(node, _)| node);
    let (weights, bias, multipliers, requantise) =
        channels(graph, owner, [outputs, terms], deviation, random);
    let operator = Operator::Convolution { window, groups, weights, bias, multipliers, requantise };
    Some((operator, with_plane(shape, outputs, output)))
}

fn linear(
    graph: &Graph,
    shape: &[usize],
    deviation: i64,
    random: &mut Random,
) -> Option<(Operator, Vec<usize>)> {
    let (&terms, rows) = shape.split_last()?;
    let owner = owner(graph, terms, random, |_| true);
    let features = owner.map_or_else(|| 1 + random.below(4), |(_, rows)| rows);
    let owner = owner.map(|(node, _)| node);
    let (weights, bias, multipliers, requantise) =
        channels(graph, owner, [features, terms], deviation, random);
    let operator = Operator::Linear { weights, bias, multipliers, requantise };
    Some((operator, [rows, &[features]].concat()))
}

fn sum(graph: &Graph, inputs: &[ValueId], shape: &[usize], random: &mut Random) -> Operator {
    let mut size = 4_000_000;
    let multipliers = inputs.iter().map(|&input| {
        let most = if kind(graph, input) == Kind::Accumulator { 3 } else { 100_000 };
        let magnitude = random.between(1, most);
        size += magnitude * deviation(graph, input);
        if random.below(2) == 0 { magnitude } else { -magnitude }
    });
    let multipliers = multipliers.collect();
    let count = match random.below(2) {
        0 => 0,
        _ => shape.iter().product(),
    };
    let constant = (0..count).map(|_| random.between(-4_000_000, 4_000_000)).collect();
    let requantise = (random.below(4) > 0).then(|| rescaled(requantise(random, 16), size));
    Operator::Sum { multipliers, constant, requantise }
}

/// A window that fits a plane, and the result's height and width.
fn window(shape: &[usize], random: &mut Random) -> Option<(Window, [usize; 2])> {
    let plane = plane(shape)?;
    let mut pair = |least: usize, choices: usize| [0, 1].map(|_| least + random.below(choices));
    let mut window =
        Window { kernel: pair(1, 3), strides: pair(1, 2), pads: [0; 4], dilations: pair(1, 2) };
    let ([top, left], [bottom, right]) = (pair(0, 2), pair(0, 2));
    window.pads = [top, left, bottom, right];
    if shape.len() == 3 {
        // Over [1, C, L] the height is not there to be padded.
        window.kernel[0] = 1;
        (window.pads[0], window.pads[2]) = (0, 0);
    }
    let output = window.output(plane)?;
    if shape.len() == 3 && output[0] != 1 {
        return None;
    }
    Some((window, output))
}

fn slice(
    shape: &[usize],
    quantisation: Quantisation,
    random: &mut Random,
) -> Option<(Operator, Vec<usize>, Quantisation)> {
    let axis = random.below(shape.len());
    let length = shape[axis];
    let start = random.below(length);
    let step: isize = [1, 2, -1, -2][random.below(4)];
    let room = if step > 0 { length - 1 - start } else { start };
    let count = 1 + random.below(room / step.unsigned_abs() + 1);
    let mut shape = shape.to_vec();
    shape[axis] = count;
    Some((Operator::Slice { axis, start, step }, shape, quantisation))
}
