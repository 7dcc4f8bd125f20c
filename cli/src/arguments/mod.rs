//! What can be typed: the command line, parsed literally.

mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use zkinfer::models::agreement::MAX_ERROR;
use zkinfer::models::data::Normalise;
use zkinfer::models::quantise::settings::Method;
use zkinfer::verifier::Digest;

pub use values::{Bits, Device, InputRange, Optimize, Shown, Visibility, Weights};
use values::{bits, bytes, digest, dimension, method, normalise, percent, range, shape, shown};

/// Prove that a neural network gave an answer, and check such proofs.
///
/// Exit codes: 0 done or verified, 1 the proof was rejected, 2 bad usage or input, a network that
/// differs too much from its float model (--max-error), work that is predicted to take more than it
/// may (--max-memory), or a result that could not be written.
#[derive(Debug, Parser)]
#[command(name = "zkinfer", version, about, long_about, arg_required_else_help = true)]
pub struct Arguments {
    /// Print one JSON value on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn an ONNX model into a circuit: writes NAME.zkc and NAME.opening (for the prover),
    /// NAME.vk and NAME.seal (for verifiers).
    Compile(Compile),
    /// Run the integer network on an input, without a proof.
    Run(Run),
    /// Compare the integer network with the float model on labelled data.
    Evaluate(Evaluate),
    /// Prove one inference: writes INPUT.proof.
    Prove(Prove),
    /// Let a language model answer a prompt, and prove that each id of the answer is the likeliest:
    /// writes PROMPT.proof.
    Generate(Generate),
    /// Commit to the weights of a compiled model, or to a tensor: writes .seal (public) and
    /// .opening (secret).
    Seal(Seal),
    /// Check proofs, each by itself or as a chain.
    Verify(Verify),
    /// Cut a model in segments that can be proven on different machines.
    Split(Split),
    /// Write a model's manifest: who published what.
    Publish(Publish),
    /// Make a publisher's key pair (Ed25519).
    Keygen(Keygen),
    /// Show what is in a .zkc, .vk, .seal, .opening, .proof or manifest file.
    Inspect(Inspect),
    /// Derive and cache the commitment parameters (derived on first use otherwise).
    Urs(Urs),
    /// List what proofs can be computed on, and how fast it is. Forgets what `prove --device auto`
    /// measured.
    Devices,
    /// The whole way on a shipped network: compile, prove a handwritten digit, verify, and reject a
    /// forgery.
    Demo(Demo),
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// Where results go.
#[derive(Args, Debug)]
pub struct Destination {
    /// Write here instead of beside the input: a directory, or a name, to which the ending is
    /// appended unless it is there. One file alone may go to a device or pipe.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Overwrite existing files.
    #[arg(long)]
    pub force: bool,
}

/// What may be spent.
#[derive(Args, Clone, Copy, Debug)]
pub struct Budget {
    /// Refuse, before anything is spent, what is predicted to take more memory than this: a number
    /// with its unit, such as 8GB or 500MB (powers of 1000) or 8GiB (of 1024).
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_memory: Option<u64>,
}

/// How data is read.
#[derive(Args, Debug)]
pub struct Reading {
    /// How PNG and JPEG pictures become numbers: unit (0 to 1), bytes (0 to 255), minus-one-one or
    /// imagenet, and settings behind it: mean=…, std=… (one number, or one for each channel),
    /// scale=1/255, layout=nchw|nhwc, order=rgb|bgr, fit=stretch|crop. A byte p becomes
    /// (scale·p − mean) / std.
    #[arg(long, value_name = "PRESET,KEY=VALUE,…", value_parser = normalise)]
    pub normalise: Option<Normalise>,
}

/// What a model leaves open.
#[derive(Args, Debug)]
pub struct Open {
    /// Length of a symbolic dimension (1 if it is not named here).
    #[arg(long = "dim", value_name = "NAME=N", value_parser = dimension)]
    pub dimensions: Vec<(String, usize)>,
    /// Shape of an input, all of it: also of dimensions without a name, or where one name stands
    /// for several lengths.
    #[arg(long = "shape", value_name = "NAME=N,N,…", value_parser = shape)]
    pub shapes: Vec<(String, Vec<usize>)>,
    /// What becomes of a softmax that ends the network: dropped, it costs nothing and the proof is
    /// about the logits.
    #[arg(long, value_enum, default_value_t = Softmax::Drop)]
    pub softmax: Softmax,
}

/// What becomes of a softmax that ends a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Softmax {
    /// The outputs are its inputs.
    Drop,
    /// It is proven.
    Keep,
}

