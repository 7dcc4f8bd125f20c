//! A line of ids, as long as it is.

use std::path::Path;

use super::arrays;
use super::error::DataError;
use super::read::read_sample;
use crate::integer::signature::{Grid, Input};

/// Reads whole numbers: the only array of a file, or the one of this name.
///
/// # Errors
/// As [`read_sample`], and if they are not whole.
pub fn read_ids(path: impl AsRef<Path>, name: &str) -> Result<Vec<i64>, DataError> {
    let path = path.as_ref();
    // What has no shape is refused where it is read.
    let shape = arrays::shapes(path, &[name]).remove(name).unwrap_or_else(|| vec![1]);
    let count: usize = shape.iter().product();
    let shape = if shape.is_empty() { vec![1] } else { shape };
    let long = shape.iter().filter(|&&length| length > 1).count();
    if count == 0 || long > 1 {
        let problem = format!("{name:?} has the shape {shape:?}; ids are one line");
        return Err(DataError::File { path: path.to_owned(), problem });
    }
    let grid = Some(Grid::open(true));
    let sample = read_sample(path, &[Input { name: name.into(), shape, grid }])?;
    let ids = sample.iter().flatten().map(|&id| {
        let whole = id.fract() == 0.0 && id.abs() < 1e7;
        whole.then_some(id as i64).ok_or_else(|| DataError::File {
            path: path.to_owned(),
            problem: format!("{name:?} holds {id}; ids are whole numbers"),
        })
    });
    ids.collect()
}
