//! The commitment parameters: generators that nobody holds a trapdoor for, in the two bases that
//! are committed in, and their files.
//!
//! A file is a sequence of points, each `x ‖ y` with canonical little-endian coordinates of 32
//! bytes, so that reading takes a check of the curve's equation and no square root. The first file
//! has `W`, `U` and the `2^k` generators of the coefficient basis: all that verifiers need. The
//! second has the Lagrange basis, for provers. Each is accepted if it has the digest that is pinned
//! for its `k`.

pub mod generators;
mod lagrange;

use std::fmt;

use ff::PrimeField;
use pasta_curves::arithmetic::{Coordinates, CurveAffine};
use pasta_curves::{EqAffine, Fq};

use crate::encoding::digest::Digest;
use crate::limits::{MAX_K, MIN_K};
use crate::parameters::generators::{blinding, coefficient_basis, inner_product};
use crate::parameters::lagrange::lagrange_basis;

/// The generators for `2^k` rows, with their digest.
#[derive(Clone, Debug)]
pub struct Parameters {
    k: u32,
    /// `G`, then `U` and `W`.
    opening: Vec<EqAffine>,
    lagrange: Vec<EqAffine>,
    digest: Digest,
}

/// What a file of parameters has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// `W`, `U` and the generators of the coefficient basis.
    Coefficient,
    /// The generators of the Lagrange basis.
    Lagrange,
}

/// Why parameters were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// `k` outside the supported range.
    #[error("k is {got}, expected {}..={}", MIN_K, MAX_K)]
    RowsOutOfRange {
        /// Asked for.
        got: u32,
    },
    /// The bytes do not hash to the digest pinned for this `k`: damaged, too few or too many, or
    /// for another `k`.
    #[error(
        "not the {basis} for k = {k}: digest {got}, pinned {expected}; delete the cached file and \
        derive it again"
    )]
    Digest {
        /// What the bytes should have.
        basis: Basis,
        /// The `k` asked for.
        k: u32,
        /// Pinned in this crate.
        expected: Digest,
        /// Found.
        got: Digest,
    },
    /// The bytes hash right but are no points of the curve, or not as many (a damaged build).
    #[error("the {basis} for k = {k} does not decode")]
    Damaged {
        /// What the bytes should have.
        basis: Basis,
        /// The `k` asked for.
        k: u32,
    },
}

impl Parameters {
    /// Derives both bases. Read them from a cache where there is one.
    pub fn derive(k: u32) -> Result<Self, ParametersError> {
        let mut parameters = Self::derive_for_verifying(k)?;
        parameters.derive_lagrange()?;
        Ok(parameters)
    }

    /// Derives what verifiers need, a small part of the work.
    pub fn derive_for_verifying(k: u32) -> Result<Self, ParametersError> {
        let expected = Basis::Coefficient.pinned(k)?;
        let mut opening = coefficient_basis(rows(k));
        opening.extend([inner_product(), blinding()]);
        let parameters = Self { k, opening, lagrange: Vec::new(), digest: expected };
        Basis::Coefficient.check(k, &parameters.to_bytes())?;
        Ok(parameters)
    }

    /// Derives the Lagrange basis from the coefficient basis: with it the parameters serve provers
    /// too.
    pub fn derive_lagrange(&mut self) -> Result<(), ParametersError> {
        let lagrange = lagrange_basis(self.generators());
        Basis::Lagrange.check(self.k, &encode(&lagrange))?;
        self.lagrange = lagrange;
        Ok(())
    }

    /// Decodes the files with both bases.
    pub fn read(k: u32, coefficient: &[u8], lagrange: &[u8]) -> Result<Self, ParametersError> {
        let mut parameters = Self::read_for_verifying(k, coefficient)?;
        parameters.read_lagrange(lagrange)?;
        Ok(parameters)
    }

    /// Decodes the file with the coefficient basis: enough for verifiers.
    pub fn read_for_verifying(k: u32, coefficient: &[u8]) -> Result<Self, ParametersError> {
        let digest = Basis::Coefficient.check(k, coefficient)?;
        let damaged = ParametersError::Damaged { basis: Basis::Coefficient, k };
        let (extra, generators) =
            coefficient.split_at_checked(EXTRA.saturating_mul(POINT)).ok_or(damaged)?;
        let [blinding, inner_product] =
            decode(EXTRA, extra).and_then(|points| points.try_into().ok()).ok_or(damaged)?;
        let mut opening = decode(rows(k), generators).ok_or(damaged)?;
        opening.extend([inner_product, blinding]);
        Ok(Self { k, opening, lagrange: Vec::new(), digest })
    }

    /// Decodes the file with the Lagrange basis: with it the parameters serve provers too.
    pub fn read_lagrange(&mut self, bytes: &[u8]) -> Result<(), ParametersError> {
        let basis = Basis::Lagrange;
        basis.check(self.k, bytes)?;
        self.lagrange =
            decode(rows(self.k), bytes).ok_or(ParametersError::Damaged { basis, k: self.k })?;
        Ok(())
    }

