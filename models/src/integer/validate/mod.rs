//! What a quantised [`Graph`] must satisfy before anything computes with it.
//!
//! The quantiser only writes graphs that pass, and `zkinfer-circuits` compiles no other. Graphs
//! also arrive from files, so everything that the interpreter relies on is checked here once:
//! arities, shapes, sizes, parameter counts, table sizes, where raw accumulators may go, and that
//! no 64-bit arithmetic can overflow whatever the inputs.

mod arithmetic;
mod elementwise;
mod generation;
mod lookup;
mod movement;
mod parts;
mod rows;
mod site;

use crate::integer::graph::{Graph, Input, Node, Operator, Quantisation, ValueId};
use crate::integer::rounding::{ACTIVATION_MAX, ACTIVATION_MIN};
use crate::limits::{self, MAX_ELEMENTS, MAX_NODES, MAX_PRODUCTS, MAX_RANK, MAX_TENSORS};
use crate::tensor::window::{element_count, taps};
use site::{Bounds, Last, Site, expect_count, is_activation};

/// A quantised graph that cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quantised graph {graph:?}, {place}: {problem}")]
pub struct GraphError {
    /// The graph's name.
    pub graph: String,
    /// The node, input or output at fault.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl Graph {
    /// Checks that the graph can be executed on any inputs in their ranges without panic or
    /// overflow.
    ///
    /// # Errors
    /// Names the first input, node or output at fault.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.bounds().map(|_| ())
    }

    /// The integers that each activation of a valid graph can take.
    pub(crate) fn ranges(&self) -> Vec<(i64, i64)> {
        match self.bounds() {
            Ok(bounds) => bounds.iter().map(|bounds| (bounds.minimum, bounds.maximum)).collect(),
            Err(_) => vec![(ACTIVATION_MIN, ACTIVATION_MAX); self.inputs.len() + self.nodes.len()],
        }
    }

    /// [`Self::validate`]; what each value can take.
    fn bounds(&self) -> Result<Vec<Bounds>, GraphError> {
        let fault = |place: String| {
            move |problem: String| GraphError { graph: self.name.clone(), place, problem }
        };
        let mut bounds = Vec::new();
        let mut size = Size::default();
        for input in &self.inputs {
            let place = || format!("input {:?}", input.name);
            let checked =
                check_input(input).and_then(|bounds| size.add(&input.shape, 0).map(|()| bounds));
            bounds.push(checked.map_err(|problem| fault(place())(problem))?);
        }
        for node in &self.nodes {
            let result = check_node(self, node, &bounds)
                .and_then(|bounds| size.add_node(self, node).map(|()| bounds));
            let place = || format!("node {:?} ({})", node.name, node.operator.name());
            bounds.push(result.map_err(|problem| fault(place())(problem))?);
        }
        for output in &self.outputs {
            if output.value >= bounds.len() {
                let problem = format!("value {} does not exist", output.value);
                return Err(fault(format!("output {:?}", output.name))(problem));
            }
        }
        for (&value, parts) in &self.parts {
            let place = fault(format!("value {value}"));
            if value >= bounds.len() {
                return Err(place("scales by index of a value that does not exist".into()));
            }
            parts::check(self.shape(value), parts).map_err(place)?;
        }
        if self.outputs.is_empty() {
            return Err(fault("outputs".into())("there is none".into()));
        }
        for (place, count) in [("inputs", self.inputs.len()), ("outputs", self.outputs.len())] {
            if count > MAX_TENSORS {
                return Err(fault(place.into())(format!(
                    "there are {count}, more than {MAX_TENSORS}"
                )));
            }
        }
        Ok(bounds)
    }
}

/// What a graph adds up to, within the limits of a circuit.
#[derive(Default)]
struct Size {
    elements: usize,
    products: usize,
    nodes: usize,
}

impl Size {
    fn add(&mut self, shape: &[usize], products: usize) -> Result<(), String> {
        self.elements = self.elements.saturating_add(limits::elements(shape));
        self.products = self.products.saturating_add(products);
        if self.elements > MAX_ELEMENTS {
            return Err(format!(
                "with it the tensors have {} elements, more than {MAX_ELEMENTS}",
                self.elements
            ));
        }
        if self.products > MAX_PRODUCTS {
            return Err(format!(
                "with it there are {} multiplications, more than {MAX_PRODUCTS}",
                self.products
            ));
        }
        Ok(())
    }

    fn add_node(&mut self, graph: &Graph, node: &Node) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("more than {MAX_NODES} nodes"));
        }
        let count = limits::elements(&node.shape);
        let taps = |window| taps(window, graph.shape(node.inputs[0]));
        let terms = match &node.operator {
            // The same elements once more, which nothing stores.
            Operator::Reshape => return Ok(()),
            Operator::Convolution { weights, bias, .. }
            | Operator::Linear { weights, bias, .. } => graph.weights(weights).len() / bias.len(),
            Operator::AveragePool { window, .. } | Operator::MaxPool { window } => taps(window),
            Operator::MatMul { .. } => graph.shape(node.inputs[0]).last().copied().unwrap_or(1),
            // One for each index that there is, at most, and then their products.
            Operator::Lookup { values, .. } => {
                let columns = values.len() / node.shape.last().copied().unwrap_or(1);
                let indices = limits::elements(graph.shape(node.inputs[0]));
                self.add(&[columns, indices], 0)?;
                columns
            }
            _ => 0,
        };
        self.add(&node.shape, count.saturating_mul(terms))
    }
}

