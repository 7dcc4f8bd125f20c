//! Generating with a compiled language model, and what is proven of it.

use ndarray::{ArrayD, IxDyn};
use zkinfer_models::integer::generation::{Generator, Run};
use zkinfer_models::integer::interpreter::Interpreter;

use crate::circuit::Circuit;
use crate::error::Error;
use crate::generate_error::GenerateError;

/// A prompt and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The ids of the prompt.
    pub prompt: Vec<i64>,
    /// The ids of the answer.
    pub answer: Vec<i64>,
    /// All that the network reads: what stands behind the answer too.
    line: Vec<i64>,
}

impl Circuit {
    /// Generates up to `tokens` ids behind a prompt, each the likeliest. `told` is given each as
    /// soon as it is known, and says whether to go on.
    pub fn generate(
        &self,
        prompt: &[i64],
        tokens: usize,
        mut told: impl FnMut(i64) -> bool,
    ) -> Result<Generated, Error> {
        let graph = self.graph();
        let missing = || GenerateError::NoGenerator { name: graph.name.clone() };
        let generator = graph.generator().ok_or_else(missing)?;
        let end = check(&generator, prompt, tokens)?;
        let mut next = Next::new(&generator);
        let mut line = prompt.to_vec();
        let mut claimed = None;
        while line.len() < end {
            let id = next.after(&generator, &line)?;
            line.push(id);
            let answer = line.len() - prompt.len();
            if claimed.is_none() && (!told(id) || answer == tokens) {
                claimed = Some(answer);
                // Where ids are hidden, all that there is room for are proven.
                if !generator.hides() {
                    break;
                }
            }
        }
        let answer = claimed.unwrap_or(line.len() - prompt.len());
        let answer = line[prompt.len()..][..answer].to_vec();
        line.resize(generator.length(), generator.padding());
        Ok(Generated { prompt: prompt.to_vec(), answer, line })
    }
}

/// Whether a prompt and so long an answer can be; where generating ends.
fn check(generator: &Generator<'_>, prompt: &[i64], tokens: usize) -> Result<usize, GenerateError> {
    let (minimum, maximum) = (generator.input().minimum, generator.input().maximum);
    if prompt.is_empty() {
        return Err(GenerateError::Empty);
    }
    let unknown = prompt.iter().enumerate().find(|(_, id)| !(minimum..=maximum).contains(*id));
    if let Some((position, &id)) = unknown {
        return Err(GenerateError::Unknown { position, id, minimum, maximum });
    }
    let (most, length) = (generator.tokens(), generator.length());
    if tokens == 0 || tokens > most {
        return Err(GenerateError::Tokens { asked: tokens, most });
    }
    let answer = if generator.hides() { most } else { tokens };
    if prompt.len() + answer > length {
        return Err(GenerateError::Length { prompt: prompt.len(), answer, length });
    }
    Ok(prompt.len() + answer)
}

/// The next id, with the work of one row where the network allows it.
enum Next<'g> {
    Rows(Run<'g>, usize),
    Whole,
}

impl<'g> Next<'g> {
    fn new(generator: &Generator<'g>) -> Self {
        generator.run().map_or(Self::Whole, |run| Self::Rows(run, 0))
    }

    /// The likeliest id behind a line that has grown since.
    fn after(&mut self, generator: &Generator<'g>, line: &[i64]) -> Result<i64, Error> {
        match self {
            Self::Rows(run, known) => {
                let new = &line[*known..];
                *known = line.len();
                Ok(run.next(new))
            }
            Self::Whole => whole(generator, line),
        }
    }
}

/// The likeliest id behind a line, by a run of the whole network.
fn whole(generator: &Generator<'_>, line: &[i64]) -> Result<i64, Error> {
    let graph = generator.graph();
    let mut ids = line.to_vec();
    ids.resize(generator.length(), generator.padding());
    // The last prompt that there can be, and so many rows behind it.
    let prompt = (generator.most_of_prompt()).min(line.len());
    let inputs: Vec<ArrayD<i64>> = tensors(generator, &ids, [prompt, 1])
        .into_iter()
        .map(|(shape, integers)| shaped(&shape, integers))
        .collect();
    let outputs = Interpreter::of_validated(graph).run(&inputs);
    let outputs = outputs.map_err(zkinfer_models::Error::from)?;
    let said = outputs[0].iter().nth(line.len() - prompt).copied().unwrap_or(0);
    // Of hidden ids by how much what stands there differs.
    Ok(if generator.hides() { generator.padding() - said } else { said })
}

/// Shapes and integers of the three inputs.
fn tensors(
    generator: &Generator<'_>,
    line: &[i64],
    lengths: [usize; 2],
) -> [(Vec<usize>, Vec<i64>); 3] {
    let [prompt, answer] = lengths.map(|length| (vec![1], vec![length as i64]));
    [(generator.input().shape.clone(), line.to_vec()), prompt, answer]
}

fn shaped<T>(shape: &[usize], elements: Vec<T>) -> ArrayD<T> {
    match ArrayD::from_shape_vec(IxDyn(shape), elements) {
        Ok(tensor) => tensor,
        Err(_) => unreachable!("as many ids as the network reads"),
    }
}

impl Generated {
    /// The inputs of the circuit that generated it, in its order: ids, and how many are what.
    pub fn inputs(&self, circuit: &Circuit) -> Vec<ArrayD<f32>> {
        let Some(generator) = circuit.graph().generator() else { return Vec::new() };
        let lengths = [self.prompt.len(), self.answer.len()];
        let real = |integers: Vec<i64>| integers.into_iter().map(|id| id as f32).collect();
        tensors(&generator, &self.line, lengths)
            .into_iter()
            .map(|(shape, integers)| shaped(&shape, real(integers)))
            .collect()
    }
}
