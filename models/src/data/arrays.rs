//! Files of arrays, and samples cut from these.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use ndarray::{ArrayD, Axis};

use super::dataset::{Dataset, is_label, read_labels};
use super::error::DataError;
use super::number::Number;
use super::{json, npy};
use crate::integer::signature::Input;

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

/// Reads samples for the given inputs, and labels: the array called so, or one that is named as
/// labels are.
pub(super) fn read(
    path: &Path,
    inputs: &[Input],
    labels: Option<&str>,
) -> Result<Dataset, DataError> {
    let mut arrays = Arrays::open(path)?;
    let labels = match labels {
        None => arrays.names.iter().position(|name| is_label(name, inputs)),
        Some(label) => {
            Some(arrays.names.iter().position(|name| name == label).ok_or_else(|| {
                let problem =
                    format!("no array {label:?} of labels; its arrays are {:?}", arrays.names);
                DataError::File { path: path.to_owned(), problem }
            })?)
        }
    };
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
    Ok(Dataset { samples: samples.collect(), labels })
}

/// Shapes of the arrays with these names, or of the only one for the only name; none of a file that
/// cannot be read.
pub(crate) fn shapes<'n>(path: &Path, names: &[&'n str]) -> BTreeMap<&'n str, Vec<usize>> {
    let Ok(mut arrays) = Arrays::open(path) else { return BTreeMap::new() };
    let only = (names.len() == 1 && arrays.names.len() == 1).then_some(0);
    let found = names.iter().filter_map(|&name| {
        let place = arrays.names.iter().position(|array| array == name).or(only)?;
        let array: ArrayD<f32> = arrays.read(place).ok()?;
        Some((name, array.shape().to_vec()))
    });
    found.collect()
}

impl<'p> Arrays<'p> {
    fn open(path: &'p Path) -> Result<Self, DataError> {
        let fault = |problem: String| DataError::File { path: path.to_owned(), problem };
        let unreadable = |source: io::Error| DataError::Read { path: path.to_owned(), source };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let extension = extension.map(str::to_ascii_lowercase);
        let known =
            extension.as_deref().filter(|extension| ["npz", "npy", "json"].contains(extension));
        let extension = known.ok_or_else(|| {
            fault(
                "its name does not end in .npz, .npy, .json, .csv, .png or .jpg; save the data in \
                one of these formats"
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
