//! How much of the [limits](crate::limits) a float graph takes.
//!
//! A node of the float graph becomes several tensors of a circuit; how many at least is said here,
//! and the tests of the whole toolkit hold it against what compiling makes.

use super::accumulators::{Sums, sums};
use super::activation::Activation;
use super::binary::BinaryOperator;
use super::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;
use crate::integer::signature::{Grid, Input};
use crate::limits::{ADVICE, MAX_ELEMENTS, MAX_NODES, MAX_PRODUCTS, elements, tensor};
use crate::tensor::window::{Window, taps};

/// Most entries of all tables together, before those that are equal become one. A table of two
/// bytes takes half a megabyte.
const MAX_ENTRIES: usize = 1 << 26;

/// What is left of the limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    elements: usize,
    products: usize,
    nodes: usize,
}

impl Room {
    /// What the inputs leave. The importer has seen to each of them by itself; only several can be
    /// too much.
    pub(crate) fn beside(inputs: &[Input]) -> Self {
        let taken =
            inputs.iter().map(|input| elements(&input.shape)).fold(0, usize::saturating_add);
        Self {
            elements: MAX_ELEMENTS.saturating_sub(taken),
            products: MAX_PRODUCTS,
            nodes: MAX_NODES,
        }
    }

    /// Whether there is room for a tensor of that shape; gives its elements.
    pub(crate) fn fits(&self, shape: &[usize]) -> Result<usize, String> {
        let count = tensor(shape)?;
        if count <= self.elements {
            return Ok(count);
        }
        Err(format!(
            "its shape {shape:?} has {count} elements, what is before it {}, and a circuit at most \
            {MAX_ELEMENTS} in all; {ADVICE}",
            MAX_ELEMENTS - self.elements
        ))
    }

    /// Makes room for a node whose result of that shape is `copies` tensors of a circuit, after
    /// `products` multiplications.
    pub(crate) fn take(
        &mut self,
        shape: &[usize],
        copies: usize,
        products: usize,
    ) -> Result<(), String> {
        let count = tensor(shape)?;
        let elements = copies.saturating_mul(count);
        let Some(nodes) = self.nodes.checked_sub(1) else {
            return Err(format!("the network becomes more than {MAX_NODES} operators; {ADVICE}"));
        };
        let Some(left) = self.elements.checked_sub(elements) else {
            return Err(format!(
                "its shape {shape:?} makes at least {elements} elements of a circuit, what is \
                before it {}, and a circuit has at most {MAX_ELEMENTS} in all; {ADVICE}",
                MAX_ELEMENTS - self.elements
            ));
        };
        let Some(multiplications) = self.products.checked_sub(products) else {
            return Err(format!(
                "its result of shape {shape:?} takes {products} multiplications, and a circuit has \
                at most {MAX_PRODUCTS} in all; {ADVICE}"
            ));
        };
        *self = Self { elements: left, products: multiplications, nodes };
        Ok(())
    }

    /// Multiplications that room was made for.
    pub(crate) fn products_taken(&self) -> usize {
        MAX_PRODUCTS - self.products
    }
}

/// How much there is of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Numbers that it holds: weights, biases, tables.
    pub numbers: usize,
    /// What one run of it takes, in multiplications.
    pub run: usize,
    /// Bytes that one run holds at once, at most.
    pub held: usize,
}

impl Size {
    /// That of a graph.
    pub fn of(graph: &Graph) -> Self {
        let numbers = |node: &Node| match &node.operator {
            Operator::Conv { layer, .. } | Operator::Gemm { layer } => layer.numbers(),
            Operator::Lookup { table } => table.len(),
            Operator::Constant(values) => values.len(),
            _ => 0,
        };
        let numbers = graph.nodes.iter().map(numbers).fold(0, usize::saturating_add);
        Self { numbers, run: work(graph), held: memory(graph) }
    }
}

/// The node that makes a network too large, and how.
pub(crate) struct Excess {
    pub(crate) node: usize,
    pub(crate) problem: String,
}

