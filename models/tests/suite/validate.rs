//! Every check of validation by itself: what is just valid passes, what is just not is named.

use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Graph, Input, MAX_BIAS, MAX_WEIGHT, Node, Operator, Output,
    Quantisation, Requantise, Ties, ValueId, Window,
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
        Self(Graph { name: "g".into(), inputs: Vec::new(), nodes: Vec::new(), outputs: Vec::new() })
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
    Operator::Linear { weights, bias, multipliers, requantise: Some(requantise()) }
}

fn raw(weights: Vec<i32>) -> Operator {
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
        .fails("shape [0] is empty or has more than 33554432 elements");
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
        .fails("with it the tensors have 50331648 elements, more than 33554432");
    Net::of(&[half])
        .input(&[half], 0, 1)
        .input(&[1], 0, 1)
        .node(Operator::Reshape, &[2], &[1])
        .fails("with it the tensors have 33554433 elements, more than 33554432");
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
        let pool =
            Operator::AveragePool { window: window.clone(), multipliers, requantise: requantise() };
        let plane = [1, 1, size, size];
        (
            Net::of(&plane).node(pool, &[0], &plane),
            Net::of(&plane).node(Operator::MaxPool { window }, &[0], &plane),
        )
    };
    let ((average, maximum), (large, larger)) = (pool(362), pool(363));
    average.holds();
    maximum.holds();
    large.fails("with it there are 17363069361 multiplications, more than 17179869184");
    larger.fails("with it there are 17363069361 multiplications, more than 17179869184");
    let layer = |samples: usize| {
        let operator = linear(vec![1; 1 << 22], vec![0; 1 << 11], vec![1; 1 << 11]);
        Net::of(&[samples, 1 << 11]).node(operator, &[0], &[samples, 1 << 11])
    };
    layer(1 << 12).holds();
    layer((1 << 12) + 1)
        .fails("with it there are 17184063488 multiplications, more than 17179869184");
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
        requantise: requantise(),
    };
    let binary =
        Operator::Binary(BinaryFunction { minimum: [0; 2], counts: [1; 2], values: vec![0] });
    let product = Operator::Product { multiplier: 1, requantise: requantise() };
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
    let accumulator = "reads an accumulator that was not requantised";
    let pad = Operator::Pad { before: vec![0; 3], after: vec![0; 3], value: 0 };
    for operator in [
        Operator::MaxPool { window: Window::unit() },
        pad,
        Operator::Concat { axis: 0 },
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
    // Its zero is zero, so its scale and zero point stay.
    net.clone().node(Operator::Reshape, &[1], &[1]).reading(0.25, 0).fails(QUANTISATION);
    net.reading(0.5, 1).fails("an accumulator that is not requantised needs zero point 0");
    let read = Net::of(&[2]).node(index, &[0], &[]);
    let mut read = read;
    read.0.nodes[0].operator = Operator::ArgMax { axis: 0, select_last: false, smallest: false };
    let read = read.reading(1.0, 0);
    read.clone().holds();
    read.node(Operator::Reshape, &[1], &[1]).fails("reads the result of an ArgMax");
}

