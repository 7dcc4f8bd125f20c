//! Names of operators in messages: files choose them.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
