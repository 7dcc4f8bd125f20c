//! Lowering: a quantised graph becomes the few operators of a circuit description.
//!
//! | file | lowers |
//! |---|---|
//! | `convolution` | Convolution |
//! | `linear` | Linear |
//! | `sum` | Sum |
//! | `pooling` | AveragePool, MaxPool |
//! | `activation` | Activation |
//! | `elementwise` | Product, Binary, Select |
//! | `extremum` | Max, Min, and the comparisons of MaxPool and TopK |
//! | `top` | TopK |
//! | `views` | Reshape, Transpose, Slice, Pad, Concat |
//! | `argmax` | ArgMax |
//! | `rescale` | the accumulators in front of a requantisation |
//! | `copies` | nothing, but puts copies where the verifier would work too long |
//! | `builder` | nodes under construction, shared where they repeat |
//! | `exposure` | what proofs show: visibilities |
//! | `describe` | a [`Plan`]'s choices applied: rows, limb width, forms |
//!
//! A value of the graph is a node with the same row-major elements, in whatever shape its producer
//! found convenient; whoever reads it asks for the shape it needs, which costs a
//! [`ViewKind::Reshape`](zkinfer_verifier::circuit::description::ViewKind) and no cell.
//!
//! Only graphs that [`Graph::validate`] accepts are lowered: of others the interpreter says
//! nothing, and lowering would choose a meaning for them.
//!
//! Nothing here is trusted: what lowering gets wrong either fails the verifier's check of the
//! description or changes the function that is proven, which the operator suite compares with the
//! interpreter.

mod activation;
mod argmax;
mod builder;
mod convolution;
mod copies;
mod describe;
mod elementwise;
mod exposure;
mod extremum;
mod linear;
mod pooling;
mod rescale;
mod sum;
mod top;
mod views;

#[cfg(test)]
mod tests;

use zkinfer_models::integer::graph::{Graph, Node, Operator, Quantisation, ValueId, Window};
use zkinfer_verifier::circuit::description::{
    self, Description, Input, NodeId, Output, OutputSource, Visibility,
};
use zkinfer_verifier::circuit::interval::Interval;

use crate::error::Error;
use crate::sealed::bias_digits;
pub(crate) use describe::padding;
pub use describe::{Lowered, Plan};
pub use exposure::Exposure;

use builder::Builder;
use extremum::Extremum;

/// Lowers a graph. What is left open is what does not change the function: rows, limb width and
/// form of each requantisation.
///
/// # Errors
/// If the graph is not valid, has not what `exposure` is to hide, or has no circuit.
pub fn lower(graph: &Graph, exposure: &Exposure) -> Result<Lowered, Error> {
    graph.validate()?;
    exposure.check(graph)?;
    let sealed = exposure.weights == Visibility::Sealed;
    let mut lowering = Lowering::new(graph, sealed);
    for (index, input) in graph.inputs.iter().enumerate() {
        lowering.builder.enter(&input.name);
        let range = Interval { minimum: input.minimum, maximum: input.maximum };
        let node = lowering.builder.input(index, input.shape.clone(), range);
        lowering.values.push(Value::Node(node));
    }
    for node in &graph.nodes {
        lowering.builder.enter(&node.name);
        let value = lowering.node(node)?;
        lowering.values.push(value);
    }
    let inputs = graph.inputs.iter().enumerate().map(|(index, input)| Input {
        name: input.name.clone(),
        shape: input.shape.clone(),
        minimum: input.minimum,
        maximum: input.maximum,
        quantisation: reading(input.quantisation),
        visibility: exposure.input(index),
    });
    let inputs = inputs.collect();
    let outputs = lowering.outputs(exposure)?;
    let bias_digits = if sealed { bias_digits(graph)? } else { 0 };
    let (nodes, mut shifts) = lowering.builder.finish();
    let mut description = Description {
        name: graph.name.clone(),
        k: 0,
        limb_bits: 0,
        bias_digits,
        inputs,
        nodes,
        outputs,
    };
    copies::insert(&mut description, &mut shifts)?;
    Ok(Lowered::new(description, shifts))
}

