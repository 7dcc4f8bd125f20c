//! A lowered graph and the choices that complete it.

use std::collections::HashMap;

use zkinfer_verifier::DescriptionError;
use zkinfer_verifier::circuit::analysis::{Analysis, analyse};
use zkinfer_verifier::circuit::description::{
    Combine, Contract, Description, Form, Function, FunctionId, Operator, Requantise,
};
use zkinfer_verifier::circuit::interval::Interval;

use crate::error::Error;

/// A graph as a description whose rows, limb width and forms are still open.
///
/// Its requantisations have no limbs yet but remember the bits they divide by; each accumulator has
/// its exact integer scale.
#[derive(Clone, Debug)]
pub struct Lowered {
    description: Description,
    shifts: Vec<u32>,
}

/// What a cost model chooses. Every plan proves the same function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `n = 2^k` rows.
    pub k: u32,
    /// Bits of a remainder limb.
    pub limb_bits: u32,
    /// Requantisations with at most this many quotients take the narrow form, the others the wide
    /// one.
    pub narrow_limit: i128,
    /// Fewest entries of a wide function, at least 2. Shorter ones repeat their last value, which
    /// saturation gives anyway: with more entries the low parts need a longer table and the high
    /// parts a shorter one.
    pub least_entries: usize,
}

/// First argument and number of entries of a function.
pub(crate) type Entries = (i64, usize);

impl Plan {
    /// The form of a requantisation that lowering has not made a plain one, with these quotients
    /// and a function of so many entries from `first` on. If all that share the function have
    /// quotients within as many entries of it, its table is not longer than that of the wide form,
    /// whose rows are three times the entries. Few quotients that lie elsewhere (a bias beyond the
    /// output's range) would draw the table out to them.
    pub(crate) fn form(&self, made: Form, quotients: Interval, (first, entries): Entries) -> Form {
        if made == Form::Plain {
            return made;
        }
        let entries = i128::try_from(entries).unwrap_or(i128::from(i64::MAX));
        let near = i128::from(first) - entries..i128::from(first) + 2 * entries;
        let covered = quotients.count() <= entries
            && near.contains(&quotients.minimum.into())
            && near.contains(&quotients.maximum.into());
        if covered || quotients.count() <= self.narrow_limit { Form::Narrow } else { Form::Wide }
    }
}

impl Lowered {
    pub(super) fn new(description: Description, shifts: Vec<u32>) -> Self {
        Self { description, shifts }
    }

    /// The description without its choices.
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// Shapes and intervals. Both are those of every completed description, but for accumulators,
    /// which padding scales.
    pub(crate) fn analyse(&self) -> Result<Analysis, DescriptionError> {
        analyse(&self.description)
    }

    /// The requantisations: node, operator, and the bits it divides by.
    pub(crate) fn requantisations(&self) -> impl Iterator<Item = (usize, &Requantise, u32)> {
        let nodes = self.description.nodes.iter().zip(&self.shifts).enumerate();
        nodes.filter_map(|(id, (node, &shift))| match &node.operator {
            Operator::Requantise(requantise) => Some((id, requantise, shift)),
            _ => None,
        })
    }

    /// Where the function of a requantisation has entries.
    pub(crate) fn entries(&self, requantise: &Requantise) -> Entries {
        entries(&self.description.functions[requantise.function])
    }

    /// The description with a plan's choices.
    ///
    /// The description divides by whole limbs. A shift in between is padded: accumulator and
    /// divisor are both multiplied by the same power of two, which changes no quotient.
    pub fn describe(self, plan: &Plan) -> Result<Description, Error> {
        let analysis = self.analyse()?;
        let Self { mut description, shifts } = self;
        let mut wide: HashMap<FunctionId, FunctionId> = HashMap::new();
        description.k = plan.k;
        description.limb_bits = plan.limb_bits;
        for (id, shift) in shifts.into_iter().enumerate() {
            let node = &mut description.nodes[id];
            let Operator::Requantise(requantise) = &mut node.operator else { continue };
            let input = requantise.input;
            let quotients = analysis.nodes[input].interval.shifted(shift);
            requantise.limbs = shift.div_ceil(plan.limb_bits.max(1));
            let functions = &mut description.functions;
            let entries = entries(&functions[requantise.function]);
            requantise.form = plan.form(requantise.form, quotients, entries);
            if requantise.form == Form::Wide {
                let number = requantise.function;
                requantise.function = *wide.entry(number).or_insert_with(|| {
                    functions.push(extended(&functions[number], plan.least_entries));
                    functions.len() - 1
                });
            }
            let padding = padding(shift, plan.limb_bits);
            let name = node.name.clone();
            scale(&mut description.nodes[input].operator, padding)
                .ok_or(Error::Overflow { node: name })?;
        }
        description.number_functions();
        Ok(description)
    }
}

fn entries(function: &Function) -> Entries {
    (function.minimum, function.values.len())
}

/// The function that repeats its last value up to `entries` values.
fn extended(function: &Function, entries: usize) -> Function {
    let Function { minimum, mut values } = function.clone();
    if let Some(&last) = values.last()
        && values.len() < entries
    {
        values.resize(entries, last);
    }
    Function { minimum, values }
}

/// Bits that fill `shift` up to whole limbs.
pub(crate) fn padding(shift: u32, limb_bits: u32) -> u32 {
    shift.next_multiple_of(limb_bits.max(1)) - shift
}

/// Multiplies an accumulator by `2^bits`; none if an integer leaves 64 bits.
fn scale(operator: &mut Operator, bits: u32) -> Option<()> {
    if bits == 0 {
        return Some(());
    }
    let unit = 1i64.checked_shl(bits).filter(|unit| *unit > 0)?;
    let scale = |values: &mut [i64]| -> Option<()> {
        for value in values {
            *value = value.checked_mul(unit)?;
        }
        Some(())
    };
    match operator {
        Operator::Contract(Contract { row_factors, bias, .. }) => {
            scale(row_factors)?;
            scale(bias)
        }
        Operator::Combine(Combine { terms, constant }) => {
            for (_, factor) in terms {
                *factor = factor.checked_mul(unit)?;
            }
            scale(constant)
        }
        // Lowering puts nothing else in front of a division.
        Operator::Input(_)
        | Operator::Product(_)
        | Operator::View(_)
        | Operator::Requantise(_)
        | Operator::Copy(_)
        | Operator::Bounded(_)
        | Operator::OneHot(_)
        | Operator::SliceAt(_)
        | Operator::Hadamard(_) => None,
    }
}
