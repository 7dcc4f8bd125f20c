//! The command line `zkinfer`: every command is a few calls into the libraries.
//!
//! | module | knows |
//! |---|---|
//! | [`arguments`] | what can be typed |
//! | [`agreement`] | how well integers follow floats, in words |
//! | [`commands`] | what each command does, one file each |
//! | [`files`] | reading files, naming results |
//! | [`generation`] | prompt and answer of a language model |
//! | [`layers`] | error and saturation of every node, drawn |
//! | [`loading`] | compiled models and commitment parameters |
//! | [`readings`] | tensors as people and programs read them |
//! | [`screen`] | lines, JSON, progress, units, tables, pictures |
//! | [`identity`] | whose model a proof was checked against |
//! | [`story`] | errors as people read them |
//! | [`tokenizer`] | text to ids and back |
//! | [`threads`] | how many threads share the work |
//!
//! Exit codes: 0 done or verified, 1 the proof was rejected, 2 bad usage or input, a network that
//! differs too much from its float model to be compiled, or a result that could not be written: to
//! its file, or to standard output. A reader of standard output that stops reading (`| head`)
//! changes none of them.

// What is printed goes through `screen`: the standard macros panic where the stream cannot be
// written.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod agreement;
mod arguments;
mod budget;
mod commands;
mod files;
mod generation;
mod identity;
mod layers;
mod loading;
mod outcome;
mod profile;
mod readings;
mod screen;
mod story;
mod threads;
mod tokenizer;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use outcome::Outcome;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return help(&answer),
    };
    threads::start();
    let json = arguments.json;
    let code = match commands::run(arguments) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Rejected) => ExitCode::from(1),
        Err(error) => {
            if json {
                let mut told = serde_json::json!({ "error": story::story(&error) });
                if let Some(refusals) = story::refusals(&error) {
                    told["refusals"] = serde_json::json!(refusals);
                }
                let _ = screen::print_json(&told);
            }
            screen::error(&error);
            ExitCode::from(2)
        }
    };
    told(code)
}

/// Help and version, asked for, or what is wrong with the arguments.
fn help(answer: &clap::Error) -> ExitCode {
    let printed = answer.print();
    let code = ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
    match printed {
        Err(error) if !answer.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            unwritten(&error)
        }
        _ => told(code),
    }
}

/// The exit code, unless what should have been said could not be.
fn told(code: ExitCode) -> ExitCode {
    screen::finish().map_or_else(|error| unwritten(&error), |()| code)
}

fn unwritten(error: &std::io::Error) -> ExitCode {
    screen::error(&anyhow::Error::msg(format!("standard output: {error}")));
    ExitCode::from(2)
}
