//! What is known of the results of nodes that were refused: enough for the nodes behind them to be
//! judged as well, so that one error names all that has to be changed.
//!
//! A result stands in with its shape: as the file declares it, or as its operator demands. Where
//! neither says, or where the result would be a constant if there were one, it is unknown, and what
//! reads it is judged by its operator and attributes alone.

use super::importer::{Binding, Importer, Operand};
use super::shapes::broadcast_shapes;
use crate::float::graph::{Node, Operator};
use crate::integer::signature::Grid;
use crate::limits;
use crate::onnx::error::Stop;
use crate::onnx::messages::tensor_shape_proto::Length;
use crate::onnx::messages::type_proto::Tensor;
use crate::onnx::read::call::{Call, axis, shortened};
use crate::onnx::read::elements::type_range;

/// Operators whose first result has the shape of the first operand.
const LIKE_FIRST: &[&str] = &[
    "BatchNormalization",
    "Bernoulli",
    "Cast",
    "CastLike",
    "CumProd",
    "CumSum",
    "Dropout",
    "DynamicQuantizeLinear",
    "GroupNormalization",
    "Imputer",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LRN",
    "LayerNormalization",
    "LogSoftmax",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Normalizer",
    "QLinearSoftmax",
    "RMSNormalization",
    "RandomNormalLike",
    "RandomUniformLike",
    "ReverseSequence",
    "RotaryEmbedding",
    "Scaler",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "Softmax",
    "TensorScatter",
    "Trilu",
];

/// Operators whose result has the shape that their operands broadcast to.
const BROADCAST: &[&str] = &[
    "Add",
    "And",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];

impl<'a> Importer<'a> {
    /// Gives the results of a node that was refused, or could not be judged, what is known of them.
    pub(in crate::onnx) fn stand_in(&mut self, call: &Call<'a>) -> Result<(), Stop> {
        let inputs = || call.node.input.iter().filter(|input| !input.is_empty());
        let constant = inputs().next().is_some()
            && inputs().all(|input| matches!(self.binding(input), Some(Binding::Constant(_))));
        for (index, output) in call.node.output.iter().enumerate() {
            if output.is_empty() || self.binding(output).is_some() {
                continue;
            }
            let declared = self.declared.get(output.as_str()).copied();
            if let Some(tensor) = declared {
                self.element_types.insert(output, tensor.elem_type);
            }
            let shape = declared
                .and_then(|tensor| self.fixed(tensor))
                .or_else(|| self.demanded(call, index))
                .filter(|shape| !constant && limits::tensor(shape).is_ok());
            let binding = shape.map_or(Binding::Refused, |shape| self.unknown(output, shape));
            self.bind(output, binding)?;
        }
        Ok(())
    }

    /// The same for an input of the network that cannot be used.
    pub(in crate::onnx) fn stand_in_for_input(&mut self, name: &'a str) {
        let declared = self.declared.get(name).copied();
        let shape = declared.and_then(|tensor| self.fixed(tensor));
        if let Some(shape) = shape.filter(|shape| limits::tensor(shape).is_ok()) {
            let binding = self.unknown(name, shape);
            self.values.insert(name, binding);
        }
    }

    /// A value of which nothing but the shape is known. It stands in the graph, which nobody will
    /// run, and takes no room.
    fn unknown(&mut self, name: &str, shape: Vec<usize>) -> Binding {
        let integers = type_range(self.element_type(name));
        let grid = integers.map(|(minimum, maximum)| Grid::integers(minimum, maximum));
        self.grids.push(grid);
        self.graph.nodes.push(Node {
            name: String::new(),
            operator: Operator::Select,
            fused: None,
            inputs: Vec::new(),
            shape,
            value: shortened(name.to_owned()),
            grid,
        });
        Binding::Computed(self.graph.inputs.len() + self.graph.nodes.len() - 1)
    }

    /// A declared shape, if all its lengths are known.
    fn fixed(&self, tensor: &Tensor) -> Option<Vec<usize>> {
        let lengths = tensor.shape.as_ref()?.dim.iter().map(|dimension| match &dimension.value {
            Some(Length::DimValue(length)) => usize::try_from(*length).ok(),
            Some(Length::DimParam(name)) => self.lengths.get(name).copied(),
            None => None,
        });
        lengths.collect()
    }

    /// The shape that a node's operator gives its result.
    fn demanded(&self, call: &Call<'a>, index: usize) -> Option<Vec<usize>> {
        let shape = |operand: usize| self.known_shape(call, operand);
        let operator = call.node.op_type.as_str();
        if index > 0 {
            return None;
        }
        if BROADCAST.contains(&operator) {
            let shapes = (0..call.node.input.len()).map(shape);
            let shapes = shapes.collect::<Option<Vec<_>>>()?;
            let (first, others) = shapes.split_first()?;
            return others
                .iter()
                .try_fold(first.clone(), |all, other| broadcast_shapes(&all, other).ok());
        }
        if LIKE_FIRST.contains(&operator) {
            return shape(0);
        }
        match operator {
            "MatMul" | "MatMulInteger" => product(&shape(0)?, &shape(1)?),
            "QLinearMatMul" => product(&shape(0)?, &shape(3)?),
            "Gemm" => {
                let side = |operand: usize, attribute: &str, free: usize| {
                    let transposed = call.flag(attribute, false).ok()?;
                    shape(operand)?.get(if transposed { 1 - free } else { free }).copied()
                };
                Some(vec![side(0, "transA", 0)?, side(1, "transB", 1)?])
            }
            "Gather" => {
                let (data, indices) = (shape(0)?, shape(1)?);
                let along = axis(call.int("axis", 0).ok()?, data.len()).ok()?;
                Some([&data[..along], &indices[..], &data[along + 1..]].concat())
            }
            "GatherElements" => shape(1),
            "GridSample" => {
                let (data, grid) = (shape(0)?, shape(1)?);
                let (_, positions) = grid.split_last()?;
                Some([data.get(..2)?, positions.get(1..)?].concat())
            }
            "LSTM" | "GRU" | "RNN" => {
                let (data, weights) = (shape(0)?, shape(2)?);
                let [directions, .., hidden] = weights[..] else { return None };
                let [length, batch, _] = data[..] else { return None };
                Some(vec![length, directions, batch, hidden])
            }
            _ => None,
        }
    }

    fn known_shape(&self, call: &Call<'a>, index: usize) -> Option<Vec<usize>> {
        match self.binding(call.input(index)?)? {
            Binding::Computed(id) => Some(self.shape_of(&Operand::Computed(*id))),
            Binding::Constant(constant) => Some(constant.shape().to_vec()),
            Binding::Scale { factor: constant, .. } | Binding::Counted { constant, .. } => {
                Some(constant.shape().to_vec())
            }
            Binding::Refused => None,
        }
    }
}

/// The shape of a matrix product.
fn product(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let ([batches @ .., rows, _], [others @ .., _, columns]) = (left, right) else {
        return None;
    };
    Some([&broadcast_shapes(batches, others).ok()?[..], &[*rows, *columns]].concat())
}
