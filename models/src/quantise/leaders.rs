//! Who has weights, and who reads them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::float::layer::Layer;

/// A layer with weights of its own.
pub(super) struct Leader<'a> {
    pub(super) layer: Cow<'a, Layer>,
    /// Its node in the quantised graph.
    pub(super) node: usize,
    /// Real worth of a weight's step, a row each.
    pub(super) scales: Vec<f64>,
    /// Small integers that the scales are multiples of one unit by, and the unit, where they are.
    pub(super) multiples: Option<(Vec<i64>, f64)>,
}

/// Who has weights, and who reads them.
#[derive(Default)]
pub(super) struct Shared<'a> {
    pub(super) leaders: HashMap<(usize, usize, u64), Vec<Leader<'a>>>,
    /// By the node whose weights they are: readers beside itself, and how many of them have
    /// multipliers that are rounded.
    pub(super) readers: BTreeMap<usize, [usize; 2]>,
    /// Adds whose terms have weights of other layers that their shift leaves no room for.
    pub(super) wanting: BTreeSet<usize>,
}
