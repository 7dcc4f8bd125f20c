//! The float graph: a network after import, before quantisation.
//!
//! Operators keep their ONNX names, constants are `f32` and live inside the operators that use them, and each node
//! remembers the name of the ONNX value that it computes, so that calibration can look its range up.

use ndarray::ArrayD;

use crate::activation::Activation;
use crate::quantised::{Output, ValueId, Window};

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

/// An input: a name and a fixed shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The ONNX name.
    pub name: String,
    /// The shape, batch 1 included.
    pub shape: Vec<usize>,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The ONNX node's name (the first of those fused), or one made from its operator and position.
    pub name: String,
    /// What is computed.
    pub operator: Operator,
    /// The activation applied to the operator's result, if one was fused.
    pub fused: Option<Fused>,
    /// The values read.
    pub inputs: Vec<ValueId>,
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Name of the ONNX value that the node computes.
    pub value: String,
}

/// An activation fused into the operator before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fused {
    /// The function.
    pub activation: Activation,
    /// Name of the ONNX value that the function is applied to. If it is the node's own [`Node::value`], the activation was moved
    /// here from behind a view or MaxPool and its result is no ONNX value: its range is the function of the argument's.
    pub argument: String,
}

/// An operator on real tensors. Windows are as in [`crate::quantised`].
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Convolution over `[1, C, H, W]` or `[1, C, L]`.
    Conv {
        /// Sliding window.
        window: Window,
        /// Groups.
        groups: usize,
        /// `[M, C/groups, kh, kw]`, row-major.
        weights: Vec<f32>,
        /// One per output channel.
        bias: Vec<f32>,
    },
    /// Gemm, or MatMul with a constant, over the last dimension.
    Gemm {
        /// `[M, T]`, row-major.
        weights: Vec<f32>,
        /// One per output feature.
        bias: Vec<f32>,
    },
    /// `scale[c]·x + offset[c]`, `c` along dimension 1: BatchNormalization with its statistics folded.
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
        constant: Vec<f32>,
    },
    /// AveragePool and GlobalAveragePool: the sum over the window divided by the position's divisor.
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
    /// Index of the largest element along one dimension, which the node's shape keeps with length 1 or drops.
    ArgMax {
        /// The dimension.
        axis: usize,
        /// Among equal elements take the last one.
        select_last: bool,
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
            Self::Reshape => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Slice { .. } => "Slice",
            Self::Pad { .. } => "Pad",
            Self::Concat { .. } => "Concat",
            Self::ArgMax { .. } => "ArgMax",
        }
    }

    /// Whether the result holds elements of the (only) input and nothing else, each moved to a new place.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Reshape | Self::Transpose { .. } | Self::Slice { .. })
    }

    /// Whether the operator has an accumulator that is rescaled, so that an activation can be fused into the rescaling.
    pub fn rescales(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Gemm { .. } | Self::Add { .. } | Self::AveragePool { .. })
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

    /// Names of the ONNX values whose ranges quantisation needs, without repetition.
    pub fn calibrated_values(&self) -> Vec<&str> {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        let nodes = self.nodes.iter().flat_map(|node| {
            let argument = node.fused.as_ref().map(|fused| fused.argument.as_str());
            let keeps = node.operator.is_view()
                || matches!(node.operator, Operator::MaxPool { .. } | Operator::Pad { .. } | Operator::ArgMax { .. });
            argument.into_iter().chain((!keeps).then_some(node.value.as_str()))
        });
        let mut seen = std::collections::HashSet::new();
        inputs.chain(nodes).filter(|name| seen.insert(*name)).collect()
    }
}

/// Inputs as one line for messages: ``"`x` [1, 4], `y` [1, 2]"``.
pub(crate) fn describe(inputs: &[Input]) -> String {
    let described: Vec<String> = inputs.iter().map(|input| format!("`{}` {:?}", input.name, input.shape)).collect();
    described.join(", ")
}

/// A tensor's smallest and largest element.
pub(crate) fn extremes(tensor: &ArrayD<f32>) -> (f32, f32) {
    tensor.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}
