//! Samples for calibration, evaluation and inference, read from what people have at hand after a notebook.
//!
//! | file | content |
//! |---|---|
//! | `.npz` | one array per input, named like the input; a model with one input takes a single array of any name |
//! | `.npy` | the array of a model with one input |
//! | `.json` | an object of nested lists by input name, or for a model with one input just a nested list |
//!
//! An array is one sample, of the input's shape with or without its batch dimension of 1, or many along its first dimension.
//! Labels are an array or member named `label`, `labels` or `y`: one class per sample, or one per position for networks that label positions.

mod json;
mod npy;

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};

use crate::graph::Input;

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

/// An array as read, before anyone asked for its meaning. Doubles hold every element type exactly but 64-bit integers, and those
/// up to 2^53.
#[derive(Clone, Debug)]
pub(crate) struct NamedArray {
    pub(crate) name: String,
    /// Why not, if it could not be read; that matters only if it is asked for.
    pub(crate) array: Result<ArrayD<f64>, String>,
}

impl Dataset {
    /// Reads samples for the given inputs, and labels if the file has them.
    ///
    /// # Errors
    /// If the file is unreadable, empty, of another format, or an array is missing or has the wrong shape or element type, or
    /// holds NaN or infinity.
    pub fn read(path: impl AsRef<Path>, inputs: &[Input]) -> Result<Self, DataError> {
        let path = path.as_ref();
        let mut arrays = read_arrays(path)?;
        let labels = arrays.iter().position(|array| is_label(&array.name, inputs)).map(|index| arrays.remove(index));
        let mut columns = Vec::new();
        for input in inputs {
            let array = take(path, &mut arrays, input, inputs)?;
            columns.push(split(path, array, input)?);
        }
        let count = columns.first().map_or(0, Vec::len);
        for (column, input) in columns.iter().zip(inputs) {
            if column.len() != count {
                return Err(DataError::File {
                    path: path.to_owned(),
                    problem: format!(
                        "input {:?} has {} samples but {:?} has {count}; give every input the same number",
                        input.name,
                        column.len(),
                        inputs[0].name
                    ),
                });
            }
        }
        let labels = labels.map(|labels| read_labels(path, &labels, count)).transpose()?;
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

fn read_arrays(path: &Path) -> Result<Vec<NamedArray>, DataError> {
    let fault = |problem: &str| DataError::File { path: path.to_owned(), problem: problem.into() };
    if path.is_dir() {
        return Err(fault("it is a directory; name the .npz, .npy or .json file itself"));
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.map(str::to_ascii_lowercase);
    let decode = match extension.as_deref() {
        Some("npz") => npy::read_npz,
        Some("npy") => npy::read_npy,
        Some("json") => json::read,
        _ => return Err(fault("its name does not end in .npz, .npy or .json; save the data in one of these formats")),
    };
    let bytes = std::fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    if bytes.is_empty() {
        return Err(fault("it is empty; write or copy the data again"));
    }
    let arrays = decode(path, &bytes)?;
    match arrays.is_empty() {
        true => Err(fault("it holds no arrays; write the data again")),
        false => Ok(arrays),
    }
}

fn is_label(name: &str, inputs: &[Input]) -> bool {
    LABEL_NAMES.contains(&name) && inputs.iter().all(|input| input.name != name)
}

/// The array that belongs to an input: of its name, or the only one if there is only one input.
fn take(path: &Path, arrays: &mut Vec<NamedArray>, input: &Input, inputs: &[Input]) -> Result<NamedArray, DataError> {
    let named = arrays.iter().position(|array| array.name == input.name);
    let only = (inputs.len() == 1 && arrays.len() == 1).then_some(0);
    match named.or(only) {
        Some(index) => Ok(arrays.swap_remove(index)),
        None => {
            let found: Vec<String> = arrays.iter().map(|a| format!("{:?}", a.name)).collect();
            Err(DataError::File {
                path: path.to_owned(),
                problem: format!(
                    "no array for input {:?} {:?} (found {}); name the array like the input",
                    input.name,
                    input.shape,
                    if found.is_empty() { "none".into() } else { found.join(", ") }
                ),
            })
        }
    }
}

/// An array as samples of an input.
fn split(path: &Path, array: NamedArray, input: &Input) -> Result<Vec<ArrayD<f32>>, DataError> {
    let fault = |problem: String| DataError::Array { path: path.to_owned(), array: array.name.clone(), problem };
    let tensor = array.array.as_ref().map_err(|problem| fault(problem.clone()))?;
    let (shape, wanted) = (tensor.shape(), input.shape.as_slice());
    if shape.contains(&0) {
        return Err(fault(format!("shape {shape:?} holds no samples; give at least one")));
    }
    let batched = wanted.first() == Some(&1);
    let many = (batched && shape.len() == wanted.len() && shape[1..] == wanted[1..])
        || (shape.len() == wanted.len() + 1 && shape[1..] == *wanted);
    let one = shape == wanted || (batched && *shape == wanted[1..]);
    if !one && !many {
        let sample = if batched { &wanted[1..] } else { wanted };
        let listed: Vec<String> = sample.iter().map(ToString::to_string).collect();
        return Err(fault(format!(
            "shape {shape:?} does not fit input {:?}, expected {wanted:?} for one sample or [N, {}] for N; reshape it",
            input.name,
            listed.join(", ")
        )));
    }
    let floats = tensor.mapv(|x| x as f32);
    if let Some((index, x)) = floats.indexed_iter().find(|(_, x)| !x.is_finite()) {
        return Err(fault(format!(
            "element {:?} is {x}, expected finite numbers; clean the data",
            ndarray::Dimension::slice(&index)
        )));
    }
    let sample = |tensor: ArrayD<f32>| crate::layout::reshape(&tensor, wanted);
    Ok(match one {
        true => vec![sample(floats)],
        false => floats.axis_iter(Axis(0)).map(|view| sample(view.to_owned())).collect(),
    })
}

fn read_labels(path: &Path, labels: &NamedArray, count: usize) -> Result<Vec<Vec<usize>>, DataError> {
    let fault = |problem: String| DataError::Array { path: path.to_owned(), array: labels.name.clone(), problem };
    let tensor = labels.array.as_ref().map_err(|problem| fault(problem.clone()))?;
    let shape = tensor.shape();
    let one_each = tensor.len() == count && shape.iter().filter(|&&length| length != 1).count() <= 1;
    let positions = shape.first() == Some(&count) && shape.len() > 1 && tensor.len() > count;
    if !one_each && !positions {
        return Err(fault(format!(
            "labels of shape {shape:?} for {count} samples, expected [{count}], the number of the class of each, or [{count}, …], those of its positions"
        )));
    }
    let class = |&x: &f64| match x.fract() == 0.0 && (0.0..9e15).contains(&x) {
        true => Ok(x as usize),
        false => Err(fault(format!("label {x}, expected whole numbers from 0"))),
    };
    let classes: Vec<usize> = tensor.iter().map(class).collect::<Result<_, _>>()?;
    Ok(classes.chunks(tensor.len() / count).map(<[usize]>::to_vec).collect())
}
