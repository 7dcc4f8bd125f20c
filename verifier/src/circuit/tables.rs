//! The public lookup tables: which tuples of cells are allowed.
//!
//! All tables stand one after another in one long concatenation of tuples `(tag, c₁, c₂, c₃)`. It
//! is cut into *slots* of `u` rows, each with a multiplicity column of its own, so a table may be
//! longer than the circuit. A tag is unique per table and non-zero; tag 0 has one row, all zeros,
//! which is what unused rows of the circuit hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::circuit::analysis::Analysis;
use crate::circuit::description::{
    Description, Form, Function, FunctionId, Input, Node, NodeId, Operator, Requantise, Visibility,
};
use crate::circuit::interval::Interval;
use crate::circuit::limbs::{gap_bits, limb_widths};
use crate::circuit::size::within;
use crate::error::DescriptionError as Error;
use crate::limits::MAX_TABLE_ROWS;

/// A tuple of cells; unused positions are zero.
pub type Tuple = [i64; 3];

/// What a table contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The one tuple of unused rows.
    Zero,
    /// `(x)` for `0 ≤ x < 2^bits`: remainder limbs.
    Limb {
        /// Width.
        bits: u32,
    },
    /// `(x)` for every `x` of a range: private and sealed inputs, results of the plain form.
    Range(Interval),
    /// `(x, function(x))` for every quotient `x` in `domain`: the narrow form.
    Direct {
        /// The function.
        function: Function,
        /// The quotients.
        domain: Interval,
    },
    /// `(high, side)` with `side` the sign of `high`, for `high` in `domain`: the wide form's first
    /// lookup.
    High {
        /// The high parts.
        domain: Interval,
    },
    /// `(side, low, value)` for `0 ≤ low < radix`: the function's first value below, its last
    /// above, its entry inside.
    Low {
        /// The function.
        function: Function,
    },
}

impl Content {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Zero => 1,
            Self::Limb { bits } => 1usize.checked_shl(*bits).unwrap_or(usize::MAX),
            Self::Range(domain) | Self::Direct { domain, .. } | Self::High { domain } => {
                usize::try_from(domain.count()).unwrap_or(usize::MAX)
            }
            Self::Low { function } => function.values.len().saturating_mul(3),
        }
    }

    /// All tuples, in order.
    pub fn tuples(&self) -> impl Iterator<Item = Tuple> + '_ {
        (0..self.rows()).map(|row| self.tuple(row))
    }

    /// The tuple of a row; of one beyond the last any.
    pub(crate) fn tuple(&self, row: usize) -> Tuple {
        let index = i64::try_from(row).unwrap_or(i64::MAX);
        let from = |minimum: i64| minimum.checked_add(index).unwrap_or(i64::MAX);
        match self {
            Self::Zero => [0; 3],
            Self::Limb { .. } => [index, 0, 0],
            Self::Range(domain) => [from(domain.minimum), 0, 0],
            Self::Direct { function, domain } => {
                let x = from(domain.minimum);
                [x, function.apply(x), 0]
            }
            Self::High { domain } => {
                let high = from(domain.minimum);
                [high, high.signum(), 0]
            }
            Self::Low { function } => {
                let Function { values, .. } = function;
                let radix = function.radix();
                let value = |value: Option<&i64>| value.copied().unwrap_or_default();
                match index.checked_sub(radix) {
                    Some(low @ 0..) if low < radix => {
                        [0, low, value(values.get(usize::try_from(low).unwrap_or(0)))]
                    }
                    Some(beyond @ 0..) => {
                        [1, beyond.checked_sub(radix).unwrap_or(0), value(values.last())]
                    }
                    _ => [-1, index, value(values.first())],
                }
            }
        }
    }

    /// The row that holds `tuple`, if one does.
    pub fn find(&self, tuple: Tuple) -> Option<usize> {
        let [a, b, c] = tuple;
        let offset = |from: i64| {
            a.checked_sub(from)
                .and_then(|at| usize::try_from(at).ok())
                .filter(|&at| at < self.rows())
        };
        match self {
            Self::Zero => (tuple == [0; 3]).then_some(0),
            Self::Limb { .. } => offset(0).filter(|_| b == 0 && c == 0),
            Self::Range(domain) => offset(domain.minimum).filter(|_| b == 0 && c == 0),
            Self::Direct { function, domain } => {
                offset(domain.minimum).filter(|_| b == function.apply(a) && c == 0)
            }
            Self::High { domain } => offset(domain.minimum).filter(|_| b == a.signum() && c == 0),
            Self::Low { function } => {
                let low = usize::try_from(b).ok().filter(|&low| low < function.values.len())?;
                let values = &function.values;
                let (value, block) = match a {
                    -1 => (values.first(), 0),
                    0 => (values.get(low), 1usize),
                    1 => (values.last(), 2),
                    _ => return None,
                };
                (value == Some(&c)).then(|| block.saturating_mul(values.len()).saturating_add(low))
            }
        }
    }
}

