//! The known-answer files of the verifier, made again from the same models and the same randomness:
//! a byte that changes is seen here, and needs a new version. See `verifier/tests/known/README.md`.

#[path = "../../verifier/tests/known/files.rs"]
mod files;
mod make;
mod words;

use std::path::Path;

use files::{Files, NAMES, TABLE, WORDS, read, recorded, table, versions};
use make::{compiled, proven};
use zkinfer::Circuit;
use zkinfer::verifier::circuit::description::{Hint, Operator, Source};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/tests/known");
const AGAIN: &str =
    "cargo test --release --test known -- --ignored write_the_known_answer_files_again";

/// The names of those that have other bytes now, or are in one of them only.
fn differing(before: &Files, now: &Files) -> Vec<String> {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    names.filter(|name| before.get(*name) != now.get(*name)).cloned().collect()
}

/// The compiled networks of `files`, and everything that is made of them under this number of
/// threads.
fn made(files: &Files, threads: usize) -> Files {
    let mut networks = files.clone();
    networks.retain(|name, _| name.ends_with(".zkc"));
    let circuit = |name: &str| Circuit::from_bytes(&networks[&format!("{name}.zkc")]);
    let circuits = NAMES.map(|name| circuit(name).expect("a compiled network"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    networks.extend(pool.install(|| proven(&circuits)));
    networks
}

/// Whether files that would now be made from the same compiled networks may take the place of those
/// before: not if they differ and are said to be of the same version.
fn may_replace(before: &Files, now: &Files, was: [u32; 2], is: [u32; 2]) -> Result<(), String> {
    let differing = differing(before, now);
    let of_the_argument = |name: &String| name.ends_with(".proof") || name.ends_with(".seal");
    let (file, place, version) = match differing.iter().find(|name| of_the_argument(name)) {
        Some(name) => (name, "verifier/src/argument/bound.rs", 0),
        None => match differing.first() {
            Some(name) => (name, "verifier/src/encoding/mod.rs", 1),
            None => return Ok(()),
        },
    };
    if is[version] > was[version] {
        return Ok(());
    }
    Err(format!(
        "{file} is made with other bytes than before ({} files differ), and what is made now has \
        the same version. If this is meant, raise VERSION in {place} (VERSIONING.md says what that \
        means for files that are out there), then: {AGAIN}",
        differing.len()
    ))
}

fn recorded_versions() -> [u32; 2] {
    recorded(&std::fs::read_to_string(Path::new(FOLDER).join(TABLE)).expect("the table"))
}

#[test]
fn the_same_networks_and_randomness_make_the_same_bytes() {
    let before = read(FOLDER);
    let was = recorded_versions();
    assert_eq!(versions(), was, "a version was raised; then write the files again: {AGAIN}");
    for threads in [1, 3] {
        may_replace(&before, &made(&before, threads), was, versions()).unwrap();
    }
}

#[test]
fn the_same_models_make_the_same_networks() {
    let mut before = read(FOLDER);
    before.retain(|name, _| name.ends_with(".zkc"));
    assert_eq!(
        differing(&before, &compiled()),
        Vec::<String>::new(),
        "models of the zoo are compiled to other networks than before; if this is meant: {AGAIN}"
    );
}

/// The transformer has every operator of the description, and so its cells and equations are held.
#[test]
fn the_transformer_has_what_transformers_are_made_of() {
    let files = read(FOLDER);
    let circuit = Circuit::from_bytes(&files[&format!("{WORDS}.zkc")]).expect("a circuit");
    let has = |of: &dyn Fn(&Operator) -> bool| {
        circuit.key().description().nodes.iter().any(|node| of(&node.operator))
    };
    let bounded = |of: &dyn Fn(&Source) -> bool| {
        has(&|operator| matches!(operator, Operator::Bounded(bounded) if of(&bounded.source)))
    };
    let hint = |of: &dyn Fn(&Hint) -> bool| {
        bounded(&|source| matches!(source, Source::Hint { hint, .. } if of(hint)))
    };
    assert!(has(&|operator| matches!(operator, Operator::OneHot(_))));
    assert!(has(&|operator| matches!(operator, Operator::Hadamard(_))));
    assert!(has(&|operator| matches!(operator, Operator::Product(_))));
    assert!(has(&|operator| operator.has_sealed_weights()));
    assert!(bounded(&|source| matches!(source, Source::Equal { .. })));
    assert!(hint(&|hint| matches!(hint, Hint::Maximum { .. })));
    assert!(hint(&|hint| matches!(hint, Hint::Shifted { .. })));
    assert!(hint(&|hint| matches!(hint, Hint::Reciprocal { .. })));
    assert!(hint(&|hint| matches!(hint, Hint::Root { .. })));
}

#[test]
fn other_bytes_need_another_version() {
    let files = |proof: u8, key: u8| {
        Files::from([("a.proof".into(), vec![proof]), ("a.vk".into(), vec![key])])
    };
    let verdict = |now: &Files, is| may_replace(&files(0, 0), now, [3, 4], is);
    assert_eq!(verdict(&files(0, 0), [3, 4]), Ok(()));
    for (now, place, raised) in [
        (files(1, 0), "verifier/src/argument/bound.rs", [4, 4]),
        (files(1, 1), "verifier/src/argument/bound.rs", [4, 4]),
        (files(0, 1), "verifier/src/encoding/mod.rs", [3, 5]),
    ] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        let source = std::fs::read_to_string(source).expect("the place that is named");
        assert!(source.contains("pub const VERSION: u"), "{place}");
        let said = verdict(&now, [3, 4]).unwrap_err();
        assert!(said.contains(&format!("raise VERSION in {place}")), "{said}");
        assert_eq!(verdict(&now, raised), Ok(()));
        assert!(verdict(&now, [2, 3]).is_err(), "a lower version was another one already");
    }
    assert!(verdict(&files(1, 0), [3, 5]).is_err(), "it is the argument that changed");
    assert!(verdict(&Files::new(), [3, 4]).is_err(), "a file less");
}

#[test]
fn the_versions_of_today_stand_in_the_document() {
    let document = include_str!("../../VERSIONING.md");
    let [argument, formats] = versions().map(|version| version.to_string());
    for (place, version) in [
        ("`verifier/src/argument/bound.rs`", argument.as_str()),
        ("`verifier/src/encoding/mod.rs`", &formats),
        ("`Cargo.toml`", env!("CARGO_PKG_VERSION")),
    ] {
        let row = document.lines().find(|line| line.starts_with('|') && line.contains(place));
        let row = row.unwrap_or_else(|| panic!("{place} has a row"));
        assert!(row.ends_with(&format!("| {version} |")), "{row}: it is {version}");
    }
}

/// Refuses where bytes changed and no version did; a network that is compiled otherwise is another
/// network of the same version.
#[test]
#[ignore = "writes the known-answer files again"]
fn write_the_known_answer_files_again() {
    let before = read(FOLDER);
    let table_file = Path::new(FOLDER).join(TABLE);
    // Before the formats had this version, nothing here can read: then they are what was raised.
    if table_file.exists() && recorded_versions()[1] == versions()[1] {
        let now = made(&before, 3);
        may_replace(&before, &now, recorded_versions(), versions()).unwrap();
    }
    let now = made(&compiled(), 3);
    before.keys().for_each(|name| std::fs::remove_file(Path::new(FOLDER).join(name)).unwrap());
    now.iter().for_each(|(name, bytes)| {
        std::fs::write(Path::new(FOLDER).join(name), bytes).expect("a file of known answers");
    });
    std::fs::write(table_file, table(versions(), &now)).expect("the table");
}
