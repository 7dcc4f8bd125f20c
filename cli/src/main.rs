//! The `zkinfer` binary.

fn main() {}
