//! Checks of what a network needs to generate: SliceAt and Greedy.

use super::site::{Bounds, Last, Site};
use crate::integer::graph::{Input, Quantisation};
use crate::tensor::window::element_count;

pub(super) fn slice_at(site: &Site<'_>, axis: usize, offset: i64) -> Result<Bounds, String> {
    let (shape, bounds) = (site.shape(0).to_vec(), site.bounds(0));
    let (Some(_), Some(&count)) = (shape.get(axis), site.node.shape.get(axis)) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut sliced = shape;
    sliced[axis] = count;
    site.expect_shape(&sliced)?;
    site.expect_same_quantisation(0..1)?;
    let at = integer(site, 1)?;
    if at.minimum.checked_add(offset).is_none_or(|first| first < 0) {
        return Err(format!("{} and an offset of {offset}: a negative index", at.minimum));
    }
    let zero = site.node.quantisation.zero_point;
    let (minimum, maximum) = (bounds.minimum.min(zero), bounds.maximum.max(zero));
    Ok(Bounds { minimum, maximum, last: bounds.last })
}

pub(super) fn greedy(site: &Site<'_>, hidden: bool, padding: i64) -> Result<Bounds, String> {
    let [ids, prompt, answer] = [0, 1, 2].map(|place| place + if hidden { 2 } else { 1 });
    let rows = element_count(&site.node.shape);
    let known = site.graph.inputs.get(site.node.inputs[ids]);
    let known = known.ok_or("its ids are no input of the graph")?;
    if !is_whole(known) || !(known.minimum..=known.maximum).contains(&padding) {
        return Err(format!("{padding} does not pad ids from {} on", known.minimum));
    }
    let length = element_count(&known.shape);
    let (prompt, answer) = (integer(site, prompt)?, integer(site, answer)?);
    let within = |input: &Input, most: Option<usize>| {
        input.minimum >= 1 && most.is_some_and(|most| input.maximum <= most as i64)
    };
    if !within(prompt, length) || !within(answer, rows.min(length)) {
        return Err("prompt and answer have at least one id, and no more than there are".into());
    }
    let shape = site.shape(0);
    let Some((&count, outer)) = shape.split_last() else {
        return Err("its logits are a scalar".into());
    };
    if element_count(outer) != rows || site.node.quantisation != WHOLE {
        return Err(format!("logits of {shape:?} for {:?} ids", site.node.shape));
    }
    let last = count as i64 - 1;
    if !hidden {
        return Ok(Bounds { minimum: 0, maximum: last, last: Last::Index });
    }
    let next = site.bounds(1);
    let ids = next.last == Last::No && site.quantisation(1) == WHOLE;
    if element_count(site.shape(1)) != rows || !ids {
        return Err(format!("ids of {:?} behind {:?} rows", site.shape(1), site.node.shape));
    }
    let (minimum, maximum) = (next.minimum - last, next.maximum);
    Ok(Bounds { minimum, maximum, last: Last::Index })
}

const WHOLE: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

fn is_whole(input: &Input) -> bool {
    input.quantisation == WHOLE
}

/// An operand that is one integer of the graph's inputs.
fn integer<'a>(site: &Site<'a>, operand: usize) -> Result<&'a Input, String> {
    let input = site.graph.inputs.get(site.node.inputs[operand]);
    input
        .filter(|input| is_whole(input) && element_count(&input.shape) == Some(1))
        .ok_or_else(|| "what says how many, or where, is no single integer of an input".into())
}
