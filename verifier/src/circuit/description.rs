//! The circuit description: a network as the argument sees it, and so the verifying key.
//!
//! A [`Description`] is a graph of small operators on integer tensors. Linear ones ([`Contract`],
//! [`Combine`], [`View`]) own no cells: they only say how values depend on each other.
//! [`Requantise`], [`Bounded`] and [`OutputSource::ArgMax`] own cells, every one of which is looked
//! up in a public table. Products of committed values ([`Product`], and [`Contract`] with sealed
//! weights) own two factors each, a [`Hadamard`] both operands of each element. From the
//! description alone the verifier derives shapes, intervals, tables, layout and the linear map of
//! the adjoint check; nothing else is trusted.
//! [`crate::VerifyingKey::new`] checks all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::circuit::bounded::{Bounded, Hint, Source};
pub use crate::circuit::function::{Function, FunctionId};
pub use crate::circuit::output::{ArgMax, Choice, Greedy, OutputSource};
pub use crate::circuit::slice::SliceAt;
use crate::limits::{MAX_ELEMENTS, MAX_NODES, MAX_RANK, MAX_TENSORS, bounded};
pub use crate::visibility::Visibility;

/// Index of a node in [`Description::nodes`].
pub type NodeId = usize;

/// A circuit: operators, shapes, ranges, tables and public weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The model's name, shown to people and bound by the key's digest.
    pub name: String,
    /// `n = 2^k` rows.
    pub k: u32,
    /// Bits of a remainder limb; every rescale shifts by a multiple of it.
    pub limb_bits: u32,
    /// Digits of a sealed bias: `bias = Σ digit_i·64^i` with digits in `−32..=31`. Zero if no
    /// contraction is sealed.
    pub bias_digits: u32,
    /// The input tensors, in statement order.
    #[serde(deserialize_with = "bounded::<_, _, MAX_TENSORS>")]
    pub inputs: Vec<Input>,
    /// The functions that requantisations read, in the order in which they are first read.
    #[serde(deserialize_with = "bounded::<_, _, MAX_NODES>")]
    pub functions: Vec<Function>,
    /// The operators, each reading earlier nodes only.
    #[serde(deserialize_with = "bounded::<_, _, MAX_NODES>")]
    pub nodes: Vec<Node>,
    /// The output tensors, in statement order.
    #[serde(deserialize_with = "bounded::<_, _, MAX_TENSORS>")]
    pub outputs: Vec<Output>,
}

/// How people read an integer: `real = scale · (integer − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantisation {
    /// Real units per step; positive and finite.
    pub scale: f64,
    /// The integer that stands for zero.
    pub zero_point: i64,
}

/// How people read a tensor's integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scheme {
    /// All of them alike.
    PerTensor(Quantisation),
    /// By their index along a dimension: columns in different units, boxes beside scores.
    PerAxis {
        /// The dimension.
        axis: usize,
        /// For each index; not all are equal.
        #[serde(deserialize_with = "bounded::<_, _, MAX_ELEMENTS>")]
        parts: Vec<Quantisation>,
    },
}

/// An input tensor and its declared range; whatever lies outside it is rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Name in the model.
    pub name: String,
    /// Dimensions, row-major.
    #[serde(deserialize_with = "bounded::<_, _, MAX_RANK>")]
    pub shape: Vec<usize>,
    /// Smallest integer allowed.
    pub minimum: i64,
    /// Largest integer allowed.
    pub maximum: i64,
    /// How people read it.
    pub quantisation: Scheme,
    /// What a proof shows of it.
    pub visibility: Visibility,
}

/// An output tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Name in the model.
    pub name: String,
    /// Dimensions as people know them: those of the source, with or without dimensions of one.
    #[serde(deserialize_with = "bounded::<_, _, MAX_RANK>")]
    pub shape: Vec<usize>,
    /// What it is bound to.
    pub source: OutputSource,
    /// How people read it.
    pub quantisation: Scheme,
    /// What a proof shows of it; never [`Visibility::Private`], and always public for an ArgMax.
    pub visibility: Visibility,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// Where it comes from in the model, for errors and reports.
    pub name: String,
    /// What it computes.
    pub operator: Operator,
}

