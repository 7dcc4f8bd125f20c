//! What calibration measures by index: the ends of each column or channel.

use ndarray::{ArrayD, Axis};
use serde::{Deserialize, Serialize};

use super::graph::{Graph, Node, Operator};

/// The smallest and the largest element at each index of a dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// The dimension.
    pub axis: usize,
    /// For each index; the first above the second while nothing was measured.
    pub ends: Vec<[f32; 2]>,
}

impl Columns {
    pub(crate) fn new(axis: usize, shape: &[usize]) -> Self {
        Self { axis, ends: vec![[f32::INFINITY, f32::NEG_INFINITY]; shape[axis]] }
    }

    /// Those of an input: along its channels and its last dimension.
    pub(crate) fn of_input(shape: &[usize]) -> Vec<Self> {
        let mut axes = vec![1, shape.len().saturating_sub(1)];
        axes.dedup();
        axes.retain(|&axis| axis > 0 && axis < shape.len());
        axes.into_iter().map(|axis| Self::new(axis, shape)).collect()
    }

    /// Those of a layer: along its output channels.
    pub(crate) fn of_layer(graph: &Graph, node: &Node) -> Option<Self> {
        let axis = match node.operator {
            Operator::Conv { .. } => 1,
            Operator::Gemm { .. } => node.shape.len().checked_sub(1)?,
            _ => return None,
        };
        // What the file quantises is quantised as it says.
        let free = node.inputs.iter().all(|&input| graph.grid(input).is_none());
        free.then(|| Self::new(axis, &node.shape))
    }

    /// Adds a sample.
    pub(crate) fn add<T: Copy>(&mut self, tensor: &ArrayD<T>, number: impl Fn(T) -> f32) {
        for (ends, elements) in self.ends.iter_mut().zip(tensor.axis_iter(Axis(self.axis))) {
            for &x in elements {
                let x = number(x);
                *ends = [ends[0].min(x), ends[1].max(x)];
            }
        }
    }

    /// Adds what was measured elsewhere along the same dimension.
    pub(crate) fn join(&mut self, other: &Self) {
        for (ends, other) in self.ends.iter_mut().zip(&other.ends) {
            *ends = [ends[0].min(other[0]), ends[1].max(other[1])];
        }
    }

    /// Whether something was measured at each index, and is finite.
    pub(crate) fn is_measured(&self) -> bool {
        self.ends.iter().all(|[low, high]| low.is_finite() && high.is_finite() && low <= high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    #[test]
    fn ends_are_those_of_each_index() {
        let of = Columns::of_input(&[1, 2, 3]);
        assert_eq!(of.iter().map(|columns| columns.axis).collect::<Vec<_>>(), [1, 2]);
        assert!(Columns::of_input(&[5]).is_empty());
        let mut columns = of[1].clone();
        assert!(!columns.is_measured());
        let tensor =
            ArrayD::from_shape_vec(IxDyn(&[1, 2, 3]), vec![1.0f64, -2.0, 2024.0, 0.5, 9.0, 2017.0]);
        columns.add(&tensor.unwrap(), |x| x as f32);
        assert_eq!(columns.ends, [[0.5, 1.0], [-2.0, 9.0], [2017.0, 2024.0]]);
        assert!(columns.is_measured());
        columns.join(&Columns { axis: 2, ends: vec![[0.0, 0.5], [-3.0, 1.0], [2020.0, 2025.0]] });
        assert_eq!(columns.ends, [[0.0, 1.0], [-3.0, 9.0], [2017.0, 2025.0]]);
    }
}
