//! What the linear operators mean, element by element, as the documentation of `description` says
//! it: plain loops over coordinates, nothing shared with the verifier's closed forms. Values are
//! integers or linear forms.

use zkinfer_verifier::Description;
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Hadamard, Hint, NodeId, OneHot, Operator, Product, SliceAt, Source, View,
    ViewKind, Weights,
};

/// What sums and multiples are taken of.
pub trait Value: Clone {
    fn sum<'a>(terms: impl Iterator<Item = (i128, &'a Self)>, constant: i128) -> Self
    where
        Self: 'a;
}

impl Value for i128 {
    fn sum<'a>(terms: impl Iterator<Item = (i128, &'a Self)>, constant: i128) -> Self {
        let products =
            terms.map(|(factor, value)| factor.checked_mul(*value).expect("a product fits"));
        products.fold(constant, |sum, product| sum.checked_add(product).expect("a sum fits"))
    }
}

/// The shapes of all nodes.
pub fn shapes(description: &Description) -> Vec<Vec<usize>> {
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    for node in &description.nodes {
        let shape = match &node.operator {
            Operator::Input(index) => description.inputs[*index].shape.clone(),
            Operator::OneHot(OneHot { input, count, .. }) => {
                vec![*count, 1, description.inputs[*input].shape.iter().product()]
            }
            Operator::Contract(contract) => {
                let [_, height, width] = shapes[contract.input][..] else {
                    panic!("{}", node.name)
                };
                let [top, left, bottom, right] = contract.pads;
                vec![
                    contract.rows,
                    positions(contract, 0, top + height + bottom),
                    positions(contract, 1, left + width + right),
                ]
            }
            Operator::Product(Product { left, right }) => {
                vec![shapes[*left][0], shapes[*left][1], shapes[*right][1]]
            }
            Operator::Combine(combine) => shapes[combine.terms[0].0].clone(),
            Operator::Hadamard(product) => shapes[product.left].clone(),
            Operator::Requantise(requantise) => shapes[requantise.input].clone(),
            Operator::Copy(input) => shapes[*input].clone(),
            Operator::View(view) => view_shape(view, &shapes),
            Operator::SliceAt(slice) => {
                let mut shape = shapes[slice.input].clone();
                shape[slice.axis] = slice.count;
                shape
            }
            Operator::Bounded(bounded) => match bounded.source {
                Source::Equal { input } => shapes[input].clone(),
                Source::Hint { input, hint: Hint::Maximum { .. } } => {
                    let kept = shapes[input].len().saturating_sub(1);
                    let last = shapes[input].iter().skip(kept).map(|_| 1);
                    shapes[input][..kept].iter().copied().chain(last).collect()
                }
                Source::Hint { input, .. } => shapes[input].clone(),
            },
        };
        shapes.push(shape);
    }
    shapes
}

/// How many windows fit one dimension of so many padded coordinates.
fn positions(contract: &Contract, axis: usize, padded: usize) -> usize {
    let last = |position| {
        position * contract.strides[axis] + (contract.kernel[axis] - 1) * contract.dilations[axis]
    };
    (0..).take_while(|&position| last(position) < padded).count()
}

fn view_shape(view: &View, shapes: &[Vec<usize>]) -> Vec<usize> {
    let mut shape = shapes[view.inputs[0]].clone();
    match &view.kind {
        ViewKind::Reshape(shape) => return shape.clone(),
        ViewKind::Transpose(permutation) => {
            return permutation.iter().map(|&from| shape[from]).collect();
        }
        ViewKind::Slice { axis, count, .. } => shape[*axis] = *count,
        ViewKind::Pad { before, after, .. } => {
            shape
                .iter_mut()
                .zip(before.iter().zip(after))
                .for_each(|(size, (before, after))| *size += before + after);
        }
        ViewKind::Concat(axis) => {
            shape[*axis] = view.inputs.iter().map(|&input| shapes[input][*axis]).sum()
        }
    }
    shape
}

