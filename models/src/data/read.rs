//! Reading a file of any kind.

use std::path::Path;

use super::dataset::{Dataset, Sample};
use super::error::DataError;
use super::normalise::Normalise;
use super::{arrays, csv, pictures};
use crate::integer::signature::Input;

/// What a file alone does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// How pictures become numbers; without it none is read.
    pub normalise: Option<Normalise>,
    /// The array or column of labels, if it has none of [their names](super::LABEL_NAMES).
    pub labels: Option<String>,
}

impl Dataset {
    /// Reads samples for the given inputs, and labels if the file has them.
    ///
    /// # Errors
    /// If the file is unreadable, empty, of another format, or an array is missing or has the wrong
    /// shape or element type, or holds NaN or infinity.
    pub fn read(path: impl AsRef<Path>, inputs: &[Input]) -> Result<Self, DataError> {
        Self::read_with(path, inputs, &ReadOptions::default())
    }

    /// The same as people want it.
    ///
    /// # Errors
    /// As [`Self::read`], and if pictures are not said how to normalise, or labels that are asked
    /// for are missing.
    pub fn read_with(
        path: impl AsRef<Path>,
        inputs: &[Input],
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let path = path.as_ref();
        let labels = options.labels.as_deref();
        let table = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if path.is_dir() || pictures::named(path) {
            pictures::read(path, inputs, options.normalise.as_ref())
        } else if table {
            csv::read(path, inputs, labels)
        } else {
            arrays::read(path, inputs, labels)
        }
    }
}

/// Reads exactly one sample.
///
/// # Errors
/// As [`Dataset::read`], and if there are several samples.
pub fn read_sample(path: impl AsRef<Path>, inputs: &[Input]) -> Result<Sample, DataError> {
    read_sample_with(path, inputs, &ReadOptions::default())
}

/// The same as people want it.
///
/// # Errors
/// As [`read_sample`].
pub fn read_sample_with(
    path: impl AsRef<Path>,
    inputs: &[Input],
    options: &ReadOptions,
) -> Result<Sample, DataError> {
    let path = path.as_ref();
    let mut samples = Dataset::read_with(path, inputs, options)?.samples;
    match (samples.len(), samples.pop()) {
        (1, Some(sample)) => Ok(sample),
        (count, _) => Err(DataError::File {
            path: path.to_owned(),
            problem: format!("it holds {count} samples, expected one; save a single sample"),
        }),
    }
}
