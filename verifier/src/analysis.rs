//! Shapes and intervals of every node, derived from the description with checked arithmetic.
//!
//! Intervals make field equality integer equality: every linear form, quotient and remainder is proven to stay within `±2^62`, far
//! from `|p|/2`. They also size the tables, so that every input in its declared range is provable.

use crate::description::{
    Combine, Contract, Description, Form, Operator, OutputSource, Product, Quantisation, View, ViewKind, Visibility,
    Weights,
};
use crate::error::DescriptionError as Error;
use crate::readers;

/// What sealed weights lie in.
pub const SEALED_WEIGHT: Interval = Interval { minimum: -128, maximum: 127 };
/// What a digit of a sealed bias lies in.
pub const SEALED_DIGIT: Interval = Interval { minimum: -32, maximum: 31 };
/// A sealed bias is `Σ digit_i·64^i`.
pub const DIGIT_BASE: i64 = 64;
/// Most digits of a sealed bias: enough for 32 bits.
pub const MAX_BIAS_DIGITS: u32 = 6;
/// Bound on the size of any integer in the circuit.
const LIMIT: i128 = 1 << 62;
/// Most elements of all nodes together; bounds the verifier's memory.
pub const MAX_ELEMENTS: usize = 1 << 25;
/// Most small-by-field multiplications of the backward pass; bounds the verifier's time.
pub const MAX_WORK: usize = 1 << 34;

/// Integers from `minimum` to `maximum`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Smallest.
    pub minimum: i64,
    /// Largest.
    pub maximum: i64,
}

impl Interval {
    /// Number of integers, at least 1.
    pub fn count(&self) -> i128 {
        i128::from(self.maximum).saturating_sub(i128::from(self.minimum)).saturating_add(1)
    }

    /// The smallest interval with both.
    pub fn union(self, other: Self) -> Self {
        Self { minimum: self.minimum.min(other.minimum), maximum: self.maximum.max(other.maximum) }
    }

    /// `⌊x / 2^shift⌋` of all its elements.
    pub fn shifted(self, shift: u32) -> Self {
        let shift = shift.min(63);
        Self { minimum: self.minimum >> shift, maximum: self.maximum >> shift }
    }

    fn from_wide(minimum: i128, maximum: i128, node: &str) -> Result<Self, Error> {
        let overflow = || Error::Overflow { node: node.into() };
        if minimum <= -LIMIT || maximum >= LIMIT {
            return Err(overflow());
        }
        Ok(Self {
            minimum: i64::try_from(minimum).map_err(|_| overflow())?,
            maximum: i64::try_from(maximum).map_err(|_| overflow())?,
        })
    }

    fn wide(self) -> (i128, i128) {
        (i128::from(self.minimum), i128::from(self.maximum))
    }
}

/// `factor · [low, high]`, saturating.
fn scale((low, high): (i128, i128), factor: i64) -> (i128, i128) {
    let (a, b) = (low.saturating_mul(factor.into()), high.saturating_mul(factor.into()));
    (a.min(b), a.max(b))
}

fn add((a, b): (i128, i128), (c, d): (i128, i128)) -> (i128, i128) {
    (a.saturating_add(c), b.saturating_add(d))
}

/// Products of an element of each.
fn multiply(a: Interval, b: Interval) -> (i128, i128) {
    let (first, second) = (scale(a.wide(), b.minimum), scale(a.wide(), b.maximum));
    (first.0.min(second.0), first.1.max(second.1))
}

/// `count` times an interval.
fn repeat((low, high): (i128, i128), count: usize) -> (i128, i128) {
    let count = i128::try_from(count).unwrap_or(i128::MAX);
    (low.saturating_mul(count), high.saturating_mul(count))
}

/// What a sealed bias of this many digits lies in.
pub fn sealed_bias(digits: u32) -> Interval {
    let unit = (0..digits.min(MAX_BIAS_DIGITS)).fold(0i64, |unit, _| unit.saturating_mul(DIGIT_BASE).saturating_add(1));
    let Interval { minimum, maximum } = SEALED_DIGIT;
    Interval { minimum: minimum.saturating_mul(unit), maximum: maximum.saturating_mul(unit) }
}

/// Shape and interval of one node or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
    /// Number of elements, at least 1.
    pub elements: usize,
    /// What every element lies in, whatever the inputs in their declared ranges.
    pub interval: Interval,
}

