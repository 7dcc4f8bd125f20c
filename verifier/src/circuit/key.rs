//! The verifying key: a description that has been checked, with everything derived from it.

use crate::circuit::analysis::{Analysis, analyse};
use crate::circuit::coverage;
use crate::circuit::description::Description;
use crate::circuit::layout::Layout;
use crate::circuit::tables::Tables;
use crate::encoding::digest::Digest;
use crate::encoding::encode;
use crate::error::DescriptionError as Error;
use crate::limits::{MAX_K, MAX_LIMB_BITS, MIN_K};
use crate::threads::join;

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
            coverage::check(&layout)?;
            Ok((analysis, tables, layout))
        };
        let (derived, digest) = join(derive, || Digest::of(DOMAIN, &encode(&description)));
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
