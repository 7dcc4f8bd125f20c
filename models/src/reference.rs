//! The float model: what the quantised network is measured against.
//!
//! tract runs it, an implementation that shares nothing with ours. Where it cannot, and for files
//! that are quantised themselves, whose float operators are not what onnxruntime computes, our own
//! executor does.

use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};
use tract_onnx::prelude::*;

use crate::float::Execution;
use crate::graph::{Graph, describe};

/// The float model refused to run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// tract failed on an input.
    #[error("tract, which runs {model:?} in floating point as the reference, failed: {reason}")]
    Run {
        /// The model.
        model: String,
        /// What tract said.
        reason: String,
    },
    /// The inputs do not fit.
    #[error("{model:?} expects {expected}, but shapes {found:?} were given")]
    Inputs {
        /// The model.
        model: String,
        /// The model's inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// An output of the network is not finite.
    #[error(
        "output {value:?} of {model:?} becomes {found} on this input; check the model and the \
        scale of its inputs"
    )]
    NotFinite {
        /// The model.
        model: String,
        /// The output.
        value: String,
        /// The number found.
        found: f32,
    },
}

/// A float model that is ready to run.
#[derive(Clone)]
pub struct Reference {
    graph: Arc<Graph>,
    /// For each output, its place among the plan's; an output that is an input is not one of them.
    /// None if our own executor runs the model.
    tract: Option<(Vec<Source>, Arc<TypedRunnableModel>)>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Input(usize),
    Output(usize),
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reference").field("graph", &self.graph.name).finish_non_exhaustive()
    }
}

impl Reference {
    /// Prepares a model whose input shapes are fixed.
    pub(crate) fn new(graph: &Graph, proto: &ModelProto, directory: Option<&str>) -> Self {
        let quantised = graph.inputs.iter().any(|input| input.grid.is_some())
            || graph.nodes.iter().any(|node| node.grid.is_some());
        let tract = if quantised { None } else { prepare(graph, proto, directory).ok() };
        Self { graph: Arc::new(graph.clone()), tract }
    }

    /// Runs one sample, one tensor per input in the graph's order. Indices come out as whole
    /// floats.
    ///
    /// # Errors
    /// If the inputs do not fit, tract fails, or an output is infinite or not a number.
    pub fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, ReferenceError> {
        let Graph { name, inputs: declared, outputs, .. } = &*self.graph;
        let fits = inputs.len() == declared.len()
            && inputs.iter().zip(declared).all(|(given, input)| given.shape() == input.shape);
        if !fits {
            return Err(ReferenceError::Inputs {
                model: name.clone(),
                expected: describe(declared),
                found: inputs.iter().map(|input| input.shape().to_vec()).collect(),
            });
        }
        let results = match &self.tract {
            None => {
                let results = Execution::new(&self.graph).run(inputs, |_, _, _| {});
                results.into_iter().map(|result| result.mapv(|x| x as f32)).collect()
            }
            Some((sources, plan)) => {
                let failed = |error: TractError| ReferenceError::Run {
                    model: name.clone(),
                    reason: format!("{error:#}"),
                };
                run_tract(sources, plan, inputs).map_err(failed)?
            }
        };
        for (output, tensor) in outputs.iter().zip(&results) {
            if let Some(&found) = tensor.iter().find(|x| !x.is_finite()) {
                return Err(ReferenceError::NotFinite {
                    model: name.clone(),
                    value: output.name.clone(),
                    found,
                });
            }
        }
        Ok(results)
    }
}

fn prepare(
    graph: &Graph,
    proto: &ModelProto,
    directory: Option<&str>,
) -> TractResult<(Vec<Source>, Arc<TypedRunnableModel>)> {
    if let Some(graph) = &proto.graph
        && branches(graph).any(reads_files)
    {
        return Err(TractError::msg(
            "a branch of it reads files that the import has not looked at",
        ));
    }
    let parsed = tract_onnx::onnx().with_ignore_value_info(true).parse(proto, directory)?;
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
    Ok((sources, model.into_optimized()?.into_runnable()?))
}

/// The graphs inside a graph's nodes.
fn branches(graph: &GraphProto) -> impl Iterator<Item = &GraphProto> {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// Whether constants of a graph, or of one inside it, lie in other files.
fn reads_files(graph: &GraphProto) -> bool {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let constants = attributes.flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    let external =
        |tensor: &TensorProto| tensor.data_location == Some(DataLocation::External as i32);
    graph.initializer.iter().chain(constants).any(external) || branches(graph).any(reads_files)
}

fn run_tract(
    sources: &[Source],
    plan: &Arc<TypedRunnableModel>,
    inputs: &[ArrayD<f32>],
) -> TractResult<Vec<ArrayD<f32>>> {
    let tensors = inputs.iter().map(|input| Tensor::from(input.clone()).into());
    let outputs = plan.run(tensors.collect())?;
    let result = |source: &Source| match *source {
        Source::Input(index) => Ok(inputs[index].clone()),
        Source::Output(index) => {
            Ok(outputs[index].cast_to::<f32>()?.to_plain_array_view::<f32>()?.to_owned())
        }
    };
    sources.iter().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::onnx::{Builder, Op};
    use tract_onnx::pb::StringStringEntryProto;

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
        let refused = |proto: &ModelProto| {
            let graph = Graph { name: "g".into(), inputs: vec![], nodes: vec![], outputs: vec![] };
            prepare(&graph, proto, None).unwrap_err().to_string().contains("reads files")
        };
        assert!(!refused(&choice(body("e"))));
        assert!(refused(&choice(body("e").tensor(external()))));
        let constant = Op::new("Constant", &[], &["w"]).tensor("value", external());
        assert!(refused(&choice(body("e").node(constant))));
        let inner =
            Op::new("If", &["c"], &["e"]).graph("then_branch", body("e").tensor(external()));
        assert!(refused(&choice(Builder::new(17).node(inner).output("e"))));
    }
}
