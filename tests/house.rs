//! The rule of the house: which crate may import which, and what the verifier's tree may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Names of the packages that `package` depends on, directly or not, without dev-dependencies.
fn tree(package: &str, depth: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none", "--depth", depth,
    ]);
    tree.lines()
        .skip(1)
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect()
}

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("zkinfer-verifier", &[][..]),
        ("zkinfer-models", &[]),
        ("zkinfer-circuits", &["zkinfer-models", "zkinfer-verifier"]),
        ("zkinfer-prover", &["zkinfer-verifier"]),
        ("zkinfer", &["zkinfer-circuits", "zkinfer-models", "zkinfer-prover", "zkinfer-verifier"]),
        ("zkinfer-cli", &["zkinfer"]),
    ]);
    for (package, allowed) in allowed {
        let direct = tree(package, "1");
        let ours: Vec<&str> =
            direct.iter().map(String::as_str).filter(|name| name.starts_with("zkinfer")).collect();
        assert_eq!(ours, allowed, "{package}");
    }
}

#[test]
fn the_verifier_stays_light() {
    let tree = tree("zkinfer-verifier", "99");
    for heavy in ["tract-onnx", "ndarray", "clap", "tokio", "wgpu", "prost", "zkinfer-models"] {
        assert!(!tree.contains(heavy), "the verifier must not depend on {heavy}");
    }
}

/// Everyone who builds the command line waits for these, the first time.
#[test]
fn the_command_line_builds_few_crates() {
    let tree =
        cargo(&["tree", "--locked", "-p", "zkinfer-cli", "-e", "normal,build", "--prefix", "none"]);
    let crates: BTreeSet<Vec<&str>> =
        tree.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert!(crates.len() <= 150, "{} crates: {crates:?}", crates.len());
    // The float reference of the tests, what compiles protobuf schemas, and a parser generator.
    for heavy in ["tract", "prost-build", "pest"] {
        let found = crates.iter().find(|found| found[0].starts_with(heavy));
        assert_eq!(found, None);
    }
}

#[test]
fn no_gpu_crate_unless_asked_for() {
    for package in ["zkinfer-cli", "zkinfer", "zkinfer-prover"] {
        let crates = tree(package, "99");
        let gpu = |name: &&String| {
            ["wgpu", "naga", "ash", "metal", "pollster"].iter().any(|part| name.starts_with(part))
        };
        assert_eq!(crates.iter().find(gpu), None, "{package}");
    }
}

/// Rust sources of the repository by their path in it.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let place = path.strip_prefix(root).expect("in it").display().to_string();
                sources.push((place, text));
            }
        }
    }
    assert!(sources.len() > 100);
    sources
}

/// What rustfmt does not see to: comments, strings and macros. Rows of a table cannot be broken.
#[test]
fn lines_have_at_most_a_hundred_columns() {
    let mut long = Vec::new();
    for (place, text) in sources() {
        let lines = text.lines().enumerate();
        long.extend(lines.filter_map(|(number, line)| {
            let table = line.trim_start().starts_with("//! |");
            (line.chars().count() > 100 && !table).then(|| format!("{place}:{}", number + 1))
        }));
    }
    assert_eq!(long, Vec::<String>::new());
}
