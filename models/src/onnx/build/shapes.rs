//! Shapes that broadcast.

use crate::limits;
use crate::onnx::error::Stop;

/// The shape that two shapes broadcast to.
pub(in crate::onnx) fn broadcast_shapes(
    left: &[usize],
    right: &[usize],
) -> Result<Vec<usize>, Stop> {
    let rank = left.len().max(right.len());
    let length = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis])
    };
    let lengths = (0..rank).map(|axis| match (length(left, axis), length(right, axis)) {
        (left, right) if left == right => Some(left),
        (1, other) | (other, 1) => Some(other),
        _ => None,
    });
    let shape: Option<Vec<usize>> = lengths.collect();
    let shape = shape
        .ok_or_else(|| Stop::Because(format!("shapes {left:?} and {right:?} do not broadcast")))?;
    if !shape.contains(&0) {
        limits::tensor(&shape).map_err(Stop::TooLarge)?;
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::broadcast_shapes;

    #[test]
    fn shapes_broadcast_from_the_back() {
        assert_eq!(broadcast_shapes(&[1, 3, 1], &[4]).unwrap(), [1, 3, 4]);
        assert_eq!(broadcast_shapes(&[], &[2]).unwrap(), [2]);
        assert!(broadcast_shapes(&[3], &[2]).is_err());
    }
}