/// The element of `[C, H, W]` that tap `tap` of all `C` channels' meets at output position
/// `position`, if it is no padding.
pub fn met(
    contract: &Contract,
    input: &[usize],
    output: &[usize],
    tap: usize,
    position: usize,
) -> Option<usize> {
    let [kernel_h, kernel_w] = contract.kernel;
    let (channel, i, j) = (tap / (kernel_h * kernel_w), tap / kernel_w % kernel_h, tap % kernel_w);
    let y = position / output[2] * contract.strides[0] + i * contract.dilations[0];
    let x = position % output[2] * contract.strides[1] + j * contract.dilations[1];
    let (y, x) = (y.checked_sub(contract.pads[0])?, x.checked_sub(contract.pads[1])?);
    (y < input[1] && x < input[2]).then_some((channel * input[1] + y) * input[2] + x)
}

/// The taps of output channel `row`, each with the index of its weight: those of the row's group.
pub fn taps(
    contract: &Contract,
    input: &[usize],
    row: usize,
) -> impl Iterator<Item = (usize, usize)> + use<> {
    let depth = input[0] / contract.groups * contract.kernel[0] * contract.kernel[1];
    let group = row / (contract.rows / contract.groups);
    (0..depth).map(move |tap| (group * depth + tap, row * depth + tap))
}

/// The element of its input that element `at` of a slice is, which begins at index `start`.
pub fn sliced(slice: &SliceAt, start: usize, input: &[usize], at: usize) -> usize {
    let inner: usize = input[slice.axis + 1..].iter().product();
    let (outer, within) = (at / (slice.count * inner), at % (slice.count * inner));
    (outer * input[slice.axis] + start) * inner + within
}

/// The contraction whose weights a node reads: itself or another.
pub fn owner(description: &Description, id: NodeId) -> NodeId {
    match &description.nodes[id].operator {
        Operator::Contract(Contract {
            weights: Weights::PublicOf(owner) | Weights::SealedOf(owner),
            ..
        }) => *owner,
        _ => id,
    }
}

/// The operator, with its public weights in it.
pub fn complete(description: &Description, id: NodeId) -> Operator {
    let mut operator = description.nodes[id].operator.clone();
    if let Operator::Contract(contract) = &mut operator
        && let Operator::Contract(of) = &description.nodes[owner(description, id)].operator
    {
        contract.weights = of.weights.clone();
    }
    operator
}

/// The elements of a contraction with public weights, a sum or a view; none for any other operator.
pub fn linear<T: Value>(
    operator: &Operator,
    output: &[usize],
    shapes: &[Vec<usize>],
    nodes: &[Vec<T>],
) -> Option<Vec<T>> {
    let elements = 0..output.iter().product();
    match operator {
        Operator::Contract(contract) => {
            let Weights::Public(weights) = &contract.weights else { return None };
            let (input, x) = (&shapes[contract.input], &nodes[contract.input]);
            let positions = output[1] * output[2];
            let element = |element| {
                let (row, position) = (element / positions, element % positions);
                let factor = i128::from(contract.row_factors[row])
                    * i128::from(column_factor(contract, position));
                let met = taps(contract, input, row).filter_map(|(tap, weight)| {
                    Some((weight, met(contract, input, output, tap, position)?))
                });
                let terms = met
                    .map(|(weight, element)| (factor * i128::from(weights[weight]), &x[element]));
                T::sum(terms, contract.bias[row].into())
            };
            Some(elements.map(element).collect())
        }
        Operator::Combine(Combine { terms, constant }) => {
            let element = |element| {
                let constant = match constant[..] {
                    [] => 0,
                    [constant] => constant,
                    _ => constant[element],
                };
                T::sum(
                    terms.iter().map(|&(node, factor)| (factor.into(), &nodes[node][element])),
                    constant.into(),
                )
            };
            Some(elements.map(element).collect())
        }
        Operator::View(view) => {
            let inputs: Vec<&[usize]> =
                view.inputs.iter().map(|&input| shapes[input].as_slice()).collect();
            let element = |element| match source(&view.kind, &inputs, output, element) {
                Ok((input, element)) => nodes[view.inputs[input]][element].clone(),
                Err(padding) => T::sum(std::iter::empty(), padding.into()),
            };
            Some(elements.map(element).collect())
        }
        _ => None,
    }
}

