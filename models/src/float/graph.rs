//! The float graph: a network after import, before quantisation.
//!
//! Operators keep their ONNX names, constants live inside the operators that use them. Where the
//! file says itself how a value is quantised, the value has a [`Grid`]: the integers that it is one
//! of. All other values are quantised later, over calibrated ranges.

use super::layer::Layer;
use crate::float::activation::Activation;
use crate::float::binary::BinaryOperator;
use crate::integer::graph::{Output, ValueId};
use crate::integer::signature::{Grid, Input};
use crate::tensor::window::Window;

/// A network on real numbers, in topological order.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// The graph's inputs: values `0..inputs.len()`.
    pub inputs: Vec<Input>,
    /// The operators; node `i` computes value `inputs.len() + i` and reads only earlier values.
    pub nodes: Vec<Node>,
    /// The graph's outputs.
    pub outputs: Vec<Output>,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The ONNX node's name (the first of those fused), or one made from its operator and position.
    pub name: String,
    /// What is computed.
    pub operator: Operator,
    /// The activation applied to the operator's result, if one was fused.
    pub fused: Option<Activation>,
    /// The values read.
    pub inputs: Vec<ValueId>,
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Name of the ONNX value that the node computes.
    pub value: String,
    /// How its result is quantised, if the file says so.
    pub grid: Option<Grid>,
}

/// An operator on real tensors. Windows are as in [`crate::integer::graph`].
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Convolution over `[1, C, H, W]` or `[1, C, L]`.
    Conv {
        /// Sliding window.
        window: Window,
        /// Groups.
        groups: usize,
        /// Weights `[M, C/groups, kh, kw]`, row-major, and biases.
        layer: Layer,
    },
    /// Gemm, or MatMul with a constant, over the last dimension.
    Gemm {
        /// Weights `[M, T]`, row-major, and biases.
        layer: Layer,
    },
    /// `scale[c]·x + offset[c]`, `c` along dimension 1: BatchNormalization with its statistics
    /// folded.
    BatchNormalization {
        /// One per channel.
        scale: Vec<f32>,
        /// One per channel.
        offset: Vec<f32>,
    },
    /// Add and Sub: `Σ ±x_j + constant`, all of one shape.
    Add {
        /// One per input: whether it is subtracted.
        subtract: Vec<bool>,
        /// One per element of the result; empty means zero.
        constant: Vec<f64>,
    },
    /// AveragePool, GlobalAveragePool, ReduceMean and ReduceSum: the sum over the window divided by
    /// the position's divisor.
    AveragePool {
        /// Sliding window; padding contributes zero.
        window: Window,
        /// One per output position, row-major.
        divisors: Vec<usize>,
    },
    /// Maximum over the window, padding excluded.
    MaxPool {
        /// Sliding window.
        window: Window,
    },
    /// An activation that was not fused.
    Activation(Activation),
    /// Mul of two activations, element by element.
    Product,
    /// MatMul of two activations: `factor·Σ_t a[.., m, t]·b[.., t, n]`, the dimensions before being
    /// the same in both.
    MatMul {
        /// Positive.
        factor: f32,
        /// Whether the rows of the first are 0 but for at most a 1: they choose rows of the second.
        one_hot: bool,
    },
    /// Another function of two activations, element by element.
    Binary(BinaryOperator),
    /// Where: the second input where the first is true, else the third.
    Select,
    /// Known numbers, in row-major order; reads nothing.
    Constant(Vec<f64>),
    /// QuantizeLinear: the nearest number of the node's grid.
    Quantize,
    /// The integers that stand for the input, read on the node's grid: DequantizeLinear, or
    /// integers as numbers.
    Relabel,
    /// The same elements in the node's shape: Reshape, Flatten, Squeeze, Unsqueeze.
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
        /// The real number padded with.
        value: f32,
    },
    /// Concatenation.
    Concat {
        /// The dimension.
        axis: usize,
    },
    /// Index of the largest element along one dimension, which the node's shape keeps with length 1
    /// or drops.
    ArgMax {
        /// The dimension.
        axis: usize,
        /// Among equal elements take the last one.
        select_last: bool,
        /// The smallest element instead: ArgMin.
        smallest: bool,
    },
    /// The largest elements along one dimension, as many as the node's shape says, in falling
    /// order.
    TopK {
        /// The dimension.
        axis: usize,
        /// The smallest ones instead, in rising order.
        smallest: bool,
        /// Their indices rather than the elements.
        indices: bool,
    },
    /// Rows of a table, one for each element of the input, which is whole: the element's, counted
    /// from the end where it is negative. The node's shape is the input's and the length of a row.
    Lookup {
        /// `[rows, length]`, row-major.
        table: Vec<f64>,
    },
    /// `e^x / Σ e^x`, the sum over the elements of the last dimension that a row sees; 0 for the
    /// others.
    Softmax {
        /// Which elements of the last two dimensions each row sees, at least one; all if empty.
        visible: Vec<bool>,
    },
    /// `factor·d/√(mean d² + epsilon)`, the mean over the last dimension; `d` is `x`, or `x` less
    /// its mean.
    Normalise {
        /// Whether the mean is taken off.
        centred: bool,
        /// Not negative.
        epsilon: f64,
        /// Positive.
        factor: f64,
    },
    /// Linear interpolation along one dimension: `matrix·x`, rows of weights that are not negative
    /// and sum to one.
    Interpolate {
        /// The dimension.
        axis: usize,
        /// `[new length, old length]`, row-major.
        matrix: Vec<f32>,
    },
}

