//! What `verify` checks a proof by: whose model was demanded, where key and seal came from, which
//! manifest is whose, which proof is at fault.

mod desk;

use std::fs;
use std::process::Output;

use desk::Desk;

const KEY: &str = "mlp-64-32-16-10.vk";
const SEAL: &str = "mlp-64-32-16-10.seal";
const MANIFEST: &str = "mlp-64-32-16-10.json";

fn text(output: Output) -> String {
    String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
}

fn rejected(desk: &Desk, arguments: &[&str], reason: &str) -> String {
    let output = desk.run(arguments);
    let code = output.status.code();
    let text = text(output);
    assert_eq!(code, Some(1), "{arguments:?}: {text}");
    assert!(text.contains(reason), "{arguments:?}: {reason:?} is not in {text}");
    text
}

#[test]
fn a_model_can_be_demanded_and_what_was_not_is_said() {
    let desk = Desk::proven();
    let model =
        desk.json(&["inspect", "sample.proof"])["model"].as_str().expect("a digest").to_owned();
    assert_eq!(desk.json(&["inspect", KEY])["model_digest"], model.as_str());
    assert!(desk.succeed(&["inspect", KEY]).contains(&model));

    let line = |arguments: &[&str]| {
        let text = desk.succeed(&[&["verify"][..], arguments].concat());
        text.lines().find(|line| line.contains("identity: ")).expect("an identity").to_owned()
    };
    let beside = line(&["sample.proof"]);
    for part in
        ["not demanded", "key and seal taken from beside the proof", KEY, SEAL, "--model DIGEST"]
    {
        assert!(beside.contains(part), "{part:?} is not in {beside}");
    }
    let key_named = line(&["sample.proof", KEY]);
    for part in
        ["key as named", "weights' not demanded", "seal taken from beside it", "--model DIGEST"]
    {
        assert!(key_named.contains(part), "{part:?} is not in {key_named}");
    }
    assert!(line(&["sample.proof", SEAL]).contains("its key's not demanded"));
    let both = line(&["sample.proof", SEAL, KEY]);
    assert!(both.contains("key and seal as named") && !both.contains("--model"), "{both}");
    assert!(line(&["sample.proof", "--model", &model]).contains("identity: the model demanded"));
    desk.succeed(&["verify", "sample.proof", KEY, SEAL, "--model", &model.to_uppercase()]);

    let identity = desk.json(&["verify", "sample.proof"])["identity"].take();
    assert!(
        identity["demanded"]["model"].is_null() && identity["demanded"]["publisher"].is_null(),
        "{identity}"
    );
    assert_eq!(
        (&identity["key"]["from"], &identity["seal"]["from"]),
        (&"beside the proof".into(), &"beside the key".into())
    );
    let identity =
        desk.json(&["verify", "sample.proof", KEY, "--model", &model])["identity"].take();
    assert_eq!(
        (&identity["demanded"]["model"], &identity["key"]["from"]),
        (&model.as_str().into(), &"named".into())
    );

    // Another model: one digit off, and another seal of the same weights.
    let digit = if model.starts_with('0') { "1" } else { "0" };
    let other = format!("{digit}{}", &model[1..]);
    let text = rejected(&desk, &["verify", "sample.proof", "--model", &other], &other);
    assert!(text.contains(&model), "{text}");
    assert_eq!(
        desk.run(&["verify", "sample.proof", "--json", "--model", &other]).status.code(),
        Some(1)
    );
    desk.succeed(&["seal", "mlp-64-32-16-10.zkc", "-o", "again"]);
    desk.succeed(&[
        "prove",
        "mlp-64-32-16-10.zkc",
        "sample.npy",
        "--opening",
        "again.opening",
        "-o",
        "again.proof",
    ]);
    desk.succeed(&["verify", "again.proof", "again.seal"]);
    rejected(&desk, &["verify", "again.proof", "again.seal", "--model", &model], "demanded");
    // One for all proofs, or one for each, in order.
    let again =
        desk.json(&["inspect", "again.proof"])["model"].as_str().expect("a digest").to_owned();
    let several = ["verify", "sample.proof", "again.proof", SEAL, "again.seal"];
    desk.succeed(&[&several[..], &["--model", &model, "--model", &again]].concat());
    rejected(
        &desk,
        &[&several[..], &["--model", &again, "--model", &model]].concat(),
        "sample.proof",
    );
    rejected(&desk, &[&several[..], &["--model", &model]].concat(), "again.proof");
    desk.refuse(
        &[&several[..], &["--model", &model].repeat(3)].concat(),
        &["3 models", "2 proofs"],
    );
    for malformed in ["", "0a", &model[1..], &format!("{model}0"), &"x".repeat(64)] {
        let output = desk.run(&["verify", "sample.proof", "--model", malformed]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text_of(&output).contains("64 hexadecimal digits"), "{malformed}");
    }
    // A publisher is an identity too.
    desk.succeed(&["keygen", "me"]);
    let publish = ["publish", "mlp-64-32-16-10.zkc", "--model-version", "1", "--licence", "MIT"];
    desk.succeed(&[&publish[..], &["--publisher", "Me", "--sign", "me.pem"]].concat());
    let published = line(&["sample.proof", "--publisher", "me.pub.pem"]);
    assert!(
        published.contains("the publisher demanded") && !published.contains("not demanded"),
        "{published}"
    );
    assert!(
        line(&["sample.proof"]).contains("not demanded"),
        "a manifest that nobody asked for demands nothing"
    );
}

