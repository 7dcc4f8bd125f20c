//! Gemm and MatMul with a constant matrix: products over the last dimension, with transposes where
//! ONNX asks for another one.

use std::rc::Rc;

use super::elementwise::scale;
use super::matmul;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::build::scales::layer;
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Gemm", &["alpha", "beta", "transA", "transB"], gemm),
    Registration::new("MatMul", &[], mat_mul),
];

const TWO_CONSTANT: &str =
    "both matrices are constant; simplify the model (`onnxsim`) and import it again";

/// A bias of one entry per channel, in real units; zeros if it is left out.
pub(super) fn channel_bias(bias: Option<Rc<Constant>>, channels: usize) -> Result<Vec<f64>, Stop> {
    let Some(bias) = bias else {
        return Ok(vec![0.0; channels]);
    };
    bias.finite().map_err(|problem| format!("bias: {problem}"))?;
    if bias.shape() == [channels] {
        Ok(bias.numbers().iter().copied().collect())
    } else {
        let found = bias.shape();
        Err(Stop::Because(format!("bias of shape {found:?}, expected [{channels}]")))
    }
}

/// `alpha·A·B + beta·C` with a constant `B`, or `alpha·A·B + beta·C = (alpha·Bᵀ·Aᵀ + beta·Cᵀ)ᵀ`
/// with a constant `A`; with neither a product of computed matrices.
fn gemm<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let transposed = [call.flag("transA", false)?, call.flag("transB", false)?];
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    let (input, matrix, swapped) = match (importer.operand(call, 0)?, importer.operand(call, 1)?) {
        (Operand::Computed(input), Operand::Constant(matrix)) => (input, matrix, false),
        (Operand::Constant(matrix), Operand::Computed(input)) => (input, matrix, true),
        (Operand::Computed(a), Operand::Computed(b)) => {
            let a = matrix(importer, call, a, transposed[0])?;
            let b = matrix(importer, call, b, transposed[1])?;
            let product = matmul::product(importer, call, [a, b])?;
            let product = scale(importer, call, product, &single(alpha))?;
            let value = add_computed(importer, call, product, beta)?;
            return importer.define(call, value);
        }
        (Operand::Constant(_), Operand::Constant(_)) => return Err(Stop::because(TWO_CONSTANT)),
    };
    let [transpose_input, transpose_matrix] = match swapped {
        false => transposed,
        true => [!transposed[1], !transposed[0]],
    };
    let input = self::matrix(importer, call, input, transpose_input)?;
    // As rows of one output feature each: the transpose of what stands on the right.
    let rows = scaled(rows(&matrix, !transpose_matrix)?, alpha);
    let (samples, features) = (importer.graph.shape(input)[0], rows.shape()[0]);
    importer.fits(&[samples, features])?;
    let (mut bias, mut rest, mut computed) = (vec![0.0; features], Vec::new(), false);
    match importer.optional(call, 2)? {
        None => {}
        Some(Operand::Computed(_)) => computed = true,
        Some(Operand::Constant(constant)) => {
            let full = gemm_bias(&constant, swapped, samples, features)?;
            let scaled: Vec<f64> = full.into_iter().map(|bias| f64::from(beta) * bias).collect();
            // What differs between rows is added behind.
            if scaled.chunks(features).all(|row| row == &scaled[..features]) {
                bias = scaled[..features].to_vec();
            } else {
                rest = scaled;
            }
        }
    }
    let mut value = product(importer, call, input, &rows, bias)?;
    if !rest.is_empty() {
        let sum = Operator::Add { subtract: vec![false], constant: rest };
        value = importer.push(call, sum, vec![value], vec![samples, features])?;
    }
    let mut value = match swapped {
        true => importer.transpose(call, value, vec![1, 0])?,
        false => value,
    };
    if computed {
        value = add_computed(importer, call, value, beta)?;
    }
    importer.define(call, value)
}

/// A computed matrix, transposed or as it is.
fn matrix<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    transpose: bool,
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input);
    if shape.len() != 2 {
        return Err(Stop::Because(format!(
            "its input has shape {shape:?}, expected two dimensions"
        )));
    }
    match transpose {
        true => importer.transpose(call, input, vec![1, 0]),
        false => Ok(input),
    }
}

/// A constant of one number.
fn single(number: f32) -> Constant {
    Constant::Float(from_elements(&[], vec![number]))
}

