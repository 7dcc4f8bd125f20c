//! What a description must say of the inputs of a generation.

use crate::circuit::description::{
    Choice, Description, Greedy, Input, Quantisation, Scheme, Visibility,
};

/// Integers that stand for themselves.
const WHOLE: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });

/// Checks the next ids of an output with so many rows, whose elements are known to exist.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(
    greedy: &Greedy,
    description: &Description,
    rows: usize,
) -> Result<(), &'static str> {
    let input = |index: usize| description.inputs.get(index);
    let (Some(ids), Some(prompt), Some(answer)) =
        (input(greedy.ids), input(greedy.prompt), input(greedy.answer))
    else {
        return Err("it speaks of an input that does not exist");
    };
    let [a, b, c] = greedy.inputs();
    if a == b || b == c || a == c {
        return Err("ids, length of the prompt and of the answer are three inputs");
    }
    if [ids, prompt, answer].iter().any(|input| input.quantisation != WHOLE) {
        return Err("its ids and lengths are not integers that stand for themselves");
    }
    let length = ids.shape.iter().product();
    if !is_length(prompt, length) || !is_length(answer, length.min(rows)) {
        return Err("how many ids prompt and answer have are not two public integers in range");
    }
    if !(ids.minimum..=ids.maximum).contains(&greedy.padding) {
        return Err("what pads its ids is none");
    }
    let shown = matches!(greedy.choice, Choice::Shown { .. });
    if shown != (ids.visibility == Visibility::Public) {
        return Err("the likeliest ids are shown where the ids are public, and only there");
    }
    Ok(())
}

/// Whether an input is one public integer from 1 to `most` at most.
fn is_length(input: &Input, most: usize) -> bool {
    input.visibility == Visibility::Public
        && input.shape.iter().product::<usize>() == 1
        && input.minimum >= 1
        && usize::try_from(input.maximum).is_ok_and(|maximum| maximum <= most)
}
