//! What quantised operators mean, read a second time.

use ndarray::{ArrayD, IxDyn};
use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Graph, Node, Operator, Requantise, Ties, Window,
};

/// The contract's formulas element by element, with coordinates and 128-bit integers and nothing of
/// the interpreter's.
pub fn naive(graph: &Graph, inputs: &[ArrayD<i64>]) -> Vec<ArrayD<i64>> {
    let mut values = inputs.to_vec();
    for node in &graph.nodes {
        let result = ArrayD::from_shape_fn(node.shape.clone(), |at| {
            let at: Vec<usize> = (0..node.shape.len()).map(|axis| at[axis]).collect();
            element(graph, node, &values, &at)
        });
        values.push(result);
    }
    values
}

fn requantise(z: i128, requantise: Option<&Requantise>) -> i64 {
    let Some(Requantise { shift, ties, zero_point, function }) = requantise else {
        return i64::try_from(z).unwrap();
    };
    let unit = 1i128 << shift;
    let (below, rest) = (z.div_euclid(unit), z.rem_euclid(unit));
    // Twice the distance from the half.
    let beyond = 2 * rest - unit;
    let up = match ties {
        _ if *shift == 0 => false,
        Ties::Up => beyond >= 0,
        Ties::Even { slack } if beyond.abs() <= 2 * i128::from(*slack) => below % 2 != 0,
        Ties::Even { .. } => beyond > 0,
    };
    let rounded = below + i128::from(up) + i128::from(*zero_point);
    table(function, rounded)
}

fn table(function: &Function, argument: i128) -> i64 {
    let last = i128::from(function.minimum) + function.values.len() as i128 - 1;
    let argument = argument.max(function.minimum.into()).min(last);
    function.values[(argument - i128::from(function.minimum)) as usize]
}

/// The elements of a window over one channel: (tap, element), padding as `None`.
fn windowed(
    window: &Window,
    x: &ArrayD<i64>,
    channel: usize,
    at: &[usize],
) -> Vec<([usize; 2], Option<i64>)> {
    let flat = x.ndim() == 3;
    let (height, width) = if flat { (1, x.shape()[2]) } else { (x.shape()[2], x.shape()[3]) };
    let (row, column) = if flat { (0, at[2]) } else { (at[2], at[3]) };
    let mut taps = Vec::new();
    for i in 0..window.kernel[0] {
        for j in 0..window.kernel[1] {
            let y =
                (row * window.strides[0] + i * window.dilations[0]) as i64 - window.pads[0] as i64;
            let z = (column * window.strides[1] + j * window.dilations[1]) as i64
                - window.pads[1] as i64;
            let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&z);
            let element = inside.then(|| match flat {
                true => x[[0, channel, z as usize].as_slice()],
                false => x[[0, channel, y as usize, z as usize].as_slice()],
            });
            taps.push(([i, j], element));
        }
    }
    taps
}

