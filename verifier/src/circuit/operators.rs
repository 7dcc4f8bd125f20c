//! Shape and interval of each operator's result, from those of what it reads.

use crate::circuit::description::{
    Bounded, Combine, Contract, Description, Form, Hadamard, Hint, OneHot, Operator, Product,
    Requantise, SliceAt, Source, View, ViewKind, Visibility, Weights,
};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::{depth, output_size};
use crate::circuit::interval::{Bounds, Interval};
use crate::circuit::sealed::{SEALED_WEIGHT, sealed_bias};
use crate::circuit::shared::{Shared, Sides, sides};
use crate::circuit::size::{count, within};
use crate::error::DescriptionError as Error;
use crate::limits::{MAX_ELEMENTS, MAX_SHIFT};

/// An operator of the description with its name, and the facts of the nodes before it.
pub(crate) struct Reader<'a> {
    pub(crate) description: &'a Description,
    pub(crate) node: &'a str,
    pub(crate) nodes: &'a [Facts],
    pub(crate) shared: &'a Shared,
}

impl Reader<'_> {
    fn shape<T>(&self, what: &'static str) -> Result<T, Error> {
        Err(Error::Shape { node: self.node.into(), what })
    }

    /// The interval of bounds that stayed within 128 bits on their way and end within 62.
    fn interval(&self, bounds: Option<Bounds>) -> Result<Interval, Error> {
        bounds.and_then(Bounds::interval).ok_or_else(|| Error::Overflow { node: self.node.into() })
    }

    /// The facts of a node before this one.
    pub(crate) fn earlier(&self, reference: usize) -> Result<&Facts, Error> {
        self.nodes
            .get(reference)
            .ok_or_else(|| Error::ForwardReference { node: self.node.into(), reference })
    }

    /// The facts of the operator's result.
    pub(crate) fn facts(&self, operator: &Operator) -> Result<Facts, Error> {
        match operator {
            Operator::Input(index) => self.input(*index),
            Operator::Contract(contract) => self.contract(contract),
            Operator::Product(product) => self.product(product),
            Operator::Copy(input) => self.earlier(*input).cloned(),
            Operator::Combine(combine) => self.combine(combine),
            Operator::View(view) => self.view(view),
            Operator::Requantise(requantise) => self.requantise(requantise),
            Operator::Bounded(bounded) => self.bounded(bounded),
            Operator::OneHot(indices) => self.one_hot(*indices),
            Operator::Hadamard(product) => self.hadamard(product),
            Operator::SliceAt(slice) => self.slice_at(slice),
        }
    }

    fn input(&self, index: usize) -> Result<Facts, Error> {
        let Some(input) = self.description.inputs.get(index) else {
            return self.shape("it reads an input that does not exist");
        };
        let interval = Interval { minimum: input.minimum, maximum: input.maximum };
        Ok(Facts {
            shape: input.shape.clone(),
            elements: count(&input.shape, self.node)?,
            interval,
        })
    }

    fn one_hot(&self, OneHot { input, first, count }: OneHot) -> Result<Facts, Error> {
        let Some(input) = self.description.inputs.get(input) else {
            return self.shape("it reads an input that does not exist");
        };
        if input.visibility != Visibility::Public {
            return self.shape("the indices that it reads are not public");
        }
        let end = i64::try_from(count).ok().and_then(|count| first.checked_add(count));
        if input.minimum < first || end.is_none_or(|end| input.maximum >= end) {
            return self.shape("the range of the indices that it reads leaves its table");
        }
        let shape = vec![count, 1, self::count(&input.shape, self.node)?];
        let interval = Interval { minimum: 0, maximum: 1 };
        Ok(Facts { elements: self::count(&shape, self.node)?, shape, interval })
    }

    fn slice_at(&self, slice: &SliceAt) -> Result<Facts, Error> {
        let source = self.earlier(slice.input)?;
        let Some(at) = self.description.inputs.get(slice.at) else {
            return self.shape("it reads an input that does not exist");
        };
        if at.visibility != Visibility::Public || count(&at.shape, self.node)? != 1 {
            return self.shape("what says where its slice begins is not one public integer");
        }
        let size = source.shape.get(slice.axis).copied().unwrap_or(0);
        let ends = [at.minimum, at.maximum].map(|n| slice.start(n));
        let inside = ends.into_iter().all(|start| stays_inside(size, start, 1, slice.count));
        if !inside {
            return self.shape("its slice leaves its input for some integer that says where");
        }
        let shape = replaced(&source.shape, slice.axis, slice.count);
        Ok(Facts { elements: count(&shape, self.node)?, shape, interval: source.interval })
    }

    fn requantise(&self, requantise: &Requantise) -> Result<Facts, Error> {
        let input = self.earlier(requantise.input)?;
        let number = requantise.function;
        let read = self.description.functions.get(number).zip(self.shared.values(number));
        let Some((function, values)) = read else {
            return Err(Error::FunctionMissing {
                node: self.node.into(),
                number,
                count: self.description.functions.len(),
            });
        };
        if requantise.shift > MAX_SHIFT {
            return self.shape("it divides by more than 2^60");
        }
        let Some(interval) = values.interval else {
            return self.shape("its function has no entries");
        };
        if requantise.form == Form::Wide && function.values.len() < 2 {
            return self.shape("the wide form needs a function of at least two entries");
        }
        if requantise.form == Form::Plain && !values.unchanged {
            return self.shape("the plain form needs a function that changes nothing");
        }
        let last = function.maximum().map(Bounds::from);
        self.interval(last.map(|last| last.union(function.minimum.into())))?;
        Ok(Facts { interval: self.interval(Some(interval.into()))?, ..input.clone() })
    }

    fn bounded(&self, bounded: &Bounded) -> Result<Facts, Error> {
        let (Source::Equal { input } | Source::Hint { input, .. }) = bounded.source;
        let mut facts = self.earlier(input)?.clone();
        if bounded.bits == 0 || bounded.bits > MAX_SHIFT {
            return self.shape("its elements have no bits or more than 60");
        }
        let maximum = 1i64.checked_shl(bounded.bits).and_then(|end| end.checked_sub(1));
        let maximum = maximum.unwrap_or(i64::MAX);
        match bounded.source {
            Source::Equal { .. } => {}
            Source::Hint { hint, .. } => {
                let (bits, offset) = match hint {
                    Hint::Maximum { shift, offset } | Hint::Shifted { shift, offset } => {
                        (shift, offset)
                    }
                    Hint::Reciprocal { bits } => (bits, 0),
                    Hint::Root { offset } => (0, offset),
                };
                if bits > MAX_SHIFT {
                    return self.shape("its hint is of more than 60 bits");
                }
                self.interval(Bounds::from(facts.interval).plus(offset.into()))?;
                if let (Hint::Maximum { .. }, Some(last)) = (hint, facts.shape.last_mut()) {
                    facts.elements = facts.elements.checked_div(*last).unwrap_or(1);
                    *last = 1;
                }
            }
        }
        Ok(Facts { interval: Interval { minimum: 0, maximum }, ..facts })
    }

    fn product(&self, product: &Product) -> Result<Facts, Error> {
        let (left, right) = (self.earlier(product.left)?, self.earlier(product.right)?);
        let (&[batches, rows, inner], &[other_batches, columns, other_inner]) =
            (left.shape.as_slice(), right.shape.as_slice())
        else {
            return self.shape("a product reads two tensors of three dimensions");
        };
        if (batches, inner) != (other_batches, other_inner) {
            return self.shape("batches and last dimensions of a product's operands differ");
        }
        let shape = vec![batches, rows, columns];
        let bounds = Bounds::from(left.interval)
            .times_any(right.interval)
            .and_then(|term| term.repeated(inner));
        Ok(Facts { elements: count(&shape, self.node)?, shape, interval: self.interval(bounds)? })
    }

    fn hadamard(&self, product: &Hadamard) -> Result<Facts, Error> {
        let (left, right) = (self.earlier(product.left)?, self.earlier(product.right)?);
        if left.shape != right.shape {
            return self.shape("the operands of a product element by element differ in shape");
        }
        let bounds = Bounds::from(left.interval).times_any(right.interval);
        Ok(Facts { interval: self.interval(bounds)?, ..left.clone() })
    }

    fn contract(&self, contract: &Contract) -> Result<Facts, Error> {
        let input = self.earlier(contract.input)?;
        let &[channels, height, width] = input.shape.as_slice() else {
            return self.shape("a contraction reads a tensor of three dimensions");
        };
        let (rows, groups) = (contract.rows, contract.groups);
        let divides = |count: usize| count.checked_rem(groups) == Some(0);
        if rows == 0 || !divides(rows) || !divides(channels) {
            return self.shape("its groups do not divide its channels");
        }
        let Some([out_h, out_w]) = output_size(contract, height, width) else {
            return self
                .shape("its kernel does not fit its input, or a stride or dilation is zero");
        };
        let Some(depth) = depth(contract, self.nodes).filter(|&depth| depth > 0) else {
            return self.shape("its kernel is empty");
        };
        let weights = depth.saturating_mul(rows);
        within(self.node, "weights", weights, MAX_ELEMENTS)?;
        if contract.weights.public().is_some_and(|public| public.len() != weights) {
            return self.shape("its weights do not fit its channels and kernel");
        }
        self.owned_by_another(contract, depth)?;
        if contract.row_factors.len() != rows || contract.bias.len() != rows {
            return self.shape("one factor and one bias per output channel are expected");
        }
        let shape = vec![rows, out_h, out_w];
        let elements = count(&shape, self.node)?;
        let factors = contract.column_factors.as_slice();
        if !factors.is_empty() && Some(factors.len()) != out_h.checked_mul(out_w) {
            return self.shape("one column factor per output position is expected");
        }
        Ok(Facts {
            shape,
            elements,
            interval: self.interval(self.contract_bounds(contract, input, depth))?,
        })
    }

    /// Weights of another node are that node's own, of the same visibility, rows and taps.
    fn owned_by_another(&self, contract: &Contract, depth: usize) -> Result<(), Error> {
        let Some(owner) = contract.weights.owner() else { return Ok(()) };
        self.earlier(owner)?;
        let other = self.description.contraction(owner).filter(|other| {
            other.weights.owner().is_none()
                && (self.description.table(other).is_none() || !other.weights.are_sealed())
                && other.weights.are_sealed() == contract.weights.are_sealed()
        });
        let Some(other) = other else {
            return self.shape(
                "the node whose weights it reads has none of its own that are public, or sealed, \
                as it says",
            );
        };
        if (other.rows, self::depth(other, self.nodes)) != (contract.rows, Some(depth)) {
            return self.shape("the weights of another node that it reads do not fit it");
        }
        Ok(())
    }

    fn contract_bounds(&self, contract: &Contract, input: &Facts, depth: usize) -> Option<Bounds> {
        // A window over padding, or cut short by it, meets zeros.
        let padded = contract.pads.iter().any(|&pad| pad > 0);
        let x = Bounds::from(if padded { input.interval.with(0) } else { input.interval });
        let columns =
            Interval::of(&contract.column_factors).unwrap_or(Interval { minimum: 1, maximum: 1 });
        // The declared range, never the actual one: an interval would show what the seal hides.
        let sealed = x.times_any(SEALED_WEIGHT)?.repeated(depth)?;
        // One weight of each row, once, where a table is read.
        let table = self.description.table(contract).is_some();
        let sealed = if table { SEALED_WEIGHT.into() } else { sealed };
        let public = |[positive, negative]: Sides| {
            x.times(positive)?.plus(x.times(negative.checked_neg()?)?)
        };
        let entry = |weights: &[i8]| {
            let ends = (weights.iter().min(), weights.iter().max());
            let (&least, &most) = ends.0.zip(ends.1)?;
            Some(Bounds::from(i64::from(least)).union(i64::from(most).into()))
        };
        let mut all: Option<Bounds> = None;
        for (row, (&factor, &bias)) in contract.row_factors.iter().zip(&contract.bias).enumerate() {
            let (sum, sealed_bias) = match &contract.weights {
                Weights::Public(weights) if table => {
                    (entry(weights.chunks(depth).nth(row)?)?, 0.into())
                }
                Weights::Public(weights) => {
                    (public(sides(weights.chunks(depth).nth(row)?))?, 0.into())
                }
                Weights::PublicOf(owner) => (public(self.shared.sides(*owner, row)?)?, 0.into()),
                Weights::Sealed | Weights::SealedOf(_) => {
                    (sealed, Bounds::from(sealed_bias(self.description.bias_digits)).times(factor)?)
                }
            };
            let bounds =
                sum.times(factor)?.times_any(columns)?.plus(bias.into())?.plus(sealed_bias)?;
            all = Some(all.map_or(bounds, |all| all.union(bounds)));
        }
        all
    }

    fn combine(&self, combine: &Combine) -> Result<Facts, Error> {
        let Some(&(first, _)) = combine.terms.first() else {
            return self.shape("a sum needs at least one term");
        };
        let first = self.earlier(first)?;
        let mut sum = Some(Bounds::from(
            Interval::of(&combine.constant).unwrap_or(Interval { minimum: 0, maximum: 0 }),
        ));
        for &(term, factor) in &combine.terms {
            let facts = self.earlier(term)?;
            if facts.shape != first.shape {
                return self.shape("the terms of a sum have different shapes");
            }
            sum = sum.and_then(|sum| sum.plus(Bounds::from(facts.interval).times(factor)?));
        }
        if combine.constant.len() > 1 && combine.constant.len() != first.elements {
            return self.shape("its constant has neither one entry nor one per element");
        }
        Ok(Facts { interval: self.interval(sum)?, ..first.clone() })
    }

    fn view(&self, view: &View) -> Result<Facts, Error> {
        let inputs =
            view.inputs.iter().map(|&input| self.earlier(input)).collect::<Result<Vec<_>, _>>()?;
        let Some((input, others)) = inputs.split_first() else {
            return self.shape("a view needs an input");
        };
        if !others.is_empty() && !matches!(view.kind, ViewKind::Concat(_)) {
            return self.shape("only a concatenation has several inputs");
        }
        let mut interval =
            others.iter().fold(input.interval, |all, other| all.union(other.interval));
        if let ViewKind::Pad { value, .. } = &view.kind {
            let value = self.interval(Some((*value).into()))?;
            interval = interval.union(value);
        }
        let shape = self.moved(&view.kind, input, others)?;
        Ok(Facts { elements: count(&shape, self.node)?, shape, interval })
    }

    /// The shape that a view gives.
    fn moved(
        &self,
        kind: &ViewKind,
        input: &Facts,
        others: &[&Facts],
    ) -> Result<Vec<usize>, Error> {
        let rank = input.shape.len();
        match kind {
            ViewKind::Reshape(shape) if count(shape, self.node)? == input.elements => {
                Ok(shape.clone())
            }
            ViewKind::Reshape(_) => self.shape("a reshape must keep the number of elements"),
            ViewKind::Transpose(permutation) => {
                let mut sorted = permutation.clone();
                sorted.sort_unstable();
                if !sorted.into_iter().eq(0..rank) {
                    return self.shape("a transpose needs a permutation of the dimensions");
                }
                Ok(permutation.iter().filter_map(|&from| input.shape.get(from).copied()).collect())
            }
            ViewKind::Slice { axis, start, step, count } => {
                let size = input.shape.get(*axis).copied().unwrap_or(0);
                if !stays_inside(size, *start, *step, *count) {
                    return self.shape("a slice leaves its input");
                }
                Ok(replaced(&input.shape, *axis, *count))
            }
            ViewKind::Pad { before, after, .. } => {
                if before.len() != rank || after.len() != rank {
                    return self.shape("padding needs one entry per dimension");
                }
                let sizes = input.shape.iter().zip(before).zip(after);
                let padded = sizes.map(|((size, before), after)| {
                    size.saturating_add(*before).saturating_add(*after)
                });
                Ok(padded.collect())
            }
            ViewKind::Concat(axis) => {
                let along = |facts: &Facts| facts.shape.get(*axis).copied().unwrap_or(0);
                let rest = |facts: &Facts| replaced(&facts.shape, *axis, 0);
                if *axis >= rank || others.iter().any(|other| rest(other) != rest(input)) {
                    return self.shape("concatenated tensors differ in another dimension");
                }
                let length =
                    others.iter().fold(along(input), |sum, facts| sum.saturating_add(along(facts)));
                Ok(replaced(&input.shape, *axis, length))
            }
        }
    }
}

/// A shape with another size along an axis.
fn replaced(shape: &[usize], axis: usize, with: usize) -> Vec<usize> {
    let sizes = shape.iter().enumerate();
    sizes.map(|(dimension, &size)| if dimension == axis { with } else { size }).collect()
}

/// Whether so many steps from `start` on, at least one, stay below `size`.
fn stays_inside(size: usize, start: usize, step: i64, count: usize) -> bool {
    let last = || {
        let steps = i64::try_from(count.checked_sub(1)?).ok()?;
        let last = steps.checked_mul(step)?.checked_add(i64::try_from(start).ok()?)?;
        usize::try_from(last).ok()
    };
    start < size && last().is_some_and(|last| last < size)
}
