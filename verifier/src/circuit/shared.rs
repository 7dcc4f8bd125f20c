//! What many operators of a description may read, looked at once: a short operator may read much,
//! and reading a description must not take longer for that.

use std::collections::BTreeMap;

use crate::circuit::description::{Contract, Description, NodeId, Operator, Requantise, Weights};
use crate::circuit::function::{FunctionId, Values};

/// The sums of a row's positive weights, and of the sizes of its negative ones: all that bounds of
/// its products depend on.
pub(crate) type Sides = [i64; 2];

/// What the operators met so far share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The sides of public weights that several contractions read, by the node whose they are: a
    /// reader takes time in proportion to its rows then, of which it has factors.
    weights: BTreeMap<NodeId, Vec<Sides>>,
    functions: BTreeMap<FunctionId, Values>,
}

pub(crate) fn sides(row: &[i8]) -> Sides {
    // At most 2^27 weights of 8 bits: nothing overflows.
    let positive = row.iter().map(|&weight| i64::from(weight.max(0))).sum();
    let negative = row.iter().map(|&weight| i64::from(weight.min(0)).abs()).sum();
    [positive, negative]
}

impl Shared {
    /// Adds what an operator reads and others may read too.
    pub(crate) fn add(&mut self, description: &Description, operator: &Operator) {
        match operator {
            Operator::Contract(Contract { weights: Weights::PublicOf(owner), .. }) => {
                let Some(contract) = description.contraction(*owner) else { return };
                let Some(weights) = contract.weights.public() else { return };
                let depth = weights.len().checked_div(contract.rows).unwrap_or(0).max(1);
                let rows = || weights.chunks(depth).map(sides).collect();
                self.weights.entry(*owner).or_insert_with(rows);
            }
            Operator::Requantise(Requantise { function: number, .. }) => {
                let Some(function) = description.functions.get(*number) else { return };
                self.functions.entry(*number).or_insert_with(|| Values::of(function));
            }
            _ => {}
        }
    }

    /// The sides of a row of the public weights of a node.
    pub(crate) fn sides(&self, owner: NodeId, row: usize) -> Option<Sides> {
        self.weights.get(&owner)?.get(row).copied()
    }

    /// What is asked of a function.
    pub(crate) fn values(&self, number: FunctionId) -> Option<Values> {
        self.functions.get(&number).copied()
    }
}
