//! Random descriptions of every operator, in every way that the verifier accepts: most of them
//! small, some as large as makes the pass share its work out in several parts. Contractions and
//! products are in [`bilinear`](crate::bilinear).

use zkinfer_verifier::Description;
use zkinfer_verifier::circuit::description::{
    Bounded, Combine, Form, Function, Hint, Input, Node, NodeId, Operator, Output, OutputSource,
    Quantisation, Requantise, Scheme, Source, View, ViewKind, Visibility, Weights,
};

use crate::random::Random;

/// Most elements of a tensor, of a small description and of a large one.
const ELEMENTS: [usize; 2] = [150, 6000];
/// What bounds are cut to: no node that can be larger is accepted.
pub const MOST: i128 = 1 << 80;
pub const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
const VISIBILITIES: [Visibility; 3] = [Visibility::Public, Visibility::Sealed, Visibility::Private];

/// The largest size of a constant.
pub fn largest(constants: &[i64]) -> i128 {
    constants.iter().map(|constant| i128::from(constant.unsigned_abs())).max().unwrap_or(0)
}

/// A description in the making.
pub struct Draft<'a> {
    pub random: &'a mut Random,
    pub description: Description,
    pub shapes: Vec<Vec<usize>>,
    /// How large a node's values can be, roughly.
    pub bounds: Vec<i128>,
    /// Nodes that anything may read: not those that reach an equation already and must reach no
    /// other.
    pub open: Vec<NodeId>,
    /// Most elements of a tensor.
    pub limit: usize,
}

/// A description; few are refused, for tables that are too long and the like.
pub fn description(random: &mut Random) -> Description {
    let large = random.once_in(25);
    let description = Description {
        name: "random".into(),
        k: if large { 10 } else { *random.pick(&[7, 7, 7, 8]) },
        limb_bits: *random.pick(&[1, 2, 3, 4, 5, 8, 12]),
        bias_digits: *random.pick(&[1, 2, 2, 3, 6]),
        inputs: Vec::new(),
        functions: Vec::new(),
        nodes: Vec::new(),
        outputs: Vec::new(),
    };
    let (shapes, bounds, open) = Default::default();
    let limit = ELEMENTS[usize::from(large)];
    let mut draft = Draft { random, description, shapes, bounds, open, limit };
    for _ in 0..*draft.random.pick(&[1, 1, 2, 2, 3]) {
        draft.input();
    }
    if large {
        draft.contract(0);
    }
    for _ in 0..2 + draft.random.below(7) {
        draft.operator();
    }
    draft.outputs();
    if !draft.description.nodes.iter().any(|node| is_sealed(&node.operator)) {
        draft.description.bias_digits = 0;
    }
    draft.description.number_functions();
    draft.description
}

pub fn is_sealed(operator: &Operator) -> bool {
    let sealed = |weights: &Weights| matches!(weights, Weights::Sealed | Weights::SealedOf(_));
    matches!(operator, Operator::Contract(contract) if sealed(&contract.weights))
}

pub fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