impl Operator {
    /// The operator's ONNX name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "Conv",
            Self::Gemm { .. } => "Gemm",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::Add { .. } => "Add",
            Self::AveragePool { .. } => "AveragePool",
            Self::MaxPool { .. } => "MaxPool",
            Self::Activation(activation) => activation.name(),
            Self::Product => "Mul",
            Self::MatMul { .. } => "MatMul",
            Self::Binary(operator) => operator.name(),
            Self::Select => "Where",
            Self::Constant(_) => "Constant",
            Self::Quantize => "QuantizeLinear",
            Self::Relabel => "DequantizeLinear",
            Self::Reshape => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Slice { .. } => "Slice",
            Self::Pad { .. } => "Pad",
            Self::Concat { .. } => "Concat",
            Self::ArgMax { smallest: false, .. } => "ArgMax",
            Self::ArgMax { .. } => "ArgMin",
            Self::TopK { .. } => "TopK",
            Self::Lookup { .. } => "Gather",
            Self::Softmax { .. } => "Softmax",
            Self::Normalise { centred: true, .. } => "LayerNormalization",
            Self::Normalise { .. } => "RMSNormalization",
            Self::Interpolate { .. } => "Resize",
        }
    }

    /// Numbers inside the operator: weights, constants, divisors.
    pub(crate) fn numbers(&self) -> usize {
        match self {
            Self::Conv { layer, .. } | Self::Gemm { layer } => layer.numbers(),
            Self::BatchNormalization { scale, offset } => scale.len() + offset.len(),
            Self::Add { constant, .. } => constant.len(),
            Self::AveragePool { divisors, .. } => divisors.len(),
            Self::Constant(values) => values.len(),
            Self::Lookup { table } => table.len(),
            Self::Interpolate { matrix, .. } => matrix.len(),
            _ => 0,
        }
    }

    /// The weights of a layer that the file has not quantised.
    pub(crate) fn real_weights(&self) -> Option<&[f32]> {
        match self {
            Self::Conv { layer: Layer::Real { weights, .. }, .. }
            | Self::Gemm { layer: Layer::Real { weights, .. } } => Some(weights),
            _ => None,
        }
    }

    /// Output channels of a layer.
    pub(crate) fn channels(&self) -> Option<usize> {
        match self {
            Self::Conv { layer, .. } | Self::Gemm { layer } => Some(layer.channels()),
            _ => None,
        }
    }

    /// Whether the result holds elements of the (only) input and nothing else, each moved to a new
    /// place.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Reshape | Self::Transpose { .. } | Self::Slice { .. })
    }

    /// Whether it multiplies with weights, or matrices with each other.
    pub(crate) fn is_layer(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Gemm { .. } | Self::MatMul { .. })
    }

    /// Whether its result is a sum or a product, which a circuit may leave as it is.
    pub(crate) fn accumulates(&self) -> bool {
        let sums = matches!(self, Self::Add { .. } | Self::AveragePool { .. } | Self::Product);
        sums || self.is_layer()
    }

    /// Whether the operator has an accumulator that is rescaled, so that an activation can be fused
    /// into the rescaling.
    pub fn rescales(&self) -> bool {
        matches!(
            self,
            Self::Conv { .. }
                | Self::Gemm { .. }
                | Self::Add { .. }
                | Self::AveragePool { .. }
                | Self::Product
                | Self::MatMul { .. }
        )
    }

    /// Whether the result can be put on any grid as it is computed.
    pub fn computes(&self) -> bool {
        self.rescales()
            || matches!(
                self,
                Self::BatchNormalization { .. }
                    | Self::Activation(_)
                    | Self::Binary(_)
                    | Self::Select
                    | Self::Constant(_)
                    | Self::Concat { .. }
                    | Self::Interpolate { .. }
                    | Self::Lookup { .. }
            )
    }
}

