//! What the range proofs of a seal are about: each of a part of its columns.
//!
//! Proving ranges takes memory for every element, so a large seal has several proofs, each of as
//! many whole columns as make a part. Where the cuts are follows from the tensors, in order, and
//! is nobody's choice: between columns, and between the units of a tensor.

use std::ops::Range;

use crate::circuit::description::{
    Description, Input, Node, Operator, Quantisation, Scheme, Visibility,
};
use crate::circuit::key::VerifyingKey;
use crate::circuit::sheet::{Role, SealedTensor, Sheet};
use crate::error::{DescriptionError, Rejection};
use crate::limits::{PART_CELLS, PART_COLUMNS};
use crate::wire::seal::Record;
use crate::wire::statement::{Statement, Value};

/// Columns whose ranges one proof shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RangePart {
    /// What stands in them, a tensor each: the place of the whole one among the record's, and which
    /// of its elements.
    pub pieces: Vec<(usize, Range<usize>)>,
    /// The same as tensors.
    tensors: Vec<SealedTensor>,
    /// The columns.
    pub columns: Range<usize>,
}

impl Record {
    /// The parts that have a range proof each, in order.
    ///
    /// # Errors
    /// If the commitments are not as many as the tensors take.
    pub fn range_parts(&self) -> Result<Vec<RangePart>, Rejection> {
        let sheets = self.tensors.iter().map(|tensor| sheet(tensor, self.usable));
        let expected = sheets.map(|sheet| sheet.columns.len()).fold(0, usize::saturating_add);
        if expected != self.commitments.len() {
            return Err(Rejection::SealCommitments { expected, got: self.commitments.len() });
        }
        let most = PART_CELLS.checked_div(self.usable).unwrap_or(0).clamp(1, PART_COLUMNS);
        let mut parts = vec![RangePart::default()];
        for (place, tensor) in self.tensors.iter().enumerate() {
            let mut rest = tensor.clone();
            // A name for each place, and one scale for all: neither is what is proven.
            rest.quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
            let mut taken = 0usize;
            while rest.elements() > 0 {
                let Some(part) = parts.last_mut() else { break };
                let room = most.saturating_sub(part.columns.len());
                let Some((head, columns)) = head(&rest, self.usable, room, part.columns.is_empty())
                else {
                    let end = part.columns.end;
                    parts.push(RangePart { columns: end..end, ..RangePart::default() });
                    continue;
                };
                let end = taken.saturating_add(head.elements());
                part.pieces.push((place, taken..end));
                part.columns.end = part.columns.end.saturating_add(columns);
                taken = end;
                if let Some((units, head)) = rest.shape.first_mut().zip(head.shape.first()) {
                    *units = units.saturating_sub(*head);
                } else {
                    rest.shape = vec![0];
                }
                part.tensors.push(head);
            }
        }
        Ok(parts)
    }

    /// What the range proof of a part proves: its key, and the commitments tensor by tensor.
    ///
    /// # Errors
    /// If a tensor has an impossible shape or range.
    pub fn range_claim(&self, part: &RangePart) -> Result<(VerifyingKey, Statement), Rejection> {
        let key =
            range_key(&part.tensors, self.k).map_err(|error| Rejection::SealShape { error })?;
        let mut rest = self.commitments.get(part.columns.clone()).unwrap_or_default();
        let mut inputs = Vec::new();
        for sheet in &key.layout().sheets {
            let (head, tail) = rest.split_at_checked(sheet.columns.len()).unwrap_or((rest, &[]));
            inputs.push(Value::Sealed(head.to_vec()));
            rest = tail;
        }
        Ok((key, Statement { inputs, outputs: Vec::new() }))
    }
}

/// Which role a sheet has makes no difference to its columns.
fn sheet(tensor: &SealedTensor, usable: usize) -> Sheet {
    Sheet::new(Role::Biases, tensor.clone(), 0, usable)
}

/// As many of a tensor's first units as fit that many columns, and how many they take; the least
/// that can be cut off if that is `needed`.
fn head(
    tensor: &SealedTensor,
    usable: usize,
    room: usize,
    needed: bool,
) -> Option<(SealedTensor, usize)> {
    let whole = sheet(tensor, usable);
    let all = whole.columns.len();
    if all <= room {
        return Some((tensor.clone(), all));
    }
    let (units, columns) = whole.step();
    let fitting = room.checked_div(columns).unwrap_or(0);
    let steps = if needed { fitting.max(1) } else { fitting };
    let mut head = tensor.clone();
    if let Some(length) = head.shape.first_mut() {
        *length = units.saturating_mul(steps).min(*length);
    }
    (steps > 0).then(|| {
        let taken = columns.saturating_mul(steps).min(all);
        (head, taken)
    })
}