/// `zkinfer compile`.
#[derive(Args, Debug)]
pub struct Compile {
    /// The model: ONNX, float or quantised.
    #[arg(value_name = "MODEL.onnx")]
    pub model: PathBuf,
    /// Lengths that the model leaves open.
    #[command(flatten)]
    pub open: Open,
    /// Typical inputs, to choose the quantisation by (.npz, .npy, .json, .csv, a picture or a
    /// directory of pictures).
    #[arg(long, value_name = "DATA")]
    pub calibration: Option<PathBuf>,
    /// The array or column of labels, if it is not named label, labels or y.
    #[arg(long, value_name = "NAME")]
    pub labels: Option<String>,
    /// How calibration data is read.
    #[command(flatten)]
    pub reading: Reading,
    /// Which part of a value's numbers its range covers: minmax, percentile=99.99 (so many per
    /// cent), mse (least square error) or entropy.
    #[arg(long, value_name = "METHOD", default_value = "minmax", value_parser = method)]
    pub calibrate: Method,
    /// Bits of activations: 8 to 16, or auto: 8, and more for those values whose rounding costs
    /// most where an output would be warned of or refused, or says other tokens, as samples of the
    /// calibration have it.
    /// More cost more: longer tables, up to 65,536 rows for functions of 16 bits.
    /// Others for some by name, `*` for anything: 12,blk.*.gated=16.
    #[arg(long, value_name = "BITS[,NAME=BITS…]", default_value = "8", value_parser = bits)]
    pub bits: Bits,
    /// Bits of weights: 8 to 16, or auto: 8, and 12 for those layers whose rounding costs most for
    /// their size, where an output is off as `--bits auto` has it; others for some by name:
    /// 8,logits=12. More than 8 are two digits, which take twice as much to seal.
    #[arg(long, value_name = "BITS[,NAME=BITS…]", default_value = "8", value_parser = bits)]
    pub weight_bits: Bits,
    /// Refuse a network of which an output, or a channel or column of one, differs from the float
    /// model by more than this, on samples of the calibration: root mean square, in percent of the
    /// standard deviation of the float model's numbers. 100 is what a constant would be off by.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0 * MAX_ERROR,
        value_parser = percent)]
    pub max_error: f64,
    /// Only warn of it.
    #[arg(long)]
    pub accept_loss: bool,
    /// Range of the inputs where there is no calibration data (0,1 if it is not said here); with a
    /// name that of one input, whatever the data: of integers, indices above all, the ones that it
    /// may hold.
    #[arg(long, value_name = "[NAME=]LOW,HIGH", value_parser = range, allow_hyphen_values = true)]
    pub input_range: Vec<InputRange>,
    /// What the circuit's layout should be cheapest for.
    #[arg(long, value_enum, default_value_t)]
    pub optimize: Optimize,
    /// Whether proofs hide the weights.
    #[arg(long, value_enum, default_value_t)]
    pub weights: Weights,
    /// What proofs show of the inputs: public (default), sealed or private; NAME=… for one input.
    #[arg(long, value_name = "[NAME=]VISIBILITY", value_parser = shown)]
    pub input: Vec<Shown>,
    /// What proofs show of the outputs: public (default) or sealed; NAME=… for one output.
    #[arg(long, value_name = "[NAME=]VISIBILITY", value_parser = shown)]
    pub output_visibility: Vec<Shown>,
    /// Compile a language model to generate: up to N ids of answer behind a prompt, each the
    /// likeliest, in one proof. Prompt and answer together have as many ids as the model reads.
    #[arg(long, value_name = "N")]
    pub generate: Option<usize>,
    /// The id that stands behind an answer, which is proven not to matter [default: the smallest].
    #[arg(long, value_name = "ID", requires = "generate")]
    pub padding: Option<i64>,
    /// Do not seal the weights yet (`zkinfer seal` does it later).
    #[arg(long)]
    pub no_seal: bool,
    /// What compiling, sealing and a proof may take.
    #[command(flatten)]
    pub budget: Budget,
    /// Where NAME.zkc, NAME.vk, NAME.seal and NAME.opening go.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer run`.