/// How many elements a circuit for a model's graph has at least; none if that is too many, or there
/// is too much of something else.
pub fn least_elements(graph: &Graph) -> Option<usize> {
    measure(graph).ok().map(|room| MAX_ELEMENTS - room.elements)
}

/// Measures a graph that has been simplified; gives what it leaves.
pub(crate) fn measure(graph: &Graph) -> Result<Room, Excess> {
    let sums = sums(graph, &graph.consumers());
    let mut room = Room::beside(&graph.inputs);
    let (grids, mut entries) = (graph.grids(), 0usize);
    let mut centred = vec![false; graph.inputs.len() + graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let excess = |problem| Excess { node: index, problem };
        let products = node.inputs.first().map_or(0, |&input| products(node, graph.shape(input)));
        let raw = sums[graph.inputs.len() + index] != Sums::Rescaled;
        room.take(&node.shape, tensors(node, raw), products).map_err(excess)?;
        entries = entries.saturating_add(table(node, &grids));
        if entries > MAX_ENTRIES {
            return Err(excess(format!(
                "with its table those of the network have {entries} entries, more than \
                {MAX_ENTRIES}; quantise to 8 bits, or cut the file in pieces"
            )));
        }
        // Windows and products read integers whose zero is real zero, for which they are copied
        // once.
        let reads_centred = matches!(
            node.operator,
            Operator::Conv { .. } | Operator::Gemm { .. } | Operator::AveragePool { .. }
        );
        if let (true, Some(&input)) = (reads_centred, node.inputs.first())
            && has_zero_point(graph, input)
            && !std::mem::replace(&mut centred[input], true)
        {
            let shape = graph.shape(input);
            room.elements = room.elements.checked_sub(elements(shape)).ok_or_else(|| {
                let problem = format!(
                    "it reads {} elements of shape {shape:?} once more, and there is no room for \
                    them: a circuit has at most {MAX_ELEMENTS} in all; {ADVICE}",
                    elements(shape)
                );
                excess(problem)
            })?;
        }
    }
    Ok(room)
}

/// What one run of a graph in floating point takes, in multiplications.
fn work(graph: &Graph) -> usize {
    /// An element is made, rounded, compared and copied, in memory that no cache holds.
    const ELEMENT: usize = 256;
    let node = |node: &Node| {
        let products = node.inputs.first().map_or(0, |&input| products(node, graph.shape(input)));
        products.saturating_add(elements(&node.shape).saturating_mul(ELEMENT))
    };
    graph.nodes.iter().map(node).fold(0, usize::saturating_add)
}

/// How often a graph can be run in floating point within some multiplications; not below `least`
/// and not above `most` times.
pub(crate) fn repetitions(graph: &Graph, work: usize, least: usize, most: usize) -> usize {
    (work / self::work(graph).max(1)).clamp(least, most)
}

/// Bytes that one run of a graph in floating point holds at once, at most.
pub(crate) fn memory(graph: &Graph) -> usize {
    /// A node's argument and result beside what it reads, each element in eight bytes.
    const ELEMENT: usize = 16;
    let largest = graph.nodes.iter().map(|node| elements(&node.shape)).max().unwrap_or(0);
    let mut last = vec![0; graph.inputs.len() + graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| last[input] = index);
    }
    graph.outputs.iter().for_each(|output| last[output.value] = graph.nodes.len());
    let size = |value: ValueId| elements(graph.shape(value));
    let mut live: usize = (0..graph.inputs.len()).map(size).fold(0, usize::saturating_add);
    let mut most = live;
    for (index, node) in graph.nodes.iter().enumerate() {
        live = live.saturating_add(size(graph.result(index)));
        most = most.max(live);
        let mut read = node.inputs.clone();
        read.sort_unstable();
        read.dedup();
        let gone = read.into_iter().filter(|&input| last[input] == index).map(size);
        live = live.saturating_sub(gone.fold(0, usize::saturating_add));
    }
    most.saturating_add(largest).saturating_mul(ELEMENT)
}

