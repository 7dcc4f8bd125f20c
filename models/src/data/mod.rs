//! Samples for calibration, evaluation and inference, read from what people have at hand after a
//! notebook.
//!
//! | file | content |
//! |---|---|
//! | `.npz` | one array per input, named like the input; a model with one input takes a single array of any name |
//! | `.npy` | the array of a model with one input |
//! | `.json` | an object of nested lists by input name, or for a model with one input just a nested list |
//!
//! An array is one sample, of the input's shape with or without its batch dimension of 1, or many
//! along its first dimension. Only the arrays that are asked for are read: at most 2^27 numbers
//! each, from regular files, of JSON at most 64 MiB.
//!
//! Labels are an array or member named `label`, `labels` or `y`: one class per sample, or one per
//! position for networks that label positions.

mod header;
mod json;
mod npy;
mod number;

use std::io;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};

use crate::integer::signature::Input;
use number::Number;

/// Names that labels may have.
pub const LABEL_NAMES: [&str; 3] = ["label", "labels", "y"];

/// Data that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read.
    #[error("cannot read {path:?}: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file as a whole is unusable.
    #[error("{path:?}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// One of its arrays is unusable.
    #[error("{path:?}, array {array:?}: {problem}")]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// What is wrong, what was expected, and what to do.
        problem: String,
    },
}

/// One tensor per graph input, in the graph's order.
pub type Sample = Vec<ArrayD<f32>>;

/// Samples, perhaps with labels. There is at least one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    samples: Vec<Sample>,
    labels: Option<Vec<Vec<usize>>>,
}

/// Most bytes of a JSON file, which takes several times as many in memory.
const MAX_JSON: u64 = 1 << 26;

/// A file of arrays, each read when it is asked for.
struct Arrays<'p> {
    path: &'p Path,
    names: Vec<String>,
    source: Source,
}

enum Source {
    Npz(npy::Npz),
    Npy(npy::Npy),
    Json(Vec<json::Nested>),
}

impl Dataset {
    /// Reads samples for the given inputs, and labels if the file has them.
    ///
    /// # Errors
    /// If the file is unreadable, empty, of another format, or an array is missing or has the wrong
    /// shape or element type, or holds NaN or infinity.
    pub fn read(path: impl AsRef<Path>, inputs: &[Input]) -> Result<Self, DataError> {
        let path = path.as_ref();
        let mut arrays = Arrays::open(path)?;
        let labels = arrays.names.iter().position(|name| is_label(name, inputs));
        let places = inputs
            .iter()
            .map(|input| arrays.place(input, inputs, labels))
            .collect::<Result<Vec<_>, _>>()?;
        let mut columns = Vec::new();
        for (input, place) in inputs.iter().zip(places) {
            let tensor = arrays.read(place)?;
            columns.push(split(tensor, input).map_err(|problem| arrays.fault(place, problem))?);
        }
        let count = columns.first().map_or(0, Vec::len);
        for (column, input) in columns.iter().zip(inputs) {
            if column.len() != count {
                return Err(DataError::File {
                    path: path.to_owned(),
                    problem: format!(
                        "input {:?} has {} samples but {:?} has {count}; give every input the same \
                        number",
                        input.name,
                        column.len(),
                        inputs[0].name
                    ),
                });
            }
        }
        let labels = match labels {
            None => None,
            Some(place) => {
                let tensor = arrays.read(place)?;
                Some(read_labels(&tensor, count).map_err(|problem| arrays.fault(place, problem))?)
            }
        };
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let samples = (0..count).map(|_| columns.iter_mut().filter_map(Iterator::next).collect());
        Ok(Self { samples: samples.collect(), labels })
    }

    /// A dataset from samples in memory; `None` if there are none, or not one label each.
    pub fn new(samples: Vec<Sample>, labels: Option<Vec<usize>>) -> Option<Self> {
        let labelled = labels.as_ref().is_none_or(|labels| labels.len() == samples.len());
        let labels = labels.map(|labels| labels.into_iter().map(|label| vec![label]).collect());
        (labelled && !samples.is_empty()).then_some(Self { samples, labels })
    }

    /// The first samples, `count` of them or all there are.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.samples.truncate(count.max(1));
        self.labels.iter_mut().for_each(|labels| labels.truncate(count.max(1)));
        self
    }

    /// The samples; at least one.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The classes of each sample, if the data is labelled: one, or one per position.
    pub fn labels(&self) -> Option<&[Vec<usize>]> {
        self.labels.as_deref()
    }
}

/// Reads exactly one sample.
///
/// # Errors
/// As [`Dataset::read`], and if there are several samples.
pub fn read_sample(path: impl AsRef<Path>, inputs: &[Input]) -> Result<Sample, DataError> {
    let path = path.as_ref();
    let mut samples = Dataset::read(path, inputs)?.samples;
    match (samples.len(), samples.pop()) {
        (1, Some(sample)) => Ok(sample),
        (count, _) => Err(DataError::File {
            path: path.to_owned(),
            problem: format!("it holds {count} samples, expected one; save a single sample"),
        }),
    }
}

