//! Graphs, inputs and checks that the tests share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod desk;
pub mod evaluate;
pub mod forgery;
pub mod rows;
pub mod verdicts;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayD, IxDyn};
use pasta_curves::Fp;
use proptest::test_runner::Config as ProptestConfig;
use rand::SeedableRng;
use zkinfer_circuits::judge::{Failure, StockCircuit, cells, mock_prove, shown};
use zkinfer_circuits::{
    Circuit, Error, Exposure, Plan, Witness, compile_with, lower, optimise, sealed,
};
use zkinfer_models::integer::graph::{
    Function, Graph, Input, Node, Operator, Output, Quantisation, Requantise, Ties, ValueId, Window,
};
use zkinfer_models::integer::interpreter::Interpreter;
use zkinfer_prover::{Assignment, Prover};
use zkinfer_verifier::field::integers::Integers;
use zkinfer_verifier::{Parameters, Value, VerifyingKey, Visibility};

/// What a model's seal commits to, each integer in eight bytes: to be changed.
pub fn model_tensors(graph: &Graph, key: &VerifyingKey) -> Result<Vec<Vec<i64>>, Error> {
    let tensors = sealed::model_tensors(graph, key)?;
    Ok(tensors.iter().map(Integers::to_vec).collect())
}

/// Tensors as circuits take them.
pub fn integers(tensors: &[Vec<i64>]) -> Vec<Integers> {
    tensors.iter().cloned().map(Integers::from).collect()
}

/// Deterministic noise: SplitMix64.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An integer of `low..=high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    pub fn weights(&mut self, count: usize) -> Vec<i32> {
        (0..count).map(|_| self.within(-127, 127) as i32).collect()
    }

    pub fn biases(&mut self, count: usize) -> Vec<i64> {
        (0..count).map(|_| self.within(-3000, 3000)).collect()
    }

    /// Multipliers that bring a sum of `taps` products to int8 after a shift of `shift` bits,
    /// roughly.
    pub fn multipliers(&mut self, count: usize, taps: usize, shift: u32) -> Vec<i64> {
        let typical = 5000.0 * (taps as f64).sqrt();
        let factor = (64.0 / typical * 2f64.powi(shift as i32)).max(1.0) as i64;
        (0..count).map(|_| self.within(factor - factor / 4, factor + factor / 4).max(1)).collect()
    }
}

/// A graph under construction.
pub struct Net(pub Graph);

