//! The prover as a party: it has each message and writes it.

use halo2_proofs::transcript::{Blake2bWrite, Challenge255, Transcript, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use zkinfer_verifier::argument::bound::Bound;
use zkinfer_verifier::argument::schedule::{Part, Party};
use zkinfer_verifier::challenges::{Challenge, Name};

use crate::error::ProveError;

/// The bytes of an argument in the making.
pub struct Writer(Blake2bWrite<Vec<u8>, EqAffine, Challenge255<EqAffine>>);

impl Writer {
    /// An argument that is bound to this.
    pub fn new(bound: &Bound<'_>) -> Result<Self, ProveError> {
        let mut writer = Self::unbound();
        writer.0.common_scalar(bound.element())?;
        Ok(writer)
    }

    /// An argument that is bound to nothing: an opening by itself.
    pub fn unbound() -> Self {
        Self(Blake2bWrite::init(Vec::new()))
    }

    /// What has been written.
    pub fn finish(self) -> Vec<u8> {
        self.0.finalize()
    }
}

impl Party for Writer {
    type Error = ProveError;
    type Points<'m> = &'m [EqAffine];
    type Point = EqAffine;
    type Scalars<'m> = &'m [Fp];

    fn points(
        &mut self,
        part: Part,
        count: usize,
        message: &[EqAffine],
    ) -> Result<Vec<EqAffine>, ProveError> {
        assert_eq!(message.len(), count, "{part}");
        message.iter().map(|&point| self.point(part, point)).collect()
    }

    fn point(&mut self, _: Part, message: EqAffine) -> Result<EqAffine, ProveError> {
        self.0.write_point(message)?;
        Ok(message)
    }

    fn scalars(&mut self, part: Part, count: usize, message: &[Fp]) -> Result<Vec<Fp>, ProveError> {
        assert_eq!(message.len(), count, "{part}");
        for scalar in message {
            self.0.write_scalar(*scalar)?;
        }
        Ok(message.to_vec())
    }

    fn draw<N: Name>(&mut self) -> Challenge<N> {
        Challenge::new(*self.0.squeeze_challenge_scalar::<()>())
    }
}
