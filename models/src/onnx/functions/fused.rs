//! onnxruntime's attention and what stands before it: Attention, MultiHeadAttention,
//! GroupQueryAttention, RotaryEmbedding, EmbedLayerNormalization.

use super::expansion::{expand, function};
use super::scaled::{Scaled, split};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// All of the domain `com.microsoft`.
pub(super) const FUNCTIONS: &[Registration] = &[
    function(
        "Attention",
        &[
            "do_rotary",
            "mask_filter_value",
            "num_heads",
            "past_present_share_buffer",
            "qkv_hidden_sizes",
            "scale",
            "unidirectional",
        ],
        |i, call| expand(i, call, attention),
    ),
    function("EmbedLayerNormalization", &["epsilon", "mask_index_type"], |i, call| {
        expand(i, call, embedding)
    }),
    function(
        "GroupQueryAttention",
        &[
            "causal",
            "do_rotary",
            "k_quant_type",
            "kv_cache_bit_width",
            "kv_num_heads",
            "local_window_size",
            "num_heads",
            "qk_output",
            "rotary_interleaved",
            "scale",
            "smooth_softmax",
            "softcap",
            "v_quant_type",
        ],
        |i, call| expand(i, call, grouped),
    ),
    function(
        "MultiHeadAttention",
        &["mask_filter_value", "num_heads", "scale", "unidirectional"],
        |i, call| expand(i, call, multi_head),
    ),
    function(
        "RotaryEmbedding",
        &["interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale"],
        |i, call| expand(i, call, rotary),
    ),
];

fn shape(importer: &Importer<'_>, call: &Call<'_>, index: usize) -> Result<Vec<usize>, Stop> {
    Ok(importer.shape_of(&importer.operand(call, index)?))
}

/// The shape of an operand of three dimensions.
fn rows(importer: &Importer<'_>, call: &Call<'_>, index: usize) -> Result<[usize; 3], Stop> {
    let shape = shape(importer, call, index)?;
    <[usize; 3]>::try_from(shape.as_slice()).map_err(|_| {
        Stop::Because(format!("input {index} has shape {shape:?}, expected [N, L, W]"))
    })
}

fn heads(call: &Call<'_>, name: &str) -> Result<usize, Stop> {
    Ok(usize::try_from(call.int(name, 0)?).unwrap_or(0))
}

/// Refuses an operand that a file may leave out.
fn without(call: &Call<'_>, index: usize, what: &str) -> Result<(), Stop> {
    match call.input(index) {
        None => Ok(()),
        Some(_) => Err(Stop::Because(format!("it has {what} (input {index})"))),
    }
}

/// How many keys of before there are, by the dimension of an operand that counts them.
fn past(
    importer: &Importer<'_>,
    call: &Call<'_>,
    index: usize,
    rank: usize,
) -> Result<usize, Stop> {
    if call.input(index).is_none() {
        return Ok(0);
    }
    let shape = shape(importer, call, index)?;
    match shape.len() == rank {
        true => Ok(shape[rank - 2]),
        false => Err(Stop::Because(format!("its past (input {index}) has shape {shape:?}"))),
    }
}

/// Keys and values behind those of before.
fn present(past: usize, k: &str, v: &str, before: [&str; 2]) -> String {
    let joined = |old: &str, new: &str| match past {
        0 => format!("Identity ({new})"),
        _ => format!("Concat <axis = 2> ({old}, {new})"),
    };
    format!("present_key = {}\npresent_value = {}\n", joined(before[0], k), joined(before[1], v))
}