fn check_input(input: &Input) -> Result<Bounds, String> {
    check_tensor(&input.shape, input.quantisation)?;
    let Input { minimum, maximum, .. } = *input;
    if minimum > maximum || !is_activation(minimum) || !is_activation(maximum) {
        return Err(format!("a range from {minimum} to {maximum}"));
    }
    Ok(Bounds { minimum, maximum, last: Last::No })
}

fn check_tensor(shape: &[usize], quantisation: Quantisation) -> Result<(), String> {
    if shape.len() > MAX_RANK {
        return Err(format!("a shape of {} dimensions, more than {MAX_RANK}", shape.len()));
    }
    if element_count(shape).is_none() {
        return Err(format!("shape {shape:?} is empty or has more than {MAX_ELEMENTS} elements"));
    }
    if !(quantisation.scale.is_finite() && quantisation.scale > 0.0) {
        return Err(format!("scale {} is not positive and finite", quantisation.scale));
    }
    if !is_activation(quantisation.zero_point) {
        return Err(format!("zero point {} has more than 16 bits", quantisation.zero_point));
    }
    Ok(())
}

fn check_node(graph: &Graph, node: &Node, bounds: &[Bounds]) -> Result<Bounds, String> {
    check_tensor(&node.shape, node.quantisation)?;
    let later: Option<&ValueId> = node.inputs.iter().find(|&&input| input >= bounds.len());
    if let Some(value) = later {
        return Err(format!("reads value {value}, which is not computed before it"));
    }
    let arity = match node.operator {
        Operator::Sum { .. } | Operator::Concat { .. } => 1..=usize::MAX,
        Operator::Max | Operator::Min => 2..=usize::MAX,
        Operator::Product { .. } | Operator::MatMul { .. } | Operator::Binary(_) => 2..=2,
        Operator::SliceAt { .. } => 2..=2,
        Operator::Greedy { hidden: false, .. } => 4..=4,
        Operator::Greedy { .. } => 5..=5,
        Operator::Select => 3..=3,
        Operator::Constant(_) => 0..=0,
        _ => 1..=1,
    };
    if !arity.contains(&node.inputs.len()) {
        return Err(format!("reads {} values", node.inputs.len()));
    }
    let site = Site { graph, node, bounds };
    check_sources(&site)?;
    match &node.operator {
        Operator::Convolution { .. }
        | Operator::Linear { .. }
        | Operator::Sum { .. }
        | Operator::AveragePool { .. }
        | Operator::MatMul { .. }
        | Operator::Activation(_) => arithmetic::check(&site),
        Operator::Product { .. }
        | Operator::Binary(_)
        | Operator::Max
        | Operator::Min
        | Operator::Select => elementwise::check(&site),
        Operator::Constant(values) => {
            expect_count("elements", values.len(), element_count(&node.shape))?;
            arithmetic::entries(values)
        }
        Operator::MaxPool { .. }
        | Operator::Reshape
        | Operator::Transpose { .. }
        | Operator::Slice { .. }
        | Operator::Pad { .. }
        | Operator::Concat { .. }
        | Operator::ArgMax { .. }
        | Operator::TopK { .. } => movement::check(&site),
        Operator::SliceAt { axis, offset } => generation::slice_at(&site, *axis, *offset),
        Operator::Greedy { hidden, padding } => generation::greedy(&site, *hidden, *padding),
        Operator::Lookup { minimum, values } => lookup::check(&site, *minimum, values),
        Operator::Softmax { shift, exponentials, reciprocal_bits, visible, requantise } => {
            rows::softmax(&site, *shift, exponentials, *reciprocal_bits, visible, requantise)
        }
        Operator::Normalise { centred, multiplier, epsilon, reciprocal_bits, requantise } => {
            let bits = *reciprocal_bits;
            rows::normalise(&site, *centred, *multiplier, *epsilon, bits, requantise)
        }
    }
}

/// Raw accumulators may only be viewed, compared, added up or normalised by rows; indices may not
/// be read at all.
fn check_sources(site: &Site<'_>) -> Result<(), String> {
    let reads = matches!(
        site.node.operator,
        Operator::Reshape
            | Operator::Transpose { .. }
            | Operator::Slice { .. }
            | Operator::Concat { .. }
            | Operator::ArgMax { .. }
            | Operator::Sum { .. }
            | Operator::Softmax { .. }
            | Operator::Normalise { .. }
            | Operator::SliceAt { .. }
            | Operator::Greedy { .. }
    );
    for input in 0..site.node.inputs.len() {
        match site.bounds(input).last {
            Last::No => {}
            Last::Accumulator if reads => {}
            Last::Accumulator => return Err("reads an accumulator that was not requantised".into()),
            Last::Index => return Err("reads the result of an ArgMax".into()),
        }
    }
    Ok(())
}
