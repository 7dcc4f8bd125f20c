//! The body of a loop, once for each iteration.
//!
//! What the body holds of constants is there once, and what it reads from outside stays what it is;
//! everything else has a name of its own in each iteration.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::control::rename;
use crate::limits::MAX_NODES;
use crate::onnx::build::import::import_nodes;
use crate::onnx::build::importer::{Binding, Importer};
use crate::onnx::error::Stop;
use crate::onnx::messages::{
    AttributeProto, AttributeType, DataType, GraphProto, NodeProto, TensorProto,
};
use crate::onnx::read::call::Call;

/// Bytes that all iterations' nodes have: an attribute of one is copied each time.
const MAX_COPIED: usize = 1 << 26;

pub(super) const ADVICE: &str = "unroll it when exporting: `torch.onnx.export(..., dynamo=True)` \
    traces loops over a fixed number of steps away, Keras layers take `unroll=True`";

/// A loop that is being unrolled.
pub(super) struct Unrolling<'a> {
    pub(super) body: &'a GraphProto,
    /// In front of the names that are its own.
    pub(super) label: String,
    opset: i64,
    /// What is made in each iteration anew.
    own: HashSet<&'a str>,
    /// What there is once for all iterations, under its name here.
    shared: HashMap<&'a str, String>,
    made: GraphProto,
}

impl<'a> Unrolling<'a> {
    pub(super) fn new(call: &Call<'a>, iterations: usize) -> Result<Self, Stop> {
        let body = call.graph("body")?;
        let body = body.ok_or_else(|| Stop::because("attribute `body` is missing"))?;
        let result = call.node.output.iter().find(|output| !output.is_empty());
        let label = format!("{}/{}", result.map_or("", String::as_str), call.node.op_type);
        let mut own = HashSet::new();
        defined(body, &mut own);
        let constants = body.node.iter().filter(|node| is_constant(node));
        let constants = constants.flat_map(|node| &node.output).map(String::as_str);
        let constants = constants.chain(body.initializer.iter().map(|tensor| tensor.name.as_str()));
        let shared: HashMap<&str, String> =
            constants.map(|name| (name, format!("{label}/{name}"))).collect();
        own.retain(|name| !shared.contains_key(name));
        let nodes = body.node.len().saturating_mul(iterations);
        let bytes: usize = body
            .node
            .iter()
            .filter(|node| !is_constant(node))
            .map(Message::encoded_len)
            .fold(0, usize::saturating_add);
        if nodes > MAX_NODES || bytes.saturating_mul(iterations) > MAX_COPIED {
            return Err(Stop::Because(format!(
                "{iterations} iterations of {} nodes are more than {MAX_NODES} nodes or \
                {MAX_COPIED} bytes of them; {ADVICE}",
                body.node.len()
            )));
        }
        let mut made = GraphProto::default();
        for tensor in &body.initializer {
            made.initializer
                .push(TensorProto { name: format!("{label}/{}", tensor.name), ..tensor.clone() });
        }
        let outside = HashMap::new();
        let mut unrolling = Self { body, label, opset: call.opset, own, shared, made };
        for node in body.node.iter().filter(|node| is_constant(node)) {
            let node = unrolling.renamed(node, 0, &outside, &call.name);
            unrolling.made.node.push(node);
        }
        Ok(unrolling)
    }

    /// A constant that the unrolling itself needs.
    pub(super) fn integers(&mut self, name: &str, shape: &[i64], values: &[i64]) -> String {
        let name = format!("{}/{name}", self.label);
        self.made.initializer.push(TensorProto {
            name: name.clone(),
            dims: shape.to_vec(),
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        name
    }

    /// The condition that always holds.
    pub(super) fn truth(&mut self) -> String {
        let name = format!("{}/condition", self.label);
        self.made.initializer.push(TensorProto {
            name: name.clone(),
            data_type: DataType::Bool as i32,
            int32_data: vec![1],
            ..TensorProto::default()
        });
        name
    }

    pub(super) fn push(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: String,
        axis: Option<i64>,
    ) {
        let attribute = axis.map(|axis| AttributeProto {
            name: "axis".into(),
            i: axis,
            r#type: AttributeType::Int as i32,
            ..AttributeProto::default()
        });
        self.made.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: output.clone(),
            output: vec![output],
            op_type: operator.into(),
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        });
    }

    /// Adds an iteration whose operands have these names; gives those of its results.
    pub(super) fn iterate(
        &mut self,
        number: usize,
        operands: &[String],
        node: &str,
    ) -> Vec<String> {
        let inputs = self.body.input.iter().map(|input| input.name.as_str());
        let outside: HashMap<&str, &str> =
            inputs.zip(operands.iter().map(String::as_str)).collect();
        for inner in self.body.node.iter().filter(|node| !is_constant(node)) {
            let inner = self.renamed(inner, number, &outside, node);
            self.made.node.push(inner);
        }
        let results = self.body.output.iter();
        results.map(|result| self.name(&result.name, number, &outside)).collect()
    }

