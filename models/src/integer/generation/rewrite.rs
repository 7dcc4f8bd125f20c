//! From a network of logits at all positions to one that generates.

use std::collections::BTreeMap;

use super::causal::{self, depends};
use super::options::{GenerationError, Options, ids_axis};
use super::rows::{Positions, Read, at_rows, reads};
use crate::integer::graph::{
    Graph, Input, Node, Operator, Output, Parts, Quantisation, ValueId, Weights,
};

/// What stands for itself.
const WHOLE: Quantisation = Quantisation { scale: 1.0, zero_point: 0 };

/// What is asked of a value by those who read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    /// Its chosen rows along a dimension.
    Rows(usize),
    /// All of it.
    Whole,
}

impl Graph {
    /// The network that generates what this one, from ids to logits, says.
    ///
    /// # Errors
    /// If it is no causal network from ids to logits, or has no room for such an answer.
    pub fn generating(self, options: &Options) -> Result<Self, GenerationError> {
        generating(self, options)
    }
}

fn generating(graph: Graph, options: &Options) -> Result<Graph, GenerationError> {
    let mut graph = graph;
    straighten(&mut graph);
    let &Options { tokens, padding, .. } = options;
    let wrong = |what: &str| GenerationError::Signature(what.into());
    let ([input], [output]) = (graph.inputs.as_slice(), graph.outputs.as_slice()) else {
        let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
        return Err(wrong(&format!("has {inputs} inputs and {outputs} outputs")));
    };
    if !graph.index_inputs()[0] || input.quantisation != WHOLE {
        return Err(wrong(&format!("reads numbers, not ids, as {:?}", input.name)));
    }
    let axis = ids_axis(input).ok_or_else(|| wrong("does not read one line of ids"))?;
    let length = input.shape[axis];
    if tokens == 0 || tokens >= length {
        return Err(GenerationError::Tokens { tokens, length });
    }
    let (minimum, maximum) = (input.minimum, input.maximum);
    if !(minimum..=maximum).contains(&padding) {
        return Err(GenerationError::Padding { padding, minimum, maximum });
    }
    let logits = output.value;
    if logits == 0 {
        return Err(wrong("puts its input out"));
    }
    let shape = graph.shape(logits).to_vec();
    let all = depends(&graph, 0, axis);
    let rows = causal::rows(&graph, &all, logits).map_err(GenerationError::LooksAhead)?;
    let long = shape.iter().filter(|&&length| length > 1).count();
    if rows + 1 >= shape.len() || long > 2 {
        return Err(wrong(&format!("puts {shape:?} out for {length} ids")));
    }
    if graph.parts.get(&logits).is_some_and(|parts| parts.each.iter().any(|p| *p != parts.each[0]))
    {
        return Err(GenerationError::Scales);
    }
    let name = output.name.clone();
    let plan = plan(&graph, logits, rows);
    let mut rewriting = Rewriting::new(graph, options);
    plan.into_iter().for_each(|chosen| rewriting.node(chosen));
    let value = rewriting.rows(logits, rows);
    Ok(rewriting.finish(value, name, axis, options))
}

/// Reads of a Reshape of a Reshape what the first one reads: the integers are the same, and rows
/// may be no dimension in between.
fn straighten(graph: &mut Graph) {
    let first = graph.inputs.len();
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let before = node.inputs.first().and_then(|value| value.checked_sub(first));
        let before = before.map(|before| &graph.nodes[before]);
        if let (Operator::Reshape, Some(before)) = (&node.operator, before)
            && before.operator == Operator::Reshape
        {
            graph.nodes[index].inputs = before.inputs.clone();
        }
    }
}

/// What becomes of a node.
enum Chosen {
    /// Nothing: it is a Reshape that nobody reads.
    Nothing,
    /// It is computed for all rows.
    Whole,
    /// For chosen rows alone: their dimension, and how it reads its operands.
    Rows(usize, Vec<Read>),
}

/// Which nodes are, from what is asked of their values.
fn plan(graph: &Graph, logits: ValueId, rows: usize) -> Vec<Chosen> {
    let mut wanted = vec![Wanted::Nothing; graph.inputs.len() + graph.nodes.len()];
    wanted[logits] = Wanted::Rows(rows);
    let mut plan = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let chosen = match wanted[graph.inputs.len() + index] {
            Wanted::Rows(axis) => match reads(graph, node, axis) {
                Some(of) => Chosen::Rows(axis, of),
                None => Chosen::Whole,
            },
            Wanted::Nothing if node.operator == Operator::Reshape => {
                plan.push(Chosen::Nothing);
                continue;
            }
            _ => Chosen::Whole,
        };
        for (operand, &value) in node.inputs.iter().enumerate() {
            let next = match &chosen {
                Chosen::Rows(_, of) => match of[operand] {
                    Read::Rows(axis) => Wanted::Rows(axis),
                    Read::Whole => Wanted::Whole,
                },
                _ => Wanted::Whole,
            };
            wanted[value] = match wanted[value] {
                Wanted::Nothing => next,
                known if known == next => known,
                _ => Wanted::Whole,
            };
        }
        plan.push(chosen);
    }
    plan.reverse();
    plan
}

/// A network in the making.
struct Rewriting {
    /// The nodes to come.
    nodes: std::vec::IntoIter<Node>,
    parts: BTreeMap<ValueId, Parts>,
    new: Graph,
    tokens: usize,
    /// What each value has become, and the chosen rows of it, by dimension.
    whole: Vec<Option<ValueId>>,
    chosen: BTreeMap<(ValueId, usize), ValueId>,
    /// Where each node is from now on.
    places: Vec<usize>,
}