#[derive(Args, Debug)]
pub struct Run {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The input (.npy, .npz, .json, .csv or a picture).
    pub input: PathBuf,
    /// Run on every sample of the input, not on one.
    #[arg(long)]
    pub all: bool,
    /// How the input is read.
    #[command(flatten)]
    pub reading: Reading,
    /// Refuse an input outside the range that the network is quantised for, of which the nearest
    /// end would be taken.
    #[arg(long)]
    pub strict: bool,
}

/// `zkinfer evaluate`.
#[derive(Args, Debug)]
pub struct Evaluate {
    /// The float model.
    #[arg(value_name = "MODEL.onnx")]
    pub model: PathBuf,
    /// Labelled inputs (.npz with an array or .csv with a column named label).
    pub data: PathBuf,
    /// The array or column of labels, if it is not named label, labels or y.
    #[arg(long, value_name = "NAME")]
    pub labels: Option<String>,
    /// How the data is read.
    #[command(flatten)]
    pub reading: Reading,
    /// The compiled model [default: the .zkc beside the model].
    #[arg(long, value_name = "NAME.zkc")]
    pub circuit: Option<PathBuf>,
    /// Draw error and saturation of every node.
    #[arg(long, value_name = "FILE.svg")]
    pub layers: Option<PathBuf>,
    /// Overwrite an existing drawing.
    #[arg(long, requires = "layers")]
    pub force: bool,
    /// Lengths that the model leaves open, as it was compiled.
    #[command(flatten)]
    pub open: Open,
}

/// `zkinfer prove`.
#[derive(Args, Debug)]
pub struct Prove {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The input (.npy, .npz, .json, .csv or a picture), and for every sealed input its .opening.
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Prove every sample of the input, each by a proof of its own: INPUT.1.proof, INPUT.2.proof
    /// and so on, each written when it is done. One proof for all of them takes a model that is
    /// compiled for so many (`compile --dim batch=N`).
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
    /// Prove the circuits that `split --segments N` made, NAME.1.zkc to NAME.N.zkc, one after the
    /// other: INPUT.1.proof and so on, which `verify --chain` verifies as one. NAME.1.zkc is given.
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "opening", "profile"])]
    pub segments: Option<usize>,
    /// How the input is read.
    #[command(flatten)]
    pub reading: Reading,
    /// The opening of the model's seal [default: the .opening beside the compiled model].
    #[arg(long, value_name = "NAME.opening")]
    pub opening: Option<PathBuf>,
    /// What computes the sums of points. Proofs are the same.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Refuse an input outside the range that the network is quantised for, of which the nearest
    /// end would be taken.
    #[arg(long)]
    pub strict: bool,
    /// Hand the proof out without verifying it first.
    #[arg(long)]
    pub no_self_check: bool,
    /// Show what each stage took, beside what `inspect` predicts.
    #[arg(long)]
    pub profile: bool,
    /// What a proof may take.
    #[command(flatten)]
    pub budget: Budget,
    /// Where the proof goes.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer generate`.