impl<'p> Arrays<'p> {
    fn open(path: &'p Path) -> Result<Self, DataError> {
        let fault = |problem: String| DataError::File { path: path.to_owned(), problem };
        let unreadable = |source: io::Error| DataError::Read { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(fault(
                "it is a directory; name the .npz, .npy or .json file itself".into(),
            ));
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let extension = extension.map(str::to_ascii_lowercase);
        let known =
            extension.as_deref().filter(|extension| ["npz", "npy", "json"].contains(extension));
        let extension = known.ok_or_else(|| {
            fault(
                "its name does not end in .npz, .npy or .json; save the data in one of these \
                formats"
                    .into(),
            )
        })?;
        let (file, length) = crate::file::open(path).map_err(unreadable)?;
        if length == 0 {
            return Err(fault("it is empty; write or copy the data again".into()));
        }
        let (names, source) = match extension {
            "npz" => {
                let archive = npy::Npz::open(file, length).map_err(fault)?;
                (archive.names.clone(), Source::Npz(archive))
            }
            "npy" => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (vec![name], Source::Npy(npy::Npy { file, length }))
            }
            _ => {
                let bytes = crate::file::read(path, MAX_JSON).map_err(unreadable)?;
                let (names, arrays) = json::read(&bytes).map_err(fault)?.into_iter().unzip();
                (names, Source::Json(arrays))
            }
        };
        if names.is_empty() {
            return Err(fault("it holds no arrays; write the data again".into()));
        }
        Ok(Self { path, names, source })
    }

    /// Reads an array.
    fn read<T: Number>(&mut self, place: usize) -> Result<ArrayD<T>, DataError> {
        let array = match &mut self.source {
            Source::Npz(archive) => archive.array(place),
            // The file is the array.
            Source::Npy(file) => {
                return file
                    .array()
                    .map_err(|problem| DataError::File { path: self.path.to_owned(), problem });
            }
            Source::Json(arrays) => arrays[place].array(),
        };
        array.map_err(|problem| self.fault(place, problem))
    }

    /// What is wrong with an array.
    fn fault(&self, place: usize, problem: String) -> DataError {
        DataError::Array { path: self.path.to_owned(), array: self.names[place].clone(), problem }
    }

    /// The array that belongs to an input: of its name, or the only one beside the labels if there
    /// is only one input.
    fn place(
        &self,
        input: &Input,
        inputs: &[Input],
        labels: Option<usize>,
    ) -> Result<usize, DataError> {
        let others: Vec<usize> =
            (0..self.names.len()).filter(|&place| Some(place) != labels).collect();
        let named = others.iter().copied().find(|&place| self.names[place] == input.name);
        let only = (inputs.len() == 1 && others.len() == 1).then(|| others[0]);
        named.or(only).ok_or_else(|| {
            let found: Vec<String> =
                others.iter().map(|&place| format!("{:?}", self.names[place])).collect();
            DataError::File {
                path: self.path.to_owned(),
                problem: format!(
                    "no array for input {:?} {:?} (found {}); name the array like the input",
                    input.name,
                    input.shape,
                    if found.is_empty() { "none".into() } else { found.join(", ") }
                ),
            }
        })
    }
}

fn is_label(name: &str, inputs: &[Input]) -> bool {
    LABEL_NAMES.contains(&name) && inputs.iter().all(|input| input.name != name)
}

/// An array as samples of an input.
fn split(floats: ArrayD<f32>, input: &Input) -> Result<Vec<ArrayD<f32>>, String> {
    let (shape, wanted) = (floats.shape(), input.shape.as_slice());
    if shape.contains(&0) {
        return Err(format!("shape {shape:?} holds no samples; give at least one"));
    }
    let batched = wanted.first() == Some(&1);
    let many = (batched && shape.len() == wanted.len() && shape[1..] == wanted[1..])
        || (shape.len() == wanted.len() + 1 && shape[1..] == *wanted);
    let one = shape == wanted || (batched && *shape == wanted[1..]);
    if !one && !many {
        let sample = if batched { &wanted[1..] } else { wanted };
        let listed: Vec<String> = sample.iter().map(ToString::to_string).collect();
        return Err(format!(
            "shape {shape:?} does not fit input {:?}, expected {wanted:?} for one sample or [N, \
            {}] for N; reshape it",
            input.name,
            listed.join(", ")
        ));
    }
    if let Some((index, x)) = floats.indexed_iter().find(|(_, x)| !x.is_finite()) {
        return Err(format!(
            "element {:?} is {x}, expected finite numbers; clean the data",
            ndarray::Dimension::slice(&index)
        ));
    }
    let sample = |tensor: ArrayD<f32>| crate::tensor::moves::reshape(&tensor, wanted);
    Ok(match one {
        true => vec![sample(floats)],
        false => floats.axis_iter(Axis(0)).map(|view| sample(view.to_owned())).collect(),
    })
}

fn read_labels(tensor: &ArrayD<f64>, count: usize) -> Result<Vec<Vec<usize>>, String> {
    let shape = tensor.shape();
    let one_each =
        tensor.len() == count && shape.iter().filter(|&&length| length != 1).count() <= 1;
    let positions = shape.first() == Some(&count) && shape.len() > 1 && tensor.len() > count;
    if !one_each && !positions {
        return Err(format!(
            "labels of shape {shape:?} for {count} samples, expected [{count}], the number of the \
            class of each, or [{count}, …], those of its positions"
        ));
    }
    let class = |&x: &f64| match x.fract() == 0.0 && (0.0..9e15).contains(&x) {
        true => Ok(x as usize),
        false => Err(format!("label {x}, expected whole numbers from 0")),
    };
    let classes: Vec<usize> = tensor.iter().map(class).collect::<Result<_, _>>()?;
    Ok(classes.chunks(tensor.len() / count).map(<[usize]>::to_vec).collect())
}
