//! Errors as people read them.

use zkinfer::models::onnx::{ImportError, Refusal};

/// An error with its causes, each said once: many of them repeat in their own message what caused
/// them, or name the file again.
pub fn story(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if parts.iter().any(|part| part.contains(&cause)) {
            continue;
        }
        parts.retain(|part| !cause.contains(part.as_str()));
        parts.push(cause);
    }
    parts.join(": ")
}

/// The nodes that could not be imported, if that is what is wrong.
pub fn refusals(error: &anyhow::Error) -> Option<&[Refusal]> {
    error.chain().find_map(|cause| match cause.downcast_ref::<ImportError>() {
        Some(ImportError::Unsupported { refusals, .. } | ImportError::Opset { refusals, .. }) => {
            Some(refusals.0.as_slice())
        }
        _ => match cause.downcast_ref::<zkinfer::models::Error>() {
            Some(zkinfer::models::Error::Import(
                ImportError::Unsupported { refusals, .. } | ImportError::Opset { refusals, .. },
            )) => Some(refusals.0.as_slice()),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn causes_are_said_once() {
        #[derive(Debug)]
        struct Read(std::io::Error);
        impl std::fmt::Display for Read {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "cannot read \"a.npy\": {}; check the path", self.0)
            }
        }
        impl std::error::Error for Read {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let cause = || Read(std::io::Error::other("no such file"));
        let error = anyhow::Error::from(cause());
        assert_eq!(story(&error), "cannot read \"a.npy\": no such file; check the path");
        let error = Err::<(), _>(cause()).context("\"a.npy\"").context("name another").unwrap_err();
        assert_eq!(
            story(&error),
            "name another: cannot read \"a.npy\": no such file; check the path"
        );
    }
}
