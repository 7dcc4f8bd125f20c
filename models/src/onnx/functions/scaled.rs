//! onnxruntime's attention: from heads of queries, keys and values to what they come to, as its
//! CPU kernels have it.

use crate::onnx::build::importer::Importer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

/// What the three operators have in common.
pub(super) struct Scaled {
    pub(super) batch: usize,
    /// Heads of queries, a multiple of those of keys.
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) queries: usize,
    /// Keys of before, and all of them.
    pub(super) past: usize,
    pub(super) keys: usize,
    /// Length of a query and of a value.
    pub(super) size: usize,
    pub(super) width: usize,
    /// Whether a query sees no later key, and how many it sees at most.
    pub(super) causal: bool,
    pub(super) window: Option<usize>,
    /// Names of what is added to the scores, in order.
    pub(super) added: Vec<String>,
    /// A number for each head, or 0: the score of one more key, whose value is zero.
    pub(super) sink: Option<String>,
}

impl Scaled {
    /// As many heads of keys as of queries; a query sees all keys, or those before it.
    pub(super) fn plain(
        call: &Call<'_>,
        [batch, heads, queries]: [usize; 3],
        [past, new]: [usize; 2],
        [size, width]: [usize; 2],
    ) -> Result<Self, Stop> {
        Ok(Self {
            batch,
            heads,
            kv_heads: heads,
            queries,
            past,
            keys: past + new,
            size,
            width,
            causal: call.flag("unidirectional", false)?,
            window: None,
            added: Vec::new(),
            sink: None,
        })
    }

    /// `Y` and `scores` of `q`, `present_key` and `present_value`, each `[batch, heads, length,
    /// size]`.
    pub(super) fn text(&self, call: &Call<'_>) -> Result<String, Stop> {
        let Self { batch, heads, queries, keys, width, .. } = *self;
        let default = 1.0 / (self.size as f32).sqrt();
        // They take 0 as none.
        let scale = Some(call.float("scale", 0.0)?).filter(|&scale| scale != 0.0);
        let mut text = self.grouped("k", "present_key", self.size)?;
        text += &self.grouped("v", "present_value", width)?;
        let scale = scale.unwrap_or(default);
        text += &format!("m = Mul (MatMul (q, Transpose <perm = [0, 1, 3, 2]> (k)), {scale:?})\n");
        let cap = call.float("softcap", 0.0)?;
        text += &match cap > 0.0 {
            true => format!("s = Mul (Tanh (Mul (m, {:?})), {cap:?})\n", 1.0 / cap),
            false => "s = Identity (m)\n".to_owned(),
        };
        let mut scores = self.added.iter().fold("s".to_owned(), |s, b| format!("Add ({s}, {b})"));
        // What is known comes last, beside the softmax, which then leaves it out.
        if let Some(hidden) = self.hidden() {
            scores = format!("Add ({scores}, {hidden})");
        }
        text += &format!("scores = Identity ({scores})\n");
        text += &match &self.sink {
            None => "weights = Softmax (scores)\n".to_owned(),
            Some(sink) => format!(
                "more = Expand ({sink}, {:?})
                weights = Slice (Softmax (Concat <axis = 3> (scores, more)), [0], [{keys}], [3])\n",
                [batch, heads, queries, 1]
            ),
        };
        Ok(text
            + &format!(
                "Y = Reshape (Transpose <perm = [0, 2, 1, 3]> (MatMul (weights, v)), {:?})\n",
                [batch, queries, heads * width]
            ))
    }

    /// Each head of keys as often as queries share it.
    fn grouped(&self, name: &str, from: &str, size: usize) -> Result<String, Stop> {
        let Self { batch, heads, kv_heads, keys, .. } = *self;
        if heads == kv_heads {
            return Ok(format!("{name} = Identity ({from})\n"));
        }
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(Stop::Because(format!("{heads} heads of queries and {kv_heads} of keys")));
        }
        let wide = [batch, kv_heads, heads / kv_heads, keys, size];
        let joined = [batch, heads, keys, size];
        Ok(format!("{name} = Reshape (Expand (Unsqueeze ({from}, [2]), {wide:?}), {joined:?})\n"))
    }

    /// What hides later keys, and those too long ago.
    fn hidden(&self) -> Option<String> {
        let ahead = format!(
            "Sub (Add (Reshape (Range (0, {}, 1), {:?}), {}), Range (0, {}, 1))",
            self.queries,
            [self.queries, 1],
            self.past,
            self.keys
        );
        let later = self.causal.then(|| format!("GreaterOrEqual ({ahead}, 0)"));
        let near = self.window.map(|window| format!("Less ({ahead}, {window})"));
        let seen = match (later, near) {
            (Some(later), Some(near)) => format!("And ({later}, {near})"),
            (one, other) => one.or(other)?,
        };
        Some(format!("Where ({seen}, 0.0, -inf)"))
    }

    /// What a mask of integers, whole or as the places where keys begin and end, adds to scores.
    pub(super) fn penalty(
        &self,
        importer: &Importer<'_>,
        call: &Call<'_>,
        (index, name): (usize, &str),
    ) -> Result<Option<String>, Stop> {
        if call.input(index).is_none() {
            return Ok(None);
        }
        let Self { batch, queries, keys, .. } = *self;
        let filter = call.float("mask_filter_value", -10_000.0)?;
        let shape = importer.shape_of(&importer.operand(call, index)?);
        let wide = [batch, 1, if shape.len() == 3 { queries } else { 1 }, keys];
        let each = [batch, 1, 1, 1];
        let end = |first: usize| {
            let place = format!("Slice ({name}, [{first}], [{}])", first + batch);
            format!("Range (0, {keys}, 1), Reshape ({place}, {each:?})")
        };
        let seen = match shape[..] {
            [rows, columns] if [rows, columns] == [batch, keys] => {
                format!("Greater (Reshape ({name}, {wide:?}), 0)")
            }
            [a, b, c] if [a, b, c] == [batch, queries, keys] => {
                format!("Greater (Reshape ({name}, {wide:?}), 0)")
            }
            [count] if count == batch || count == 3 * batch + 2 => format!("Less ({})", end(0)),
            [count] if count == 2 * batch => {
                format!("And (Less ({}), GreaterOrEqual ({}))", end(0), end(batch))
            }
            ref other => {
                return Err(Stop::Because(format!(
                    "its mask (input {index}) has shape {other:?}, expected [{batch}, {keys}], \
                    [{batch}, {queries}, {keys}] or [{batch}]"
                )));
            }
        };
        Ok(Some(format!("Mul (Sub (1.0, Cast <to = 1> ({seen})), {filter:?})")))
    }
}

/// The text that makes `[batch, length, heads·size]` heads, and their size.
pub(super) fn split(
    name: &str,
    [batch, length, width]: [usize; 3],
    heads: usize,
) -> Result<(String, usize), Stop> {
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(Stop::Because(format!("{heads} heads do not divide a width of {width}")));
    }
    let size = width / heads;
    let each = [batch, length, heads, size];
    Ok((format!("Transpose <perm = [0, 2, 1, 3]> (Reshape ({name}, {each:?}))"), size))
}
