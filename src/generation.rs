//! Generating with a compiled language model, and what is proven of it.

use ndarray::{ArrayD, IxDyn};
use zkinfer_models::integer::generation::{Generator, Run};
use zkinfer_models::integer::graph::{Graph, Input};
use zkinfer_models::integer::interpreter::Interpreter;

use crate::error::Error;
use crate::generate_error::GenerateError;

/// A prompt and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The ids of the prompt.
    pub prompt: Vec<i64>,
    /// The ids of the answer.
    pub answer: Vec<i64>,
    /// By their names: ids, what stands behind the answer too, and how many are what.
    inputs: Vec<(String, ArrayD<f32>)>,
}

impl Generated {
    /// Generates with a network up to `tokens` ids behind a prompt, each the likeliest. `told` is
    /// given each as soon as it is known, and says whether to go on.
    pub fn by(
        graph: &Graph,
        prompt: &[i64],
        tokens: usize,
        mut told: impl FnMut(i64) -> bool,
    ) -> Result<Self, Error> {
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
        let real = |integers: Vec<i64>| integers.into_iter().map(|id| id as f32).collect();
        let inputs = tensors(&generator, &line, [prompt.len(), answer.len()])
            .map(|(input, integers)| (input.name.clone(), shaped(&input.shape, real(integers))));
        Ok(Self { prompt: prompt.to_vec(), answer, inputs: inputs.to_vec() })
    }

    /// The input of this name, of whatever circuit of the network reads it.
    pub fn input(&self, name: &str) -> Option<&ArrayD<f32>> {
        self.inputs.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor)
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
    let named = tensors(generator, &ids, [prompt, 1]);
    let input = |input: &Input| {
        let (_, integers) = named.iter().find(|(named, _)| named.name == input.name)?;
        Some(shaped(&input.shape, integers.clone()))
    };
    let inputs: Vec<ArrayD<i64>> = graph.inputs.iter().filter_map(input).collect();
    let outputs = Interpreter::of_validated(graph).run(&inputs);
    let outputs = outputs.map_err(zkinfer_models::Error::from)?;
    let said = outputs[0].iter().nth(line.len() - prompt).copied().unwrap_or(0);
    // Of hidden ids by how much what stands there differs.
    Ok(if generator.hides() { generator.padding() - said } else { said })
}

/// The integers of the three inputs.
fn tensors<'g>(
    generator: &Generator<'g>,
    line: &[i64],
    lengths: [usize; 2],
) -> [(&'g Input, Vec<i64>); 3] {
    let [prompt, answer] = lengths.map(|length| vec![length as i64]);
    let [ids, prompts, answers] = generator.inputs();
    [(ids, line.to_vec()), (prompts, prompt), (answers, answer)]
}

fn shaped<T>(shape: &[usize], elements: Vec<T>) -> ArrayD<T> {
    match ArrayD::from_shape_vec(IxDyn(shape), elements) {
        Ok(tensor) => tensor,
        Err(_) => unreachable!("as many ids as the network reads"),
    }
}
