//! The verdict: read the argument, recompute what it must say, check its opening.

mod basis;
mod expected;
mod seal;

use self::expected::Expected;
use crate::argument::Argument;
use crate::argument::bound::Bound;
use crate::circuit::key::VerifyingKey;
use crate::encoding::digest::Digest;
use crate::error::Rejection;
use crate::parameters::Parameters;
use crate::wire::proof::Proof;
use crate::wire::seal::CheckedSeal;

impl VerifyingKey {
    /// Whether `proof` shows that the network of this key maps the statement's inputs to its
    /// outputs. For keys without sealed weights.
    ///
    /// Cost: field work linear in cells and weights, one multi-scalar multiplication of `2^k` plus
    /// the commitments.
    pub fn verify(&self, parameters: &Parameters, proof: &Proof) -> Result<(), Rejection> {
        self.verify_sealed(parameters, None, proof)
    }

    /// The same for any key: `seal` is the seal of the model's weights, if they are sealed.
    ///
    /// The cost of sealed weights: field work linear in columns and output channels, a term of the
    /// multiplication for each column.
    pub fn verify_sealed(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(), Rejection> {
        self.check_identity(parameters, seal, proof)?;
        let statement = proof.statement.check(self)?;
        let sealed = [statement.points(), seal.map_or(&[], CheckedSeal::points)].concat();
        let bound = Bound::new(self, proof.seal, parameters.digest(), &proof.statement);
        let argument = Argument::read(self, &bound, &proof.argument)?;
        let expected = Expected::of(self, &statement, &argument)?;
        let equation = expected.opening(self, parameters, &sealed, argument)?;
        if equation.holds() { Ok(()) } else { Err(Rejection::Opening) }
    }

    /// Whether proof, key, parameters and seal belong together.
    fn check_identity(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(), Rejection> {
        if proof.key != self.digest() {
            return Err(Rejection::OtherKey {
                expected: self.digest().to_string(),
                got: proof.key.to_string(),
            });
        }
        if parameters.k() != self.description().k {
            return Err(Rejection::OtherParameters {
                expected: self.description().k,
                got: parameters.k(),
            });
        }
        match (seal, self.has_sealed_weights()) {
            (None, true) => return Err(Rejection::SealMissing),
            (Some(_), false) => return Err(Rejection::SealUnexpected),
            (Some(seal), true) => seal.fits(self, parameters)?,
            (None, false) => {}
        }
        let digest = seal.map(CheckedSeal::digest);
        if digest != proof.seal {
            let name =
                |digest: Option<Digest>| digest.map_or("none".into(), |digest| digest.to_string());
            return Err(Rejection::OtherSeal { expected: name(proof.seal), got: name(digest) });
        }
        Ok(())
    }
}