    /// What a name of the body is called in an iteration.
    fn name(&self, name: &str, number: usize, outside: &HashMap<&str, &str>) -> String {
        if let Some(&outside) = outside.get(name) {
            return outside.to_owned();
        }
        if let Some(shared) = self.shared.get(name) {
            return shared.clone();
        }
        match self.own.contains(name) {
            true => format!("{}/{number}/{name}", self.label),
            false => name.to_owned(),
        }
    }

    fn renamed(
        &self,
        node: &NodeProto,
        number: usize,
        outside: &HashMap<&str, &str>,
        loop_name: &str,
    ) -> NodeProto {
        let mut node = node.clone();
        let names = node.input.iter_mut().chain(&mut node.output);
        names.for_each(|name| *name = self.name(name, number, outside));
        if !node.name.is_empty() {
            node.name = format!("{loop_name}/{number}/{}", node.name);
        }
        for graph in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            self.rename_graph(graph, number, outside, loop_name);
        }
        node
    }

    fn rename_graph(
        &self,
        graph: &mut GraphProto,
        number: usize,
        outside: &HashMap<&str, &str>,
        loop_name: &str,
    ) {
        for node in &mut graph.node {
            *node = self.renamed(node, number, outside, loop_name);
        }
        let tensors = graph.initializer.iter_mut().map(|tensor| &mut tensor.name);
        let values = graph.input.iter_mut().chain(&mut graph.output).map(|value| &mut value.name);
        tensors.chain(values).for_each(|name| *name = self.name(name, number, outside));
    }

    /// The results of all iterations, one behind the other along a new dimension; none if there
    /// were none.
    pub(super) fn stacked(
        &mut self,
        results: &[String],
        number: usize,
        axis: i64,
    ) -> Option<String> {
        let axes = (self.opset >= 13 && !results.is_empty())
            .then(|| self.integers(&format!("axes/{number}"), &[1], &[axis]));
        let parts: Vec<String> = (0..results.len())
            .map(|iteration| format!("{}/{iteration}/part/{number}", self.label))
            .collect();
        for (result, part) in results.iter().zip(&parts) {
            match &axes {
                Some(axes) => self.push("Unsqueeze", &[result, axes], part.clone(), None),
                None => {
                    self.push("Unsqueeze", &[result], part.clone(), None);
                    let node = self.made.node.last_mut()?;
                    node.attribute.push(AttributeProto {
                        name: "axes".into(),
                        ints: vec![axis],
                        r#type: AttributeType::Ints as i32,
                        ..AttributeProto::default()
                    });
                }
            }
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let stacked = format!("{}/stacked/{number}", self.label);
        (!parts.is_empty()).then(|| {
            self.push("Concat", &parts, stacked.clone(), Some(axis));
            stacked
        })
    }

    /// Imports what has been made; `results` have the node's outputs' names where nodes make them.
    pub(super) fn import(
        mut self,
        importer: &mut Importer<'a>,
        call: &Call<'a>,
        results: Vec<Option<String>>,
    ) -> Result<(), Stop> {
        let made: HashSet<&String> = self.made.node.iter().flat_map(|node| &node.output).collect();
        let mut names: HashMap<String, String> = HashMap::new();
        for (result, outer) in results.iter().zip(&call.node.output) {
            if let Some(result) = result.as_ref().filter(|result| made.contains(result))
                && !outer.is_empty()
            {
                names.entry(result.clone()).or_insert_with(|| outer.clone());
            }
        }
        rename(&mut self.made, &names);
        let graph = importer.shelf.keep(self.made);
        importer.read_by(graph);
        for tensor in &graph.initializer {
            importer.element_types.insert(&tensor.name, tensor.data_type);
            let constant = importer.stored(tensor)?;
            importer.bind(&tensor.name, Binding::Constant(constant.into()))?;
        }
        import_nodes(importer, &graph.node, call.opset)?;
        for (outer, result) in call.node.output.iter().zip(results) {
            let named = !outer.is_empty() && importer.binding(outer).is_none();
            if !named {
                continue;
            }
            let Some(result) = result else {
                if importer.consumers(outer).is_empty() && !importer.is_graph_output(outer) {
                    continue;
                }
                return Err(Stop::Because(format!(
                    "it has no iteration, so its output {outer:?} is empty"
                )));
            };
            let result = names.get(&result).unwrap_or(&result);
            let binding = importer
                .binding(result)
                .cloned()
                .ok_or_else(|| Stop::Because(format!("nothing defines {result:?} in its body")))?;
            importer.bind(outer, binding)?;
        }
        Ok(())
    }
}

/// Whether a node of the body is a constant.
fn is_constant(node: &NodeProto) -> bool {
    node.op_type == "Constant" && node.domain.is_empty()
}

/// The names that a graph and those inside of it define.
fn defined<'a>(graph: &'a GraphProto, names: &mut HashSet<&'a str>) {
    names.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    for node in &graph.node {
        names.extend(node.output.iter().map(String::as_str).filter(|name| !name.is_empty()));
        let graphs = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
        graphs.for_each(|graph| defined(graph, names));
    }
}
