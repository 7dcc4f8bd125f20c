//! The tests of `zkinfer-models` from outside, in one binary.

mod agreement;
mod at_once;
mod bits;
mod contract;
mod counted;
mod data;
mod dimensions;
mod external;
mod graphs;
mod limits;
mod masks;
mod operators;
mod passes;
mod quantised;
mod recorded;
mod refusals;
mod residual;
mod rows;
mod scales;
mod shared;
mod spelled_rows;
mod support;
mod undefined;
mod validate;
mod wild;
mod zoo;
