//! A network cut in segments, each a circuit of its own, whose proofs form a chain.

use zkinfer_circuits::{Exposure, Objective, Plan, compile_with, lower, optimise};
use zkinfer_models::Quantised;
use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::integer::split::Cut;
use zkinfer_models::quantise::counterparts::Counterparts;
use zkinfer_verifier::{Visibility, usable_rows};

use crate::circuit::Circuit;
use crate::error::Error;

/// Cuts a network in `count` segments at its cheapest boundaries and compiles each. The tensors
/// between them are sealed; `exposure` says the rest. All segments have the same number of rows, so
/// that a seal of one fits the next.
pub fn compile_segments(
    quantised: &Quantised,
    exposure: &Exposure,
    objective: Objective,
    count: usize,
) -> Result<Vec<Circuit>, Error> {
    let graph = &quantised.graph;
    let whole = optimise::plan(&lower::lower(graph, exposure)?, objective)?;
    let usable = usable_rows(whole.k);
    let cuts = graph.cuts();
    let chosen = cheapest(graph, &cuts, count, usable);
    let chosen = chosen.ok_or(Error::TooFewCuts { segments: count, possible: cuts.len() + 1 })?;
    let graphs = graph.split(&chosen)?;
    let lowered = graphs.iter().enumerate().map(|(index, graph)| {
        let inner = |outer: &[Visibility], edge: bool| {
            if edge { outer.to_vec() } else { vec![Visibility::Sealed] }
        };
        let exposure = Exposure {
            weights: exposure.weights,
            inputs: inner(&exposure.inputs, index == 0),
            outputs: inner(&exposure.outputs, index + 1 == graphs.len()),
        };
        lower::lower(graph, &exposure)
    });
    let lowered = lowered.collect::<Result<Vec<_>, _>>()?;

    let best: Vec<_> =
        lowered.iter().map(|l| optimise::plans_by_rows(l, objective)).collect::<Result<_, _>>()?;
    let total = |k: u32| -> Option<(f64, Vec<Plan>)> {
        let plans: Option<Vec<(f64, Plan)>> =
            best.iter().map(|plans| plans.get(&k).copied()).collect();
        plans.map(|plans| {
            (
                plans.iter().map(|(score, _)| score).sum(),
                plans.into_iter().map(|(_, plan)| plan).collect(),
            )
        })
    };
    let (_, plans) = (zkinfer_verifier::MIN_K..=optimise::LARGEST_K)
        .filter_map(total)
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .ok_or(zkinfer_circuits::Error::NoPlan { largest_k: optimise::LARGEST_K })?;
    let circuits = graphs.into_iter().zip(lowered).zip(&plans).map(|((graph, lowered), plan)| {
        let report = quantised.report.part(&graph);
        let key = compile_with(lowered, plan)?.into_key();
        Circuit::new(graph, report, Counterparts::default(), key)
    });
    circuits.collect()
}

/// The cuts for `count` segments: as few sealed columns as possible between them, then the largest
/// segment as small as possible.
fn cheapest(graph: &Graph, cuts: &[Cut], count: usize, usable: usize) -> Option<Vec<usize>> {
    let mut loads = vec![0usize];
    for node in &graph.nodes {
        let moves = matches!(
            node.operator,
            Operator::Reshape | Operator::Transpose { .. } | Operator::Slice { .. }
        );
        let load: usize = if moves { 0 } else { node.shape.iter().product() };
        loads.push(loads[loads.len() - 1] + load);
    }
    let load = |from: usize, to: usize| loads[to] - loads[from];
    // For each number of segments so far and each place where the last of them may end: cost and
    // cuts.
    type Best = Option<((usize, usize), Vec<usize>)>;
    let mut ends: Vec<Best> = cuts
        .iter()
        .map(|cut| Some(((cut.elements.div_ceil(usable), load(0, cut.node + 1)), vec![cut.node])))
        .collect();
    let extend = |ends: &[Best], node: usize, columns: usize| -> Best {
        let earlier = ends
            .iter()
            .flatten()
            .filter(|(_, nodes)| nodes.last().is_some_and(|&last| last < node));
        let costs = earlier.map(|((sum, largest), nodes)| {
            let from = nodes.last().map_or(0, |last| last + 1);
            ((sum + columns, (*largest).max(load(from, node + 1))), nodes)
        });
        costs
            .min_by_key(|(cost, _)| *cost)
            .map(|(cost, nodes)| (cost, [nodes.as_slice(), &[node]].concat()))
    };
    match count {
        0 => return None,
        1 => return Some(Vec::new()),
        _ => {}
    }
    for _ in 2..count {
        ends =
            cuts.iter().map(|cut| extend(&ends, cut.node, cut.elements.div_ceil(usable))).collect();
    }
    let (_, mut nodes) = extend(&ends, graph.nodes.len() - 1, 0)?;
    nodes.pop();
    Some(nodes)
}
