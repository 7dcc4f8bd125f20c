//! The verifier as a party: it reads what the prover wrote.

use halo2_proofs::transcript::{Blake2bRead, Challenge255, Transcript, TranscriptRead};
use pasta_curves::{EqAffine, Fp};

use crate::argument::bound::Bound;
use crate::argument::schedule::{Part, Party};
use crate::challenges::{Challenge, Name};
use crate::error::Rejection;

/// Bytes of an argument, read message by message.
pub struct Reader<'a>(Blake2bRead<&'a [u8], EqAffine, Challenge255<EqAffine>>);

impl<'a> Reader<'a> {
    /// Reads these bytes as what is bound to `bound`.
    pub fn new(bytes: &'a [u8], bound: &Bound<'_>) -> Result<Self, Rejection> {
        let mut reader = Self::unbound(bytes);
        let bound = reader.0.common_scalar(bound.element());
        bound.map_err(|_| Rejection::Encoding { part: "binding" })?;
        Ok(reader)
    }

    /// Reads these bytes as bound to nothing: an opening by itself.
    pub fn unbound(bytes: &'a [u8]) -> Self {
        Self(Blake2bRead::init(bytes))
    }
}

impl Party for Reader<'_> {
    type Error = Rejection;
    type Points<'m> = ();
    type Point = ();
    type Scalars<'m> = ();

    fn points(&mut self, part: Part, count: usize, (): ()) -> Result<Vec<EqAffine>, Rejection> {
        (0..count).map(|_| self.point(part, ())).collect()
    }

    fn point(&mut self, part: Part, (): ()) -> Result<EqAffine, Rejection> {
        self.0.read_point().map_err(|_| Rejection::Encoding { part: part.name() })
    }

    fn scalars(&mut self, part: Part, count: usize, (): ()) -> Result<Vec<Fp>, Rejection> {
        let scalar = |_| self.0.read_scalar();
        let scalars = (0..count).map(scalar).collect::<Result<_, _>>();
        scalars.map_err(|_| Rejection::Encoding { part: part.name() })
    }

    fn draw<N: Name>(&mut self) -> Challenge<N> {
        Challenge::new(*self.0.squeeze_challenge_scalar::<()>())
    }
}