#[test]
fn geometry() {
    let convolution = |window: &Window, groups, rows: usize, taps: usize| Operator::Convolution {
        window: window.clone(),
        groups,
        weights: vec![1; rows * taps],
        bias: vec![0; rows],
        multipliers: vec![1; rows],
        requantise: Some(requantise()),
    };
    let unit = Window::unit();
    let net = Net::of(&[1, 4, 3, 3]);
    let case = |groups, rows, taps| {
        net.clone().node(convolution(&unit, groups, rows, taps), &[0], &[1, rows, 3, 3])
    };
    case(1, 6, 4).holds();
    case(2, 6, 2).holds();
    let divides =
        |groups, rows| format!("{groups} groups do not divide 4 input and {rows} output channels");
    case(0, 6, 4).fails(&divides(0, 6));
    case(3, 6, 1).fails(&divides(3, 6));
    case(4, 6, 1).fails(&divides(4, 6));
    case(2, 6, 3).fails("18 weights, expected 12");
    net.clone()
        .node(convolution(&unit, 1, 6, 4), &[0], &[1, 6, 3, 2])
        .fails("its operator gives shape [1, 6, 3, 3], but shape [1, 6, 3, 2] is declared");
    // Lines have no height to slide over.
    let line = Net::of(&[1, 1, 4]);
    let tall = |window: Window| line.clone().node(Operator::MaxPool { window }, &[0], &[1, 1, 4]);
    tall(unit.clone()).holds();
    for window in [
        Window { kernel: [2, 1], pads: [1, 0, 0, 0], ..unit.clone() },
        Window { pads: [1, 0, 0, 0], ..unit.clone() },
        Window { pads: [0, 0, 1, 0], ..unit.clone() },
    ] {
        tall(window.clone()).fails(&format!("window {window:?} does not fit shape [1, 1, 4]"));
    }
    Net::of(&[2, 1, 4])
        .node(Operator::MaxPool { window: unit.clone() }, &[0], &[2, 1, 4])
        .fails("reads shape [2, 1, 4], not [1, C, H, W] or [1, C, L]");
    let pool = |window: Window, length: usize| {
        let average = Operator::AveragePool {
            window,
            multipliers: vec![1; length],
            requantise: requantise(),
        };
        line.clone().node(average, &[0], &[1, 1, 3])
    };
    let pair = Window { kernel: [1, 2], ..unit.clone() };
    pool(pair.clone(), 3).holds();
    pool(pair.clone(), 4).fails("4 multipliers, expected 3");
    pool(unit.clone(), 4)
        .fails("its operator gives shape [1, 1, 4], but shape [1, 1, 3] is declared");
    let maximum = |window: Window, shape: &[usize]| {
        line.clone().node(Operator::MaxPool { window }, &[0], shape)
    };
    maximum(pair.clone(), &[1, 1, 3]).holds();
    maximum(pair, &[1, 1, 4])
        .fails("its operator gives shape [1, 1, 3], but shape [1, 1, 4] is declared");
    maximum(Window { pads: [0, 1, 0, 0], ..unit }, &[1, 1, 5])
        .fails("a window lies entirely on padding");
    let scalar = Net::of(&[]).node(linear(vec![1], vec![0], vec![1]), &[0], &[1]);
    scalar.fails("reads a scalar");
    let wide = |shape: &[usize]| {
        Net::of(&[3, 2]).node(linear(vec![1; 4], vec![0; 2], vec![1; 2]), &[0], shape)
    };
    wide(&[3, 2]).holds();
    wide(&[3, 1, 2]).fails("its operator gives shape [3, 2], but shape [3, 1, 2] is declared");
}

#[test]
fn numbers_of_layers() {
    let layer = |weights: [i32; 2], bias: i64, multiplier: i64| {
        let mut net = Net::of(&[1, 2]).node(
            linear(weights.to_vec(), vec![bias], vec![multiplier]),
            &[0],
            &[1, 1],
        );
        net.0.inputs[0].minimum = -1;
        net.0.inputs[0].maximum = 1;
        net
    };
    layer([MAX_WEIGHT, -MAX_WEIGHT], 0, 1).holds();
    let weight = |weight: i64| format!("weight {weight} of channel 0 is larger than 8355711");
    layer([1, MAX_WEIGHT + 1], 0, 1).fails(&weight(8_355_712));
    layer([-MAX_WEIGHT - 1, 1], 0, 1).fails(&weight(-8_355_712));
    layer([i32::MIN, 1], 0, 1).fails(&weight(i32::MIN.into()));
    layer([1, 1], MAX_BIAS, 1).holds();
    layer([1, 1], -MAX_BIAS, 1).holds();
    let bias = |bias: i64| format!("bias {bias} of channel 0 is larger than {MAX_BIAS}");
    layer([1, 1], MAX_BIAS + 1, 1).fails(&bias(MAX_BIAS + 1));
    layer([1, 1], i64::MIN, 1).fails(&bias(i64::MIN));
    layer([1, 1], 0, 0).fails("multiplier 0 of channel 0 is not positive");
    let counts = |weights: usize, multipliers: usize| {
        let operator = linear(vec![1; weights], vec![0; 2], vec![1; multipliers]);
        Net::of(&[1, 2]).node(operator, &[0], &[1, 2]).problem().unwrap()
    };
    assert_eq!(
        [counts(3, 2), counts(4, 3)],
        ["3 weights, expected 4", "3 multipliers, expected 2"]
    );
}

