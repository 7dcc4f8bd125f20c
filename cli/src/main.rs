//! The command line `zkinfer`: every command is a few calls into the libraries.
//!
//! | module | knows |
//! |---|---|
//! | [`arguments`] | what can be typed |
//! | [`commands`] | what each command does, one file each |
//! | [`files`] | reading, writing, never half |
//! | [`screen`] | lines, JSON, progress, units, tables, pictures |
//! | [`foreign`] | text out of files, made harmless |
//!
//! Exit codes: 0 done or verified, 1 the proof was rejected, 2 bad usage or input.

// What is printed goes through `screen`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod commands;
mod files;
mod foreign;
mod profile;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

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
                let _ = screen::print_json(&serde_json::json!({ "error": foreign::story(&error) }));
            }
            screen::error(&error);
            ExitCode::from(2)
        }
    }
}
