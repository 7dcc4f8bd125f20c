//! The float model, run by tract: what the quantised network is measured against.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use crate::graph::{Input, describe};

/// The float model refused to run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// tract cannot run the model.
    #[error(
        "tract, which runs `{model}` in floating point as the reference, cannot prepare it: {reason}; check the model with `onnx.checker.check_model`"
    )]
    Prepare {
        /// The model.
        model: String,
        /// What tract said.
        reason: String,
    },
    /// tract failed on an input.
    #[error("tract, which runs `{model}` in floating point as the reference, failed: {reason}")]
    Run {
        /// The model.
        model: String,
        /// What tract said.
        reason: String,
    },
    /// The inputs do not fit.
    #[error("`{model}` expects {expected}, but shapes {found:?} were given")]
    Inputs {
        /// The model.
        model: String,
        /// The model's inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// A value of the network is not finite.
    #[error("value `{value}` of `{model}` becomes {found} on this input; check the model and the scale of its inputs")]
    NotFinite {
        /// The model.
        model: String,
        /// The ONNX value.
        value: String,
        /// The number found.
        found: f32,
    },
}

/// A float model with some of its values as outputs.
#[derive(Clone)]
pub struct Reference {
    name: String,
    inputs: Vec<Input>,
    values: Vec<String>,
    /// For each of `values`, its place among the plan's outputs; a value that is an input is not one of them.
    sources: Vec<Source>,
    plan: Option<Arc<TypedRunnableModel>>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Input(usize),
    Output(usize),
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("Reference");
        fields.field("name", &self.name).field("values", &self.values);
        fields.finish_non_exhaustive()
    }
}

impl Reference {
    /// Prepares a model whose input shapes are fixed to put out the values with the given ONNX names.
    pub(crate) fn new(
        name: &str,
        proto: &ModelProto,
        directory: Option<&str>,
        inputs: &[Input],
        values: &[&str],
    ) -> Result<Self, ReferenceError> {
        let prepare =
            |error: TractError| ReferenceError::Prepare { model: name.to_owned(), reason: format!("{error:#}") };
        let onnx = tract_onnx::onnx().with_ignore_value_info(true);
        let parsed = onnx.parse(proto, directory).map_err(prepare)?;
        let mut wanted: Vec<OutletId> = Vec::new();
        let mut seen: HashMap<OutletId, usize> = HashMap::new();
        let mut sources = Vec::new();
        for &value in values {
            if let Some(index) = inputs.iter().position(|input| input.name == value) {
                sources.push(Source::Input(index));
                continue;
            }
            let outlet = *parsed
                .outlets_by_name
                .get(value)
                .ok_or_else(|| prepare(TractError::msg(format!("it has no value `{value}`"))))?;
            let index = *seen.entry(outlet).or_insert_with(|| {
                wanted.push(outlet);
                wanted.len() - 1
            });
            sources.push(Source::Output(index));
        }
        let plan = if wanted.is_empty() {
            None
        } else {
            let mut model = parsed.model;
            model.select_output_outlets(&wanted).map_err(prepare)?;
            let model = model.into_optimized().map_err(prepare)?;
            Some(model.into_runnable().map_err(prepare)?)
        };
        Ok(Self {
            name: name.to_owned(),
            inputs: inputs.to_vec(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            sources,
            plan,
        })
    }

    /// Names of the values that [`Self::run`] gives, in order.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Runs one sample, one tensor per input in the graph's order. Indices come out as whole floats.
    ///
    /// # Errors
    /// If the inputs do not fit, tract fails, or a value is infinite or not a number.
    pub fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, ReferenceError> {
        let fits = inputs.len() == self.inputs.len()
            && inputs.iter().zip(&self.inputs).all(|(given, input)| given.shape() == input.shape);
        if !fits {
            return Err(ReferenceError::Inputs {
                model: self.name.clone(),
                expected: describe(&self.inputs),
                found: inputs.iter().map(|input| input.shape().to_vec()).collect(),
            });
        }
        let failed = |error: TractError| ReferenceError::Run { model: self.name.clone(), reason: format!("{error:#}") };
        let outputs = match &self.plan {
            None => Vec::new(),
            Some(plan) => {
                let tensors = inputs.iter().map(|input| Tensor::from(input.clone()).into());
                let outputs = plan.run(tensors.collect()).map_err(failed)?;
                let floats = outputs.iter().map(|output| {
                    let cast = output.cast_to::<f32>()?;
                    Ok(cast.to_plain_array_view::<f32>()?.to_owned())
                });
                floats.collect::<TractResult<Vec<_>>>().map_err(failed)?
            }
        };
        let mut results = Vec::with_capacity(self.values.len());
        for (value, source) in self.values.iter().zip(&self.sources) {
            let tensor = match *source {
                Source::Input(index) => inputs[index].clone(),
                Source::Output(index) => outputs[index].clone(),
            };
            if let Some(&found) = tensor.iter().find(|x| !x.is_finite()) {
                return Err(ReferenceError::NotFinite { model: self.name.clone(), value: value.clone(), found });
            }
            results.push(tensor);
        }
        Ok(results)
    }
}
