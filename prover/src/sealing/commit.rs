//! Commitments to tensors, and range proofs of parts of them.

use rand_core::CryptoRng;
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor, Sheet};
use zkinfer_verifier::field::integers::{Integers, Slice};
use zkinfer_verifier::wire::ranges::RangePart;
use zkinfer_verifier::wire::seal::Record;
use zkinfer_verifier::{Parameters, usable_rows};

use super::opening::Opening;
use crate::assignment::Assignment;
use crate::columns::{SealedColumns, Seed, Tensors};
use crate::error::ProveError;
use crate::prove::Prover;

/// Commits to tensors under fresh randomness, without a range proof: for sealed outputs, whose
/// ranges their next reader proves. The opening holds the integers.
pub fn commit(
    parameters: &Parameters,
    tensors: &[SealedTensor],
    integers: impl Into<Tensors>,
    rng: &mut impl CryptoRng,
) -> Result<(Opening, SealedColumns), ProveError> {
    let (mut opening, columns) = commit_apart(parameters, tensors, integers.into(), rng)?;
    opening.tensors = columns.tensors.to_vecs();
    Ok((opening, columns))
}

/// The same with an opening that does not hold the integers.
pub(super) fn commit_apart(
    parameters: &Parameters,
    tensors: &[SealedTensor],
    integers: Tensors,
    rng: &mut impl CryptoRng,
) -> Result<(Opening, SealedColumns), ProveError> {
    check(tensors, &integers)?;
    if !parameters.for_proving() {
        return Err(ProveError::VerifyingParameters);
    }
    let usable = usable_rows(parameters.k());
    let mut sheets: Vec<Sheet> = Vec::new();
    for tensor in tensors {
        let first = sheets.last().map_or(0, |sheet| sheet.columns.end);
        // Which role a sheet has makes no difference to its cells.
        sheets.push(Sheet::new(Role::Biases, tensor.clone(), first, usable));
    }
    let sheets: Vec<&Sheet> = sheets.iter().collect();
    let seed = Seed::random(rng);
    let columns = SealedColumns::commit(parameters, &sheets, integers, &seed)?;
    let (record, integers) = (columns.seal().record().clone(), seed.digest(&columns.tensors));
    Ok((Opening { record, seed, integers, tensors: Vec::new() }, columns))
}

/// The range proof of a part of a record; with `check` off, also a false one, which tests of the
/// verifier need.
pub fn prove_range(
    parameters: &Parameters,
    record: &Record,
    (columns, part): (&SealedColumns, &RangePart),
    check: bool,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ProveError> {
    let (key, statement) = record.range_claim(part).map_err(ProveError::Statement)?;
    let layout = key.layout();
    let mut cells = vec![vec![0; layout.usable]; layout.fresh_columns()];
    for (run, (tensor, elements)) in layout.runs().zip(&part.pieces) {
        let integers = columns.tensors[*tensor].as_slice().get(elements.clone());
        let integers: Vec<i64> = integers.into_iter().flat_map(Slice::iter).collect();
        layout.add(&mut cells, run, 0, &integers);
    }
    let columns = columns.part(part);
    let claim =
        Assignment { statement, columns: &cells, sealed: vec![&columns], ..Assignment::default() };
    let proof = Prover::new(&key, parameters)
        .self_check(check)
        .check_witness(check)
        .prove_assignment(claim, rng)?;
    Ok(proof.argument)
}

/// Whether tensors have their declared sizes and ranges.
fn check(tensors: &[SealedTensor], integers: &[Integers]) -> Result<(), ProveError> {
    if tensors.len() != integers.len() {
        return Err(ProveError::OpeningShape);
    }
    for (tensor, integers) in tensors.iter().zip(integers) {
        if tensor.elements() != integers.len() {
            return Err(ProveError::SealLength {
                name: tensor.name.clone(),
                expected: tensor.elements(),
                got: integers.len(),
            });
        }
        let range = tensor.minimum..=tensor.maximum;
        let mut each = integers.as_slice().iter().enumerate();
        if let Some((index, got)) = each.find(|(_, integer)| !range.contains(integer)) {
            let (name, minimum, maximum) = (tensor.name.clone(), tensor.minimum, tensor.maximum);
            return Err(ProveError::SealRange { name, index, got, minimum, maximum });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ff::{Field, PrimeField};
    use group::Curve;
    use pasta_curves::{Eq, Fp};
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use zkinfer_verifier::circuit::description::{Quantisation, Scheme};
    use zkinfer_verifier::field::integer;

    use super::*;
    use crate::columns::SealedColumn;

    #[test]
    fn every_column_of_a_seal_has_a_blind_of_its_own() {
        let parameters = Parameters::derive(7).unwrap();
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let tensor = |name: &str, units: usize| SealedTensor {
            name: name.into(),
            shape: vec![units, 32],
            minimum: -3,
            maximum: 3,
            quantisation: quantisation.clone(),
        };
        // Equal columns, so that only blinds tell their commitments apart.
        let tensors = [tensor("a", 6), tensor("b", 4)];
        let integers: Vec<Vec<i64>> =
            tensors.iter().map(|t| (0..t.elements() as i64).map(|i| i % 5 - 2).collect()).collect();
        let mut blinds = BTreeSet::new();
        for seed in [1, 2] {
            let rng = &mut StdRng::seed_from_u64(seed);
            let (_, sealed) = commit(&parameters, &tensors, integers.clone(), rng).unwrap();
            let columns: Vec<SealedColumn<'_>> = sealed.columns().collect();
            let rows = 0..usable_rows(7);
            assert_eq!((columns.len(), sealed.seal().points().len()), (4, 4));
            assert_eq!(columns[0].cells(rows.clone()), columns[2].cells(rows.clone()));
            for (column, commitment) in columns.iter().zip(sealed.seal().points()) {
                let cells = column.cells(rows.clone());
                let cells = cells.as_slice().iter().map(integer);
                let content: Eq = parameters
                    .lagrange()
                    .iter()
                    .zip(cells)
                    .map(|(generator, cell)| *generator * cell)
                    .sum();
                assert_eq!(
                    (content + parameters.blinding() * column.blind).to_affine(),
                    *commitment
                );
                assert_ne!(column.blind, Fp::ZERO);
                assert!(blinds.insert(column.blind.to_repr()), "a blind that is another column's");
            }
            // Nor does one follow from others.
            let steps: Vec<Fp> =
                columns.windows(2).map(|pair| pair[1].blind - pair[0].blind).collect();
            assert!(steps.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
