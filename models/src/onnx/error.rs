//! Why a file cannot be imported.
//!
//! Whoever wrote the file chose its names: messages quote them with `{:?}`, which escapes whatever
//! could break or turn a line.

use std::path::PathBuf;

use super::refusals::Refusals;

/// The oldest operator set that is imported.
pub const OLDEST_OPSET: i64 = 1;
/// The newest operator set that is imported.
pub const NEWEST_OPSET: i64 = 28;

/// A file that is no network this toolkit can prove.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {path:?}: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path names a directory.
    #[error("{path:?} is a directory; name the .onnx file itself")]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("{path:?} is empty; export or copy the model again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another format.
    #[error("{path:?} is not ONNX: {format}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Which one it is, and what to do.
        format: &'static str,
    },
    /// The bytes are no ONNX model.
    #[error(
        "{path:?} is not a complete ONNX model ({reason}); it may be truncated or of another \
        format, export or copy the model again"
    )]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },
    /// The operator set is too old or too new.
    #[error("{path:?} uses ONNX opset {found}, supported are {oldest} to {newest}; export the \
        model again with `opset_version={newest}` or lower{refusals:#}",
        oldest = OLDEST_OPSET, newest = NEWEST_OPSET)]
    Opset {
        /// The file.
        path: PathBuf,
        /// Its operator set.
        found: i64,
        /// The nodes that could not be proven in a supported one either.
        refusals: Refusals,
    },
    /// An input or output that cannot be used.
    #[error("{path:?}: {place}: {problem}")]
    Interface {
        /// The file.
        path: PathBuf,
        /// The input or output.
        place: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The file contradicts itself.
    #[error(
        "{path:?} is not a valid ONNX model: {problem}; check it with `onnx.checker.check_model`"
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A network of which no circuit can be made.
    #[error("{path:?}: node {node:?} ({operator}) makes the network too large: {problem}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The first node that there is no room for.
        node: String,
        /// Its operator.
        operator: &'static str,
        /// What there is too much of, and what to do.
        problem: String,
    },
    /// Nodes that cannot be proven, all of them.
    #[error("{path:?}: cannot import {refusals}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Every node at fault.
        refusals: Refusals,
    },
}

/// Why the import of a node ends early.
#[derive(Debug)]
pub(in crate::onnx) enum Stop {
    /// The node is at fault.
    Because(String),
    /// The node makes the network too large.
    TooLarge(String),
    /// A node before it was refused and nothing is known of its result; this one cannot be judged.
    Blocked,
}

impl Stop {
    pub(in crate::onnx) fn because(reason: &str) -> Self {
        Self::Because(reason.to_owned())
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}