/// A product and `beta·C`, where Gemm's third operand is given.
fn add_computed<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    product: ValueId,
    beta: f32,
) -> Result<ValueId, Stop> {
    let Some(operand) = importer.optional(call, 2)?.filter(|_| beta != 0.0) else {
        return Ok(product);
    };
    let shape = importer.graph.shape(product).to_vec();
    let added = importer.value(call, operand, &shape)?;
    let added = scale(importer, call, added, &single(beta))?;
    let sum = Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
    importer.push(call, sum, vec![product, added], shape)
}

/// Gemm's third operand, one row per sample.
fn gemm_bias(
    bias: &Constant,
    swapped: bool,
    samples: usize,
    features: usize,
) -> Result<Vec<f64>, Stop> {
    bias.finite().map_err(|problem| format!("bias: {problem}"))?;
    let bias = bias.numbers();
    let target = if swapped { [features, samples] } else { [samples, features] };
    let found = bias.shape();
    let Some(full) = bias.broadcast(target) else {
        return Err(Stop::Because(format!(
            "bias of shape {found:?} does not broadcast to {target:?}"
        )));
    };
    let full = if swapped { full.reversed_axes() } else { full };
    Ok(full.iter().copied().collect())
}

/// A matrix as rows, transposed or as it is.
fn rows(matrix: &Constant, transpose: bool) -> Result<Constant, Stop> {
    if matrix.shape().len() != 2 {
        let found = matrix.shape();
        return Err(Stop::Because(format!("a constant of shape {found:?}, expected a matrix")));
    }
    Ok(match transpose {
        true => matrix.transpose(&[1, 0]),
        false => matrix.clone(),
    })
}

/// A matrix times a number.
fn scaled(matrix: Constant, factor: f32) -> Constant {
    match matrix {
        matrix if factor == 1.0 => matrix,
        Constant::Quantised { integers, scales, zeros, axis } if factor > 0.0 => {
            let scales = scales.into_iter().map(|scale| factor * scale).collect();
            Constant::Quantised { integers, scales, zeros, axis }
        }
        matrix => Constant::Float(matrix.numbers().mapv(|weight| factor * weight as f32)),
    }
}

/// The product of a computed value's last dimension with each row.
fn product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    rows: &Constant,
    bias: Vec<f64>,
) -> Result<ValueId, Stop> {
    let mut shape = importer.graph.shape(input).to_vec();
    let (features, terms) = (rows.shape()[0], rows.shape()[1]);
    match shape.last_mut() {
        Some(last) if *last == terms => *last = features,
        _ => {
            return Err(Stop::Because(format!(
                "an input of shape {shape:?} with {terms} terms per product: the sizes disagree"
            )));
        }
    }
    if bias.iter().any(|x| !x.is_finite()) {
        return Err(Stop::because("alpha or beta make its weights or bias infinite"));
    }
    let operator = Operator::Gemm { layer: layer(rows, bias)? };
    importer.push(call, operator, vec![input], shape)
}

fn mat_mul<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (left, right) = (importer.operand(call, 0)?, importer.operand(call, 1)?);
    let value = matrix_product(importer, call, left, right)?;
    importer.define(call, value)
}

/// The matrix product of two operands that are not both constant.
pub(super) fn matrix_product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    left: Operand,
    right: Operand,
) -> Result<ValueId, Stop> {
    match (left, right) {
        (Operand::Computed(input), Operand::Constant(matrices)) if matrices.shape().len() > 2 => {
            batched_product(importer, call, input, &matrices)
        }
        (Operand::Computed(input), Operand::Constant(matrix)) => {
            let (matrix, vector) = right_matrix(&matrix);
            let rows = rows(&matrix, true)?;
            let bias = vec![0.0; rows.shape()[0]];
            let value = product(importer, call, input, &rows, bias)?;
            drop_last(importer, call, value, vector)
        }
        (Operand::Constant(matrices), Operand::Computed(input)) if matrices.shape().len() > 2 => {
            // `A·B = (Bᵀ·Aᵀ)ᵀ`.
            let swapped = |rank: usize| {
                let mut order: Vec<usize> = (0..rank).collect();
                order[rank.saturating_sub(2)..].reverse();
                order
            };
            let order = swapped(importer.graph.shape(input).len());
            let input = importer.transpose(call, input, order)?;
            let matrices = matrices.transpose(&swapped(matrices.shape().len()));
            let value = batched_product(importer, call, input, &matrices)?;
            let order = swapped(importer.graph.shape(value).len());
            importer.transpose(call, value, order)
        }
        (Operand::Constant(matrix), Operand::Computed(input)) => {
            left_product(importer, call, &matrix, input)
        }
        (Operand::Computed(a), Operand::Computed(b)) => matmul::any(importer, call, [a, b]),
        (Operand::Constant(_), Operand::Constant(_)) => Err(Stop::because(TWO_CONSTANT)),
    }
}

