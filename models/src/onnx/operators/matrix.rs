//! Constant matrices along one dimension, as importers make them.

use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::integer::graph::ValueId;
use crate::limits;
use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// A matrix of zeros, to be filled, if there may be one that large.
pub(super) fn zeros(
    importer: &Importer<'_>,
    rows: usize,
    columns: usize,
) -> Result<Vec<f32>, Stop> {
    limits::tensor(&[rows, columns])
        .map_err(|problem| Stop::TooLarge(format!("the matrix that it is: {problem}")))?;
    importer.spend(rows * columns)?;
    Ok(vec![0.0; rows * columns])
}

/// `matrix·x + offset` along a dimension: the matrix has a row, and the offset a number, for each
/// new element.
pub(super) fn along<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    value: ValueId,
    axis: usize,
    (weights, bias): (Vec<f32>, Vec<f32>),
) -> Result<ValueId, Stop> {
    let rank = importer.graph.shape(value).len();
    let mut swap: Vec<usize> = (0..rank).collect();
    swap.swap(axis, rank - 1);
    let last = importer.transpose(call, value, swap.clone())?;
    let mut shape = importer.graph.shape(last).to_vec();
    shape[rank - 1] = bias.len();
    let operator = Operator::Gemm { layer: Layer::Real { weights, bias } };
    let product = importer.push(call, operator, vec![last], shape)?;
    importer.transpose(call, product, swap)
}
