//! What layers read on average: the mean of each input channel of a Conv, of each feature that a
//! Gemm reads.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};

use super::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;

/// Sums of what each layer reads, by channel or feature.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// For each value, the dimension that layers tell apart, and the sums along it.
    values: BTreeMap<ValueId, (usize, Vec<f64>)>,
    samples: usize,
}

/// The dimension of its operand by whose indices a layer's weights differ.
fn axis(graph: &Graph, node: &Node) -> Option<usize> {
    let rank = graph.shape(*node.inputs.first()?).len();
    match node.operator {
        Operator::Conv { .. } => Some(1),
        Operator::Gemm { .. } => rank.checked_sub(1),
        _ => None,
    }
}

impl Sums {
    /// Over nothing. A value that is read along two dimensions has the sums of the first reader.
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut values = BTreeMap::new();
        for node in &graph.nodes {
            if let (Some(axis), Some(&input)) = (axis(graph, node), node.inputs.first()) {
                let count = graph.shape(input)[axis];
                values.entry(input).or_insert_with(|| (axis, vec![0.0; count]));
            }
        }
        Self { values, samples: 0 }
    }

    /// Counts a sample.
    pub(crate) fn count(&mut self) {
        self.samples += 1;
    }

    /// Adds what a value is.
    pub(crate) fn add<T: Copy>(
        &mut self,
        value: ValueId,
        tensor: &ArrayD<T>,
        number: impl Fn(T) -> f64,
    ) {
        let Some((axis, sums)) = self.values.get_mut(&value) else { return };
        for (sum, elements) in sums.iter_mut().zip(tensor.axis_iter(Axis(*axis))) {
            *sum += elements.iter().map(|&x| number(x)).sum::<f64>();
        }
    }

    /// Adds what other samples are.
    pub(crate) fn join(&mut self, other: &Self) {
        self.samples += other.samples;
        for ((_, sums), (_, others)) in self.values.values_mut().zip(other.values.values()) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// The mean of each channel or feature that a layer reads, by its name; none where it is not
    /// finite.
    pub(crate) fn means(&self, graph: &Graph) -> BTreeMap<String, Vec<f64>> {
        let layers = graph.nodes.iter().filter_map(|node| {
            let (axis, input) = (axis(graph, node)?, *node.inputs.first()?);
            let (summed, sums) = self.values.get(&input)?;
            let each = graph.shape(input).iter().product::<usize>() / sums.len().max(1);
            let count = each * self.samples;
            let means: Vec<f64> = sums.iter().map(|sum| sum / count as f64).collect();
            let known = *summed == axis && means.iter().all(|mean| mean.is_finite());
            known.then(|| (node.name.clone(), means))
        });
        layers.collect()
    }
}
