//! A lowered graph and the choices that complete it.

use std::collections::HashMap;

use zkinfer_verifier::DescriptionError;
use zkinfer_verifier::circuit::analysis::{Analysis, analyse};
use zkinfer_verifier::circuit::description::{
    Description, Form, Function, FunctionId, Operator, Requantise,
};
use zkinfer_verifier::circuit::interval::Interval;

use super::narrow::{self, Tables};

/// A graph as a description whose rows, limb width and forms are still open.
#[derive(Clone, Debug)]
pub struct Lowered(Description);

/// What a cost model chooses. Every plan proves the same function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `n = 2^k` rows.
    pub k: u32,
    /// Bits of a limb.
    pub limb_bits: u32,
    /// Table rows that an element may cost to take the narrow form rather than the wide one, in
    /// units of [`ROW`](super::ROW). With 0 only those do whose tables are short in any case.
    pub price: u64,
    /// Fewest entries of a wide function, at least 2. Shorter ones repeat their last value, which
    /// saturation gives anyway: with more entries the low parts need a longer table and the high
    /// parts a shorter one.
    pub least_entries: usize,
}

/// The form of a requantisation that lowering has not made a plain one, with these quotients, where
/// its function's table has the quotients of `narrow`.
pub(crate) fn form(made: Form, quotients: Interval, narrow: Option<Interval>) -> Form {
    match made {
        Form::Plain => Form::Plain,
        _ if narrow.is_some_and(|narrow| narrow.union(quotients) == narrow) => Form::Narrow,
        _ => Form::Wide,
    }
}

impl Lowered {
    pub(super) fn new(description: Description) -> Self {
        Self(description)
    }

    /// The description without its choices.
    pub(crate) fn description(&self) -> &Description {
        &self.0
    }

    /// Shapes and intervals, those of every completed description.
    pub(crate) fn analyse(&self) -> Result<Analysis, DescriptionError> {
        analyse(&self.0)
    }

    /// The requantisations, each with its node.
    pub(crate) fn requantisations(&self) -> impl Iterator<Item = (usize, &Requantise)> {
        self.0.nodes.iter().enumerate().filter_map(|(id, node)| match &node.operator {
            Operator::Requantise(requantise) => Some((id, requantise)),
            _ => None,
        })
    }

    /// The tables that each function can have for the narrow form.
    pub(crate) fn tables(&self, analysis: &Analysis) -> Vec<Tables> {
        let requantisations = self.requantisations().map(|(_, requantise)| requantise);
        narrow::tables(&self.0.functions, analysis, requantisations)
    }

    /// The description with a plan's choices.
    ///
    /// # Errors
    /// If the description is not valid.
    pub fn describe(self, plan: &Plan) -> Result<Description, DescriptionError> {
        let analysis = self.analyse()?;
        let tables: Vec<_> =
            self.tables(&analysis).iter().map(|tables| tables.at(plan.price)).collect();
        let Self(mut description) = self;
        let mut wide: HashMap<FunctionId, FunctionId> = HashMap::new();
        description.k = plan.k;
        description.limb_bits = plan.limb_bits;
        for node in &mut description.nodes {
            let Operator::Requantise(requantise) = &mut node.operator else { continue };
            let quotients = analysis.nodes[requantise.input].interval.shifted(requantise.shift);
            let number = requantise.function;
            requantise.form = form(requantise.form, quotients, tables[number]);
            if requantise.form == Form::Wide {
                let functions = &mut description.functions;
                requantise.function = *wide.entry(number).or_insert_with(|| {
                    functions.push(extended(&functions[number], plan.least_entries));
                    functions.len() - 1
                });
            }
        }
        description.number_functions();
        Ok(description)
    }
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
