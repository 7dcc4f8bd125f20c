//! What a description's nodes hold, by the formulas in its documentation and by nothing that the
//! circuit or the verifier computes with: every index is spelled out, every integer has 128 bits.

use std::collections::BTreeMap;

use zkinfer_verifier::circuit::analysis::Analysis;
use zkinfer_verifier::circuit::description::{
    Contract, Description, Hadamard, Hint, OneHot, Operator, Product, Source, View, ViewKind,
    Weights,
};

/// Row-major elements of a tensor.
pub type Values = Vec<i128>;

/// Every node's elements. `model` are the sealed tensors of the model: the digits of all biases,
/// then the weights of each contraction that has sealed ones of its own.
pub fn evaluate(
    description: &Description,
    analysis: &Analysis,
    model: &[Vec<i64>],
    inputs: &[Vec<i64>],
) -> Vec<Values> {
    let mut values: Vec<Values> = Vec::new();
    let shape = |node: usize| analysis.nodes[node].shape.as_slice();
    let digits = description.bias_digits as usize;
    let mut biases = model.first().into_iter().flat_map(|biases| biases.chunks(digits.max(1)));
    let sealed = |id: &usize| match &description.nodes[*id].operator {
        Operator::Contract(contract) => contract.weights == Weights::Sealed,
        _ => false,
    };
    let owners = (0..description.nodes.len()).filter(sealed);
    let weights: BTreeMap<usize, &Vec<i64>> = owners.zip(model.iter().skip(1)).collect();
    for (id, node) in description.nodes.iter().enumerate() {
        let result = match &node.operator {
            Operator::Input(index) => inputs[*index].iter().map(|&x| x.into()).collect(),
            Operator::Contract(contract) => {
                let owner = match contract.weights {
                    Weights::PublicOf(owner) | Weights::SealedOf(owner) => owner,
                    Weights::Public(_) | Weights::Sealed => id,
                };
                let Operator::Contract(of) = &description.nodes[owner].operator else {
                    panic!("node {owner} has no weights")
                };
                let (weights, biases): (Vec<i64>, Vec<i128>) = match &of.weights {
                    Weights::Public(weights) => {
                        (weights.iter().map(|&w| w.into()).collect(), vec![0; contract.rows])
                    }
                    _ => {
                        let digits = |digits: &[i64]| {
                            digits.iter().rev().fold(0, |sum, &d| 64 * sum + i128::from(d))
                        };
                        let biases = biases.by_ref().take(contract.rows).map(digits).collect();
                        (weights[&owner].clone(), biases)
                    }
                };
                contract_values(
                    contract,
                    &weights,
                    &biases,
                    shape(contract.input),
                    shape(id),
                    &values[contract.input],
                )
            }
            Operator::Product(Product { left, right }) => {
                product_values(shape(*left), shape(*right), &values[*left], &values[*right])
            }
            Operator::Hadamard(Hadamard { left, right }) => {
                (0..values[*left].len()).map(|at| values[*left][at] * values[*right][at]).collect()
            }
            Operator::Combine(combine) => {
                let constant = |at: usize| match combine.constant[..] {
                    [] => 0,
                    [constant] => constant,
                    ref constants => constants[at],
                };
                let element = |at: usize| {
                    let terms = combine
                        .terms
                        .iter()
                        .map(|&(term, factor)| i128::from(factor) * values[term][at]);
                    terms.sum::<i128>() + i128::from(constant(at))
                };
                (0..values[combine.terms[0].0].len()).map(element).collect()
            }
            Operator::View(view) => view_values(view, analysis, shape(id), &values),
            Operator::Requantise(requantise) => {
                let divisor = 1i128 << requantise.shift;
                let function = &description.functions[requantise.function];
                let last = function.values.len() as i128 - 1;
                let apply = |x: &i128| {
                    let index =
                        (x.div_euclid(divisor) - i128::from(function.minimum)).clamp(0, last);
                    function.values[index as usize].into()
                };
                values[requantise.input].iter().map(apply).collect()
            }
            Operator::Copy(input) => values[*input].clone(),
            Operator::SliceAt(slice) => {
                let start = usize::try_from(inputs[slice.at][0] + slice.offset).unwrap();
                let from = shape(slice.input);
                let inner: usize = from[slice.axis + 1..].iter().product();
                let blocks = values[slice.input].chunks(from[slice.axis] * inner);
                let taken = blocks.flat_map(|block| &block[start * inner..][..slice.count * inner]);
                taken.copied().collect()
            }
            Operator::OneHot(OneHot { input, first, count }) => {
                let places = (0..*count as i64).flat_map(|place| {
                    inputs[*input].iter().map(move |index| i128::from(index - first == place))
                });
                places.collect()
            }
            Operator::Bounded(bounded) => {
                let (Source::Equal { input } | Source::Hint { input, .. }) = bounded.source;
                let x = &values[input];
                let chosen: Values = match bounded.source {
                    Source::Equal { .. } => x.clone(),
                    Source::Hint { hint: Hint::Shifted { offset, shift }, .. } => {
                        let moved = x.iter().map(|x| x + i128::from(offset));
                        moved.map(|x| x.div_euclid(1 << shift)).collect()
                    }
                    Source::Hint { hint: Hint::Maximum { offset, shift }, .. } => {
                        let rows = x.chunks(*shape(input).last().unwrap());
                        let most = rows.map(|row| row.iter().max().unwrap());
                        let moved = most.map(|x| x + i128::from(offset));
                        moved.map(|x| x.div_euclid(1 << shift)).collect()
                    }
                    Source::Hint { hint: Hint::Reciprocal { bits }, .. } => {
                        x.iter().map(|x| (1i128 << bits) / x).collect()
                    }
                    Source::Hint { hint: Hint::Root { offset }, .. } => {
                        // Bit by bit, the highest first.
                        let root = |&x: &i128| {
                            (0..32).rev().fold(0i128, |root, bit| {
                                let more: i128 = root + (1 << bit);
                                if more * more <= x + i128::from(offset) { more } else { root }
                            })
                        };
                        x.iter().map(root).collect()
                    }
                };
                assert!(chosen.iter().all(|&y| 0 <= y && y < 1 << bounded.bits));
                chosen
            }
        };
        values.push(result);
    }
    values
}