/// The product with one constant matrix per batch.
fn batched_product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    matrices: &Constant,
) -> Result<ValueId, Stop> {
    let mut shape = importer.graph.shape(input).to_vec();
    let ([batches @ .., terms, features], true) = (matrices.shape(), shape.len() >= 2) else {
        return Err(Stop::Because(format!(
            "an input of shape {shape:?} for matrices {:?}",
            matrices.shape()
        )));
    };
    let count: usize = batches.iter().product();
    if count == 1 && batches.len() + 2 <= shape.len() {
        let rows = matrices.reshape(&[*terms, *features]).transpose(&[1, 0]);
        return product(importer, call, input, &rows, vec![0.0; *features]);
    }
    let leading = broadcast_shapes(&shape[..shape.len() - 2], batches)?;
    let matrix = shape.split_off(shape.len() - 2);
    let full = importer.expand(call, input, &[&leading[..], &matrix].concat())?;
    let total: usize = leading.iter().product();
    let stacked = importer.reshape(call, full, [&[total], &matrix[..]].concat())?;
    // Which matrix each batch meets: the broadcast of their numbers.
    let numbers: Vec<usize> = (0..count).collect();
    let numbers = from_elements(batches, numbers);
    let met = numbers
        .broadcast(leading.as_slice())
        .ok_or_else(|| Stop::because("its batches do not broadcast"))?;
    let flat = matrices.reshape(&[count, *terms, *features]);
    let mut results = Vec::new();
    for (part, &number) in importer.parts(call, stacked, 0)?.into_iter().zip(met.iter()) {
        let rows = flat.slice(0, number, 1, 1).reshape(&[*terms, *features]).transpose(&[1, 0]);
        results.push(product(importer, call, part, &rows, vec![0.0; *features])?);
    }
    let joined = importer.concat(call, results, 0)?;
    importer.reshape(call, joined, [&leading[..], &[matrix[0], *features]].concat())
}

/// The right operand as a matrix: a vector becomes one column (and `true`).
fn right_matrix(matrix: &Constant) -> (Constant, bool) {
    match *matrix.shape() {
        [terms] => (matrix.reshape(&[terms, 1]), true),
        _ => (matrix.clone(), false),
    }
}

/// `W·X = (Xᵀ·Wᵀ)ᵀ`, over the second to last dimension of `X`.
fn left_product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    matrix: &Constant,
    input: ValueId,
) -> Result<ValueId, Stop> {
    let rows = match matrix.shape() {
        &[terms] => rows(&matrix.reshape(&[1, terms]), false)?,
        _ => rows(matrix, false)?,
    };
    let bias = vec![0.0; rows.shape()[0]];
    let rank = importer.graph.shape(input).len();
    let vector = matrix.shape().len() == 1;
    if rank < 2 {
        let value = product(importer, call, input, &rows, bias)?;
        return drop_last(importer, call, value, vector);
    }
    let mut swap: Vec<usize> = (0..rank).collect();
    swap.swap(rank - 1, rank - 2);
    let input = importer.transpose(call, input, swap.clone())?;
    let value = product(importer, call, input, &rows, bias)?;
    if vector {
        return drop_last(importer, call, value, true);
    }
    importer.transpose(call, value, swap)
}

/// The value without its last dimension (of length 1) if it came from a product with a vector.
fn drop_last<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    value: ValueId,
    vector: bool,
) -> Result<ValueId, Stop> {
    let mut shape = importer.graph.shape(value).to_vec();
    if vector {
        shape.pop();
    }
    importer.reshape(call, value, shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_is_one_row_per_sample() {
        let bias = |shape: &[usize], elements: &[f32]| {
            Constant::Float(from_elements(shape, elements.to_vec()))
        };
        assert_eq!(gemm_bias(&bias(&[], &[2.0]), false, 3, 2).unwrap(), [2.0; 6]);
        assert_eq!(
            gemm_bias(&bias(&[1, 2], &[1.0, 2.0]), false, 2, 2).unwrap(),
            [1.0, 2.0, 1.0, 2.0]
        );
        assert_eq!(gemm_bias(&bias(&[2, 1], &[1.0, 2.0]), true, 1, 2).unwrap(), [1.0, 2.0]);
        assert_eq!(
            gemm_bias(&bias(&[2, 1], &[1.0, 2.0]), false, 2, 2).unwrap(),
            [1.0, 1.0, 2.0, 2.0]
        );
        assert!(gemm_bias(&bias(&[3], &[0.0; 3]), false, 2, 2).is_err());
    }
}
