//! `zkinfer completions`.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};

pub fn run(arguments: &Completions) {
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "zkinfer", &mut std::io::stdout());
}