/// Projections of one input by one matrix, and attention.
fn attention(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    if call.flag("do_rotary", false)? {
        return Err(Stop::because(
            "attribute `do_rotary` is 1, which onnxruntime has no CPU kernel of",
        ));
    }
    if call.flag("past_present_share_buffer", false)? {
        return Err(Stop::because("its past and present share a buffer"));
    }
    let [batch, queries, _] = rows(importer, call, 0)?;
    let heads = heads(call, "num_heads")?;
    let weights = shape(importer, call, 1)?;
    let total = weights.last().copied().unwrap_or(0);
    let sizes = match call.ints("qkv_hidden_sizes")? {
        None => vec![total / 3; 3],
        Some(sizes) => sizes.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect(),
    };
    let [one, two, three] = sizes[..] else {
        return Err(Stop::Because(format!("attribute `qkv_hidden_sizes` is {sizes:?}")));
    };
    if weights.len() != 2 || one + two + three != total || one != two {
        return Err(Stop::Because(format!("sizes {sizes:?} of weights of shape {weights:?}")));
    }
    let past = past(importer, call, 4, 5)?;
    let mut text = "(X, W, B, mask, past, bias) => (Y, present)\n".to_owned();
    let mut made = Vec::new();
    // Three layers, each with scales of its own.
    for (begin, width) in [(0, one), (one, two), (one + two, three)] {
        let end = begin + width;
        let product = format!("MatMul (X, Slice (W, [{begin}], [{end}], [1]))");
        let layer = match call.input(2) {
            Some(_) => format!("Add ({product}, Slice (B, [{begin}], [{end}], [0]))"),
            None => product,
        };
        made.push(split(&layer, [batch, queries, width], heads)?);
    }
    let [(q, size), (k, _), (v, width)] = &made[..] else {
        return Err(Stop::because("it has no three projections"));
    };
    text += &format!("q = Identity ({q})\n");
    let before =
        |index: usize| format!("Squeeze (Slice (past, [{index}], [{}], [0]), [0])", index + 1);
    text += &present(past, k, v, [&before(0), &before(1)]);
    text += "present = Concat <axis = 0> (Unsqueeze (present_key, [0]), \
        Unsqueeze (present_value, [0]))\n";
    let sequence = [batch, heads, queries];
    let mut scaled = Scaled::plain(call, sequence, [past, queries], [*size, *width])?;
    scaled.added.extend(call.input(5).map(|_| "bias".to_owned()));
    scaled.added.extend(scaled.penalty(importer, call, (3, "mask"))?);
    Ok(text + &scaled.text(call)?)
}

/// Attention of queries, keys and values, each by itself or packed.
fn multi_head(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let packed = "its queries, keys and values are packed, which onnxruntime has no CPU kernel of";
    let query = shape(importer, call, 0)?;
    if query.len() == 5 || call.input(1).is_none() || call.input(2).is_none() {
        return Err(Stop::because(packed));
    }
    without(call, 8, "a past of computed length")?;
    let [batch, queries, width] = rows(importer, call, 0)?;
    let heads = heads(call, "num_heads")?;
    let given = [shape(importer, call, 1)?, shape(importer, call, 2)?];
    let bias = |name: &str, begin: usize, width: usize| match call.input(3) {
        Some(_) => format!("Add ({name}, Slice (B, [{begin}], [{}], [0]))", begin + width),
        None => name.to_owned(),
    };
    let (q, size) = split(&bias("Q", 0, width), [batch, queries, width], heads)?;
    let (k, v, new, size_of_values) = match (&given[0][..], &given[1][..]) {
        // Those of another sequence, with their bias.
        (&[_, _, new, _], &[_, _, _, size]) => ("K".to_owned(), "V".to_owned(), new, size),
        (&[_, new, wide], &[_, _, values]) => {
            let (k, _) = split(&bias("K", width, wide), [batch, new, wide], heads)?;
            let (v, size) = split(&bias("V", width + wide, values), [batch, new, values], heads)?;
            (k, v, new, size)
        }
        _ => return Err(Stop::because(packed)),
    };
    let past = past(importer, call, 6, 4)?;
    let sequence = [batch, heads, queries];
    let mut scaled = Scaled::plain(call, sequence, [past, new], [size, size_of_values])?;
    if scaled.causal && new != queries {
        return Err(Stop::Because(format!(
            "attribute `unidirectional` is 1 for {queries} queries and {new} keys"
        )));
    }
    scaled.added.extend(call.input(5).map(|_| "bias".to_owned()));
    scaled.added.extend(scaled.penalty(importer, call, (4, "mask"))?);
    let mut text = "(Q, K, V, B, mask, bias, past_key, past_value) => \
        (Y, present_key, present_value, scores)\n"
        .to_owned();
    text += &format!("q = Identity ({q})\n");
    text += &present(past, &k, &v, ["past_key", "past_value"]);
    Ok(text + &scaled.text(call)?)
}

