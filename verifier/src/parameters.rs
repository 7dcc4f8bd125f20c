//! The commitment parameters: halo2's own, derived from a fixed string by hashing to the curve, so nobody holds a trapdoor.

use group::GroupEncoding;
use halo2_proofs::poly::commitment::Params;
use pasta_curves::EqAffine;

use crate::BLINDING_ROWS;
use crate::key::Digest;
use crate::link::RESPONSES;

/// halo2's generators for `2^k` rows, with their digest.
#[derive(Clone, Debug)]
pub struct Parameters {
    params: Params<EqAffine>,
    digest: Digest,
    shifts: [EqAffine; RESPONSES],
    for_proving: bool,
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
        let shifts = shifts(k, &bytes).ok_or(ParametersError::Damaged { k })?;
        Ok(Self { params, digest: got, shifts, for_proving: true })
    }

    /// The bytes that [`Parameters::read`] takes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&self.params)
    }

    /// Decodes bytes whose digest is the one pinned for `k`.
    pub fn read(k: u32, bytes: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(k, bytes, true)
    }

    /// The same for verifying only: decompressing points is most of the work, and verifiers need half of them.
    pub fn read_for_verifying(k: u32, bytes: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(k, bytes, false)
    }

    fn decode(k: u32, bytes: &[u8], for_proving: bool) -> Result<Self, ParametersError> {
        let expected = pinned(k).ok_or(ParametersError::RowsOutOfRange { got: k })?;
        let got = digest(bytes);
        if got != expected {
            return Err(ParametersError::Digest { k, expected, got });
        }
        let damaged = || ParametersError::Damaged { k };
        let shifts = shifts(k, bytes).ok_or_else(damaged)?;
        let read = |mut bytes: &[u8]| Params::read(&mut bytes).map_err(|_| damaged());
        let params = if for_proving {
            read(bytes)?
        } else {
            // The identity stands for every generator of the Lagrange basis.
            let mut bytes = bytes.to_vec();
            bytes.get_mut(lagrange(k)).ok_or_else(damaged)?.fill(0);
            read(&bytes)?
        };
        Ok(Self { params, digest: got, shifts, for_proving })
    }

    /// The generators of the blinding rows, then that of blinds.
    pub fn shifts(&self) -> &[EqAffine; RESPONSES] {
        &self.shifts
    }

    /// Whether they serve provers too.
    pub fn for_proving(&self) -> bool {
        self.for_proving
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

/// Bytes of a compressed point.
const POINT: usize = 32;

/// Where halo2's encoding (`k`, generators, generators of the Lagrange basis, `W`, `U`) has the Lagrange basis.
fn lagrange(k: u32) -> std::ops::Range<usize> {
    let length = 1usize.checked_shl(k).unwrap_or(0).saturating_mul(POINT);
    let start = length.saturating_add(4);
    start..start.saturating_add(length)
}

/// The last generators of the Lagrange basis and `W`, which follows them.
fn shifts(k: u32, bytes: &[u8]) -> Option<[EqAffine; RESPONSES]> {
    let start = lagrange(k).end.saturating_sub(BLINDING_ROWS.saturating_mul(POINT));
    let encoded = bytes.get(start..)?.as_chunks::<POINT>().0;
    let mut points = [EqAffine::default(); RESPONSES];
    for (point, encoded) in points.iter_mut().zip(encoded) {
        *point = Option::from(EqAffine::from_bytes(encoded))?;
    }
    Some(points)
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