/// What a node computes. All tensors are row-major.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// An input, by index. Owns cells unless it is public.
    Input(usize),
    /// Convolution, matrix product, pooling sum. No cells.
    Contract(Contract),
    /// Product of two activations, matrix by matrix. No cells.
    Product(Product),
    /// Sum of multiples of tensors of one shape. No cells.
    Combine(Combine),
    /// The same elements elsewhere. No cells.
    View(View),
    /// Division by a power of two, rounding down, then a function by table. Owns cells.
    Requantise(Requantise),
    /// The same elements in cells of their own, for a product that is read otherwise than by one
    /// requantisation or output.
    Copy(NodeId),
    /// Integers of so many bits: a range check, or what the prover chooses. Owns cells.
    Bounded(Bounded),
    /// A public input as indices of a table. No cells.
    OneHot(OneHot),
    /// Product of two activations, element by element. Owns cells.
    Hadamard(Hadamard),
    /// Some indices of a dimension, from the one that a public input says. No cells.
    SliceAt(SliceAt),
}

/// `y[o, p] = row_factors[o]·column_factors[p]·Σ_t weights[o, t]·im2col(x)[t, p] + bias[o]`, where
/// `x` has shape `[C, H, W]`, `t` runs over `C/groups` channels and the kernel, and `p` over output
/// positions. Padding contributes zero.
///
/// With sealed weights `row_factors[o]·sealed_bias[o]` is added. See `docs/sealed.md`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contract {
    /// The node read, of shape `[C, H, W]`.
    pub input: NodeId,
    /// Output channels `M`; the result has shape `[M, H', W']`.
    pub rows: usize,
    /// Channel groups; divides `C` and `M`.
    pub groups: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Distance between kernel elements, down and right.
    pub dilations: [usize; 2],
    /// The kernels.
    pub weights: Weights,
    /// One per output channel.
    pub row_factors: Vec<i64>,
    /// One per output position, or none for all ones.
    pub column_factors: Vec<i64>,
    /// One per output channel.
    pub bias: Vec<i64>,
}

/// The weights of a [`Contract`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Weights {
    /// `[M, C/groups, kernel height, kernel width]`, part of the key.
    Public(Vec<i8>),
    /// As many, between −128 and 127, and one bias per output channel: committed to by the model's
    /// seal.
    Sealed,
    /// The public ones of the contraction at an earlier node, which has as many rows and as many
    /// taps a row.
    PublicOf(NodeId),
    /// The sealed ones of such a contraction, and biases of its own.
    SealedOf(NodeId),
}

/// `y[b, m, n] = Σ_t left[b, m, t]·right[b, n, t]`: a batch of products of one activation with
/// another, transposed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Product {
    /// A node of shape `[B, M, T]`.
    pub left: NodeId,
    /// A node of shape `[B, N, T]`.
    pub right: NodeId,
}

/// `y_i = left_i·right_i`, element by element, of two nodes of one shape. Its operands have cells
/// of their own, so anything may read it, and any number of times.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hadamard {
    /// One operand.
    pub left: NodeId,
    /// The other, perhaps the same node.
    pub right: NodeId,
}

/// `y = Σ_j factor_j · x_j + constant`, element by element, all of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Combine {
    /// Node and factor; at least one.
    pub terms: Vec<(NodeId, i64)>,
    /// None, one for all elements, or one per element.
    pub constant: Vec<i64>,
}

/// Elements of the inputs at other places.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct View {
    /// The nodes read: one, except for [`ViewKind::Concat`].
    pub inputs: Vec<NodeId>,
    /// Which elements go where.
    pub kind: ViewKind,
}