/// How many tensors of its result's size a node is at least in a circuit: an accumulator and what
/// it is rounded to, comparisons, squares.
fn tensors(node: &Node, raw: bool) -> usize {
    match &node.operator {
        Operator::Reshape | Operator::Relabel | Operator::Quantize | Operator::ArgMax { .. } => 0,
        Operator::Activation(_)
        | Operator::Constant(_)
        | Operator::Transpose { .. }
        | Operator::Slice { .. }
        | Operator::Pad { .. }
        | Operator::Concat { .. }
        | Operator::TopK { .. } => 1,
        sums if raw && sums.accumulates() => 1,
        Operator::Conv { .. }
        | Operator::Gemm { .. }
        | Operator::BatchNormalization { .. }
        | Operator::Add { .. }
        | Operator::AveragePool { .. }
        | Operator::Binary(_)
        | Operator::Lookup { .. }
        | Operator::Interpolate { .. } => 2,
        Operator::Select | Operator::MatMul { .. } => 3,
        Operator::Product | Operator::Softmax { .. } | Operator::Normalise { .. } => 6,
        // A comparison is a difference, a rise and a sum, and rows and columns can be compared one
        // after the other.
        Operator::MaxPool { window: Window { kernel: [height, width], .. } } => {
            height.saturating_add(*width).saturating_sub(2).saturating_mul(3)
        }
    }
}

/// The same for a node that may yet be folded into another, or be left out.
pub(crate) fn kept(node: &Node) -> usize {
    match node.operator {
        Operator::Activation(_) | Operator::BatchNormalization { .. } => 0,
        Operator::Add { .. } if node.inputs.len() == 1 => 0,
        _ => tensors(node, true).min(1),
    }
}

/// Multiplications (and comparisons of a window) that a node takes.
pub(crate) fn products(node: &Node, input: &[usize]) -> usize {
    let terms = match &node.operator {
        Operator::Conv { window: Window { kernel: [height, width], .. }, groups, .. } => {
            let channels = input.get(1).copied().unwrap_or(1) / (*groups).max(1);
            channels.saturating_mul(*height).saturating_mul(*width)
        }
        Operator::Gemm { .. } | Operator::MatMul { .. } => input.last().copied().unwrap_or(1),
        Operator::AveragePool { window, .. } | Operator::MaxPool { window } => taps(window, input),
        Operator::Interpolate { axis, .. } => input.get(*axis).copied().unwrap_or(1),
        _ => 0,
    };
    elements(&node.shape).saturating_mul(terms)
}

/// Entries of the table that a node's result, or the function that it is, is looked up in.
fn table(node: &Node, grids: &[Option<Grid>]) -> usize {
    /// Of integers of 8 bits.
    const USUAL: usize = 256;
    let known = |grid: Option<Grid>| grid.filter(|grid| !grid.is_open());
    let count = |grid: Option<Grid>| known(grid).map_or(USUAL, |grid| grid.count());
    let operand = |place: usize| node.inputs.get(place).map_or(USUAL, |&input| count(grids[input]));
    match &node.operator {
        Operator::Binary(operator)
            if operator.by_difference().is_none()
                && !matches!(operator, BinaryOperator::Max | BinaryOperator::Min) =>
        {
            operand(0).saturating_mul(operand(1))
        }
        Operator::Activation(_) => operand(0),
        operator if operator.computes() || *operator == Operator::Quantize => count(node.grid),
        _ => 0,
    }
}

/// Whether a value is sure to have a zero point other than 0: the file says so, or it is calibrated
/// and never negative.
fn has_zero_point(graph: &Graph, value: ValueId) -> bool {
    let node = graph.producer(value).map(|index| &graph.nodes[index]);
    let grid = node.map_or_else(|| graph.inputs[value].grid, |node| node.grid);
    if let Some(grid) = grid {
        return grid.quantisation.zero_point != 0;
    }
    node.is_some_and(|node| {
        node.fused == Some(Activation::Relu)
            || node.operator == Operator::Activation(Activation::Relu)
    })
}
