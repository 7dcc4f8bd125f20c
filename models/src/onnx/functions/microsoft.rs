//! onnxruntime's operators that are several of ONNX's in one: what its optimiser leaves in a file.

use super::expansion::{copied, expand, function};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// Those of the domain `com.microsoft`.
pub(super) const FUNCTIONS: &[Registration] = &[
    function("BiasGelu", &[], |i, call| expand(i, call, bias_gelu)),
    function("FastGelu", &[], |i, call| expand(i, call, fast_gelu)),
    function(
        "FusedConv",
        &[
            "activation",
            "activation_params",
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ],
        |i, call| expand(i, call, conv),
    ),
    function(
        "FusedGemm",
        &[
            "activation",
            "activation_alpha",
            "activation_beta",
            "activation_gamma",
            "alpha",
            "beta",
            "transA",
            "transB",
        ],
        |i, call| expand(i, call, gemm),
    ),
    function("FusedMatMul", &["alpha", "transA", "transB"], |i, call| expand(i, call, mat_mul)),
    function("Gelu", &[], |i, call| expand(i, call, gelu)),
    function("QuickGelu", &["alpha"], |i, call| expand(i, call, quick_gelu)),
    function("SkipLayerNormalization", &["epsilon"], |i, call| expand(i, call, skip_layer)),
    function("SkipSimplifiedLayerNormalization", &["epsilon"], |i, call| {
        expand(i, call, skip_root_mean_square)
    }),
];

/// Those that onnxruntime adds to ONNX's own domain.
pub(super) const ADDED: &[Registration] =
    &[function("SimplifiedLayerNormalization", &["axis", "epsilon", "stash_type"], |i, call| {
        expand(i, call, root_mean_square)
    })];

fn gelu(_: &Importer<'_>, _: &Call<'_>) -> Result<String, Stop> {
    Ok("(X) => (Y) Y = Gelu (X)".into())
}

fn bias_gelu(_: &Importer<'_>, _: &Call<'_>) -> Result<String, Stop> {
    Ok("(X, B) => (Y) Y = Gelu (Add (X, B))".into())
}

fn fast_gelu(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let x = if call.input(1).is_some() { "Add (X, B)" } else { "X" };
    Ok(format!("(X, B) => (Y) Y = Gelu <approximate = \"tanh\"> ({x})"))
}

fn quick_gelu(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let alpha = call.float("alpha", 1.702)?;
    Ok(format!("(X) => (Y) Y = Swish <alpha = {alpha:?}> (X)"))
}

/// An activation by name, over `x`; its numbers are those of ONNX's operator, in order.
fn activation(name: &str, parameters: &[f32]) -> Result<String, Stop> {
    let names: &[&str] = match name {
        "Relu" | "Sigmoid" | "Tanh" | "HardSwish" | "Softplus" | "Softsign" => &[],
        "LeakyRelu" | "Elu" | "ThresholdedRelu" => &["alpha"],
        "HardSigmoid" => &["alpha", "beta"],
        "Clip" => {
            let [low, high] = parameters else {
                return Err(Stop::because("its Clip has no two bounds"));
            };
            return Ok(format!("Clip (x, {low:?}, {high:?})"));
        }
        "" => return Ok("Identity (x)".into()),
        other => return Err(Stop::Because(format!("attribute `activation` is {other:?}"))),
    };
    let given = names.iter().zip(parameters);
    let given: Vec<String> = given.map(|(name, number)| format!("{name} = {number:?}")).collect();
    Ok(format!("{name} <{}> (x)", given.join(", ")))
}

/// A convolution, a sum with another value, an activation.
fn conv(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let kept = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
    let parameters = call.floats("activation_params")?.unwrap_or(&[]);
    let function = activation(&call.string("activation", "")?, parameters)?;
    let bias = if call.input(2).is_some() { ", B" } else { "" };
    let conv = format!("Conv {} (X, W{bias})", copied(call, &kept)?);
    let sum = if call.input(3).is_some() { format!("Add ({conv}, Z)") } else { conv };
    Ok(format!("(X, W, B, Z) => (Y)\nx = Identity ({sum})\nY = {function}"))
}

fn gemm(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let mut parameters = Vec::new();
    for name in ["activation_alpha", "activation_beta", "activation_gamma"] {
        if call.has(name) {
            parameters.push(call.float(name, 0.0)?);
        }
    }
    let function = activation(&call.string("activation", "")?, &parameters)?;
    let added = if call.input(2).is_some() { ", C" } else { "" };
    let kept = copied(call, &["alpha", "beta", "transA", "transB"])?;
    Ok(format!("(A, B, C) => (Y)\nx = Gemm {kept} (A, B{added})\nY = {function}"))
}

/// A matrix product of operands that may be transposed, times a number.
fn mat_mul(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let mut operands = Vec::new();
    for (index, (name, flag)) in [("A", "transA"), ("B", "transB")].into_iter().enumerate() {
        let rank = importer.shape_of(&importer.operand(call, index)?).len();
        let mut order: Vec<usize> = (0..rank).collect();
        operands.push(match (call.flag(flag, false)?, rank) {
            (true, 2..) => {
                order.swap(rank - 1, rank - 2);
                format!("Transpose <perm = {order:?}> ({name})")
            }
            _ => name.to_owned(),
        });
    }
    let alpha = call.float("alpha", 1.0)?;
    Ok(format!("(A, B) => (Y) Y = Mul (MatMul ({}), {alpha:?})", operands.join(", ")))
}

/// A sum of two values and a bias, normalised.
fn skip_layer(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let epsilon = call.float("epsilon", 1e-12)?;
    let bias = if call.input(4).is_some() { "Add (Add (X, skip), bias)" } else { "Add (X, skip)" };
    let beta = if call.input(3).is_some() { ", beta" } else { "" };
    Ok(format!(
        "(X, skip, gamma, beta, bias) => (Y, mean, inverse, sum)
        sum = {bias}
        Y, mean, inverse = LayerNormalization <epsilon = {epsilon:?}> (sum, gamma{beta})"
    ))
}

fn skip_root_mean_square(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let epsilon = call.float("epsilon", 1e-12)?;
    let bias = if call.input(3).is_some() { "Add (Add (X, skip), bias)" } else { "Add (X, skip)" };
    Ok(format!(
        "(X, skip, gamma, bias) => (Y, mean, inverse, sum)
        sum = {bias}
        Y = RMSNormalization <epsilon = {epsilon:?}> (sum, gamma)"
    ))
}

fn root_mean_square(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let kept = copied(call, &["axis", "epsilon"])?;
    Ok(format!("(X, scale) => (Y) Y = RMSNormalization {kept} (X, scale)"))
}
