//! MockProver's verdict in the description's terms.

use std::fmt;

use halo2_proofs::dev::{FailureLocation, MockProver, VerifyFailure};
use halo2_proofs::plonk::Error;
use zkinfer_verifier::VerifyingKey;

use super::configuration::GATES;
use super::statement::shown;
use super::stock::StockCircuit;
use crate::witness::Witness;

/// A check that a claim fails.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Its name: a gate's, `lookup <index>: <what>`, or the reason why the statement or circuit was
    /// refused before any constraint.
    pub check: String,
    /// The row, for constraints.
    pub row: Option<usize>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{} on row {row}", self.check),
            None => write!(f, "{}", self.check),
        }
    }
}

/// Whether statement and cells satisfy every constraint of the key, by MockProver; if not, which
/// checks fail and where.
pub fn mock_prove(key: &VerifyingKey, witness: &Witness) -> Result<(), Vec<Failure>> {
    let refused = |reason: String| vec![Failure { check: reason, row: None }];
    shown(key, witness)
        .check(key)
        .map_err(|rejection| refused(format!("statement: {rejection}")))?;
    let usable = key.layout().usable;
    if witness.columns.len() != key.layout().fresh_columns()
        || witness.columns.iter().any(|column| column.len() != usable)
    {
        return Err(refused("witness: its columns do not fit the layout".into()));
    }
    StockCircuit::new(key, witness).mock_prove()
}

impl StockCircuit {
    /// Whether the claim satisfies every constraint, by MockProver; if not, which checks fail and
    /// where.
    pub fn mock_prove(&self) -> Result<(), Vec<Failure>> {
        let prover = self.configured(|| MockProver::run(self.k(), self, self.instance()));
        let refused =
            |error: Error| vec![Failure { check: format!("synthesis: {error}"), row: None }];
        let verdict = prover.map_err(refused)?.verify();
        verdict.map_err(|failures| failures.iter().map(|failure| self.explain(failure)).collect())
    }

    /// A failure in the description's terms.
    fn explain(&self, failure: &VerifyFailure) -> Failure {
        let (check, location) = match failure {
            VerifyFailure::ConstraintNotSatisfied { constraint, location, .. } => {
                let named = GATES
                    .iter()
                    .enumerate()
                    .find(|&(index, &gate)| *constraint == ((index, gate).into(), 0, gate).into());
                (
                    named.map_or_else(|| constraint.to_string(), |(_, gate)| gate.to_string()),
                    Some(location),
                )
            }
            VerifyFailure::Lookup { lookup_index, location } => {
                (self.lookup_name(*lookup_index), Some(location))
            }
            other => (other.to_string(), None),
        };
        let row = location.map(|location| match location {
            FailureLocation::InRegion { offset, .. } => *offset,
            FailureLocation::OutsideRegion { row } => *row,
        });
        Failure { check, row }
    }

    /// What a lookup is called, such as `lookup 3: limb`.
    pub fn lookup_name(&self, index: usize) -> String {
        let what = self.shape.lookups.get(index).map_or("unknown", |(name, _)| name);
        format!("lookup {index}: {what}")
    }
}
