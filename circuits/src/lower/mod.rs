//! Lowering: a quantised graph becomes the few operators of a circuit description.
//!
//! | file | lowers |
//! |---|---|
//! | `convolution` | Convolution |
//! | `linear` | Linear |
//! | `matmul` | MatMul |
//! | `sum` | Sum |
//! | `pooling` | AveragePool, MaxPool |
//! | `activation` | Activation |
//! | `elementwise` | Product, Binary, Select |
//! | `lookup` | Lookup |
//! | `extremum` | Max, Min, and the comparisons of MaxPool and TopK |
//! | `top`, `network` | TopK, in order one by one or all at once |
//! | `views` | Reshape, Transpose, Slice, Pad, Concat |
//! | `argmax` | ArgMax |
//! | `generation` | SliceAt, Greedy |
//! | `softmax` | Softmax |
//! | `normalise` | Normalise |
//! | `rows` | sums, roots and reciprocals of rows |
//! | `rescale` | the accumulators in front of a requantisation |
//! | `copies` | nothing, but puts copies where the verifier would work too long |
//! | `lowering` | what each value has become |
//! | `builder` | nodes under construction, shared where they repeat |
//! | `exposure` | what proofs show: visibilities |
//! | `describe` | a [`Plan`]'s choices applied: rows, limb width, forms |
//! | `narrow` | nothing, but says which quotients have a table row each |
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
mod generation;
mod linear;
mod lookup;
mod lowering;
mod matmul;
mod narrow;
mod network;
mod normalise;
mod pooling;
mod rescale;
mod rows;
mod softmax;
mod sum;
mod top;
mod views;

#[cfg(test)]
mod tests;

use zkinfer_models::integer::graph::{Graph, Node, Operator};
use zkinfer_models::integer::rows::quotients;
use zkinfer_verifier::circuit::description::{Description, Input, Visibility};
use zkinfer_verifier::circuit::interval::Interval;

use crate::error::Error;
use crate::sealed::bias_digits;
pub(crate) use describe::form;
pub use describe::{Lowered, Plan};
pub use exposure::Exposure;
pub use narrow::ROW;
pub(crate) use narrow::Tables;

use builder::Finished;
use extremum::Extremum;
use lowering::{Lowering, Value, reading};

/// Lowers a graph. What is left open is what does not change the function: rows, limb width and
/// form of each requantisation.
///
/// # Errors
/// If the graph is not valid, has not what `exposure` is to hide, or has no circuit.
pub fn lower(graph: &Graph, exposure: &Exposure) -> Result<Lowered, Error> {
    graph.validate()?;
    exposure.check(graph)?;
    let sealed = exposure.weights == Visibility::Sealed;
    let mut lowering = Lowering::new(graph, sealed, started(graph, exposure)?);
    for (index, input) in graph.inputs.iter().enumerate() {
        lowering.builder.enter(&input.name);
        let range = Interval { minimum: input.minimum, maximum: input.maximum };
        let node = lowering.builder.input(index, input.shape.clone(), range);
        lowering.values.push(Value::Node(node));
    }
    for node in &graph.nodes {
        lowering.builder.enter(&node.name);
        let value = self::node(&mut lowering, node)?;
        lowering.values.push(value);
    }
    let outputs = lowering.outputs(exposure)?;
    let Finished { functions, nodes } = lowering.builder.finish();
    let mut description = Description { functions, nodes, outputs, ..lowering.started };
    copies::insert(&mut description)?;
    Ok(Lowered::new(description))
}

/// A description without nodes and outputs.
fn started(graph: &Graph, exposure: &Exposure) -> Result<Description, Error> {
    let sealed = exposure.weights == Visibility::Sealed;
    let inputs = graph.inputs.iter().enumerate().map(|(index, input)| Input {
        name: input.name.clone(),
        shape: input.shape.clone(),
        minimum: input.minimum,
        maximum: input.maximum,
        quantisation: reading(graph, index),
        visibility: exposure.input(index),
    });
    Ok(Description {
        name: graph.name.clone(),
        k: 0,
        limb_bits: 0,
        bias_digits: if sealed { bias_digits(graph)? } else { 0 },
        inputs: inputs.collect(),
        functions: Vec::new(),
        nodes: Vec::new(),
        outputs: Vec::new(),
    })
}

