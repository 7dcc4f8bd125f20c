//! One file per command.

mod compile;
mod completions;
mod demo;
mod devices;
mod evaluate;
mod generate;
mod inspect;
mod prove;
mod publish;
mod run;
mod seal;
mod segments;
mod split;
mod urs;
mod verify;

use anyhow::Result;

use crate::arguments::{Arguments, Command};
use crate::outcome::Outcome;

/// Runs a command.
pub fn run(arguments: Arguments) -> Result<Outcome> {
    let json = arguments.json;
    match arguments.command {
        Command::Compile(arguments) => compile::run(&arguments, json),
        Command::Run(arguments) => run::run(&arguments, json),
        Command::Evaluate(arguments) => evaluate::run(&arguments, json),
        Command::Prove(arguments) => match arguments.segments {
            Some(count) => segments::run(&arguments, count, json),
            None => prove::run(&arguments, json),
        },
        Command::Generate(arguments) => generate::run(&arguments, json),
        Command::Seal(arguments) => seal::run(&arguments, json),
        Command::Verify(arguments) => verify::run(&arguments, json),
        Command::Split(arguments) => split::run(&arguments, json),
        Command::Publish(arguments) => publish::publish(&arguments, json),
        Command::Keygen(arguments) => publish::keygen(&arguments, json),
        Command::Inspect(arguments) => inspect::run(&arguments, json),
        Command::Urs(arguments) => urs::run(&arguments, json),
        Command::Devices => devices::run(json),
        Command::Demo(arguments) => demo::run(&arguments, json),
        Command::Completions(arguments) => {
            completions::run(&arguments);
            Ok(Outcome::Done)
        }
    }
}
