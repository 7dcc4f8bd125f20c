//! If with a condition known at import: the branch that is taken, in place of the node.

use std::collections::{HashMap, HashSet};

use crate::onnx::build::import::import_nodes;
use crate::onnx::build::importer::{Binding, Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::GraphProto;
use crate::onnx::naming::listed;
use crate::onnx::read::call::Call;

pub(super) const OPERATORS: &[Registration] =
    &[Registration::new("If", &["else_branch", "then_branch"], branch)
        .all_outputs()
        .takes_constants()];

fn branch<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let condition = match importer.operand(call, 0)? {
        Operand::Constant(condition) => condition.integers()?.first().copied().unwrap_or(0) != 0,
        Operand::Computed(_) => {
            let unknown = unsupported(importer, call)?;
            return Err(Stop::Because(format!(
                "its condition depends on the data, and a circuit computes the same for all \
                data{unknown}; use Where, or export the branch that is meant"
            )));
        }
    };
    let name = if condition { "then_branch" } else { "else_branch" };
    let graph =
        call.graph(name)?.ok_or_else(|| Stop::Because(format!("attribute `{name}` is missing")))?;
    let graph = importer.shelf.keep(with_results(graph.clone(), &call.node.output));
    importer.read_by(graph);
    for tensor in &graph.initializer {
        importer.element_types.insert(&tensor.name, tensor.data_type);
        let constant = importer.stored(tensor)?;
        importer.bind(&tensor.name, Binding::Constant(constant.into()))?;
    }
    import_nodes(importer, &graph.node, call.opset)?;
    for (outer, inner) in call.node.output.iter().zip(&graph.output) {
        let binding = importer.binding(&inner.name).cloned();
        let binding = binding.ok_or_else(|| {
            Stop::Because(format!("nothing defines {:?} in its branch", inner.name))
        })?;
        if !outer.is_empty() && *outer != inner.name {
            importer.bind(outer, binding)?;
        }
    }
    Ok(())
}

/// What is not supported in the branches, to be said behind another reason.
fn unsupported<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Result<String, Stop> {
    let mut unknown = Vec::new();
    let mut open = Vec::new();
    for name in ["then_branch", "else_branch"] {
        open.extend(call.graph(name)?);
    }
    while let Some(graph) = open.pop() {
        for node in &graph.node {
            if importer.registration(node).is_none() {
                unknown.push(node.op_type.as_str());
            }
            open.extend(node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()));
        }
    }
    Ok(match unknown.is_empty() {
        true => String::new(),
        false => {
            format!(" (in its branches {} is not supported either)", listed(unknown.into_iter()))
        }
    })
}

/// A branch whose results have the names that they have outside, where nodes of it make them: who
/// reads them is known by those.
fn with_results(mut graph: GraphProto, outside: &[String]) -> GraphProto {
    let made: HashSet<String> = graph.node.iter().flat_map(|node| node.output.clone()).collect();
    let mut names = HashMap::new();
    for (inner, outer) in graph.output.iter().zip(outside) {
        if made.contains(&inner.name) && !outer.is_empty() {
            names.entry(inner.name.clone()).or_insert_with(|| outer.clone());
        }
    }
    rename(&mut graph, &names);
    graph
}

/// Other names for some values of a graph, and of those inside of it.
pub(super) fn rename(graph: &mut GraphProto, names: &HashMap<String, String>) {
    let renamed = |name: &mut String| {
        if let Some(other) = names.get(name) {
            name.clone_from(other);
        }
    };
    graph.output.iter_mut().for_each(|value| renamed(&mut value.name));
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(renamed);
        for inner in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            rename(inner, names);
        }
    }
}