impl Facts {
    /// The tensor as a matrix for cotangents: first dimension by all others.
    pub fn matrix(&self) -> (usize, usize) {
        match self.shape.first() {
            Some(&rows) if rows > 0 => (rows, self.elements.checked_div(rows).unwrap_or(1)),
            _ => (1, 1),
        }
    }
}

/// Facts of all nodes and outputs of a description.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// One per node.
    pub nodes: Vec<Facts>,
    /// One per output: for [`OutputSource::ArgMax`] the shape `[outer, inner]` and the index range.
    pub outputs: Vec<Facts>,
}

/// Output height and width of a contraction, or none if the kernel does not fit.
pub fn output_size(contract: &Contract, height: usize, width: usize) -> Option<[usize; 2]> {
    let [top, left, bottom, right] = contract.pads;
    let ([kernel_h, kernel_w], [stride_h, stride_w]) = (contract.kernel, contract.strides);
    let [dilation_h, dilation_w] = contract.dilations;
    let size = |input: usize, before: usize, after: usize, kernel: usize, stride: usize, dilation: usize| {
        let span = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
        let padded = input.checked_add(before)?.checked_add(after)?;
        padded.checked_sub(span)?.checked_div(stride)?.checked_add(1)
    };
    Some([
        size(height, top, bottom, kernel_h, stride_h, dilation_h)?,
        size(width, left, right, kernel_w, stride_w, dilation_w)?,
    ])
}

fn count(shape: &[usize], node: &str) -> Result<usize, Error> {
    let elements = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    match elements {
        Some(0) => Err(Error::Shape { node: node.into(), what: "a dimension is zero" }),
        Some(elements) if elements <= MAX_ELEMENTS => Ok(elements),
        _ => Err(Error::TooLarge { what: "tensor elements", limit: MAX_ELEMENTS }),
    }
}

fn check_quantisation(quantisation: Quantisation, name: &str) -> Result<(), Error> {
    if quantisation.scale.is_finite() && quantisation.scale > 0.0 && quantisation.zero_point.unsigned_abs() < 1 << 62 {
        return Ok(());
    }
    Err(Error::Range { node: name.into(), what: "its scale is no positive finite number or its zero point too large" })
}

/// Derives and checks shapes, intervals, references and total size.
pub fn analyse(description: &Description) -> Result<Analysis, Error> {
    let sealed = description
        .nodes
        .iter()
        .any(|node| matches!(&node.operator, Operator::Contract(c) if c.weights == Weights::Sealed));
    if description.bias_digits > MAX_BIAS_DIGITS || (description.bias_digits > 0) != sealed {
        return Err(Error::BiasDigits { got: description.bias_digits });
    }
    for input in &description.inputs {
        count(&input.shape, &input.name)?;
        check_quantisation(input.quantisation, &input.name)?;
        Interval::from_wide(input.minimum.into(), input.maximum.into(), &input.name)?;
        if input.minimum > input.maximum {
            return Err(Error::Range { node: input.name.clone(), what: "its minimum exceeds its maximum" });
        }
    }
    let mut nodes: Vec<Facts> = Vec::new();
    let mut total = 0usize;
    let mut work = 0usize;
    for node in &description.nodes {
        let facts = node_facts(description, &node.operator, &node.name, &nodes)?;
        total = total.saturating_add(facts.elements);
        if let Operator::Contract(contract) = &node.operator {
            // A dense cotangent costs every multiply-accumulate; the usual rank-one cotangent far less.
            work = work.saturating_add(facts.elements.saturating_mul(depth(contract, &nodes).unwrap_or(0)));
        }
        if total > MAX_ELEMENTS {
            return Err(Error::TooLarge { what: "tensor elements", limit: MAX_ELEMENTS });
        }
        if work > MAX_WORK {
            return Err(Error::TooLarge { what: "multiply-accumulates", limit: MAX_WORK });
        }
        nodes.push(facts);
    }
    readers::check(description)?;
    let outputs = description
        .outputs
        .iter()
        .map(|output| {
            check_quantisation(output.quantisation, &output.name)?;
            let hidden = output.visibility == Visibility::Private;
            if hidden || (output.visibility == Visibility::Sealed && output.source.is_index()) {
                return Err(Error::Shape {
                    node: output.name.clone(),
                    what: "this output cannot be hidden: make it public",
                });
            }
            let facts = output_facts(&output.source, &output.name, &nodes)?;
            if count(&output.shape, &output.name)? != facts.elements {
                return Err(Error::Shape { node: output.name.clone(), what: "its shape does not fit its source" });
            }
            Ok(facts)
        })
        .collect::<Result<_, _>>()?;
    Ok(Analysis { nodes, outputs })
}

