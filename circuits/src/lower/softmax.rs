//! Softmax by rows: exponentials of the distances from the largest, times the reciprocal of their
//! sum.
//!
//! `docs/argument/softmax.md` derives why the result is the only one. Cells of an element: those of
//! two requantisations, the second a plain one where its function changes nothing; of a row some
//! bounded integers. The scores may be a product, which is read by nothing else: they have no cells
//! of their own.

use std::ops::Range;

use zkinfer_models::integer::graph::{Function, Node, Requantise, mark};
use zkinfer_verifier::circuit::description::{Hint, NodeId, ViewKind};

use super::builder::Builder;
use super::lowering::Lowering;
use super::matmul;
use super::rescale;
use super::rows::{self, Size, bits};
use crate::error::Error;

/// The numbers of a Softmax.
#[derive(Clone, Copy)]
pub(super) struct Softmax<'a> {
    /// Bits of the scores that are dropped.
    pub(super) shift: u32,
    /// By distance from the largest score.
    pub(super) exponentials: &'a [i64],
    /// Bits of the numerator of the reciprocal.
    pub(super) reciprocal_bits: u32,
    pub(super) requantise: &'a Requantise,
    /// What quotients can be.
    pub(super) quotients: [i64; 2],
}

impl Softmax<'_> {
    /// The softmax of what a node reads. Scores that only it reads are made where they are needed:
    /// those that a known mask hides are not there at all.
    pub(super) fn lower(
        self,
        lowering: &mut Lowering<'_>,
        node: &Node,
        visible: &[bool],
    ) -> Result<NodeId, Error> {
        let (batches, rows, columns) = match node.shape.as_slice() {
            [batches @ .., rows, columns] => (batches.iter().product(), *rows, *columns),
            [columns] => (1, 1, *columns),
            [] => return Err(lowering.malformed("its rows have a dimension")),
        };
        let exponential = self.exponential(lowering, columns)?;
        let source = match lowering.deferred(node) {
            Some(product) => Scores::Product(matmul::Factors::of(lowering, product)?),
            None => Scores::Node(lowering.only_operand(node)?.node),
        };
        if visible.is_empty() {
            let all = runs(&vec![true; columns]);
            let scores = source.block(lowering, [batches, rows, columns], 0..rows, &all);
            return self.rows(lowering, scores, [batches * rows, columns], &exponential);
        }
        let mut blocks = Vec::new();
        let lines: Vec<&[bool]> = visible.chunks(columns).collect();
        let mut start = 0;
        while start < rows {
            let count = lines[start..].iter().take_while(|line| **line == lines[start]).count();
            let seen = runs(lines[start]);
            let scores =
                source.block(lowering, [batches, rows, columns], start..start + count, &seen);
            let width = seen.iter().map(ExactSizeIterator::len).sum();
            let block = self.rows(lowering, scores, [batches * count, width], &exponential)?;
            let block = lowering.builder.reshape(block, &[batches, count, width]);
            blocks.push(self.hidden(lowering, block, [batches, count, columns], &seen));
            start += count;
        }
        let builder = &mut lowering.builder;
        Ok(builder.view(&blocks, ViewKind::Concat(1), vec![batches, rows, columns]))
    }

    /// Puts the constants back that stand for what is not seen.
    fn hidden(
        self,
        lowering: &mut Lowering<'_>,
        block: NodeId,
        [batches, rows, columns]: [usize; 3],
        seen: &[Range<usize>],
    ) -> NodeId {
        let builder = &mut lowering.builder;
        let (mut first, mut parts) = (0, Vec::new());
        for (index, run) in seen.iter().enumerate() {
            let part = slice(builder, block, 2, first..first + run.len());
            first += run.len();
            let before = if index == 0 { run.start } else { 0 };
            let end = seen.get(index + 1).map_or(columns, |next| next.start);
            let (before, after) = (vec![0, 0, before], vec![0, 0, end - run.end]);
            let width = before[2] + run.len() + after[2];
            let kind = ViewKind::Pad { before, after, value: self.requantise.apply(0) };
            parts.push(match width == run.len() {
                true => part,
                false => builder.view(&[part], kind, vec![batches, rows, width]),
            });
        }
        match parts[..] {
            [part] => part,
            _ => builder.view(&parts, ViewKind::Concat(2), vec![batches, rows, columns]),
        }
    }

    /// The softmax of scores `[.., columns]`: `[rows, columns, 1]`.
    fn rows(
        self,
        lowering: &mut Lowering<'_>,
        scores: NodeId,
        size: Size,
        exponential: &Function,
    ) -> Result<NodeId, Error> {
        let [rows, columns] = size;
        // Modulo this, a sum of exponentials is the number of largest scores.
        let mark = mark(columns);
        let mark_bits = mark.trailing_zeros();
        let exponentials = self.exponentials(lowering, scores, size, exponential)?;
        let sums = rows::sums(lowering, exponentials, size);
        let sums = lowering.builder.reshape(sums, &[rows, 1, 1]);
        let most = lowering.interval(sums)?.maximum;
        // 1 to `columns` scores are the largest.
        let builder = &mut lowering.builder;
        let hint = Hint::Shifted { offset: -1, shift: mark_bits };
        let whole = builder.hint(sums, hint, bits(most >> mark_bits));
        let marks = builder.combine(vec![(sums, 1), (whole, -mark)], vec![-1]);
        builder.check(marks, mark_bits - 1);

        // None is beyond it: of a sum below 1 there is no reciprocal.
        let least = self.exponentials.first().copied().unwrap_or(0);
        let reciprocal = rows::reciprocal(lowering, sums, self.reciprocal_bits, [least, most])?;
        let product = rows::scale(lowering, exponentials, reciprocal, size);
        let offset = rescale::offset(self.requantise);
        let offset = offset.ok_or_else(|| Error::Overflow { node: lowering.builder.name() })?;
        let builder = &mut lowering.builder;
        let accumulator = builder.combine(vec![(product, 1)], vec![offset]);
        Ok(rescale::requantise_within(lowering, accumulator, self.requantise, self.quotients))
    }

    /// The exponential by distance from the largest score; of a score that is beyond it so little
    /// that a sum of so many is negative. One function, and so one table, for rows that see more
    /// and such that see less.
    fn exponential(self, lowering: &Lowering<'_>, columns: usize) -> Result<Function, Error> {
        let most = self.exponentials.iter().max().copied().unwrap_or(0);
        let beyond = i64::try_from(columns).ok().and_then(|count| most.checked_mul(-count));
        let overflow = || Error::Overflow { node: lowering.builder.name() };
        let values = std::iter::once(beyond.ok_or_else(overflow)?);
        let values = values.chain(self.exponentials.iter().copied()).collect();
        Ok(Function { minimum: -1, values })
    }

    /// The exponential of each score's distance from the largest of its row.
    fn exponentials(
        self,
        lowering: &mut Lowering<'_>,
        scores: NodeId,
        size: Size,
        exponential: &Function,
    ) -> Result<NodeId, Error> {
        let overflow = |lowering: &Lowering<'_>| Error::Overflow { node: lowering.builder.name() };
        let interval = lowering.interval(scores)?;
        let [least, most] = [interval.minimum, interval.maximum].map(|x| x >> self.shift);
        let unit = 1i64.checked_shl(self.shift).filter(|unit| *unit > 0);
        let unit = unit.ok_or_else(|| overflow(lowering))?;
        // The largest, counted from the least that there can be.
        let offset = least.checked_mul(-unit).ok_or_else(|| overflow(lowering))?;
        let hint = Hint::Maximum { offset, shift: self.shift };
        let largest = lowering.builder.hint(scores, hint, bits(most - least));
        let largest = rows::spread(lowering, largest, size);
        let shape = lowering.builder.shape(scores).to_vec();
        let builder = &mut lowering.builder;
        let largest = builder.reshape(largest, &shape);
        // `largest − ⌊x / 2^shift⌋ = ⌊(2^shift·largest + 2^shift − 1 − x) / 2^shift⌋`.
        let terms = vec![(largest, unit), (scores, -1)];
        let distance = builder.combine(terms, vec![unit - 1 - offset]);
        Ok(lowering.builder.requantise(distance, self.shift, exponential))
    }
}

