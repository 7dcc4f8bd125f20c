//! Which integers stand for each value of the float graph.

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::float;
use crate::integer::graph::{Graph, ValueId};

/// The counterparts of a float graph's values, inputs first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counterparts(Vec<Counterpart>);

/// Where the integers of a value are. What an integer stands for, the quantised graph says itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Counterpart {
    /// The value of the quantised graph.
    pub(super) value: ValueId,
    /// Beyond these numbers no reader can tell them apart, so that saturating there loses nothing.
    pub(super) matters: Option<[f64; 2]>,
}

impl Counterparts {
    pub(super) fn new(values: Vec<Counterpart>) -> Self {
        Self(values)
    }

    /// Whether they are of these two graphs: they may have come out of a file.
    pub(crate) fn fit(&self, float: &float::graph::Graph, graph: &Graph) -> bool {
        let values = float.inputs.len() + float.nodes.len();
        let known = graph.inputs.len() + graph.nodes.len();
        let fits = |(index, &Counterpart { value, .. }): (usize, &Counterpart)| {
            value < known && graph.shape(value) == float.shape(index)
        };
        self.0.len() == values && self.0.iter().enumerate().all(fits)
    }

    /// The counterpart of a value.
    pub(crate) fn of(&self, value: ValueId) -> ValueId {
        self.0[value].value
    }

    /// A number of a value, or the nearest that its readers can tell from others.
    pub(crate) fn clamp(&self, value: ValueId, x: f64) -> f64 {
        self.0[value].matters.map_or(x, |[low, high]| x.max(low).min(high))
    }

    /// What the integers of a value stand for, among those of all values of the quantised graph.
    pub(crate) fn dequantise(
        &self,
        graph: &Graph,
        value: ValueId,
        integers: &[ArrayD<i64>],
    ) -> ArrayD<f64> {
        let place = self.of(value);
        graph.dequantise(place, &integers[place])
    }
}
