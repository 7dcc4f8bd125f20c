//! Rewrites of the float graph that leave its function as it is and make it cheaper to prove.
//!
//! A pass folds a node into the one before it by changing that one in place and redirecting the
//! readers; what is then dead is swept out at the end, so positions keep their meaning while passes
//! run.

mod activations;
mod factors;
mod fold;
mod functions;
mod grids;
mod learned;
mod masks;
mod named;
mod normalisation;
mod rebuild;
mod rewriting;
mod rows;
mod sections;
mod standard;
mod turns;

use crate::float::graph::Graph;
pub(crate) use rebuild::sweep;
use rewriting::Rewriting;

/// Runs all passes: softmaxes and normalisations that are spelled out into one operator each;
/// constants and normalisation into weights and biases, what is left of normalisation into
/// depthwise convolutions, rotary positions into one convolution each, joined values that are taken
/// apart again into their parts, functions of one number that are spelled out into activations,
/// standardised inputs into the layers that read them, numbers into the factors of matrix products,
/// known masks into what a softmax sees, learned factors and offsets into the layers that read
/// them, activations into what they follow; then grids into the operators whose results are put on
/// them.
pub(crate) fn simplify(graph: Graph) -> Graph {
    let mut folding = Rewriting::new(sweep(rows::recognise(graph)));
    fold::run(&mut folding);
    let turned = turns::recognise(folding.finish());
    let separate = sections::separate(normalisation::lower(turned));
    let mut rewriting = Rewriting::new(functions::compose(separate));
    standard::run(&mut rewriting);
    factors::run(&mut rewriting);
    masks::run(&mut rewriting);
    learned::run(&mut rewriting);
    activations::fuse(&mut rewriting);
    grids::settle(&mut rewriting);
    sweep(rewriting.finish())
}
