//! The quantised graph: a network whose every operator is defined on integers.
//!
//! This is the contract between the quantiser, which writes it, the
//! [interpreter](crate::integer::interpreter), which gives it meaning, and `zkinfer-circuits`,
//! which proves exactly that meaning. Operators keep their ONNX names; activations are integers of
//! at most 16 bits, signed or not, unless an operator that rescales leaves its accumulator as it
//! is, for a graph output or an [`Operator::Sum`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::integers::Integers;
pub use super::weights::Weights;
pub use crate::tensor::window::Window;

/// Index of a value: the graph's inputs come first, then one value per node.
pub type ValueId = usize;

/// A network on integers, in topological order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// The model's name, shown to people.
    pub name: String,
    /// The graph's inputs: values `0..inputs.len()`.
    pub inputs: Vec<Input>,
    /// The operators; node `i` produces value `inputs.len() + i` and reads only earlier values.
    pub nodes: Vec<Node>,
    /// The graph's outputs.
    pub outputs: Vec<Output>,
    /// The values whose integers stand for other numbers than their node or input says, by their
    /// index along a dimension. Nothing is computed differently for it.
    pub parts: BTreeMap<ValueId, Parts>,
}

/// How an integer stands for a real number: `real = scale · (integer − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantisation {
    /// Real units per integer step; positive and finite.
    pub scale: f64,
    /// The integer that stands for zero.
    pub zero_point: i64,
}

/// What integers stand for by their index along a dimension: columns in different units, boxes
/// beside scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// The dimension.
    pub axis: usize,
    /// For each index. Zero points may be any integers: nothing computes with them.
    pub each: Vec<Quantisation>,
}

/// An input of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The ONNX name.
    pub name: String,
    /// The ONNX shape, batch 1 included.
    pub shape: Vec<usize>,
    /// Scale and zero point.
    pub quantisation: Quantisation,
    /// The smallest integer allowed.
    pub minimum: i64,
    /// The largest integer allowed.
    pub maximum: i64,
}

/// An output of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The ONNX name.
    pub name: String,
    /// The value put out; its shape and quantisation are those of its node or input.
    pub value: ValueId,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The ONNX node's name (the first of those fused), or one made from its operator and position.
    pub name: String,
    /// The values read, in the operator's order.
    pub inputs: Vec<ValueId>,
    /// What is computed.
    pub operator: Operator,
    /// Shape of the result, batch 1 included.
    pub shape: Vec<usize>,
    /// Scale and zero point of the result.
    pub quantisation: Quantisation,
}

/// A function of one small integer, by table: `x ↦ values[clamp(x, minimum, maximum) − minimum]`.
///
/// With `values = minimum..=maximum` it is saturation; Relu and Clip only narrow the bounds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Function {
    /// The smallest argument in the table; smaller ones saturate to it.
    pub minimum: i64,
    /// The function's value at `minimum, minimum + 1, …`; at least one entry, at most
    /// [`MAX_TABLE`].
    pub values: Vec<i64>,
}

/// A function of two small integers, by table: `(a, b) ↦ values[i·counts[1] + j]` with `i = clamp(a
/// − minimum[0], 0, counts[0] − 1)` and `j` likewise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BinaryFunction {
    /// The smallest arguments in the table.
    pub minimum: [i64; 2],
    /// How many of each argument there are.
    pub counts: [usize; 2],
    /// `counts[0]·counts[1]` values, at most [`MAX_TABLE`].
    pub values: Vec<i64>,
}

/// Most entries of a table: one for every 16-bit integer.
pub const MAX_TABLE: usize = 1 << 16;

/// From an accumulator to an activation: `function(round(z / 2^shift) + zero_point)`, `z` the
/// scaled accumulator. With `shift = 0` nothing is rounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requantise {
    /// Fractional bits of `z`.
    pub shift: u32,
    /// Where halves go.
    pub ties: Ties,
    /// Zero point added before the function.
    pub zero_point: i64,
    /// Saturation, or saturation and activation in one.
    pub function: Function,
}

