//! What one proof is made of: the statement, and all that proves it.

use zkinfer_verifier::circuit::description::Visibility;
use zkinfer_verifier::{Statement, Value, VerifyingKey};

use crate::columns::SealedColumns;
use crate::error::ProveError;

/// What is to be proven, and what proves it.
#[derive(Clone, Default)]
pub struct Assignment<'a> {
    /// Inputs and outputs as the key shows them.
    pub statement: Statement,
    /// Cells of the lanes that hold small integers, one vector of usable rows per column.
    pub columns: &'a [Vec<i64>],
    /// For every bilinear node in order: the integers that it multiplies. The right ones of a
    /// sealed contraction are the model's weights and may be left out.
    pub operands: Vec<[Vec<i64>; 2]>,
    /// The sealed inputs, then the sealed outputs.
    pub sealed: Vec<&'a SealedColumns>,
}

impl<'a> Assignment<'a> {
    /// The assignment of these inputs and outputs, of which the statement says what the key shows:
    /// the integers, the commitments of what is sealed, or nothing.
    pub fn new(
        key: &VerifyingKey,
        [inputs, outputs]: [&[Vec<i64>]; 2],
        columns: &'a [Vec<i64>],
        operands: Vec<[Vec<i64>; 2]>,
        sealed: Vec<&'a SealedColumns>,
    ) -> Self {
        let mut commitments =
            sealed.iter().map(|sealed| sealed.seal().record().commitments.clone());
        let mut value = |(visibility, integers): (Visibility, &Vec<i64>)| match visibility {
            Visibility::Public => Value::Public(integers.clone()),
            // That one is missing is found before anything is proven.
            Visibility::Sealed => Value::Sealed(commitments.next().unwrap_or_default()),
            Visibility::Private => Value::Private,
        };
        let description = key.description();
        let shown = description.inputs.iter().map(|input| input.visibility);
        let inputs = shown.zip(inputs).map(&mut value).collect();
        let shown = description.outputs.iter().map(|output| output.visibility);
        let outputs = shown.zip(outputs).map(&mut value).collect();
        drop(commitments);
        Self { statement: Statement { inputs, outputs }, columns, operands, sealed }
    }

    /// Whether it has the shape of this circuit, whose sealed weights come apart.
    pub(crate) fn check(
        &self,
        key: &VerifyingKey,
        weights: Option<&SealedColumns>,
    ) -> Result<(), ProveError> {
        let layout = key.layout();
        let odd = self.columns.iter().map(Vec::len).find(|&rows| rows != layout.usable);
        if self.columns.len() != layout.fresh_columns() || odd.is_some() {
            return Err(ProveError::WitnessShape {
                columns: layout.fresh_columns(),
                rows: layout.usable,
                got_columns: self.columns.len(),
                got_rows: odd.unwrap_or(layout.usable),
            });
        }
        let count = |what, expected: usize, got: usize| {
            if expected == got { Ok(()) } else { Err(ProveError::Missing { what, expected, got }) }
        };
        let bilinear = key.description().bilinear().count();
        count("pairs of operands", bilinear, self.operands.len())?;
        let model = layout.model_sheets().count();
        count("sealed tensors of the model", model, weights.map_or(0, |weights| weights.count))?;
        let others = self.sealed.iter().map(|sealed| sealed.count).sum();
        count("sealed inputs and outputs", layout.sheets.len() - model, others)
    }
}
