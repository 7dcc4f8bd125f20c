//! Attention and what stands before it: rotary embeddings, gates, causal convolutions.

use super::expansion::{expand, function};
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;

pub(super) const FUNCTIONS: &[Registration] = &[
    function(
        "Attention",
        &[
            "is_causal",
            "kv_num_heads",
            "left_window_size",
            "q_num_heads",
            "qk_matmul_output_mode",
            "right_window_size",
            "scale",
            "softcap",
            "softmax_precision",
        ],
        |i, call| expand(i, call, attention),
    ),
    function("CausalConvWithState", &["activation"], |i, call| expand(i, call, causal_conv)),
    function(
        "RotaryEmbedding",
        &["interleaved", "num_heads", "rotary_embedding_dim"],
        |i, call| expand(i, call, rotary),
    ),
    function("SwiGLU", &["alpha"], |i, call| expand(i, call, swiglu)),
];

fn shape(importer: &Importer<'_>, call: &Call<'_>, index: usize) -> Result<Vec<usize>, Stop> {
    Ok(importer.shape_of(&importer.operand(call, index)?))
}

/// Batch, heads, length and size of an operand, and the text that makes it of that shape.
fn heads(
    importer: &Importer<'_>,
    call: &Call<'_>,
    index: usize,
    (name, count): (&str, &str),
) -> Result<([usize; 4], String), Stop> {
    match shape(importer, call, index)?[..] {
        [batch, heads, length, size] => Ok(([batch, heads, length, size], name.to_owned())),
        [batch, length, width] => {
            let heads = usize::try_from(call.int(count, 0)?).unwrap_or(0);
            if heads == 0 || !width.is_multiple_of(heads) {
                return Err(Stop::Because(format!(
                    "attribute `{count}` is {heads}, which does not divide a width of {width}"
                )));
            }
            let size = width / heads;
            let split = [batch, length, heads, size];
            let text = format!("Transpose <perm = [0, 2, 1, 3]> (Reshape ({name}, {split:?}))");
            Ok(([batch, heads, length, size], text))
        }
        ref other => Err(Stop::Because(format!(
            "input {index} has shape {other:?}, expected [N, L, W] or [N, heads, L, W]"
        ))),
    }
}

/// `softmax(Q·Kᵀ·scale + mask)·V`. Which keys a query sees is known, but for masks that are
/// computed; where it sees none, the result is zero.
fn attention(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let ([batch, q_heads, queries, size], q) = heads(importer, call, 0, ("Q", "q_num_heads"))?;
    let ([_, kv_heads, new, _], k) = heads(importer, call, 1, ("K", "kv_num_heads"))?;
    let ([_, _, _, width], v) = heads(importer, call, 2, ("V", "kv_num_heads"))?;
    let past = if call.input(4).is_some() { shape(importer, call, 4)? } else { vec![0; 4] };
    let [_, _, past, _] = past[..] else {
        return Err(Stop::Because(format!("its past keys have shape {past:?}")));
    };
    let keys = past + new;
    let mut text = format!(
        "(Q, K, V, attn_mask, past_key, past_value, filled) => (Y, present_key, present_value, qk)
        q = Identity ({q})
        present_key = {}
        present_value = {}\n",
        if past > 0 {
            format!("Concat <axis = 2> (past_key, {k})")
        } else {
            format!("Identity ({k})")
        },
        if past > 0 {
            format!("Concat <axis = 2> (past_value, {v})")
        } else {
            format!("Identity ({v})")
        },
    );
    if q_heads == kv_heads {
        text += "k = Identity (present_key)\nv = Identity (present_value)\n";
    } else if kv_heads > 0 && q_heads.is_multiple_of(kv_heads) {
        let repeated = |name: &str, from: &str, size: usize| {
            let wide = [batch, kv_heads, q_heads / kv_heads, keys, size];
            let joined = [batch, q_heads, keys, size];
            format!("{name} = Reshape (Expand (Unsqueeze ({from}, [2]), {wide:?}), {joined:?})\n")
        };
        text += &repeated("k", "present_key", size);
        text += &repeated("v", "present_value", width);
    } else {
        return Err(Stop::Because(format!("{q_heads} heads of queries and {kv_heads} of keys")));
    }
    let scale = call.float("scale", 1.0 / (size as f32).sqrt())?;
    text += &format!("raw = Mul (MatMul (q, Transpose <perm = [0, 1, 3, 2]> (k)), {scale:?})\n");
    let cap = call.float("softcap", 0.0)?;
    text += &match cap > 0.0 {
        true => format!("capped = Mul (Tanh (Mul (raw, {:?})), {cap:?})\n", 1.0 / cap),
        false => "capped = Identity (raw)\n".to_owned(),
    };
    text += &masks(importer, call, [batch, queries, keys, past])?;
    let shown = match call.int("qk_matmul_output_mode", 0)? {
        0 => "raw",
        1 => "capped",
        2 => "biased",
        3 => "weights",
        other => {
            return Err(Stop::Because(format!("attribute `qk_matmul_output_mode` is {other}")));
        }
    };
    let joined = [batch, queries, q_heads * width];
    let result = match shape(importer, call, 0)?.len() {
        3 => format!("Reshape (Transpose <perm = [0, 2, 1, 3]> (MatMul (weights, v)), {joined:?})"),
        _ => "MatMul (weights, v)".to_owned(),
    };
    Ok(text + &format!("Y = {result}\nqk = Identity ({shown})"))
}

