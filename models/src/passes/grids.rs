//! QuantizeLinear into what it quantises: the operator before it then rounds once, from its accumulator straight to the grid, as onnxruntime's fused
//! integer operators do.

use crate::graph::{Graph, Grid, Operator};
use crate::quantised::ValueId;

pub(super) fn settle(graph: &mut Graph) {
    for input in 0..graph.inputs.len() {
        settle_input(graph, input);
    }
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let (true, Some(grid)) = (node.operator == Operator::Quantize, node.grid) else {
            continue;
        };
        let input = node.inputs[0];
        if graph.grid(input) == Some(grid) {
            graph.bypass(index, input);
            continue;
        }
        let Some(before) = graph.only_producer(index) else {
            continue;
        };
        if let Some(target) = computed_before(graph, before) {
            graph.nodes[target].grid = Some(grid);
            graph.nodes[before].value = graph.nodes[index].value.clone();
            graph.absorb(index, before);
        }
    }
}

/// An input that is only ever read quantised, always on one grid, is given on that grid.
fn settle_input(graph: &mut Graph, input: ValueId) {
    if graph.inputs[input].grid.is_some() || graph.is_output(input) {
        return;
    }
    let readers: Vec<usize> = graph.consumers().swap_remove(input);
    let grids = readers.iter().map(|&reader| {
        let node = &graph.nodes[reader];
        node.grid.filter(|_| node.operator == Operator::Quantize)
    });
    let grids: Option<Vec<Grid>> = grids.collect();
    if let Some([first, others @ ..]) = grids.as_deref()
        && others.iter().all(|other| other == first)
    {
        graph.inputs[input].grid = Some(*first);
        readers.into_iter().for_each(|reader| graph.bypass(reader, input));
    }
}

/// The node from `start` backwards whose result can be put on the grid: rounding commutes with views and MaxPool.
fn computed_before(graph: &Graph, start: usize) -> Option<usize> {
    let mut index = start;
    loop {
        let node = &graph.nodes[index];
        if node.grid.is_some() {
            return None;
        }
        if node.operator.computes() && !node.keeps_grid() {
            return Some(index);
        }
        if !node.operator.is_view() && !matches!(node.operator, Operator::MaxPool { .. }) {
            return None;
        }
        index = graph.only_producer(index)?;
    }
}