impl Net {
    pub fn new(name: &str, inputs: &[(&[usize], i64)]) -> Self {
        let inputs = inputs.iter().enumerate().map(|(index, (shape, zero_point))| Input {
            name: format!("x{index}"),
            shape: shape.to_vec(),
            quantisation: Quantisation { scale: 0.05, zero_point: *zero_point },
            minimum: -128,
            maximum: 127,
        });
        Self(Graph {
            name: name.into(),
            inputs: inputs.collect(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            parts: Default::default(),
        })
    }

    /// Adds a node and returns its value.
    pub fn node(
        &mut self,
        operator: Operator,
        inputs: &[ValueId],
        shape: &[usize],
        zero_point: i64,
    ) -> ValueId {
        let name = format!("node{}", self.0.nodes.len());
        let quantisation = Quantisation { scale: 0.05, zero_point };
        self.0.nodes.push(Node {
            name,
            inputs: inputs.to_vec(),
            operator,
            shape: shape.to_vec(),
            quantisation,
        });
        self.0.inputs.len() + self.0.nodes.len() - 1
    }

    pub fn output(&mut self, value: ValueId) {
        let name = format!("y{}", self.0.outputs.len());
        self.0.outputs.push(Output { name, value });
    }

    pub fn finish(mut self, value: ValueId) -> Graph {
        self.output(value);
        self.0
    }

    pub fn shape(&self, value: ValueId) -> Vec<usize> {
        self.0.shape(value).to_vec()
    }

    pub fn zero_point(&self, value: ValueId) -> i64 {
        self.0.quantisation(value).zero_point
    }

    /// A convolution with random numbers.
    pub fn convolution(
        &mut self,
        noise: &mut Noise,
        x: ValueId,
        rows: usize,
        groups: usize,
        window: Window,
        after: After,
    ) -> ValueId {
        let shape = self.shape(x);
        let (channels, plane) = (shape[1], zkinfer_models::tensor::window::plane(&shape).unwrap());
        let taps = channels / groups * window.kernel[0] * window.kernel[1];
        let [height, width] = window.output(plane).unwrap();
        let shape =
            if shape.len() == 3 { vec![1, rows, width] } else { vec![1, rows, height, width] };
        let shift = after.shift();
        let operator = Operator::Convolution {
            window,
            groups,
            weights: noise.weights(rows * taps).into(),
            bias: noise.biases(rows),
            multipliers: noise.multipliers(rows, taps, shift),
            requantise: after.requantise(),
        };
        self.node(operator, &[x], &shape, after.zero_point())
    }

    /// A matrix product with random numbers.
    pub fn linear(&mut self, noise: &mut Noise, x: ValueId, rows: usize, after: After) -> ValueId {
        let mut shape = self.shape(x);
        let taps = *shape.last().unwrap();
        *shape.last_mut().unwrap() = rows;
        let operator = Operator::Linear {
            weights: noise.weights(rows * taps).into(),
            bias: noise.biases(rows),
            multipliers: noise.multipliers(rows, taps, after.shift()),
            requantise: after.requantise(),
        };
        self.node(operator, &[x], &shape, after.zero_point())
    }

    pub fn max_pool(&mut self, x: ValueId, window: Window) -> ValueId {
        let shape = self.shape(x);
        let [height, width] =
            window.output(zkinfer_models::tensor::window::plane(&shape).unwrap()).unwrap();
        let shape = if shape.len() == 3 {
            vec![1, shape[1], width]
        } else {
            vec![1, shape[1], height, width]
        };
        self.node(Operator::MaxPool { window }, &[x], &shape, self.zero_point(x))
    }

    pub fn argmax(
        &mut self,
        x: ValueId,
        axis: usize,
        select_last: bool,
        shape: &[usize],
    ) -> ValueId {
        let y = self.node(Operator::ArgMax { axis, select_last, smallest: false }, &[x], shape, 0);
        self.0.nodes.last_mut().unwrap().quantisation.scale = 1.0;
        y
    }

    pub fn flatten(&mut self, x: ValueId) -> ValueId {
        let count = self.shape(x).iter().product();
        self.node(Operator::Reshape, &[x], &[1, count], self.zero_point(x))
    }
}

/// What follows an accumulator.
#[derive(Clone, Copy)]
pub enum After {
    /// Nothing: the accumulator is the result.
    Raw,
    /// Saturation to int8.
    Int8 { shift: u32, zero_point: i64 },
    /// Relu.
    Relu { shift: u32, zero_point: i64 },
    /// A table that is not monotone.
    Table { shift: u32, zero_point: i64 },
    /// Saturation to uint8, halves to even.
    Even { shift: u32, zero_point: i64, slack: i64 },
}

impl After {
    fn shift(self) -> u32 {
        match self {
            Self::Raw => 0,
            Self::Int8 { shift, .. }
            | Self::Relu { shift, .. }
            | Self::Table { shift, .. }
            | Self::Even { shift, .. } => shift,
        }
    }

    fn zero_point(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::Int8 { zero_point, .. }
            | Self::Relu { zero_point, .. }
            | Self::Table { zero_point, .. }
            | Self::Even { zero_point, .. } => zero_point,
        }
    }

    fn ties(self) -> Ties {
        match self {
            Self::Even { slack, .. } => Ties::Even { slack },
            _ => Ties::Up,
        }
    }

    pub fn requantise(self) -> Option<Requantise> {
        let function = match self {
            Self::Raw => return None,
            Self::Int8 { .. } => Function::clamp(-128, 127),
            Self::Even { .. } => Function::clamp(0, 255),
            Self::Relu { zero_point, .. } => Function::clamp(zero_point, 127),
            Self::Table { .. } => Function {
                minimum: -20,
                values: (0..50).map(|x| (x * x * 7 + 3) % 255 - 128).collect(),
            },
        };
        Some(Requantise {
            shift: self.shift(),
            ties: self.ties(),
            zero_point: self.zero_point(),
            function,
        })
    }
}

pub fn window(kernel: [usize; 2], strides: [usize; 2], pads: [usize; 4]) -> Window {
    Window { kernel, strides, pads, dilations: [1, 1] }
}