/// The inputs of a network that generates.
const IDS: ValueId = 0;
const PROMPT: ValueId = 1;
const ANSWER: ValueId = 2;

impl Rewriting {
    fn new(old: Graph, &Options { tokens, hidden, .. }: &Options) -> Self {
        let ids = old.inputs[0].clone();
        let length = ids.shape.iter().product::<usize>() as i64;
        let count = |name: &str, maximum: i64| Input {
            // A name that the model does not have.
            name: if ids.name == name { format!("{name}.count") } else { name.into() },
            shape: vec![1],
            quantisation: WHOLE,
            minimum: 1,
            maximum,
        };
        // Of hidden ids all rows are proven, so there must be as many.
        let shortest = if hidden { tokens as i64 } else { 1 };
        let [prompt, answer] =
            [count("prompt_tokens", length - shortest), count("answer_tokens", tokens as i64)];
        let new = Graph {
            name: old.name,
            inputs: vec![ids, prompt, answer],
            nodes: Vec::new(),
            outputs: Vec::new(),
            parts: BTreeMap::new(),
        };
        Self {
            nodes: old.nodes.into_iter(),
            parts: old.parts,
            new,
            tokens,
            whole: vec![Some(IDS)],
            chosen: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    /// Rewrites the next node.
    fn node(&mut self, chosen: Chosen) {
        let Some(mut node) = self.nodes.next() else { return };
        let value = self.whole.len();
        if let Some(weights) = node.operator.weights_mut()
            && let Some(owner) = weights.owner()
        {
            *weights = Weights::Of(self.places[owner]);
        }
        let made = match chosen {
            Chosen::Nothing => {
                self.whole.push(None);
                return self.places.push(usize::MAX);
            }
            Chosen::Rows(axis, of) => {
                let pairs = node.inputs.iter().zip(of);
                let read = pairs.map(|(&input, read)| match read {
                    Read::Rows(axis) => self.rows(input, axis),
                    Read::Whole => self.known(input),
                });
                node.inputs = read.collect();
                if let Operator::Sum { constant, .. } = &mut node.operator
                    && !constant.is_empty()
                {
                    let row = at_rows(constant, &node.shape, &Positions::rows(axis, 0..1));
                    *constant = repeated(&row, &node.shape, axis, self.tokens);
                }
                node.shape[axis] = self.tokens;
                let made = self.push(node);
                self.chosen.insert((value, axis), made);
                self.whole.push(None);
                made
            }
            Chosen::Whole => {
                node.inputs = node.inputs.iter().map(|&input| self.known(input)).collect();
                let made = self.push(node);
                self.whole.push(Some(made));
                made
            }
        };
        // Of chosen rows there are other indices than scales by row have.
        let parts = self.parts.remove(&value);
        if let Some(parts) =
            parts.filter(|parts| self.new.shape(made)[parts.axis] == parts.each.len())
        {
            self.new.parts.insert(made, parts);
        }
        self.places.push(made - self.new.inputs.len());
    }

    /// All of a value: whoever reads it so has said so in the plan.
    fn known(&self, value: ValueId) -> ValueId {
        self.whole[value].unwrap_or(value)
    }

    /// The chosen rows of a value: computed so, or taken from all.
    fn rows(&mut self, value: ValueId, axis: usize) -> ValueId {
        if let Some(&made) = self.chosen.get(&(value, axis)) {
            return made;
        }
        let made = self.slice(self.known(value), axis, -1);
        self.chosen.insert((value, axis), made);
        made
    }

    /// As many rows of a value as an answer may have, from the prompt's length and `offset` on.
    fn slice(&mut self, value: ValueId, axis: usize, offset: i64) -> ValueId {
        let mut shape = self.new.shape(value).to_vec();
        shape[axis] = self.tokens;
        self.push(Node {
            name: format!("rows of the answer {}", self.new.nodes.len()),
            inputs: vec![value, PROMPT],
            operator: Operator::SliceAt { axis, offset },
            shape,
            quantisation: self.new.quantisation(value),
        })
    }

    fn push(&mut self, node: Node) -> ValueId {
        self.new.nodes.push(node);
        self.new.inputs.len() + self.new.nodes.len() - 1
    }

    /// Puts the next ids out, `logits` being those at chosen rows.
    fn finish(mut self, logits: ValueId, name: String, axis: usize, options: &Options) -> Graph {
        let &Options { tokens, padding, hidden } = options;
        let inputs = match hidden {
            false => vec![logits, IDS, PROMPT, ANSWER],
            // What stands behind each row is the likeliest id there, in all rows.
            true => vec![logits, self.slice(IDS, axis, 0), IDS, PROMPT, ANSWER],
        };
        let value = self.push(Node {
            name: "next ids".into(),
            inputs,
            operator: Operator::Greedy { hidden, padding },
            shape: vec![1, tokens],
            quantisation: WHOLE,
        });
        self.new.outputs.push(Output { name, value });
        self.new
    }
}

/// One row of a constant as many.
fn repeated(row: &[i64], shape: &[usize], axis: usize, count: usize) -> Vec<i64> {
    let inner: usize = shape[axis + 1..].iter().product();
    row.chunks(inner).flat_map(|row| row.repeat(count)).collect()
}
