//! Shapes and intervals of every node, derived from the description with checked arithmetic.
//!
//! Intervals make field equality integer equality: every linear form, quotient and remainder is
//! proven to stay within `±2^62`, far from `|p|/2`. They also size the tables, so that every input
//! in its declared range is provable.

use crate::circuit::description::{
    Choice, Description, Greedy, NodeId, Operator, Output, OutputSource, Quantisation, Scheme,
    Visibility,
};
use crate::circuit::edges;
use crate::circuit::facts::Facts;
use crate::circuit::forms;
use crate::circuit::greedy;
use crate::circuit::interval::Interval;
use crate::circuit::operators::Reader;
use crate::circuit::shared::Shared;
use crate::circuit::size::{count, within};
use crate::error::DescriptionError as Error;
use crate::limits::MAX_BIAS_DIGITS;
use crate::limits::{MAX_ELEMENTS, MAX_NODES, MAX_READS, MAX_TENSORS};

/// Facts of all nodes and outputs of a description.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// One per node.
    pub nodes: Vec<Facts>,
    /// One per output: for [`OutputSource::ArgMax`] the shape `[outer, inner]` and the index range.
    pub outputs: Vec<Facts>,
}

impl Analysis {
    /// Most rows and most columns of any node or output as a matrix, at least one of each.
    pub(crate) fn widest(&self) -> (usize, usize) {
        let sizes = self.nodes.iter().chain(&self.outputs).map(Facts::matrix);
        sizes.fold((1, 1), |(r, c), (rows, columns)| (r.max(rows), c.max(columns)))
    }
}

/// Derives and checks shapes, intervals, references and total size.
pub fn analyse(description: &Description) -> Result<Analysis, Error> {
    within(&description.name, "nodes", description.nodes.len(), MAX_NODES)?;
    within(&description.name, "inputs", description.inputs.len(), MAX_TENSORS)?;
    within(&description.name, "outputs", description.outputs.len(), MAX_TENSORS)?;
    let sealed = description.nodes.iter().any(|node| node.operator.has_sealed_weights());
    if description.bias_digits > MAX_BIAS_DIGITS || (description.bias_digits > 0) != sealed {
        return Err(Error::BiasDigits { got: description.bias_digits });
    }
    for input in &description.inputs {
        count(&input.shape, &input.name)?;
        check_scheme(&input.quantisation, &input.shape, &input.name)?;
        if input.minimum > input.maximum {
            return Err(Error::Range {
                node: input.name.clone(),
                what: "its minimum exceeds its maximum",
            });
        }
        if Interval::new(input.minimum, input.maximum).is_none() {
            return Err(Error::Overflow { node: input.name.clone() });
        }
    }
    let nodes = node_facts(description)?;
    edges::functions(description)?;
    edges::nodes_of_inputs(description)?;
    edges::products(description)?;
    forms::check(description, &nodes)?;
    let outputs =
        description.outputs.iter().map(|output| output_facts(description, output, &nodes));
    let outputs = outputs.collect::<Result<_, _>>()?;
    // The circuit of a seal's range proof has no outputs, and claims nothing of any.
    if !description.outputs.is_empty() {
        edges::every_input_counts(description)?;
    }
    Ok(Analysis { nodes, outputs })
}

/// The facts of the first nodes of a description, which may be in the making.
#[derive(Debug, Default)]
pub struct Known {
    /// One per node.
    pub nodes: Vec<Facts>,
    shared: Shared,
}

impl Known {
    /// Those of the next node too; how many elements it has.
    ///
    /// # Errors
    /// If there is none, or its shape or interval is impossible.
    pub fn next(&mut self, description: &Description) -> Result<usize, Error> {
        let reference = self.nodes.len();
        let Some(node) = description.nodes.get(reference) else {
            return Err(Error::ForwardReference { node: description.name.clone(), reference });
        };
        self.shared.add(description, &node.operator);
        let (nodes, shared) = (self.nodes.as_slice(), &self.shared);
        let reader = Reader { description, node: &node.name, nodes, shared };
        let facts = reader.facts(&node.operator)?;
        let elements = facts.elements;
        self.nodes.push(facts);
        Ok(elements)
    }
}

/// The facts of all nodes, while all together are not too large.
fn node_facts(description: &Description) -> Result<Vec<Facts>, Error> {
    let mut known = Known::default();
    let (mut total, mut reads) = (0usize, 0usize);
    for node in &description.nodes {
        let elements = known.next(description)?;
        total = total.saturating_add(elements);
        within(&node.name, "tensor elements up to here", total, MAX_ELEMENTS)?;
        let read = node.operator.operands().filter_map(|operand| known.nodes.get(operand));
        reads = read.map(|facts| facts.elements).fold(reads, usize::saturating_add);
        reads = reads.saturating_add(weights_of_another(description, &node.operator));
        within(&node.name, "elements read up to here", reads, MAX_READS)?;
    }
    Ok(known.nodes)
}