/// Taps per output channel: channels of a group times kernel size.
pub fn depth(contract: &Contract, nodes: &[Facts]) -> Option<usize> {
    let &[channels, ..] = nodes.get(contract.input)?.shape.as_slice() else { return None };
    let [height, width] = contract.kernel;
    channels.checked_div(contract.groups)?.checked_mul(height)?.checked_mul(width)
}

/// Length of the two factors of a bilinear node: the taps of all groups, or batches times inner dimension.
pub fn factor_length(operator: &Operator, nodes: &[Facts]) -> usize {
    let length = match operator {
        Operator::Contract(contract) => depth(contract, nodes).and_then(|depth| depth.checked_mul(contract.groups)),
        Operator::Product(product) => nodes.get(product.left).and_then(|left| {
            let &[batches, _, inner] = left.shape.as_slice() else { return None };
            batches.checked_mul(inner)
        }),
        _ => None,
    };
    length.unwrap_or(0)
}

fn earlier<'a>(nodes: &'a [Facts], reference: usize, node: &str) -> Result<&'a Facts, Error> {
    nodes.get(reference).ok_or_else(|| Error::ForwardReference { node: node.into(), reference })
}

fn output_facts(source: &OutputSource, name: &str, nodes: &[Facts]) -> Result<Facts, Error> {
    match source {
        OutputSource::Node(node) => earlier(nodes, *node, name).cloned(),
        OutputSource::ArgMax { input, axis, .. } => {
            let input = earlier(nodes, *input, name)?;
            let size = *input
                .shape
                .get(*axis)
                .ok_or_else(|| Error::Shape { node: name.into(), what: "the axis of its ArgMax does not exist" })?;
            let outer = input.shape.iter().take(*axis).product();
            let inner = input.shape.iter().skip(axis.saturating_add(1)).product();
            let elements = input.elements.checked_div(size).unwrap_or(1);
            let maximum = i64::try_from(size.saturating_sub(1)).unwrap_or(i64::MAX);
            Ok(Facts { shape: vec![outer, inner], elements, interval: Interval { minimum: 0, maximum } })
        }
    }
}

fn node_facts(description: &Description, operator: &Operator, node: &str, nodes: &[Facts]) -> Result<Facts, Error> {
    let shape_error = |what| Error::Shape { node: node.into(), what };
    match operator {
        Operator::Input(index) => {
            let input =
                description.inputs.get(*index).ok_or_else(|| shape_error("it reads an input that does not exist"))?;
            Ok(Facts {
                shape: input.shape.clone(),
                elements: count(&input.shape, node)?,
                interval: Interval { minimum: input.minimum, maximum: input.maximum },
            })
        }
        Operator::Contract(contract) => {
            contract_facts(contract, earlier(nodes, contract.input, node)?, description.bias_digits, node)
        }
        Operator::Product(product) => product_facts(product, node, nodes),
        Operator::Copy(input) => earlier(nodes, *input, node).cloned(),
        Operator::Combine(combine) => combine_facts(combine, node, nodes),
        Operator::View(view) => view_facts(view, node, nodes),
        Operator::Requantise(requantise) => {
            let input = earlier(nodes, requantise.input, node)?;
            let function = &requantise.function;
            let (Some(&first), bits) =
                (function.values.first(), requantise.limbs.saturating_mul(description.limb_bits))
            else {
                return Err(shape_error("its function has no entries"));
            };
            if bits > 60 {
                return Err(shape_error("it divides by more than 2^60"));
            }
            Interval::from_wide(function.minimum.into(), function.maximum().into(), node)?;
            if function.values.iter().any(|value| value.unsigned_abs() >= 1 << 62) {
                return Err(Error::Overflow { node: node.into() });
            }
            if requantise.form == Form::Wide && function.values.len() < 2 {
                return Err(shape_error("the wide form needs a function of at least two entries"));
            }
            let bounds =
                function.values.iter().fold((first, first), |(low, high), &value| (low.min(value), high.max(value)));
            let interval = Interval { minimum: bounds.0, maximum: bounds.1 };
            Ok(Facts { interval, ..input.clone() })
        }
    }
}

