//! The commitment parameters: halo2's own, derived from a fixed string by hashing to the curve, so nobody holds a trapdoor.

use group::GroupEncoding;
use halo2_proofs::poly::commitment::Params;
use pasta_curves::EqAffine;

use crate::key::Digest;

/// halo2's generators for `2^k` rows, with their digest.
#[derive(Clone, Debug)]
pub struct Parameters {
    k: u32,
    generators: Vec<EqAffine>,
    lagrange: Vec<EqAffine>,
    blinding: EqAffine,
    inner_product: EqAffine,
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
        let bytes = encode(&params);
        let (expected, got) = (pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?, digest(&bytes));
        if got != expected {
            return Err(ParametersError::Digest { k, expected, got });
        }
        Self::decode(k, &bytes, true)
    }

    /// The bytes that [`Parameters::read`] takes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&Params::new(self.k))
    }

    /// Decodes bytes whose digest is the one pinned for `k`.
    pub fn read(k: u32, bytes: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(k, bytes, true)
    }

    /// The same for verifying only.
    pub fn read_for_verifying(k: u32, bytes: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(k, bytes, false)
    }

    fn decode(k: u32, bytes: &[u8], for_proving: bool) -> Result<Self, ParametersError> {
        let expected = pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?;
        let got = digest(bytes);
        if got != expected {
            return Err(ParametersError::Digest { k, expected, got });
        }
        let n = 1usize << k;
        let damaged = ParametersError::Damaged { k };
        let encoded = bytes.get(4..).ok_or(damaged)?.as_chunks::<POINT>().0;
        let points: Vec<EqAffine> = encoded.iter().filter_map(|p| Option::from(EqAffine::from_bytes(p))).collect();
        let generators = points.iter().take(n).copied().collect();
        let lagrange = if for_proving { points.iter().skip(n).take(n).copied().collect() } else { Vec::new() };
        let [.., blinding, inner_product] = points.as_slice() else { return Err(damaged) };
        Ok(Self { k, generators, lagrange, blinding: *blinding, inner_product: *inner_product, digest: got })
    }

    /// `G`.
    pub fn generators(&self) -> &[EqAffine] {
        &self.generators
    }

    /// Lagrange.
    pub fn lagrange(&self) -> &[EqAffine] {
        &self.lagrange
    }

    /// `W`.
    pub fn blinding(&self) -> EqAffine {
        self.blinding
    }

    /// `U`.
    pub fn inner_product(&self) -> EqAffine {
        self.inner_product
    }

    /// Whether they serve provers too.
    pub fn for_proving(&self) -> bool {
        !self.lagrange.is_empty()
    }

    /// `n = 2^k`.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Digest of their encoding, pinned per `k`.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Bytes of a compressed point.
const POINT: usize = 32;

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
