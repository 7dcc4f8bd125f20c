//! Random networks whose numbers have wild ranges, from millionths to millions, by layer and by
//! column: either the integers follow the float model on samples that nobody has seen, or compiling
//! has said that they do not.

use zkinfer_models::agreement::{MAX_ERROR, OutputError};
use zkinfer_models::compare::Comparison;
use zkinfer_models::quantise::settings::{Bits, Method, Options, Widths};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::widths::{self, Chosen};
use zkinfer_models::{Dataset, Evaluation, Model};

/// Networks tried.
const NETWORKS: u64 = 240;
/// Networks tried with other bits or ranges, which cost more time.
const FEWER: u64 = 80;
/// Samples that ranges come from, some of which are compared, and fresh ones.
const SAMPLES: [usize; 2] = [64, 64];
/// Fresh ones that are looked at each by itself.
const ALONE: usize = 8;
/// What is held on fresh samples where nothing was said: the error of an output and that of a part,
/// in units of the spread. Warnings begin at half of both.
const HELD: [f64; 2] = [0.4, 1.0];

/// A power of ten, as wild as the network is.
fn scale(random: &mut Random, decades: f32) -> f32 {
    10f32.powf(random.real(-decades, decades))
}

/// A network under construction: `value` has `width` columns, or channels of 3 × 3.
struct Net {
    builder: Builder,
    random: Random,
    decades: f32,
    count: usize,
}

impl Net {
    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn floats(&mut self, shape: &[i64], elements: Vec<f32>) -> String {
        let name = self.name("c");
        self.builder =
            std::mem::replace(&mut self.builder, Builder::new(13)).floats(&name, shape, &elements);
        name
    }

    fn op(&mut self, operator: &str, inputs: &[&str], with: impl Fn(Op) -> Op) -> String {
        let name = self.name("v");
        let node = with(Op::new(operator, inputs, &[&name]));
        self.builder = std::mem::replace(&mut self.builder, Builder::new(13)).node(node);
        name
    }

    /// Weights of rows of different sizes, or all of one.
    fn weights(&mut self, rows: usize, terms: usize) -> Vec<f32> {
        let (all, by_row) = (scale(&mut self.random, self.decades), self.random.below(2) == 0);
        let row = |random: &mut Random| {
            let size = if by_row { scale(random, self.decades) } else { all };
            random.reals(terms, -size, size)
        };
        (0..rows).flat_map(|_| row(&mut self.random)).collect()
    }

    /// One more layer over `[1, width]`; its result and width.
    fn layer(&mut self, x: &str, width: usize) -> (String, usize) {
        let shape = [1, width as i64];
        match self.random.below(8) {
            0 | 1 => {
                let rows = 2 + self.random.below(5);
                let weights = self.weights(rows, width);
                let w = self.floats(&[rows as i64, width as i64], weights);
                let bias = self.weights(rows, 1);
                let b = self.floats(&[rows as i64], bias);
                (self.op("Gemm", &[x, &w, &b], |op| op.int("transB", 1)), rows)
            }
            2 => {
                let addend = self.weights(width, 1);
                let c = self.floats(&shape, addend);
                (self.op("Add", &[x, &c], |op| op), width)
            }
            3 => {
                let factors = self.weights(width, 1);
                let c = self.floats(&shape, factors);
                (self.op("Mul", &[x, &c], |op| op), width)
            }
            4 => (self.op("Relu", &[x], |op| op), width),
            5 => (self.op("Sigmoid", &[x], |op| op), width),
            6 => (self.op("Softmax", &[x], |op| op.int("axis", 1)), width),
            _ => {
                let (other, added) = self.layer(x, width);
                (self.op("Concat", &[x, &other], |op| op.int("axis", 1)), width + added)
            }
        }
    }

    /// A convolution over `[1, width, 3, 3]` and back to columns.
    fn convolution(&mut self, x: &str, width: usize) -> (String, usize) {
        let rows = 2 + self.random.below(3);
        let weights = self.weights(rows, width * 4);
        let w = self.floats(&[rows as i64, width as i64, 2, 2], weights);
        let y = self.op("Conv", &[x, &w], |op| op);
        let y = self.op("Relu", &[&y], |op| op);
        (self.op("Flatten", &[&y], |op| op), rows * 4)
    }
}

