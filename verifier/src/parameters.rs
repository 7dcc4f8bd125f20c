//! The commitment parameters: halo2's own, derived from a fixed string by hashing to the curve, so nobody holds a trapdoor.

use halo2_proofs::poly::commitment::Params;
use pasta_curves::EqAffine;

use crate::key::Digest;

/// halo2's generators for `2^k` rows, with their digest.
#[derive(Clone, Debug)]
pub struct Parameters {
    params: Params<EqAffine>,
    digest: Digest,
}

/// Why parameter bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// `k` outside the supported range.
    #[error("k is {got}, expected {}..={}", crate::MIN_K, crate::MAX_K)]
    RowsOutOfRange {
        /// Asked for.
        got: u32,
    },
    /// The bytes do not hash to the digest pinned for this `k`.
    #[error(
        "not the parameters for k = {k}: digest {got}, pinned {expected}; delete the cached file and derive it again"
    )]
    Digest {
        /// The `k` asked for.
        k: u32,
        /// Pinned in this crate.
        expected: Digest,
        /// Found.
        got: Digest,
    },
    /// The bytes hash right but do not decode (a damaged build).
    #[error("the parameters for k = {k} do not decode")]
    Damaged {
        /// The `k` asked for.
        k: u32,
    },
}

impl Parameters {
    /// Derives the parameters: seconds of work from `k = 13` on. Read them from a cache where there is one.
    pub fn derive(k: u32) -> Result<Self, ParametersError> {
        pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?;
        let params = Params::new(k);
        let digest = digest(&encode(&params));
        Self::check(k, params, digest)
    }

    /// The bytes that [`Parameters::read`] takes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&self.params)
    }

    /// Decodes bytes whose digest is the one pinned for `k`.
    pub fn read(k: u32, bytes: &[u8]) -> Result<Self, ParametersError> {
        let expected = pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?;
        let got = digest(bytes);
        if got != expected {
            return Err(ParametersError::Digest { k, expected, got });
        }
        let params = Params::read(&mut &*bytes).map_err(|_| ParametersError::Damaged { k })?;
        Self::check(k, params, got)
    }

    fn check(k: u32, params: Params<EqAffine>, got: Digest) -> Result<Self, ParametersError> {
        let expected = pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?;
        if got != expected {
            return Err(ParametersError::Digest { k, expected, got });
        }
        Ok(Self { params, digest: got })
    }

    /// halo2's parameters.
    pub fn params(&self) -> &Params<EqAffine> {
        &self.params
    }

    /// `n = 2^k`.
    pub fn k(&self) -> u32 {
        self.params.k()
    }

    /// Digest of their encoding, pinned per `k`.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn encode(params: &Params<EqAffine>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail; if it did, the digest check would refuse the result.
    let _ = params.write(&mut bytes);
    bytes
}

/// The digest of encoded parameters.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(b"zkinfer params..", bytes)
}

/// The digest of halo2's parameters for `k`, or none if `k` is not supported.
fn pinned(k: u32) -> Option<Digest> {
    let index = usize::try_from(k.checked_sub(crate::MIN_K)?).ok()?;
    PINNED.get(index).copied().map(Digest)
}

include!("pinned.rs");