/// Inputs that matter: extremes, alternating extremes, noise.
pub fn inputs(graph: &Graph, seed: u64) -> Vec<Vec<Vec<i64>>> {
    let mut noise = Noise(seed);
    let mut fill = |value: &mut dyn FnMut(usize, &Input, &mut Noise) -> i64| -> Vec<Vec<i64>> {
        let count = |input: &Input| input.shape.iter().product::<usize>();
        let mut tensor = |input: &Input| {
            (0..count(input)).map(|index| value(index, input, &mut noise)).collect()
        };
        graph.inputs.iter().map(&mut tensor).collect()
    };
    // Each of the first eight elements has another choice of ends in up to three inputs.
    let place = |input: &Input| graph.inputs.iter().position(|other| other.name == input.name);
    let choice = |index: usize, input: &Input| index >> place(input).unwrap() & 1 == 0;
    vec![
        fill(&mut |_, input, _| input.minimum),
        fill(&mut |_, input, _| input.maximum),
        fill(&mut |index, input, _| {
            if choice(index, input) { input.minimum } else { input.maximum }
        }),
        fill(&mut |_, input, noise| noise.within(input.minimum, input.maximum)),
        fill(&mut |_, input, noise| noise.within(-3, 3).max(input.minimum).min(input.maximum)),
    ]
}

/// The graph's outputs by the executable specification.
pub fn interpret(graph: &Graph, inputs: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let tensors = graph.inputs.iter().zip(inputs);
    let tensors: Vec<ArrayD<i64>> = tensors
        .map(|(input, values)| ArrayD::from_shape_vec(IxDyn(&input.shape), values.clone()).unwrap())
        .collect();
    let outputs = Interpreter::new(graph).unwrap().run(&tensors).unwrap();
    outputs.into_iter().map(|output| output.iter().copied().collect()).collect()
}

/// A convolution, Relu and maximum, then two linear layers and the class: one of everything that a
/// small classifier has.
pub fn small_cnn() -> Graph {
    let noise = &mut Noise(99);
    let mut net = Net::new("small CNN", &[(&[1, 1, 6, 6], -128)]);
    let x = net.convolution(
        noise,
        0,
        3,
        1,
        window([3, 3], [1, 1], [1; 4]),
        After::Relu { shift: 12, zero_point: -128 },
    );
    let x = net.max_pool(x, window([2, 2], [2, 2], [0; 4]));
    let x = net.flatten(x);
    let x = net.linear(noise, x, 5, After::Int8 { shift: 14, zero_point: 3 });
    let logits = net.linear(noise, x, 4, After::Raw);
    let class = net.argmax(logits, 1, false, &[1]);
    net.output(logits);
    net.finish(class)
}

/// Small plans of every kind: both forms, several limb widths, several `k`.
pub fn plans(graph: &Graph) -> [Plan; 3] {
    let lowered = lower::lower(graph, &Exposure::public()).unwrap();
    let candidates = optimise::candidates(&lowered).unwrap();
    // Stock tables have one slot, so long tables mean a large k for the judge.
    let least = candidates.iter().map(|(_, counts)| counts.table_rows).min().expect("a plan");
    let small: Vec<Plan> = candidates
        .iter()
        .filter(|(_, counts)| counts.table_rows <= least.max(1 << 12))
        .map(|(plan, _)| *plan)
        .collect();
    let narrow =
        small.iter().min_by_key(|p| (u64::MAX - p.price, p.k.abs_diff(9), p.limb_bits.abs_diff(8)));
    let wide = small.iter().min_by_key(|p| (p.price, p.k.abs_diff(8), p.limb_bits.abs_diff(6)));
    let odd = small.iter().min_by_key(|p| (p.limb_bits.abs_diff(3), p.k.abs_diff(8)));
    [narrow, wide, odd].map(|plan| *plan.expect("a plan"))
}

/// Compiles with several small plans, and demands for extreme and random inputs that the circuit
/// computes what the interpreter does, that MockProver accepts, and, once a plan, that a real proof
/// verifies. Then the same with sealed weights and private inputs.
pub fn check(graph: &Graph) {
    let private = vec![Visibility::Private; graph.inputs.len()];
    let hidden = Exposure { weights: Visibility::Sealed, inputs: private, outputs: Vec::new() };
    let circuit = compile_with(lower::lower(graph, &hidden).unwrap(), &plans(graph)[1]).unwrap();
    let model = model_tensors(graph, circuit.key()).unwrap();
    let witnesses: Vec<_> =
        inputs(graph, 8).iter().map(|inputs| agree_with(graph, &circuit, &model, inputs)).collect();
    witnesses.iter().for_each(|witness| accepts(&circuit, witness));
    proves(&circuit, witnesses[3].clone());

    for plan in plans(graph) {
        let circuit =
            compile_with(lower::lower(graph, &Exposure::public()).unwrap(), &plan).unwrap();
        let witnesses: Vec<_> =
            inputs(graph, 7).iter().map(|inputs| agree(graph, &circuit, inputs)).collect();
        witnesses.iter().for_each(|witness| accepts(&circuit, witness));
        proves(&circuit, witnesses[0].clone());
    }
}