/// Causal attention of more heads of queries than of keys. What is behind a sequence that ends
/// early is not specified, so `seqlens_k` matters only to a past.
fn grouped(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    for name in ["k_quant_type", "v_quant_type"] {
        let kind = call.string(name, "NONE")?;
        if kind != "NONE" {
            return Err(Stop::Because(format!("attribute `{name}` is {kind:?}")));
        }
    }
    if call.int("qk_output", 0)? != 0 {
        return Err(Stop::because("attribute `qk_output` is not 0"));
    }
    without(call, 12, "scales of a quantised past")?;
    without(call, 14, "norms of queries and keys")?;
    without(call, 16, "lengths of queries")?;
    let (heads, kv_heads) = (heads(call, "num_heads")?, heads(call, "kv_num_heads")?);
    let [batch, queries, wide] = rows(importer, call, 0)?;
    let past = past(importer, call, 3, 4)?;
    let keys = past + queries;
    let last = importer.integers(call, 5).ok().flatten();
    if past > 0 && last.is_none_or(|last| last != vec![keys as i64 - 1; batch]) {
        return Err(Stop::Because(format!(
            "its past has room for {past} keys, and how many of them count is not known"
        )));
    }
    let mut text = "(Q, K, V, past_key, past_value, lengths, total, cosines, sines, positions, \
        bias, sink) => (Y, present_key, present_value)\n"
        .to_owned();
    let parts = match call.input(1) {
        Some(_) => [
            ("Q".to_owned(), wide),
            ("K".to_owned(), rows(importer, call, 1)?[2]),
            ("V".to_owned(), rows(importer, call, 2)?[2]),
        ],
        None => {
            let size = wide / (heads + 2 * kv_heads).max(1);
            let [middle, right] = [heads * size, (heads + kv_heads) * size];
            let part = |begin: usize, end: usize| {
                (format!("Slice (Q, [{begin}], [{end}], [2])"), end - begin)
            };
            [part(0, middle), part(middle, right), part(right, wide)]
        }
    };
    let [q, k, v] = parts;
    let (mut q, size) = split(&q.0, [batch, queries, q.1], heads)?;
    let (mut k, _) = split(&k.0, [batch, queries, k.1], kv_heads)?;
    let (v, width) = split(&v.0, [batch, queries, v.1], kv_heads)?;
    if call.flag("do_rotary", false)? {
        let interleaved = i64::from(call.flag("rotary_interleaved", false)?);
        let turned = 2 * shape(importer, call, 7)?.last().copied().unwrap_or(0);
        // Of the positions that are given, only the first is read.
        let first = match call.input(9) {
            Some(_) => "Slice (Reshape (positions, [-1]), [0], [1], [0])".to_owned(),
            None => past.to_string(),
        };
        text += &format!(
            "at = Expand (Reshape (Add (Range (0, {queries}, 1), {first}), {:?}), {:?})\n",
            [1, queries],
            [batch, queries]
        );
        let turn = |x: &str| {
            format!(
                "RotaryEmbedding <interleaved = {interleaved}, rotary_embedding_dim = {turned}> \
                ({x}, cosines, sines, at)"
            )
        };
        (q, k) = (turn(&q), turn(&k));
    }
    text += &format!("q = Identity ({q})\n");
    text += &present(past, &k, &v, ["past_key", "past_value"]);
    let window = call.int("local_window_size", -1)?;
    let sink = match (call.input(11), call.int("smooth_softmax", 0)?) {
        (Some(_), _) => Some(format!("Reshape (sink, {:?})", [1, heads, 1, 1])),
        (None, 1) => Some("0.0".to_owned()),
        _ => None,
    };
    let scaled = Scaled {
        batch,
        heads,
        kv_heads,
        queries,
        past,
        keys,
        size,
        width,
        causal: call.flag("causal", true)?,
        window: usize::try_from(window).ok().filter(|&window| window > 0),
        added: call.input(10).map(|_| "bias".to_owned()).into_iter().collect(),
        sink,
    };
    Ok(text + &scaled.text(call)?)
}

