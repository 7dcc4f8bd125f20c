//! Normalise by rows: what is left of each element without the mean, times the reciprocal of the
//! root of the sum of their squares.
//!
//! `docs/argument/normalise.md` derives why the result is the only one. Cells of an element: two
//! operands of its square and those of a requantisation, a plain one where its function changes
//! nothing; of a row some bounded integers. A square could be a term of a product of matrices as
//! well, whose factors are field elements: to commit to these takes ten times as long.

use zkinfer_models::integer::graph::{Node, Requantise};
use zkinfer_verifier::circuit::description::NodeId;

use super::lowering::Lowering;
use super::rescale;
use super::rows::{self, Size};
use crate::error::Error;

/// The numbers of a Normalise.
#[derive(Clone, Copy)]
pub(super) struct Normalise<'a> {
    /// Whether the mean is taken off.
    pub(super) centred: bool,
    pub(super) multiplier: i64,
    pub(super) epsilon: i64,
    /// Bits of the numerator of the reciprocal.
    pub(super) reciprocal_bits: u32,
    pub(super) requantise: &'a Requantise,
    /// What quotients can be.
    pub(super) quotients: [i64; 2],
}

impl Normalise<'_> {
    /// What a node reads, normalised.
    pub(super) fn lower(self, lowering: &mut Lowering<'_>, node: &Node) -> Result<NodeId, Error> {
        let operand = lowering.only_operand(node)?;
        let Some((&columns, rows)) = node.shape.split_last() else {
            return Err(lowering.malformed("its rows have a dimension"));
        };
        // With the mean, the zero point is taken off.
        let zero = if self.centred { 0 } else { operand.zero_point };
        let elements = lowering.builder.centred(operand.node, zero);
        self.rows(lowering, elements, [rows.iter().product(), columns])
    }

    /// Rows of `[rows, columns]` whose zero is real zero, normalised: `[rows, columns, 1]`.
    fn rows(
        self,
        lowering: &mut Lowering<'_>,
        elements: NodeId,
        size: Size,
    ) -> Result<NodeId, Error> {
        let [rows, columns] = size;
        let overflow = |lowering: &Lowering<'_>| Error::Overflow { node: lowering.builder.name() };
        let elements = lowering.builder.reshape(elements, &[rows, columns]);
        let terms = if self.centred {
            let sums = rows::sums(lowering, elements, size);
            let sums = rows::spread(lowering, sums, size);
            let unit = self.multiplier.checked_mul(columns as i64);
            let unit = unit.ok_or_else(|| overflow(lowering))?;
            vec![(elements, unit), (sums, -self.multiplier)]
        } else {
            vec![(elements, self.multiplier)]
        };
        let centred = lowering.builder.combine(terms, Vec::new());
        let builder = &mut lowering.builder;
        let squares = builder.hadamard(centred, centred);
        let squares = rows::sums(lowering, squares, size);
        let squares = lowering.builder.reshape(squares, &[rows, 1, 1]);
        let most = lowering.interval(squares)?.maximum.checked_add(self.epsilon);
        let most = most.ok_or_else(|| overflow(lowering))?;
        let root = rows::root(lowering, squares, self.epsilon, most)?;
        let ends = [self.epsilon.isqrt(), most.isqrt()];
        let reciprocal = rows::reciprocal(lowering, root, self.reciprocal_bits, ends)?;
        let product = rows::scale(lowering, centred, reciprocal, size);
        let offset = rescale::offset(self.requantise).ok_or_else(|| overflow(lowering))?;
        let builder = &mut lowering.builder;
        let accumulator = builder.combine(vec![(product, 1)], vec![offset]);
        Ok(rescale::requantise_within(lowering, accumulator, self.requantise, self.quotients))
    }
}
