//! What can be typed: the command line, parsed literally.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Prove that a neural network gave an answer, and check such proofs.
///
/// Exit codes: 0 done or verified, 1 the proof was rejected, 2 bad usage or input.
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
    /// Turn an ONNX model into a circuit: writes NAME.zkc (for the prover) and NAME.vk (for verifiers).
    Compile(Compile),
    /// Run the integer network on an input, without a proof.
    Run(Run),
    /// Compare the integer network with the float model on labelled data.
    Evaluate(Evaluate),
    /// Prove one inference: writes INPUT.proof.
    Prove(Prove),
    /// Check a proof against a verifying key.
    Verify(Verify),
    /// Show what is in a .zkc, .vk or .proof file.
    Inspect(Inspect),
    /// Derive and cache the commitment parameters (derived on first use otherwise).
    Urs(Urs),
    /// The whole way on a shipped network: compile, prove a handwritten digit, verify, and reject a forgery.
    Demo(Demo),
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// What the layout should be cheapest for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Optimize {
    /// Proving time.
    #[default]
    Prover,
    /// Verifying time.
    Verifier,
    /// Proof size.
    Size,
}

/// Where results go.
#[derive(Args, Debug)]
pub struct Destination {
    /// Write here instead of beside the input: a file, or a directory.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Overwrite existing files.
    #[arg(long)]
    pub force: bool,
}

/// `zkinfer compile`.
#[derive(Args, Debug)]
pub struct Compile {
    /// The model: float32 ONNX, opset 9 to 21.
    #[arg(value_name = "MODEL.onnx")]
    pub model: PathBuf,
    /// Typical inputs, to choose the quantisation by (.npz, .npy or .json).
    #[arg(long, value_name = "DATA")]
    pub calibration: Option<PathBuf>,
    /// Range of the inputs, where there is no calibration data.
    #[arg(long, value_name = "LOW,HIGH", default_value = "0,1", value_parser = range, allow_hyphen_values = true)]
    pub input_range: (f32, f32),
    /// What the circuit's layout should be cheapest for.
    #[arg(long, value_enum, default_value_t)]
    pub optimize: Optimize,
    /// Where NAME.zkc and NAME.vk go.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer run`.
#[derive(Args, Debug)]
pub struct Run {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The input (.npy, .npz or .json).
    pub input: PathBuf,
}

/// `zkinfer evaluate`.
#[derive(Args, Debug)]
pub struct Evaluate {
    /// The float model.
    #[arg(value_name = "MODEL.onnx")]
    pub model: PathBuf,
    /// Labelled inputs (.npz with an array named label).
    pub data: PathBuf,
    /// The compiled model [default: the .zkc beside the model].
    #[arg(long, value_name = "NAME.zkc")]
    pub circuit: Option<PathBuf>,
}

/// `zkinfer prove`.
#[derive(Args, Debug)]
pub struct Prove {
    /// The compiled model.
    #[arg(value_name = "NAME.zkc")]
    pub circuit: PathBuf,
    /// The input (.npy, .npz or .json).
    pub input: PathBuf,
    /// Hand the proof out without verifying it first.
    #[arg(long)]
    pub no_self_check: bool,
    /// Where the proof goes.
    #[command(flatten)]
    pub destination: Destination,
}

/// `zkinfer verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// The verifying key.
    #[arg(value_name = "NAME.vk")]
    pub key: PathBuf,
    /// The proof.
    #[arg(value_name = "FILE.proof")]
    pub proof: PathBuf,
}

/// `zkinfer inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// A .zkc, .vk or .proof file.
    pub file: PathBuf,
}

/// `zkinfer urs`.
#[derive(Args, Debug)]
pub struct Urs {
    /// Sizes to derive, as k for 2^k rows; without any, lists the cache.
    #[arg(value_name = "K", value_parser = clap::value_parser!(u32).range(i64::from(zkinfer::verifier::MIN_K)..=i64::from(zkinfer::verifier::MAX_K)))]
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

/// `low,high`.
fn range(text: &str) -> Result<(f32, f32), String> {
    let parse = |part: &str| part.trim().parse::<f32>().ok().filter(|value| value.is_finite());
    let bounds = text.split_once(',').and_then(|(low, high)| Some((parse(low)?, parse(high)?)));
    bounds.filter(|(low, high)| low < high).ok_or_else(|| "expected two numbers LOW,HIGH with LOW below HIGH".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn ranges() {
        assert_eq!(range("-1, 1.5"), Ok((-1.0, 1.5)));
        for bad in ["", "1", "1,0", "0,nan", "a,b", "0,0"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}