fn product_facts(product: &Product, node: &str, nodes: &[Facts]) -> Result<Facts, Error> {
    let (left, right) = (earlier(nodes, product.left, node)?, earlier(nodes, product.right, node)?);
    let (&[batches, rows, inner], &[other_batches, columns, other_inner]) =
        (left.shape.as_slice(), right.shape.as_slice())
    else {
        return Err(Error::Shape { node: node.into(), what: "a product reads two tensors of three dimensions" });
    };
    if (batches, inner) != (other_batches, other_inner) {
        return Err(Error::Shape {
            node: node.into(),
            what: "batches and last dimensions of a product's operands differ",
        });
    }
    let shape = vec![batches, rows, columns];
    let (low, high) = repeat(multiply(left.interval, right.interval), inner);
    Ok(Facts { elements: count(&shape, node)?, shape, interval: Interval::from_wide(low, high, node)? })
}

fn contract_facts(contract: &Contract, input: &Facts, bias_digits: u32, node: &str) -> Result<Facts, Error> {
    let error = |what| Err(Error::Shape { node: node.into(), what });
    let &[channels, height, width] = input.shape.as_slice() else {
        return error("a contraction reads a tensor of three dimensions");
    };
    let (rows, groups) = (contract.rows, contract.groups);
    if rows == 0 || groups == 0 || !rows.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
        return error("its groups do not divide its channels");
    }
    let [kernel_h, kernel_w] = contract.kernel;
    let Some([out_h, out_w]) = output_size(contract, height, width) else {
        return error("its kernel does not fit its input, or a stride is zero");
    };
    let depth = channels.checked_div(groups).and_then(|c| c.checked_mul(kernel_h)?.checked_mul(kernel_w));
    let Some(depth) = depth.filter(|&depth| depth > 0) else {
        return error("its kernel is empty");
    };
    let Some(count_of_weights) = depth.checked_mul(rows).filter(|&count| count <= MAX_ELEMENTS) else {
        return Err(Error::TooLarge { what: "weights", limit: MAX_ELEMENTS });
    };
    if contract.weights.public().is_some_and(|weights| weights.len() != count_of_weights) {
        return error("its weights do not fit its channels and kernel");
    }
    if contract.row_factors.len() != rows || contract.bias.len() != rows {
        return error("one factor and one bias per output channel are expected");
    }
    let shape = vec![rows, out_h, out_w];
    let elements = count(&shape, node)?;
    let columns = elements.checked_div(rows).unwrap_or(0);
    if !contract.column_factors.is_empty() && contract.column_factors.len() != columns {
        return error("one column factor per output position is expected");
    }
    let one = (1, 1);
    let column = contract.column_factors.iter().fold(None, |bounds: Option<(i64, i64)>, &factor| {
        Some(bounds.map_or((factor, factor), |(low, high)| (low.min(factor), high.max(factor))))
    });
    let (least, most) = column.unwrap_or(one);
    // A window over padding or cut short contributes zero, so zero belongs to the interval.
    let mut x = input.interval;
    if contract.pads.iter().any(|&pad| pad > 0) {
        x = x.union(Interval { minimum: 0, maximum: 0 });
    }
    let mut bounds: Option<(i128, i128)> = None;
    for (row, (&factor, &bias)) in contract.row_factors.iter().zip(&contract.bias).enumerate() {
        let (sum, sealed) = match &contract.weights {
            Weights::Public(weights) => {
                let weights = weights.chunks(depth).nth(row).unwrap_or_default();
                (weights.iter().fold((0, 0), |sum, &weight| add(sum, scale(x.wide(), weight.into()))), (0, 0))
            }
            // The declared range, never the actual one: an interval would show what the seal hides.
            Weights::Sealed => {
                (repeat(multiply(x, SEALED_WEIGHT), depth), scale(sealed_bias(bias_digits).wide(), factor))
            }
        };
        let row = scale(sum, factor);
        let (a, b) = (scale(row, least), scale(row, most));
        let (low, high) = add((a.0.min(b.0), a.1.max(b.1)), (bias.into(), bias.into()));
        let (low, high) = add((low, high), sealed);
        bounds = Some(bounds.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }
    let (low, high) = bounds.unwrap_or((0, 0));
    Ok(Facts { shape, elements, interval: Interval::from_wide(low, high, node)? })
}

