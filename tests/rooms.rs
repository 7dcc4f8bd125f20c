//! The rooms of the house: inside a crate no two files import each other, not even by a detour, and
//! no file is long.
//!
//! A file is a node; an import of a folder's items is one of its `mod.rs`. Imports are read off the
//! text: paths that begin with `crate`, `super`, `self` or the name of a module declared in the
//! file, inside `use` and out of it. What only tests import does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The crates.
const WITHOUT_CIRCLES: &[&str] =
    &["circuits/src", "cli/src", "models/src", "prover/src", "src", "verifier/src"];

/// The folders whose files are short.
const OF_SHORT_FILES: &[&str] =
    &["benches", "circuits", "cli", "examples", "models", "prover", "src", "tests", "verifier"];

const LONGEST: usize = 500;

/// A module's path in its crate; the root's is empty.
type Module = Vec<String>;

/// The Rust files of a folder, by path.
fn files(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut folders, mut files) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(&root).expect("in it").display().to_string();
                files.insert(place, std::fs::read_to_string(&path).expect("UTF-8"));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has files");
    files
}

#[test]
fn no_file_is_long() {
    let mut long = Vec::new();
    for folder in OF_SHORT_FILES {
        for (place, text) in files(folder) {
            let lines = text.lines().count();
            if lines > LONGEST {
                long.push(format!("{folder}/{place}: {lines} lines"));
            }
        }
    }
    assert_eq!(long, Vec::<String>::new(), "at most {LONGEST} lines");
}

#[test]
fn no_circle_of_files_inside_a_crate() {
    for folder in WITHOUT_CIRCLES {
        let imports = imports(&files(folder));
        let found = circle(&imports).map(|circle| circle.join(" → "));
        assert_eq!(found, None, "{folder}");
    }
}

/// Words and punctuation of a source, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\n');
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let (mut tokens, mut index) = (Vec::new(), 0);
    while index < characters.len() {
        let start = index;
        match characters[index] {
            '/' if at(index + 1) == '/' => {
                while at(index) != '\n' {
                    index += 1;
                }
            }
            '"' => {
                index += 1;
                while index < characters.len() && at(index) != '"' {
                    index += if at(index) == '\\' { 2 } else { 1 };
                }
                index += 1;
            }
            // A character, or else a lifetime.
            '\'' if at(index + 1) == '\\' => {
                index += 3;
                while at(index) != '\'' {
                    index += 1;
                }
                index += 1;
            }
            '\'' if at(index + 2) == '\'' => index += 3,
            character if word(character) => {
                while word(at(index)) {
                    index += 1;
                }
                tokens.push(characters[start..index].iter().collect());
            }
            ':' if at(index + 1) == ':' => {
                tokens.push("::".into());
                index += 2;
            }
            character if character.is_whitespace() => index += 1,
            character => {
                tokens.push(character.into());
                index += 1;
            }
        }
    }
    tokens
}

/// The tokens without modules of tests, and the modules that are declared only for tests.
fn without_tests(tokens: &[String]) -> (Vec<String>, BTreeSet<String>) {
    let (mut kept, mut tests, mut index) = (Vec::new(), BTreeSet::new(), 0);
    let cfg = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    while index < tokens.len() {
        if !tokens[index..].iter().take(cfg.len()).eq(cfg.iter()) {
            kept.push(tokens[index].clone());
            index += 1;
            continue;
        }
        index += cfg.len();
        tests.insert(tokens[index].clone());
        let mut depth = 0usize;
        loop {
            index += 1;
            match tokens[index].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        index += 1;
    }
    (kept, tests)
}

/// The paths that a `use` lists, from behind the word to its semicolon.
fn listed(tokens: &[String], prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let (mut index, mut path) = (0, prefix.to_vec());
    loop {
        match tokens[index].as_str() {
            ";" | "}" | "," => {
                if path.len() > prefix.len() {
                    paths.push(std::mem::replace(&mut path, prefix.to_vec()));
                }
                if tokens[index] != "," {
                    return index;
                }
            }
            "{" => {
                index += 1 + listed(&tokens[index + 1..], &path, paths);
                path = prefix.to_vec();
            }
            // Another name for the same.
            "as" => index += 1,
            "::" => {}
            segment => path.push(segment.into()),
        }
        index += 1;
    }
}

/// Which files each file imports.
fn imports(files: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let module = |place: &str| -> Module {
        let mut path: Module =
            place.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if path.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
            path.pop();
        }
        path
    };
    let places: BTreeMap<Module, &String> =
        files.keys().map(|place| (module(place), place)).collect();
    let mut imports = BTreeMap::new();
    for (place, text) in files {
        let (tokens, tests) = without_tests(&tokens(text));
        let here = module(place);
        let children: BTreeSet<&String> = tokens
            .windows(3)
            .filter(|window| window[0] == "mod" && window[2] == ";")
            .map(|window| &window[1])
            .filter(|name| !tests.contains(*name))
            .collect();
        let imported = imports.entry(place.clone()).or_insert_with(BTreeSet::new);
        for path in paths(&tokens, &here, &children) {
            let known = (0..=path.len()).rev().find_map(|length| places.get(&path[..length]));
            imported.extend(known.filter(|known| **known != place).map(|known| (*known).clone()));
        }
    }
    imports
}