/// `biased` and `weights` of `capped`.
fn masks(
    importer: &Importer<'_>,
    call: &Call<'_>,
    [batch, queries, keys, past]: [usize; 4],
) -> Result<String, Stop> {
    let mut text = String::new();
    let mut allowed = Vec::new();
    let filled = call.input(6).is_some();
    // How far each query is ahead of the key of its number.
    let offset = match filled {
        true => format!("Reshape (Sub (filled, {queries}), {:?})", [batch, 1, 1, 1]),
        false => past.to_string(),
    };
    let ahead = format!(
        "Sub (Add (Reshape (Range (0, {queries}, 1), {:?}), {offset}), Range (0, {keys}, 1))",
        [queries, 1]
    );
    if call.flag("is_causal", false)? {
        allowed.push(format!("GreaterOrEqual ({ahead}, 0)"));
    }
    let (left, right) = (call.int("left_window_size", -1)?, call.int("right_window_size", -1)?);
    if left >= 0 {
        allowed.push(format!("LessOrEqual ({ahead}, {left})"));
    }
    if right >= 0 {
        allowed.push(format!("GreaterOrEqual ({ahead}, {})", -right));
    }
    if filled {
        let each = [batch, 1, 1, 1];
        allowed.push(format!("Less (Range (0, {keys}, 1), Reshape (filled, {each:?}))"));
    }
    let mut known = true;
    let mut scores = "capped".to_owned();
    if let Some(name) = call.input(3) {
        let mut shape = shape(importer, call, 3)?;
        let missing = keys.saturating_sub(shape.last().copied().unwrap_or(keys));
        if let Some(last) = shape.last_mut() {
            *last = missing;
        }
        let boolean = importer.element_type(name) == DataType::Bool as i32;
        let filling = if boolean { "Cast <to = 9> (0)" } else { "-inf" };
        let mask = match missing {
            0 => "attn_mask".to_owned(),
            _ => format!("Concat <axis = -1> (attn_mask, Expand ({filling}, {shape:?}))"),
        };
        if boolean {
            known = matches!(importer.operand(call, 3)?, Operand::Constant(_));
            allowed.push(mask);
        } else {
            scores = format!("Add (capped, {mask})");
        }
    }
    let Some(first) = allowed.pop() else {
        return Ok(format!("biased = Identity ({scores})\nweights = Softmax (biased)\n"));
    };
    let all = allowed.iter().fold(first, |all, next| format!("And ({all}, {next})"));
    text += &format!(
        "allowed = Identity ({all})
        sees = Cast <to = 9> (ReduceMax (Cast <to = 6> (allowed), [-1]))
        open = Or (allowed, Not (sees))\n"
    );
    text += &match known {
        true => format!("biased = Add ({scores}, Where (open, 0.0, -inf))\n"),
        false => format!("biased = Where (open, {scores}, -inf)\n"),
    };
    Ok(text + "weights = Where (sees, Softmax (biased), 0.0)\n")
}

