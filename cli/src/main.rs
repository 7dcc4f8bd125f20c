//! The command line `zkinfer`: every command is a few calls into the libraries.
//!
//! | module | knows |
//! |---|---|
//! | [`arguments`] | what can be typed |
//! | [`commands`] | what each command does, one file each |
//! | [`files`] | reading, writing, never half |
//! | [`screen`] | progress, units, tables, pictures |
//!
//! Exit codes: 0 done or verified, 1 the proof was rejected, 2 bad usage or input.

mod arguments;
mod commands;
mod files;
mod profile;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use screen::say;

/// How a command that did its work ends.
enum Outcome {
    /// Done, or the proof was accepted.
    Done,
    /// The proof was rejected.
    Rejected,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match commands::run(arguments) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Rejected) => ExitCode::from(1),
        Err(error) => {
            if json {
                say!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            }
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
