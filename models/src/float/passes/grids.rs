//! QuantizeLinear into what it quantises: the operator before it then rounds once, from its
//! accumulator straight to the grid, as onnxruntime's fused integer operators do.

use super::rewriting::Rewriting;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;

pub(super) fn settle(rewriting: &mut Rewriting) {
    let consumers = rewriting.graph.consumers();
    for (input, readers) in consumers.into_iter().enumerate().take(rewriting.graph.inputs.len()) {
        settle_input(rewriting, input, readers);
    }
    // How each value is quantised, as far as the pass has come.
    let mut grids: Vec<Option<Grid>> =
        rewriting.graph.inputs.iter().map(|input| input.grid).collect();
    for index in 0..rewriting.graph.nodes.len() {
        let node = rewriting.visit(index);
        let moved = node.inputs.first().filter(|_| node.grid.is_none() && node.keeps_grid());
        grids.push(moved.map_or(node.grid, |&input| grids[input]));
        let (&Operator::Quantize, Some(grid), &[input]) =
            (&node.operator, node.grid, node.inputs.as_slice())
        else {
            continue;
        };
        if grids[input] == Some(grid) {
            rewriting.bypass(index, input);
            continue;
        }
        let Some(before) = rewriting.only_producer(index) else {
            continue;
        };
        if let Some(path) = computed_before(rewriting, before) {
            for &moved in &path {
                grids[rewriting.graph.inputs.len() + moved] = Some(grid);
            }
            let target = path.last().copied().unwrap_or(before);
            rewriting.graph.nodes[target].grid = Some(grid);
            rewriting.graph.nodes[before].value = rewriting.graph.nodes[index].value.clone();
            rewriting.absorb(index, before);
        }
    }
}

/// An input that is only ever read quantised, always on one grid, is given on that grid.
fn settle_input(rewriting: &mut Rewriting, input: ValueId, readers: Vec<usize>) {
    let graph = &mut rewriting.graph;
    if graph.inputs[input].grid.is_some() || rewriting.put_out[input] {
        return;
    }
    let grids = readers.iter().map(|&reader| {
        let node = &graph.nodes[reader];
        node.grid.filter(|_| node.operator == Operator::Quantize)
    });
    let grids: Option<Vec<Grid>> = grids.collect();
    if let Some([first, others @ ..]) = grids.as_deref()
        && others.iter().all(|other| other == first)
    {
        graph.inputs[input].grid = Some(*first);
        readers.into_iter().for_each(|reader| rewriting.bypass(reader, input));
    }
}

/// The nodes from `start` backwards to the one whose result can be put on the grid: rounding
/// commutes with views and MaxPool.
fn computed_before(rewriting: &Rewriting, start: usize) -> Option<Vec<usize>> {
    let mut path = vec![start];
    let mut index = start;
    loop {
        let node = &rewriting.graph.nodes[index];
        if node.grid.is_some() {
            return None;
        }
        if node.operator.computes() && !node.keeps_grid() {
            return Some(path);
        }
        if !node.operator.is_view() && !matches!(node.operator, Operator::MaxPool { .. }) {
            return None;
        }
        index = rewriting.only_producer(index)?;
        path.push(index);
    }
}