/// Which elements a [`View`] takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ViewKind {
    /// All, in the same order, under another shape.
    Reshape(Vec<usize>),
    /// Output dimension `i` is input dimension `permutation[i]`.
    Transpose(Vec<usize>),
    /// Indices `start, start + step, …` of one dimension, `count` of them.
    Slice {
        /// The dimension.
        axis: usize,
        /// First index.
        start: usize,
        /// Distance between indices, possibly negative.
        step: i64,
        /// How many.
        count: usize,
    },
    /// A constant around the tensor.
    Pad {
        /// Elements before, one entry per dimension.
        before: Vec<usize>,
        /// Elements after, one entry per dimension.
        after: Vec<usize>,
        /// The constant.
        value: i64,
    },
    /// The inputs one after another along a dimension.
    Concat(usize),
}

/// `y = function(⌊x / 2^shift⌋)`: the only door to non-linearity.
///
/// The division is proven by range-checked remainder limbs, the function by a table. See
/// `docs/argument/requantise.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requantise {
    /// The node read.
    pub input: NodeId,
    /// Bits of the remainder, at most 60; with none nothing is divided.
    pub shift: u32,
    /// The number of the function of the quotient.
    pub function: FunctionId,
    /// How the quotient meets the table.
    pub form: Form,
}

/// How a quotient meets its function's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// One table over every quotient the declared ranges allow. Cells: quotient, result.
    Narrow,
    /// The quotient is split as `minimum + low + radix·high`, `radix` the function's table length;
    /// a table turns `high` into *below*, *inside* or *above*, which together with `low` selects
    /// the result. Cells: high, side, low, result.
    Wide,
    /// The function changes nothing, and the quotient is the result, looked up in the range of the
    /// function's values. Cells: result. Where a quotient is outside there is no proof: whoever
    /// writes the description answers for it that none is.
    Plain,
}

/// `y[t, 0, p] = 1` where element `p` of a public input is `first + t`, else 0: of shape `[count,
/// 1, P]`, one 1 for each `p`, since the input's range is checked.
///
/// A contraction of one tap a channel over it reads a table, `W[o, x[p] − first]`, and then the
/// equation is linear in sealed weights too: it takes no factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OneHot {
    /// Index of the input, which is public.
    pub input: usize,
    /// The index of the table's first column; no element is less.
    pub first: i64,
    /// Columns of the table; no element is beyond the last.
    pub count: usize,
}

impl Weights {
    /// The weights where they are public and the contraction's own.
    pub fn public(&self) -> Option<&[i8]> {
        match self {
            Self::Public(weights) => Some(weights),
            _ => None,
        }
    }

    /// Whether a seal commits to them.
    pub fn are_sealed(&self) -> bool {
        matches!(self, Self::Sealed | Self::SealedOf(_))
    }

    /// The contraction whose they are, if they are not its own.
    pub fn owner(&self) -> Option<NodeId> {
        match self {
            Self::PublicOf(owner) | Self::SealedOf(owner) => Some(*owner),
            Self::Public(_) | Self::Sealed => None,
        }
    }
}

impl Description {
    /// The contraction that a node is, if it is one.
    pub fn contraction(&self, node: NodeId) -> Option<&Contract> {
        match &self.nodes.get(node)?.operator {
            Operator::Contract(contract) => Some(contract),
            _ => None,
        }
    }

    /// The node whose weights a node reads: itself, or an earlier one.
    pub fn owner(&self, node: NodeId) -> NodeId {
        self.contraction(node).and_then(|contract| contract.weights.owner()).unwrap_or(node)
    }

    /// The indices at which a contraction reads a table, if that is what it does.
    pub fn table(&self, contract: &Contract) -> Option<&OneHot> {
        let plain = contract.kernel == [1; 2]
            && contract.strides == [1; 2]
            && contract.pads == [0; 4]
            && contract.groups == 1
            && contract.column_factors.is_empty();
        match &self.nodes.get(contract.input)?.operator {
            Operator::OneHot(indices) if plain => Some(indices),
            _ => None,
        }
    }

    /// Whether a node multiplies committed values with each other, which takes a pair of factor
    /// columns.
    pub fn is_bilinear(&self, node: NodeId) -> bool {
        match self.nodes.get(node).map(|node| &node.operator) {
            Some(Operator::Product(_)) => true,
            Some(Operator::Contract(contract)) => match contract.weights {
                Weights::Public(_) | Weights::PublicOf(_) => false,
                Weights::Sealed => self.table(contract).is_none(),
                Weights::SealedOf(_) => true,
            },
            _ => false,
        }
    }

