//! Ranges that are made the same, so that layers with the same weights have the same scales.
//!
//! Snapped to its own scales, a weight that two layers read would be two integers. Where ranges
//! differ by little, as those of two branches alike or of the steps of a recurrent network do, both
//! sides of all these layers are quantised over what covers them: their factors are the same, and
//! so are weights and multipliers, and nothing costs more. Where they differ by more, the integers
//! are the first layer's, and multipliers give way (`shared`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::float::accumulators::Sums;
use crate::float::graph::{Graph, Operator};
use crate::float::layer::Layer;
use crate::float::range::Range;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;

/// A range is widened by this factor at most: a scale loses little more than half a bit.
const WIDENED: f32 = 1.5;

/// Weights that a layer is told apart by before all are compared.
const LOOKED_AT: usize = 64;

/// What layers with the same weights have in common, and few others: their number, rows, and some
/// of them.
pub(super) fn fingerprint(layer: &Layer) -> (usize, usize, u64) {
    let mut hasher = DefaultHasher::new();
    let count = match layer {
        Layer::Real { weights, .. } | Layer::Known { weights, .. } => {
            let stride = weights.len().div_ceil(LOOKED_AT).max(1);
            weights.iter().step_by(stride).for_each(|weight| weight.to_bits().hash(&mut hasher));
            weights.len()
        }
        Layer::Integer { weights, .. } => {
            let stride = weights.len().div_ceil(LOOKED_AT).max(1);
            weights.iter().step_by(stride).for_each(|weight| weight.hash(&mut hasher));
            weights.len()
        }
    };
    (layer.channels(), count, hasher.finish())
}

/// Whether two layers have the same weights, bit for bit, in as many rows.
pub(super) fn same_weights(one: &Layer, other: &Layer) -> bool {
    one.channels() == other.channels()
        && match (one, other) {
            (Layer::Real { weights, .. }, Layer::Real { weights: others, .. }) => {
                let (weights, others) = (weights.iter(), others.iter());
                weights.map(|weight| weight.to_bits()).eq(others.map(|other| other.to_bits()))
            }
            (Layer::Integer { weights, .. }, Layer::Integer { weights: others, .. }) => {
                weights == others
            }
            _ => false,
        }
}

/// The layers that read the same real weights, two or more of them together.
fn groups(graph: &Graph) -> Vec<Vec<usize>> {
    let mut groups: Vec<(&Layer, Vec<usize>)> = Vec::new();
    let mut places: HashMap<(usize, usize, u64), Vec<usize>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let layer = match &node.operator {
            Operator::Conv { layer, .. } | Operator::Gemm { layer } => layer,
            _ => continue,
        };
        if !matches!(layer, Layer::Real { .. }) {
            continue;
        }
        let known = places.entry(fingerprint(layer)).or_default();
        match known.iter().find(|&&group| same_weights(groups[group].0, layer)) {
            Some(&group) => groups[group].1.push(index),
            None => {
                known.push(groups.len());
                groups.push((layer, vec![index]));
            }
        }
    }
    groups.into_iter().map(|(_, layers)| layers).filter(|layers| layers.len() > 1).collect()
}

/// The ranges that values are quantised over, and those of what fused activations read.
pub(super) struct Measured<'r> {
    pub(super) ranges: &'r mut [Range],
    pub(super) arguments: &'r mut [Range],
}

impl Measured<'_> {
    /// Widens what layers with the same weights read and make. Grids that the file gives, and whole
    /// values that are `kept` as they are, stay.
    pub(super) fn tie(self, graph: &Graph, sums: &[Sums], kept: &[Option<Grid>]) {
        let given = graph.grids();
        let free = |value: &ValueId| given[*value].is_none() && kept[*value].is_none();
        for layers in groups(graph) {
            let read = layers.iter().map(|&index| graph.source(graph.nodes[index].inputs[0]));
            let mut read: Vec<ValueId> = read.filter(free).collect();
            let made = layers.iter().map(|&index| match sums[graph.result(index)] {
                Sums::Added(add) => graph.result(add),
                Sums::Rescaled | Sums::PutOut | Sums::Scores | Sums::Stream => graph.result(index),
            });
            let mut made: Vec<ValueId> = made.filter(free).collect();
            for values in [&mut read, &mut made] {
                values.sort_unstable();
                values.dedup();
            }
            widen(self.ranges, &read);
            widen(self.ranges, &made);
            let made = made.into_iter().filter_map(|value| graph.producer(value));
            widen(self.arguments, &made.collect::<Vec<_>>());
        }
    }
}

fn width(range: Range) -> f32 {
    range.maximum - range.minimum
}

/// Gives ranges that are of like width what covers them all.
fn widen(ranges: &mut [Range], places: &[usize]) {
    let mut places = places.to_vec();
    places.sort_by(|&a, &b| width(ranges[b]).total_cmp(&width(ranges[a])));
    let mut alike: Vec<(Range, Vec<usize>)> = Vec::new();
    for place in places {
        let range = ranges[place];
        // The widest come first; what is always zero has no range to lose.
        let fits =
            |all: &Range| width(range) == 0.0 || width(all.and(range)) <= WIDENED * width(range);
        match alike.iter_mut().find(|(all, _)| fits(all)) {
            Some((all, members)) => {
                *all = all.and(range);
                members.push(place);
            }
            None => alike.push((range, vec![place])),
        }
    }
    for (all, members) in alike {
        members.into_iter().for_each(|place| ranges[place] = all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(minimum: f32, maximum: f32) -> Range {
        Range { minimum, maximum }
    }

    #[test]
    fn ranges_of_like_width_become_one() {
        let mut ranges = [
            range(-1.0, 1.0),
            range(0.0, 9.0),
            range(-0.8, 1.1),
            range(0.0, 0.5),
            Range::ZERO,
            range(-5.0, 5.0),
            range(-1.0, 0.2),
        ];
        widen(&mut ranges, &[0, 1, 2, 3, 4, 6]);
        let expected = [
            range(-1.0, 1.1),
            range(0.0, 9.0),
            range(-1.0, 1.1),
            range(0.0, 0.5),
            range(0.0, 9.0),
            range(-5.0, 5.0),
            range(-1.0, 0.2),
        ];
        assert_eq!(ranges, expected);
    }
}