impl Graph {
    /// Shape of a value.
    pub fn shape(&self, value: ValueId) -> &[usize] {
        match self.producer(value) {
            None => &self.inputs[value].shape,
            Some(node) => &self.nodes[node].shape,
        }
    }

    /// The ONNX name of a value.
    pub fn value_name(&self, value: ValueId) -> &str {
        match self.producer(value) {
            None => &self.inputs[value].name,
            Some(node) => &self.nodes[node].value,
        }
    }

    /// Index of the node that computes a value; `None` for the graph's inputs.
    pub fn producer(&self, value: ValueId) -> Option<usize> {
        value.checked_sub(self.inputs.len())
    }

    /// The value that node `index` computes.
    pub(crate) fn result(&self, index: usize) -> ValueId {
        self.inputs.len() + index
    }

    /// What a value's numbers are those of, each moved to a new place: itself, if it is computed.
    pub(crate) fn source(&self, value: ValueId) -> ValueId {
        let mut value = value;
        while let Some(index) = self.producer(value) {
            let node = &self.nodes[index];
            match node.inputs.first() {
                Some(&input) if node.keeps_grid() && node.grid.is_none() => value = input,
                _ => break,
            }
        }
        value
    }

    /// Whether a node only puts its operand in another shape, element by element in order.
    pub(crate) fn keeps_order(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        match &node.operator {
            Operator::Reshape => node.grid.is_none(),
            Operator::Transpose { permutation } => {
                let shape = self.shape(node.inputs[0]);
                let long = permutation.iter().filter(|&&axis| shape[axis] != 1);
                node.grid.is_none() && long.is_sorted()
            }
            _ => false,
        }
    }

    /// For each value, the nodes that read it, each as often as it does.
    pub fn consumers(&self) -> Vec<Vec<usize>> {
        let mut consumers = vec![Vec::new(); self.inputs.len() + self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                consumers[input].push(index);
            }
        }
        consumers
    }

    /// Whether a value is one of the graph's outputs.
    pub fn is_output(&self, value: ValueId) -> bool {
        self.outputs.iter().any(|output| output.value == value)
    }

    /// How a value is quantised, if the file says so: by its own grid, or by that of what it was
    /// moved from.
    pub fn grid(&self, value: ValueId) -> Option<Grid> {
        let mut value = value;
        loop {
            let Some(index) = self.producer(value) else {
                return self.inputs[value].grid;
            };
            let node = &self.nodes[index];
            if node.grid.is_some() || !node.keeps_grid() {
                return node.grid;
            }
            value = *node.inputs.first()?;
        }
    }

    /// [`Self::grid`] of every value.
    pub fn grids(&self) -> Vec<Option<Grid>> {
        let mut grids: Vec<Option<Grid>> = self.inputs.iter().map(|input| input.grid).collect();
        for node in &self.nodes {
            let moved = node.inputs.first().filter(|_| node.grid.is_none() && node.keeps_grid());
            grids.push(moved.map_or(node.grid, |&input| grids[input]));
        }
        grids
    }
}

impl Node {
    /// Whether the result's numbers are numbers of the inputs, and on their grid.
    pub fn keeps_grid(&self) -> bool {
        match &self.operator {
            // Copies of one value, made for broadcasting.
            Operator::Concat { .. } => self.inputs.windows(2).all(|pair| pair[0] == pair[1]),
            Operator::MaxPool { .. }
            | Operator::Pad { .. }
            | Operator::TopK { indices: false, .. } => true,
            operator => operator.is_view(),
        }
    }
}