/// What the committed values of a bilinear node make together: an element of a product, of matrices
/// or of elements, or
/// `f_o·c_p·Σ_t W[o, t]·X[t, p]`.
pub fn bilinear(
    operator: &Operator,
    output: &[usize],
    shapes: &[Vec<usize>],
    nodes: &[Vec<i128>],
    weights: &[i128],
) -> Vec<i128> {
    let elements = 0..output.iter().product();
    match operator {
        Operator::Hadamard(Hadamard { left, right }) => {
            elements.map(|element| nodes[*left][element] * nodes[*right][element]).collect()
        }
        Operator::Product(Product { left, right }) => {
            let inner = shapes[*left][2];
            let element = |element: usize| -> i128 {
                let (batch, row, column) =
                    (element / output[2] / output[1], element / output[2], element % output[2]);
                let column = batch * output[2] + column;
                (0..inner)
                    .map(|t| nodes[*left][row * inner + t] * nodes[*right][column * inner + t])
                    .sum()
            };
            elements.map(element).collect()
        }
        Operator::Contract(contract) => {
            let (input, x, positions) =
                (&shapes[contract.input], &nodes[contract.input], output[1] * output[2]);
            let element = |element: usize| -> i128 {
                let (row, position) = (element / positions, element % positions);
                let products = taps(contract, input, row).filter_map(|(tap, weight)| {
                    Some(weights[weight] * x[met(contract, input, output, tap, position)?])
                });
                let factor = i128::from(contract.row_factors[row])
                    * i128::from(column_factor(contract, position));
                factor * products.sum::<i128>()
            };
            elements.map(element).collect()
        }
        operator => panic!("{operator:?} is not bilinear"),
    }
}

/// The factor at an output position.
pub fn column_factor(contract: &Contract, position: usize) -> i64 {
    if contract.column_factors.is_empty() { 1 } else { contract.column_factors[position] }
}

/// Which element of which input an element of a view is, or the constant that it is.
fn source(
    kind: &ViewKind,
    inputs: &[&[usize]],
    output: &[usize],
    element: usize,
) -> Result<(usize, usize), i64> {
    let mut at = coordinates(output, element);
    match kind {
        ViewKind::Reshape(_) => return Ok((0, element)),
        ViewKind::Transpose(permutation) => {
            let moved = at.clone();
            permutation.iter().zip(moved).for_each(|(&from, coordinate)| at[from] = coordinate);
        }
        ViewKind::Slice { axis, start, step, .. } => {
            at[*axis] = usize::try_from(*start as i64 + at[*axis] as i64 * step).unwrap();
        }
        ViewKind::Pad { before, value, .. } => {
            for (dimension, coordinate) in at.iter_mut().enumerate() {
                *coordinate = coordinate
                    .checked_sub(before[dimension])
                    .filter(|&inside| inside < inputs[0][dimension])
                    .ok_or(*value)?;
            }
        }
        ViewKind::Concat(axis) => {
            for (input, shape) in inputs.iter().enumerate() {
                if at[*axis] < shape[*axis] {
                    return Ok((input, flat(shape, &at)));
                }
                at[*axis] -= shape[*axis];
            }
        }
    }
    Ok((0, flat(inputs[0], &at)))
}

fn coordinates(shape: &[usize], mut element: usize) -> Vec<usize> {
    let mut at: Vec<usize> =
        shape.iter().rev().map(|&size| (element % size, element /= size).0).collect();
    at.reverse();
    at
}

fn flat(shape: &[usize], at: &[usize]) -> usize {
    shape.iter().zip(at).fold(0, |flat, (size, coordinate)| flat * size + coordinate)
}