/// Where a value halfway between two integers is rounded to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ties {
    /// Up: `⌊(z + 2^(shift−1)) / 2^shift⌋`.
    #[default]
    Up,
    /// To the even neighbour, as ONNX's QuantizeLinear demands. `z` counts as halfway if it is
    /// within `slack` of it, for multipliers that are not exact.
    Even {
        /// Largest distance from a half; below a quarter of `2^shift`.
        slack: i64,
    },
}

/// The largest weight: three digits base 256 between −128 and 127 make it.
pub const MAX_WEIGHT: i32 = 127 * (1 + 256 + 65_536);
/// The largest bias: six digits base 64 between −32 and 31 make it.
pub const MAX_BIAS: i64 = 31 * (64i64.pow(6) - 1) / 63;

/// What the exponentials of a Softmax over so many elements are multiples of, but for the first,
/// which has 1 added: a power of two of at least twice as many, so that a sum says how many
/// elements are the largest.
pub fn mark(columns: usize) -> i64 {
    (2 * columns).next_power_of_two().max(4) as i64
}

/// An operator on integer tensors. `zp` is the zero point of the operand it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operator {
    /// `z[o] = multipliers[o] · (Σ weights·(x − zp) + bias[o])`, one input `[1, C, H, W]` or `[1,
    /// C, L]`; padding contributes zero. Without `requantise` the result is `z` itself.
    Convolution {
        /// Sliding window.
        window: Window,
        /// Groups; divides `C` and the output channels.
        groups: usize,
        /// `[M, C/groups, kh, kw]`, row-major, zero point subtracted, each at most [`MAX_WEIGHT`]
        /// in size.
        weights: Weights,
        /// One per output channel, at accumulator scale.
        bias: Vec<i64>,
        /// One per output channel, positive.
        multipliers: Vec<i64>,
        /// Rescaling to int8, activation included.
        requantise: Option<Requantise>,
    },
    /// `z[.., o] = multipliers[o] · (Σ_t weights[o, t]·(x[.., t] − zp) + bias[o])`: Gemm and MatMul
    /// over the last dimension of one input. Without `requantise` the result is `z` itself.
    Linear {
        /// `[M, T]`, row-major, zero point subtracted, each at most [`MAX_WEIGHT`] in size.
        weights: Weights,
        /// One per output feature.
        bias: Vec<i64>,
        /// One per output feature, positive.
        multipliers: Vec<i64>,
        /// Rescaling to int8, activation included.
        requantise: Option<Requantise>,
    },
    /// `z = Σ_j multipliers[j]·(x_j − zp_j) + constant`: Add and Sub of activations or of an
    /// activation and a constant, a rescaling (one input), all of one shape. Accumulators that were
    /// not requantised may be among the inputs. Without `requantise` the result is `z` itself.
    Sum {
        /// One per input; negative for a subtracted one.
        multipliers: Vec<i64>,
        /// One per element in row-major order, at the scale of `z`; empty means zero.
        constant: Vec<i64>,
        /// Rescaling to int8, activation included.
        requantise: Option<Requantise>,
    },
    /// `z[c, p] = multipliers[p] · Σ_window (x − zp)`: AveragePool and GlobalAveragePool.
    /// `multipliers` has one entry per output position (row-major over output height and width),
    /// since a window cut by the border may average fewer elements. Without
    /// `requantise` the result is `z` itself.
    AveragePool {
        /// Sliding window; padding contributes zero.
        window: Window,
        /// One per output position.
        multipliers: Vec<i64>,
        /// Rescaling to int8, activation included.
        requantise: Option<Requantise>,
    },
    /// Maximum over the window, padding excluded; quantisation is the input's.
    MaxPool {
        /// Sliding window; each window holds at least one element that is not padding.
        window: Window,
    },
    /// An activation by itself: the function of each element.
    Activation(
        /// From activation to activation.
        Function,
    ),
    /// `z = multiplier·(a − zp_a)·(b − zp_b)`, element by element, both of one shape. Without
    /// `requantise` the result is `z` itself.
    Product {
        /// Positive.
        multiplier: i64,
        /// Rescaling, activation included.
        requantise: Option<Requantise>,
    },
    /// A function of two inputs of one shape, element by element: Div, Pow, comparisons, logic.
    Binary(
        /// From two activations to one.
        BinaryFunction,
    ),
    /// The largest of two or more inputs of one shape, element by element; all share the node's
    /// quantisation.
    Max,
    /// The smallest, likewise.
    Min,
    /// Where: the second input where the first, which is 0 or 1, is 1, else the third. These two
    /// share the node's quantisation.
    Select,
    /// Known integers, in row-major order; reads nothing.
    Constant(Vec<i64>),
    /// The same integers in the node's shape. Nothing else changes but perhaps what they stand for:
    /// the node may have another scale and zero point.
    Reshape,
    /// Output dimension `i` is input dimension `permutation[i]`.
    Transpose {
        /// A permutation of the dimensions.
        permutation: Vec<usize>,
    },
    /// Elements `start, start + step, …` of one dimension, as many as the node's shape says.
    Slice {
        /// The dimension.
        axis: usize,
        /// The first index.
        start: usize,
        /// The distance between indices; may be negative.
        step: isize,
    },
    /// Constant padding.
    Pad {
        /// Elements before, one entry per dimension.
        before: Vec<usize>,
        /// Elements after, one entry per dimension.
        after: Vec<usize>,
        /// The integer padded with.
        value: i64,
    },
    /// Concatenation; all inputs share the node's quantisation.
    Concat {
        /// The dimension.
        axis: usize,
    },
    /// Index of the largest element along one dimension, which the node's shape keeps with length 1
    /// or drops. Only graph outputs.
    ArgMax {
        /// The dimension.
        axis: usize,
        /// Among equal elements take the last one (ONNX `select_last_index`) rather than the first.
        select_last: bool,
        /// The smallest element instead: ArgMin.
        smallest: bool,
    },
    /// The largest elements along one dimension, in falling order, as many as the node's shape
    /// says; among equal ones the first comes first.
    TopK {
        /// The dimension.
        axis: usize,
        /// The smallest ones instead, in rising order.
        smallest: bool,
        /// Their indices rather than the elements.
        indices: bool,
    },
    /// `z[.., m, n] = multiplier·Σ_t (a[.., m, t] − zp_a)·(b[.., t, n] − zp_b)`: the product of two
    /// matrices for each index of the dimensions before, which both have. Without `requantise` the
    /// result is `z` itself.
    MatMul {
        /// Positive.
        multiplier: i64,
        /// Rescaling, activation included.
        requantise: Option<Requantise>,
    },
    /// `y[.., d] = values[d, x[..] − minimum]`: for each element of the input, which has the node's
    /// shape but for the last dimension, a column of a table. No element leaves the table.
    Lookup {
        /// The element that the table's first column belongs to.
        minimum: i64,
        /// `[D, N]`, row-major, `D` the node's last dimension; each of at most 16 bits.
        values: Integers,
    },
    /// Softmax over the last dimension, of an activation or an accumulator. With `x_j = ⌊input_j /
    /// 2^shift⌋`, of the elements that a row sees:
    ///
    /// `d_j = min(max x − x_j, last)`, `e_j = exponentials[d_j]`, `r = ⌊2^reciprocal_bits / Σ e⌋`,
    /// `z_j = e_j·r`; an element that is not seen has the result that stands for `z = 0`.
    Softmax {
        /// Bits of the input that are dropped.
        shift: u32,
        /// By distance from the largest element. The first one is 1 modulo the
        /// [`mark`] of a row, all others are 0.
        exponentials: Vec<i64>,
        /// Bits of the numerator of the reciprocal.
        reciprocal_bits: u32,
        /// Which elements of the last two dimensions each row sees, at least one; all if empty.
        visible: Vec<bool>,
        /// Rescaling, halves up.
        requantise: Requantise,
    },
    /// Rows along the last dimension, of an activation or an accumulator, divided by the root of
    /// the sum of their squares. With `c_j = multiplier·(N·x_j − Σ x)` where it is `centred`, else
    /// `multiplier·(x_j − zp)`:
    ///
    /// `s = ⌊√(Σ c² + epsilon)⌋`, `r = ⌊2^reciprocal_bits / s⌋`, `z_j = c_j·r`.
    Normalise {
        /// Whether the mean is taken off.
        centred: bool,
        /// Positive.
        multiplier: i64,
        /// At least 1.
        epsilon: i64,
        /// Bits of the numerator of the reciprocal.
        reciprocal_bits: u32,
        /// Rescaling, halves up.
        requantise: Requantise,
    },
    /// Indices `n + offset, n + offset + 1, …` of one dimension of the first input, as many as the
    /// node's shape says, where `n` is the only element of the second, an input of the graph. What
    /// is beyond the end is the zero point.
    SliceAt {
        /// The dimension.
        axis: usize,
        /// What is added to `n`; no index is negative.
        offset: i64,
    },
    /// The next ids of a language model, of rows of logits. Reads these, the ids, how many of them
    /// are the prompt and how many behind it the answer; puts out the index of the largest element
    /// of each row, the first among equal ones. A proof shows that as many of them as the answer
    /// has ids are those ids, and that what stands behind is padding.
    ///
    /// Where the ids are `hidden`, the second operand are the ids that stand behind each row, and
    /// put out is by how much these differ from the indices: a proof shows that by nothing, in all
    /// rows. Only graph outputs.
    Greedy {
        /// Whether proofs hide the ids.
        hidden: bool,
        /// What stands behind the answer.
        padding: i64,
    },
}

