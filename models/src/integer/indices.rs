//! Which inputs are indices of tables: outside its range such a number means nothing, so nothing
//! near it may stand in for it.

use super::graph::{Graph, Operator};

impl Graph {
    /// For each input, whether a table is looked up by its elements, moved or added to others.
    pub fn index_inputs(&self) -> Vec<bool> {
        let mut index = vec![false; self.inputs.len() + self.nodes.len()];
        for (position, node) in self.nodes.iter().enumerate().rev() {
            // How many, and where, is as little near as an index.
            let lengths = match &node.operator {
                Operator::SliceAt { .. } => node.inputs.get(1..),
                Operator::Greedy { .. } => node.inputs.get(node.inputs.len().saturating_sub(3)..),
                _ => None,
            };
            for &length in lengths.unwrap_or_default() {
                index.get_mut(length).into_iter().for_each(|known| *known = true);
            }
            let passed_on = match &node.operator {
                Operator::Lookup { .. } => true,
                Operator::Reshape
                | Operator::Transpose { .. }
                | Operator::Slice { .. }
                | Operator::Pad { .. }
                | Operator::Concat { .. }
                | Operator::Sum { .. } => index[self.inputs.len() + position],
                _ => false,
            };
            if passed_on {
                // Only a graph that was not validated reads what does not exist.
                for &input in &node.inputs {
                    if let Some(known) = index.get_mut(input) {
                        *known = true;
                    }
                }
            }
        }
        index.truncate(self.inputs.len());
        index
    }
}
