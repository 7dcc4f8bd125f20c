//! Prompt and answer of a statement about a generation.

use crate::circuit::description::Greedy;
use crate::error::Rejection;

/// What a statement says was given and what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation<'a> {
    /// All ids, prompt, answer and padding; none if they are hidden.
    pub ids: &'a [i64],
    /// How many of them are the prompt.
    pub prompt: i64,
    /// How many are the answer, behind it.
    pub answer: i64,
    /// How many ids there are in all, shown or not.
    pub length: usize,
}

impl<'a> Generation<'a> {
    /// That of the inputs that a key's next ids speak of, of which there are so many integers;
    /// none of a hidden one.
    pub(crate) fn of(
        greedy: &Greedy,
        length: usize,
        integers: impl Fn(usize) -> &'a [i64],
    ) -> Self {
        let only = |input| integers(input).first().copied().unwrap_or(0);
        let (prompt, answer) = (only(greedy.prompt), only(greedy.answer));
        Self { ids: integers(greedy.ids), prompt, answer, length }
    }

    /// The ids of the prompt and those of the answer, if they are public.
    pub fn parts(&self) -> Option<[&'a [i64]; 2]> {
        let [prompt, answer] = [self.prompt, self.answer].map(usize::try_from);
        let (prompt, behind) = self.ids.split_at_checked(prompt.ok()?)?;
        Some([prompt, behind.get(..answer.ok()?)?])
    }

    /// Whether prompt and answer fit, and where the ids are public whether each of the answer is
    /// the likeliest, which stand in `output`, and what pads stands behind it.
    pub(crate) fn check(&self, greedy: &Greedy, output: &[i64]) -> Result<(), Rejection> {
        let Self { ids, prompt, answer, length } = *self;
        let end = prompt.checked_add(answer).and_then(|end| usize::try_from(end).ok());
        let Some(end) = end.filter(|&end| end <= length) else {
            return Err(Rejection::GenerationLength { prompt, answer, length });
        };
        let Some([shown, next]) = self.parts() else {
            return Ok(());
        };
        let mut pairs = next.iter().zip(output).zip(shown.len()..);
        if let Some(((&got, &expected), position)) = pairs.find(|((got, best), _)| got != best) {
            return Err(Rejection::NextId { position, expected, got });
        }
        let expected = greedy.padding;
        let mut behind = ids.iter().zip(0usize..).skip(end);
        match behind.find(|&(&id, _)| id != expected) {
            Some((&got, position)) => Err(Rejection::Padding { position, expected, got }),
            None => Ok(()),
        }
    }
}
