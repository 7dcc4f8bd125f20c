//! Graphs that an import makes itself, the bodies of functions, kept as long as those of the file:
//! what a value stands for is noted by names that are borrowed from its nodes.

use std::array;
use std::cell::{Cell, OnceCell};

use crate::onnx::messages::GraphProto;

/// Rows of places, each twice as long as the one before: none moves once it is taken.
pub(in crate::onnx) struct Shelf {
    taken: Cell<usize>,
    rows: [OnceCell<Box<[OnceCell<GraphProto>]>>; usize::BITS as usize],
}

impl Default for Shelf {
    fn default() -> Self {
        Self { taken: Cell::new(0), rows: array::from_fn(|_| OnceCell::new()) }
    }
}

impl Shelf {
    /// Keeps a graph.
    pub(in crate::onnx) fn keep(&self, graph: GraphProto) -> &GraphProto {
        let number = self.taken.get() + 1;
        self.taken.set(number);
        let row = number.ilog2() as usize;
        let places =
            self.rows[row].get_or_init(|| (0..1 << row).map(|_| OnceCell::new()).collect());
        places[number - (1 << row)].get_or_init(|| graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_graph_has_a_place_of_its_own() {
        let shelf = Shelf::default();
        let named = |name: String| GraphProto { name, ..GraphProto::default() };
        let kept: Vec<&GraphProto> =
            (0..100).map(|number| shelf.keep(named(number.to_string()))).collect();
        let names = kept.iter().map(|graph| graph.name.as_str());
        assert!(names.eq((0..100).map(|number| number.to_string())));
    }
}
