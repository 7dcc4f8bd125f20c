//! The rule of the house: which crate may import which, and what the verifier's tree may hold.

use std::collections::{BTreeMap, BTreeSet};
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
    let tree = cargo(&["tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none", "--depth", depth]);
    tree.lines().skip(1).filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
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
        let ours: Vec<&str> = direct.iter().map(String::as_str).filter(|name| name.starts_with("zkinfer")).collect();
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

#[test]
fn no_gpu_crate_unless_asked_for() {
    for package in ["zkinfer-cli", "zkinfer", "zkinfer-prover"] {
        let crates = tree(package, "99");
        let gpu =
            |name: &&String| ["wgpu", "naga", "ash", "metal", "pollster"].iter().any(|part| name.starts_with(part));
        assert_eq!(crates.iter().find(gpu), None, "{package}");
    }
}