/// A table with its place in the concatenation. Its tag is its index in [`Tables::list`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its tuples.
    pub content: Content,
    /// Row of its first tuple in the concatenation.
    pub start: usize,
}

/// All tables of a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// In order of the concatenation; the index is the tag, and entry 0 is [`Content::Zero`].
    pub list: Vec<Table>,
    /// Tags of the limb tables, by their width.
    limbs: BTreeMap<u32, usize>,
    /// Tag of the high table, 0 if no wide form is used.
    high: usize,
    ranges: BTreeMap<(i64, i64), usize>,
    /// Tags of the functions of all requantisations, by node.
    functions: Vec<usize>,
}

/// Quotients that a requantisation can meet.
pub(crate) fn quotients(analysis: &Analysis, requantise: &Requantise) -> Option<Interval> {
    let input = analysis.nodes.get(requantise.input)?;
    Some(input.interval.shifted(requantise.shift))
}

/// `⌊(x − minimum) / radix⌋` of the quotients that a wide function can meet.
fn high_parts(domain: Interval, function: &Function) -> Option<Interval> {
    let part = |x: i64| x.checked_sub(function.minimum)?.checked_div_euclid(function.radix());
    Interval::new(part(domain.minimum)?, part(domain.maximum)?)
}

/// First and last values of a function.
fn ends(function: &Function) -> Option<(i64, i64)> {
    Some((*function.values.first()?, *function.values.last()?))
}

/// What requantisations and ArgMaxes look up.
struct Functions {
    /// The widths of all limbs of what is divided, compared or bounded.
    limbs: BTreeSet<u32>,
    /// The high parts of all wide forms.
    high: Option<Interval>,
    /// Functions of narrow forms, with all their quotients.
    direct: BTreeMap<FunctionId, Interval>,
    /// Functions of wide forms.
    low: BTreeSet<FunctionId>,
    /// First and last values of plain forms.
    plain: BTreeSet<(i64, i64)>,
}

impl Functions {
    fn of(description: &Description, analysis: &Analysis) -> Result<Self, Error> {
        let (mut limbs, mut high) = (BTreeSet::new(), None::<Interval>);
        let widths = |bits| limb_widths(bits, description.limb_bits);
        let (mut direct, mut low) = (BTreeMap::new(), BTreeSet::new());
        let mut plain = BTreeSet::new();
        for node in &description.nodes {
            if let Operator::Bounded(bounded) = &node.operator {
                limbs.extend(widths(bounded.bits));
            }
            let Operator::Requantise(requantise) = &node.operator else { continue };
            let Some(domain) = quotients(analysis, requantise) else { continue };
            let Some(function) = description.function(requantise) else { continue };
            limbs.extend(widths(requantise.shift));
            match requantise.form {
                Form::Narrow => {
                    direct
                        .entry(requantise.function)
                        .and_modify(|all: &mut Interval| *all = all.union(domain))
                        .or_insert(domain);
                }
                Form::Wide => {
                    let overflow = || Error::Overflow { node: node.name.clone() };
                    let domain = high_parts(domain, function).ok_or_else(overflow)?;
                    high = Some(high.map_or(domain, |all| all.union(domain)));
                    low.insert(requantise.function);
                }
                Form::Plain => plain.extend(ends(function)),
            }
        }
        for output in &description.outputs {
            let compared = output.source.arg_max().and_then(|max| analysis.nodes.get(max.input));
            limbs.extend(compared.into_iter().flat_map(|facts| widths(gap_bits(facts.interval))));
        }
        Ok(Self { limbs, high, direct, low, plain })
    }
}

impl Tables {
    /// The tables that a description's requantisations and ArgMaxes need.
    pub(crate) fn new(description: &Description, analysis: &Analysis) -> Result<Self, Error> {
        let functions = Functions::of(description, analysis)?;
        let mut tables = Self {
            list: Vec::new(),
            limbs: BTreeMap::new(),
            high: 0,
            ranges: BTreeMap::new(),
            functions: Vec::new(),
        };
        let name = &description.name;
        tables.push(Content::Zero, name)?;
        for &bits in &functions.limbs {
            let tag = tables.push(Content::Limb { bits }, name)?;
            tables.limbs.insert(bits, tag);
        }
        if let Some(domain) = functions.high {
            tables.high = tables.push(Content::High { domain }, name)?;
        }
        let inputs = description.inputs.iter();
        let hidden = inputs.filter(|input| input.visibility != Visibility::Public);
        let ranges = hidden.map(|input| (input.minimum, input.maximum));
        for range @ (minimum, maximum) in ranges.chain(functions.plain.iter().copied()) {
            if !tables.ranges.contains_key(&range) {
                let tag = tables.push(Content::Range(Interval { minimum, maximum }), name)?;
                tables.ranges.insert(range, tag);
            }
        }
        tables.functions = tables.of_functions(description, &functions)?;
        Ok(tables)
    }

    /// Adds a table; gives its tag.
    fn push(&mut self, content: Content, name: &str) -> Result<usize, Error> {
        let start = self.rows();
        within(name, "table rows", start.saturating_add(content.rows()), MAX_TABLE_ROWS)?;
        self.list.push(Table { content, start });
        Ok(self.list.len().saturating_sub(1))
    }

