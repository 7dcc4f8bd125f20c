//! Why a file cannot be imported.
//!
//! Whoever wrote the file chose its names: messages quote them with `{:?}`, which escapes whatever
//! could break or turn a line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

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
        model again with `opset_version={newest}` or lower",
        oldest = OLDEST_OPSET, newest = NEWEST_OPSET)]
    Opset {
        /// The file.
        path: PathBuf,
        /// Its operator set.
        found: i64,
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
    #[error(
        "{path:?}: cannot import {refusals}; `docs/operators.md` lists the {supported} \
        operators that are supported"
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Every node at fault.
        refusals: Refusals,
        /// How many operators are supported.
        supported: usize,
    },
}

/// A node that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The ONNX node's name, or one made from its operator and position.
    pub node: String,
    /// Its operator, with the domain if that is not ONNX's own.
    pub operator: String,
    /// Why not.
    pub reason: String,
}

/// Nodes that cannot be imported, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl fmt::Display for Refusals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let Refusal { node, operator, reason } = refusal;
            write!(formatter, "{separator}node {node:?} ({}): {reason}", quoted(operator))?;
        }
        Ok(())
    }
}

/// Why the import of a node ends early.
#[derive(Debug)]
pub(in crate::onnx) enum Stop {
    /// The node is at fault.
    Because(String),
    /// The node makes the network too large.
    TooLarge(String),
    /// A node before it was refused; this one cannot be judged.
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

/// An operator's name for messages: plain if it can be one, quoted if it is anything else.
pub(in crate::onnx) fn quoted(operator: &str) -> Cow<'_, str> {
    let plain = operator.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if plain { operator.into() } else { format!("{operator:?}").into() }
}

/// The same for several, sorted, each once.
pub(in crate::onnx) fn listed<'a>(operators: impl Iterator<Item = &'a str>) -> String {
    let operators: BTreeSet<&str> = operators.collect();
    operators.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}