/// The circuit whose proof shows ranges: every tensor a sealed input that nothing reads.
fn range_key(tensors: &[SealedTensor], k: u32) -> Result<VerifyingKey, DescriptionError> {
    let input = |tensor: &SealedTensor| Input {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        minimum: tensor.minimum,
        maximum: tensor.maximum,
        quantisation: tensor.quantisation.clone(),
        visibility: Visibility::Sealed,
    };
    let node = |index, tensor: &SealedTensor| Node {
        name: tensor.name.clone(),
        operator: Operator::Input(index),
    };
    VerifyingKey::of_ranges(Description {
        name: "range proof of a seal".into(),
        k,
        limb_bits: 1,
        bias_digits: 0,
        functions: Vec::new(),
        inputs: tensors.iter().map(input).collect(),
        nodes: tensors.iter().enumerate().map(|(index, tensor)| node(index, tensor)).collect(),
        outputs: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::digest::Digest;

    fn record(usable: usize, shapes: &[&[usize]]) -> Record {
        let tensor = |shape: &&[usize]| SealedTensor {
            name: "w".into(),
            shape: shape.to_vec(),
            minimum: -128,
            maximum: 127,
            quantisation: Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 }),
        };
        let tensors: Vec<SealedTensor> = shapes.iter().map(tensor).collect();
        let columns = tensors.iter().map(|tensor| sheet(tensor, usable).columns.len()).sum();
        let commitments = vec![[0; 32]; columns];
        Record { k: 7, usable, parameters: Digest([0; 32]), tensors, commitments }
    }

    /// Columns and elements of all parts are those of the record, each once and in order, and a
    /// part's tensors take the columns that it says.
    #[test]
    fn parts_are_all_of_a_record_in_order() {
        let long = PART_COLUMNS * 300;
        for (usable, shapes) in [
            (122, vec![&[3, 5][..], &[], &[2000, 61], &[7], &[3000, 50]]),
            (122, vec![&[2, 122 * 700], &[5, 122 * 1500], &[4000, 122]]),
            (10_000, vec![&[1 << 12, 1 << 11], &[1, 1 << 24], &[3, 3, 3]]),
            (60, vec![&[long, 17], &[1]]),
        ] {
            let record = record(usable, &shapes);
            let parts = record.range_parts().unwrap();
            assert!(parts.len() > 1, "{shapes:?} in columns of {usable}");
            let (mut columns, mut next) = (0, (0, 0));
            for part in &parts {
                assert_eq!(part.columns.start, columns);
                columns = part.columns.end;
                let tensors = part.tensors.iter().map(|tensor| sheet(tensor, usable).columns.len());
                assert_eq!(tensors.sum::<usize>(), part.columns.len());
                let least = |tensor: &SealedTensor| sheet(tensor, usable).step().0;
                let least = part
                    .tensors
                    .iter()
                    .all(|t| t.shape.first().is_none_or(|units| *units <= least(t)));
                assert!(part.columns.len() <= PART_COLUMNS || least);
                assert!(part.columns.len() * usable <= PART_CELLS || least);
                for ((place, elements), tensor) in part.pieces.iter().zip(&part.tensors) {
                    assert_eq!((*place, elements.start), next);
                    assert_eq!(tensor.elements(), elements.len());
                    let ends = elements.end == record.tensors[*place].elements();
                    next = if ends { (place + 1, 0) } else { (*place, elements.end) };
                }
            }
            assert_eq!((columns, next), (record.commitments.len(), (shapes.len(), 0)));
        }
    }

    #[test]
    fn a_small_seal_has_one_part_and_an_empty_one_too() {
        assert_eq!(record(122, &[&[PART_COLUMNS, 122]]).range_parts().unwrap().len(), 1);
        assert_eq!(record(122, &[&[PART_COLUMNS + 1, 122]]).range_parts().unwrap().len(), 2);
        assert_eq!(record(122, &[]).range_parts().unwrap().len(), 1);
    }

    #[test]
    fn other_commitments_than_columns() {
        let mut record = record(122, &[&[4, 100]]);
        record.commitments.pop();
        let expected = Rejection::SealCommitments { expected: 4, got: 3 };
        assert_eq!(record.range_parts(), Err(expected));
    }
}
