//! What documents and comments point to is there: files and headings behind links, paths, modules
//! and tests that are named, the pages of the book.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Document {
    path: PathBuf,
    /// A document's text without blocks of code, a source's comments.
    prose: String,
}

impl Document {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let mut fenced = false;
        let source = path.extension().is_some_and(|extension| extension == "rs");
        // Lines stay where they are, so that their numbers are right.
        let line = |line: &str| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            let code = if source { !line.trim_start().starts_with("//") } else { fenced || fence };
            if code { "\n".into() } else { format!("{line}\n") }
        };
        Self { path, prose: text.lines().map(line).collect() }
    }

    /// What stands between `open` and `close`, with the number of its line.
    fn between(&self, open: &str, close: &str) -> Vec<(usize, &str)> {
        let lines = self.prose.lines().enumerate();
        let found = lines.flat_map(|(number, line)| {
            let mut rest = line;
            std::iter::from_fn(move || {
                let (_, after) = rest.split_once(open)?;
                let (inside, after) = after.split_once(close)?;
                rest = after;
                Some((number + 1, inside))
            })
        });
        found.collect()
    }

    /// The anchors of its headings, as GitHub and mdBook make them.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose.lines().filter(|line| line.starts_with('#'));
        let anchor = |heading: &str| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(anchor).collect()
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.strip_prefix(ROOT).expect("in the repository").display())
    }

    fn folder(&self) -> &Path {
        self.path.parent().expect("a folder")
    }
}

/// Every document of the repository, or every source: files that end like this.
fn documents(ending: &str) -> Vec<Document> {
    let mut folders = vec![PathBuf::from(ROOT)];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let hidden = name.starts_with('.') && name != ".github";
            if path.is_dir() && !hidden && !["target", "book", "node_modules"].contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                documents.push(Document::read(path));
            }
        }
    }
    assert!(documents.len() > 20);
    documents
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents("md") {
        for (line, link) in document.between("](", ")") {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.path.clone(),
                file => document.folder().join(file),
            };
            let there = target.exists()
                && (anchor.is_empty() || Document::read(target).anchors().contains(anchor));
            if !there {
                broken.push(format!("{}: {link}", document.place(line)));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// Folders are renamed and files moved; documents and comments that name them follow.
#[test]
fn every_path_that_is_named_exists() {
    let folders: BTreeSet<String> = std::fs::read_dir(ROOT)
        .expect("the repository")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "target")
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut missing = Vec::new();
    for document in documents("md").into_iter().chain(documents("rs")) {
        // What was, stays as it was called.
        if document.path.ends_with("CHANGELOG.md") {
            continue;
        }
        for (line, code) in document.between("`", "`") {
            let first = code.split('/').next().unwrap_or_default();
            let path = code.contains('/') && folders.contains(first);
            let pattern = code.contains(|c: char| " *{}<>()…".contains(c) || c.is_uppercase());
            let there = [Path::new(ROOT), document.folder()].map(|from| from.join(code).exists());
            if path && !pattern && !there.contains(&true) {
                missing.push(format!("{}: {code}", document.place(line)));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Where a crate's modules are.
fn crate_root(name: &str) -> Option<PathBuf> {
    let folder = match name {
        "zkinfer" => "src",
        name => &format!("{}/src", name.strip_prefix("zkinfer_")?),
    };
    Some(Path::new(ROOT).join(folder)).filter(|folder| folder.is_dir())
}

/// Whether modules lead to the last but one part, and that module knows the last.
fn resolves(path: &str) -> bool {
    let mut parts = path.split("::");
    let Some(mut folder) = parts.next().and_then(crate_root) else { return false };
    let mut module = folder.join("lib.rs");
    for part in parts {
        let below = [folder.join(format!("{part}.rs")), folder.join(part).join("mod.rs")];
        match below.into_iter().find(|file| file.is_file()) {
            Some(file) => (folder, module) = (folder.join(part), file),
            // An item, or what belongs to one.
            None => return std::fs::read_to_string(module).expect("UTF-8").contains(part),
        }
    }
    true
}

#[test]
fn every_module_that_is_named_exists() {
    let (mut named, mut missing) = (0, Vec::new());
    for document in documents("md") {
        if document.path.ends_with("CHANGELOG.md") {
            continue;
        }
        for (line, code) in document.between("`zkinfer", "`") {
            if !code.contains("::") || code.contains(' ') && !code.contains('{') {
                continue;
            }
            let (stem, list) = code.split_once('{').unwrap_or((code, ""));
            for last in list.trim_end_matches('}').split(", ") {
                named += 1;
                if !resolves(&format!("zkinfer{stem}{last}")) {
                    missing.push(format!("{}: zkinfer{stem}{last}", document.place(line)));
                }
            }
        }
    }
    assert!(named > 20, "{named}");
    assert_eq!(missing, Vec::<String>::new());
}

/// The derivations name the tests that hold them: a name of four words or more in code is one.
#[test]
fn every_test_that_a_derivation_names_exists() {
    let sources: String = documents("rs")
        .iter()
        .map(|source| std::fs::read_to_string(&source.path).expect("UTF-8"))
        .collect();
    let (mut named, mut missing) = (0, Vec::new());
    for document in documents("md") {
        if !document.path.starts_with(Path::new(ROOT).join("docs/argument")) {
            continue;
        }
        for (line, code) in document.between("`", "`") {
            let name = code.rsplit("::").next().unwrap_or_default();
            let snake = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if snake && name.matches('_').count() >= 3 {
                named += 1;
                if !sources.contains(&format!("fn {name}(")) {
                    missing.push(format!("{}: {name}", document.place(line)));
                }
            }
        }
    }
    assert!(named > 50, "{named}");
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_summary_of_the_book_has_every_page_once() {
    let docs = Path::new(ROOT).join("docs");
    let summary = Document::read(docs.join("SUMMARY.md"));
    let links = summary.between("](", ")").into_iter();
    let mut listed: Vec<PathBuf> = links.map(|(_, link)| docs.join(link)).collect();
    let pages = documents("md").into_iter().map(|document| document.path);
    let mut pages: Vec<PathBuf> =
        pages.filter(|path| path.starts_with(&docs) && *path != summary.path).collect();
    listed.sort();
    pages.sort();
    assert_eq!(listed, pages);
}
