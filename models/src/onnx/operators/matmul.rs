//! Products of two computed matrices, or of stacks of them.

use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::Importer;
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// As numpy's `matmul` has it: vectors are a row on the left or a column on the right, and the
/// dimensions before the last two broadcast.
pub(super) fn any<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    [a, b]: [ValueId; 2],
) -> Result<ValueId, Stop> {
    let (mut left, mut right) =
        (importer.graph.shape(a).to_vec(), importer.graph.shape(b).to_vec());
    if left.is_empty() || right.is_empty() {
        return Err(Stop::because("one of its operands is a single number; use Mul"));
    }
    let vectors = [left.len() == 1, right.len() == 1];
    if vectors[0] {
        left.insert(0, 1);
    }
    if vectors[1] {
        right.push(1);
    }
    let (a, b) =
        (importer.reshape(call, a, left.clone())?, importer.reshape(call, b, right.clone())?);
    let [left_matrix, right_matrix] =
        [&mut left, &mut right].map(|shape| shape.split_off(shape.len() - 2));
    let batches = broadcast_shapes(&left, &right)?;
    let a = importer.expand(call, a, &[&batches[..], &left_matrix].concat())?;
    let b = importer.expand(call, b, &[&batches[..], &right_matrix].concat())?;
    let value = product(importer, call, [a, b])?;
    let mut shape = batches;
    if !vectors[0] {
        shape.push(left_matrix[0]);
    }
    if !vectors[1] {
        shape.push(right_matrix[1]);
    }
    importer.reshape(call, value, shape)
}

/// The product of two stacks of as many matrices.
pub(super) fn product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    operands: [ValueId; 2],
) -> Result<ValueId, Stop> {
    let shape = shape(importer, operands)?;
    let operator = Operator::MatMul { factor: 1.0, one_hot: false };
    importer.push(call, operator, operands.to_vec(), shape)
}

/// Its shape.
pub(super) fn shape(importer: &Importer<'_>, [a, b]: [ValueId; 2]) -> Result<Vec<usize>, Stop> {
    let (left, right) = (importer.graph.shape(a), importer.graph.shape(b));
    match (left, right) {
        ([batches @ .., rows, terms], [others @ .., inner, columns])
            if batches == others && terms == inner =>
        {
            Ok([batches, &[*rows, *columns]].concat())
        }
        _ => Err(Stop::Because(format!("shapes {left:?} and {right:?} cannot be multiplied"))),
    }
}