    /// The bilinear nodes, in order: each has a pair of operands and a pair of factor columns.
    pub fn bilinear(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len()).filter(|&id| self.is_bilinear(id))
    }

    /// The function of a requantisation; every valid description has it.
    pub fn function(&self, requantise: &Requantise) -> Option<&Function> {
        self.functions.get(requantise.function)
    }

    /// Numbers the functions as every valid description does: in the order in which they are first
    /// read, each once, and none that nothing reads.
    pub fn number_functions(&mut self) {
        let functions = std::mem::take(&mut self.functions);
        let mut numbers: BTreeMap<&Function, FunctionId> = BTreeMap::new();
        let mut known: BTreeMap<FunctionId, FunctionId> = BTreeMap::new();
        for node in &mut self.nodes {
            let Operator::Requantise(requantise) = &mut node.operator else { continue };
            let list = &mut self.functions;
            let number = *known.entry(requantise.function).or_insert_with_key(|old| {
                // One that does not exist is no other now either.
                let Some(function) = functions.get(*old) else { return FunctionId::MAX };
                *numbers.entry(function).or_insert_with(|| {
                    list.push(function.clone());
                    list.len().saturating_sub(1)
                })
            });
            requantise.function = number;
        }
    }

    /// The public weights that a contraction reads, whosever they are.
    pub fn public_weights<'a>(&'a self, contract: &'a Contract) -> Option<&'a [i8]> {
        match contract.weights {
            Weights::PublicOf(owner) => self.contraction(owner)?.weights.public(),
            _ => contract.weights.public(),
        }
    }
}

impl Operator {
    /// The nodes that its result or its equation reads: not what a hint looks at.
    pub fn operands(&self) -> impl Iterator<Item = NodeId> + '_ {
        let (pair, list): ([Option<NodeId>; 2], &[NodeId]) = match self {
            Self::Input(_) => ([None; 2], &[]),
            Self::Contract(contract) => ([Some(contract.input), None], &[]),
            Self::Product(product) => ([Some(product.left), Some(product.right)], &[]),
            Self::Hadamard(product) => ([Some(product.left), Some(product.right)], &[]),
            Self::Combine(_) => ([None; 2], &[]),
            Self::View(view) => ([None; 2], &view.inputs),
            Self::Requantise(requantise) => ([Some(requantise.input), None], &[]),
            Self::SliceAt(slice) => ([Some(slice.input), None], &[]),
            Self::Copy(input) => ([Some(*input), None], &[]),
            Self::Bounded(Bounded { source: Source::Equal { input }, .. }) => {
                ([Some(*input), None], &[])
            }
            Self::Bounded(_) | Self::OneHot(_) => ([None; 2], &[]),
        };
        let terms = if let Self::Combine(combine) = self { combine.terms.as_slice() } else { &[] };
        pair.into_iter()
            .flatten()
            .chain(list.iter().copied())
            .chain(terms.iter().map(|(node, _)| *node))
    }

    /// The input that it stands for, or whose integers say what it is.
    pub fn input(&self) -> Option<usize> {
        match self {
            Self::Input(input)
            | Self::OneHot(OneHot { input, .. })
            | Self::SliceAt(SliceAt { at: input, .. }) => Some(*input),
            _ => None,
        }
    }

    /// The node that a hint looks at.
    pub fn hinted(&self) -> Option<NodeId> {
        match self {
            Self::Bounded(Bounded { source: Source::Hint { input, .. }, .. }) => Some(*input),
            _ => None,
        }
    }

    /// Whether it is a contraction with sealed weights.
    pub fn has_sealed_weights(&self) -> bool {
        matches!(self, Self::Contract(contract) if contract.weights.are_sealed())
    }

    /// Whether one equation reads it, of rank one: a product of committed values, and what sealed
    /// weights make.
    pub fn has_one_reader(&self) -> bool {
        matches!(self, Self::Product(_)) || self.has_sealed_weights()
    }
}
