//! Sections of joined values: a Slice that lies within one part of a Concat reads that part.
//!
//! Heads of detectors join boxes and scores, and take them apart again to put the scores in order.
//! Joined, both would stand on one scale, which leaves the scores nothing.

use std::collections::BTreeMap;

use super::rebuild::{Rebuild, sweep};
use crate::float::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;

/// Transposes between a Concat and a Slice that are followed.
const LONGEST: usize = 16;

/// A Slice within a part of a Concat.
struct Section {
    concat: ValueId,
    part: ValueId,
    /// Where it starts in that part.
    start: usize,
    /// How the part is turned before, one after another.
    permutations: Vec<Vec<usize>>,
}

/// Takes apart what is joined only to be taken apart.
pub(super) fn separate(mut source: Graph) -> Graph {
    let consumers = source.consumers();
    let all: Vec<Option<Section>> =
        (0..source.nodes.len()).map(|index| find(&source, index)).collect();
    let mut apart: BTreeMap<ValueId, bool> = BTreeMap::new();
    for section in all.iter().flatten() {
        let judge = || in_sections(&source, &consumers, &all, section.concat, LONGEST);
        apart.entry(section.concat).or_insert_with(judge);
    }
    if !apart.values().any(|&apart| apart) {
        return source;
    }
    let mut rebuild = Rebuild::new(&source);
    for (node, section) in std::mem::take(&mut source.nodes).into_iter().zip(all) {
        match section.filter(|section| apart[&section.concat]) {
            Some(section) => replace(&mut rebuild, node, section),
            None => rebuild.keep(node),
        }
    }
    sweep(rebuild.finish(source))
}

fn find(graph: &Graph, index: usize) -> Option<Section> {
    let node = &graph.nodes[index];
    let Operator::Slice { mut axis, start, step } = node.operator else { return None };
    let steps = isize::try_from(node.shape[axis]).ok()?.checked_sub(1)?.checked_mul(step)?;
    let last = start.checked_add_signed(steps)?;
    let [first, last] = [start.min(last), start.max(last)];
    let mut permutations = Vec::new();
    let mut value = node.inputs[0];
    while permutations.len() < LONGEST {
        let producer = &graph.nodes[graph.producer(value)?];
        match &producer.operator {
            _ if producer.grid.is_some() => return None,
            Operator::Transpose { permutation } => {
                axis = permutation[axis];
                permutations.push(permutation.clone());
                value = producer.inputs[0];
            }
            Operator::Concat { axis: joined } if *joined == axis => {
                permutations.reverse();
                let mut before = 0;
                for &part in &producer.inputs {
                    let end = before + graph.shape(part)[axis];
                    if (before..end).contains(&first) && last < end {
                        let start = start - before;
                        return Some(Section { concat: value, part, start, permutations });
                    }
                    before = end;
                }
                return None;
            }
            _ => return None,
        }
    }
    None
}

/// Whether a value is only turned and read by sections of parts.
fn in_sections(
    graph: &Graph,
    consumers: &[Vec<usize>],
    sections: &[Option<Section>],
    value: ValueId,
    turns: usize,
) -> bool {
    let reads = |&index: &usize| match graph.nodes[index].operator {
        Operator::Slice { .. } => sections[index].is_some(),
        Operator::Transpose { .. } if turns > 0 => {
            in_sections(graph, consumers, sections, graph.result(index), turns - 1)
        }
        _ => false,
    };
    !graph.is_output(value) && consumers[value].iter().all(reads)
}

fn replace(rebuild: &mut Rebuild, node: Node, section: Section) {
    let mut value = rebuild.number(section.part);
    for (place, permutation) in section.permutations.into_iter().enumerate() {
        let from = rebuild.graph.shape(value);
        let shape = permutation.iter().map(|&axis| from[axis]).collect();
        let name = format!("{}/turned{place}", node.name);
        let operator = Operator::Transpose { permutation };
        value = rebuild.push(Node { name, operator, inputs: vec![value], shape, ..node.clone() });
    }
    let Operator::Slice { axis, step, .. } = node.operator else { return };
    let operator = Operator::Slice { axis, start: section.start, step };
    let value = rebuild.push(Node { operator, inputs: vec![value], ..node });
    rebuild.renumbered.push(Some(value));
}