    /// Adds those of functions, which stand in the order of their functions, whatever their
    /// numbers; gives the tag of each node's.
    fn of_functions(
        &mut self,
        description: &Description,
        functions: &Functions,
    ) -> Result<Vec<usize>, Error> {
        let (mut narrow, mut wide) = (BTreeMap::new(), BTreeMap::new());
        let mut sorted: Vec<_> = description.functions.iter().zip(0..).collect();
        sorted.sort_unstable();
        for (function, number) in &sorted {
            let Some(&domain) = functions.direct.get(number) else { continue };
            let content = Content::Direct { function: (*function).clone(), domain };
            narrow.insert(*number, self.push(content, &description.name)?);
        }
        for (function, number) in sorted {
            if functions.low.contains(&number) {
                let content = Content::Low { function: function.clone() };
                wide.insert(number, self.push(content, &description.name)?);
            }
        }
        let tag = |node: &Node| {
            let Operator::Requantise(requantise) = &node.operator else { return None };
            match requantise.form {
                Form::Narrow => narrow.get(&requantise.function).copied(),
                Form::Wide => wide.get(&requantise.function).copied(),
                Form::Plain => {
                    let ends = ends(description.function(requantise)?)?;
                    self.ranges.get(&ends).copied()
                }
            }
        };
        Ok(description.nodes.iter().map(|node| tag(node).unwrap_or(0)).collect())
    }

    /// Rows of the concatenation.
    pub fn rows(&self) -> usize {
        self.list.last().map_or(0, |table| table.start.saturating_add(table.content.rows()))
    }

    /// Every tuple of the concatenation with its tag.
    pub fn tuples(&self) -> impl Iterator<Item = (usize, Tuple)> + '_ {
        self.list
            .iter()
            .enumerate()
            .flat_map(|(tag, table)| table.content.tuples().map(move |tuple| (tag, tuple)))
    }

    /// The tables that have some of these rows of the concatenation, each with its tag and those of
    /// its own rows.
    pub(crate) fn within(
        &self,
        rows: Range<usize>,
    ) -> impl Iterator<Item = (usize, &Content, Range<usize>)> {
        let end = |table: &Table| table.start.saturating_add(table.content.rows());
        let first = self.list.partition_point(|table| end(table) <= rows.start);
        let tables = self.list.iter().enumerate().skip(first);
        let until = rows.end;
        tables.take_while(move |(_, table)| table.start < until).map(move |(tag, table)| {
            let own = |row: usize| row.saturating_sub(table.start);
            (tag, &table.content, own(rows.start)..own(rows.end).min(table.content.rows()))
        })
    }

    /// Row of a tagged tuple in the concatenation, if it is allowed.
    pub fn find(&self, tag: usize, tuple: Tuple) -> Option<usize> {
        let table = self.list.get(tag)?;
        Some(table.start.saturating_add(table.content.find(tuple)?))
    }

    /// Tag of the table of limbs of so many bits, 0 if there are none.
    pub fn limb_tag(&self, bits: u32) -> usize {
        self.limbs.get(&bits).copied().unwrap_or(0)
    }

    /// Tag of the high table.
    pub(crate) fn high_tag(&self) -> usize {
        self.high
    }

    /// Tag of a private or sealed input's range table.
    pub(crate) fn range_tag(&self, input: &Input) -> usize {
        self.ranges.get(&(input.minimum, input.maximum)).copied().unwrap_or(0)
    }

    /// Tag of the function table of the requantisation at a node.
    pub(crate) fn function_tag(&self, node: NodeId) -> usize {
        self.functions.get(node).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_inverts_tuples() {
        let function = Function { minimum: -2, values: vec![5, 6, 7, 9] };
        let domain = Interval { minimum: -6, maximum: 11 };
        for content in [
            Content::Zero,
            Content::Limb { bits: 4 },
            Content::Range(domain),
            Content::Direct { function: function.clone(), domain },
            Content::High { domain },
            Content::Low { function },
        ] {
            assert_eq!(content.tuples().count(), content.rows());
            for (row, tuple) in content.tuples().enumerate() {
                assert_eq!(content.find(tuple), Some(row), "{content:?}");
                let [a, b, c] = tuple;
                assert_ne!(content.find([a, b, c + 1]), Some(row));
                assert_ne!(content.find([a, b + 1, c]), Some(row));
            }
        }
    }

    #[test]
    fn low_table_saturates_on_both_sides() {
        let content = Content::Low { function: Function::clamp(-2, 1) };
        let tuples: Vec<_> = content.tuples().collect();
        assert_eq!(tuples[..4], [[-1, 0, -2], [-1, 1, -2], [-1, 2, -2], [-1, 3, -2]]);
        assert_eq!(tuples[4..8], [[0, 0, -2], [0, 1, -1], [0, 2, 0], [0, 3, 1]]);
        assert_eq!(tuples[8..], [[1, 0, 1], [1, 1, 1], [1, 2, 1], [1, 3, 1]]);
    }
}
