//! ONNX files of small language models: ids in, logits out, weights drawn.

use super::onnx::messages::DataType;
use super::onnx::messages::tensor_shape_proto::Length;
use super::onnx::{Builder, Op};
use super::random::Random;

/// A transformer as decoders are: layers of causal attention and a perceptron, pre-normalised.
#[derive(Clone, Copy, Debug)]
pub struct Transformer {
    /// Ids that it reads at once.
    pub length: usize,
    /// How many ids there are.
    pub vocabulary: usize,
    /// Layers.
    pub layers: usize,
    /// Whether a position sees no later one.
    pub causal: bool,
    /// Whether queries and keys are turned by their positions.
    pub rotary: bool,
    /// Of what is drawn.
    pub seed: u64,
}

impl Default for Transformer {
    fn default() -> Self {
        Self { length: 8, vocabulary: 11, layers: 2, causal: true, rotary: false, seed: 1 }
    }
}

/// Features, heads, and features of a head.
const FEATURES: usize = 8;
const HEADS: usize = 2;
const HEAD: usize = FEATURES / HEADS;

/// A file in the making.
struct Writer {
    builder: Builder,
    random: Random,
}

impl Transformer {
    /// The file: input "ids", output "logits".
    pub fn onnx(&self) -> Builder {
        let length = self.length as i64;
        let shape = [1, length].map(Length::DimValue);
        let builder = Builder::new(17).typed_input("ids", DataType::Int64, shape.to_vec());
        let mut writer = Writer { builder, random: Random::new(self.seed) };
        writer.drawn("words", &[self.vocabulary, FEATURES], 1.0);
        writer.drawn("places", &[self.length, FEATURES], 0.5);
        writer.op(Op::new("Gather", &["words", "ids"], &["embedded"]));
        writer.op(Op::new("Add", &["embedded", "places"], &["x0"]));
        let hides = |at: usize| self.causal && at % self.length > at / self.length;
        let mask: Vec<f32> =
            (0..self.length * self.length).map(|at| if hides(at) { -1e9 } else { 0.0 }).collect();
        writer = writer.with(|file| file.floats("mask", &[length, length], &mask));
        writer =
            writer.with(|file| file.integers("heads", &[1, length, HEADS as i64, HEAD as i64]));
        writer = writer.with(|file| file.integers("joined", &[1, length, FEATURES as i64]));
        writer = writer.with(|file| file.floats("root", &[], &[(HEAD as f32).sqrt()]));
        let angle = |at: usize| {
            let pair = at % HEAD % (HEAD / 2);
            (at / HEAD) as f32 * 0.3f32.powi(i32::try_from(pair).unwrap_or(0))
        };
        for (name, function) in [("cosines", f32::cos as fn(f32) -> f32), ("sines", f32::sin)] {
            let numbers: Vec<f32> = (0..self.length * HEAD).map(|at| function(angle(at))).collect();
            writer = writer.with(|file| file.floats(name, &[length, HEAD as i64], &numbers));
        }
        writer = writer.with(|file| file.integers("halves", &[HEAD as i64 / 2; 2]));
        for layer in 0..self.layers {
            writer.layer(layer, self.rotary);
        }
        let last = format!("x{}", self.layers);
        writer.normalised(&last, "last");
        writer.linear("last", "logits", [FEATURES, self.vocabulary], 1.0);
        writer.builder.output("logits")
    }
}

impl Writer {
    fn with(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = change(self.builder);
        self
    }

    fn op(&mut self, op: Op) {
        let builder = std::mem::replace(&mut self.builder, Builder::new(17));
        self.builder = builder.node(op);
    }

    fn drawn(&mut self, name: &str, shape: &[usize], size: f32) {
        let numbers: Vec<f32> = self.random.tensor(shape, -size, size).iter().copied().collect();
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let builder = std::mem::replace(&mut self.builder, Builder::new(17));
        self.builder = builder.floats(name, &shape, &numbers);
    }

    fn linear(&mut self, from: &str, to: &str, [inputs, outputs]: [usize; 2], size: f32) {
        let weights = format!("{to}_weights");
        self.drawn(&weights, &[inputs, outputs], size);
        self.op(Op::new("MatMul", &[from, &weights], &[to]));
    }

