//! Normalisations: a value less its mean, divided by what it deviates from it.

use super::expansion::{expand, function};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const FUNCTIONS: &[Registration] = &[
    function("GroupNormalization", &["epsilon", "num_groups", "stash_type"], |i, call| {
        expand(i, call, group)
    }),
    function("LayerNormalization", &["axis", "epsilon", "stash_type"], |i, call| {
        expand(i, call, layer)
    }),
    function("LpNormalization", &["axis", "p"], |i, call| expand(i, call, lp)),
    function("MeanVarianceNormalization", &["axes"], |i, call| expand(i, call, mean_variance)),
    function("RMSNormalization", &["axis", "epsilon", "stash_type"], |i, call| {
        expand(i, call, root_mean_square)
    }),
];

/// Shape of the first operand.
fn shape(importer: &Importer<'_>, call: &Call<'_>) -> Result<Vec<usize>, Stop> {
    Ok(importer.shape_of(&importer.operand(call, 0)?))
}

/// The dimensions from the attribute `axis` on.
fn trailing(importer: &Importer<'_>, call: &Call<'_>) -> Result<Vec<usize>, Stop> {
    let rank = shape(importer, call)?.len();
    Ok((axis(call.int("axis", -1)?, rank)?..rank).collect())
}

fn layer(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let axes = trailing(importer, call)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    let scaled = match call.input(2) {
        Some(_) => "Add (Mul (n, Scale), B)",
        None => "Mul (n, Scale)",
    };
    Ok(format!(
        "(X, Scale, B) => (Y, Mean, InvStdDev)
        Mean = ReduceMean (X, {axes:?})
        d = Sub (X, Mean)
        InvStdDev = Pow (Add (ReduceMean (Mul (d, d), {axes:?}), {epsilon:?}), -0.5)
        n = Mul (d, InvStdDev)
        Y = {scaled}"
    ))
}

fn root_mean_square(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let axes = trailing(importer, call)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    Ok(format!(
        "(X, Scale) => (Y)
        i = Pow (Add (ReduceMean (Mul (X, X), {axes:?}), {epsilon:?}), -0.5)
        Y = Mul (Mul (X, i), Scale)"
    ))
}

/// Scale and offset are one for each channel since opset 21, and before one for each group.
fn group(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let shape = shape(importer, call)?;
    let [batch, channels, ref rest @ ..] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, C, …]")));
    };
    let groups = call.int("num_groups", 0)?;
    let groups = usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0 && channels.is_multiple_of(groups));
    let groups = groups.ok_or_else(|| {
        Stop::Because(format!("attribute `num_groups` does not divide {channels} channels"))
    })?;
    let epsilon = call.float("epsilon", 1e-5)?;
    let members = channels / groups;
    let given = if call.opset < 21 { [groups, 1] } else { [groups, members] };
    let along = [&[channels], &vec![1; rest.len()][..]].concat();
    let parameter = |name: &str| {
        format!(
            "Reshape (Expand (Reshape ({name}, {given:?}), {:?}), {along:?})",
            [groups, members]
        )
    };
    let (scale, bias) = (parameter("Scale"), parameter("B"));
    let stacked = [batch, groups, members * rest.iter().product::<usize>()];
    Ok(format!(
        "(X, Scale, B) => (Y)
        x = Reshape (X, {stacked:?})
        d = Sub (x, ReduceMean (x, [2]))
        i = Pow (Add (ReduceMean (Mul (d, d), [2]), {epsilon:?}), -0.5)
        n = Reshape (Mul (d, i), {shape:?})
        Y = Add (Mul (n, {scale}), {bias})"
    ))
}

fn mean_variance(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let axes = call.ints("axes")?.unwrap_or(&[0, 2, 3]);
    Ok(format!(
        "(X) => (Y)
        d = Sub (X, ReduceMean (X, {axes:?}))
        Y = Mul (d, Pow (Add (ReduceMean (Mul (d, d), {axes:?}), 1e-9), -0.5))"
    ))
}

/// A vector of zeros stays one.
fn lp(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let along = call.int("axis", -1)?;
    let norm = match call.int("p", 2)? {
        1 => "ReduceL1",
        2 => "ReduceL2",
        other => return Err(Stop::Because(format!("attribute `p` is {other}, expected 1 or 2"))),
    };
    Ok(format!("(X) => (Y) Y = Div (X, Max ({norm} (X, [{along}]), 1e-12))"))
}
