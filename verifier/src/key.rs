//! The verifying key: a description that has been checked, with everything derived from it.

use crate::analysis::{Analysis, analyse};
use crate::description::Description;
use crate::error::DescriptionError as Error;
use crate::layout::Layout;
use crate::tables::Tables;
use crate::threads::join;
use crate::{MAX_K, MAX_LIMB_BITS, MIN_K, format};

/// Separates digests of keys from others.
pub(crate) const DOMAIN: &[u8; 16] = b"zkinfer key v2..";

/// A valid [`Description`] with its shapes, intervals, tables, layout and digest. Holding one means
/// that every check passed.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    description: Description,
    analysis: Analysis,
    tables: Tables,
    layout: Layout,
    digest: Digest,
}

/// A 32-byte BLAKE2b digest; displays as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Digest {
    /// BLAKE2b-256 of `bytes`, separated from other uses by `domain` (at most 16 bytes).
    pub fn of(domain: &[u8; 16], bytes: &[u8]) -> Self {
        Self::from_hash(&blake2b_simd::Params::new().hash_length(32).personal(domain).hash(bytes))
    }

    /// The same of a file, read piece by piece.
    pub(crate) fn of_file(
        domain: &[u8; 16],
        mut file: impl std::io::Read,
    ) -> std::io::Result<Self> {
        let mut state = blake2b_simd::Params::new().hash_length(32).personal(domain).to_state();
        let mut buffer = [0; 1 << 14];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Self::from_hash(&state.finalize())),
                Ok(count) => _ = state.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn from_hash(hash: &blake2b_simd::Hash) -> Self {
        let mut digest = [0; 32];
        digest.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(digest)
    }
}

impl VerifyingKey {
    /// Checks a description: shapes, references, intervals, table and column limits, coverage of
    /// every cell by a lookup.
    pub fn new(description: Description) -> Result<Self, Error> {
        if description.inputs.is_empty() {
            return Err(Error::Missing { what: "input" });
        }
        if description.outputs.is_empty() {
            return Err(Error::Missing { what: "output" });
        }
        Self::derive(description)
    }

    /// The key of a seal's range proof, which has sealed inputs and computes nothing.
    pub(crate) fn of_ranges(description: Description) -> Result<Self, Error> {
        if description.inputs.is_empty() {
            return Err(Error::Missing { what: "sealed tensor" });
        }
        Self::derive(description)
    }

    fn derive(description: Description) -> Result<Self, Error> {
        if !(MIN_K..=MAX_K).contains(&description.k) {
            return Err(Error::RowsOutOfRange { got: description.k });
        }
        if !(1..=MAX_LIMB_BITS).contains(&description.limb_bits) {
            return Err(Error::LimbBitsOutOfRange { got: description.limb_bits });
        }
        let derive = || {
            let analysis = analyse(&description)?;
            let tables = Tables::new(&description, &analysis)?;
            let layout = Layout::new(&description, &analysis, &tables)?;
            Ok((analysis, tables, layout))
        };
        let (derived, digest) = join(derive, || Digest::of(DOMAIN, &format::encode(&description)));
        let (analysis, tables, layout) = derived?;
        Ok(Self { description, analysis, tables, layout, digest })
    }

    /// The description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Shapes and intervals.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Lookup tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Places of cells.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether a proof needs the model's seal.
    pub fn has_sealed_weights(&self) -> bool {
        self.layout.model_sheets().next().is_some()
    }

    /// The key's name: a digest of its canonical encoding.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
