//! The kernels: their shaders, what they bind, and the text that shaders share.

use super::field::{self, Limbs};

/// What a shader does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A few constants.
    Uniform,
    /// Reads it.
    Read,
    /// Reads and writes it.
    Write,
}

use Access::{Read, Uniform, Write};

/// A compute shader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// How many entries each bucket has.
    Count,
    /// Where each bucket starts.
    Scan,
    /// Entries by bucket.
    Scatter,
    /// Sums of runs of entries.
    Accumulate,
    /// Sums of heads.
    Merge,
    /// Weighted sums of buckets.
    Reduce,
    /// The terms of folded generators.
    Fold,
    /// Their sums, in affine coordinates.
    Normalise,
    /// Chains of products.
    Multiply,
}

impl Kernel {
    /// How many there are.
    pub const COUNT: usize = Self::Multiply as usize + 1;

    /// Invocations of a workgroup, as its shader says.
    pub fn workgroup(self) -> usize {
        match self {
            Self::Count | Self::Scan | Self::Scatter => 128,
            _ => 64,
        }
    }

    /// The entry point.
    pub fn entry_point(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Scan => "scan",
            Self::Scatter => "scatter",
            Self::Accumulate => "accumulate",
            Self::Merge => "merge",
            Self::Reduce => "reduce",
            Self::Fold => "fold",
            Self::Normalise => "normalise",
            Self::Multiply => "multiply",
        }
    }

    /// Its bindings, in order.
    pub fn bindings(self) -> &'static [Access] {
        match self {
            Self::Count | Self::Scan | Self::Scatter => &[Uniform, Read, Write, Write, Write],
            Self::Accumulate => &[Uniform, Read, Read, Read, Read, Write, Write, Write],
            Self::Merge => &[Uniform, Write, Write, Write],
            Self::Reduce | Self::Normalise | Self::Multiply => &[Uniform, Read, Write],
            Self::Fold => &[Uniform, Read, Read, Write],
        }
    }

    /// The whole shader.
    pub fn source(self, limbs: Limbs) -> String {
        let shape = include_str!("shaders/shape.wgsl");
        let points = || field::source(limbs) + include_str!("shaders/points.wgsl");
        let kernel = match self {
            Self::Count | Self::Scan | Self::Scatter => {
                shape.to_owned() + include_str!("shaders/digits.wgsl")
            }
            Self::Accumulate => {
                let stores = sums("bucket", "buckets", Write) + &sums("head", "heads", Write);
                points() + shape + include_str!("shaders/accumulate.wgsl") + &stores
            }
            Self::Merge => {
                let access = sums("bucket", "buckets", Write) + &sums("head", "heads", Write);
                points() + include_str!("shaders/merge.wgsl") + &access
            }
            Self::Reduce => {
                let access = sums("item", "items", Read) + &sums("sum", "sums", Write);
                points() + include_str!("shaders/reduce.wgsl") + &access
            }
            Self::Fold => {
                points() + include_str!("shaders/fold.wgsl") + &sums("term", "terms", Write)
            }
            Self::Normalise => {
                points() + include_str!("shaders/normalise.wgsl") + &sums("term", "terms", Read)
            }
            Self::Multiply => field::source(limbs) + include_str!("shaders/products.wgsl"),
        };
        kernel + include_str!("shaders/grid.wgsl")
    }
}

/// Functions that load a sum from a buffer and store one in it.
fn sums(name: &str, buffer: &str, access: Access) -> String {
    let at = |i: usize| format!("{buffer}[8u * index + {i}u]");
    let element = |i: usize| format!("Field({}, {})", at(2 * i), at(2 * i + 1));
    let elements = [0, 1, 2, 3].map(element).join(", ");
    let load = format!("fn load_{name}(index: u32) -> Point {{ return Point({elements}); }}\n");
    if access == Read {
        return load;
    }
    let store = |(i, name): (usize, &str)| {
        format!("  {} = point.{name}.lo;\n  {} = point.{name}.hi;\n", at(2 * i), at(2 * i + 1))
    };
    let stores: String = ["x", "y", "zz", "zzz"].into_iter().enumerate().map(store).collect();
    format!("{load}fn store_{name}(index: u32, point: Point) {{\n{stores}}}\n")
}
