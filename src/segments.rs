//! A network cut in segments, each a circuit of its own, whose proofs form a chain.

use zkinfer_circuits::optimise::Loads;
use zkinfer_circuits::{Exposure, Objective, compile_with, lower, optimise};
use zkinfer_models::Quantised;
use zkinfer_models::integer::graph::Graph;
use zkinfer_models::integer::split::Cut;
use zkinfer_models::quantise::counterparts::Counterparts;
use zkinfer_verifier::Visibility;

use crate::circuit::Circuit;
use crate::error::Error;

/// Cuts a network in `count` segments, the longest of which takes as little as possible to prove,
/// and compiles each. The tensors between them are sealed; `exposure` says the rest. All segments
/// have the same number of rows, so that a seal of one fits the next.
pub fn compile_segments(
    quantised: &Quantised,
    exposure: &Exposure,
    objective: Objective,
    count: usize,
) -> Result<Vec<Circuit>, Error> {
    let graph = &quantised.graph;
    let whole = lower::lower(graph, exposure)?;
    let loads = optimise::loads(graph, &whole, &optimise::plan(&whole, objective)?)?;
    drop(whole);
    // Nobody sees whether two segments read the same private input.
    let cuts = graph.cuts(|input| exposure.inputs.get(input) != Some(&Visibility::Private));
    let chosen = lightest(graph, &cuts, count, &loads);
    let private = |&at: &usize| exposure.inputs.get(at) == Some(&Visibility::Private);
    let chosen = chosen.ok_or_else(|| Error::TooFewCuts {
        segments: count,
        possible: cuts.len() + 1,
        private: (0..graph.inputs.len()).find(private).map(|at| graph.inputs[at].name.clone()),
    })?;
    let graphs = graph.split(&chosen)?;
    let lowered = graphs.iter().enumerate().map(|(index, segment)| {
        let last = index + 1 == graphs.len();
        let before = index.checked_sub(1).map_or(0, |before| graphs[before].outputs.len());
        let crossing = |count| vec![Visibility::Sealed; count];
        let own = segment.inputs.iter().skip(before).map(|input| {
            let whole = graph.inputs.iter().position(|whole| whole.name == input.name);
            whole.and_then(|whole| exposure.inputs.get(whole)).copied().unwrap_or_default()
        });
        let exposure = Exposure {
            weights: exposure.weights,
            inputs: crossing(before).into_iter().chain(own).collect(),
            outputs: match last {
                true => exposure.outputs.clone(),
                false => crossing(segment.outputs.len()),
            },
        };
        lower::lower(segment, &exposure)
    });
    let lowered = lowered.collect::<Result<Vec<_>, _>>()?;

    let plans = optimise::plans_sharing_rows(&lowered, objective)?;
    let circuits = graphs.into_iter().zip(lowered).zip(&plans).map(|((graph, lowered), plan)| {
        let report = quantised.report.part(&graph);
        let key = compile_with(lowered, plan)?.into_key();
        Circuit::new(graph, report, Counterparts::default(), key)
    });
    circuits.collect()
}

