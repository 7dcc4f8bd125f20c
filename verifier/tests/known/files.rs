//! The known-answer files, as the verifier reads them and the prover makes them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use zkinfer_verifier::argument::bound;
use zkinfer_verifier::{Digest, Proof, Seal, Value, VerifyingKey, encoding};

/// One per proof; those of the chain in its order.
pub const NAMES: [&str; 8] =
    ["mlp", "cnn", "cnn-sealed", "cnn-private", "chain-1", "chain-2", "chain-3", WORDS];
pub const CHAIN: [&str; 3] = [NAMES[4], NAMES[5], NAMES[6]];
/// The transformer.
pub const WORDS: &str = "words";
/// Lists versions, and the digest of every other file.
pub const TABLE: &str = "digests.txt";

/// Names and bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Every file of the folder that is an answer.
pub fn read(folder: &str) -> Files {
    let entries = std::fs::read_dir(folder).expect("the folder of known answers");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().unwrap());
    let answers = names.filter(|name| ![TABLE, "README.md", "files.rs"].contains(&name.as_str()));
    answers
        .map(|name| (name.clone(), std::fs::read(Path::new(folder).join(name)).unwrap()))
        .collect()
}

/// The version of the argument and that of the formats.
pub fn versions() -> [u32; 2] {
    [bound::VERSION, encoding::VERSION.into()]
}

/// What stands in the table about files of these versions.
pub fn table([argument, formats]: [u32; 2], files: &Files) -> String {
    let mut table = format!("argument {argument}\nformats {formats}\n");
    for (name, bytes) in files {
        writeln!(table, "{} {name}", Digest::of(b"zkinfer answers.", bytes)).unwrap();
    }
    table
}

/// The versions that a table records.
pub fn recorded(table: &str) -> [u32; 2] {
    let mut lines = table.lines();
    ["argument ", "formats "].map(|what| {
        let number = lines.next().and_then(|line| line.strip_prefix(what)?.parse().ok());
        number.unwrap_or_else(|| panic!("{TABLE} begins with the two versions, {what:?} first"))
    })
}

/// What a proof says, for people: who is named, the statement, the outputs as they are read.
pub fn text(key: &VerifyingKey, seal: Option<&Seal>, proof: &Proof) -> String {
    let seal = seal.map_or("none".into(), |seal| seal.record.digest().to_string());
    let mut text = format!("key {}\nseal {seal}\n", key.digest());
    let (description, statement) = (key.description(), &proof.statement);
    let inputs = description.inputs.iter().map(|input| &input.name).zip(&statement.inputs);
    let outputs = description.outputs.iter().map(|output| &output.name).zip(&statement.outputs);
    let tensors = inputs.map(|tensor| ("input", tensor));
    for (side, (name, value)) in tensors.chain(outputs.map(|tensor| ("output", tensor))) {
        writeln!(text, "{side} {name:?} {}", value.visibility()).unwrap();
        match value {
            Value::Public(integers) => writeln!(text, "  {}", list(integers)).unwrap(),
            Value::Sealed(columns) => {
                columns.iter().for_each(|column| writeln!(text, "  {}", Digest(*column)).unwrap())
            }
            Value::Private => {}
        }
    }
    for reading in statement.read_outputs(key) {
        writeln!(text, "read {:?} {:?} class {:?}", reading.name, reading.shape, reading.class)
            .unwrap();
        writeln!(text, "  {}", list(&reading.values)).unwrap();
    }
    text
}

fn list(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
