//! Sizes compared with their limits, by the name of what passes them.

use crate::error::DescriptionError as Error;
use crate::limits::{MAX_ELEMENTS, MAX_RANK};

/// A size as messages say it.
fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Refuses `got` of something above its limit, by the name of the node or tensor where it is
/// passed.
pub(crate) fn within(
    node: &str,
    what: &'static str,
    got: usize,
    limit: usize,
) -> Result<(), Error> {
    if got <= limit {
        return Ok(());
    }
    Err(Error::TooLarge { node: node.into(), what, got: size(got), limit: size(limit) })
}

/// Number of elements of a tensor: not empty, not too many, not of too many dimensions.
pub(crate) fn count(shape: &[usize], node: &str) -> Result<usize, Error> {
    within(node, "dimensions", shape.len(), MAX_RANK)?;
    if shape.contains(&0) {
        return Err(Error::Shape { node: node.into(), what: "a dimension is zero" });
    }
    let elements = shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .unwrap_or(usize::MAX);
    within(node, "tensor elements", elements, MAX_ELEMENTS)?;
    Ok(elements)
}
