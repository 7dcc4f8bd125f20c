//! Keys, seals and proofs that were made once: every later version of this code reads them as
//! before, or says that it is another version. See `known/README.md`.

#[path = "known/files.rs"]
mod files;

use std::collections::BTreeSet;

use files::{CHAIN, Files, NAMES, TABLE, read, recorded, table, text, versions};
use zkinfer_verifier::chain::{Segment, verify_chain};
use zkinfer_verifier::{CheckedSeal, Parameters, Proof, Rejection, Seal, VerifyingKey};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/known");

/// What it takes to verify one of the proofs.
struct Answer {
    key: VerifyingKey,
    seal: Option<CheckedSeal>,
    proof: Proof,
    parameters: Parameters,
}

impl Answer {
    fn read(files: &Files, name: &str) -> Self {
        let key = VerifyingKey::from_bytes(&files[&format!("{name}.vk")]).expect("a key");
        let proof = Proof::from_bytes(&files[&format!("{name}.proof")]).expect("a proof");
        let k = key.description().k;
        let parameters = Parameters::derive_for_verifying(k).expect("a supported size");
        let seal = files.get(&format!("{name}.seal"));
        let seal = seal.map(|bytes| {
            let seal = Seal::from_bytes(bytes).expect("a seal");
            seal.check(&parameters).expect("weights in range")
        });
        Self { key, seal, proof, parameters }
    }

    fn verify(&self, proof: &Proof) -> Result<(), Rejection> {
        self.key.verify_sealed(&self.parameters, self.seal.as_ref(), proof)
    }
}

#[test]
fn every_proof_is_accepted_and_says_what_it_said() {
    let files = read(FOLDER);
    for name in NAMES {
        let answer = Answer::read(&files, name);
        assert_eq!(answer.verify(&answer.proof), Ok(()), "{name}");
        let seal = files.get(&format!("{name}.seal")).map(|bytes| Seal::from_bytes(bytes).unwrap());
        let said = String::from_utf8(files[&format!("{name}.txt")].clone()).expect("UTF-8");
        assert_eq!(text(&answer.key, seal.as_ref(), &answer.proof), said, "{name}");
    }
}

#[test]
fn the_three_are_one_chain_in_their_order_only() {
    let files = read(FOLDER);
    let answers = CHAIN.map(|name| Answer::read(&files, name));
    let segments = answers.each_ref().map(|answer| Segment {
        key: &answer.key,
        seal: answer.seal.as_ref(),
        proof: &answer.proof,
    });
    let parameters = &answers[0].parameters;
    assert_eq!(verify_chain(parameters, &segments), Ok(()));
    let [first, second, third] = segments;
    let swapped = verify_chain(parameters, &[second, first, third]);
    assert!(matches!(swapped, Err(Rejection::Chain { first: 1, .. })), "{swapped:?}");
}

#[test]
fn every_file_reads_back_to_its_own_bytes() {
    let files = read(FOLDER);
    let mut count = 0;
    for (name, bytes) in &files {
        let again = match name.rsplit_once('.') {
            Some((_, "vk")) => VerifyingKey::from_bytes(bytes).expect(name).to_bytes(),
            Some((_, "seal")) => Seal::from_bytes(bytes).expect(name).to_bytes(),
            Some((_, "proof")) => Proof::from_bytes(bytes).expect(name).to_bytes(),
            _ => continue,
        };
        assert!(again == *bytes, "{name} is written with other bytes than it was read from");
        count += 1;
    }
    assert_eq!(count, 2 * NAMES.len() + 5, "a key and a proof each, and five seals");
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let files = read(FOLDER);
    for name in NAMES {
        let answer = Answer::read(&files, name);
        // Elements from all of it, the last one too; tests of the prover change every one.
        let last = answer.proof.argument.len() - 32;
        for at in (0..last).step_by(32 * 7).chain([last]) {
            let mut forged = answer.proof.clone();
            forged.argument[at] ^= 1;
            assert!(answer.verify(&forged).is_err(), "{name}, byte {at} of the argument");
        }
        let bytes = &files[&format!("{name}.proof")];
        for at in (0..bytes.len()).step_by(101) {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(Proof::from_bytes(&forged).is_err(), "{name}, byte {at} of the file");
        }
    }
}

#[test]
fn the_files_are_those_of_these_versions() {
    let recorded_table = std::fs::read_to_string(format!("{FOLDER}/{TABLE}")).expect("the table");
    let was = recorded(&recorded_table);
    assert_eq!(
        versions(),
        was,
        "argument and formats have other versions than the known-answer files; write those again: \
        see {FOLDER}/README.md"
    );
    let table = table(was, &read(FOLDER));
    let lines = |table: &'_ str| table.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (is, was) = (lines(&table), lines(&recorded_table));
    assert_eq!(
        is.symmetric_difference(&was).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "known-answer files have changed, but no version: see {FOLDER}/README.md"
    );
}