/// A network and what its inputs are like: the size of each element.
fn network(seed: u64) -> (Builder, Vec<f32>) {
    let mut random = Random::new(seed);
    let decades = [0.0, 1.0, 3.0, 6.0][random.below(4)];
    let width = 2 + random.below(4);
    let pictures = random.below(4) == 0;
    let area = if pictures { 9 } else { 1 };
    let shape: &[i64] = if pictures { &[3, 3] } else { &[] };
    let shape = [&[1, width as i64], shape].concat();
    let sizes = (0..width).map(|_| scale(&mut random, decades));
    let sizes = sizes.flat_map(|size| std::iter::repeat_n(size, area)).collect();
    let builder = Builder::new(13).input("x", &shape);
    let mut net = Net { builder, random, decades, count: 0 };
    let (mut value, mut width) =
        if pictures { net.convolution("x", width) } else { ("x".to_owned(), width) };
    for _ in 0..1 + net.random.below(4) {
        (value, width) = net.layer(&value, width);
    }
    (net.builder.output(&value), sizes)
}

fn samples(model: &Model, sizes: &[f32], count: usize, random: &mut Random) -> Dataset {
    let sample = |random: &mut Random| {
        let mut tensor = random.tensor(&model.inputs()[0].shape, -1.0, 1.0);
        tensor.iter_mut().zip(sizes).for_each(|(x, size)| *x *= size);
        vec![tensor]
    };
    Dataset::new((0..count).map(|_| sample(random)).collect(), None).unwrap()
}

/// What was said when the network was compiled, and how it does on fresh samples: some of them each
/// by itself, and all together.
struct Compared {
    said: Evaluation,
    alone: Vec<Evaluation>,
    fresh: Evaluation,
}

