//! When a seal may be relied on: its range proofs hold, or did when they were checked before.

use crate::circuit::key::VerifyingKey;
use crate::circuit::rows::usable_rows;
use crate::encoding::digest::Digest;
use crate::error::Rejection;
use crate::parameters::Parameters;
use crate::threads::for_each_chunk;
use crate::wire::commitment::decode;
use crate::wire::proof::Proof;
use crate::wire::seal::{CheckedSeal, Seal};

impl Seal {
    /// Checks that the seal is of what `key` needs sealed, then its range proofs.
    pub fn check_for(
        self,
        key: &VerifyingKey,
        parameters: &Parameters,
    ) -> Result<CheckedSeal, Rejection> {
        self.record.fits(key, parameters)?;
        self.check(parameters)
    }

    /// Checks the range proofs. Where the key is known, [`Self::check_for`] refuses another model's
    /// seal before any work.
    pub fn check(self, parameters: &Parameters) -> Result<CheckedSeal, Rejection> {
        if self.record.parameters != parameters.digest()
            || self.record.usable != usable_rows(parameters.k())
        {
            return Err(Rejection::SealParameters { expected: parameters.k(), got: self.record.k });
        }
        let parts = self.record.range_parts()?;
        let (expected, got) = (parts.len(), self.range_proofs.len());
        if expected != got {
            return Err(Rejection::SealParts { expected, got });
        }
        for (part, argument) in parts.iter().zip(&self.range_proofs) {
            let (key, statement) = self.record.range_claim(part)?;
            let proof =
                Proof { key: key.digest(), seal: None, statement, argument: argument.clone() };
            key.verify(parameters, &proof)
                .map_err(|reason| Rejection::SealRange { reason: Box::new(reason) })?;
        }
        self.decoded()
    }

    /// Accepts the seal without checking its range proofs, because its digest is that of one that
    /// has been checked.
    pub fn trust(self, checked: Digest) -> Result<CheckedSeal, Rejection> {
        let got = self.record.digest();
        if got != checked {
            return Err(Rejection::OtherSeal {
                expected: checked.to_string(),
                got: got.to_string(),
            });
        }
        self.decoded()
    }

    fn decoded(self) -> Result<CheckedSeal, Rejection> {
        let mut points: Vec<_> =
            self.record.commitments.iter().map(|commitment| (commitment, None)).collect();
        // A square root each.
        for_each_chunk(&mut points, 16, |_, points| {
            points.iter_mut().for_each(|(commitment, point)| *point = decode(commitment));
        });
        let points = points.into_iter().map(|(_, point)| point).collect::<Option<_>>();
        let points = points.ok_or(Rejection::Encoding { part: "commitments of the seal" })?;
        Ok(CheckedSeal { digest: self.record.digest(), points, record: self.record })
    }
}