fn element(graph: &Graph, node: &Node, values: &[ArrayD<i64>], at: &[usize]) -> i64 {
    let source = node.inputs.first().copied().unwrap_or(0);
    let x = &values[source];
    let zero = graph.quantisation(source).zero_point;
    let centred = |x: Option<i64>| x.map_or(0, |x| i128::from(x - zero));
    match &node.operator {
        Operator::Convolution {
            window,
            groups,
            weights,
            bias,
            multipliers,
            requantise: rescale,
        } => {
            let o = at[1];
            let per_group = x.shape()[1] / groups;
            let group = o / (bias.len() / groups);
            let [kh, kw] = window.kernel;
            let mut sum = i128::from(bias[o]);
            for c in 0..per_group {
                for ([i, j], element) in windowed(window, x, group * per_group + c, at) {
                    sum += i128::from(
                        graph.weights(weights).get(((o * per_group + c) * kh + i) * kw + j),
                    ) * centred(element);
                }
            }
            requantise(i128::from(multipliers[o]) * sum, rescale.as_ref())
        }
        Operator::Linear { weights, bias, multipliers, requantise: rescale } => {
            let (&o, rows) = at.split_last().unwrap();
            let terms = x.shape()[x.ndim() - 1];
            let products = (0..terms).map(|t| {
                let element = x[IxDyn(&[rows, &[t]].concat())];
                i128::from(graph.weights(weights).get(o * terms + t)) * centred(Some(element))
            });
            let sum = products.sum::<i128>() + i128::from(bias[o]);
            requantise(i128::from(multipliers[o]) * sum, rescale.as_ref())
        }
        Operator::Sum { multipliers, constant, requantise: rescale } => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            let mut z = constant.get(flat).map_or(0, |&c| i128::from(c));
            for (&input, &multiplier) in node.inputs.iter().zip(multipliers) {
                let element = values[input][IxDyn(at)] - graph.quantisation(input).zero_point;
                z += i128::from(multiplier) * i128::from(element);
            }
            requantise(z, rescale.as_ref())
        }
        Operator::AveragePool { window, multipliers, requantise: rescale } => {
            let sum: i128 =
                windowed(window, x, at[1], at).into_iter().map(|(_, x)| centred(x)).sum();
            let width = node.shape[node.shape.len() - 1];
            let position = if x.ndim() == 3 { at[2] } else { at[2] * width + at[3] };
            requantise(i128::from(multipliers[position]) * sum, rescale.as_ref())
        }
        Operator::MaxPool { window } => {
            windowed(window, x, at[1], at).into_iter().filter_map(|(_, x)| x).max().unwrap()
        }
        Operator::Activation(function) => table(function, x[IxDyn(at)].into()),
        Operator::SliceAt { axis, offset } => {
            let mut from = at.to_vec();
            from[*axis] +=
                usize::try_from(values[node.inputs[1]][[0].as_slice()] + offset).unwrap();
            x.get(IxDyn(&from)).copied().unwrap_or(zero)
        }
        Operator::Greedy { hidden, .. } => {
            let row: usize = at.iter().sum();
            let count = x.shape()[x.ndim() - 1];
            let row: Vec<i64> = x.iter().skip(row * count).take(count).copied().collect();
            let largest = row.iter().max().unwrap();
            let best = row.iter().position(|x| x == largest).unwrap() as i64;
            let next = || *values[node.inputs[1]].iter().nth(at.iter().sum()).unwrap();
            if *hidden { next() - best } else { best }
        }
        Operator::Product { multiplier, requantise: rescale } => {
            let [a, b] = [0, 1].map(|i| {
                let element = values[node.inputs[i]][IxDyn(at)]
                    - graph.quantisation(node.inputs[i]).zero_point;
                i128::from(element)
            });
            requantise(i128::from(*multiplier) * a * b, rescale.as_ref())
        }
        Operator::MatMul { multiplier, requantise: rescale } => {
            let ([batch @ .., m, n], terms) = (at, x.shape()[x.ndim() - 1]) else {
                unreachable!("a matrix has rows and columns")
            };
            let [a, b] = [0, 1].map(|i| &values[node.inputs[i]]);
            let zeros = [0, 1].map(|i| graph.quantisation(node.inputs[i]).zero_point);
            let product = |t: usize| {
                let a = a[IxDyn(&[batch, &[*m, t]].concat())] - zeros[0];
                let b = b[IxDyn(&[batch, &[t, *n]].concat())] - zeros[1];
                i128::from(a) * i128::from(b)
            };
            let sum: i128 = (0..terms).map(product).sum();
            requantise(i128::from(*multiplier) * sum, rescale.as_ref())
        }
        Operator::Binary(BinaryFunction { minimum, counts, values: entries }) => {
            let [i, j] = [0, 1].map(|side| {
                let element = values[node.inputs[side]][IxDyn(at)];
                element.max(minimum[side]).min(minimum[side] + counts[side] as i64 - 1)
                    - minimum[side]
            });
            entries[i as usize * counts[1] + j as usize]
        }
        Operator::Max => node.inputs.iter().map(|&input| values[input][IxDyn(at)]).max().unwrap(),
        Operator::Min => node.inputs.iter().map(|&input| values[input][IxDyn(at)]).min().unwrap(),
        Operator::Select => {
            let chosen = if x[IxDyn(at)] == 1 { 1 } else { 2 };
            values[node.inputs[chosen]][IxDyn(at)]
        }
        Operator::Constant(known) => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            known[flat]
        }
        Operator::Reshape => {
            let flat =
                at.iter().zip(&node.shape).fold(0, |flat, (index, length)| flat * length + index);
            *x.iter().nth(flat).unwrap()
        }
        Operator::Transpose { permutation } => {
            let mut source = vec![0; at.len()];
            permutation.iter().zip(at).for_each(|(&axis, &index)| source[axis] = index);
            x[IxDyn(&source)]
        }
        Operator::Slice { axis, start, step } => {
            let mut source = at.to_vec();
            source[*axis] = (*start as isize + step * at[*axis] as isize) as usize;
            x[IxDyn(&source)]
        }
        Operator::Pad { before, value, .. } => {
            let source: Option<Vec<usize>> =
                at.iter().zip(before).map(|(index, before)| index.checked_sub(*before)).collect();
            source.and_then(|source| x.get(IxDyn(&source)).copied()).unwrap_or(*value)
        }
        Operator::Concat { axis } => {
            let mut source = at.to_vec();
            for &input in &node.inputs {
                if let Some(&element) = values[input].get(IxDyn(&source)) {
                    return element;
                }
                source[*axis] -= values[input].shape()[*axis];
            }
            unreachable!("outside all parts")
        }
        Operator::ArgMax { axis, select_last, smallest } => {
            let kept = node.shape.len() == x.ndim();
            let lane: Vec<i64> = (0..x.shape()[*axis])
                .map(|index| {
                    let mut source = at.to_vec();
                    if kept {
                        source[*axis] = index;
                    } else {
                        source.insert(*axis, index);
                    }
                    x[IxDyn(&source)]
                })
                .collect();
            let best = if *smallest { lane.iter().min() } else { lane.iter().max() }.unwrap();
            let found = match select_last {
                true => lane.iter().rposition(|x| x == best),
                false => lane.iter().position(|x| x == best),
            };
            found.unwrap() as i64
        }
        Operator::TopK { axis, smallest, indices } => {
            let lane: Vec<i64> = (0..x.shape()[*axis])
                .map(|index| {
                    let mut source = at.to_vec();
                    source[*axis] = index;
                    x[IxDyn(&source)]
                })
                .collect();
            // The element that exactly `at[axis]` others come before.
            let before = |i: usize, j: usize| {
                let ahead = if *smallest { lane[i] < lane[j] } else { lane[i] > lane[j] };
                ahead || (lane[i] == lane[j] && i < j)
            };
            let rank = |j: usize| (0..lane.len()).filter(|&i| before(i, j)).count();
            let index = (0..lane.len()).find(|&j| rank(j) == at[*axis]).unwrap();
            if *indices { index as i64 } else { lane[index] }
        }
        Operator::Lookup { minimum, values: table } => {
            let (&row, outer) = at.split_last().unwrap();
            let columns = table.len() / node.shape.last().unwrap();
            let column = x[IxDyn(outer)] - minimum;
            table.get(row * columns + column as usize).into()
        }
        Operator::Softmax {
            shift,
            exponentials,
            reciprocal_bits,
            visible,
            requantise: rescale,
        } => {
            let (&column, outer) = at.split_last().unwrap();
            let columns = *node.shape.last().unwrap();
            let line = outer.last().copied().unwrap_or(0);
            let sees = |column: usize| visible.is_empty() || visible[line * columns + column];
            let score = |column: usize| x[IxDyn(&[outer, &[column]].concat())] >> shift;
            let seen: Vec<usize> = (0..columns).filter(|&column| sees(column)).collect();
            let largest = seen.iter().map(|&column| score(column)).max().unwrap();
            let exponential = |column: usize| {
                let distance = (largest - score(column)) as usize;
                i128::from(exponentials[distance.min(exponentials.len() - 1)])
            };
            let sum: i128 = seen.iter().map(|&column| exponential(column)).sum();
            let own = if sees(column) { exponential(column) } else { 0 };
            requantise(own * ((1 << reciprocal_bits) / sum), Some(rescale))
        }
        Operator::Normalise {
            centred: mean,
            multiplier,
            epsilon,
            reciprocal_bits,
            requantise: rescale,
        } => {
            let (&column, outer) = at.split_last().unwrap();
            let count = *node.shape.last().unwrap();
            let row: Vec<i128> = (0..count)
                .map(|column| i128::from(x[IxDyn(&[outer, &[column]].concat())]))
                .collect();
            let sum: i128 = row.iter().sum();
            let c = |x: i128| match mean {
                true => i128::from(*multiplier) * (count as i128 * x - sum),
                false => i128::from(*multiplier) * (x - i128::from(zero)),
            };
            let square = row.iter().map(|&x| c(x) * c(x)).sum::<i128>() + i128::from(*epsilon);
            // Bit by bit, the highest first.
            let root = (0..32).rev().fold(0i128, |root, bit| {
                let more = root + (1 << bit);
                if more * more <= square { more } else { root }
            });
            requantise(c(row[column]) * ((1 << reciprocal_bits) / root), Some(rescale))
        }
    }
}
