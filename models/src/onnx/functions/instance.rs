//! The nodes of a function in place of a node that applies it, under names that are nobody else's.

use std::collections::HashMap;

use crate::onnx::messages::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// The nodes of `function` with the operands, results and parameters of `node`. What is between
/// them is named after the node's first result and the operator with its domain, since a function
/// inside of this one may have the same result; nodes are named after `name`.
pub(super) fn instance(function: &FunctionProto, node: &NodeProto, name: &str) -> Vec<NodeProto> {
    let result = node.output.iter().find(|output| !output.is_empty());
    let dot = if node.domain.is_empty() { "" } else { "." };
    let operator = format!("{}{dot}{}", node.domain, node.op_type);
    let label = format!("{}/{operator}", result.map_or("", String::as_str));
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (index, formal) in function.input.iter().enumerate() {
        names.insert(formal, node.input.get(index).map_or("", String::as_str));
    }
    let mut passed = Vec::new();
    for (formal, actual) in function.output.iter().zip(&node.output) {
        if actual.is_empty() {
            continue;
        }
        match names.get(formal.as_str()) {
            // An operand that is a result as well.
            Some(&operand) => passed.push(identity(operand, actual, name)),
            None => _ = names.insert(formal, actual),
        }
    }
    let application = Application { function, node, label: &label, name, names };
    let mut nodes = function.node.clone();
    nodes.iter_mut().for_each(|inner| application.adapt(inner));
    nodes.extend(passed);
    nodes
}

fn identity(from: &str, to: &str, name: &str) -> NodeProto {
    NodeProto {
        input: vec![from.into()],
        output: vec![to.into()],
        name: name.into(),
        op_type: "Identity".into(),
        ..NodeProto::default()
    }
}

struct Application<'f> {
    function: &'f FunctionProto,
    node: &'f NodeProto,
    label: &'f str,
    name: &'f str,
    /// What operands and results are called outside.
    names: HashMap<&'f str, &'f str>,
}

impl Application<'_> {
    fn adapt(&self, node: &mut NodeProto) {
        node.input.iter_mut().chain(&mut node.output).for_each(|name| self.rename(name));
        node.name = match node.name.as_str() {
            "" => self.name.to_owned(),
            own => format!("{}/{own}", self.name),
        };
        let attributes = std::mem::take(&mut node.attribute).into_iter();
        node.attribute = attributes.filter_map(|attribute| self.resolve(attribute)).collect();
        for graph in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            self.adapt_graph(graph);
        }
    }

    fn adapt_graph(&self, graph: &mut GraphProto) {
        graph.node.iter_mut().for_each(|node| self.adapt(node));
        graph.initializer.iter_mut().for_each(|tensor| self.rename(&mut tensor.name));
        let interface = graph.input.iter_mut().chain(&mut graph.output);
        interface.for_each(|value| self.rename(&mut value.name));
    }

    fn rename(&self, name: &mut String) {
        if name.is_empty() {
            return;
        }
        *name = match self.names.get(name.as_str()) {
            Some(&outside) => outside.to_owned(),
            None => format!("{}/{name}", self.label),
        };
    }

    /// An attribute, or the one of the function that it stands for; `None` if that is left out.
    fn resolve(&self, attribute: AttributeProto) -> Option<AttributeProto> {
        if attribute.ref_attr_name.is_empty() {
            return Some(attribute);
        }
        let given = self.node.attribute.iter().chain(&self.function.attribute_proto);
        let mut meant = given.clone().find(|other| other.name == attribute.ref_attr_name)?.clone();
        meant.name = attribute.name;
        Some(meant)
    }
}