/// The cuts for `count` segments: the segment that takes longest as short as possible, and then as
/// little as possible between them.
fn lightest(graph: &Graph, cuts: &[Cut], count: usize, loads: &Loads) -> Option<Vec<usize>> {
    let mut until = vec![0.0];
    for load in &loads.nodes {
        until.push(until.last().copied().unwrap_or(0.0) + load);
    }
    // What a segment between two cuts takes: a sealed input has cells of its own to be looked up.
    let load = |from: Option<&Cut>, to: Option<&Cut>| {
        let (first, input) = from.map_or((0, 0), |cut| (cut.node + 1, cut.elements));
        let last = to.map_or(graph.nodes.len(), |cut| cut.node + 1);
        until[last] - until[first] + loads.cell * input as f64
    };
    if count < 2 {
        return (count == 1).then(Vec::new);
    }
    // For each cut, the best way to end one more segment there: the largest load so far, the
    // elements of all cuts so far, and which cuts.
    type Best = Option<(f64, usize, Vec<usize>)>;
    let mut ends: Vec<Best> = cuts
        .iter()
        .enumerate()
        .map(|(place, cut)| Some((load(None, Some(cut)), cut.elements, vec![place])))
        .collect();
    let extend = |ends: &[Best], to: Option<&Cut>, place: usize| -> Best {
        let earlier = ends[..place].iter().zip(cuts);
        let extended = earlier.filter_map(|(end, from)| {
            let (largest, elements, places) = end.as_ref()?;
            let elements = elements + to.map_or(0, |cut| cut.elements);
            Some((largest.max(load(Some(from), to)), elements, places))
        });
        let least = extended.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let further = |places: &Vec<usize>| [places.as_slice(), &[place]].concat();
        least.map(|(largest, elements, places)| (largest, elements, further(places)))
    };
    for _ in 2..count {
        ends = cuts.iter().enumerate().map(|(at, cut)| extend(&ends, Some(cut), at)).collect();
    }
    let (_, _, mut places) = extend(&ends, None, cuts.len())?;
    places.pop();
    Some(places.into_iter().map(|place| cuts[place].node).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkinfer_models::integer::graph::{Function, Node, Operator, Quantisation};

    /// A chain of nodes, cut after any of them.
    fn chain(loads: &[f64], elements: &[usize]) -> (Graph, Vec<Cut>, Loads) {
        let node = |index: usize| Node {
            name: index.to_string(),
            inputs: vec![index],
            operator: Operator::Activation(Function::clamp(0, 1)),
            shape: vec![1],
            quantisation: Quantisation { scale: 1.0, zero_point: 0 },
        };
        let nodes = (0..loads.len()).map(node).collect();
        let graph = Graph {
            name: "g".into(),
            inputs: Vec::new(),
            nodes,
            outputs: Vec::new(),
            parts: std::collections::BTreeMap::new(),
        };
        let cut = |(node, &elements): (usize, &usize)| Cut { node, value: node + 1, elements };
        let cuts = elements.iter().enumerate().map(cut).collect();
        (graph, cuts, Loads { nodes: loads.to_vec(), cell: 0.001 })
    }

    fn chosen(loads: &[f64], elements: &[usize], count: usize) -> Option<Vec<usize>> {
        let (graph, cuts, loads) = chain(loads, elements);
        lightest(&graph, &cuts, count, &loads)
    }

    #[test]
    fn the_longest_segment_is_as_short_as_possible() {
        // A cut that nothing crosses but would leave all the work on one side.
        let loads = [4.0, 4.0, 4.0, 4.0, 0.1, 0.1];
        let elements = [100, 100, 100, 100, 1];
        assert_eq!(chosen(&loads, &elements, 2), Some(vec![1]));
        assert_eq!(chosen(&loads, &elements, 4), Some(vec![0, 1, 2]));
        // The work is in the middle.
        assert_eq!(chosen(&[1.0, 1.0, 9.0, 1.0], &[1; 3], 3), Some(vec![1, 2]));
    }

    #[test]
    fn of_equal_ones_that_with_less_between() {
        assert_eq!(chosen(&[3.0, 0.0, 3.0, 9.0], &[50, 3, 70], 2), Some(vec![2]));
        assert_eq!(chosen(&[9.0, 0.0, 0.0, 3.0], &[50, 3, 70], 2), Some(vec![1]));
    }

    #[test]
    fn what_crosses_is_work_for_who_reads_it() {
        // 4 + 5 with a thousand cells to look up are more than 5 + 4 with ten.
        assert_eq!(chosen(&[4.0, 1.0, 4.0], &[1000, 10], 2), Some(vec![1]));
        assert_eq!(chosen(&[4.0, 1.0, 4.5], &[10, 2000], 2), Some(vec![0]));
    }

    #[test]
    fn as_many_segments_as_there_are_cuts_for() {
        assert_eq!(chosen(&[1.0; 3], &[1; 2], 0), None);
        assert_eq!(chosen(&[1.0; 3], &[1; 2], 1), Some(vec![]));
        assert_eq!(chosen(&[1.0; 3], &[1; 2], 3), Some(vec![0, 1]));
        assert_eq!(chosen(&[1.0; 3], &[1; 2], 4), None);
        assert_eq!(chosen(&[1.0; 3], &[], 2), None);
    }
}
