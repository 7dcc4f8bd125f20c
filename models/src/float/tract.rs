//! The float model as tract runs it: an implementation that shares nothing with ours, for tests to
//! hold ours against (feature `tract`).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ndarray::ArrayD;
use prost::Message;
use tract_onnx::pb;
use tract_onnx::prelude::*;

use crate::float::graph::Graph;
use crate::onnx::messages::tensor_shape_proto::{Dimension, Length};
use crate::onnx::messages::{
    DataLocation, GraphProto, ModelProto, TensorProto, TensorShapeProto, type_proto,
};

/// A model's file, as far as it was read.
#[derive(Clone)]
pub(crate) struct File {
    model: ModelProto,
    directory: Option<PathBuf>,
    /// Prepared when it is first asked for; `None` if tract cannot run it.
    plan: OnceLock<Option<Prepared>>,
}

/// What tract makes of it, ready to run.
#[derive(Clone)]
pub(crate) struct Prepared {
    /// For each output, its place among the plan's; an output that is an input is not one of them.
    sources: Vec<Source>,
    plan: Arc<TypedRunnableModel>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Input(usize),
    Output(usize),
}

impl File {
    /// Keeps a model whose graph was taken out of it. `dropped` are the first outputs of nodes that
    /// the import passed over: tract shall do so too.
    pub(crate) fn new(
        model: ModelProto,
        mut graph: GraphProto,
        dropped: &[String],
        directory: Option<&Path>,
    ) -> Self {
        let dropped: HashSet<&str> = dropped.iter().map(String::as_str).collect();
        for node in &mut graph.node {
            if node.output.first().is_some_and(|output| dropped.contains(output.as_str())) {
                node.op_type = "Identity".into();
                node.attribute.clear();
            }
        }
        let model = ModelProto { graph: Some(graph), ..model };
        Self { model, directory: directory.map(Path::to_owned), plan: OnceLock::new() }
    }

    /// How tract runs it. Not for files that are quantised themselves, whose float operators are
    /// not what onnxruntime computes.
    pub(crate) fn plan(&self, graph: &Graph) -> Option<&Prepared> {
        let quantised = graph.inputs.iter().any(|input| input.grid.is_some())
            || graph.nodes.iter().any(|node| node.grid.is_some());
        if quantised {
            return None;
        }
        let prepared = || {
            let directory = self.directory.as_deref().and_then(Path::to_str);
            prepare(graph, self.model.clone(), directory).ok()
        };
        self.plan.get_or_init(prepared).as_ref()
    }
}

fn prepare(graph: &Graph, mut model: ModelProto, directory: Option<&str>) -> TractResult<Prepared> {
    if let Some(proto) = &mut model.graph {
        if branches(proto).any(reads_files) {
            return Err(TractError::msg(
                "a branch of it reads files that the import has not looked at",
            ));
        }
        fix_shapes(proto, graph);
    }
    let model = pb::ModelProto::decode(&*model.encode_to_vec())?;
    let parsed = tract_onnx::onnx().with_ignore_value_info(true).parse(&model, directory)?;
    let mut wanted: Vec<OutletId> = Vec::new();
    let mut sources = Vec::new();
    for output in &graph.outputs {
        if let Some(index) = graph.inputs.iter().position(|input| input.name == output.name) {
            sources.push(Source::Input(index));
            continue;
        }
        let outlet = parsed.outlets_by_name.get(&output.name);
        let outlet =
            *outlet.ok_or_else(|| TractError::msg(format!("it has no value {:?}", output.name)))?;
        let known = wanted.iter().position(|other| *other == outlet);
        sources.push(Source::Output(known.unwrap_or(wanted.len())));
        if known.is_none() {
            wanted.push(outlet);
        }
    }
    let mut model = parsed.model;
    model.select_output_outlets(&wanted)?;
    Ok(Prepared { sources, plan: model.into_optimized()?.into_runnable()? })
}

/// Gives the inputs the shapes that they have after import.
fn fix_shapes(proto: &mut GraphProto, graph: &Graph) {
    for info in &mut proto.input {
        let known = graph.inputs.iter().find(|input| input.name == info.name);
        let of_type = info.r#type.as_mut().and_then(|of_type| of_type.value.as_mut());
        if let (Some(known), Some(type_proto::Value::TensorType(tensor))) = (known, of_type) {
            let fixed =
                |&length: &usize| Dimension { value: Some(Length::DimValue(length as i64)) };
            tensor.shape = Some(TensorShapeProto { dim: known.shape.iter().map(fixed).collect() });
        }
    }
}

/// The graphs inside a graph's nodes.
fn branches(graph: &GraphProto) -> impl Iterator<Item = &GraphProto> {
    graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.g.as_ref())
}

/// Whether constants of a graph, or of one inside it, lie in other files.
fn reads_files(graph: &GraphProto) -> bool {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let constants = attributes.filter_map(|attribute| attribute.t.as_ref());
    let external =
        |tensor: &TensorProto| tensor.data_location == Some(DataLocation::External as i32);
    graph.initializer.iter().chain(constants).any(external) || branches(graph).any(reads_files)
}

impl Prepared {
    /// Runs one sample; gives the graph's outputs, or what tract said.
    pub(crate) fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, String> {
        let run = || -> TractResult<_> {
            let tensors = inputs.iter().map(|input| Tensor::from(input.clone()).into());
            let outputs = self.plan.run(tensors.collect())?;
            let result = |source: &Source| match *source {
                Source::Input(index) => Ok(inputs[index].clone()),
                Source::Output(index) => {
                    Ok(outputs[index].cast_to::<f32>()?.to_plain_array_view::<f32>()?.to_owned())
                }
            };
            self.sources.iter().map(result).collect()
        };
        run().map_err(|error| format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::messages::StringStringEntryProto;
    use crate::testing::onnx::{Builder, Op};

    /// A branch that is not taken is not imported, so nobody has looked at where its files lie.
    #[test]
    fn files_of_branches_are_left_alone() {
        let body =
            |name: &str| Builder::new(17).node(Op::new("Relu", &["x"], &[name])).output(name);
        let external = || TensorProto {
            name: "w".into(),
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntryProto {
                key: "location".into(),
                value: "../secret".into(),
            }],
            ..TensorProto::default()
        };
        let choice = |other: Builder| {
            let choice = Op::new("If", &["c"], &["y"])
                .graph("then_branch", body("t"))
                .graph("else_branch", other);
            Builder::new(17).input("x", &[1]).node(choice).output("y").build()
        };
        let refused = |model: ModelProto| {
            let graph = Graph { name: "g".into(), inputs: vec![], nodes: vec![], outputs: vec![] };
            prepare(&graph, model, None).err().unwrap().to_string().contains("reads files")
        };
        assert!(!refused(choice(body("e"))));
        assert!(refused(choice(body("e").tensor(external()))));
        let constant = Op::new("Constant", &[], &["w"]).tensor("value", external());
        assert!(refused(choice(body("e").node(constant))));
        let inner =
            Op::new("If", &["c"], &["e"]).graph("then_branch", body("e").tensor(external()));
        assert!(refused(choice(Builder::new(17).node(inner).output("e"))));
    }
}