/// `2^62 − 1` is within the limit, one more is not, for every sum that has one.
#[test]
fn accumulators_stay_below_2_to_62() {
    const LIMIT: i64 = 1 << 62;
    let mut bits = Net::of(&[1, 2]);
    (bits.0.inputs[0].minimum, bits.0.inputs[0].maximum) = (0, 1);
    let channel = |weights: [i32; 2], bias: i64, multiplier: i64| {
        bits.clone().node(linear(weights.to_vec(), vec![bias], vec![multiplier]), &[0], &[1, 1])
    };
    // (1 + 2)·k: the weights' sizes add up, whatever their signs.
    channel([1, -2], 0, (LIMIT - 1) / 3).holds();
    channel([1, -2], 0, LIMIT / 3 + 1).fails(REACHES);
    channel([1, 0], -2, (LIMIT - 1) / 3).holds();
    channel([1, 0], -2, LIMIT / 3 + 1).fails(REACHES);
    channel([1, 0], 0, LIMIT - 1).holds();
    channel([1, 0], 0, LIMIT).fails(REACHES);
    channel([1, 1], 0, i64::MAX).fails(REACHES);
    // Deviations are from the zero point, to whichever end is farther.
    for (minimum, maximum, zero_point, deviation) in
        [(0, 1, 4, 4), (0, 7, 4, 4), (-5, 0, 2, 7), (3, 9, 0, 9)]
    {
        let mut net = bits.clone();
        (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (minimum, maximum);
        net.0.inputs[0].quantisation.zero_point = zero_point;
        let of = |multiplier| {
            net.clone().node(linear(vec![1, 0], vec![0], vec![multiplier]), &[0], &[1, 1])
        };
        of((LIMIT - 1) / deviation).holds();
        of((LIMIT - 1) / deviation + 1).fails(REACHES);
    }
    // The largest channel counts, not the last.
    let two = linear(vec![1, 0, 1, 0], vec![0; 2], vec![LIMIT, 1]);
    bits.clone().node(two, &[0], &[1, 2]).fails(REACHES);

    let sum = |multipliers: [i64; 2], constant: Vec<i64>| {
        let operator =
            Operator::Sum { multipliers: multipliers.to_vec(), constant, requantise: requantise() };
        bits.clone().node(operator, &[0, 0], &[1, 2])
    };
    sum([LIMIT / 2, -(LIMIT / 2 - 1)], vec![]).holds();
    sum([LIMIT / 2, -(LIMIT / 2)], vec![]).fails(REACHES);
    sum([LIMIT - 4, 0], vec![0, -3]).holds();
    sum([LIMIT - 4, 0], vec![-4, 0]).fails(REACHES);
    sum([0, 0], vec![i64::MIN, 0]).fails(REACHES);
    sum([i64::MIN, 0], vec![]).fails(REACHES);

    let mut plane = Net::of(&[1, 1, 2, 2]);
    (plane.0.inputs[0].minimum, plane.0.inputs[0].maximum) = (-1, 1);
    let pool = |multiplier: i64| {
        let multipliers = vec![1, multiplier, 1, 1];
        let operator =
            Operator::AveragePool { window: Window::unit(), multipliers, requantise: requantise() };
        plane.clone().node(operator, &[0], &[1, 1, 2, 2])
    };
    pool((LIMIT - 1) / 4).holds();
    pool(LIMIT / 4).fails(REACHES);
    pool(0).fails("multiplier 0 is not positive");

    let product = |left: i64, right: i64, multiplier: i64| {
        let net = Net::of(&[1]).input(&[1], 0, left).input(&[1], -right, 0);
        net.node(Operator::Product { multiplier, requantise: requantise() }, &[1, 2], &[1])
    };
    product(7, 3, (LIMIT - 1) / 21).holds();
    product(7, 3, LIMIT / 21 + 1).fails(REACHES);
    // The multiplier meets the left factor first, even if the right one is always zero.
    product(7, 0, LIMIT / 7 + 1).fails(REACHES);
    product(0, 3, LIMIT / 3 + 1).fails(REACHES);
    product(1, 1, 0).fails("multiplier 0 is not positive");
}

#[test]
fn rescaling() {
    let of = |requantise: Requantise| {
        let operator = Operator::Linear {
            weights: vec![1],
            bias: vec![0],
            multipliers: vec![1],
            requantise: Some(requantise),
        };
        Net::of(&[1]).node(operator, &[0], &[1])
    };
    let shift = |shift| of(Requantise { shift, ..requantise() });
    shift(62).holds();
    shift(63).fails("shift 63 is above 62");
    let slack = |slack, shift| of(Requantise { shift, ties: Ties::Even { slack }, ..requantise() });
    slack(0, 0).holds();
    slack(63, 8).holds();
    for (size, bits) in [(64, 8), (-1, 8), (1, 0), (i64::MAX, 62)] {
        slack(size, bits).fails(&format!("a slack of {size} with shift {bits}"));
    }
    let zero = |zero_point| of(Requantise { zero_point, ..requantise() });
    zero(-32_768).holds();
    zero(65_535).holds();
    zero(-32_769).fails("zero point -32769 has more than 16 bits");
    zero(65_536).fails("zero point 65536 has more than 16 bits");
    let table =
        |minimum, values| of(Requantise { function: Function { minimum, values }, ..requantise() });
    let begin: i64 = 1 << 32;
    table(begin, vec![0]).holds();
    table(-begin, vec![0]).holds();
    table(begin + 1, vec![0]).fails("a table that begins at 4294967297");
    table(-begin - 1, vec![0]).fails("a table that begins at -4294967297");
    table(i64::MIN, vec![0]).fails("a table that begins at -9223372036854775808");
    table(0, vec![]).fails("a table of 0 entries");
    table(0, vec![1; 65_536]).holds();
    table(0, vec![1; 65_537]).fails("a table of 65537 entries");
    table(0, vec![-32_768, 65_535]).holds();
    table(0, vec![0, 65_536]).fails("entries of more than 16 bits");
    table(0, vec![-32_769, 0]).fails("entries of more than 16 bits");
    // What a table gives is what the next node reads.
    table(0, vec![0, 1]).selecting().holds();
    table(0, vec![0, 2]).selecting().fails(CONDITION);
    table(0, vec![-1, 1]).selecting().fails(CONDITION);
    let activation = |values, shape: &[usize]| {
        Net::of(&[1, 2]).node(Operator::Activation(Function { minimum: 0, values }), &[0], shape)
    };
    activation(vec![0, 1], &[1, 2]).selecting().holds();
    activation(vec![0, 1], &[2])
        .fails("its operator gives shape [1, 2], but shape [2] is declared");
    let constant = |values: Vec<i64>| Net::of(&[1]).node(Operator::Constant(values), &[], &[2]);
    constant(vec![0, 1]).selecting().holds();
    constant(vec![0, 2]).selecting().fails(CONDITION);
    constant(vec![0]).fails("1 elements, expected 2");
    constant(vec![0, 65_536]).fails("entries of more than 16 bits");
}

#[test]
fn element_by_element() {
    let net = |minimum, maximum| Net::of(&[2]).input(&[2], minimum, maximum).input(&[2], 0, 1);
    let binary = |minimum: [i64; 2], counts: [usize; 2], values: usize| {
        let function = BinaryFunction { minimum, counts, values: vec![1; values] };
        net(0, 1).node(Operator::Binary(function), &[0, 1], &[2])
    };
    let begin: i64 = 1 << 32;
    binary([begin, -begin], [2, 3], 6).selecting().holds();
    binary([0; 2], [2, 3], 5).fails("5 entries for a table of 2 by 3");
    binary([0; 2], [usize::MAX, 2], 0).fails("0 entries for a table of 18446744073709551615 by 2");
    binary([0; 2], [0, 3], 0).fails("a table of 0 entries");
    binary([begin + 1, 0], [1, 1], 1).fails("a table that begins at [4294967297, 0]");
    binary([0, -begin - 1], [1, 1], 1).fails("a table that begins at [0, -4294967297]");
    binary([0; 2], [257, 256], 257 * 256).fails("a table of 65792 entries");
    let entries = BinaryFunction { minimum: [0; 2], counts: [1, 1], values: vec![65_536] };
    net(0, 1).node(Operator::Binary(entries), &[0, 1], &[2]).fails("entries of more than 16 bits");

    // The larger of a value in 0..=1 and one in −5..=0 lies in 0..=1; the smaller does not.
    net(-5, 0).node(Operator::Max, &[1, 2], &[2]).selecting().holds();
    net(-5, 0).node(Operator::Min, &[1, 2], &[2]).selecting().fails(CONDITION);
    net(0, 7).node(Operator::Min, &[1, 2], &[2]).selecting().holds();
    net(0, 7).node(Operator::Max, &[1, 2], &[2]).selecting().fails(CONDITION);
    let shape = "its operator gives shape [2], but shape [1] is declared";
    let sum = |multipliers: usize, constants: usize, shape: &[usize]| {
        let (multipliers, constant) = (vec![1; multipliers], vec![1; constants]);
        net(0, 1).node(
            Operator::Sum { multipliers, constant, requantise: requantise() },
            &[1, 2],
            shape,
        )
    };
    sum(2, 0, &[2]).holds();
    sum(2, 2, &[2]).holds();
    sum(1, 0, &[2]).fails("1 multipliers, expected 2");
    sum(3, 0, &[2]).fails("3 multipliers, expected 2");
    sum(2, 1, &[2]).fails("1 constants, expected 2");
    sum(2, 0, &[1]).fails(shape);
    for operator in [Operator::Max, Operator::Product { multiplier: 1, requantise: requantise() }] {
        net(0, 1).node(operator, &[1, 2], &[1]).fails(shape);
    }
    for (operator, inputs) in [
        (Operator::Max, vec![1, 2]),
        (Operator::Min, vec![2, 1]),
        (Operator::Select, vec![2, 1, 2]),
    ] {
        let mut other = net(0, 1).node(operator, &inputs, &[2]);
        other.clone().holds();
        other.0.inputs[1].quantisation.scale = 0.25;
        other.fails(QUANTISATION);
    }
    // A condition is 0 or 1, on whatever scale.
    let mut select = net(-9, 9).node(Operator::Select, &[2, 1, 0], &[2]);
    select.0.inputs[2].quantisation = Quantisation { scale: 3.0, zero_point: 7 };
    select.clone().holds();
    select.0.inputs[2].maximum = 2;
    select.clone().fails(CONDITION);
    (select.0.inputs[2].minimum, select.0.inputs[2].maximum) = (-1, 1);
    select.fails(CONDITION);
    // It gives one branch or the other.
    for (minimum, maximum, problem) in
        [(0, 1, None), (0, 2, Some(CONDITION)), (-1, 1, Some(CONDITION))]
    {
        for branches in [[1, 2], [2, 1]] {
            let chosen =
                net(minimum, maximum).node(Operator::Select, &[2, branches[0], branches[1]], &[2]);
            assert_eq!(chosen.selecting().problem().as_deref(), problem);
        }
    }
}

#[test]
fn movement() {
    let net = Net::of(&[2, 3]);
    let permuted = |permutation: &[usize], shape: &[usize]| {
        net.clone().node(Operator::Transpose { permutation: permutation.to_vec() }, &[0], shape)
    };
    permuted(&[1, 0], &[3, 2]).holds();
    permuted(&[1, 0], &[2, 3])
        .fails("its operator gives shape [3, 2], but shape [2, 3] is declared");
    permuted(&[0], &[2, 3]).fails("[0] is not a permutation of 2 dimensions");
    permuted(&[0, 2], &[2, 3]).fails("[0, 2] is not a permutation of 2 dimensions");
    let reshaped = |shape: &[usize]| net.clone().node(Operator::Reshape, &[0], shape);
    reshaped(&[6]).holds();
    reshaped(&[7]).fails("[2, 3] cannot become [7]");

    let sliced = |axis, start, step, shape: &[usize]| {
        net.clone().node(Operator::Slice { axis, start, step }, &[0], shape)
    };
    sliced(1, 0, 2, &[2, 2]).holds();
    sliced(1, 2, -1, &[2, 3]).holds();
    sliced(1, 2, isize::MIN, &[2, 1]).holds();
    sliced(2, 0, 1, &[2, 3]).fails("dimension 2 of [2, 3] does not exist");
    sliced(1, 0, 1, &[2]).fails("dimension 1 of [2, 3] does not exist");
    sliced(1, 0, 1, &[1, 3]).fails("its operator gives shape [2, 3], but shape [1, 3] is declared");
    let leaves =
        |start, step| format!("elements {start}, {start}+({step}), … leave dimension 1 of [2, 3]");
    sliced(1, 3, 1, &[2, 1]).fails(&leaves(3, 1));
    sliced(1, 1, 2, &[2, 2]).fails(&leaves(1, 2));
    sliced(1, 1, -2, &[2, 2]).fails(&leaves(1, -2));
    sliced(1, 0, isize::MAX, &[2, 3]).fails(&leaves(0, isize::MAX));
    sliced(1, usize::MAX, isize::MAX, &[2, 2]).fails(&leaves(usize::MAX, isize::MAX));

    let bits = Net::of(&[1]).input(&[2], 0, 1).input(&[2], 0, 2);
    let padded = |before: &[usize], after: &[usize], value, shape: &[usize]| {
        let pad = Operator::Pad { before: before.to_vec(), after: after.to_vec(), value };
        bits.clone().node(pad, &[1], shape)
    };
    padded(&[1], &[2], 1, &[5]).selecting().holds();
    padded(&[1], &[2], 2, &[5]).selecting().fails(CONDITION);
    padded(&[1], &[2], -1, &[5]).selecting().fails(CONDITION);
    padded(&[1], &[2], 65_535, &[5]).holds();
    padded(&[1], &[2], 65_536, &[5]).fails("padding value 65536 has more than 16 bits");
    padded(&[1], &[2], 0, &[4]).fails("its operator gives shape [5], but shape [4] is declared");
    padded(&[1, 0], &[2], 0, &[5]).fails("2+1 pads for shape [2]");
    padded(&[1], &[], 0, &[3]).fails("1+0 pads for shape [2]");
    padded(&[usize::MAX], &[0], 0, &[1]).fails("pads overflow");
    padded(&[0], &[usize::MAX], 0, &[1]).fails("pads overflow");

    let joined = |axis, inputs: &[ValueId], shape: &[usize]| {
        let more = bits.clone().input(&[2, 2], 0, 1).input(&[2, 3], 0, 1).input(&[2], -1, 1);
        more.node(Operator::Concat { axis }, inputs, shape)
    };
    joined(0, &[1, 1], &[4]).selecting().holds();
    joined(0, &[1, 2], &[4]).selecting().fails(CONDITION);
    joined(0, &[2, 1], &[4]).selecting().fails(CONDITION);
    joined(0, &[5, 1], &[4]).selecting().fails(CONDITION);
    joined(0, &[1, 5], &[4]).selecting().fails(CONDITION);
    joined(1, &[1, 1], &[4]).fails("dimension 1 of [2] does not exist");
    joined(0, &[1, 1], &[5]).fails("its operator gives shape [4], but shape [5] is declared");
    joined(0, &[1, 3], &[4]).fails("[2, 2] cannot follow [2] along dimension 0");
    joined(1, &[3, 4], &[2, 5]).holds();
    joined(0, &[3, 4], &[4, 2]).fails("[2, 3] cannot follow [2, 2] along dimension 0");
    let mut scales = joined(0, &[1, 2], &[4]);
    scales.0.inputs[2].quantisation.scale = 0.25;
    scales.fails(QUANTISATION);
    for view in [
        Operator::Transpose { permutation: vec![0] },
        Operator::Slice { axis: 0, start: 0, step: 1 },
        Operator::Pad { before: vec![0], after: vec![0], value: 0 },
    ] {
        let view = bits.clone().node(view, &[1], &[2]);
        view.clone().selecting().holds();
        view.reading(0.5, 1).fails(QUANTISATION);
    }
    bits.node(Operator::Reshape, &[1], &[2, 1]).reading(0.25, 9).selecting().holds();
}

#[test]
fn order() {
    let net = Net::of(&[2, 3]);
    let arg_max = |axis, shape: &[usize]| {
        net.clone()
            .node(Operator::ArgMax { axis, select_last: false, smallest: false }, &[0], shape)
            .reading(1.0, 0)
    };
    arg_max(1, &[2, 1]).holds();
    arg_max(1, &[2]).holds();
    arg_max(0, &[3]).holds();
    arg_max(2, &[2]).fails("dimension 2 of [2, 3] does not exist");
    arg_max(1, &[3]).fails("its operator gives shape [2, 1], but shape [3] is declared");
    arg_max(1, &[2]).reading(0.5, 0).fails("an index needs scale 1 and zero point 0");
    arg_max(1, &[2]).reading(1.0, 1).fails("an index needs scale 1 and zero point 0");
    let top = |axis, indices, shape: &[usize]| {
        let mut net = net.clone();
        (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (0, 9);
        net.node(Operator::TopK { axis, smallest: false, indices }, &[0], shape)
    };
    top(1, false, &[2, 3]).holds();
    top(1, false, &[2, 3]).selecting().fails(CONDITION);
    top(2, false, &[2, 3]).fails("dimension 2 of [2, 3] does not exist");
    top(1, false, &[2]).fails("dimension 1 of [2, 3] does not exist");
    top(1, false, &[2, 4]).fails("4 of 3 elements");
    top(1, false, &[1, 2]).fails("its operator gives shape [2, 2], but shape [1, 2] is declared");
    top(1, false, &[2, 2]).reading(0.25, 0).fails(QUANTISATION);
    let index = "an index needs scale 1, zero point 0 and at most 16 bits";
    top(1, true, &[2, 2]).reading(1.0, 0).holds();
    top(1, true, &[2, 2]).fails(index);
    top(1, true, &[2, 2]).reading(1.0, 1).fails(index);
    // Of two elements the index is 0 or 1, of three it is not.
    top(0, true, &[1, 3]).reading(1.0, 0).selecting().holds();
    top(1, true, &[2, 1]).reading(1.0, 0).selecting().fails(CONDITION);
    let long = |length: usize| {
        Net::of(&[length])
            .node(Operator::TopK { axis: 0, smallest: false, indices: true }, &[0], &[1])
            .reading(1.0, 0)
    };
    long(65_536).holds();
    long(65_537).fails(index);
}
