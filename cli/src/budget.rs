//! What a command is about to take, said before it begins, and refused where it is too much.
//!
//! Predictions are of the machine that `docs/performance.md` describes. What takes a moment is not
//! worth a line; what takes long or much is told on standard error.

use anyhow::{Result, bail};
use zkinfer::Needs;

use crate::arguments::Budget;
use crate::screen::{bytes, note, seconds};

/// Processor time from which on a prediction is told.
const LONG: f64 = 10.0;
/// Memory from which on it is.
const MUCH: usize = 1_000_000_000;

/// Tells what is predicted of each of these pieces of work, and refuses them if one takes more
/// memory than it may.
pub fn allow(budget: &Budget, work: &[(&str, Needs)]) -> Result<()> {
    for (what, needs) in work {
        if needs.seconds >= LONG || needs.bytes >= MUCH {
            note(format_args!(
                "{what} is predicted to take {} of processor time and {} of memory",
                seconds(needs.seconds),
                bytes(needs.bytes)
            ));
        }
    }
    refuse(budget, work)
}

/// Refuses work of which one piece takes more memory than it may.
pub fn refuse(budget: &Budget, work: &[(&str, Needs)]) -> Result<()> {
    let Some(most) = budget.max_memory else { return Ok(()) };
    let Some((what, needs)) = work.iter().find(|(_, needs)| needs.bytes as u64 > most) else {
        return Ok(());
    };
    bail!(
        "{what} is predicted to take {} of memory, more than the {} of --max-memory; compile for \
        fewer tokens or a smaller batch (--dim, --shape), for fewer bits (--bits 8), or cut the \
        network in segments (zkinfer split --segments N)",
        bytes(needs.bytes),
        bytes(usize::try_from(most).unwrap_or(usize::MAX)),
    )
}
