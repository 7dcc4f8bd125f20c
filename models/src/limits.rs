//! How large a network may be: what its shapes alone decide, so that it is known before anything of
//! that size is made. All of them are the verifier's own, so a network that breaks one has no
//! circuit.

/// Most elements of all tensors together.
pub const MAX_ELEMENTS: usize = 1 << 28;
/// Most multiplications of one run: weights times the positions that they are used at.
pub const MAX_PRODUCTS: usize = 1 << 36;
/// Most dimensions of a tensor.
pub const MAX_RANK: usize = 8;
/// Most operators, after ONNX's have been spelled out in those of the
/// [graph](crate::float::graph).
pub const MAX_NODES: usize = 1 << 16;
/// Most inputs and most outputs.
pub const MAX_TENSORS: usize = 1 << 12;

/// What to do about a network that is too large.
pub(crate) const ADVICE: &str = "give it smaller inputs (`--shape` and `--dim` set what the file \
    leaves open), or cut the file in pieces (`onnx.utils.extract_model`) and prove each by itself";

/// Elements of a tensor that may be one of a network.
pub(crate) fn tensor(shape: &[usize]) -> Result<usize, String> {
    if shape.len() > MAX_RANK {
        return Err(format!(
            "its shape has {} dimensions, expected at most {MAX_RANK}",
            shape.len()
        ));
    }
    if shape.contains(&0) {
        return Err(format!("its shape {shape:?} is empty"));
    }
    let count = shape.iter().fold(1usize, |count, &length| count.saturating_mul(length));
    if count <= MAX_ELEMENTS {
        return Ok(count);
    }
    Err(format!(
        "its shape {shape:?} has {count} elements, and a circuit at most {MAX_ELEMENTS} in all; \
        {ADVICE}"
    ))
}

/// Elements of a shape, however large.
pub(crate) fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1usize, |count, &length| count.saturating_mul(length))
}