/// ONNX's, with the positions second; a single one is that of the first element.
fn rotary(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    if call.flag("is_packed_batching", false)? {
        return Err(Stop::because("attribute `is_packed_batching` is 1"));
    }
    // The kernel does not read it.
    if call.float("scale", 1.0)? != 1.0 {
        return Err(Stop::because("attribute `scale` is not 1"));
    }
    let given = shape(importer, call, 0)?;
    let half = shape(importer, call, 2)?.last().copied().unwrap_or(0);
    let turned = heads(call, "rotary_embedding_dim")?;
    let (length, count) = match given[..] {
        [_, _, length, _] => (length, 0),
        [_, length, width] => match (heads(call, "num_heads")?, 2 * half) {
            (0, size @ 1..) => (length, width / size),
            (heads, _) => (length, heads),
        },
        _ => return Err(Stop::Because(format!("its input has shape {given:?}"))),
    };
    let positions = match shape(importer, call, 1)?.iter().product::<usize>() {
        1 => format!("Add (Range (0, {length}, 1), Reshape (positions, [1]))"),
        _ => "positions".to_owned(),
    };
    let interleaved = i64::from(call.flag("interleaved", false)?);
    Ok(format!(
        "(X, positions, cosines, sines) => (Y)
        at = Expand (Reshape ({positions}, {:?}), {:?})
        Y = RotaryEmbedding <interleaved = {interleaved}, num_heads = {count}, \
            rotary_embedding_dim = {turned}> (X, cosines, sines, at)",
        [shape(importer, call, 1)?.iter().product::<usize>().div_ceil(length).max(1), length],
        [given[0], length]
    ))
}

/// Rows of tables for words, positions and segments, added up and normalised. `mask_index` counts
/// the ones of the mask.
fn embedding(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let ids = shape(importer, call, 0)?;
    let [batch, length] = ids[..] else {
        return Err(Stop::Because(format!("its ids have shape {ids:?}, expected [N, L]")));
    };
    let epsilon = call.float("epsilon", 1e-12)?;
    let positions = match call.input(8) {
        Some(_) => "places".to_owned(),
        None => format!("Reshape (Range (0, {length}, 1), {:?})", [1, length]),
    };
    let mut sum = format!("Add (Gather (words, ids), Gather (positions, {positions}))");
    if call.input(1).is_some() && call.input(4).is_some() {
        sum = format!("Add ({sum}, Gather (kinds, segments))");
    }
    let ones = match call.input(7) {
        Some(_) => "ReduceSum <keepdims = 0> (Cast <to = 6> (Equal (mask, 1)), [1])".to_owned(),
        None => format!("Reshape ({:?}, {:?})", vec![0; batch], [batch]),
    };
    Ok(format!(
        "(ids, segments, words, positions, kinds, gamma, beta, mask, places) => \
        (Y, mask_index, sum)
        sum = {sum}
        mask_index = {ones}
        Y = LayerNormalization <epsilon = {epsilon:?}> (sum, gamma, beta)"
    ))
}