/// The public weights that an operator reads and another one has. Verifying takes a step for each,
/// and a description need not be long to have many.
fn weights_of_another(description: &Description, operator: &Operator) -> usize {
    let Operator::Contract(contract) = operator else { return 0 };
    let shared = contract.weights.owner().and_then(|_| description.public_weights(contract));
    shared.map_or(0, <[i8]>::len)
}

/// The contractions of a description in the making that need a
/// [copy](crate::circuit::description::Operator::Copy) behind them: their backward pass would take
/// too many multiplications ([`MAX_PER_ELEMENT`](crate::limits::MAX_PER_ELEMENT)). In ascending
/// order.
///
/// # Errors
/// If shapes or intervals are impossible.
pub fn wanting_copies(description: &Description) -> Result<Vec<NodeId>, Error> {
    let found = forms::too_dense(description, &node_facts(description)?);
    let mut nodes: Vec<_> = found.iter().filter(|found| found.dense).map(|f| f.node).collect();
    nodes.reverse();
    Ok(nodes)
}

/// One scheme for each meaning: scales by index are not what one scale would say.
fn check_scheme(scheme: &Scheme, shape: &[usize], name: &str) -> Result<(), Error> {
    let (axis, parts) = match scheme {
        Scheme::PerTensor(quantisation) => return check_quantisation(*quantisation, name),
        Scheme::PerAxis { axis, parts } => (*axis, parts),
    };
    let wrong = |what| Err(Error::Shape { node: name.into(), what });
    let Some(&length) = shape.get(axis) else {
        return wrong("the axis of its scales does not exist");
    };
    if parts.len() != length {
        return wrong("it has not one scale for each index of their axis");
    }
    parts.iter().try_for_each(|&part| check_quantisation(part, name))?;
    if parts.windows(2).all(|pair| pair.first() == pair.last()) {
        return wrong("its scales by index are all the same: it has one for the tensor");
    }
    Ok(())
}

fn check_quantisation(quantisation: Quantisation, name: &str) -> Result<(), Error> {
    let zero_point = Interval::new(quantisation.zero_point, quantisation.zero_point);
    if quantisation.scale.is_finite() && quantisation.scale > 0.0 && zero_point.is_some() {
        return Ok(());
    }
    Err(Error::Range {
        node: name.into(),
        what: "its scale is no positive finite number or its zero point too large",
    })
}

/// Whether elements are read at the same places in both shapes: dimensions of one move none.
fn reads_alike(one: &[usize], other: &[usize]) -> bool {
    let long = |size: &&usize| **size != 1;
    one.iter().filter(long).eq(other.iter().filter(long))
}

fn output_facts(
    description: &Description,
    output: &Output,
    nodes: &[Facts],
) -> Result<Facts, Error> {
    let wrong = |what| Error::Shape { node: output.name.clone(), what };
    let shape = |what| Err(wrong(what));
    check_scheme(&output.quantisation, &output.shape, &output.name)?;
    let hidden = output.visibility == Visibility::Private;
    let sealable = matches!(output.source, OutputSource::Node(_));
    if hidden || (output.visibility == Visibility::Sealed && !sealable) {
        return shape("this output cannot be hidden: make it public");
    }
    let reader = Reader { description, node: &output.name, nodes, shared: &Shared::default() };
    let (facts, sizes) = match &output.source {
        OutputSource::Node(node) => {
            let facts = reader.earlier(*node)?.clone();
            let sizes = facts.shape.clone();
            (facts, sizes)
        }
        OutputSource::Greedy(Greedy { choice: Choice::Hidden { difference }, .. }) => {
            let facts = reader.earlier(*difference)?;
            let interval = Interval { minimum: 0, maximum: 0 };
            (Facts { interval, ..facts.clone() }, facts.shape.clone())
        }
        OutputSource::ArgMax { input, axis, .. }
        | OutputSource::Greedy(Greedy { choice: Choice::Shown { input, axis }, .. }) => {
            let input = reader.earlier(*input)?;
            let mut sizes = input.shape.clone();
            let Some(size) = sizes.get_mut(*axis).map(|size| core::mem::replace(size, 1)) else {
                return shape("the axis of its ArgMax does not exist");
            };
            let elements = input.elements.checked_div(size).unwrap_or(1);
            let inner: usize = sizes.iter().skip(*axis).product();
            let outer = elements.checked_div(inner).unwrap_or(1);
            let maximum = i64::try_from(size.saturating_sub(1)).unwrap_or(i64::MAX);
            (
                Facts {
                    shape: vec![outer, inner],
                    elements,
                    interval: Interval { minimum: 0, maximum },
                },
                sizes,
            )
        }
    };
    count(&output.shape, &output.name)?;
    if !reads_alike(&output.shape, &sizes) {
        return shape("its shape is not that of its source, dimensions of one aside");
    }
    if let Some(greedy) = output.source.greedy() {
        greedy::check(greedy, description, facts.elements).map_err(wrong)?;
    }
    Ok(facts)
}
