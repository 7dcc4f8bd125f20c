//! Nodes of the graph that is built.

use super::importer::Importer;
use crate::float::graph::{Node, Operator};
use crate::float::room;
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, shortened};

impl<'a> Importer<'a> {
    /// Adds a node; gives the value it computes.
    pub(in crate::onnx) fn push(
        &mut self,
        call: &Call<'a>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        self.push_on(call, operator, inputs, shape, None)
    }

    /// Adds a node whose result is quantised by the file.
    pub(in crate::onnx) fn push_on(
        &mut self,
        call: &Call<'a>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
        grid: Option<Grid>,
    ) -> Result<ValueId, Stop> {
        let value = shortened(call.output()?.to_owned());
        self.spend(operator.numbers())?;
        let node = Node {
            name: self.unique_name(&call.name),
            operator,
            fused: None,
            inputs,
            shape,
            value,
            grid,
        };
        let products =
            node.inputs.first().map_or(0, |&input| room::products(&node, self.graph.shape(input)));
        self.room.take(&node.shape, room::kept(&node), products).map_err(Stop::TooLarge)?;
        self.grids.push(match node.inputs.first() {
            Some(&input) if node.grid.is_none() && node.keeps_grid() => self.grids[input],
            _ => node.grid,
        });
        self.graph.nodes.push(node);
        Ok(self.graph.inputs.len() + self.graph.nodes.len() - 1)
    }

    /// The name itself, or if it is taken the name of a piece.
    fn unique_name(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        while self.names.contains_key(&unique) {
            let pieces = self.names.entry(name.to_owned()).or_default();
            *pieces += 1;
            unique = format!("{name}/{pieces}");
        }
        self.names.insert(unique.clone(), 0);
        unique
    }
}