fn contract_values(
    contract: &Contract,
    weights: &[i64],
    biases: &[i128],
    input: &[usize],
    output: &[usize],
    x: &[i128],
) -> Values {
    let &[channels, height, width] = input else { panic!("{input:?}") };
    let &[rows, out_height, out_width] = output else { panic!("{output:?}") };
    let [kernel_h, kernel_w] = contract.kernel;
    let (inner, outer) = (channels / contract.groups, rows / contract.groups);
    // Along one dimension: the input coordinate that a tap meets, if it is no padding.
    let meets = |dimension: usize, position: usize, tap: usize, size: usize| {
        let padded = position * contract.strides[dimension] + tap * contract.dilations[dimension];
        padded.checked_sub(contract.pads[dimension]).filter(|&at| at < size)
    };
    let mut values = Vec::new();
    for row in 0..rows {
        for (y, x_out) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            let mut sum = 0;
            for (c, i, j) in triples([inner, kernel_h, kernel_w]) {
                if let (Some(at_y), Some(at_x)) =
                    (meets(0, y, i, height), meets(1, x_out, j, width))
                {
                    let weight = weights[((row * inner + c) * kernel_h + i) * kernel_w + j];
                    let channel = row / outer * inner + c;
                    sum += i128::from(weight) * x[(channel * height + at_y) * width + at_x];
                }
            }
            let factor = i128::from(contract.row_factors[row]);
            let column = contract.column_factors.get(y * out_width + x_out).copied().unwrap_or(1);
            values.push(
                factor * (i128::from(column) * sum + biases[row]) + i128::from(contract.bias[row]),
            );
        }
    }
    values
}

fn product_values(left: &[usize], right: &[usize], a: &[i128], b: &[i128]) -> Values {
    let (&[batches, rows, inner], &[_, columns, _]) = (left, right) else {
        panic!("{left:?} by {right:?}")
    };
    let element = |(batch, row, column): (usize, usize, usize)| {
        let terms = (0..inner).map(|t| {
            a[(batch * rows + row) * inner + t] * b[(batch * columns + column) * inner + t]
        });
        terms.sum()
    };
    triples([batches, rows, columns]).map(element).collect()
}

fn view_values(view: &View, analysis: &Analysis, output: &[usize], values: &[Values]) -> Values {
    let input = view.inputs[0];
    let shape = analysis.nodes[input].shape.as_slice();
    let at = |index: &[usize]| values[input][ravel(index, shape)];
    let indices = (0..output.iter().product()).map(|element| unravel(element, output));
    match &view.kind {
        ViewKind::Reshape(_) => values[input].clone(),
        ViewKind::Transpose(permutation) => indices
            .map(|index| {
                let mut from = vec![0; index.len()];
                permutation.iter().zip(&index).for_each(|(&dimension, &at)| from[dimension] = at);
                at(&from)
            })
            .collect(),
        ViewKind::Slice { axis, start, step, .. } => indices
            .map(|mut index| {
                index[*axis] = (*start as i64 + index[*axis] as i64 * step) as usize;
                at(&index)
            })
            .collect(),
        ViewKind::Pad { before, value, .. } => indices
            .map(|index| {
                let moved = index.iter().zip(before).map(|(at, before)| at.checked_sub(*before));
                let from: Option<Vec<usize>> =
                    moved.zip(shape).map(|(at, size)| at.filter(|at| at < size)).collect();
                from.map_or(i128::from(*value), |from| at(&from))
            })
            .collect(),
        ViewKind::Concat(axis) => indices
            .map(|mut index| {
                for &part in &view.inputs {
                    let shape = analysis.nodes[part].shape.as_slice();
                    if index[*axis] < shape[*axis] {
                        return values[part][ravel(&index, shape)];
                    }
                    index[*axis] -= shape[*axis];
                }
                panic!("behind the last part")
            })
            .collect(),
    }
}

fn triples([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

fn unravel(mut element: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let at = element % size;
            element /= size;
            at
        })
        .collect();
    index.reverse();
    index
}

fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |element, (at, size)| element * size + at)
}