/// The paths into the crate that a file of module `here` names.
fn paths(tokens: &[String], here: &[String], children: &BTreeSet<&String>) -> Vec<Module> {
    let (mut found, mut index) = (Vec::new(), 0);
    // Modules inside the file, and how deep in brackets each begins.
    let (mut inside, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    while index < tokens.len() {
        let mut named = Vec::new();
        match tokens[index].as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inside.pop_if(|(_, begins)| *begins == depth);
            }
            "mod" if tokens[index + 2] == "{" => inside.push((tokens[index + 1].clone(), depth)),
            "use" if tokens[index + 1] != "<" => {
                index += 1;
                index += listed(&tokens[index..], &[], &mut named);
            }
            _ if tokens.get(index + 1).is_some_and(|next| next == "::")
                && (index == 0 || tokens[index - 1] != "::")
                && (index < 2 || tokens[index - 2..index] != ["(", "in"]) =>
            {
                let path = tokens[index..].chunks(2).take_while(|pair| {
                    pair[0].starts_with(|first: char| first.is_alphanumeric() || first == '_')
                });
                let mut segments = Vec::new();
                for pair in path {
                    segments.push(pair[0].clone());
                    if pair.get(1).is_none_or(|next| next != "::") {
                        break;
                    }
                }
                named.extend((!segments.is_empty()).then_some(segments));
            }
            _ => {}
        }
        let current: Module =
            here.iter().cloned().chain(inside.iter().map(|(name, _)| name.clone())).collect();
        found.extend(named.into_iter().filter_map(|path| {
            let up = path.iter().take_while(|segment| *segment == "super").count();
            Some(match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                "self" => [&current[..], &path[1..]].concat(),
                "super" => [&current[..current.len().checked_sub(up)?], &path[up..]].concat(),
                first if inside.is_empty() && children.iter().any(|child| *child == first) => {
                    [here, &path].concat()
                }
                _ => return None,
            })
        }));
        index += 1;
    }
    found
}

/// Files of which each imports the next, and the last the first.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        file: &String,
        imports: &BTreeMap<String, BTreeSet<String>>,
        open: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = open.iter().position(|other| other == file) {
            return Some([&open[start..], std::slice::from_ref(file)].concat());
        }
        if done.contains(file) {
            return None;
        }
        open.push(file.clone());
        let found = imports.get(file)?.iter().find_map(|next| visit(next, imports, open, done));
        open.pop();
        done.insert(file.clone());
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|file| visit(file, imports, &mut Vec::new(), &mut done))
}

/// Imports in all the ways there are to write them.
#[test]
fn circles_are_found() {
    let crate_of = |files: &[(&str, &str)]| {
        let files: BTreeMap<String, String> =
            files.iter().map(|&(place, text)| (place.into(), text.into())).collect();
        circle(&imports(&files)).map(|circle| circle.join(" "))
    };
    let circle = |a: &str, b: &str| {
        crate_of(&[("lib.rs", "mod a; mod b;"), ("a/mod.rs", a), ("a/c.rs", ""), ("b.rs", b)])
    };
    let both = Some("a/mod.rs b.rs a/mod.rs".to_owned());
    assert_eq!(circle("use crate::b::B;", "use crate::a::A;"), both);
    assert_eq!(circle("use crate::{b::{self, B as C}, x};", "fn f() { super::a::f() }"), both);
    assert_eq!(circle("fn f() { g(crate::b::f()) }", "use super::{a::{A, B}};"), both);
    assert_eq!(circle("mod d { use super::super::b::B; }", "use crate::a::*;"), both);
    // The folder's file is not the folder's other files, and tests, comments and text are nothing.
    assert_eq!(circle("mod c; use crate::b::B;", "use crate::a::c::C;"), None);
    let tests = "#[cfg(test)] mod tests { mod t { } use crate::b::B; }";
    assert_eq!(circle(tests, "use crate::a::A;"), None);
    assert_eq!(circle("// use crate::b::B;\n", "use crate::a::A;"), None);
    assert_eq!(circle("const A: &str = \"{ crate::b::B\";", "use crate::a::A;"), None);
    assert_eq!(circle("pub(in crate::b) struct A;", "use crate::a::A;"), None);
    assert_eq!(circle("fn f<'a>(c: char) { c == '{'; }", "use crate::a::A;"), None);
    // Children by name, and what is used of the file that declares them.
    let up = |parent: &str, child: &str| {
        crate_of(&[("main.rs", "mod a;"), ("a/mod.rs", parent), ("a/c.rs", child)])
    };
    let both = Some("a/c.rs a/mod.rs a/c.rs".to_owned());
    assert_eq!(up("mod c; use c::C;", "use super::A;"), both);
    assert_eq!(up("mod c; fn f() { c::f() }", "use crate::a::A;"), both);
    assert_eq!(up("mod c; pub use self::c::C;", "use super::A;"), both);
    assert_eq!(up("mod c;", "use super::A;"), None);
    assert_eq!(up("#[cfg(test)] mod c; use c::C;", "use super::A;"), None);
}