/// None if the network was refused before it could be compared.
fn compared(seed: u64, options: &Options) -> Option<Compared> {
    let (builder, sizes) = network(seed);
    let model = Model::from_bytes("wild.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(!seed);
    let [given, fresh] = SAMPLES.map(|count| samples(&model, &sizes, count, &mut random));
    let calibration = model.calibrate(&given).ok()?;
    let comparison = Comparison::new(&model, &calibration, &given).ok()?;
    let said = comparison.evaluate(options).ok()?;
    let graph = comparison.quantise(options).unwrap().graph;
    let alone = fresh.samples().iter().take(ALONE).map(|sample| {
        let alone = Dataset::new(vec![sample.clone()], None).unwrap();
        model.evaluate(&graph, &alone).unwrap()
    });
    Some(Compared { said, alone: alone.collect(), fresh: model.evaluate(&graph, &fresh).unwrap() })
}

/// Whether a fresh sample is further off than was said of such.
fn exceeds(said: &OutputError, alone: &OutputError) -> bool {
    let most = said.further.expect("several samples").error * said.all.spread;
    alone.all.error * alone.all.spread > most * (1.0 + 1e-9)
}

/// How the fresh samples break what is held, if they do. A part that has hardly varied before tells
/// nothing about itself.
fn broken(said: &OutputError, fresh: &OutputError) -> Option<String> {
    if fresh.all.error > HELD[0] {
        return Some(format!("the whole by {:.2} of its spread", fresh.all.error));
    }
    let parts = said.parts.iter().zip(&fresh.parts);
    let mut varied =
        parts.filter(|(said, fresh)| said.deviation.spread > 0.3 * fresh.deviation.spread);
    let lost = varied.find(|(_, fresh)| fresh.deviation.error > HELD[1]);
    lost.map(|(_, fresh)| format!("part {fresh}"))
}

/// How many outputs follow, how many are doubted, and how many of these do not follow. Of fresh
/// samples one in twenty, about, is further off than was said.
fn tried(networks: u64, options: &Options) -> [u64; 3] {
    let (mut silent, mut told, mut refused, mut saved) = (0, 0, 0, 0);
    let (mut beyond, mut alike) = (0, 0);
    for seed in 0..networks {
        let Some(Compared { said, alone, fresh }) = compared(seed, options) else {
            refused += 1;
            continue;
        };
        for (index, (said, fresh)) in said.outputs.iter().zip(&fresh.outputs).enumerate() {
            alike += alone.len();
            beyond += alone.iter().filter(|alone| exceeds(said, &alone.outputs[index])).count();
            let broken = broken(said, fresh);
            let lost = said.loss(MAX_ERROR).is_some();
            assert!(!lost || said.doubt().is_some(), "{seed}: what is refused is doubted");
            refused += usize::from(lost);
            match said.doubt() {
                Some(_) => {
                    told += 1;
                    saved += u64::from(broken.is_some());
                }
                None => {
                    silent += 1;
                    assert_eq!(broken, None, "{seed}: {said:?}\n{fresh:?}");
                }
            }
        }
    }
    println!(
        "{options:?}: {silent} follow, {told} are doubted, {saved} of them do not follow, \
        {refused} refused; {beyond} of {alike} samples are further off than was said"
    );
    assert!(12 * beyond < alike, "{beyond} of {alike}");
    [silent, told, saved]
}

#[test]
fn integers_follow_the_floats_or_compiling_says_so() {
    let [silent, _, saved] = tried(NETWORKS, &Options::default());
    // Both happen, or else this test says nothing: without the warnings it would fail.
    assert!(silent > NETWORKS / 4 && saved > 10, "{silent} and {saved}");
}

#[test]
fn so_they_do_with_more_bits() {
    let [eight, ..] = tried(FEWER, &Options::default());
    for bits in [Bits::TWELVE, Bits::SIXTEEN] {
        let [silent, ..] =
            tried(FEWER, &Options { widths: Widths::all(bits), ..Options::default() });
        assert!(silent > eight, "{silent} of {eight} with 8 bits");
    }
}

#[test]
fn so_they_do_with_ranges_of_less_than_everything() {
    for method in [Method::Percentile(99.9), Method::Mse, Method::Entropy] {
        let [silent, ..] = tried(FEWER, &Options { method, ..Options::default() });
        assert!(silent > FEWER / 8, "{method:?}: {silent}");
    }
}

/// Bits that the error asks for never leave more outputs doubted than 8 do.
#[test]
fn so_they_do_with_bits_that_the_error_asks_for() {
    let (mut saved, mut silent) = (0, 0);
    for seed in 0..FEWER {
        let (builder, sizes) = network(seed);
        let model = Model::from_bytes("wild.onnx", &builder.bytes()).unwrap();
        let mut random = Random::new(!seed);
        let [given, fresh] = SAMPLES.map(|count| samples(&model, &sizes, count, &mut random));
        let Ok(calibration) = model.calibrate(&given) else { continue };
        let Ok(comparison) = Comparison::new(&model, &calibration, &given) else { continue };
        let Ok(eight) = Chosen::given(&comparison, Options::default()) else { continue };
        let chosen = widths::choose(&comparison, &Options::default(), MAX_ERROR).unwrap();
        let doubted = |chosen: &Chosen| {
            chosen.evaluation.outputs.iter().any(|output| output.doubt().is_some())
        };
        // Where 8 do, only classes that may change ask for more.
        let error = |chosen: &Chosen| {
            let errors = chosen.evaluation.outputs.iter().map(|output| output.all.error);
            errors.fold(0.0, f64::max)
        };
        let same = chosen.quantised.graph == eight.quantised.graph;
        let nearer = same || error(&chosen) <= 1.1 * error(&eight);
        assert!(doubted(&eight) || nearer, "{seed}: 8 bits do");
        if doubted(&chosen) {
            assert!(doubted(&eight), "{seed}");
            continue;
        }
        silent += 1;
        saved += u64::from(doubted(&eight));
        let found = model.evaluate(&chosen.quantised.graph, &fresh).unwrap();
        for (said, fresh) in chosen.evaluation.outputs.iter().zip(&found.outputs) {
            assert_eq!(broken(said, fresh), None, "{seed}: {said:?}\n{fresh:?}");
        }
    }
    println!("{silent} follow, {saved} of them with more than 8 bits");
    assert!(saved > 3, "{saved}");
}