/// One network sealed twice has one key: each proof is checked by the seal that it names, whichever
/// copy of the key it lies beside.
#[test]
fn keys_that_are_the_same_are_told_apart_by_their_seals() {
    let desk = Desk::proven();
    desk.succeed(&["seal", "mlp-64-32-16-10.zkc", "-o", "again"]);
    for (from, to) in [(KEY, "again.vk"), (KEY, "a.vk")] {
        fs::copy(desk.path(from), desk.path(to)).expect("a copy");
    }
    let prove = ["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--opening", "again.opening"];
    desk.succeed(&[&prove[..], &["-o", "again.proof"]].concat());
    desk.succeed(&["verify", "sample.proof"]);
    desk.succeed(&["verify", "again.proof"]);
    desk.succeed(&["verify", "sample.proof", "again.proof"]);
    // With a seal that is neither, there is none to check by.
    fs::copy(desk.path(SEAL), desk.path("again.seal")).expect("a copy");
    fs::remove_file(desk.path("a.vk")).expect("a copy");
    rejected(&desk, &["verify", "again.proof"], "seal");
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn every_manifest_that_is_named_is_of_some_proof() {
    let desk = Desk::proven();
    desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,2", "-o", "other"]);
    desk.succeed(&["prove", "other.zkc", "sample.npy", "-o", "other.proof"]);
    let publish = |circuit: &str, to: &str| {
        let publish = ["publish", circuit, "--model-version", to, "--licence", "MIT", "-o", to];
        desk.succeed(&publish);
    };
    publish("mlp-64-32-16-10.zkc", "one");
    publish("other.zkc", "two");
    publish("other.zkc", "twin");
    let shown = |arguments: &[&str]| {
        let verified = desk.json(&[&["verify"][..], arguments].concat());
        let proofs =
            verified["proofs"].as_array().cloned().unwrap_or_else(|| vec![verified.clone()]);
        proofs
            .iter()
            .map(|proof| proof["manifest"]["version"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let version = |version: &str| Some(version.to_owned());
    assert_eq!(
        shown(&["sample.proof", "other.proof", "two.json", "one.json"]),
        [version("one"), version("two")]
    );
    assert_eq!(shown(&["sample.proof", "other.proof", "two.json"]), [None, version("two")]);
    assert_eq!(shown(&["other.proof", "twin.json"]), [version("twin")]);
    desk.refuse(
        &["verify", "sample.proof", "one.json", "two.json"],
        &["two.json", "another model"],
    );
    desk.refuse(&["verify", "sample.proof", "two.json"], &["two.json", "another model"]);
    desk.refuse(
        &["verify", "sample.proof", "other.proof", "two.json", "twin.json"],
        &["two.json", "twin.json", "one model"],
    );
    // The same key under another seal is another model.
    desk.succeed(&["seal", "other.zkc", "-o", "again"]);
    desk.succeed(&[
        "publish",
        "other.zkc",
        "--seal",
        "again.seal",
        "--model-version",
        "1",
        "--licence",
        "MIT",
        "-o",
        "again",
    ]);
    desk.refuse(&["verify", "other.proof", "again.json"], &["again.json", "field seal"]);
    // A named one counts, not the one beside.
    publish("mlp-64-32-16-10.zkc", "mlp-64-32-16-10");
    assert_eq!(shown(&["sample.proof"]), [version("mlp-64-32-16-10")]);
    assert_eq!(shown(&["sample.proof", "one.json"]), [version("one")]);
}

#[test]
fn a_manifest_beside_the_key_is_read_or_refused() {
    let desk = Desk::proven();
    desk.succeed(&["publish", "mlp-64-32-16-10.zkc", "--model-version", "1", "--licence", "MIT"]);
    let manifest = fs::read_to_string(desk.path(MANIFEST)).expect("the manifest");
    let refused = |content: &[u8]| {
        fs::write(desk.path(MANIFEST), content).expect("a file");
        desk.refuse(&["verify", "sample.proof"], &[MANIFEST]);
        desk.refuse(&["inspect", KEY], &[MANIFEST]);
    };
    for content in
        ["", "{}", "no JSON", "{\"format\": 1}", "\"text\"", &manifest[..manifest.len() / 2]]
    {
        refused(content.as_bytes());
    }
    refused(manifest.replace("\"licence\"", "\"license\"").as_bytes());
    refused(&[manifest.as_bytes(), b"\xff"].concat());
    refused(format!("{manifest}{}", " ".repeat(1 << 24)).as_bytes());
    // A field twice, also where nobody looks.
    refused(manifest.replacen("\"nodes\"", "\"nodes\": [], \"nodes\"", 1).as_bytes());
    fs::remove_file(desk.path(MANIFEST)).expect("the manifest");
    fs::create_dir(desk.path(MANIFEST)).expect("a directory");
    desk.refuse(&["verify", "sample.proof"], &[MANIFEST]);
    fs::remove_dir(desk.path(MANIFEST)).expect("the directory");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", desk.path(MANIFEST)).expect("a link");
        desk.refuse(&["verify", "sample.proof"], &[MANIFEST]);
        fs::remove_file(desk.path(MANIFEST)).expect("the link");
    }
    // An input may be called like the model.
    for data in ["{\"image\": [[0.5]]}", "[[0.5]]"] {
        fs::write(desk.path(MANIFEST), data).expect("a file");
        assert!(!desk.succeed(&["verify", "sample.proof"]).contains("published"));
    }
}

#[test]
fn a_chain_names_the_proof_at_fault() {
    let desk = Desk::with("lenet5");
    desk.succeed(&["split", "lenet5.onnx", "--segments", "3", "--calibration", "calibration.npz"]);
    let mut input = "sample.npy".to_owned();
    for segment in 1..=3 {
        let proved = desk.json(&[
            "prove",
            &format!("lenet5.{segment}.zkc"),
            &input,
            "-o",
            &format!("{segment}.proof"),
        ]);
        input = proved["openings"][0].as_str().unwrap_or_default().to_owned();
    }
    let proofs = ["1.proof", "2.proof", "3.proof"];
    let chain = |proofs: [&'static str; 3]| [&["verify", "--chain"][..], &proofs[..]].concat();
    desk.succeed(&chain(proofs));
    for bad in proofs {
        let mut bytes = fs::read(desk.path(bad)).expect("a proof");
        let at = bytes.len() - 100;
        bytes[at] ^= 1;
        let end = bytes.len() - 32;
        let checksum = zkinfer::verifier::Digest::of(b"zkinfer checksum", &bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.0);
        let good = fs::read(desk.path(bad)).expect("a proof");
        fs::write(desk.path(bad), bytes).expect("a proof");
        let text = rejected(&desk, &chain(proofs), &format!("rejected: \"{bad}\": "));
        assert!(!text.contains("chain breaks"), "{text}");
        let output = desk.run(&[&chain(proofs)[..], &["--json"]].concat());
        assert!(text_of(&output).contains(&format!("\"proof\": \"{bad}\"")), "{bad}");
        fs::write(desk.path(bad), good).expect("a proof");
    }
    // Between which two it breaks.
    desk.succeed(&["prove", "lenet5.1.zkc", "sample.npy", "-o", "again.proof"]);
    let text = rejected(
        &desk,
        &chain(["again.proof", "2.proof", "3.proof"]),
        "rejected: \"again.proof\": ",
    );
    assert!(text.contains("\"2.proof\""), "{text}");
    let text =
        rejected(&desk, &chain(["1.proof", "2.proof", "2.proof"]), "rejected: \"2.proof\": ");
    assert!(text.contains("(\"2.proof\")"), "{text}");
}

#[test]
fn neighbours_of_a_key_cost_no_more_than_their_bytes() {
    let desk = Desk::proven();
    let key = fs::read(desk.path(KEY)).expect("the key");
    // Of all neighbours only the key itself is decoded; one with its content is the key, damaged.
    fs::remove_file(desk.path(KEY)).expect("the key");
    let mut damaged = key.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    fs::write(desk.path("damaged.vk"), &damaged).expect("a file");
    desk.refuse(&["verify", "sample.proof", SEAL], &["damaged.vk", "checksum"]);
    fs::write(desk.path("damaged.vk"), &key[..key.len() - 1]).expect("a file");
    fs::create_dir(desk.path("folder.vk")).expect("a folder");
    desk.refuse(
        &["verify", "sample.proof", SEAL],
        &["sample.proof", "no key", "name the .vk file"],
    );
    fs::remove_file(desk.path("damaged.vk")).expect("a file");
    fs::write(desk.path(KEY), &key).expect("the key");
    desk.succeed(&["verify", "sample.proof"]);
    #[cfg(unix)]
    {
        desk.pipe("pipe.vk");
        desk.succeed(&["verify", "sample.proof"]);
    }
    // Large ones hide nothing that is smaller; a sparse one would be read for an hour.
    let large = fs::File::create(desk.path("a.vk")).expect("a file");
    large.set_len(1 << 36).expect("a sparse file");
    desk.succeed(&["verify", "sample.proof"]);
    // So many smaller ones that it is not reached, and that is said.
    for index in 0..256 {
        fs::write(desk.path(&format!("{index}.vk")), b"zkinf.vk").expect("a file");
    }
    desk.refuse(&["verify", "sample.proof"], &["sample.proof", "256", "name the .vk file"]);
    fs::remove_file(desk.path("0.vk")).expect("a file");
    desk.succeed(&["verify", "sample.proof"]);
    desk.succeed(&["verify", "sample.proof", KEY]);
}
