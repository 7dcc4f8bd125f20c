//! Functions by table. Each stands once in a description, however many requantisations read it.

use serde::{Deserialize, Serialize};

use crate::circuit::interval::Interval;

/// Index of a function in
/// [`Description::functions`](crate::circuit::description::Description::functions).
pub type FunctionId = usize;

/// A function of one integer by table: `x ↦ values[clamp(x − minimum, 0, last)]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Function {
    /// The argument of the first entry.
    pub minimum: i64,
    /// The values at `minimum, minimum + 1, …`.
    pub values: Vec<i64>,
}

impl Function {
    /// Saturation to `minimum..=maximum`.
    pub fn clamp(minimum: i64, maximum: i64) -> Self {
        Self { minimum, values: (minimum..=maximum).collect() }
    }

    /// The argument of the last entry; none if there is no entry or it is no 64-bit integer.
    pub fn maximum(&self) -> Option<i64> {
        self.minimum.checked_add(self.radix().checked_sub(1).filter(|last| *last >= 0)?)
    }

    /// Whether every value is its argument.
    pub fn is_identity(&self) -> bool {
        (self.minimum..).zip(&self.values).all(|(argument, &value)| argument == value)
    }

    /// Number of entries: the radix of the wide form.
    pub fn radix(&self) -> i64 {
        i64::try_from(self.values.len()).unwrap_or(i64::MAX)
    }

    /// The value at `argument`, saturating outside the table; 0 for an empty table, which no valid
    /// description has.
    pub fn apply(&self, argument: i64) -> i64 {
        let last = self.values.len().saturating_sub(1);
        let inside = argument > self.minimum;
        let index = if inside {
            usize::try_from(argument.abs_diff(self.minimum)).unwrap_or(last).min(last)
        } else {
            0
        };
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// What the operators that read a function ask of it, found out once for all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    /// What its values lie in, if it has any.
    pub(crate) interval: Option<Interval>,
    /// Whether each is its argument.
    pub(crate) unchanged: bool,
}

impl Values {
    pub(crate) fn of(function: &Function) -> Self {
        Self { interval: Interval::of(&function.values), unchanged: function.is_identity() }
    }
}
