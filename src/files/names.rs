//! Names of files that belong together: the same name with another ending.

use std::path::{Path, PathBuf};

/// Endings that a result's name has instead of those of what it was made from; all that is read and
/// written here.
pub const ENDINGS: [&str; 13] = [
    "onnx", "npy", "npz", "json", "csv", "png", "jpg", "jpeg", "zkc", "vk", "seal", "opening",
    "proof",
];

/// The path of what belongs to a file: the same name with another ending.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    append(&without(path, &ENDINGS), ending)
}

/// `path` without one of these endings, if it has one. Whatever else has a full stop in it is a
/// name: `v1.0`, `john.doe`.
pub fn without(path: &Path, endings: &[&str]) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = |ending: &&str| {
        let (stem, last) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        let stem = stem.strip_suffix('.').filter(|stem| !stem.is_empty())?;
        last.eq_ignore_ascii_case(ending).then_some(stem)
    };
    // Of two that fit, `pub.pem` and `pem`, the longer one is meant.
    let stems = endings.iter().filter_map(stem);
    stems
        .min_by_key(|stem| stem.len())
        .map_or_else(|| path.to_owned(), |stem| path.with_file_name(stem))
}

/// `path` with an ending behind whatever its name is.
pub fn append(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stop_in_a_name_is_no_ending() {
        let beside = |path: &str| beside(Path::new(path), "opening");
        assert_eq!(beside("a/net.zkc"), Path::new("a/net.opening"));
        assert_eq!(beside("net.v1.zkc"), Path::new("net.v1.opening"));
        assert_eq!(beside("net.v1"), Path::new("net.v1.opening"));
        assert_eq!(beside(".zkc"), Path::new(".zkc.opening"));
    }
}