/// How often each value is read by nodes.
fn readers(graph: &Graph) -> Vec<usize> {
    let mut readers = vec![0; graph.inputs.len() + graph.nodes.len()];
    graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|&value| readers[value] += 1);
    readers
}

/// How many outputs each value is.
fn outputs(graph: &Graph) -> Vec<usize> {
    let mut outputs = vec![0; graph.inputs.len() + graph.nodes.len()];
    graph.outputs.iter().for_each(|output| outputs[output.value] += 1);
    outputs
}

/// How people read an integer, as the verifier spells it.
fn reading(quantisation: Quantisation) -> description::Quantisation {
    description::Quantisation { scale: quantisation.scale, zero_point: quantisation.zero_point }
}

/// What a value of the graph has become.
enum Value {
    /// A node with the same elements.
    Node(NodeId),
    /// The index of a maximum, which only an output can be.
    Index(OutputSource),
}

/// Lowering in progress.
struct Lowering<'g> {
    graph: &'g Graph,
    /// Whether weights are sealed.
    sealed: bool,
    /// For each value, how often it is read by nodes and how many outputs it is.
    readers: Vec<usize>,
    outputs: Vec<usize>,
    builder: Builder,
    values: Vec<Value>,
}

/// An operand of the node being lowered.
struct Operand<'g> {
    node: NodeId,
    shape: &'g [usize],
    zero_point: i64,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, sealed: bool) -> Self {
        let (readers, outputs) = (readers(graph), outputs(graph));
        Self { graph, sealed, readers, outputs, builder: Builder::default(), values: Vec::new() }
    }

    fn node(&mut self, node: &'g Node) -> Result<Value, Error> {
        let lowered = match &node.operator {
            Operator::Convolution { window, groups, weights, bias, multipliers, requantise } => {
                let terms =
                    rescale::Affine { weights, bias, multipliers, requantise: requantise.as_ref() };
                convolution::lower(self, node, window, *groups, terms)
            }
            Operator::Linear { weights, bias, multipliers, requantise } => {
                let terms =
                    rescale::Affine { weights, bias, multipliers, requantise: requantise.as_ref() };
                linear::lower(self, node, terms)
            }
            Operator::Sum { multipliers, constant, requantise } => {
                sum::lower(self, node, multipliers, constant, requantise)
            }
            Operator::AveragePool { window, multipliers, requantise } => {
                pooling::average(self, node, window, multipliers, requantise)
            }
            Operator::MaxPool { window } => pooling::maximum(self, node, window),
            Operator::Activation(function) => activation::lower(self, node, function),
            Operator::Product { multiplier, requantise } => {
                elementwise::product(self, node, *multiplier, requantise)
            }
            Operator::Binary(function) => elementwise::binary(self, node, function),
            Operator::Max => extremum::lower(self, node, Extremum::Largest),
            Operator::Min => extremum::lower(self, node, Extremum::Smallest),
            Operator::Select => elementwise::select(self, node),
            Operator::Constant(values) => views::constant(self, node, values),
            Operator::TopK { axis, smallest, indices } => {
                top::lower(self, node, *axis, *smallest, *indices)
            }
            Operator::Reshape => views::reshape(self, node),
            Operator::Transpose { permutation } => views::transpose(self, node, permutation),
            Operator::Slice { axis, start, step } => views::slice(self, node, *axis, *start, *step),
            Operator::Pad { before, after, value } => views::pad(self, node, before, after, *value),
            Operator::Concat { axis } => views::concat(self, node, *axis),
            Operator::ArgMax { axis, select_last, smallest } => {
                return argmax::lower(self, node, *axis, *select_last, *smallest).map(Value::Index);
            }
        };
        lowered.map(Value::Node)
    }

    /// The node's operand `index`.
    fn operand(&self, node: &Node, index: usize) -> Result<Operand<'g>, Error> {
        let malformed = || Error::Malformed {
            node: node.name.clone(),
            what: "it reads fewer values than its operator",
        };
        let value = *node.inputs.get(index).ok_or_else(malformed)?;
        self.value(&node.name, value)
    }

    /// The node's only operand.
    fn only_operand(&self, node: &Node) -> Result<Operand<'g>, Error> {
        if node.inputs.len() > 1 {
            return Err(self.malformed("it reads more values than its operator"));
        }
        self.operand(node, 0)
    }

    /// All operands of a node, in its shape.
    fn operands(&mut self, node: &Node) -> Result<Vec<Operand<'g>>, Error> {
        let mut operands = Vec::new();
        for index in 0..node.inputs.len() {
            let mut operand = self.operand(node, index)?;
            if operand.shape != node.shape {
                return Err(self.malformed("its operands have its shape"));
            }
            operand.node = self.builder.reshape(operand.node, &node.shape);
            operands.push(operand);
        }
        Ok(operands)
    }

    /// The integers that an operand can take.
    fn range(&self, operand: NodeId) -> Result<Interval, Error> {
        self.builder.range(operand).ok_or_else(|| self.malformed("it reads an accumulator"))
    }

    /// Whether the value being lowered is one output of the graph and nothing else.
    fn only_an_output(&self) -> bool {
        let value = self.values.len();
        self.readers[value] == 0 && self.outputs[value] == 1
    }

    fn value(&self, reader: &str, value: ValueId) -> Result<Operand<'g>, Error> {
        match self.values.get(value) {
            None => Err(Error::ForwardReference { node: reader.into(), value }),
            Some(Value::Index(_)) => Err(Error::ReadsIndex { node: reader.into() }),
            Some(&Value::Node(node)) => {
                let zero_point = self.graph.quantisation(value).zero_point;
                Ok(Operand { node, shape: self.graph.shape(value), zero_point })
            }
        }
    }

    /// An error about the node being lowered.
    fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { node: self.builder.name(), what }
    }

    /// `[1, C, H, W]` or `[1, C, L]` without the batch, with a height.
    fn planes(&self, shape: &[usize]) -> Result<[usize; 3], Error> {
        match *shape {
            [1, channels, height, width] => Ok([channels, height, width]),
            [1, channels, width] => Ok([channels, 1, width]),
            _ => Err(self.malformed(
                "a window slides over one batch of channels with one or two dimensions",
            )),
        }
    }

    /// The operand and result of a window as planes, after checking that the one gives the other.
    fn slide(
        &self,
        window: &Window,
        input: &[usize],
        output: &[usize],
    ) -> Result<[[usize; 3]; 2], Error> {
        let planes = [self.planes(input)?, self.planes(output)?];
        let [[_, height, width], [_, out_height, out_width]] = planes;
        if window.output([height, width]) == Some([out_height, out_width]) {
            return Ok(planes);
        }
        Err(self.malformed("its window over its input does not give its shape"))
    }

    fn outputs(&mut self, exposure: &Exposure) -> Result<Vec<Output>, Error> {
        let output = |(index, output): (usize, &zkinfer_models::integer::graph::Output)| {
            let shape = self.graph.shape(output.value);
            let source = match self.values.get(output.value) {
                None => {
                    return Err(Error::ForwardReference {
                        node: output.name.clone(),
                        value: output.value,
                    });
                }
                Some(Value::Node(node)) => OutputSource::Node(self.builder.exposed(*node, shape)),
                Some(Value::Index(source)) => source.clone(),
            };
            Ok(Output {
                name: output.name.clone(),
                shape: shape.to_vec(),
                source,
                quantisation: reading(self.graph.quantisation(output.value)),
                visibility: exposure.output(index),
            })
        };
        self.graph.outputs.iter().enumerate().map(output).collect()
    }
}