#[derive(Args, Debug)]
pub struct Generate {
    /// The model, compiled with --generate.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The ids of the prompt (.npy, .npz or .json).
    #[arg(long, value_name = "FILE", required_unless_present = "text", conflicts_with = "text")]
    pub prompt: Option<PathBuf>,
    /// The prompt in words.
    #[arg(long)]
    pub text: Option<String>,
    /// What turns text into ids and back: tokenizer.json with a byte pair encoding [default, with
    /// --text: the one beside the compiled model].
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Ids of the answer.
    #[arg(long, value_name = "N")]
    pub tokens: usize,
    /// Prove the circuits that `split --segments N` made, NAME.1.zkc to NAME.N.zkc, one after the
    /// other: PROMPT.1.proof and so on, which `verify --chain` verifies as one. NAME.1.zkc is
    /// given.
    #[arg(long, value_name = "N", conflicts_with = "opening")]
    pub segments: Option<usize>,
    /// Only print the answer: nothing is proven or written.
    #[arg(long, conflicts_with_all = ["segments", "opening", "no_self_check", "output"])]
    pub unproven: bool,
    /// End the answer with this id; may be given more than once.
    #[arg(long, value_name = "ID")]
    pub stop: Vec<i64>,
    /// The opening of the model's seal [default: the .opening beside the compiled model].
    #[arg(long, value_name = "NAME.opening")]
    pub opening: Option<PathBuf>,
    /// What computes the sums of points. Proofs are the same.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Hand the proof out without verifying it first.
    #[arg(long)]
    pub no_self_check: bool,
    /// What a proof may take.
    #[command(flatten)]
    pub budget: Budget,
    /// Where the proof goes, and what opens the ids if they are sealed.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// Proofs, with the keys (.vk), seals (.seal) and manifests (.json) to check them by. A seal or
    /// manifest that is not named is the one beside its key; a key that is not named is looked for
    /// beside the proof.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Demand that each proof goes on from the sealed outputs of the one before.
    #[arg(long)]
    pub chain: bool,
    /// Demand that the proof is by this model: the digest that `inspect`, `seal` and `verify`
    /// print. Once for all proofs, or once for each, in order.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub model: Vec<Digest>,
    /// Show prompt and answer of a language model as text.
    #[arg(long, value_name = "tokenizer.json")]
    pub tokenizer: Option<PathBuf>,
    /// Demand a manifest signed by this publisher (public key, PEM).
    #[arg(long, value_name = "NAME.pub.pem")]
    pub publisher: Option<PathBuf>,
    /// Most memory that verifying may take: a key that may need more is refused before anything is
    /// spent.
    #[arg(long, value_name = "MB", default_value_t = 4000)]
    pub memory: u64,
    /// Most processor time that it may take, of all threads together.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub time: u64,
}

/// `zkinfer seal`.
#[derive(Args, Debug)]
pub struct Seal {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// Seal this tensor for a sealed input, instead of the weights (as the inputs of
    /// `prove`).
    #[arg(long, value_name = "TENSOR")]
    pub tensor: Option<PathBuf>,
    /// The input that the tensor is for, if several are sealed.
    #[arg(long, value_name = "NAME", requires = "tensor")]
    pub input: Option<String>,
    /// How the tensor is read.
    #[command(flatten)]
    pub reading: Reading,
    /// What sealing may take.
    #[command(flatten)]
    pub budget: Budget,
    /// Where the .seal and the .opening go.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer split`.
#[derive(Args, Debug)]
pub struct Split {
    /// How many segments.
    #[arg(long, value_name = "N")]
    pub segments: usize,
    /// As for `compile`; writes NAME.1.zkc, NAME.1.vk, NAME.2.zkc and so on.
    #[command(flatten)]
    pub compile: Compile,
}

/// `zkinfer publish`.
#[derive(Args, Debug)]
pub struct Publish {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The seal of its weights [default: the .seal beside it].
    #[arg(long, value_name = "NAME.seal")]
    pub seal: Option<PathBuf>,
    /// Your version of the model.
    #[arg(long = "model-version", value_name = "VERSION")]
    pub version: String,
    /// Under which licence it may be used.
    #[arg(long)]
    pub licence: String,
    /// What to say about the data it was trained on.
    #[arg(long, value_name = "NOTE", default_value = "")]
    pub training_data: String,
    /// Sign with this private key (PKCS#8 PEM; `zkinfer keygen` makes one).
    #[arg(long, value_name = "KEY.pem", requires = "publisher")]
    pub sign: Option<PathBuf>,
    /// The publisher's name.
    #[arg(long, value_name = "NAME", default_value = "", requires = "sign")]
    pub publisher: String,
    /// Where the manifest goes.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer keygen`.
#[derive(Args, Debug)]
pub struct Keygen {
    /// Writes NAME.pem (secret) and NAME.pub.pem.
    pub name: PathBuf,
    /// Where they go.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// A .zkc, .vk, .seal, .opening, .proof or manifest (.json) file.
    pub file: PathBuf,
}

/// `zkinfer urs`.
#[derive(Args, Debug)]
pub struct Urs {
    /// Sizes to derive, as k for 2^k rows; without any, lists the cache.
    #[arg(value_name = "K", value_parser = clap::value_parser!(u32).range(i64::from(
        zkinfer::verifier::MIN_K)..=i64::from(zkinfer::verifier::MAX_K)))]
    pub sizes: Vec<u32>,
}

/// `zkinfer demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Which digit of the test set to prove, 0 to 359.
    #[arg(long, default_value_t = 0)]
    pub index: usize,
}

/// `zkinfer completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