impl Operator {
    /// The operator's name, as in ONNX except for the arithmetic ones, which stand for several.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Convolution { .. } => "Convolution",
            Self::Linear { .. } => "Linear",
            Self::Sum { .. } => "Sum",
            Self::AveragePool { .. } => "AveragePool",
            Self::MaxPool { .. } => "MaxPool",
            Self::Activation(_) => "Activation",
            Self::Product { .. } => "Product",
            Self::Binary(_) => "Binary",
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Select => "Select",
            Self::Constant(_) => "Constant",
            Self::Reshape => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Slice { .. } => "Slice",
            Self::Pad { .. } => "Pad",
            Self::Concat { .. } => "Concat",
            Self::ArgMax { .. } => "ArgMax",
            Self::TopK { .. } => "TopK",
            Self::Lookup { .. } => "Lookup",
            Self::Softmax { .. } => "Softmax",
            Self::Normalise { .. } => "Normalise",
            Self::MatMul { .. } => "MatMul",
            Self::SliceAt { .. } => "SliceAt",
            Self::Greedy { .. } => "Greedy",
        }
    }
}

impl Function {
    /// Saturation to `minimum..=maximum`.
    pub fn clamp(minimum: i64, maximum: i64) -> Self {
        Self { minimum, values: (minimum..=maximum).collect() }
    }

    /// The function's value at `argument`, saturating outside the table.
    pub fn apply(&self, argument: i64) -> i64 {
        let last = self.values.len() as i64 - 1;
        self.values[(argument - self.minimum).clamp(0, last) as usize]
    }
}

impl BinaryFunction {
    /// The function's value, saturating outside the table.
    pub fn apply(&self, left: i64, right: i64) -> i64 {
        let place = |argument: i64, side: usize| {
            (argument - self.minimum[side]).clamp(0, self.counts[side] as i64 - 1) as usize
        };
        self.values[place(left, 0) * self.counts[1] + place(right, 1)]
    }
}

impl Graph {
    /// Shape of a value.
    pub fn shape(&self, value: ValueId) -> &[usize] {
        match value.checked_sub(self.inputs.len()) {
            None => &self.inputs[value].shape,
            Some(node) => &self.nodes[node].shape,
        }
    }

    /// Scale and zero point of a value.
    pub fn quantisation(&self, value: ValueId) -> Quantisation {
        match value.checked_sub(self.inputs.len()) {
            None => self.inputs[value].quantisation,
            Some(node) => self.nodes[node].quantisation,
        }
    }
}