fn swiglu(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let alpha = call.float("alpha", 1.0)?;
    Ok(format!("(A, B) => (Y) Y = Mul (Swish <alpha = {alpha:?}> (A), B)"))
}

/// Pairs of numbers turned by the angle of their position.
fn rotary(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let ([batch, heads, length, size], x) = heads(importer, call, 0, ("X", "num_heads"))?;
    let turned = match usize::try_from(call.int("rotary_embedding_dim", 0)?).unwrap_or(0) {
        0 => size,
        some => some,
    };
    if turned > size || turned % 2 != 0 {
        return Err(Stop::Because(format!(
            "attribute `rotary_embedding_dim` is {turned}, expected an even number up to {size}"
        )));
    }
    let half = turned / 2;
    let angle = |name: &str| match call.input(3) {
        Some(_) => format!("Unsqueeze (Gather ({name}, positions), [1])"),
        None => format!("Unsqueeze ({name}, [1])"),
    };
    let interleaved = call.flag("interleaved", false)?;
    let [first, second] = match interleaved {
        true => [format!("[0], [{turned}], [3], [2]"), format!("[1], [{turned}], [3], [2]")],
        false => [format!("[0], [{half}], [3]"), format!("[{half}], [{turned}], [3]")],
    };
    let joined = match interleaved {
        true => format!(
            "Reshape (Concat <axis = 4> (Unsqueeze (real, [4]), Unsqueeze (imaginary, [4])), {:?})",
            [batch, heads, length, turned]
        ),
        false => "Concat <axis = 3> (real, imaginary)".to_owned(),
    };
    let whole = match turned == size {
        true => joined,
        false => format!("Concat <axis = 3> ({joined}, Slice (x, [{turned}], [{size}], [3]))"),
    };
    let back = match shape(importer, call, 0)?.len() {
        3 => format!(
            "Reshape (Transpose <perm = [0, 2, 1, 3]> (y), {:?})",
            [batch, length, heads * size]
        ),
        _ => "Identity (y)".to_owned(),
    };
    Ok(format!(
        "(X, cosines, sines, positions) => (Y)
        x = Identity ({x})
        c = {}
        s = {}
        a = Slice (x, {first})
        b = Slice (x, {second})
        real = Sub (Mul (a, c), Mul (b, s))
        imaginary = Add (Mul (a, s), Mul (b, c))
        y = {whole}
        Y = {back}",
        angle("cosines"),
        angle("sines")
    ))
}

/// A convolution of what has been, by each channel's own kernel.
fn causal_conv(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let (input, weight) = (shape(importer, call, 0)?, shape(importer, call, 1)?);
    let ([_, channels, length], [_, _, kernel @ (1..)]) = (&input[..], &weight[..]) else {
        return Err(Stop::Because(format!("weights of shape {weight:?} for an input {input:?}")));
    };
    let before = kernel - 1;
    let padded = match call.input(3) {
        Some(_) => "Concat <axis = 2> (past, X)".to_owned(),
        None => format!("Pad (X, {:?})", [0, 0, before, 0, 0, 0]),
    };
    let bias = if call.input(2).is_some() { ", B" } else { "" };
    let function = match call.string("activation", "none")?.as_str() {
        "none" => "Identity",
        "silu" | "swish" => "Swish",
        other => return Err(Stop::Because(format!("attribute `activation` is {other:?}"))),
    };
    Ok(format!(
        "(X, W, B, past) => (Y, present)
        x = {padded}
        Y = {function} (Conv <group = {channels}> (x, W{bias}))
        present = Slice (x, [{length}], [{}], [2])",
        length + before
    ))
}
