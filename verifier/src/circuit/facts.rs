//! What is known of every tensor.

use crate::circuit::interval::Interval;

/// Shape and interval of one node or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
    /// Number of elements, at least 1.
    pub elements: usize,
    /// What every element lies in, whatever the inputs in their declared ranges.
    pub interval: Interval,
}

impl Facts {
    /// The tensor as a matrix for cotangents: first dimension by all others.
    pub fn matrix(&self) -> (usize, usize) {
        match self.shape.first() {
            Some(&rows) if rows > 0 => (rows, self.elements.checked_div(rows).unwrap_or(1)),
            _ => (1, 1),
        }
    }
}