fn combine_facts(combine: &Combine, node: &str, nodes: &[Facts]) -> Result<Facts, Error> {
    let error = |what| Err(Error::Shape { node: node.into(), what });
    let Some(&(first, _)) = combine.terms.first() else {
        return error("a sum needs at least one term");
    };
    let first = earlier(nodes, first, node)?;
    let mut sum = (0, 0);
    for &(term, factor) in &combine.terms {
        let facts = earlier(nodes, term, node)?;
        if facts.shape != first.shape {
            return error("the terms of a sum have different shapes");
        }
        sum = add(sum, scale(facts.interval.wide(), factor));
    }
    if combine.constant.len() > 1 && combine.constant.len() != first.elements {
        return error("its constant has neither one entry nor one per element");
    }
    let bounds = combine.constant.iter().fold(None, |bounds: Option<(i64, i64)>, &value| {
        Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    let (low, high) = bounds.unwrap_or((0, 0));
    let (low, high) = add(sum, (low.into(), high.into()));
    Ok(Facts { interval: Interval::from_wide(low, high, node)?, ..first.clone() })
}

fn view_facts(view: &View, node: &str, nodes: &[Facts]) -> Result<Facts, Error> {
    let error = |what| Error::Shape { node: node.into(), what };
    let inputs = view.inputs.iter().map(|&input| earlier(nodes, input, node)).collect::<Result<Vec<_>, _>>()?;
    let Some((input, others)) = inputs.split_first() else {
        return Err(error("a view needs an input"));
    };
    if !others.is_empty() && !matches!(view.kind, ViewKind::Concat(_)) {
        return Err(error("only a concatenation has several inputs"));
    }
    let mut interval = others.iter().fold(input.interval, |all, other| all.union(other.interval));
    let shape = match &view.kind {
        ViewKind::Reshape(shape) => {
            if count(shape, node)? != input.elements {
                return Err(error("a reshape must keep the number of elements"));
            }
            shape.clone()
        }
        ViewKind::Transpose(permutation) => {
            let mut sorted = permutation.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..input.shape.len()) {
                return Err(error("a transpose needs a permutation of the dimensions"));
            }
            permutation.iter().filter_map(|&from| input.shape.get(from).copied()).collect()
        }
        ViewKind::Slice { axis, start, step, count } => {
            let size = input.shape.get(*axis).copied().unwrap_or(0);
            let bound = |value: usize| i128::try_from(value).unwrap_or(i128::MAX);
            let last = bound(count.saturating_sub(1)).saturating_mul((*step).into()).saturating_add(bound(*start));
            if *start >= size || *count == 0 || last < 0 || last >= bound(size) {
                return Err(error("a slice leaves its input"));
            }
            input.shape.iter().enumerate().map(|(d, &size)| if d == *axis { *count } else { size }).collect()
        }
        ViewKind::Pad { before, after, value } => {
            if before.len() != input.shape.len() || after.len() != input.shape.len() {
                return Err(error("padding needs one entry per dimension"));
            }
            interval = interval.union(Interval::from_wide((*value).into(), (*value).into(), node)?);
            input
                .shape
                .iter()
                .zip(before)
                .zip(after)
                .map(|((size, b), a)| size.saturating_add(*b).saturating_add(*a))
                .collect()
        }
        ViewKind::Concat(axis) => {
            let along = |facts: &Facts| facts.shape.get(*axis).copied().unwrap_or(0);
            let fits = |other: &&Facts| {
                other.shape.len() == input.shape.len()
                    && other.shape.iter().zip(&input.shape).enumerate().all(|(d, (a, b))| d == *axis || a == b)
            };
            if *axis >= input.shape.len() || !others.iter().all(fits) {
                return Err(error("concatenated tensors differ in another dimension"));
            }
            let length = inputs.iter().fold(0usize, |sum, facts| sum.saturating_add(along(facts)));
            input.shape.iter().enumerate().map(|(d, &size)| if d == *axis { length } else { size }).collect()
        }
    };
    Ok(Facts { elements: count(&shape, node)?, shape, interval })
}
