//! Which layers have weights of more than 8 bits: a second digit where it takes most of the loss
//! for what it costs.
//!
//! A second digit doubles what a layer costs to seal and to fold, whatever its bits: so those that
//! have one have 12 bits, which leave a sixteenth of the error, and fewer bits to divide by than
//! 16. Losses of different layers add up, as those of activations do (`budget`). Layers get a digit
//! in the order of what it takes off the loss for each weight, until outputs are close enough, and
//! none whose share of the loss is below its share of the weights.

use super::aim::Aim;
use super::chosen::{Chosen, groups_to_tell, names, said_bits};
use super::groups::{self, Group};
use super::named;
use crate::compare::Comparison;
use crate::float::graph::Graph;
use crate::model::Error;
use crate::quantise::settings::{Bits, Options, Widths};

/// Samples on which the layers are told apart.
const FEW: usize = 2;
/// A digit for all layers has to lower the loss to so much of it.
const HELPS: f64 = 0.7;

/// Gives layers weights of 12 bits, where outputs are further off than they should be and it
/// helps.
///
/// # Errors
/// As [`Comparison::evaluate`].
pub fn choose_weights(
    comparison: &Comparison<'_>,
    chosen: Chosen,
    most: f64,
) -> Result<Chosen, Error> {
    let margins = comparison.margins(&chosen.quantised.graph)?;
    let aim = Aim { most, margins: &margins };
    if !aim.asks_for_more(&chosen.evaluation) {
        return Ok(chosen);
    }
    let graph = comparison.model.graph();
    let layers = named::layers(graph);
    let options = |wide: &mut dyn Iterator<Item = &Group>| {
        let mut weights = Widths::default();
        wide.flat_map(|group| &group.values).for_each(|&value| weights.set(value, Bits::TWELVE));
        Options { weights, ..chosen.options.clone() }
    };
    let few = FEW.min(chosen.evaluation.samples.max(1));
    let most_groups = groups_to_tell(graph, chosen.evaluation.samples, few);
    let groups =
        groups::grouped(graph, layers, most_groups, |value| weights_of(graph, value), |_| None);
    let mut rounds = 0;
    let mut loss = |options: &Options| {
        rounds += 1;
        Ok::<_, Error>(aim.loss(&comparison.evaluate_few(options, few)?))
    };
    let before = loss(&chosen.options)?;
    let floor = loss(&options(&mut groups.iter()))?;
    if floor > HELPS * before {
        return Ok(chosen);
    }
    // What the 8 bits of each add.
    let added = |group: usize| {
        let others = groups.iter().enumerate().filter(|(other, _)| *other != group);
        Ok((loss(&options(&mut others.map(|(_, other)| other)))? - floor).max(0.0))
    };
    let losses = (0..groups.len()).map(added).collect::<Result<Vec<f64>, Error>>()?;
    let sizes: Vec<usize> = groups.iter().map(|group| group.elements).collect();
    let picked = pick(floor, &losses, &sizes);
    if picked.is_empty() {
        return Ok(chosen);
    }
    let options = options(&mut picked.iter().map(|&group| &groups[group]));
    let evaluation = comparison.evaluate(&options)?;
    if aim.loss(&evaluation) >= aim.loss(&chosen.evaluation) {
        return Ok(chosen);
    }
    let mut quantised = comparison.quantise(&options)?;
    quantised.report.choices.extend(said_bits(&chosen.quantised));
    let wide = picked.iter().flat_map(|&group| groups[group].values.iter().copied());
    let count = |groups: &mut dyn Iterator<Item = usize>| groups.sum::<usize>();
    quantised.report.choices.push(format!(
        "weights of {} have 12 bits, two digits each, {} of {} weights: they take {:.0} % off the \
        square error that 8 bits leave; found in {rounds} rounds, `--weight-bits 8` keeps 8",
        names(graph, &wide.collect::<Vec<_>>()),
        count(&mut picked.iter().map(|&group| sizes[group])),
        count(&mut sizes.iter().copied()),
        100.0 * (1.0 - aim.loss(&evaluation) / aim.loss(&chosen.evaluation)),
    ));
    Ok(Chosen { options, quantised, evaluation, narrow: chosen.narrow })
}

fn weights_of(graph: &Graph, value: usize) -> usize {
    let node = graph.producer(value).map(|index| &graph.nodes[index].operator);
    node.and_then(|operator| operator.real_weights()).map_or(0, <[f32]>::len)
}

/// The groups that get a digit, from what their 8 bits add to a loss of `floor`.
fn pick(floor: f64, losses: &[f64], sizes: &[usize]) -> Vec<usize> {
    let (all, weights) = (losses.iter().sum::<f64>(), sizes.iter().sum::<usize>() as f64);
    let worth = |group: usize| losses[group] / sizes[group].max(1) as f64;
    let mut order: Vec<usize> =
        (0..losses.len()).filter(|&group| worth(group) * weights > all).collect();
    order.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)));
    let mut left = floor + all;
    order
        .into_iter()
        .take_while(|&group| {
            let goes_on = left > 1.0;
            left -= losses[group];
            goes_on
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_goes_where_it_takes_most_for_a_weight() {
        // What is left is enough after the first.
        assert_eq!(pick(0.1, &[1.0, 0.5, 0.2], &[1, 1, 1]), [0]);
        assert_eq!(pick(0.1, &[1.6, 2.5, 0.2], &[1, 1, 1]), [1, 0]);
        // The same loss of fewer weights comes first.
        assert_eq!(pick(0.0, &[3.0, 3.0], &[10, 1]), [1]);
        // Where nothing is enough, all but what costs more than it takes.
        assert_eq!(pick(5.0, &[3.0, 9.0, 0.1], &[10, 10, 10]), [1]);
        assert_eq!(pick(0.5, &[0.2, 0.2], &[1, 1]), [0; 0], "close enough");
    }
}