impl Draft<'_> {
    /// Adds a node that anything may read.
    pub fn push(&mut self, operator: Operator, shape: Vec<usize>, bound: i128) -> NodeId {
        let id = self.description.nodes.len();
        self.description.nodes.push(Node { name: format!("node {id}"), operator });
        self.shapes.push(shape);
        self.bounds.push(bound.min(MOST));
        self.open.push(id);
        id
    }

    /// A node that anything may read, later ones more often.
    pub fn any(&mut self) -> NodeId {
        let recent = self.open.len().min(1 + self.random.below(self.open.len()));
        self.open[self.open.len() - 1 - self.random.below(recent)]
    }

    pub fn divisor(&mut self, count: usize) -> usize {
        let divisors: Vec<usize> = (1..=count).filter(|divisor| count % divisor == 0).collect();
        *self.random.pick(&divisors)
    }

    /// A shape with so many elements.
    fn shape(&mut self, mut elements: usize, rank: usize) -> Vec<usize> {
        let mut shape = vec![1; rank];
        let last = self.random.below(rank);
        for (dimension, size) in shape.iter_mut().enumerate() {
            if dimension != last {
                *size = self.divisor(elements);
                elements /= *size;
            }
        }
        shape[last] = elements;
        shape
    }

    fn input(&mut self) {
        let shape = match self.random.below(13) {
            _ if self.limit > ELEMENTS[0] => {
                let [height, width] = [0; 2].map(|_| 8 + self.random.below(12));
                vec![(8 + self.random.below(24)).min(self.limit / height / width), height, width]
            }
            12 => Vec::new(),
            0 | 6 => vec![1 + self.random.below(40)],
            1 | 7 => vec![1 + self.random.below(6), 1 + self.random.below(12)],
            2 | 8 => vec![1 + self.random.below(4), 1, 1 + self.random.below(30)],
            3 | 9 => {
                vec![1 + self.random.below(70), 1 + self.random.below(2), 1 + self.random.below(2)]
            }
            4 | 10 => (0..4).map(|_| 1 + self.random.below(3)).collect(),
            _ => vec![1 + self.random.below(4), 2 + self.random.below(5), 2 + self.random.below(5)],
        };
        let single = self.random.between(-200, 200);
        let ranges = [
            [-128, 127],
            [-128, 127],
            [0, 255],
            [5, 90],
            [-90, -7],
            [0, 1],
            [-(1 << 15), (1 << 15) - 1],
            [0, 65535],
            [single, single],
            [0, 0],
        ];
        let [mut minimum, mut maximum] = *self.random.pick(&ranges);
        let visibility = *self.random.pick(&VISIBILITIES);
        // Only a public input's range needs no table.
        if visibility == Visibility::Public && self.random.once_in(16) {
            (minimum, maximum) = (-(1 << 61), (1 << 61) - 1);
        }
        let index = self.description.inputs.len();
        let name = format!("input {index}");
        self.description.inputs.push(Input {
            name,
            shape: shape.clone(),
            minimum,
            maximum,
            quantisation: READING,
            visibility,
        });
        let bound = i128::from(minimum.abs().max(maximum.abs()));
        self.push(Operator::Input(index), shape.clone(), bound);
        if visibility == Visibility::Public && self.random.once_in(4) {
            self.push(Operator::Input(index), shape, bound);
        }
    }

    fn operator(&mut self) {
        let node = self.any();
        match self.random.below(21) {
            0..4 => self.contract(node),
            4 => self.product(node),
            5..7 => self.combine(node),
            7..12 => self.view(node),
            12..15 => {
                self.requantise(node);
            }
            15 => {
                self.copy(node);
            }
            16 => self.check(node),
            17 if self.random.once_in(2) => self.lookup(),
            17..19 => {
                self.hadamard(node);
            }
            19 => self.hint(node),
            _ => self.slice_at(node),
        }
    }

    /// The node, moved so that it is not negative, and perhaps further.
    fn check(&mut self, mut node: NodeId) {
        // Of linear forms the bound is rough.
        if !matches!(
            self.description.nodes[node].operator,
            Operator::Input(_) | Operator::Requantise(_) | Operator::Bounded(_)
        ) {
            self.requantise(node);
            node = self.description.nodes.len() - 1;
        }
        let further = *self.random.pick(&[0, 0, 3, 1 << 12]);
        let most = 2 * self.bounds[node] + i128::from(further);
        let bits = 128 - most.leading_zeros().min(127);
        let bits = bits + *self.random.pick(&[0, 0, 1, 5]);
        let bound = i64::try_from(self.bounds[node]).ok();
        let Some(constant) = bound.filter(|_| bits <= 60).map(|bound| bound + further) else {
            return;
        };
        let combine = Combine { terms: vec![(node, 1)], constant: vec![constant] };
        let shape = self.shapes[node].clone();
        let input = self.push(Operator::Combine(combine), shape.clone(), 2 * i128::from(constant));
        let source = Source::Equal { input };
        self.push(Operator::Bounded(Bounded { bits, source }), shape, 1 << bits);
    }

    /// What a prover chooses.
    fn hint(&mut self, input: NodeId) {
        let [shift, numerator] = [0, 1].map(|_| self.random.below(40) as u32);
        let offset = self.random.between(-1000, 1000);
        let hint = *self.random.pick(&[
            Hint::Maximum { offset, shift },
            Hint::Shifted { offset, shift },
            Hint::Reciprocal { bits: numerator },
            Hint::Root { offset },
        ]);
        let bits = 1 + self.random.below(30) as u32;
        let mut shape = self.shapes[input].clone();
        if let (Hint::Maximum { .. }, Some(last)) = (hint, shape.last_mut()) {
            *last = 1;
        }
        let source = Source::Hint { input, hint };
        self.push(Operator::Bounded(Bounded { bits, source }), shape, 1 << bits);
    }

    /// The node under another shape of so many dimensions.
    pub fn reshape(&mut self, node: NodeId, rank: usize) -> NodeId {
        let shape = self.shape(elements(&self.shapes[node]), rank);
        self.reshaped(node, shape)
    }

    pub fn reshaped(&mut self, node: NodeId, shape: Vec<usize>) -> NodeId {
        if self.shapes[node] == shape {
            return node;
        }
        let view = View { inputs: vec![node], kind: ViewKind::Reshape(shape.clone()) };
        self.push(Operator::View(view), shape, self.bounds[node])
    }

    pub fn integers(&mut self, count: usize, least: i64, greatest: i64) -> Vec<i64> {
        (0..count).map(|_| self.random.between(least, greatest)).collect()
    }

    pub fn constant(&mut self, elements: usize) -> Vec<i64> {
        let size = *self.random.pick(&[100, 1 << 20, 100, 1 << 20, 1 << 59]);
        let count = *self.random.pick(&[0, 1, elements]);
        self.integers(count, -size, size)
    }

    fn combine(&mut self, node: NodeId) {
        let shape = self.shapes[node].clone();
        let mut terms = Vec::new();
        let mut bound = 0;
        for place in 0..1 + self.random.below(4) {
            let fits = |&open: &NodeId| elements(&self.shapes[open]) == elements(&shape);
            let others: Vec<NodeId> = self.open.iter().copied().filter(fits).collect();
            let term = if place == 0 { node } else { *self.random.pick(&others) };
            let term = self.reshaped(term, shape.clone());
            let mut factor: i64 = *self.random.pick(&[1, -1, 0, 5, -70, 1 << 16]);
            if self.bounds[term] == 0 {
                factor = *self.random.pick(&[i64::MIN, i64::MAX]);
            }
            terms.push((term, factor));
            bound += i128::from(factor.unsigned_abs()) * self.bounds[term];
        }
        let constant = self.constant(elements(&shape));
        bound += largest(&constant);
        self.push(Operator::Combine(Combine { terms, constant }), shape, bound);
    }

    fn view(&mut self, node: NodeId) {
        let shape = self.shapes[node].clone();
        if shape.is_empty() {
            self.reshape(node, 2);
            return;
        }
        let axis = self.random.below(shape.len());
        let mut result = shape.clone();
        let mut bound = self.bounds[node];
        let mut inputs = vec![node];
        let kind = match self.random.below(6) {
            0 => {
                // Half of them keep the first dimension, and so the matrix.
                result = if self.random.once_in(2) {
                    let rest = self.shape(elements(&shape[1..]), 2);
                    [&shape[..1], &rest].concat()
                } else {
                    let rank = 1 + self.random.below(4);
                    let scalar = elements(&shape) == 1 && self.random.once_in(2);
                    if scalar { Vec::new() } else { self.shape(elements(&shape), rank) }
                };
                ViewKind::Reshape(result.clone())
            }
            1 => {
                let mut permutation: Vec<usize> = (0..shape.len()).collect();
                for place in (1..shape.len()).rev() {
                    permutation.swap(place, self.random.below(place + 1));
                }
                result = permutation.iter().map(|&from| shape[from]).collect();
                ViewKind::Transpose(permutation)
            }
            2 | 3 => {
                let size = shape[axis];
                let step: i64 = *self.random.pick(&[1, 1, 2, 3, -1, -1, -2, 0]);
                let start = if step < 0 {
                    size - 1 - self.random.below(size.div_ceil(2))
                } else {
                    self.random.below(size.div_ceil(2))
                };
                let most = match step {
                    0 => 4,
                    1.. => (size - 1 - start) / step as usize + 1,
                    _ => start / step.unsigned_abs() as usize + 1,
                };
                let count = if self.random.once_in(3) { 1 + self.random.below(most) } else { most };
                result[axis] = count;
                ViewKind::Slice { axis, start, step, count }
            }
            4 => {
                let mut pads = || {
                    shape.iter().map(|_| *self.random.pick(&[0, 0, 1, 2])).collect::<Vec<usize>>()
                };
                let (before, after) = (pads(), pads());
                result = (0..shape.len()).map(|d| before[d] + shape[d] + after[d]).collect();
                let value: i64 =
                    *self.random.pick(&[0, 3, -1000, 70_000, 0, 3, -1000, 70_000, -(1 << 61)]);
                bound = bound.max(value.abs().into());
                ViewKind::Pad { before, after, value }
            }
            _ => {
                for _ in 0..self.random.below(3) {
                    let fits = |&open: &NodeId| {
                        let other = &self.shapes[open];
                        other.len() == shape.len()
                            && (0..shape.len()).all(|d| d == axis || other[d] == shape[d])
                    };
                    let others: Vec<NodeId> = self.open.iter().copied().filter(fits).collect();
                    let other = *self.random.pick(&others);
                    inputs.insert(self.random.below(inputs.len() + 1), other);
                    result[axis] += self.shapes[other][axis];
                    bound = bound.max(self.bounds[other]);
                }
                ViewKind::Concat(axis)
            }
        };
        if elements(&result) <= self.limit {
            self.push(Operator::View(View { inputs, kind }), result, bound);
        }
    }

    pub fn copy(&mut self, node: NodeId) {
        self.push(Operator::Copy(node), self.shapes[node].clone(), self.bounds[node]);
    }

    pub fn requantise(&mut self, input: NodeId) {
        // So far that tables stay short, or further: by whole limbs or not.
        let least = (0..60u32).find(|shift| self.bounds[input] >> shift < 1 << 12).unwrap_or(60);
        let further = match self.random.below(4) {
            0 => 0,
            1 => self.random.below(20) as u32,
            _ => least.next_multiple_of(self.description.limb_bits) - least,
        };
        let shift = (least + further).min(60);
        let form = *self.random.pick(&[Form::Narrow, Form::Wide]);
        let count = 2 + self.random.below(60);
        let quotient = (self.bounds[input] >> shift) as i64;
        let minimum = self.random.between(-quotient.min(100) - 2, quotient.min(100));
        let values = match self.random.below(4) {
            0 => (minimum..).take(count).collect(),
            1 => self.integers(count, 0, 1),
            2 => {
                let most = *self.random.pick(&[1 << 30, 1 << 30, 1 << 61]);
                self.integers(count, -most, most)
            }
            _ => self.integers(count, -128, 127),
        };
        let values = if form == Form::Narrow && self.random.once_in(8) {
            values[..1].to_vec()
        } else {
            values
        };
        let mut function = Function { minimum, values };
        // Equal functions share a table.
        if !self.description.functions.is_empty() && self.random.once_in(3) {
            function = self.random.pick(&self.description.functions).clone();
        }
        let mut form = if function.values.len() < 2 { Form::Narrow } else { form };
        // Every quotient is a value of it.
        if quotient < 1 << 12 && self.random.once_in(6) {
            form = Form::Plain;
            function = Function::clamp(-quotient - 1, quotient + self.random.between(0, 2));
        }
        let bound = function.values.iter().map(|value| i128::from(value.abs())).max().unwrap();
        self.description.functions.push(function);
        let function = self.description.functions.len() - 1;
        let requantise = Requantise { input, shift, function, form };
        self.push(Operator::Requantise(requantise), self.shapes[input].clone(), bound);
    }

    /// An output that shows a node.
    pub fn output(&mut self, node: NodeId) {
        let visibility =
            *self.random.pick(&[Visibility::Public, Visibility::Public, Visibility::Sealed]);
        let mut shape = self.shapes[node].clone();
        if self.random.once_in(2) {
            shape.insert(self.random.below(shape.len() + 1), 1);
        }
        self.bind(OutputSource::Node(node), shape, visibility);
    }

    fn bind(&mut self, source: OutputSource, shape: Vec<usize>, visibility: Visibility) {
        let name = format!("output {}", self.description.outputs.len());
        self.description.outputs.push(Output {
            name,
            shape,
            source,
            quantisation: READING,
            visibility,
        });
    }

    /// Most of what nothing reads becomes an output, inputs always; and some of what something
    /// reads.
    fn outputs(&mut self) {
        let mut read = vec![false; self.shapes.len()];
        self.description
            .nodes
            .iter()
            .flat_map(|node| node.operator.operands())
            .for_each(|node| read[node] = true);
        for node in self.open.clone() {
            let input = matches!(self.description.nodes[node].operator, Operator::Input(_));
            if !read[node] && (input || !self.random.once_in(4)) || self.random.once_in(12) {
                self.output(node);
            }
        }
        if self.random.once_in(2) || self.description.outputs.is_empty() {
            let ranked: Vec<NodeId> =
                self.open.iter().copied().filter(|&open| !self.shapes[open].is_empty()).collect();
            let Some(&input) = (!ranked.is_empty()).then(|| self.random.pick(&ranked)) else {
                return;
            };
            let axis = self.random.below(self.shapes[input].len());
            let select_last = self.random.once_in(2);
            let mut shape = self.shapes[input].clone();
            shape[axis] = 1;
            self.bind(OutputSource::ArgMax { input, axis, select_last }, shape, Visibility::Public);
        }
        self.unused_inputs();
    }

    /// Inputs on which no output depends yet become outputs.
    fn unused_inputs(&mut self) {
        let mut live = vec![false; self.shapes.len()];
        for output in &self.description.outputs {
            live[output.source.node()] = true;
        }
        for (node, described) in self.description.nodes.iter().enumerate().rev() {
            if live[node] {
                described.operator.operands().for_each(|operand| live[operand] = true);
            }
        }
        let is_input =
            |node: &NodeId| matches!(self.description.nodes[*node].operator, Operator::Input(_));
        let unused: Vec<NodeId> =
            (0..live.len()).filter(|&node| !live[node]).filter(is_input).collect();
        unused.into_iter().for_each(|node| self.output(node));
    }
}
