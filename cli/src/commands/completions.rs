//! `zkinfer completions`.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::screen;

pub fn run(arguments: &Completions) {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "zkinfer", &mut script);
    screen::print_bytes(&script);
}