    /// The file with the coefficient basis.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode([&self.blinding(), &self.inner_product()].into_iter().chain(self.generators()))
    }

    /// The file with the Lagrange basis; empty if it is not there.
    pub fn lagrange_to_bytes(&self) -> Vec<u8> {
        encode(&self.lagrange)
    }

    /// `n = 2^k`.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Digest of the file with the coefficient basis, pinned per `k`. Every proof is bound to it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether they serve provers too: the Lagrange basis is there.
    pub fn for_proving(&self) -> bool {
        !self.lagrange.is_empty()
    }

    /// `G`, halo2's coefficient basis: `2^k` points, of which the `i`-th commits to `X^i`.
    pub fn generators(&self) -> &[EqAffine] {
        self.opening.get(..self.opening.len().saturating_sub(EXTRA)).unwrap_or_default()
    }

    /// What openings are computed over: `G`, then `U` and `W`.
    pub fn opening_basis(&self) -> &[EqAffine] {
        &self.opening
    }

    /// The Lagrange basis: `2^k` points, of which the `i`-th commits to the column that is one in
    /// row `i` and zero elsewhere; none if only for verifying.
    pub fn lagrange(&self) -> &[EqAffine] {
        &self.lagrange
    }

    /// `W`, the generator of blinds.
    pub fn blinding(&self) -> EqAffine {
        self.opening.last().copied().unwrap_or_default()
    }

    /// `U`, the generator of the inner product in openings.
    pub fn inner_product(&self) -> EqAffine {
        self.opening.iter().nth_back(1).copied().unwrap_or_default()
    }
}

impl Basis {
    /// The digest of a file.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        Digest::of(
            match self {
                Self::Coefficient => b"zkinfer params..",
                Self::Lagrange => b"zkinfer lagrange",
            },
            bytes,
        )
    }

    /// The digest that the file for `k` has.
    fn pinned(self, k: u32) -> Result<Digest, ParametersError> {
        let digests = match self {
            Self::Coefficient => &COEFFICIENT,
            Self::Lagrange => &LAGRANGE,
        };
        let index = k.checked_sub(MIN_K).and_then(|index| usize::try_from(index).ok());
        let digest = index.and_then(|index| digests.get(index)).copied().map(Digest);
        digest.ok_or(ParametersError::RowsOutOfRange { got: k })
    }

    /// Whether the file for `k` has these bytes. Returns their digest.
    fn check(self, k: u32, bytes: &[u8]) -> Result<Digest, ParametersError> {
        let (expected, got) = (self.pinned(k)?, self.digest(bytes));
        if got != expected {
            return Err(ParametersError::Digest { basis: self, k, expected, got });
        }
        Ok(got)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Coefficient => "coefficient basis",
            Self::Lagrange => "Lagrange basis",
        })
    }
}

/// Bytes of a coordinate.
const COORDINATE: usize = 32;
/// Bytes of a point.
const POINT: usize = 2 * COORDINATE;
/// Points before the generators of the coefficient basis: `W` and `U`.
const EXTRA: usize = 2;

fn rows(k: u32) -> usize {
    1usize.checked_shl(k).unwrap_or(0)
}

/// Points as they stand in files.
pub fn encode<'a>(points: impl IntoIterator<Item = &'a EqAffine>) -> Vec<u8> {
    let coordinates = points.into_iter().flat_map(|point| {
        // No generator is the identity; in a file it would be zeros.
        let coordinates: Coordinates<EqAffine> =
            Option::from(point.coordinates()).unwrap_or_default();
        [coordinates.x().to_repr(), coordinates.y().to_repr()]
    });
    coordinates.flatten().collect()
}

/// The same back: exactly `count` points of the curve.
fn decode(count: usize, bytes: &[u8]) -> Option<Vec<EqAffine>> {
    if bytes.len() != count.checked_mul(POINT)? {
        return None;
    }
    let coordinate = |bytes: &[u8]| Option::<Fq>::from(Fq::from_repr(bytes.try_into().ok()?));
    let point = |point: &[u8]| {
        let (x, y) = point.split_at_checked(COORDINATE)?;
        EqAffine::from_xy(coordinate(x)?, coordinate(y)?).into()
    };
    bytes.chunks_exact(POINT).map(point).collect()
}

include!("pinned.rs");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decode_to_as_many_points_of_the_curve_or_not_at_all() {
        let points = coefficient_basis(3);
        let bytes = encode(&points);
        assert_eq!(bytes.len(), 3 * POINT);
        assert_eq!(decode(3, &bytes), Some(points));
        assert_eq!(decode(0, &[]), Some(vec![]));
        assert_eq!(decode(2, &bytes), None);
        assert_eq!(decode(4, &bytes), None);
        for length in 0..bytes.len() {
            assert_eq!(decode(3, &bytes[..length]), None);
        }
        let changed = |at: usize, to: &dyn Fn(&mut u8)| {
            let mut bytes = bytes.clone();
            to(&mut bytes[at]);
            decode(3, &bytes)
        };
        for at in 0..bytes.len() {
            assert_eq!(changed(at, &|byte| *byte ^= 1), None, "off the curve, byte {at}");
        }
        // Coordinates are below the modulus, which is less than 2^255.
        assert_eq!(changed(COORDINATE - 1, &|byte| *byte |= 0x80), None);
    }
}
