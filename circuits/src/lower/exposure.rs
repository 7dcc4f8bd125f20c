//! What a circuit shows: the visibility of weights, inputs and outputs.

use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_verifier::circuit::description::Visibility;

use crate::error::Error;

/// What proofs of a circuit show. Weights are all sealed or all public; each input and output has a
/// visibility of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// [`Visibility::Sealed`] or [`Visibility::Public`].
    pub weights: Visibility,
    /// One per input; those missing are public.
    pub inputs: Vec<Visibility>,
    /// One per output, public or sealed; those missing are public.
    pub outputs: Vec<Visibility>,
}

impl Default for Exposure {
    /// Sealed weights, public inputs and outputs.
    fn default() -> Self {
        Self { weights: Visibility::Sealed, inputs: Vec::new(), outputs: Vec::new() }
    }
}

impl Exposure {
    /// Everything public.
    pub fn public() -> Self {
        Self { weights: Visibility::Public, ..Self::default() }
    }

    /// Whether the graph has what is to be hidden.
    pub(super) fn check(&self, graph: &Graph) -> Result<(), Error> {
        let error = |name: &str, what| Err(Error::Malformed { node: name.into(), what });
        if self.weights == Visibility::Private {
            return error(
                &graph.name,
                "weights are public or sealed: private ones would be anyone's",
            );
        }
        if self.inputs.len() > graph.inputs.len() || self.outputs.len() > graph.outputs.len() {
            return error(&graph.name, "more visibilities are given than it has inputs or outputs");
        }
        for (output, &visibility) in graph.outputs.iter().zip(&self.outputs) {
            let index =
                output.value.checked_sub(graph.inputs.len()).and_then(|node| graph.nodes.get(node));
            let index = index.is_some_and(|node| {
                matches!(node.operator, Operator::ArgMax { .. } | Operator::Greedy { .. })
            });
            if visibility == Visibility::Private || (index && visibility != Visibility::Public) {
                return error(
                    &output.name,
                    "an output is public or sealed, and the index of an ArgMax public",
                );
            }
        }
        Ok(())
    }

    pub(super) fn input(&self, index: usize) -> Visibility {
        self.inputs.get(index).copied().unwrap_or_default()
    }

    pub(super) fn output(&self, index: usize) -> Visibility {
        self.outputs.get(index).copied().unwrap_or_default()
    }
}