/// Lowers a node.
fn node<'g>(lowering: &mut Lowering<'g>, node: &'g Node) -> Result<Value, Error> {
    let lowered = match &node.operator {
        Operator::Convolution { window, groups, weights, bias, multipliers, requantise } => {
            let weights = rescale::Rows::of(weights);
            let terms =
                rescale::Affine { weights, bias, multipliers, requantise: requantise.as_ref() };
            convolution::lower(lowering, node, window, *groups, terms)
        }
        Operator::Linear { weights, bias, multipliers, requantise } => {
            let weights = rescale::Rows::of(weights);
            let terms =
                rescale::Affine { weights, bias, multipliers, requantise: requantise.as_ref() };
            return linear::lower(lowering, node, terms);
        }
        Operator::Sum { multipliers, constant, requantise } => {
            sum::lower(lowering, node, multipliers, constant, requantise.as_ref())
        }
        Operator::AveragePool { window, multipliers, requantise } => {
            pooling::average(lowering, node, window, multipliers, requantise.as_ref())
        }
        Operator::MaxPool { window } => pooling::maximum(lowering, node, window),
        Operator::Activation(function) => activation::lower(lowering, node, function),
        Operator::Product { multiplier, requantise } => {
            elementwise::product(lowering, node, *multiplier, requantise.as_ref())
        }
        Operator::MatMul { .. } if lowering.is_deferred() => return Ok(Value::Deferred),
        Operator::MatMul { requantise, .. } => matmul::lower(lowering, node, requantise.as_ref()),
        Operator::Binary(function) => elementwise::binary(lowering, node, function),
        Operator::Max => extremum::lower(lowering, node, Extremum::Largest),
        Operator::Min => extremum::lower(lowering, node, Extremum::Smallest),
        Operator::Select => elementwise::select(lowering, node),
        Operator::Constant(values) => views::constant(lowering, node, values),
        Operator::TopK { axis, smallest, indices } => {
            top::lower(lowering, node, *axis, *smallest, *indices)
        }
        Operator::Reshape => {
            let turned = node.inputs.first().and_then(|&value| lowering.turned(value));
            match turned {
                Some(turned) => return Ok(Value::Turned(turned)),
                None => views::reshape(lowering, node),
            }
        }
        Operator::Transpose { permutation } => views::transpose(lowering, node, permutation),
        Operator::Slice { axis, start, step } => views::slice(lowering, node, *axis, *start, *step),
        Operator::Pad { before, after, value } => views::pad(lowering, node, before, after, *value),
        Operator::Concat { axis } => views::concat(lowering, node, *axis),
        Operator::ArgMax { axis, select_last, smallest } => {
            return argmax::lower(lowering, node, *axis, *select_last, *smallest).map(Value::Index);
        }
        Operator::SliceAt { axis, offset } => generation::slice_at(lowering, node, *axis, *offset),
        Operator::Greedy { hidden, padding } => {
            return generation::greedy(lowering, node, *hidden, *padding).map(Value::Index);
        }
        Operator::Lookup { minimum, values } => lookup::lower(lowering, node, *minimum, values),
        Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise } => {
            let (shift, reciprocal_bits) = (*shift, *reciprocal_bits);
            let quotients = quotients(&node.operator).unwrap_or_default();
            let numbers =
                softmax::Softmax { shift, exponentials, reciprocal_bits, requantise, quotients };
            numbers.lower(lowering, node, visible)
        }
        Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits, requantise } => {
            let numbers = normalise::Normalise {
                centred: *centred,
                multiplier: *multiplier,
                epsilon: *epsilon,
                reciprocal_bits: *reciprocal_bits,
                requantise,
                quotients: quotients(&node.operator).unwrap_or_default(),
            };
            numbers.lower(lowering, node)
        }
    };
    lowered.map(Value::Node)
}
