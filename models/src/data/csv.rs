//! Tables of numbers with a line of names above them.

use std::collections::HashMap;
use std::path::Path;

use csv_core::ReadFieldResult;
use ndarray::ArrayD;

use super::dataset::{Dataset, Sample, is_label, read_labels};
use super::error::DataError;
use super::number::MAX_ELEMENTS;
use crate::integer::signature::Input;

/// Most bytes of a table.
const MAX_FILE: u64 = 1 << 28;

/// Reads a table: each row is a sample. A network of one input reads all columns but the labels, in
/// their order; one of several inputs of one number each reads the columns of their names.
pub(super) fn read(
    path: &Path,
    inputs: &[Input],
    labels: Option<&str>,
) -> Result<Dataset, DataError> {
    let bytes = crate::file::read(path, MAX_FILE)
        .map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let dataset = table(&mut Rows::new(&bytes), inputs, labels);
    dataset.map_err(|problem| DataError::File { path: path.to_owned(), problem })
}

/// The rows of a file, field by field.
struct Rows<'b> {
    rest: &'b [u8],
    reader: csv_core::Reader,
    field: Vec<u8>,
}

impl<'b> Rows<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        // No field is longer than the file.
        Self { rest: bytes, reader: csv_core::Reader::new(), field: vec![0; bytes.len() + 1] }
    }

    /// The next row's fields without white space around them, and the line it begins in.
    fn next(&mut self) -> Result<Option<(u64, Vec<String>)>, String> {
        let line = self.reader.line();
        let (mut fields, mut filled) = (Vec::new(), 0);
        loop {
            let (result, read, written) =
                self.reader.read_field(self.rest, &mut self.field[filled..]);
            self.rest = &self.rest[read..];
            filled += written;
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => return Err("a field is too long".into()),
                ReadFieldResult::End => return Ok(None),
                ReadFieldResult::Field { record_end } => {
                    let text = str::from_utf8(&self.field[..filled])
                        .map_err(|_| format!("line {line} is no UTF-8; write it as UTF-8"))?;
                    fields.push(text.trim().to_owned());
                    filled = 0;
                    if record_end {
                        return Ok(Some((line, fields)));
                    }
                }
            }
        }
    }
}

fn table(rows: &mut Rows<'_>, inputs: &[Input], labels: Option<&str>) -> Result<Dataset, String> {
    let (_, names) = rows.next()?.ok_or("it is empty; write or copy the data again")?;
    let label = label_column(&names, inputs, labels)?;
    let places = places(&names, inputs, label)?;
    let (mut samples, mut classes, mut elements) = (Vec::new(), Vec::new(), 0);
    while let Some((line, fields)) = rows.next()? {
        if fields.len() != names.len() {
            return Err(format!(
                "line {line} has {} fields, expected {}, one for each name above; write it again",
                fields.len(),
                names.len()
            ));
        }
        let number = |column: usize| -> Result<f64, String> {
            let text = &fields[column];
            text.parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| {
                let shown: String = text.chars().take(40).collect();
                format!(
                    "line {line}, column {:?}: {shown:?}, expected a finite number; replace it, or \
                    leave the row out",
                    names[column]
                )
            })
        };
        let mut sample: Sample = Vec::new();
        for (columns, input) in places.iter().zip(inputs) {
            let numbers: Vec<f32> = columns
                .iter()
                .map(|&column| single(number(column)?, line, &names[column]))
                .collect::<Result<_, _>>()?;
            elements += numbers.len();
            let tensor = ArrayD::from_shape_vec(input.shape.as_slice(), numbers);
            sample.push(tensor.map_err(|error| error.to_string())?);
        }
        if elements > MAX_ELEMENTS {
            return Err(format!("it holds more than {MAX_ELEMENTS} numbers; give fewer rows"));
        }
        samples.push(sample);
        classes.extend(label.map(number).transpose()?);
    }
    if samples.is_empty() {
        return Err("it has names and no rows; write the data again".into());
    }
    let count = samples.len();
    let labels = label.map(|_| {
        ArrayD::from_shape_vec(vec![count], classes)
            .map_err(|error| error.to_string())
            .and_then(|classes| read_labels(&classes, count))
    });
    Ok(Dataset { samples, labels: labels.transpose()? })
}

/// The nearest single float, if there is one.
fn single(number: f64, line: u64, name: &str) -> Result<f32, String> {
    let nearest = number as f32;
    nearest.is_finite().then_some(nearest).ok_or_else(|| {
        format!("line {line}, column {name:?}: {number:e} is too large for float32; scale it")
    })
}

/// The column of labels, if there is one.
fn label_column(
    names: &[String],
    inputs: &[Input],
    labels: Option<&str>,
) -> Result<Option<usize>, String> {
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err("its first line holds numbers, expected the columns' names; write them".into());
    }
    let mut distinct = HashMap::new();
    for (column, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!(
                "column {} has no name; leave out what is no feature (`to_csv(…, index=False)`)",
                column + 1
            ));
        }
        if distinct.insert(name.as_str(), column).is_some() {
            return Err(format!("two of its columns are called {name:?}; rename one"));
        }
    }
    match labels {
        None => Ok(names.iter().position(|name| is_label(name, inputs))),
        Some(name) => distinct.get(name).copied().map(Some).ok_or_else(|| {
            format!("no column {name:?} of labels; its columns are {}", listed(names))
        }),
    }
}

/// The columns that each input reads.
fn places(
    names: &[String],
    inputs: &[Input],
    label: Option<usize>,
) -> Result<Vec<Vec<usize>>, String> {
    let features: Vec<usize> = (0..names.len()).filter(|&column| Some(column) != label).collect();
    if let [input] = inputs {
        let expected: usize = input.shape.iter().product();
        if features.len() != expected {
            let found = features.iter().map(|&column| &names[column]);
            return Err(format!(
                "{} columns beside labels ({}), but input {:?} {:?} takes {expected}; leave out \
                what is no feature, or name the labels",
                features.len(),
                listed(found),
                input.name,
                input.shape
            ));
        }
        return Ok(vec![features]);
    }
    let column = |input: &Input| {
        if input.shape.iter().product::<usize>() != 1 {
            return Err(format!(
                "input {:?} {:?} takes more than one number, and the model has several inputs; \
                give an .npz",
                input.name, input.shape
            ));
        }
        let found = features.iter().find(|&&column| names[column] == input.name);
        found.map(|&column| vec![column]).ok_or_else(|| {
            format!("no column for input {:?}; its columns are {}", input.name, listed(names))
        })
    };
    inputs.iter().map(column).collect()
}

/// The first names of a list that may be long.
fn listed<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> =
        names.into_iter().take(SHOWN + 1).map(|name| format!("{name:?}")).collect();
    match names.get(..SHOWN) {
        Some(first) if names.len() > SHOWN => format!("{}, …", first.join(", ")),
        _ => names.join(", "),
    }
}
