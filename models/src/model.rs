//! The front door: a model file, ready to run, calibrate and quantise.

use std::path::Path;

use ndarray::ArrayD;

use crate::agreement::{NodeError, node_errors};
use crate::data::{DataError, Dataset};
use crate::evaluate::{self, EvaluateError, Evaluation};
use crate::float::calibrate::{CalibrateError, Calibration};
use crate::float::declared::{Declared, RangeError};
use crate::float::graph::Graph;
use crate::float::indices;
use crate::float::passes;
use crate::float::reference::{Reference, ReferenceError};
use crate::float::room::{self, Excess};
#[cfg(feature = "tract")]
use crate::float::tract;
use crate::integer;
use crate::integer::interpreter::InterpretError;
use crate::integer::signature::{Grid, Input};
use crate::integer::tensors::TensorError;
use crate::integer::validate::GraphError;
use crate::lengths;
use crate::onnx::{self, Dimensions, ImportError};
use crate::parallel::Watch;
use crate::quantise::counterparts::Counterparts;
use crate::quantise::origin::Origin;
use crate::quantise::settings::Options;
use crate::quantise::{self, QuantiseError, Quantised};

/// Whatever can go wrong between a model file and its quantised graph's outputs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no network that can be proven.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The float model does not run.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An input cannot have the range that was declared.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// Calibration failed.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// The network cannot be quantised.
    #[error(transparent)]
    Quantise(#[from] QuantiseError),
    /// A quantised graph is unsound.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Inputs cannot be quantised.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A quantised graph cannot be run.
    #[error(transparent)]
    Interpret(#[from] InterpretError),
    /// Evaluation failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// An imported network: its float graph, and what the import has to say.
#[derive(Clone)]
pub struct Model {
    graph: Graph,
    watch: Watch,
    notes: Vec<String>,
    /// What the file says of each input's integers.
    element: Vec<Option<Grid>>,
    declared: Declared,
    origin: Origin,
    #[cfg(feature = "tract")]
    file: tract::File,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("Model");
        fields.field("graph", &self.graph).field("notes", &self.notes);
        fields.finish_non_exhaustive()
    }
}

impl Model {
    /// Imports an ONNX file; dimensions that it leaves open become 1.
    ///
    /// # Errors
    /// If it cannot be read, is no ONNX model, has nodes that cannot be proven (the error then
    /// names them all), or is too large for a circuit.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &Dimensions::default())
    }

    /// Imports an ONNX file with chosen lengths for its symbolic dimensions.
    ///
    /// # Errors
    /// As [`Self::load`], and if the file has no dimension of such a name.
    pub fn load_with(path: impl AsRef<Path>, dimensions: &Dimensions) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::new(onnx::import_file(path, dimensions)?, path)
    }

    /// Imports an ONNX file with the lengths that a file of samples has where neither it nor
    /// `dimensions` says any, if these say none at all.
    ///
    /// # Errors
    /// As [`Self::load_with`].
    pub fn load_for(
        path: impl AsRef<Path>,
        dimensions: &Dimensions,
        samples: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        if !dimensions.lengths.is_empty() || !dimensions.shapes.is_empty() {
            return Self::load_with(path, dimensions);
        }
        let file = onnx::decode(path)?;
        let shapes = lengths::sampled(&file.said_shapes(), samples.as_ref());
        let notes = shapes.iter().map(|(name, shape)| {
            format!("input {name:?} has the shape {shape:?}, which is that of the samples")
        });
        let notes: Vec<String> = notes.collect();
        let dimensions = Dimensions { shapes, ..dimensions.clone() };
        let mut model = Self::new(file.import(path, &dimensions)?, path)?;
        model.notes.extend(notes);
        Ok(model)
    }

    /// Imports the bytes of an ONNX file. `path` names the model and is where its external data
    /// lies, if it has any.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::new(onnx::import_bytes(path, bytes, &Dimensions::default())?, path)
    }

    fn new(imported: onnx::Imported, path: &Path) -> Result<Self, Error> {
        let mut graph = passes::simplify(imported.graph);
        if let Err(Excess { node, problem }) = room::measure(&graph) {
            let node = &graph.nodes[node];
            return Err(Error::Import(ImportError::TooLarge {
                path: path.to_owned(),
                node: node.name.clone(),
                operator: node.operator.name(),
                problem,
            }));
        }
        let element = graph.inputs.iter().map(|input| input.grid).collect();
        let mut notes = imported.notes;
        notes.extend(indices::close(&mut graph));
        Ok(Self {
            graph,
            watch: Watch::default(),
            notes,
            element,
            declared: Declared::default(),
            origin: imported.origin,
            #[cfg(feature = "tract")]
            file: imported.file,
        })
    }

    /// Who is told how many samples of how many calibration, or evaluation, is through with.
    #[must_use]
    pub fn watched(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    /// The float model, ready to run.
    fn reference(&self) -> Reference<'_> {
        #[cfg(feature = "tract")]
        if let Some(plan) = self.file.plan(&self.graph) {
            return Reference::tract(&self.graph, plan);
        }
        Reference::own(&self.graph)
    }

    /// The float graph, simplified.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Names and shapes of the inputs.
    pub fn inputs(&self) -> &[Input] {
        &self.graph.inputs
    }

    /// What people should know about the import, such as a softmax that was dropped.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Declares what the elements of an input range over. Integers of at most 16 bits are then kept
    /// as they are; other numbers get a scale for this range, whatever calibration sees of them.
    ///
    /// # Errors
    /// If there is no such input, or it cannot have the range.
    pub fn declare_range(&mut self, input: &str, ends: [f32; 2]) -> Result<(), Error> {
        Ok(self.declared.add(&mut self.graph, &self.element, input, ends)?)
    }

    /// Gives inputs of integers the ranges that a network compiled of this model has.
    pub fn adopt_ranges(&mut self, graph: &integer::graph::Graph) {
        for compiled in &graph.inputs {
            let grid = Grid {
                quantisation: compiled.quantisation,
                minimum: compiled.minimum,
                maximum: compiled.maximum,
            };
            let input = self.graph.inputs.iter_mut().find(|input| input.name == compiled.name);
            if let Some(known) = input.and_then(|input| input.grid.as_mut())
                && known.is_whole()
                && grid.is_whole()
            {
                *known = grid;
            }
        }
    }

    /// Runs the float model on one sample; gives the graph's outputs.
    ///
    /// # Errors
    /// If the inputs do not fit or the model does not run.
    pub fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, Error> {
        Ok(self.reference().run(inputs)?)
    }

    /// Runs the float model on one sample by our own execution, even where tract could.
    ///
    /// # Errors
    /// As [`Self::run`].
    #[cfg(feature = "tract")]
    pub fn run_own(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, Error> {
        Ok(Reference::own(&self.graph).run(inputs)?)
    }

    /// Measures the ranges that quantisation needs over calibration data.
    ///
    /// # Errors
    /// If the model does not run on a sample.
    pub fn calibrate(&self, dataset: &Dataset) -> Result<Calibration, Error> {
        let mut calibration = Calibration::over(&self.graph, dataset, &self.watch)?;
        calibration.declare(&self.declared);
        Ok(calibration)
    }

    /// Measures the ranges that quantisation needs over pseudo-random inputs between `minimum` and
    /// `maximum`, for lack of data. The sample is fixed: the same model gives the same ranges.
    ///
    /// # Errors
    /// If the range is none, or the model does not run.
    pub fn calibrate_input_range(&self, minimum: f32, maximum: f32) -> Result<Calibration, Error> {
        let (declared, watch) = (&self.declared, &self.watch);
        let mut calibration =
            Calibration::over_input_range(&self.graph, declared, minimum, maximum, watch)?;
        calibration.declare(declared);
        Ok(calibration)
    }

    /// Ranges that nobody has measured, from 0 to 1: what a network quantised over them computes
    /// means nothing, but its shapes are those that it has in any case.
    pub fn nominal_calibration(&self) -> Calibration {
        Calibration::nominal(&self.graph)
    }

    /// Quantises the network to int8.
    ///
    /// # Errors
    /// If the calibration belongs to another model or its ranges make accumulators overflow; if
    /// the file is quantised, leaves some of its values in floating point, and there is no data to
    /// measure their ranges on.
    pub fn quantise(&self, calibration: &Calibration) -> Result<Quantised, Error> {
        self.quantise_with(calibration, &Options::default())
    }

    /// Quantises the network as `options` say.
    ///
    /// # Errors
    /// As [`Self::quantise`].
    pub fn quantise_with(
        &self,
        calibration: &Calibration,
        options: &Options,
    ) -> Result<Quantised, Error> {
        Ok(quantise::quantise(&self.graph, calibration, options, &self.notes, self.origin)?)
    }

    /// Compares a quantised graph of this model with the float model, sample by sample.
    ///
    /// # Errors
    /// If a sample does not fit or a label is no class.
    pub fn evaluate(
        &self,
        graph: &integer::graph::Graph,
        dataset: &Dataset,
    ) -> Result<Evaluation, Error> {
        Ok(evaluate::evaluate(&self.reference(), graph, &[], dataset, &self.watch)?)
    }

    /// Compares quantised graphs of this model with the float model: each runs every so many of
    /// the samples, the first graph the first of them.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_in_turn(
        &self,
        graph: &integer::graph::Graph,
        others: &[&integer::graph::Graph],
        dataset: &Dataset,
    ) -> Result<Evaluation, Error> {
        Ok(evaluate::evaluate(&self.reference(), graph, others, dataset, &self.watch)?)
    }

    /// Where the error of a quantised graph of this model comes in, and what saturates: one entry
    /// for each node of the float graph, in order. The float model is run by our own execution.
    ///
    /// # Errors
    /// If the graph is not of this model, or a sample does not fit.
    pub fn node_errors(
        &self,
        graph: &integer::graph::Graph,
        counterparts: &Counterparts,
        dataset: &Dataset,
    ) -> Result<Vec<NodeError>, Error> {
        Ok(node_errors(&self.graph, graph, counterparts, dataset)?)
    }

    /// How much there is of it.
    pub fn size(&self) -> room::Size {
        room::Size::of(&self.graph)
    }

    /// How many samples tell whether the integers follow, in bounded time: fewer where running the
    /// network takes long.
    pub fn samples_to_compare(&self) -> usize {
        room::repetitions(&self.graph, 1 << 33, 2, 16)
    }

    /// How many samples the float model runs in bounded time, `most` at most.
    pub(crate) fn samples_to_run(&self, most: usize) -> usize {
        room::repetitions(&self.graph, 1 << 33, 2, most)
    }
}