/// The witness for `inputs`, whose outputs must be the interpreter's.
pub fn agree(graph: &Graph, circuit: &Circuit, inputs: &[Vec<i64>]) -> Witness {
    agree_with(graph, circuit, &[], inputs)
}

/// The same for a circuit with sealed weights.
pub fn agree_with(
    graph: &Graph,
    circuit: &Circuit,
    model: &[Vec<i64>],
    inputs: &[Vec<i64>],
) -> Witness {
    let witness = circuit.witness(&integers(model), inputs).unwrap();
    assert_eq!(witness.outputs, interpret(graph, inputs), "{}", graph.name);
    witness
}

/// Demands that MockProver accepts.
pub fn accepts(circuit: &Circuit, witness: &Witness) {
    let verdict = mock_prove(circuit.key(), witness);
    verdict.unwrap_or_else(|failures| panic!("{}: {failures:?}", circuit.key().description().name));
}

/// Demands that the real prover, which verifies what it made, makes a proof; what is sealed is
/// sealed first.
pub fn proves(circuit: &Circuit, witness: Witness) {
    let key = circuit.key();
    let parameters = parameters(key.description().k);
    let (own, model) = verdicts::sealed(key, &parameters, &witness);
    let Witness { inputs, outputs, columns, operands, .. } = witness;
    let mut prover = Prover::new(key, &parameters);
    if let Some(model) = model {
        prover = prover.weights(model);
    }
    let tensors = [inputs.as_slice(), &outputs];
    let assignment = Assignment::new(key, tensors, &columns, operands, own.iter().collect());
    let proof = prover.prove_assignment(assignment, rand::rngs::StdRng::seed_from_u64(1));
    proof.unwrap_or_else(|error| panic!("{}: {error}", key.description().name));
}

/// How many random cases: a few, or as many as `ZKINFER_CASES` says.
pub fn cases(few: u32) -> ProptestConfig {
    let cases =
        std::env::var("ZKINFER_CASES").map_or(few, |cases| cases.parse().expect("a number"));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The parameters for a size, derived once a test binary.
pub fn parameters(k: u32) -> Parameters {
    static DERIVED: Mutex<BTreeMap<u32, Parameters>> = Mutex::new(BTreeMap::new());
    let mut derived = DERIVED.lock().unwrap_or_else(PoisonError::into_inner);
    derived.entry(k).or_insert_with(|| Parameters::derive(k).unwrap()).clone()
}

/// A circuit with a plan in which both forms can be forced.
pub fn circuit(graph: &Graph, k: u32, limb_bits: u32, price: u64) -> Circuit {
    compile_with(
        lower::lower(graph, &Exposure::public()).unwrap(),
        &Plan { k, limb_bits, price, least_entries: 2 },
    )
    .unwrap()
}

/// The names of failed checks, each once.
pub fn names(verdict: Result<(), Vec<Failure>>) -> Vec<String> {
    let mut names: Vec<String> =
        verdict.err().unwrap_or_default().into_iter().map(|failure| failure.check).collect();
    names.sort();
    names.dedup();
    names
}

/// The integers of a public value, to change.
pub fn public(value: &mut Value) -> &mut Vec<i64> {
    value.integers_mut().expect("a public tensor")
}

/// The honest cells of a circuit with its factor columns, and a verdict by MockProver on changed
/// ones.
pub fn judge(
    circuit: &Circuit,
    witness: &Witness,
    change: impl FnOnce(&mut Vec<Vec<Fp>>),
) -> Vec<String> {
    let mut claimed = cells(circuit.key(), witness);
    change(&mut claimed);
    names(StockCircuit::claim(circuit.key(), &shown(circuit.key(), witness), claimed).mock_prove())
}
