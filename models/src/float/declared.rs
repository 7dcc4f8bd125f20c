//! Ranges that people declare for inputs.

use std::collections::BTreeMap;

use super::graph::Graph;
use super::whole;
use crate::integer::signature::Grid;

/// A declared range that an input cannot have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("range {minimum},{maximum} of input {input:?}: {problem}")]
pub struct RangeError {
    /// The input.
    pub input: String,
    /// The lower end.
    pub minimum: f32,
    /// The upper end.
    pub maximum: f32,
    /// What is wrong, what was expected, and what to do.
    pub problem: String,
}

/// Declared ranges by input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared(BTreeMap<String, [f32; 2]>);

impl Declared {
    /// Declares a range. `element` holds, for each input, what its element type allows.
    pub(crate) fn add(
        &mut self,
        graph: &mut Graph,
        element: &[Option<Grid>],
        name: &str,
        [minimum, maximum]: [f32; 2],
    ) -> Result<(), RangeError> {
        let fault = |problem: String| RangeError { input: name.into(), minimum, maximum, problem };
        let Some(index) = graph.inputs.iter().position(|input| input.name == name) else {
            let inputs: Vec<String> =
                graph.inputs.iter().map(|input| format!("{:?}", input.name)).collect();
            return Err(fault(format!(
                "the model has no such input; its inputs are {}",
                inputs.join(", ")
            )));
        };
        if !(minimum.is_finite() && maximum.is_finite() && minimum <= maximum) {
            return Err(fault(
                "expected two finite numbers, the first not above the second".into(),
            ));
        }
        match element[index] {
            None if minimum == maximum => {
                return Err(fault("expected the first number below the second".into()));
            }
            None => {}
            Some(grid) if !grid.is_whole() => {
                return Err(fault("the file says itself how it is quantised; leave it out".into()));
            }
            Some(grid) => {
                if minimum.fract() != 0.0 || maximum.fract() != 0.0 {
                    return Err(fault("its elements are integers, expected two of them".into()));
                }
                let ends = [minimum as i64, maximum as i64];
                if ends[0] < grid.minimum || (ends[1] > grid.maximum && !grid.is_open()) {
                    return Err(fault(format!(
                        "its element type holds {}..={} only",
                        grid.minimum, grid.maximum
                    )));
                }
                // More than 16 bits: it gets a scale.
                graph.inputs[index].grid =
                    Some(whole::grid(ends).unwrap_or(Grid::open(ends[0] < 0)));
            }
        }
        self.0.insert(name.into(), [minimum, maximum]);
        Ok(())
    }

    /// The range declared for an input.
    pub(crate) fn range(&self, name: &str) -> Option<[f32; 2]> {
        self.0.get(name).copied()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, [f32; 2])> {
        self.0.iter().map(|(name, &ends)| (name.as_str(), ends))
    }
}
