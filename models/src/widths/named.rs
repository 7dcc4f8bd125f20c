//! Bits that people give to values by name.

use super::chosen::joined;
use crate::float::graph::{Graph, Operator};
use crate::integer::graph::ValueId;
use crate::quantise::settings::{Bits, Widths};

/// Bits of activations: `usual`, and others for those whose names fit a pattern, in which `*`
/// stands for anything. A later pattern goes before an earlier one.
///
/// # Errors
/// The first pattern that nothing fits.
pub fn activations(
    graph: &Graph,
    usual: Bits,
    others: &[(String, Bits)],
) -> Result<Widths, String> {
    let all = 0..graph.inputs.len() + graph.nodes.len();
    let found = found(graph, all, others)?;
    if found.is_empty() {
        return Ok(Widths::all(usual));
    }
    let mut bits = vec![usual; graph.inputs.len() + graph.nodes.len()];
    found.into_iter().for_each(|(value, own)| bits[value] = own);
    Ok(joined(graph, bits.into_iter().enumerate()))
}

/// Bits of the weights of layers, likewise.
///
/// # Errors
/// The first pattern that no layer fits.
pub fn weights(graph: &Graph, usual: Bits, others: &[(String, Bits)]) -> Result<Widths, String> {
    let mut widths = Widths::all(usual);
    let layers = layers(graph);
    let found = found(graph, layers.into_iter(), others)?;
    found.into_iter().for_each(|(value, bits)| widths.set(value, bits));
    Ok(widths)
}

/// The results of layers with real weights.
pub(super) fn layers(graph: &Graph) -> Vec<ValueId> {
    let nodes = graph.nodes.iter().enumerate();
    let real = nodes.filter(|(_, node)| node.operator.real_weights().is_some());
    real.map(|(index, _)| graph.result(index)).collect()
}

fn found(
    graph: &Graph,
    values: impl Iterator<Item = ValueId> + Clone,
    others: &[(String, Bits)],
) -> Result<Vec<(ValueId, Bits)>, String> {
    let mut found = Vec::new();
    for (pattern, bits) in others {
        let fitting = values.clone().filter(|&value| match graph.producer(value) {
            None => fits(pattern, &graph.inputs[value].name),
            Some(index) => {
                let node = &graph.nodes[index];
                let named = fits(pattern, &node.name) || fits(pattern, &node.value);
                named && !matches!(node.operator, Operator::Constant(_))
            }
        });
        let before = found.len();
        found.extend(fitting.map(|value| (value, *bits)));
        if found.len() == before {
            return Err(pattern.clone());
        }
    }
    Ok(found)
}

/// Whether a name is what a pattern says, with anything in the place of each `*`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => name.strip_prefix(before).is_some_and(|name| {
            let mut starts = name.char_indices().map(|(start, _)| start).chain([name.len()]);
            starts.any(|start| fits(rest, &name[start..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, expected) in [
            ("logits", "logits", true),
            ("logits", "logits.T", false),
            ("*gated", "blk.3.gated", true),
            ("*gated", "blk.3.gated/2", false),
            ("blk.*.ffn*", "blk.3.ffn_down", true),
            ("*", "", true),
            ("a*b*", "abb", true),
            ("a*b*c", "abb", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
