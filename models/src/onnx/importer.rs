//! The state of an import: the graph built so far and what each ONNX value name stands for.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use super::call::Call;
use super::constant::Constant;
use crate::graph::{Graph, Input, Node, Operator};
use crate::quantised::ValueId;
use crate::window::{MAX_ELEMENTS, element_count};

/// Why the import of a node ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The node is at fault.
    Because(String),
    /// A node before it was refused; this one cannot be judged.
    Blocked,
}

impl Stop {
    pub(super) fn because(reason: &str) -> Self {
        Self::Because(reason.to_owned())
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}

/// What a value name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    Computed(ValueId),
    Constant(Constant),
    /// The result of a node that was refused.
    Refused,
}

/// An operand of a node.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Computed(ValueId),
    Constant(Constant),
}

pub(super) struct Importer<'a> {
    pub(super) graph: Graph,
    /// Facts that people should know about the import.
    pub(super) notes: Vec<String>,
    /// First outputs of nodes that were dropped although they compute something: the float reference shall drop them too.
    pub(super) skipped: Vec<String>,
    values: HashMap<&'a str, Binding>,
    consumers: HashMap<&'a str, Vec<&'a NodeProto>>,
    outputs: HashSet<&'a str>,
    pub(super) directory: Option<&'a str>,
}

impl<'a> Importer<'a> {
    pub(super) fn new(name: String, inputs: Vec<Input>, proto: &'a GraphProto, directory: Option<&'a str>) -> Self {
        let mut values = HashMap::new();
        for (id, input) in proto.input.iter().enumerate() {
            values.insert(input.name.as_str(), Binding::Computed(id));
        }
        let mut consumers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
        for node in &proto.node {
            for input in &node.input {
                consumers.entry(input.as_str()).or_default().push(node);
            }
        }
        Self {
            graph: Graph { name, inputs, nodes: Vec::new(), outputs: Vec::new() },
            notes: Vec::new(),
            skipped: Vec::new(),
            values,
            consumers,
            outputs: proto.output.iter().map(|output| output.name.as_str()).collect(),
            directory,
        }
    }

    /// Gives a value name its meaning; `Err` if it has one already.
    pub(super) fn bind(&mut self, name: &'a str, binding: Binding) -> Result<(), String> {
        match self.values.insert(name, binding) {
            None => Ok(()),
            Some(_) => Err(format!("value `{name}` is defined twice")),
        }
    }

    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.values.get(name)
    }

    /// The nodes that read a value.
    pub(super) fn consumers(&self, name: &str) -> &[&'a NodeProto] {
        self.consumers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Says which value a node computes.
    pub(super) fn define(&mut self, call: &Call<'a>, value: ValueId) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Computed(value))?)
    }

    /// Says that a node computes a constant.
    pub(super) fn define_constant(&mut self, call: &Call<'a>, constant: Constant) -> Result<(), Stop> {
        Ok(self.bind(call.output()?, Binding::Constant(constant))?)
    }

    pub(super) fn is_graph_output(&self, name: &str) -> bool {
        self.outputs.contains(name)
    }

    /// The `index`th operand, if it is given.
    pub(super) fn optional(&self, call: &Call<'a>, index: usize) -> Result<Option<Operand>, Stop> {
        let Some(name) = call.input(index) else {
            return Ok(None);
        };
        match self.values.get(name) {
            Some(Binding::Computed(id)) => Ok(Some(Operand::Computed(*id))),
            Some(Binding::Constant(constant)) => Ok(Some(Operand::Constant(constant.clone()))),
            Some(Binding::Refused) | None => Err(Stop::Blocked),
        }
    }

    /// The `index`th operand.
    pub(super) fn operand(&self, call: &Call<'a>, index: usize) -> Result<Operand, Stop> {
        let operand = self.optional(call, index)?;
        operand.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand, which must be computed.
    pub(super) fn computed(&self, call: &Call<'a>, index: usize) -> Result<ValueId, Stop> {
        match self.operand(call, index)? {
            Operand::Computed(id) => Ok(id),
            Operand::Constant(_) => Err(Stop::Because(format!(
                "input {index} is a constant, expected a computed value; simplify the model (`onnxsim`) and import it again"
            ))),
        }
    }

    /// The `index`th operand, which must be a constant if it is given.
    pub(super) fn optional_constant(&self, call: &Call<'a>, index: usize) -> Result<Option<Constant>, Stop> {
        match self.optional(call, index)? {
            None => Ok(None),
            Some(Operand::Constant(constant)) => Ok(Some(constant)),
            Some(Operand::Computed(_)) => Err(Stop::Because(format!(
                "input {index} (`{}`) is computed, expected a constant",
                call.input(index).unwrap_or_default()
            ))),
        }
    }

    /// The `index`th operand, which must be a constant.
    pub(super) fn constant(&self, call: &Call<'a>, index: usize) -> Result<Constant, Stop> {
        let constant = self.optional_constant(call, index)?;
        constant.ok_or_else(|| Stop::Because(format!("input {index} is missing")))
    }

    /// The `index`th operand as a list of integers, if it is given.
    pub(super) fn integers(&self, call: &Call<'a>, index: usize) -> Result<Option<Vec<i64>>, Stop> {
        let constant = self.optional_constant(call, index)?;
        let integers = constant.map(|constant| constant.integers()).transpose();
        integers.map_err(|problem| Stop::Because(format!("input {index}: {problem}")))
    }

    /// Adds a node; gives the value it computes.
    pub(super) fn push(
        &mut self,
        call: &Call<'a>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        if element_count(&shape).is_none() {
            return Err(Stop::Because(format!(
                "its result has shape {shape:?}, which is empty or has more than {MAX_ELEMENTS} elements"
            )));
        }
        let value = call.output()?.to_owned();
        let earlier = self.graph.nodes.iter().rev();
        let name = match earlier.take_while(|node| node.value == value).count() {
            0 => call.name.clone(),
            pieces => format!("{}/{pieces}", call.name),
        };
        self.graph.nodes.push(Node { name, operator, fused: None, inputs, shape, value });
        Ok(self.graph.inputs.len() + self.graph.nodes.len() - 1)
    }

    /// A view of a computed value in another shape; the value itself if it has that shape.
    pub(super) fn reshape(&mut self, call: &Call<'a>, value: ValueId, shape: Vec<usize>) -> Result<ValueId, Stop> {
        if self.graph.shape(value) == shape {
            return Ok(value);
        }
        self.push(call, Operator::Reshape, vec![value], shape)
    }

    /// A view of a computed value with permuted dimensions.
    pub(super) fn transpose(
        &mut self,
        call: &Call<'a>,
        value: ValueId,
        permutation: Vec<usize>,
    ) -> Result<ValueId, Stop> {
        let shape = self.graph.shape(value);
        let shape = permutation.iter().map(|&axis| shape[axis]).collect();
        self.push(call, Operator::Transpose { permutation }, vec![value], shape)
    }

    /// A computed value broadcast to a shape: copies of it, one behind the other.
    pub(super) fn expand(&mut self, call: &Call<'a>, value: ValueId, shape: &[usize]) -> Result<ValueId, Stop> {
        let mut grown = vec![1; shape.len() - self.graph.shape(value).len()];
        grown.extend_from_slice(self.graph.shape(value));
        let mut value = self.reshape(call, value, grown.clone())?;
        for axis in 0..shape.len() {
            if grown[axis] != shape[axis] {
                grown[axis] = shape[axis];
                let copies = vec![value; shape[axis]];
                value = self.push(call, Operator::Concat { axis }, copies, grown.clone())?;
            }
        }
        Ok(value)
    }
}
