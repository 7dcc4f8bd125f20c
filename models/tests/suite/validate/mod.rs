//! Every check of validation by itself: what is just valid passes, what is just not is named.

mod arithmetic;
mod elements;
mod rows;

use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Graph, Input, MAX_BIAS, MAX_WEIGHT, Node, Operator, Output, Parts,
    Quantisation, Requantise, Ties, ValueId, Weights, Window,
};
use zkinfer_models::limits::{MAX_ELEMENTS, MAX_NODES, MAX_TENSORS};

/// Scale and zero point of everything that says nothing else.
const PLAIN: Quantisation = Quantisation { scale: 0.5, zero_point: 0 };

/// A graph under construction, its last value put out.
#[derive(Clone)]
struct Net(Graph);

impl Net {
    /// One input of int8.
    fn of(shape: &[usize]) -> Self {
        Self(Graph {
            name: "g".into(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            parts: Default::default(),
        })
        .input(shape, -128, 127)
    }

    fn input(mut self, shape: &[usize], minimum: i64, maximum: i64) -> Self {
        let name = format!("x{}", self.0.inputs.len());
        self.0.inputs.push(Input {
            name,
            shape: shape.to_vec(),
            quantisation: PLAIN,
            minimum,
            maximum,
        });
        self
    }

    fn node(mut self, operator: Operator, inputs: &[ValueId], shape: &[usize]) -> Self {
        let name = format!("n{}", self.0.nodes.len());
        self.0.nodes.push(Node {
            name,
            inputs: inputs.to_vec(),
            operator,
            shape: shape.to_vec(),
            quantisation: PLAIN,
        });
        self
    }

    /// The last node read on another scale and zero point.
    fn reading(mut self, scale: f64, zero_point: i64) -> Self {
        self.0.nodes.last_mut().unwrap().quantisation = Quantisation { scale, zero_point };
        self
    }

    fn last(&self) -> ValueId {
        self.0.inputs.len() + self.0.nodes.len() - 1
    }

    fn problem(mut self) -> Option<String> {
        let value = self.last();
        self.0.outputs.push(Output { name: "y".into(), value });
        self.0.validate().err().map(|fault| fault.problem)
    }

    #[track_caller]
    fn holds(self) {
        assert_eq!(self.problem(), None);
    }

    #[track_caller]
    fn fails(self, problem: &str) {
        assert_eq!(self.problem().as_deref(), Some(problem));
    }

    /// Holds if and only if the integers that the last value is known to take are 0 and 1 at most.
    fn selecting(self) -> Self {
        let (condition, shape) = (self.last(), self.0.shape(self.last()).to_vec());
        let condition_of = self.node(Operator::Select, &[condition, condition, condition], &shape);
        let quantisation = condition_of.0.quantisation(condition);
        condition_of.reading(quantisation.scale, quantisation.zero_point)
    }
}

fn requantise() -> Requantise {
    Requantise { shift: 8, ties: Ties::Up, zero_point: 0, function: Function::clamp(-128, 127) }
}

fn linear(weights: Vec<i32>, bias: Vec<i64>, multipliers: Vec<i64>) -> Operator {
    let (weights, requantise) = (weights.into(), Some(requantise()));
    Operator::Linear { weights, bias, multipliers, requantise }
}

fn raw(weights: Vec<i32>) -> Operator {
    let weights = weights.into();
    Operator::Linear { weights, bias: vec![0], multipliers: vec![1], requantise: None }
}

const REACHES: &str = "its accumulator can reach 2^62";
const CONDITION: &str = "its condition is not 0 or 1";
const QUANTISATION: &str = "scale and zero point differ from its input's";

#[test]
fn inputs_and_tensors() {
    let range = |minimum, maximum| {
        Net::of(&[1, 2]).input(&[1, 2], minimum, maximum).node(Operator::Reshape, &[0], &[2])
    };
    range(-32_768, 65_535).holds();
    range(5, 5).holds();
    range(6, 5).fails("a range from 6 to 5");
    range(-32_769, 0).fails("a range from -32769 to 0");
    range(0, 65_536).fails("a range from 0 to 65536");
    let reading =
        |scale, zero| Net::of(&[1, 2]).node(Operator::Reshape, &[0], &[2]).reading(scale, zero);
    reading(1e-300, -32_768).holds();
    reading(1.0, 65_535).holds();
    let mut other = reading(1.0, 0);
    other.0.inputs[0].quantisation.zero_point = 65_536;
    other.fails("zero point 65536 has more than 16 bits");
    reading(0.0, 0).fails("scale 0 is not positive and finite");
    reading(-1.0, 0).fails("scale -1 is not positive and finite");
    reading(f64::INFINITY, 0).fails("scale inf is not positive and finite");
    reading(f64::NAN, 0).fails("scale NaN is not positive and finite");
    reading(1.0, -32_769).fails("zero point -32769 has more than 16 bits");
    reading(1.0, 65_536).fails("zero point 65536 has more than 16 bits");
    let ranks = |rank| Net::of(&[1; 8]).node(Operator::Reshape, &[0], &vec![1; rank]);
    ranks(8).holds();
    ranks(9).fails("a shape of 9 dimensions, more than 8");
    ranks(0).holds();
    Net::of(&[1])
        .node(Operator::Reshape, &[0], &[0])
        .fails("shape [0] is empty or has more than 268435456 elements");
}

#[test]
fn sizes_add_up() {
    let half = MAX_ELEMENTS / 2;
    let double = Operator::Concat { axis: 0 };
    Net::of(&[half]).node(Operator::Activation(Function::clamp(0, 1)), &[0], &[half]).holds();
    // Reshapes are no tensors of their own.
    Net::of(&[half])
        .node(Operator::Reshape, &[0], &[1, half])
        .node(Operator::Reshape, &[1], &[half, 1])
        .holds();
    Net::of(&[half])
        .node(double.clone(), &[0, 0], &[MAX_ELEMENTS])
        .fails("with it the tensors have 402653184 elements, more than 268435456");
    Net::of(&[half])
        .input(&[half], 0, 1)
        .input(&[1], 0, 1)
        .node(Operator::Reshape, &[2], &[1])
        .fails("with it the tensors have 268435457 elements, more than 268435456");
    let many = |nodes: usize| {
        (0..nodes).fold(Net::of(&[1]), |net, i| net.node(Operator::Reshape, &[i], &[1]))
    };
    many(MAX_NODES).holds();
    many(MAX_NODES + 1).fails("more than 65536 nodes");
    // A pool over the whole plane at each of many positions.
    let pool = |size: usize| {
        let window =
            Window { kernel: [size, size], pads: [size - 1, size - 1, 0, 0], ..Window::unit() };
        let multipliers = vec![1; size * size];
        let pool = Operator::AveragePool {
            window: window.clone(),
            multipliers,
            requantise: Some(requantise()),
        };
        let plane = [1, 1, size, size];
        (
            Net::of(&plane).node(pool, &[0], &plane),
            Net::of(&plane).node(Operator::MaxPool { window }, &[0], &plane),
        )
    };
    let ((average, maximum), (large, larger)) = (pool(512), pool(513));
    average.holds();
    maximum.holds();
    large.fails("with it there are 69257922561 multiplications, more than 68719476736");
    larger.fails("with it there are 69257922561 multiplications, more than 68719476736");
    let layer = |samples: usize| {
        let operator = linear(vec![1; 1 << 22], vec![0; 1 << 11], vec![1; 1 << 11]);
        Net::of(&[samples, 1 << 11]).node(operator, &[0], &[samples, 1 << 11])
    };
    layer(1 << 14).holds();
    layer((1 << 14) + 1)
        .fails("with it there are 68723671040 multiplications, more than 68719476736");
    let tensors = |count: usize| {
        let inputs = (1..count).fold(Net::of(&[1]), |net, _| net.input(&[1], 0, 1));
        inputs.node(Operator::Reshape, &[0], &[1])
    };
    tensors(MAX_TENSORS).holds();
    tensors(MAX_TENSORS + 1).fails("there are 4097, more than 4096");
    let mut outputs = Net::of(&[1]).node(Operator::Reshape, &[0], &[1]);
    outputs.0.outputs =
        (1..MAX_TENSORS).map(|i| Output { name: format!("y{i}"), value: 0 }).collect();
    outputs.clone().holds();
    outputs.0.outputs.push(Output { name: "more".into(), value: 0 });
    outputs.fails("there are 4097, more than 4096");
    assert_eq!(Net::of(&[1]).0.validate().unwrap_err().problem, "there is none");
}

#[test]
fn arities() {
    let x = Net::of(&[1, 2]);
    let sum = |count| Operator::Sum {
        multipliers: vec![1; count],
        constant: vec![],
        requantise: Some(requantise()),
    };
    let binary =
        Operator::Binary(BinaryFunction { minimum: [0; 2], counts: [1; 2], values: vec![0] });
    let product = Operator::Product { multiplier: 1, requantise: Some(requantise()) };
    for (operator, inputs) in [
        (sum(0), 0),
        (Operator::Concat { axis: 0 }, 0),
        (Operator::Max, 1),
        (Operator::Min, 1),
        (product.clone(), 1),
        (product, 3),
        (binary.clone(), 1),
        (binary, 3),
        (Operator::Select, 2),
        (Operator::Select, 4),
        (Operator::Constant(vec![0; 2]), 1),
        (Operator::Reshape, 0),
        (Operator::Reshape, 2),
        (Operator::Activation(Function::clamp(0, 1)), 2),
        (linear(vec![1; 2], vec![0], vec![1]), 2),
        (Operator::TopK { axis: 1, smallest: false, indices: false }, 0),
        (Operator::Lookup { minimum: 0, values: vec![0; 2].into() }, 2),
    ] {
        x.clone()
            .node(operator, &vec![0; inputs], &[1, 2])
            .fails(&format!("reads {inputs} values"));
    }
    x.clone()
        .node(Operator::Reshape, &[1], &[2])
        .fails("reads value 1, which is not computed before it");
    x.node(Operator::Reshape, &[0], &[2]).node(Operator::Reshape, &[1], &[1, 2]).holds();
}

#[test]
fn where_accumulators_and_indices_may_go() {
    let net = Net::of(&[1, 1, 2]).node(raw(vec![1, 1]), &[0], &[1, 1, 1]);
    let index = Operator::ArgMax { axis: 2, select_last: false, smallest: false };
    net.clone().node(Operator::Reshape, &[1], &[1]).holds();
    net.clone().node(Operator::Transpose { permutation: vec![2, 1, 0] }, &[1], &[1, 1, 1]).holds();
    net.clone().node(Operator::Slice { axis: 0, start: 0, step: 1 }, &[1], &[1, 1, 1]).holds();
    net.clone().node(index.clone(), &[1], &[1, 1]).reading(1.0, 0).holds();
    let sum = |multiplier: i64| {
        let sum = Operator::Sum {
            multipliers: vec![1, multiplier],
            constant: vec![],
            requantise: Some(requantise()),
        };
        net.clone().node(raw(vec![1, 1]), &[0], &[1, 1, 1]).node(sum, &[1, 2], &[1, 1, 1])
    };
    // Both are sums of two products, each of at most 128.
    sum((1 << 54) - 2).holds();
    sum((1 << 54) - 1).fails(REACHES);
    let accumulator = "reads an accumulator that was not requantised";
    let pad = Operator::Pad { before: vec![0; 3], after: vec![0; 3], value: 0 };
    for operator in [
        Operator::MaxPool { window: Window::unit() },
        pad,
        Operator::TopK { axis: 0, smallest: false, indices: false },
        Operator::Activation(Function::clamp(0, 1)),
        raw(vec![1]),
    ] {
        net.clone().node(operator, &[1], &[1, 1, 1]).fails(accumulator);
    }
    net.clone().node(Operator::Max, &[0, 1], &[1, 1, 1]).fails(accumulator);
    // A view of an accumulator is one too, and so is what a slice takes of it.
    for view in [Operator::Reshape, Operator::Slice { axis: 0, start: 0, step: 1 }] {
        let view = net.clone().node(view, &[1], &[1, 1, 1]);
        view.node(Operator::Activation(Function::clamp(0, 1)), &[2], &[1, 1, 1]).fails(accumulator);
    }
    let concat = Operator::Concat { axis: 2 };
    let joined = net.clone().node(concat.clone(), &[1, 0, 1], &[1, 1, 4]);
    joined.clone().holds();
    joined.node(Operator::Activation(Function::clamp(0, 1)), &[2], &[1, 1, 4]).fails(accumulator);
    net.clone().node(concat, &[0, 1], &[1, 1, 3]).reading(0.25, 0).fails(QUANTISATION);
    // Its zero is zero; what its steps are worth may be said anew.
    net.clone().node(Operator::Reshape, &[1], &[1]).reading(0.25, 0).holds();
    let zero = "an accumulator that is not requantised needs zero point 0";
    net.clone().node(Operator::Reshape, &[1], &[1]).reading(0.5, 1).fails(zero);
    net.reading(0.5, 1).fails(zero);
    // So is every other sum, and every product, that nothing rescales.
    let multipliers = vec![1];
    for (operator, inputs) in [
        (Operator::Sum { multipliers: vec![1], constant: vec![3], requantise: None }, 1),
        (Operator::AveragePool { window: Window::unit(), multipliers, requantise: None }, 1),
        (Operator::Product { multiplier: 1, requantise: None }, 2),
    ] {
        let net = Net::of(&[1, 1, 1]).node(operator, &vec![0; inputs], &[1, 1, 1]);
        net.clone().holds();
        net.clone().reading(0.5, 1).fails(zero);
        net.node(Operator::Activation(Function::clamp(0, 1)), &[1], &[1, 1, 1]).fails(accumulator);
    }
    let read = Net::of(&[2]).node(index, &[0], &[]);
    let mut read = read;
    read.0.nodes[0].operator = Operator::ArgMax { axis: 0, select_last: false, smallest: false };
    let read = read.reading(1.0, 0);
    read.clone().holds();
    read.node(Operator::Reshape, &[1], &[1]).fails("reads the result of an ArgMax");
}

/// Scales by index say what integers stand for, and nothing is computed with them: zero points may
/// be any.
#[test]
fn scales_by_index_fit_their_value() {
    let net = Net::of(&[1, 2]).node(Operator::Reshape, &[0], &[2]);
    let parts = |value: usize, axis: usize, each: &[(f64, i64)]| {
        let mut net = net.clone();
        let each = each.iter().map(|&(scale, zero_point)| Quantisation { scale, zero_point });
        net.0.parts.insert(value, Parts { axis, each: each.collect() });
        net
    };
    parts(0, 1, &[(1.0, -40_000), (0.5, 0)]).holds();
    parts(1, 0, &[(1.0, 1 << 61), (1.0, 0)]).holds();
    parts(0, 0, &[(2.0, 0)]).holds();
    parts(2, 0, &[(1.0, 0)]).fails("scales by index of a value that does not exist");
    parts(0, 2, &[(1.0, 0)]).fails("scales along dimension 2 of [1, 2], which does not exist");
    parts(0, 1, &[(1.0, 0)]).fails("1 scales for the 2 indices of dimension 1");
    parts(0, 1, &[]).fails("0 scales for the 2 indices of dimension 1");
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let bad = parts(0, 1, &[(1.0, 0), (scale, 0)]);
        bad.fails(&format!("scale {scale} at index 1 is not positive and finite"));
    }
    for zero_point in [1i64 << 62, i64::MIN] {
        let bad = parts(0, 1, &[(1.0, zero_point), (1.0, 0)]);
        bad.fails(&format!("zero point {zero_point} at index 0 has more than 62 bits"));
    }
}
