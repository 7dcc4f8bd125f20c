//! What a [`quantised::Graph`](crate::quantised::Graph) must satisfy before anything computes with
//! it.
//!
//! The quantiser only writes graphs that pass, and `zkinfer-circuits` compiles no other. Graphs
//! also arrive from files, so everything that the interpreter relies on is checked here once:
//! arities, shapes, sizes, parameter counts, table sizes, where raw accumulators may go, and that
//! no 64-bit arithmetic can overflow whatever the inputs.

mod arithmetic;
mod elementwise;
mod movement;

use crate::limits::{self, MAX_ELEMENTS, MAX_NODES, MAX_PRODUCTS, MAX_RANK, MAX_TENSORS};
use crate::quantised::{Graph, Input, Node, Operator, Quantisation, ValueId, Window};
use crate::rounding::{ACTIVATION_MAX, ACTIVATION_MIN};
use crate::window::{element_count, plane};

/// Accumulators stay strictly below this magnitude, so that rounding and zero points still fit 64
/// bits.
pub const ACCUMULATOR_LIMIT: i128 = 1 << 62;

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

/// The integers a value can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) minimum: i64,
    pub(crate) maximum: i64,
    /// Only a graph output, perhaps through views: a raw accumulator or an index.
    pub(crate) last: Last,
}

/// Whether computation may go on from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// An activation: any operator may read it.
    No,
    /// A raw accumulator: views and ArgMax may read it.
    Accumulator,
    /// An ArgMax result: nothing may read it.
    Index,
}

/// What the checks of one node see.
pub(crate) struct Context<'a> {
    graph: &'a Graph,
    node: &'a Node,
    bounds: &'a [Bounds],
}

impl Context<'_> {
    fn shape(&self, input: usize) -> &[usize] {
        self.graph.shape(self.node.inputs[input])
    }

    fn quantisation(&self, input: usize) -> Quantisation {
        self.graph.quantisation(self.node.inputs[input])
    }

    fn bounds(&self, input: usize) -> Bounds {
        self.bounds[self.node.inputs[input]]
    }

    /// The largest `|x − zp|` of an input.
    fn deviation(&self, input: usize) -> i128 {
        let bounds = self.bounds(input);
        let zero_point = i128::from(self.quantisation(input).zero_point);
        let low = (i128::from(bounds.minimum) - zero_point).abs();
        low.max((i128::from(bounds.maximum) - zero_point).abs())
    }

    fn expect_shape(&self, shape: &[usize]) -> Result<(), String> {
        let declared = &self.node.shape;
        if declared == shape {
            Ok(())
        } else {
            Err(format!("its operator gives shape {shape:?}, but shape {declared:?} is declared"))
        }
    }

    /// Height and width of the input and of the result of a window over it.
    fn planes(&self, window: &Window) -> Result<([usize; 2], [usize; 2]), String> {
        let shape = self.shape(0);
        let Some(input) = plane(shape) else {
            return Err(format!("reads shape {shape:?}, not [1, C, H, W] or [1, C, L]"));
        };
        // A line has height 1, so without padding no larger kernel fits.
        let flat = window.pads[0] == 0 && window.pads[2] == 0;
        match window.output(input) {
            Some(output) if shape.len() == 4 || flat => Ok((input, output)),
            _ => Err(format!("window {window:?} does not fit shape {shape:?}")),
        }
    }

    /// Views, MaxPool and the like put out integers on the scale of what they read.
    fn expect_same_quantisation(&self, inputs: std::ops::Range<usize>) -> Result<(), String> {
        for input in inputs {
            if self.quantisation(input) != self.node.quantisation {
                return Err("scale and zero point differ from its input's".into());
            }
        }
        Ok(())
    }
}

/// `Ok` if the two numbers agree, otherwise an explanation.
fn expect_count(what: &str, found: usize, expected: Option<usize>) -> Result<(), String> {
    match expected {
        Some(expected) if expected == found => Ok(()),
        Some(expected) => Err(format!("{found} {what}, expected {expected}")),
        None => Err(format!("more than {MAX_ELEMENTS} {what} needed")),
    }
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
        let taps = |window| limits::taps(window, graph.shape(node.inputs[0]));
        let terms = match &node.operator {
            // The same elements once more, which nothing stores.
            Operator::Reshape => return Ok(()),
            Operator::Convolution { weights, bias, .. }
            | Operator::Linear { weights, bias, .. } => weights.len() / bias.len(),
            Operator::AveragePool { window, .. } | Operator::MaxPool { window } => taps(window),
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

/// Whether an integer has 16 bits, signed or not.
fn is_activation(integer: i64) -> bool {
    (ACTIVATION_MIN..=ACTIVATION_MAX).contains(&integer)
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
        Operator::Product { .. } | Operator::Binary(_) => 2..=2,
        Operator::Select => 3..=3,
        Operator::Constant(_) => 0..=0,
        _ => 1..=1,
    };
    if !arity.contains(&node.inputs.len()) {
        return Err(format!("reads {} values", node.inputs.len()));
    }
    let context = Context { graph, node, bounds };
    check_sources(&context)?;
    match &node.operator {
        Operator::Convolution { .. }
        | Operator::Linear { .. }
        | Operator::Sum { .. }
        | Operator::AveragePool { .. }
        | Operator::Activation(_) => arithmetic::check(&context),
        Operator::Product { .. }
        | Operator::Binary(_)
        | Operator::Max
        | Operator::Min
        | Operator::Select => elementwise::check(&context),
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
        | Operator::TopK { .. } => movement::check(&context),
    }
}

/// Raw accumulators may only be viewed or compared; indices may not be read at all.
fn check_sources(context: &Context<'_>) -> Result<(), String> {
    let view = matches!(
        context.node.operator,
        Operator::Reshape
            | Operator::Transpose { .. }
            | Operator::Slice { .. }
            | Operator::ArgMax { .. }
    );
    for input in 0..context.node.inputs.len() {
        match context.bounds(input).last {
            Last::No => {}
            Last::Accumulator if view => {}
            Last::Accumulator => return Err("reads an accumulator that was not requantised".into()),
            Last::Index => return Err("reads the result of an ArgMax".into()),
        }
    }
    Ok(())
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
        }
    }
}