/// Where scores come from.
enum Scores {
    /// A node that is there.
    Node(NodeId),
    /// The product of two matrices, which nothing else reads.
    Product(matmul::Factors),
}

impl Scores {
    /// Some rows and columns of `[batches, rows, columns]` scores.
    fn block(
        &self,
        lowering: &mut Lowering<'_>,
        shape: [usize; 3],
        rows: Range<usize>,
        columns: &[Range<usize>],
    ) -> NodeId {
        let builder = &mut lowering.builder;
        let pick = |builder: &mut Builder, node, axis| {
            let parts: Vec<NodeId> =
                columns.iter().map(|run| slice(builder, node, axis, run.clone())).collect();
            match parts[..] {
                [part] => part,
                _ => {
                    let mut shape = builder.shape(node).to_vec();
                    shape[axis] = columns.iter().map(ExactSizeIterator::len).sum();
                    builder.view(&parts, ViewKind::Concat(axis), shape)
                }
            }
        };
        match self {
            Self::Node(node) => {
                let node = builder.reshape(*node, &shape);
                let node = slice(builder, node, 1, rows);
                pick(builder, node, 2)
            }
            Self::Product(factors) => {
                let left = slice(builder, factors.left, 1, rows);
                let right = pick(builder, factors.right, 1);
                factors.product(builder, left, right)
            }
        }
    }
}

/// Some indices of a dimension.
fn slice(builder: &mut Builder, node: NodeId, axis: usize, indices: Range<usize>) -> NodeId {
    let mut shape = builder.shape(node).to_vec();
    if shape[axis] == indices.len() {
        return node;
    }
    shape[axis] = indices.len();
    let (start, count) = (indices.start, indices.len());
    builder.view(&[node], ViewKind::Slice { axis, start, step: 1, count }, shape)
}

/// The indices of neighbours that are seen.
fn runs(line: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, _) in line.iter().enumerate().filter(|(_, seen)| **seen) {
        match runs.last_mut() {
            Some(run) if run.end == index => run.end += 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}
