//! Which quotients of a function have a table row each: the narrow form.
//!
//! A table serves all requantisations with its function. Those whose quotients stay near the
//! function's entries come first; each further one draws the table out and saves cells of its
//! elements. A price, in table rows for an element, says how far that goes.

use zkinfer_verifier::circuit::analysis::Analysis;
use zkinfer_verifier::circuit::description::{Form, Function, Requantise};
use zkinfer_verifier::circuit::interval::Interval;

/// What prices count in: so many are one table row for an element.
pub const ROW: u64 = 1 << 16;

/// The tables that a function can have.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The one that is had in any case.
    free: Option<Interval>,
    /// Longer and longer ones.
    steps: Vec<Step>,
}

/// A table with all whose quotients it has.
#[derive(Clone, Copy, Debug)]
struct Step {
    domain: Interval,
    /// Elements beyond those of the free table.
    elements: i128,
    /// Rows beyond those of the free table.
    rows: i128,
}

/// Of each function.
pub(crate) fn tables<'d>(
    functions: &[Function],
    analysis: &Analysis,
    requantisations: impl Iterator<Item = &'d Requantise>,
) -> Vec<Tables> {
    let mut uses: Vec<Vec<(Interval, usize)>> = vec![Vec::new(); functions.len()];
    for requantise in requantisations.filter(|requantise| requantise.form != Form::Plain) {
        let facts = &analysis.nodes[requantise.input];
        let quotients = facts.interval.shifted(requantise.shift);
        uses[requantise.function].push((quotients, facts.elements));
    }
    functions.iter().zip(uses).map(|(function, uses)| Tables::new(function, uses)).collect()
}

impl Tables {
    fn new(function: &Function, uses: Vec<(Interval, usize)>) -> Self {
        let entries = function.values.len() as i128;
        let first = i128::from(function.minimum);
        // How far quotients are from the entries.
        let reach = |quotients: Interval| {
            let [low, high] = [quotients.minimum, quotients.maximum].map(i128::from);
            (first - low).max(high - (first + entries - 1))
        };
        // A table of no more quotients than entries, all so near, is not longer than that of the
        // wide form, whose rows are three times the entries.
        let (free, mut others): (Vec<_>, Vec<_>) = uses.into_iter().partition(|&(quotients, _)| {
            quotients.count() <= entries && reach(quotients) <= entries
        });
        let free = free.into_iter().map(|(quotients, _)| quotients).reduce(Interval::union);
        let free_rows = free.map_or(0, |free| free.count());
        others.sort_unstable_by_key(|&(quotients, _)| (reach(quotients), quotients.count()));
        let (mut domain, mut elements) = (free, 0);
        let step = |(quotients, count): (Interval, usize)| {
            let all = domain.map_or(quotients, |domain| domain.union(quotients));
            domain = Some(all);
            elements += count as i128;
            Step { domain: all, elements, rows: all.count() - free_rows }
        };
        Self { free, steps: others.into_iter().map(step).collect() }
    }

    /// The table at a price: the one that saves most, beyond what its rows cost.
    pub(crate) fn at(&self, price: u64) -> Option<Interval> {
        let worth = |step: &Step| i128::from(price) * step.elements - i128::from(ROW) * step.rows;
        let best = self.steps.iter().max_by_key(|step| worth(step));
        best.filter(|step| worth(step) >= 0).map_or(self.free, |step| Some(step.domain))
    }

    /// Prices at which another table becomes the best.
    pub(crate) fn prices(&self) -> impl Iterator<Item = u64> {
        let price = |rows: i128, elements: i128| {
            let least = i128::from(ROW) * rows + elements - 1;
            u64::try_from(least.checked_div(elements)?).ok()
        };
        let from_none = self.steps.iter().map(move |step| price(step.rows, step.elements));
        let from_last = self.steps.windows(2).map(move |pair| {
            price(pair[1].rows - pair[0].rows, pair[1].elements - pair[0].elements)
        });
        from_none.chain(from_last).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uses: &[(i64, i64, usize)]) -> Tables {
        let uses = uses
            .iter()
            .map(|&(minimum, maximum, elements)| (Interval { minimum, maximum }, elements));
        Tables::new(&Function::clamp(-4, 3), uses.collect())
    }

    #[test]
    fn what_is_short_and_near_is_free_and_nothing_else() {
        // Eight quotients eight beyond the entries, or nine, or nine beyond.
        assert_eq!(of(&[(4, 11, 1)]).at(0), Interval::new(4, 11));
        assert_eq!(of(&[(3, 11, 1)]).at(0), None);
        assert_eq!(of(&[(5, 12, 1)]).at(0), None);
        assert_eq!(of(&[(-12, -5, 1)]).at(0), Interval::new(-12, -5));
        assert_eq!(of(&[(-13, -6, 1)]).at(0), None);
    }

    #[test]
    fn a_table_grows_as_far_as_its_rows_are_worth_it() {
        // Beyond 8 rows for nothing: 92 for 46 elements, 900 more for 50.
        let tables = of(&[(-4, 3, 7), (-50, 49, 46), (-950, 49, 50)]);
        let rows = |price| tables.at(price).map_or(0, |table| table.count());
        assert_eq!([0, 2 * ROW - 1, 2 * ROW].map(rows), [8, 8, 100]);
        assert_eq!([18 * ROW - 1, 18 * ROW, u64::MAX].map(rows), [100, 1000, 1000]);
        let prices: Vec<u64> = tables.prices().collect();
        assert!([2 * ROW, 18 * ROW].iter().all(|price| prices.contains(price)), "{prices:?}");
        // Far away at first, near ones are not drawn along with it unless they pay for it.
        let apart = of(&[(1000, 1001, 1), (-4, 3, 1)]);
        assert_eq!(apart.at(0), Interval::new(-4, 3));
    }
}
