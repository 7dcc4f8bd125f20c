//! What an output is bound to.

use serde::{Deserialize, Serialize};

/// Index of a node of a description.
type NodeId = usize;

/// What an output is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputSource {
    /// The values of a node.
    Node(NodeId),
    /// The index of the largest element along `axis`: cells prove `x[index] − x[j] − [j before
    /// index in the tie rule] ≥ 0`.
    ArgMax {
        /// The node whose elements are compared.
        input: NodeId,
        /// The dimension.
        axis: usize,
        /// Among equal elements the last one (ONNX `select_last_index`), else the first.
        select_last: bool,
    },
    /// The next ids of a language model, each the likeliest.
    Greedy(Greedy),
}

/// The next ids of a language model: at each of the last rows of a prompt and its answer, the
/// likeliest id is the one that follows. See `docs/argument/generation.md`.
///
/// The ids are an input, prompt and answer behind each other and then what pads; two more inputs
/// say how many of each there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Greedy {
    /// Index of the input that holds the ids.
    pub ids: usize,
    /// Index of the input that says how many of them are the prompt, at least one.
    pub prompt: usize,
    /// Index of the input that says how many are the answer, at most as many as there are rows.
    pub answer: usize,
    /// What stands behind the answer where the ids are public.
    pub padding: i64,
    /// How each of the likeliest ids is compared with the next one.
    pub choice: Choice,
}

/// How the likeliest ids meet those of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Choice {
    /// The ids are public. The output is the index of the largest element of each row along
    /// `axis`, the first among equal ones, and the statement's check compares.
    Shown {
        /// The node whose elements are compared.
        input: NodeId,
        /// Its last dimension.
        axis: usize,
    },
    /// The ids are not. Cells say which is the largest element of each row, and a node by how much
    /// what they say differs from what stands in the ids: by nothing, which is the output.
    Hidden {
        /// That node.
        difference: NodeId,
    },
}

/// The maximum whose index an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgMax {
    /// The node whose elements are compared.
    pub input: NodeId,
    /// The dimension.
    pub axis: usize,
    /// Among equal elements the last one, else the first.
    pub select_last: bool,
}

impl OutputSource {
    /// The maximum whose index it is, if it is one.
    pub fn arg_max(&self) -> Option<ArgMax> {
        match *self {
            Self::ArgMax { input, axis, select_last } => Some(ArgMax { input, axis, select_last }),
            Self::Greedy(Greedy { choice: Choice::Shown { input, axis }, .. }) => {
                Some(ArgMax { input, axis, select_last: false })
            }
            Self::Greedy(_) | Self::Node(_) => None,
        }
    }

    /// Whether it is the index of a maximum.
    pub fn is_index(&self) -> bool {
        self.arg_max().is_some()
    }

    /// The node that it reads.
    pub fn node(&self) -> NodeId {
        match *self {
            Self::Node(node) | Self::ArgMax { input: node, .. } => node,
            Self::Greedy(Greedy {
                choice: Choice::Shown { input: node, .. } | Choice::Hidden { difference: node },
                ..
            }) => node,
        }
    }

    /// The same, to change.
    pub fn node_mut(&mut self) -> &mut NodeId {
        match self {
            Self::Node(node) | Self::ArgMax { input: node, .. } => node,
            Self::Greedy(Greedy {
                choice: Choice::Shown { input: node, .. } | Choice::Hidden { difference: node },
                ..
            }) => node,
        }
    }

    /// The next ids that it is, if it is some.
    pub fn greedy(&self) -> Option<&Greedy> {
        match self {
            Self::Greedy(greedy) => Some(greedy),
            Self::Node(_) | Self::ArgMax { .. } => None,
        }
    }
}

impl Greedy {
    /// The inputs that it speaks of.
    pub fn inputs(&self) -> [usize; 3] {
        [self.ids, self.prompt, self.answer]
    }
}