    fn normalised(&mut self, from: &str, to: &str) {
        let [scale, bias] = ["scale", "bias"].map(|what| format!("{to}_{what}"));
        self.drawn(&scale, &[FEATURES], 1.0);
        self.drawn(&bias, &[FEATURES], 0.3);
        self.op(Op::new("LayerNormalization", &[from, &scale, &bias], &[to]).int("axis", -1));
    }

    fn heads(&mut self, from: &str, to: &str, permutation: &[i64]) {
        let split = format!("{to}_split");
        self.op(Op::new("Reshape", &[from, "heads"], &[&split]));
        self.op(Op::new("Transpose", &[&split], &[to]).ints("perm", permutation));
    }

    /// Pairs of features, half a head apart, turned by their positions' angles.
    fn turned(&mut self, from: &str, to: &str) {
        let name = |what: &str| format!("{to}_{what}");
        let [low, high] = ["low", "high"].map(name);
        self.op(Op::new("Split", &[from, "halves"], &[&low, &high]).int("axis", -1));
        self.op(Op::new("Neg", &[&high], &[&name("less")]));
        let partners = [name("less"), low];
        self.op(
            Op::new("Concat", &[&partners[0], &partners[1]], &[&name("partners")]).int("axis", -1)
        );
        self.op(Op::new("Mul", &[from, "cosines"], &[&name("own")]));
        self.op(Op::new("Mul", &[&name("partners"), "sines"], &[&name("other")]));
        self.op(Op::new("Add", &[&name("own"), &name("other")], &[to]));
    }

    fn layer(&mut self, layer: usize, rotary: bool) {
        let name = |what: &str| format!("{what}{layer}");
        let (x, next) = (name("x"), format!("x{}", layer + 1));
        self.normalised(&x, &name("a"));
        for what in ["q", "k", "v"] {
            self.linear(&name("a"), &name(what), [FEATURES, FEATURES], 0.8);
        }
        if rotary {
            for (from, to) in [("q", "queries"), ("k", "rows")] {
                let split = name(&format!("{to}_heads"));
                self.heads(&name(from), &split, &[0, 2, 1, 3]);
                self.turned(&split, &name(to));
            }
            let keys = Op::new("Transpose", &[&name("rows")], &[&name("keys")]);
            self.op(keys.ints("perm", &[0, 1, 3, 2]));
        } else {
            self.heads(&name("q"), &name("queries"), &[0, 2, 1, 3]);
            self.heads(&name("k"), &name("keys"), &[0, 2, 3, 1]);
        }
        self.heads(&name("v"), &name("values"), &[0, 2, 1, 3]);
        self.op(Op::new("MatMul", &[&name("queries"), &name("keys")], &[&name("products")]));
        self.op(Op::new("Div", &[&name("products"), "root"], &[&name("scores")]));
        self.op(Op::new("Add", &[&name("scores"), "mask"], &[&name("masked")]));
        self.op(Op::new("Softmax", &[&name("masked")], &[&name("attention")]).int("axis", -1));
        self.op(Op::new("MatMul", &[&name("attention"), &name("values")], &[&name("mixed")]));
        self.op(
            Op::new("Transpose", &[&name("mixed")], &[&name("back")]).ints("perm", &[0, 2, 1, 3])
        );
        self.op(Op::new("Reshape", &[&name("back"), "joined"], &[&name("flat")]));
        self.linear(&name("flat"), &name("attended"), [FEATURES, FEATURES], 0.8);
        self.op(Op::new("Add", &[&x, &name("attended")], &[&name("y")]));
        self.normalised(&name("y"), &name("b"));
        self.linear(&name("b"), &name("wide"), [FEATURES, 2 * FEATURES], 0.8);
        self.op(Op::new("Relu", &[&name("wide")], &[&name("positive")]));
        self.linear(&name("positive"), &name("narrow"), [2 * FEATURES, FEATURES], 0.8);
        self.op(Op::new("Add", &[&name("y"), &name("narrow")], &[&next]));
    }
}

/// Lines of ids that it reads.
pub fn lines(model: &Transformer, count: usize) -> Vec<Vec<i64>> {
    let mut random = Random::new(model.seed ^ 0x5eed);
    let line = |random: &mut Random| {
        (0..model.length).map(|_| random.below(model.vocabulary) as i64).collect()
    };
    (0..count).map(|_| line(&mut random)).collect()
}
